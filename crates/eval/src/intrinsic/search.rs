//! The largest of many scores `q · p − h`, found in `f32` and settled in `f64`.
//!
//! A block of dot products in `f32` costs a fraction of the same in `f64`. Its error is bounded
//! (Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, section 3.1): in whatever order d
//! products are added, |fl(q·p) − q·p| ≤ γ |q||p| with γ = du/(1 − du) and u = 2⁻²⁴. So only points
//! whose score is within two such bounds of the best one can be the best, and these few are computed
//! again. Where most of all vectors lies in a few directions, products along these leave few points
//! too: see [`Prefix`].

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use super::prefix::Prefix;

/// Queries and points of one block: their products fit into a core's cache.
const QUERIES: usize = 128;
const POINTS: usize = 1024;

/// Rows of `f32`, each no longer than about 1 so that nothing overflows.
pub(super) struct Points {
    data: Vec<f32>,
    dim: usize,
    /// `h` of each.
    offsets: Vec<f32>,
    longest: f64,
    largest_offset: f64,
}

impl Points {
    /// `n` points; `fill` writes one and returns its `h`.
    pub fn new(n: usize, dim: usize, fill: impl Fn(usize, &mut [f32]) -> f64 + Sync) -> Self {
        let mut data = vec![0.0; n * dim];
        let mut offsets = vec![0.0; n];
        let rows = data.par_chunks_exact_mut(dim.max(1)).zip(&mut offsets).enumerate();
        rows.for_each(|(i, (row, h))| *h = fill(i, row) as f32);
        let longest = data.chunks_exact(dim.max(1)).map(norm).fold(0.0, f64::max);
        let largest_offset = offsets.iter().fold(0.0, |m: f64, &h| m.max(f64::from(h).abs()));
        Self { data, dim, offsets, longest, largest_offset }
    }

    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    pub fn point(&self, i: usize) -> &[f32] {
        &self.data[i * self.dim..(i + 1) * self.dim]
    }

    pub fn h(&self, i: usize) -> f64 {
        self.offsets[i].into()
    }

    pub fn rows(&self, range: std::ops::Range<usize>) -> ArrayView2<'_, f32> {
        view(&self.data[range.start * self.dim..range.end * self.dim], range.len(), self.dim)
    }

    /// By how much a score of a query of this length may be off.
    pub fn error(&self, query: f64) -> f64 {
        let u = f64::from(f32::EPSILON) / 2.0;
        // γ, the rounding of both inputs, of h, of rests and of differences; and what underflows.
        let terms = (self.dim + 12) as f64 * u;
        1.1 * terms / (1.0 - terms).max(1e-3) * (query * self.longest + self.largest_offset) + 1e-30
    }

    /// Subtracts `h` from products with the points from `first` on.
    pub fn offset(&self, products: &mut [f32], first: usize) {
        if self.largest_offset > 0.0 {
            products.iter_mut().zip(&self.offsets[first..]).for_each(|(v, h)| *v -= h);
        }
    }
}

/// Length of a vector.
pub(super) fn norm(v: &[f32]) -> f64 {
    super::clusters::square(v).sqrt()
}

pub(super) fn view(data: &[f32], rows: usize, dim: usize) -> ArrayView2<'_, f32> {
    let whole = ArrayView2::from_shape((rows, dim), data);
    whole.unwrap_or_else(|_| unreachable!("callers cut {rows} rows of {dim}"))
}

/// `out` = queries · pointsᵀ, row after row.
pub(super) fn products(queries: &[f32], points: &Points, range: std::ops::Range<usize>, out: &mut [f32]) {
    if points.dim == 0 {
        return out.fill(0.0);
    }
    let n = queries.len() / points.dim;
    let width = range.len();
    let out = ArrayViewMut2::from_shape((n, width), &mut out[..n * width]);
    let mut out = out.unwrap_or_else(|_| unreachable!("out is cut to {n} rows of {width}"));
    general_mat_mul(1.0, &view(queries, n, points.dim), &points.rows(range).t(), 0.0, &mut out);
}

/// The largest number, found lane by lane so that it takes a fraction of the product's time.
pub(super) fn largest(values: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder().iter().fold(f32::NEG_INFINITY, |m, &v| if v > m { v } else { m });
    for chunk in chunks {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane = if v > *lane { v } else { *lane };
        }
    }
    lanes.iter().fold(rest, |m, &v| if v > m { v } else { m })
}

/// Queries of one block.
pub(super) struct Block {
    /// Row after row.
    pub vectors: Vec<f32>,
    /// Length of each.
    pub lengths: Vec<f64>,
    /// How much of each the points do not see; see [`Prefix`].
    pub rests: Vec<f32>,
}

impl Block {
    fn new(
        rows: impl ExactSizeIterator<Item = usize>,
        dim: usize,
        fill: impl Fn(usize, &mut [f32]) -> f64,
    ) -> Self {
        let n = rows.len();
        let mut vectors = vec![0.0; n * dim];
        let lengths = if dim == 0 {
            vec![0.0; n]
        } else {
            rows.zip(vectors.chunks_exact_mut(dim)).map(|(row, query)| fill(row, query)).collect()
        };
        Self { vectors, lengths, rests: vec![0.0; n] }
    }
}

