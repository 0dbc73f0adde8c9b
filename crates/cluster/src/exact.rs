//! Distances of one row to many, bit for bit those of [`Metric::distance`].

use streamface_types::{Embeddings, Metric};

use crate::Error;

/// Rows taken side by side: a sum in order is a chain of additions that wait for each other, eight
/// chains keep the processor busy.
const LANES: usize = 8;

/// What distances under one metric need.
pub(crate) struct Exact<'a> {
    rows: &'a Embeddings,
    metric: Metric,
    /// Lengths of the rows, for cosine.
    norms: Vec<f64>,
}

impl<'a> Exact<'a> {
    /// # Errors
    /// [`Error::Metric`], [`Error::TooManyRows`].
    pub(crate) fn new(rows: &'a Embeddings, metric: Metric) -> Result<Self, Error> {
        if u32::try_from(rows.len()).is_err() {
            return Err(Error::TooManyRows { rows: rows.len() });
        }
        let norms = match metric {
            Metric::Cosine => rows.rows().map(norm).collect(),
            Metric::Euclidean => Vec::new(),
            _ => return Err(Error::Metric(metric)),
        };
        Ok(Self { rows, metric, norms })
    }

    pub(crate) fn rows(&self) -> &'a Embeddings {
        self.rows
    }

    /// Length of row `i`; only for cosine.
    pub(crate) fn norm(&self, i: usize) -> f64 {
        self.norms[i]
    }

    /// Calls `found(j, distance of i and j)` for each `j` in order.
    pub(crate) fn distances(&self, i: u32, others: &[u32], mut found: impl FnMut(u32, f64)) {
        let a = self.rows.row(i as usize);
        for group in others.chunks(LANES) {
            // A short last group repeats its first row and drops what it gets.
            let b: [&[f32]; LANES] =
                std::array::from_fn(|l| self.rows.row(*group.get(l).unwrap_or(&group[0]) as usize));
            if self.metric == Metric::Cosine {
                let dots = sums(a, b, |x, y| x * y);
                for (&j, dot) in group.iter().zip(dots) {
                    let (x, y) = (self.norms[i as usize], self.norms[j as usize]);
                    let zero = x == 0.0 || y == 0.0;
                    found(j, if zero { 1.0 } else { (1.0 - dot / (x * y)).clamp(0.0, 2.0) });
                }
            } else {
                let squares = sums(a, b, |x, y| (x - y) * (x - y));
                group.iter().zip(squares).for_each(|(&j, s)| found(j, s.sqrt()));
            }
        }
    }
}

fn norm(row: &[f32]) -> f64 {
    row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
}

fn sums(a: &[f32], b: [&[f32]; LANES], term: impl Fn(f64, f64) -> f64) -> [f64; LANES] {
    // The same length for all, known to the compiler, takes the bounds checks out of the loop.
    let b = b.map(|row| &row[..a.len()]);
    let mut sums = [0.0; LANES];
    for (k, &x) in a.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(b) {
            *sum += term(f64::from(x), f64::from(row[k]));
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_for_bit_the_definition() {
        let mut seed = 1_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed as f32 / u32::MAX as f32 - 0.5) * if seed.is_multiple_of(97) { 1e30 } else { 3.0 }
        };
        let mut data: Vec<f32> = (0..23 * 37).map(|_| next()).collect();
        data[5 * 37..6 * 37].fill(0.0);
        let rows = Embeddings::new(data, 37).unwrap();
        for metric in [Metric::Cosine, Metric::Euclidean] {
            let exact = Exact::new(&rows, metric).unwrap();
            for count in 0..23_u32 {
                let others: Vec<u32> = (0..count).collect();
                let mut seen = Vec::new();
                exact.distances(22, &others, |j, d| seen.push((j, d.to_bits())));
                let want = |j: u32| metric.distance(rows.row(22), rows.row(j as usize)).to_bits();
                assert_eq!(seen, others.iter().map(|&j| (j, want(j))).collect::<Vec<_>>());
            }
        }
    }
}
