//! Scores from the spread about means: Davies–Bouldin and Calinski–Harabasz.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use streamface_types::{Embeddings, Metric};

use super::clusters::{Clusters, Means, square, square_apart};
use crate::Error;

/// Means compared at once.
const BLOCK: usize = 256;
/// Below this share of |a|² + |b|² a squared distance from dot products has lost too many digits.
pub(super) const NEAR: f64 = 1e-3;
/// What scikit-learn takes for a spread of nothing.
const NOTHING: f64 = 1e-8;

/// The Davies–Bouldin index, 0 or more, smaller is better: over clusters, the mean of the largest
/// (sᵢ + sⱼ) / dᵢⱼ, where s is the mean Euclidean distance of a cluster's faces from their mean and d
/// the distance of two means (Davies and Bouldin, 1979). Negative labels are left out.
///
/// As `sklearn.metrics.davies_bouldin_score`. O(n·d + k²·d) for k clusters.
///
/// # Errors
/// [`Error::Count`]; [`Error::Clusters`] unless there are 2 to n − 1 clusters.
pub fn davies_bouldin(embeddings: &Embeddings, labels: &[i64]) -> Result<f64, Error> {
    Ok(Spread::new(&Clusters::comparable(embeddings, labels, "Davies–Bouldin")?).davies_bouldin())
}

/// The Calinski–Harabasz index, 0 or more, larger is better: the dispersion of the clusters' means
/// about the overall mean against that of faces about their cluster's mean, Euclidean, each by its
/// degrees of freedom (Caliński and Harabasz, 1974). 1 where the latter is 0. Negative labels are left
/// out.
///
/// As `sklearn.metrics.calinski_harabasz_score`. O(n·d).
///
/// # Errors
/// [`Error::Count`]; [`Error::Clusters`] unless there are 2 to n − 1 clusters.
pub fn calinski_harabasz(embeddings: &Embeddings, labels: &[i64]) -> Result<f64, Error> {
    Ok(Spread::new(&Clusters::comparable(embeddings, labels, "Calinski–Harabasz")?).calinski_harabasz())
}

/// What both scores are made from.
pub(super) struct Spread<'a, 'b> {
    clusters: &'b Clusters<'a>,
    /// Means less the overall mean: shorter vectors lose fewer digits.
    means: Means,
    /// Mean distance from the mean.
    distance: Vec<f64>,
    /// Sum of squared distances from the mean.
    squares: Vec<f64>,
}

impl<'a, 'b> Spread<'a, 'b> {
    pub fn new(clusters: &'b Clusters<'a>) -> Self {
        let mut means = clusters.means(&clusters.scales(Metric::Euclidean));
        let spread = |cluster: usize| {
            let mean = means.row(cluster);
            let squares = clusters.positions(cluster).map(|at| square_apart(clusters.vector(at), mean));
            let (distance, sum) = squares.fold((0.0, 0.0), |(d, s), square| (d + square.sqrt(), s + square));
            (distance / clusters.size(cluster) as f64, sum)
        };
        let (distance, squares) = (0..clusters.count()).into_par_iter().map(spread).unzip();
        let overall = means.overall(clusters);
        for mean in means.data.chunks_exact_mut(means.dim.max(1)) {
            mean.iter_mut().zip(&overall).for_each(|(m, o)| *m -= o);
        }
        Self { clusters, means, distance, squares }
    }

    pub fn calinski_harabasz(&self) -> f64 {
        let (n, k) = (self.clusters.len() as f64, self.clusters.count() as f64);
        let within: f64 = self.squares.iter().sum();
        let between: f64 = (0..self.clusters.count())
            .map(|cluster| self.clusters.size(cluster) as f64 * square(self.means.row(cluster)))
            .sum();
        if within == 0.0 { 1.0 } else { between * (n - k) / (within * (k - 1.0)) }
    }

    pub fn davies_bouldin(&self) -> f64 {
        let (k, dim) = (self.clusters.count(), self.means.dim);
        if self.distance.iter().all(|&s| s <= NOTHING) {
            return 0.0;
        }
        let means = ArrayView2::from_shape((k, dim), &self.means.data);
        let means = means.unwrap_or_else(|_| unreachable!("there is a mean for each cluster"));
        let squares: Vec<f64> = (0..k).map(|i| square(self.means.row(i))).collect();
        let largest: Vec<f64> = (0..k.div_ceil(BLOCK))
            .into_par_iter()
            .flat_map_iter(|block| {
                let rows = block * BLOCK..k.min((block + 1) * BLOCK);
                let mut largest = vec![0.0; rows.len()];
                for from in (0..k).step_by(BLOCK) {
                    let columns = from..k.min(from + BLOCK);
                    let mut dots = Array2::zeros((rows.len(), columns.len()));
                    let part =
                        |range: &std::ops::Range<usize>| means.slice(ndarray::s![range.start..range.end, ..]);
                    general_mat_mul(1.0, &part(&rows), &part(&columns).reversed_axes(), 0.0, &mut dots);
                    for ((i, j), dot) in dots.indexed_iter() {
                        let (a, b) = (rows.start + i, columns.start + j);
                        let both = squares[a] + squares[b];
                        let mut apart = both - 2.0 * dot;
                        if a == b {
                            continue;
                        }
                        if apart < NEAR * both {
                            apart = square_apart(self.means.row(a), self.means.row(b));
                        }
                        // Means apart by no more than rounding are one, and then count as in
                        // scikit-learn: not at all.
                        if apart > 16.0 * f64::EPSILON * f64::EPSILON * both {
                            largest[i] =
                                f64::max(largest[i], (self.distance[a] + self.distance[b]) / apart.sqrt());
                        }
                    }
                }
                largest
            })
            .collect();
        largest.iter().sum::<f64>() / k as f64
    }
}
