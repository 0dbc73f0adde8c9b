//! Exact search for the largest of many scores `q · p − h`: found in `f32`, decided in `f64`.
//!
//! Nearest neighbours are such a search: for unit vectors the cosine is q · p, and −|q − p|² / 2 is q · p − |p|² / 2 up to
//! a number of the query alone.
//!
//! A block of dot products in `f32` costs a fraction of the same in `f64`. Its error is bounded (Higham, *Accuracy and
//! Stability of Numerical Algorithms*, 2002, section 3.1): in whatever order d products are added,
//! |fl(q·p) − q·p| ≤ γ |q||p| with γ = du/(1 − du) and u = 2⁻²⁴. So only points whose score is within two such bounds of
//! the k-th best can be among the k best. These few are computed in `f64`, and that alone decides.
//!
//! Where the vectors lie mostly in a few directions, a second bound saves most of the products. For orthonormal directions
//! B, q·p = Bq·Bp + r with |r| ≤ |q − BᵀBq| |p − BᵀBp| (Cauchy–Schwarz for the two residuals). Any orthonormal directions
//! are right; those of [`directions`] leave small residuals. Whether it pays is tried on a sample of the queries.

use std::ops::Range;

use rayon::prelude::*;

use crate::directions::directions;
use crate::gemm::{multiply_transposed, multiply_transposed_f64};

/// Queries and points of one block: their products fit into a core's cache.
const QUERIES: usize = 128;
const POINTS: usize = 1024;
/// Candidates beyond twice k before those that fell out are removed.
const SLACK: usize = 128;

/// Numbers of directions that are tried.
const DIRECTIONS: [usize; 2] = [64, 32];
/// Points that the directions are computed from.
const SAMPLE: usize = 2048;
/// Rounds of the subspace iteration.
const ROUNDS: usize = 2;
/// Points that are projected at once.
const BLOCK: usize = 256;
/// The cost of a number of a candidate's product, which is not part of a block, relative to one in a block.
const SINGLE_COST: f64 = 8.0;
/// More than rounding can take from the square of a residual, as a share of the vector's.
const ROUNDING: f64 = 1e-10;

/// Points in `f32`, each no longer than about 1 so that nothing overflows.
#[derive(Debug)]
pub struct Points {
    data: Vec<f32>,
    dim: usize,
    /// `h` of each.
    offsets: Vec<f32>,
    longest: f64,
    largest_offset: f64,
}

