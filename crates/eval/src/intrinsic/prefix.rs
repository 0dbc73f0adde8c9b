//! Points by a few directions, so that most products need only these.
//!
//! For orthonormal directions B, q·p = Bq·Bp + r with |r| ≤ |q − BᵀBq| |p − BᵀBp| (Cauchy–Schwarz on
//! what is left of both). Embeddings of faces lie nearly in some 64 directions, and then r is next to
//! nothing. The directions come from a few steps of orthogonal iteration: any orthonormal ones are
//! right, these leave little.

use ndarray::{Array2, ArrayView1, ArrayView2, s};
use rayon::prelude::*;

use super::search::{Block, Points, scan, view};

/// Numbers of directions that are tried.
const TRIED: [usize; 2] = [64, 32];
/// Points that the directions are found from.
const LOOKED_AT: usize = 2048;
const STEPS: usize = 2;
/// Points turned at once.
const BLOCK: usize = 256;
/// A candidate's product is not part of a block, and takes so much longer for each number.
const ALONE: f64 = 8.0;
/// More than rounding can take from the square of a rest, as a share of the vector's.
const ROUNDING: f64 = 1e-10;

/// Points along a few directions, and what these do not see.
pub(super) struct Prefix {
    /// A direction in each row.
    directions: Array2<f64>,
    /// Coordinates, with the same h.
    pub points: Points,
    /// Length of what is left of each point.
    pub rests: Vec<f32>,
}

impl Prefix {
    /// The one that is cheapest for a sample of queries, if it is much cheaper than whole products.
    pub fn choose(points: &Points, sample: &Block, own: impl Fn(usize) -> usize) -> Option<Self> {
        let (k, dim) = (points.len(), points.dim());
        let most = TRIED[0];
        if k < 256 || dim < 2 * most {
            return None;
        }
        let directions = directions(points, most);
        let whole = (k * dim) as f64;
        let mut best = (0.7 * whole, None);
        for m in TRIED {
            let prefix = Self::new(points, directions.slice(s![..m, ..]).to_owned());
            let near = scan(&prefix.points, &prefix.rests, &prefix.project(sample), &own);
            let left = near.iter().map(Vec::len).sum::<usize>() as f64 / near.len().max(1) as f64;
            let cost = 1.5 * (k * m) as f64 + ALONE * left * dim as f64 + 2.0 * (m * dim) as f64;
            if cost < best.0 {
                best = (cost, Some(prefix));
            }
        }
        best.1
    }

    fn new(points: &Points, directions: Array2<f64>) -> Self {
        let (n, m) = (points.len(), directions.nrows());
        let part = |i: usize| project_rows(&points.rows(i * BLOCK..n.min((i + 1) * BLOCK)), &directions);
        let parts: Vec<(Vec<f32>, Vec<f32>)> = (0..n.div_ceil(BLOCK)).into_par_iter().map(part).collect();
        let seen = Points::new(n, m, |i, row| {
            row.copy_from_slice(&parts[i / BLOCK].0[i % BLOCK * m..][..m]);
            points.h(i)
        });
        let rests = parts.into_iter().flat_map(|(_, rests)| rests).collect();
        Self { directions, points: seen, rests }
    }

    /// Queries along the directions. Their lengths stay, for the bound of the error.
    pub fn project(&self, block: &Block) -> Block {
        let rows = view(&block.vectors, block.lengths.len(), self.directions.ncols());
        let (vectors, rests) = project_rows(&rows, &self.directions);
        Block { vectors, lengths: block.lengths.clone(), rests }
    }
}

/// Coordinates of rows, and the lengths of what is left of them, rounded up.
fn project_rows(rows: &ArrayView2<'_, f32>, directions: &Array2<f64>) -> (Vec<f32>, Vec<f32>) {
    let wide = rows.mapv(f64::from);
    let along = wide.dot(&directions.t());
    let rest = |(row, along): (ArrayView1<'_, f64>, ArrayView1<'_, f64>)| {
        let all = row.dot(&row);
        // A difference of squares: rounding is worst where little is left.
        ((all - along.dot(&along)).max(0.0) + ROUNDING * all).sqrt() as f32 * (1.0 + f32::EPSILON)
    };
    let rests = wide.outer_iter().zip(along.outer_iter()).map(rest).collect();
    (along.iter().map(|&v| v as f32).collect(), rests)
}

/// The first `m` directions of the points' spread about 0, roughly.
fn directions(points: &Points, m: usize) -> Array2<f64> {
    let (k, dim) = (points.len(), points.dim());
    let n = k.min(LOOKED_AT);
    let some = Array2::from_shape_fn((n, dim), |(i, j)| f64::from(points.point(i * k / n)[j]));
    // Begins with points themselves; where these depend on one another, with numbers of no meaning.
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    let mut found = Array2::from_shape_fn((m, dim), |_| next());
    for _ in 0..STEPS {
        found = found.dot(&some.t()).dot(&some);
        orthonormalise(&mut found, &mut next);
    }
    found
}

/// Gram–Schmidt, each row twice (Giraud and others, 2005); a row that depends on those before it is
/// begun anew.
fn orthonormalise(rows: &mut Array2<f64>, mut next: impl FnMut() -> f64) {
    for i in 0..rows.nrows() {
        let mut row = rows.row(i).to_owned();
        loop {
            let before = row.dot(&row).sqrt();
            for _ in 0..2 {
                for j in 0..i {
                    let other = rows.row(j);
                    let along = row.dot(&other);
                    row.scaled_add(-along, &other);
                }
            }
            let length = row.dot(&row).sqrt();
            if length > 1e-6 * before {
                row /= length;
                break;
            }
            row.mapv_inplace(|_| next());
        }
        rows.row_mut(i).assign(&row);
    }
}

#[cfg(test)]
mod tests {
    use super::super::clusters::{dot, square};
    use super::*;

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

    #[test]
    fn directions_are_orthonormal_even_where_points_are_not_enough() {
        for points in [points(300, 20), points(3, 2), Points::new(5, 160, |_, _| 0.0)] {
            let found = directions(&points, 64);
            let product = found.dot(&found.t());
            for ((i, j), v) in product.indexed_iter() {
                assert!((v - if i == j { 1.0 } else { 0.0 }).abs() < 1e-13, "{i} {j} {v}");
            }
        }
    }

    /// A prefix is chosen where it pays, and never loses the best point.
    #[test]
    fn the_best_point_is_among_the_candidates() {
        for (rank, pays) in [(20, true), (160, false)] {
            let points = points(2000, rank);
            let rows: Vec<usize> = (0..128).map(|i| i * 15).collect();
            let vectors: Vec<f32> = rows.iter().flat_map(|&r| points.point(r).to_vec()).collect();
            let lengths = vectors.chunks_exact(160).map(|v| square(v).sqrt()).collect();
            let block = Block { vectors, lengths, rests: vec![0.0; 128] };
            assert_eq!(Prefix::choose(&points, &block, |i| rows[i]).is_some(), pays, "{rank}");
            let prefix = Prefix::new(&points, directions(&points, 32));
            let near = scan(&prefix.points, &prefix.rests, &prefix.project(&block), |i| rows[i]);
            for (i, near) in near.iter().enumerate() {
                let score = |&j: &usize| dot(points.point(rows[i]), points.point(j));
                let best = (0..2000).filter(|&j| j != rows[i]).max_by(|a, b| score(a).total_cmp(&score(b)));
                assert!(near.contains(&best.unwrap()), "{rank} {i}");
            }
        }
    }
}
