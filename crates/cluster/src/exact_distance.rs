//! Distances that decide: bit for bit those of [`Metric::distance`].

use rayon::prelude::*;
use streamface_kernels::dot::{dots, squared_differences, tree};
use streamface_kernels::{Isa, cosine};
use streamface_types::{EmbeddingsView, Metric};

use crate::Error;

/// The rows, with what distances under one metric need.
pub(crate) struct ExactDistance<'a> {
    isa: Isa,
    rows: EmbeddingsView<'a>,
    metric: Metric,
    /// Squared lengths of the rows, for cosine.
    squares: Vec<f64>,
}

impl<'a> ExactDistance<'a> {
    /// # Errors
    /// [`Error::TooManyRows`].
    pub(crate) fn new(rows: impl Into<EmbeddingsView<'a>>, metric: Metric) -> Result<Self, Error> {
        let rows = rows.into();
        if u32::try_from(rows.len()).is_err() {
            return Err(Error::TooManyRows { rows: rows.len() });
        }
        let isa = Isa::detect();
        let squares = match metric {
            Metric::Cosine => {
                let square = |i: usize| tree(dots(isa, rows.row(i), [rows.row(i)])[0]);
                (0..rows.len()).into_par_iter().with_min_len(1024).map(square).collect()
            }
            Metric::Euclidean => Vec::new(),
        };
        Ok(Self { isa, rows, metric, squares })
    }

    pub(crate) fn rows(&self) -> EmbeddingsView<'a> {
        self.rows
    }

    pub(crate) fn metric(&self) -> Metric {
        self.metric
    }

    /// Squared length of row `i`; only for cosine.
    pub(crate) fn square(&self, i: usize) -> f64 {
        self.squares[i]
    }

    /// Whether a row has no direction: under cosine it is at distance 1 from everything.
    pub(crate) fn is_zero(&self, row: u32) -> bool {
        self.metric == Metric::Cosine && self.squares[row as usize] == 0.0
    }

    /// The distance of rows `i` and `j` from their dot product (cosine), or their squared distance (Euclidean).
    fn of_sum(&self, sum: f64, i: u32, j: u32) -> f64 {
        match self.metric {
            Metric::Cosine => cosine(sum, self.squares[i as usize], self.squares[j as usize]),
            _ => sum.sqrt(),
        }
    }

    /// The distance of rows `i` and `j`.
    pub(crate) fn distance(&self, i: u32, j: u32) -> f64 {
        self.few(i, [j])[0]
    }

    /// The distances of row `i` and a few others.
    fn few<const N: usize>(&self, i: u32, others: [u32; N]) -> [f64; N] {
        let (a, b) = (self.rows.row(i as usize), others.map(|row| self.rows.row(row as usize)));
        let sums = match self.metric {
            Metric::Cosine => dots(self.isa, a, b),
            _ => squared_differences(self.isa, a, b),
        };
        std::array::from_fn(|at| self.of_sum(tree(sums[at]), i, others[at]))
    }

    /// Calls `found(j, distance of i and j)` for each `j` in order, until it returns false. Whether it never
    /// did.
    pub(crate) fn distances(&self, i: u32, others: &[u32], mut found: impl FnMut(u32, f64) -> bool) -> bool {
        let (pairs, last) = others.as_chunks::<2>();
        for &[j, k] in pairs {
            let [p, q] = self.few(i, [j, k]);
            if !found(j, p) || !found(k, q) {
                return false;
            }
        }
        last.iter().all(|&j| found(j, self.distance(i, j)))
    }

    /// The largest distance across two clusters, or none where it is above `limit`. Rows that stick out
    /// are best put first.
    pub(crate) fn complete(&self, a: &[u32], b: &[u32], limit: f64) -> Option<f64> {
        // The short list outside: its row is read once for all of the other.
        let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        let mut largest = 0.0_f64;
        let within = few.iter().all(|&i| {
            self.distances(i, many, |_, d| {
                largest = largest.max(d);
                d <= limit
            })
        });
        within.then_some(largest)
    }
}

#[cfg(test)]
mod tests {
    use streamface_types::Embeddings;

    use super::*;

    #[test]
    fn bit_for_bit_the_definition() {
        let mut seed = 1_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed as f32 / u32::MAX as f32 - 0.5) * if seed.is_multiple_of(97) { 1e30 } else { 3.0 }
        };
        for dim in [1, 15, 16, 37] {
            let mut data: Vec<f32> = (0..23 * dim).map(|_| next()).collect();
            data[5 * dim..6 * dim].fill(0.0);
            let rows = Embeddings::new(data, dim).unwrap();
            for metric in [Metric::Cosine, Metric::Euclidean] {
                let exact = ExactDistance::new(&rows, metric).unwrap();
                let want = |j: u32| metric.distance(rows.row(22), rows.row(j as usize));
                for count in 0..23_u32 {
                    let others: Vec<u32> = (0..count).collect();
                    let mut seen = Vec::new();
                    exact.distances(22, &others, |j, d| {
                        seen.push((j, d.to_bits()));
                        true
                    });
                    assert_eq!(seen, others.iter().map(|&j| (j, want(j).to_bits())).collect::<Vec<_>>());
                    let largest = others.iter().map(|&j| want(j)).fold(0.0, f64::max);
                    assert_eq!(exact.complete(&others, &[22], f64::INFINITY), Some(largest));
                    let less = exact.complete(&others, &[22], largest.next_down());
                    assert_eq!(less.is_none(), !others.is_empty());
                }
            }
        }
    }
}