impl Points {
    /// `n` points of `dim` numbers; `fill` writes one and returns its `h`.
    pub fn new(n: usize, dim: usize, fill: impl Fn(usize, &mut [f32]) -> f64 + Sync) -> Self {
        let mut data = vec![0.0; n * dim];
        let mut offsets = vec![0.0; n];
        let rows = data.par_chunks_exact_mut(dim.max(1)).zip(&mut offsets).enumerate();
        rows.for_each(|(i, (row, h))| *h = fill(i, row) as f32);
        let longest = data.chunks_exact(dim.max(1)).map(norm).fold(0.0, f64::max);
        let largest_offset = offsets.iter().fold(0.0, |m: f64, &h| m.max(f64::from(h).abs()));
        Self { data, dim, offsets, longest, largest_offset }
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there are no points.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Numbers of a point.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The numbers of a point. Panics where there is no such point.
    #[must_use]
    pub fn point(&self, i: usize) -> &[f32] {
        &self.data[i * self.dim..(i + 1) * self.dim]
    }

    /// An upper bound on the error of a score of a query of this length.
    #[must_use]
    pub fn error(&self, query_length: f64) -> f64 {
        let u = f64::from(f32::EPSILON) / 2.0;
        // γ; the rounding of both inputs, of h, of residuals and of differences; and what underflows.
        let terms = (self.dim + 12) as f64 * u;
        1.1 * terms / (1.0 - terms).max(1e-3) * (query_length * self.longest + self.largest_offset) + 1e-30
    }

    /// Writes the scores of queries (row by row) and some points into the beginning of `out`, query by query.
    ///
    /// Panics where `out` is too short or there are no such points.
    pub fn scores(&self, queries: &[f32], range: Range<usize>, out: &mut [f32]) {
        if self.dim == 0 {
            return out.fill(0.0);
        }
        let width = range.len();
        let out = &mut out[..queries.len() / self.dim * width];
        multiply_transposed(queries, &self.data[range.start * self.dim..range.end * self.dim], self.dim, out);
        if self.largest_offset > 0.0 {
            for scores in out.chunks_exact_mut(width.max(1)) {
                scores.iter_mut().zip(&self.offsets[range.clone()]).for_each(|(s, h)| *s -= h);
            }
        }
    }
}

/// The length of a vector, in `f64`.
#[must_use]
pub fn norm(v: &[f32]) -> f64 {
    crate::dot(v, v).sqrt()
}

/// The largest number; −∞ where there is none. It is found lane by lane, which takes a fraction of a product's time.
#[must_use]
pub fn largest(values: &[f32]) -> f32 {
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

/// For each of `n` queries the `k` points with the largest scores, largest first, and these scores as `exact(query, point)`
/// gives them; of equal scores the smaller point first. Fewer where there are fewer points.
///
/// `fill` writes a query and returns its length; `own` is a point that a query must not find (or any number that is no
/// point). On all cores; the result does not depend on their number. O(n · points · dim), less where a few directions tell
/// most points apart; memory for the result and some blocks.
///
/// ```
/// use streamface_kernels::nearest::{Points, best, norm};
///
/// let rows = [[0.0, 1.0], [0.6, 0.8], [1.0, 0.0_f32]];
/// let points = Points::new(3, 2, |i, row| {
///     row.copy_from_slice(&rows[i]);
///     0.0
/// });
/// let fill = |i: usize, row: &mut [f32]| {
///     row.copy_from_slice(&rows[i]);
///     norm(row)
/// };
/// let cosine = |i: usize, j: usize| streamface_kernels::dot(&rows[i], &rows[j]);
/// let found = best(&points, 3, 1, fill, |i| i, cosine);
/// assert_eq!(found.iter().map(|f| f[0].0).collect::<Vec<_>>(), [1, 0, 1]);
/// ```
pub fn best(
    points: &Points,
    n: usize,
    k: usize,
    fill: impl Fn(usize, &mut [f32]) -> f64 + Sync,
    own: impl Fn(usize) -> usize + Sync,
    exact: impl Fn(usize, usize) -> f64 + Sync,
) -> Vec<Vec<(usize, f64)>> {
    if k == 0 {
        return vec![Vec::new(); n];
    }
    let prefix = (n >= 8 * QUERIES).then(|| {
        let sample: Vec<usize> = (0..QUERIES).map(|i| i * n / QUERIES).collect();
        let block = Block::new(sample.iter().copied(), points.dim, &fill);
        Prefix::choose(points, &block, k, &|i| own(sample[i]))
    });
    let prefix = prefix.flatten();
    let mut found = vec![Vec::new(); n];
    found.par_chunks_mut(QUERIES).enumerate().with_max_len(1).for_each(|(block, found)| {
        let first = block * QUERIES;
        let block = Block::new(first..first + found.len(), points.dim, &fill);
        let decide = |i: usize, candidates: &[Candidate]| {
            let score = |c: &Candidate| (c.point as usize, exact(first + i, c.point as usize));
            let mut scored: Vec<(usize, f64)> = candidates.iter().map(score).collect();
            // Adding 0 turns −0 into 0, which is no smaller.
            scored.sort_unstable_by(|a, b| (b.1 + 0.0).total_cmp(&(a.1 + 0.0)).then(a.0.cmp(&b.0)));
            scored.truncate(k);
            scored
        };
        let search = Search { k, own: &|i| own(first + i), decide: Some(&decide) };
        let candidates = match &prefix {
            Some(prefix) => search.run(&prefix.points, &prefix.residuals, &prefix.project(&block)),
            None => search.run(points, &[], &block),
        };
        for (i, (found, candidates)) in found.iter_mut().zip(candidates).enumerate() {
            *found = decide(i, &candidates);
        }
    });
    found
}

/// Queries of one block.
struct Block {
    /// Row by row.
    vectors: Vec<f32>,
    /// Length of each.
    lengths: Vec<f64>,
    /// Length of each query's residual; see [`Prefix`].
    residuals: Vec<f32>,
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
        Self { vectors, lengths, residuals: vec![0.0; n] }
    }
}

/// A point that may be among the k best of a query. But for the error of `f32` its score is between these.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    low: f32,
    high: f32,
    point: u32,
}

