//! The exact k nearest neighbours of every row.
//!
//! A blocked `f32` matrix product gives every pair a score with a proven error; what could be among a
//! row's k nearest is kept, and [`Metric::distance`] decides among those, in `f64`. So the result is
//! that of measuring all pairs, at the cost of a matrix product.
//!
//! **The score** of rows i and j is s = a·b − (|a|² + |b|²)/2, larger for nearer ones. For the Euclidean
//! distance a and b are the rows less their mean, scaled so that the longest has length 1, and s is
//! −|a−b|²/2; for cosine they are the unit vectors, the second term is left out, and s is the cosine.
//! **Its error**: rounding numbers to `f32` (u = 2⁻²⁴ each) and a dot product of length d summed in any
//! order lose at most (d + 2)·u·|a||b| to first order, the squares and the two additions 4·u·(|a|² +
//! |b|²) more; |a||b| is at most half of that sum. (d + 32)·u·(|a|² + |b|²) exceeds both together by more
//! than any rounding in `f64` could take back, and 10⁻³⁷ a dimension covers what underflows.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use streamface_kernels::means::mean;
use streamface_types::{EmbeddingsView, Metric};

use crate::Error;

/// Rows whose neighbours are searched together.
const ROWS: usize = 64;
/// Rows that they are compared with at a time.
const COLUMNS: usize = 1024;
/// List kept beyond twice k before they are thinned out.
const SLACK: usize = 128;

/// The nearest rows of each row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Neighbours {
    rows: usize,
    k: usize,
    near: Vec<u32>,
    distance: Vec<f64>,
}

impl Neighbours {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Neighbours of each row: what was asked for, or all others where there are fewer.
    #[must_use]
    pub fn k(&self) -> usize {
        self.k
    }

    /// The neighbours of row `i` with their distances, the nearest first, of equally near ones the
    /// smaller row first. Panics where there is no such row.
    pub fn of(&self, i: usize) -> impl ExactSizeIterator<Item = (u32, f64)> + '_ {
        let own = i * self.k..(i + 1) * self.k;
        self.near[own.clone()].iter().copied().zip(self.distance[own].iter().copied())
    }
}

/// The `k` nearest other rows of each row, by ([`Metric::distance`], row): exactly what sorting all
/// distances gives.
///
/// Time O(n² · d). Memory: 12 · n · k bytes for the result, a copy of the rows, and for each thread some
/// 300 KB + 1500 · k bytes. Rows in great numbers at one distance, as copies of one, cost an `f64`
/// distance a pair.
///
/// ```
/// use streamface_cluster::{Embeddings, Metric, neighbours::nearest};
///
/// let rows = Embeddings::new(vec![0.0, 1.0, 5.0, 2.0], 1)?;
/// let two = nearest(&rows, Metric::Euclidean, 2)?;
/// assert_eq!(two.of(1).collect::<Vec<_>>(), [(0, 1.0), (3, 1.0)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::TooManyRows`] beyond 2³² − 1 rows.
pub fn nearest<'a>(
    rows: impl Into<EmbeddingsView<'a>>,
    metric: Metric,
    k: usize,
) -> Result<Neighbours, Error> {
    // Not generic, so that the loops are compiled in this crate.
    nearest_of(rows.into(), metric, k)
}

fn nearest_of(rows: EmbeddingsView<'_>, metric: Metric, k: usize) -> Result<Neighbours, Error> {
    let n = rows.len();
    if u32::try_from(n).is_err() {
        return Err(Error::TooManyRows { rows: n });
    }
    let k = k.min(n.saturating_sub(1));
    if k == 0 {
        return Ok(Neighbours { rows: n, ..Neighbours::default() });
    }
    let scores = Scores::new(rows, metric)?;
    let (mut near, mut distance) = (vec![0; n * k], vec![0.0; n * k]);
    near.par_chunks_mut(ROWS * k)
        .zip(distance.par_chunks_mut(ROWS * k))
        .enumerate()
        .with_max_len(1)
        .for_each(|(block, (near, distance))| {
            let found = scores.block(block * ROWS, near.len() / k, k);
            for (at, (j, d)) in found.into_iter().flatten().enumerate() {
                (near[at], distance[at]) = (j, d);
            }
        });
    Ok(Neighbours { rows: n, k, near, distance })
}

/// A row that may be among the nearest.
#[derive(Clone, Copy)]
struct Candidate {
    /// The least and the most that its score can be.
    low: f32,
    high: f32,
    row: u32,
}

struct Scores<'a> {
    rows: EmbeddingsView<'a>,
    metric: Metric,
    /// What the product is taken of, n × d.
    data: Vec<f32>,
    /// For each row what it adds to a score, and its share of the error.
    half: Vec<f32>,
    error: Vec<f32>,
}

