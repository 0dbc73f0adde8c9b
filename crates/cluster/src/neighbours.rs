//! The exact k nearest neighbours of every row.
//!
//! The search is [`streamface_kernels::nearest`]: a blocked matrix product in `f32` with a proven error bound finds the
//! candidates, and [`Metric::distance`] decides among them in `f64`. So the result is that of measuring all pairs, at the
//! cost of a matrix product.
//!
//! The score of rows i and j is a·b − |b|²/2, larger for nearer ones. For the Euclidean distance a and b are the rows less
//! their mean, divided by the length of the longest, and the score is −|a − b|²/2 but for a number of row i alone; for
//! cosine they are the unit vectors, the second term is left out, and the score is the cosine.

use streamface_kernels::means::mean;
use streamface_kernels::nearest::{Points, best, norm};
use streamface_types::{EmbeddingsView, Metric};

use crate::Error;

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
    let scaled = Scaled::new(rows, metric);
    let points = Points::new(n, rows.dim(), |i, row| {
        scaled.fill(i, row);
        if metric == Metric::Cosine { 0.0 } else { norm(row).powi(2) / 2.0 }
    });
    let query = |i: usize, row: &mut [f32]| {
        scaled.fill(i, row);
        norm(row)
    };
    // The nearest is the largest.
    let nearness = |i: usize, j: usize| -metric.distance(rows.row(i), rows.row(j));
    let found = best(&points, n, k, query, |i| i, nearness);
    let (near, distance) = found.into_iter().flatten().map(|(j, d)| (j as u32, 0.0 - d)).unzip();
    Ok(Neighbours { rows: n, k, near, distance })
}

/// Rows as the search takes them, no longer than 1: for cosine unit vectors, for the Euclidean distance the rows less their
/// mean, over the length of the longest.
struct Scaled<'a> {
    rows: EmbeddingsView<'a>,
    centre: Vec<f64>,
    /// The length of the longest, where all are divided by it.
    longest: Option<f64>,
}

impl<'a> Scaled<'a> {
    fn new(rows: EmbeddingsView<'a>, metric: Metric) -> Self {
        let mut scaled = Self { rows, centre: Vec::new(), longest: None };
        match metric {
            Metric::Cosine => scaled.centre = vec![0.0; rows.dim()],
            Metric::Euclidean => {
                scaled.centre = mean(rows.rows(), rows.dim());
                scaled.longest = Some((0..rows.len()).map(|i| scaled.length(i)).fold(0.0, f64::max));
            }
        }
        scaled
    }

    fn moved(&self, i: usize) -> impl Iterator<Item = f64> + '_ {
        self.rows.row(i).iter().zip(&self.centre).map(|(&x, c)| f64::from(x) - c)
    }

    fn length(&self, i: usize) -> f64 {
        self.moved(i).map(|x| x * x).sum::<f64>().sqrt()
    }

    fn fill(&self, i: usize, row: &mut [f32]) {
        let length = self.longest.unwrap_or_else(|| self.length(i));
        let scale = if length > 0.0 { length } else { 1.0 };
        row.iter_mut().zip(self.moved(i)).for_each(|(to, x)| *to = (x / scale) as f32);
    }
}
