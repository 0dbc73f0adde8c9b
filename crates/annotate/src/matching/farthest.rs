//! The two rows of a cluster that are farthest apart, exactly.
//!
//! O(m²·d) in the worst case, but bounds rule out nearly all pairs. With the cluster's mean as origin, two
//! rows are at most as far apart as the sum of their lengths; so rows are taken by length until no remaining
//! pair can be the farthest. Of the others, products in `f32` with their proven error bound (Higham,
//! *Accuracy and Stability of Numerical Algorithms*, 2002, section 3.1) leave a few, which
//! [`Metric::distance`] decides.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;
use streamface_types::embedding::dot;
use streamface_types::{Embeddings, Metric};

/// Clusters up to this many rows are measured pair by pair.
const PAIRWISE_MAX_ROWS: usize = 24;
/// Size of a block of products, which fits into a core's cache.
const BLOCK_ROWS: usize = 128;
const BLOCK_COLUMNS: usize = 1024;

/// Two rows, the smaller first, and their distance.
#[derive(Debug, Clone, Copy)]
struct Far {
    distance: f64,
    a: u32,
    b: u32,
}

impl Far {
    /// The farther; on a tie the pair with the smaller rows.
    fn or(self, other: Self) -> Self {
        let order = other.distance.total_cmp(&self.distance);
        if order.then((self.a, self.b).cmp(&(other.a, other.b))).is_le() { self } else { other }
    }
}

/// The two of `members` that are farthest apart, the smaller row first; on a tie the pair with the smaller
/// rows. Twice the first row if all are equal. `members` ascend and are not empty.
pub(super) fn farthest(rows: &Embeddings, members: &[u32], metric: Metric) -> (u32, u32) {
    let measure = |a: u32, b: u32| Far {
        distance: metric.distance(rows.row(a as usize), rows.row(b as usize)),
        a: a.min(b),
        b: a.max(b),
    };
    let none = Far { distance: 0.0, a: members[0], b: members[0] };
    let pairs = |of: &[u32]| {
        let of_each =
            |(i, &a): (usize, &u32)| of[i + 1..].iter().map(move |&b| measure(a, b)).fold(none, Far::or);
        of.iter().enumerate().map(of_each).fold(none, Far::or)
    };
    let far = if members.len() <= PAIRWISE_MAX_ROWS {
        pairs(members)
    } else {
        let distinct = distinct(rows, members);
        if distinct.len() <= PAIRWISE_MAX_ROWS {
            pairs(&distinct)
        } else {
            search(rows, &distinct, metric, measure)
        }
    };
    (far.a, far.b)
}

/// The first of each set of equal rows: copies tie, and a still picture gives many.
fn distinct(rows: &Embeddings, members: &[u32]) -> Vec<u32> {
    // 0 and −0 are equal.
    let number = |x: &f32| (x + 0.0).to_bits();
    let key = |row: &u32| rows.row(*row as usize).iter().map(number);
    let mut distinct = members.to_vec();
    distinct.sort_by(|a, b| key(a).cmp(key(b)).then(a.cmp(b)));
    distinct.dedup_by(|b, a| key(a).eq(key(b)));
    distinct.sort_unstable();
    distinct
}

/// Rows prepared for the search: scaled to length 1 for cosine, so that half the squared distance is the
/// distance; relative to their mean; sorted by length, the longest first.
struct Centred {
    row: Vec<u32>,
    length: Vec<f64>,
    /// Divided by the largest length to prevent overflow.
    data: Vec<f32>,
    dim: usize,
    metric: Metric,
    /// Bound on the error of half a squared distance of `data`.
    error: f64,
}