impl<'a> Scores<'a> {
    fn new(rows: EmbeddingsView<'a>, metric: Metric) -> Result<Self, Error> {
        let dim = rows.dim();
        let centre = match metric {
            Metric::Cosine => vec![0.0; dim],
            Metric::Euclidean => mean(rows.rows(), dim),
        };
        let moved = |row: &'a [f32]| row.iter().zip(&centre).map(|(&x, c)| f64::from(x) - c);
        let squares: Vec<f64> = rows.rows().map(|row| moved(row).map(|x| x * x).sum()).collect();
        let longest = squares.iter().copied().fold(0.0, f64::max).sqrt();
        let cosine = metric == Metric::Cosine;
        let mut data = Vec::with_capacity(rows.as_slice().len());
        let (mut half, mut error) = (Vec::new(), Vec::new());
        let relative = (dim as f64 + 32.0) * f64::from(f32::EPSILON / 2.0);
        for (row, &square) in rows.rows().zip(&squares) {
            let length = if cosine { square.sqrt() } else { longest };
            let scale = if length > 0.0 { length } else { 1.0 };
            data.extend(moved(row).map(|x| (x / scale) as f32));
            let square = square / (scale * scale);
            half.push(if cosine { 0.0 } else { (square / 2.0) as f32 });
            // Cosine's bound is for unit vectors; a zero one is exact, and needs none of it.
            error.push((relative * square + dim as f64 * 1e-37) as f32);
        }
        Ok(Self { rows, metric, data, half, error })
    }

    fn part(&self, from: usize, to: usize) -> ArrayView2<'_, f32> {
        let dim = self.rows.dim();
        ArrayView2::from_shape((to - from, dim), &self.data[from * dim..to * dim])
            .unwrap_or_else(|e| unreachable!("as many numbers as the rows have: {e}"))
    }

    /// The `k` nearest of each of `count` rows from `first` on.
    fn block(&self, first: usize, count: usize, k: usize) -> Vec<Vec<(u32, f64)>> {
        let own = self.part(first, first + count);
        let mut best: Vec<Best> = (0..count).map(|_| Best::new(k)).collect();
        let mut dots = Array2::<f32>::zeros((count, COLUMNS.min(self.rows.len())));
        for from in (0..self.rows.len()).step_by(COLUMNS) {
            let to = (from + COLUMNS).min(self.rows.len());
            let mut dots = dots.slice_mut(ndarray::s![.., ..to - from]);
            ndarray::linalg::general_mat_mul(1.0, &own, &self.part(from, to).t(), 0.0, &mut dots);
            for ((i, best), dots) in (first..).zip(&mut best).zip(dots.rows()) {
                for ((j, &dot), (half, error)) in
                    (from..).zip(dots).zip(self.half[from..to].iter().zip(&self.error[from..to]))
                {
                    let score = dot - (self.half[i] + half);
                    let error = self.error[i] + error;
                    // Not a number cannot be: rows are at most 1 long.
                    if score + error >= best.least && i != j {
                        let row = j as u32;
                        best.found.push(Candidate { low: score - error, high: score + error, row });
                        if best.found.len() == best.found.capacity() {
                            self.thin_out(i, best, k);
                        }
                    }
                }
            }
        }
        best.into_iter().zip(first..).map(|(best, i)| self.measure(i, best.found, k)).collect()
    }

    /// Drops what cannot be among the k nearest.
    fn thin_out(&self, i: usize, best: &mut Best, k: usize) {
        best.cut(k);
        if best.found.len() > k + SLACK {
            // Scores cannot separate so many rows at one distance.
            let kept = self.measure(i, best.found.clone(), k);
            let mut kept: Vec<u32> = kept.into_iter().map(|(row, _)| row).collect();
            kept.sort_unstable();
            best.found.retain(|c| kept.binary_search(&c.row).is_ok());
        }
    }

    /// The k nearest of candidates, by distance, then row.
    fn measure(&self, i: usize, mut found: Vec<Candidate>, k: usize) -> Vec<(u32, f64)> {
        let mut best = Best { least: f32::NEG_INFINITY, found: std::mem::take(&mut found) };
        best.cut(k);
        let distance = |j: u32| self.metric.distance(self.rows.row(i), self.rows.row(j as usize));
        let mut near: Vec<(u32, f64)> = best.found.iter().map(|c| (c.row, distance(c.row))).collect();
        near.sort_unstable_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        near.truncate(k);
        near
    }
}

/// List of one row.
struct Best {
    /// The k-th largest of the least scores: what cannot reach it is not among the k nearest.
    least: f32,
    found: Vec<Candidate>,
}

impl Best {
    fn new(k: usize) -> Self {
        Self { least: f32::NEG_INFINITY, found: Vec::with_capacity(2 * k + SLACK) }
    }

    fn cut(&mut self, k: usize) {
        if self.found.len() > k {
            let (_, kth, _) = self.found.select_nth_unstable_by(k - 1, |a, b| b.low.total_cmp(&a.low));
            self.least = self.least.max(kth.low);
            self.found.retain(|c| c.high >= self.least);
        }
    }
}