type Decide<'a> = &'a dyn Fn(usize, &[Candidate]) -> Vec<(usize, f64)>;

/// The candidates of one query.
struct Candidates {
    /// A number that the k-th best score reaches, but for the error of `f32`.
    least: f32,
    /// Two bounds of that error.
    error: f64,
    found: Vec<Candidate>,
    /// Number of candidates at which those that fell out are removed.
    limit: usize,
}

impl Candidates {
    fn floor(&self) -> f64 {
        f64::from(self.least) - self.error
    }

    /// Raises `least`, and removes what cannot be among the k best any more.
    fn cut(&mut self, k: usize) {
        if self.found.len() > k {
            let (_, kth, _) = self.found.select_nth_unstable_by(k - 1, |a, b| b.low.total_cmp(&a.low));
            self.least = self.least.max(kth.low);
        }
        let floor = self.floor();
        self.found.retain(|c| f64::from(c.high) >= floor);
    }
}

struct Search<'a> {
    k: usize,
    own: &'a dyn Fn(usize) -> usize,
    decide: Option<Decide<'a>>,
}

impl Search<'_> {
    /// For each query of a block the points that may be among its k best. `residuals`: how much of each point is not in
    /// its vector; empty for nothing.
    fn run(&self, points: &Points, residuals: &[f32], block: &Block) -> Vec<Vec<Candidate>> {
        let (n, k) = (block.lengths.len(), self.k);
        let mut out = vec![0.0; n * POINTS.min(points.len())];
        let of = |&length: &f64| Candidates {
            least: f32::NEG_INFINITY,
            error: 2.0 * points.error(length),
            found: Vec::new(),
            limit: 2 * k + SLACK,
        };
        let mut all: Vec<Candidates> = block.lengths.iter().map(of).collect();
        for from in (0..points.len()).step_by(POINTS) {
            let range = from..points.len().min(from + POINTS);
            points.scores(&block.vectors, range.clone(), &mut out);
            let scores = out.chunks_exact_mut(range.len()).zip(&mut all).enumerate();
            for (i, (scores, candidates)) in scores {
                let own = (self.own)(i);
                if range.contains(&own) {
                    scores[own - from] = f32::NEG_INFINITY;
                }
                let residual = block.residuals[i];
                let of_point = |at: usize| residuals.get(from + at).map_or(0.0, |r| residual * r);
                if !residuals.is_empty() {
                    let residuals = &residuals[range.clone()];
                    if k == 1 {
                        scores.iter_mut().zip(residuals).for_each(|(s, r)| *s -= residual * r);
                        candidates.least = candidates.least.max(largest(scores));
                        scores.iter_mut().zip(residuals).for_each(|(s, r)| *s += 2.0 * residual * r);
                    } else {
                        scores.iter_mut().zip(residuals).for_each(|(s, r)| *s += residual * r);
                    }
                }
                let most = largest(scores);
                if f64::from(most) < candidates.floor() {
                    continue;
                }
                if k == 1 && residuals.is_empty() {
                    candidates.least = candidates.least.max(most);
                }
                let mut floor = candidates.floor();
                for (at, &high) in scores.iter().enumerate() {
                    if f64::from(high) < floor || from + at == own {
                        continue;
                    }
                    let low = high - 2.0 * of_point(at);
                    candidates.found.push(Candidate { low, high, point: (from + at) as u32 });
                    if candidates.found.len() >= candidates.limit {
                        self.thin_out(i, candidates);
                        floor = candidates.floor();
                    }
                }
            }
        }
        all.into_iter()
            .map(|mut candidates| {
                candidates.cut(k);
                candidates.found
            })
            .collect()
    }

    /// Removes candidates that fell out, or, where scores cannot tell them apart, those that `f64` decides against.
    fn thin_out(&self, query: usize, candidates: &mut Candidates) {
        candidates.cut(self.k);
        let Some(decide) = self.decide.filter(|_| candidates.found.len() > self.k + SLACK) else {
            candidates.limit = candidates.limit.max(2 * candidates.found.len());
            return;
        };
        let mut kept: Vec<usize> =
            decide(query, &candidates.found).into_iter().map(|(point, _)| point).collect();
        kept.sort_unstable();
        candidates.found.retain(|c| kept.binary_search(&(c.point as usize)).is_ok());
    }
}

