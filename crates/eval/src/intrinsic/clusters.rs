//! Rows by cluster.

use rayon::prelude::*;
use streamface_types::{Embeddings, Metric};

use crate::Error;

/// The rows that have a label, cluster after cluster. A row's place in that order is its position.
pub(super) struct Clusters<'a> {
    pub embeddings: &'a Embeddings,
    /// Label of each cluster, ascending.
    pub labels: Vec<i64>,
    /// Row at each position; within a cluster ascending.
    pub rows: Vec<usize>,
    /// Cluster at each position.
    pub of: Vec<usize>,
    /// First position of each cluster, and their number at the end.
    starts: Vec<usize>,
    /// Rows left out.
    pub noise: usize,
}

impl<'a> Clusters<'a> {
    pub fn new(embeddings: &'a Embeddings, labels: &[i64]) -> Result<Self, Error> {
        if embeddings.len() != labels.len() {
            return Err(Error::Count { rows: embeddings.len(), labels: labels.len() });
        }
        let mut rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] >= 0).collect();
        rows.sort_by_key(|&row| labels[row]);
        let (mut found, mut starts, mut of) = (Vec::new(), Vec::new(), Vec::with_capacity(rows.len()));
        for (position, &row) in rows.iter().enumerate() {
            if found.last() != Some(&labels[row]) {
                found.push(labels[row]);
                starts.push(position);
            }
            of.push(found.len() - 1);
        }
        starts.push(rows.len());
        let noise = labels.len() - rows.len();
        Ok(Self { embeddings, labels: found, rows, of, starts, noise })
    }

    /// As [`new`](Self::new), refusing what scikit-learn refuses.
    pub fn comparable(embeddings: &'a Embeddings, labels: &[i64], what: &'static str) -> Result<Self, Error> {
        let clusters = Self::new(embeddings, labels)?;
        clusters.check(what)?;
        Ok(clusters)
    }

    pub fn check(&self, what: &'static str) -> Result<(), Error> {
        let (clusters, faces) = (self.count(), self.len());
        if clusters < 2 || clusters >= faces {
            return Err(Error::Clusters { what, clusters, faces });
        }
        Ok(())
    }

    /// Faces.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Clusters.
    pub fn count(&self) -> usize {
        self.labels.len()
    }

    pub fn dim(&self) -> usize {
        self.embeddings.dim()
    }

    /// Positions of a cluster.
    pub fn positions(&self, cluster: usize) -> std::ops::Range<usize> {
        self.starts[cluster]..self.starts[cluster + 1]
    }

    pub fn size(&self, cluster: usize) -> usize {
        self.positions(cluster).len()
    }

    /// Vector at a position.
    pub fn vector(&self, position: usize) -> &'a [f32] {
        self.embeddings.row(self.rows[position])
    }

    /// What each vector is multiplied by before it is added up: for cosine distances to make it a unit
    /// vector, 0 for a zero vector.
    pub fn scales(&self, metric: Metric) -> Vec<f64> {
        if metric == Metric::Euclidean {
            return vec![1.0; self.len()];
        }
        let scale = |position| {
            let norm = square(self.vector(position)).sqrt();
            if norm == 0.0 { 0.0 } else { norm.recip() }
        };
        (0..self.len()).into_par_iter().map(scale).collect()
    }

    /// Mean of each cluster's scaled vectors, one a row; summed in the order of rows.
    pub fn means(&self, scales: &[f64]) -> Means {
        let dim = self.dim();
        let mut data = vec![0.0; self.count() * dim];
        data.par_chunks_exact_mut(dim.max(1)).enumerate().for_each(|(cluster, mean)| {
            for position in self.positions(cluster) {
                let scale = scales[position];
                mean.iter_mut().zip(self.vector(position)).for_each(|(m, &v)| *m += scale * f64::from(v));
            }
            let size = self.size(cluster) as f64;
            mean.iter_mut().for_each(|m| *m /= size);
        });
        Means { data, dim }
    }
}

/// A mean in each row.
pub(super) struct Means {
    pub data: Vec<f64>,
    pub dim: usize,
}

impl Means {
    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.dim..(i + 1) * self.dim]
    }

    /// Mean of all faces, from the means of clusters of the given sizes.
    pub fn overall(&self, clusters: &Clusters<'_>) -> Vec<f64> {
        let mut overall = vec![0.0; self.dim];
        for cluster in 0..clusters.count() {
            let share = clusters.size(cluster) as f64 / clusters.len() as f64;
            overall.iter_mut().zip(self.row(cluster)).for_each(|(o, m)| *o += share * m);
        }
        overall
    }
}

/// Numbers are added in eight separate sums, which a compiler can keep side by side.
const LANES: usize = 8;

/// Σ f(a, b) in `f64`.
fn sum<A: Copy, B: Copy>(a: &[A], b: &[B], f: impl Fn(A, B) -> f64) -> f64 {
    let mut sums = [0.0; LANES];
    let (mut xs, mut ys) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (x, y) in (&mut xs).zip(&mut ys) {
        for lane in 0..LANES {
            sums[lane] += f(x[lane], y[lane]);
        }
    }
    let rest = xs.remainder().iter().zip(ys.remainder()).map(|(&x, &y)| f(x, y));
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

/// |a|².
pub(super) fn square<T: Copy + Into<f64>>(a: &[T]) -> f64 {
    sum(a, a, |x, y| x.into() * y.into())
}

/// a · b.
pub(super) fn dot<A: Copy + Into<f64>, B: Copy + Into<f64>>(a: &[A], b: &[B]) -> f64 {
    sum(a, b, |x, y| x.into() * y.into())
}

/// |a − b|².
pub(super) fn square_apart<A: Copy + Into<f64>, B: Copy + Into<f64>>(a: &[A], b: &[B]) -> f64 {
    sum(a, b, |x, y| {
        let apart = x.into() - y.into();
        apart * apart
    })
}