impl Centred {
    fn new(rows: &Embeddings, members: &[u32], metric: Metric) -> Self {
        let dim = rows.dim();
        let scale = |row: u32| match metric {
            Metric::Cosine => dot(rows.row(row as usize), rows.row(row as usize)).sqrt().recip(),
            _ => 1.0,
        };
        let mut mean = vec![0.0_f64; dim];
        for &row in members {
            let scale = scale(row);
            mean.iter_mut().zip(rows.row(row as usize)).for_each(|(m, &x)| *m += scale * f64::from(x));
        }
        mean.iter_mut().for_each(|m| *m /= members.len() as f64);
        let from_mean = |row: u32| {
            let scale = scale(row);
            rows.row(row as usize).iter().zip(&mean).map(move |(&x, m)| scale * f64::from(x) - m)
        };
        let length = |&row: &u32| (from_mean(row).map(|x| x * x).sum::<f64>().sqrt(), row);
        let mut order: Vec<(f64, u32)> = members.par_iter().map(length).collect();
        order.par_sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let shrink = if order[0].0 > 0.0 { order[0].0.recip() } else { 0.0 };
        let mut data = vec![0.0_f32; dim * order.len()];
        data.par_chunks_mut(dim.max(1)).zip(&order).for_each(|(to, &(_, row))| {
            to.iter_mut().zip(from_mean(row)).for_each(|(to, x)| *to = (x * shrink) as f32);
        });
        let (length, row) = order.into_iter().unzip();
        // γ and the rounding of both inputs, then underflow and the rounding of `f64`.
        let terms = (dim + 8) as f64 * f64::from(f32::EPSILON) / 2.0;
        let error = if terms < 0.5 { 1.1 * terms / (1.0 - terms) + 1e-9 } else { f64::INFINITY };
        Self { row, length, data, dim, metric, error }
    }

    /// Whether all pairs of rows of these lengths are nearer than `distance`.
    fn within(&self, a: f64, b: f64, distance: f64) -> bool {
        (a + b) * (a + b) / 2.0 * (1.0 + 1e-9) < self.half_square(distance)
    }

    /// Half the squared distance of two rows at `distance`, rounded down: unit lengths and the distance
    /// itself are rounded.
    fn half_square(&self, distance: f64) -> f64 {
        if self.metric == Metric::Cosine { distance - 1e-14 } else { distance * distance / 2.0 }
    }

    /// Half the squared length of a row of `data`.
    fn half(&self, at: usize) -> f64 {
        (self.length[at] / self.length[0]).powi(2) / 2.0
    }

    fn view(&self, range: std::ops::Range<usize>) -> ArrayView2<'_, f32> {
        let shape = (range.len(), self.dim);
        let whole = ArrayView2::from_shape(shape, &self.data[range.start * self.dim..range.end * self.dim]);
        whole.unwrap_or_else(|_| unreachable!("cut to {} rows of {}", shape.0, shape.1))
    }
}

fn search(
    rows: &Embeddings,
    members: &[u32],
    metric: Metric,
    measure: impl Fn(u32, u32) -> Far + Sync,
) -> Far {
    // A zero row is at cosine distance 1 from all rows, which the geometry does not cover.
    let is_zero = |row: &u32| metric == Metric::Cosine && rows.row(*row as usize).iter().all(|&x| x == 0.0);
    let (zeros, members): (Vec<u32>, Vec<u32>) = members.iter().partition(|row| is_zero(row));
    let none = Far { distance: 0.0, a: members[0], b: members[0] };
    let mut best = zeros.first().map_or(none, |&zero| measure(zero, members[0]));
    let all = Centred::new(rows, &members, metric);
    // A long pair to start with: three times, the row farthest from the last one.
    let mut from = all.row[0];
    for _ in 0..3 {
        let far = members.par_iter().map(|&row| measure(from, row)).reduce(|| best, Far::or);
        (best, from) = (far, if far.a == from { far.b } else { far.a });
    }
    let blocks = all.row.len().div_ceil(BLOCK_ROWS);
    // The maximum does not depend on the order.
    (0..blocks).into_par_iter().map(|b| block(&all, b * BLOCK_ROWS, best, &measure)).reduce(|| best, Far::or)
}