/// Points along a few directions, and the lengths of their residuals.
struct Prefix {
    /// A direction in each row.
    directions: Vec<f64>,
    dim: usize,
    /// Coordinates, with the same h.
    points: Points,
    residuals: Vec<f32>,
}

impl Prefix {
    /// The one that is cheapest for a sample of queries, if it is much cheaper than whole products.
    fn choose(points: &Points, sample: &Block, k: usize, own: &dyn Fn(usize) -> usize) -> Option<Self> {
        let (count, dim) = (points.len(), points.dim());
        let most = DIRECTIONS[0];
        if count < 256 || dim < 2 * most {
            return None;
        }
        let few = count.min(SAMPLE);
        let rows: Vec<f32> = (0..few).flat_map(|i| points.point(i * count / few)).copied().collect();
        let found: Vec<f64> = directions(&rows, dim, most, ROUNDS).concat();
        let mut best = (0.7 * (count * dim) as f64, None);
        for m in DIRECTIONS {
            let prefix = Self::new(points, found[..m * dim].to_vec());
            let search = Search { k, own, decide: None };
            let near = search.run(&prefix.points, &prefix.residuals, &prefix.project(sample));
            let left = near.iter().map(Vec::len).sum::<usize>() as f64 / near.len().max(1) as f64;
            let cost = 1.5 * (count * m) as f64 + SINGLE_COST * left * dim as f64 + 2.0 * (m * dim) as f64;
            if cost < best.0 {
                best = (cost, Some(prefix));
            }
        }
        best.1
    }

    fn new(points: &Points, directions: Vec<f64>) -> Self {
        let (n, dim) = (points.len(), points.dim());
        let m = directions.len() / dim;
        let part = |i: usize| {
            let rows = i * BLOCK * dim..n.min((i + 1) * BLOCK) * dim;
            project_rows(&points.data[rows], &directions, dim)
        };
        let parts: Vec<(Vec<f32>, Vec<f32>)> = (0..n.div_ceil(BLOCK)).into_par_iter().map(part).collect();
        let along = Points::new(n, m, |i, row| {
            row.copy_from_slice(&parts[i / BLOCK].0[i % BLOCK * m..][..m]);
            points.offsets[i].into()
        });
        let residuals = parts.into_iter().flat_map(|(_, residuals)| residuals).collect();
        Self { directions, dim, points: along, residuals }
    }

    /// Queries along the directions. Their lengths stay, for the bound of the error.
    fn project(&self, block: &Block) -> Block {
        let (vectors, residuals) = project_rows(&block.vectors, &self.directions, self.dim);
        Block { vectors, lengths: block.lengths.clone(), residuals }
    }
}