/// For each query of a block the points that may have its largest score, in their order. `rests`: how much of
/// each point is not in its vector; none for nothing.
pub(super) fn scan(
    points: &Points,
    rests: &[f32],
    block: &Block,
    own: impl Fn(usize) -> usize,
) -> Vec<Vec<usize>> {
    let n = block.lengths.len();
    let mut out = vec![0.0; n * POINTS.min(points.len())];
    let mut near: Vec<Vec<(f32, usize)>> = vec![Vec::new(); n];
    // The largest score that some point has for sure, but for the error.
    let mut top = vec![f32::NEG_INFINITY; n];
    for from in (0..points.len()).step_by(POINTS) {
        let range = from..points.len().min(from + POINTS);
        products(&block.vectors, points, range.clone(), &mut out);
        for (i, scores) in out.chunks_exact_mut(range.len()).take(n).enumerate() {
            points.offset(scores, from);
            let own = own(i);
            if range.contains(&own) {
                scores[own - from] = f32::NEG_INFINITY;
            }
            let floor = |top: f32| f64::from(top) - 2.0 * points.error(block.lengths[i]);
            let most = if rests.is_empty() {
                largest(scores)
            } else {
                let (rest, rests) = (block.rests[i], &rests[range.clone()]);
                scores.iter_mut().zip(rests).for_each(|(s, r)| *s -= rest * r);
                top[i] = top[i].max(largest(scores));
                scores.iter_mut().zip(rests).for_each(|(s, r)| *s += 2.0 * rest * r);
                largest(scores)
            };
            if f64::from(most) < floor(top[i]) {
                continue;
            }
            if rests.is_empty() {
                top[i] = top[i].max(most);
            }
            let floor = floor(top[i]);
            near[i].retain(|&(score, _)| f64::from(score) >= floor);
            let close = scores.iter().enumerate().filter(|(_, s)| f64::from(**s) >= floor);
            near[i].extend(close.map(|(j, &s)| (s, from + j)).filter(|&(_, point)| point != own));
        }
    }
    // The floor may have risen since.
    let last = |(i, near): (usize, Vec<(f32, usize)>)| {
        let floor = f64::from(top[i]) - 2.0 * points.error(block.lengths[i]);
        near.into_iter().filter(|&(score, _)| f64::from(score) >= floor).map(|(_, point)| point).collect()
    };
    near.into_iter().enumerate().map(last).collect()
}

/// For each of `n` queries the point with the largest score, and that score as `exact(query, point)`
/// gives it; of equals the first. `fill` writes a query and returns its length, `own` is a point that
/// a query must not find. `None` where there is no other point.
///
/// O(n · points · dim), less where a few directions tell most points apart; memory for some blocks.
pub(super) fn best(
    points: &Points,
    n: usize,
    fill: impl Fn(usize, &mut [f32]) -> f64 + Sync,
    own: impl Fn(usize) -> usize + Sync,
    exact: impl Fn(usize, usize) -> f64 + Sync,
) -> Vec<Option<(usize, f64)>> {
    let sample = || {
        let rows: Vec<usize> = (0..QUERIES).map(|i| i * n / QUERIES).collect();
        let block = Block::new(rows.iter().copied(), points.dim, &fill);
        (block, move |i: usize| rows[i])
    };
    let prefix = (n >= 8 * QUERIES).then(|| {
        let (block, row) = sample();
        Prefix::choose(points, &block, |i| own(row(i)))
    });
    let prefix = prefix.flatten();
    let mut found = vec![None; n];
    found.par_chunks_mut(QUERIES).enumerate().for_each(|(block, found)| {
        let first = block * QUERIES;
        let block = Block::new(first..first + found.len(), points.dim, &fill);
        let own = |i| own(first + i);
        let near = match &prefix {
            Some(prefix) => scan(&prefix.points, &prefix.rests, &prefix.project(&block), own),
            None => scan(points, &[], &block, own),
        };
        for (i, (found, near)) in found.iter_mut().zip(near).enumerate() {
            for point in near {
                let score = exact(first + i, point);
                if found.is_none_or(|(_, best)| score > best) {
                    *found = Some((point, score));
                }
            }
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_of_any_length() {
        for n in 0..70usize {
            let values: Vec<f32> = (0..n).map(|i| ((i * 37) % 71) as f32 - 80.0).collect();
            let plain = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(largest(&values), plain);
        }
    }

    /// Scores that differ by less than `f32` can tell.
    #[test]
    fn near_ties_are_settled_in_f64() {
        let n = 2500;
        let value = |i: usize| 0.5 + ((i * 7919) % n) as f64 * 1e-12;
        let points = Points::new(n, 3, |i, row| {
            row.fill(value(i) as f32);
            0.0
        });
        let query = |_: usize, row: &mut [f32]| {
            row.fill(0.5);
            norm(row)
        };
        let winner = (0..n).max_by(|&a, &b| value(a).total_cmp(&value(b))).unwrap();
        let next = (0..n).filter(|&i| i != winner).max_by(|&a, &b| value(a).total_cmp(&value(b))).unwrap();
        let found = best(&points, 300, query, |i| if i < 200 { n } else { winner }, |_, j| value(j));
        for (i, found) in found.iter().enumerate() {
            let expected = if i < 200 { winner } else { next };
            assert_eq!(*found, Some((expected, value(expected))));
        }
    }
}