/// The farthest pair of a row among the [`BLOCK_ROWS`] from `first` on and a later row, or `best`.
fn block(all: &Centred, first: usize, mut best: Far, measure: impl Fn(u32, u32) -> Far) -> Far {
    let rows = first..all.row.len().min(first + BLOCK_ROWS);
    let mut out = vec![0.0_f32; rows.len() * BLOCK_COLUMNS.min(all.row.len() - first)];
    for from in (first..all.row.len()).step_by(BLOCK_COLUMNS) {
        if all.within(all.length[first], all.length[from], best.distance) {
            break;
        }
        let columns = from..all.row.len().min(from + BLOCK_COLUMNS);
        let products = &mut out[..rows.len() * columns.len()];
        let into = ArrayViewMut2::from_shape((rows.len(), columns.len()), &mut *products);
        let mut into = into.unwrap_or_else(|_| unreachable!("cut to the block"));
        general_mat_mul(-1.0, &all.view(rows.clone()), &all.view(columns.clone()).t(), 0.0, &mut into);
        for (i, products) in rows.clone().zip(products.chunks_exact(columns.len())) {
            // |a − b|² / 2 = |a|²/2 + |b|²/2 − a·b, where b is no longer than the first of the block.
            let rest =
                |best: Far| all.half_square(best.distance) / all.length[0].powi(2) - all.error - all.half(i);
            let least = (rest(best) - all.half(from) - 1e-6) as f32;
            if !products.iter().fold(false, |any, &product| any | (product >= least)) {
                continue;
            }
            for (j, &product) in columns.clone().zip(products) {
                if j > i && f64::from(product) + all.half(j) >= rest(best) {
                    best = best.or(measure(all.row[i], all.row[j]));
                }
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use streamface_kernels::SplitMix64;

    use super::*;

    /// The bounds alone, without a long pair to start with, which is often the answer already.
    #[test]
    fn no_bound_rules_out_the_farthest() {
        let mut random = SplitMix64::new(11);
        let mut next = || random.uniform() as f32 * 2.0 - 1.0;
        for round in 0..24_u32 {
            let (n, dim) = (40 + 61 * round as usize, [1, 2, 3, 24][round as usize % 4]);
            let far = [0.0, 2.0, 1e5][round as usize % 3];
            let numbers = (0..n * dim).map(|at| if at % dim == 0 { next() + far } else { next() });
            // Ascending on a line, so that the longest come last and bounds are tight.
            let mut data: Vec<f32> = numbers.collect();
            if dim == 1 {
                data.sort_by(f32::total_cmp);
            }
            let rows = Embeddings::new(data, dim).unwrap();
            let members: Vec<u32> = (0..n as u32).collect();
            for metric in [Metric::Cosine, Metric::Euclidean] {
                if dim == 1 && metric == Metric::Cosine {
                    // All distances are 0 or 2.
                    continue;
                }
                let measure = |a: u32, b: u32| Far {
                    distance: metric.distance(rows.row(a as usize), rows.row(b as usize)),
                    a: a.min(b),
                    b: a.max(b),
                };
                let none = Far { distance: 0.0, a: 0, b: 0 };
                let all = Centred::new(&rows, &members, metric);
                let found = (0..n.div_ceil(BLOCK_ROWS))
                    .map(|b| block(&all, b * BLOCK_ROWS, none, measure))
                    .fold(none, Far::or);
                let pairs = (0..n as u32).flat_map(|a| (a + 1..n as u32).map(move |b| (a, b)));
                let want = pairs.map(|(a, b)| measure(a, b)).fold(none, Far::or);
                assert_eq!(
                    (found.distance, found.a, found.b),
                    (want.distance, want.a, want.b),
                    "{n} {dim} {metric}"
                );
                assert_eq!(farthest(&rows, &members, metric), (want.a, want.b));
            }
        }
    }
}