/// Coordinates of rows, and the lengths of their residuals, rounded up.
fn project_rows(rows: &[f32], directions: &[f64], dim: usize) -> (Vec<f32>, Vec<f32>) {
    let (n, m) = (rows.len() / dim, directions.len() / dim);
    let wide: Vec<f64> = rows.iter().map(|&x| x.into()).collect();
    let mut along = vec![0.0; n * m];
    multiply_transposed_f64(&wide, directions, dim, &mut along);
    let residual = |(row, along): (&[f64], &[f64])| {
        let all = crate::dot_f64(row, row);
        // A difference of squares: rounding is worst where little is left.
        ((all - crate::dot_f64(along, along)).max(0.0) + ROUNDING * all).sqrt() as f32 * (1.0 + f32::EPSILON)
    };
    let residuals = wide.chunks_exact(dim).zip(along.chunks_exact(m.max(1))).map(residual).collect();
    (along.iter().map(|&v| v as f32).collect(), residuals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_of_any_number_of_values() {
        for n in 0..70usize {
            let values: Vec<f32> = (0..n).map(|i| ((i * 37) % 71) as f32 - 80.0).collect();
            let plain = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(largest(&values), plain);
        }
    }

    /// Scores that differ by less than `f32` can tell, and many that do not differ.
    #[test]
    fn near_ties_are_decided_in_f64() {
        let n = 2500;
        for (step, k) in [(1e-12, 1), (1e-12, 7), (0.0, 1), (0.0, 300)] {
            let value = |i: usize| 0.5 + ((i * 7919) % n) as f64 * step;
            let points = Points::new(n, 3, |i, row| {
                row.fill(value(i) as f32);
                0.0
            });
            let query = |_: usize, row: &mut [f32]| {
                row.fill(0.5);
                norm(row)
            };
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&a, &b| value(b).total_cmp(&value(a)).then(a.cmp(&b)));
            let found = best(&points, 300, k, query, |i| if i < 200 { n } else { order[0] }, |_, j| value(j));
            for (i, found) in found.iter().enumerate() {
                let want = if i < 200 { &order[..k] } else { &order[1..=k] };
                assert_eq!(*found, want.iter().map(|&j| (j, value(j))).collect::<Vec<_>>(), "{step} {k} {i}");
            }
        }
    }

    /// `k` points of 160 numbers in about `rank` directions.
    fn points(k: usize, rank: usize) -> Points {
        let number =
            |i: usize, j: usize| ((i * 7919 + j * 104_729 + i * j * 31) % 1009) as f64 / 1009.0 - 0.5;
        Points::new(k, 160, |i, row| {
            for (j, v) in row.iter_mut().enumerate() {
                let along = (0..rank).map(|r| number(i, r + 500) * number(r + 9000, j)).sum::<f64>();
                *v = (along / 8.0 + 0.001 * number(i, j)) as f32;
            }
            0.0
        })
    }

    /// A prefix is chosen where it pays, and never loses one of the best points.
    #[test]
    fn the_best_points_are_among_the_candidates() {
        for (rank, pays) in [(20, true), (160, false)] {
            let points = points(2000, rank);
            let rows: Vec<usize> = (0..128).map(|i| i * 15).collect();
            let fill = |i: usize, row: &mut [f32]| {
                row.copy_from_slice(points.point(i));
                norm(row)
            };
            let block = Block::new(rows.iter().copied(), 160, fill);
            assert_eq!(Prefix::choose(&points, &block, 1, &|i| rows[i]).is_some(), pays, "{rank}");
            let found: Vec<f64> = directions(&points.data, 160, 32, 2).concat();
            let prefix = Prefix::new(&points, found);
            for k in [1, 5] {
                let search = Search { k, own: &|i| rows[i], decide: None };
                let near = search.run(&prefix.points, &prefix.residuals, &prefix.project(&block));
                for (i, near) in near.iter().enumerate() {
                    let score = |&j: &usize| crate::dot(points.point(rows[i]), points.point(j));
                    let mut order: Vec<usize> = (0..2000).filter(|&j| j != rows[i]).collect();
                    order.sort_by(|a, b| score(b).total_cmp(&score(a)));
                    let has = |&j: &usize| near.iter().any(|c| c.point as usize == j);
                    assert!(order[..k].iter().all(has), "{rank} {k} {i}");
                }
            }
        }
    }
}
