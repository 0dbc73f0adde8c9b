//! How good a clustering looks from the vectors alone, without truth.
//!
//! | file | what |
//! |---|---|
//! | `mod` | [`intrinsic()`]: all of it, as [`Intrinsic`] |
//! | `variance` | [`davies_bouldin`], [`calinski_harabasz`] |
//! | `silhouette`, `distances`, `cosine`, `euclidean` | [`silhouette()`]: of each face, each cluster, all |
//! | `extent` | [`extents`]: diameter, radius, nearest other cluster |
//! | `outliers` | [`outliers()`]: faces likely in the wrong cluster |
//! | `distribution` | [`class_distribution`], [`membership_distribution`] |
//! | `clusters` | rows by cluster |
//!
//! Negative labels are noise and left out everywhere. Scores are scikit-learn's on `f64` within 1e-9.

mod clusters;
mod cosine;
mod distances;
mod distribution;
mod euclidean;
mod extent;
mod outliers;
mod silhouette;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod tests;
mod variance;

use serde::Serialize;
use streamface_types::{Embeddings, Metric};

use crate::Error;
use clusters::Clusters;
pub use distribution::{ClassSize, SizeBin, class_distribution, membership_distribution};
pub use extent::{Extent, extents};
pub use outliers::outliers;
pub use silhouette::{Sample, Silhouette, silhouette};
pub use variance::{calinski_harabasz, davies_bouldin};

/// Bins of [`Intrinsic::histogram`], over −1 to 1.
pub const HISTOGRAM_BINS: usize = 40;

/// A clustering judged by its vectors alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intrinsic {
    /// Of silhouettes and extents: `cosine` or `euclidean`.
    pub metric: String,
    /// Faces with a label of 0 or more.
    pub faces: usize,
    /// Faces left out as noise.
    pub noise: usize,
    /// Clusters.
    pub clusters: usize,
    /// Clusters of one face.
    pub singletons: usize,
    /// [`davies_bouldin`], or `None` where skipped.
    pub davies_bouldin: Option<f64>,
    /// [`calinski_harabasz`], or `None` where skipped.
    pub calinski_harabasz: Option<f64>,
    /// Mean silhouette, or `None` where skipped.
    pub silhouette: Option<f64>,
    /// What could not be computed.
    pub skipped: Vec<Skipped>,
    /// Faces by silhouette, in [`HISTOGRAM_BINS`] equal bins from −1 to 1; empty where skipped.
    pub histogram: Vec<usize>,
    /// Every cluster, by label.
    pub per_cluster: Vec<Cluster>,
    /// Likely errors, likeliest first: see [`outliers()`].
    pub outliers: Vec<Sample>,
    /// Faces per label, by label.
    pub class_distribution: Vec<ClassSize>,
    /// Clusters per size.
    pub membership_distribution: Vec<SizeBin>,
    /// Silhouette of each face that is not noise, by row; empty where skipped.
    pub samples: Vec<Sample>,
}

/// A measure that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The measure's field of [`Intrinsic`].
    pub measure: &'static str,
    /// Why.
    pub why: String,
}

/// One cluster.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cluster {
    /// How far it reaches.
    #[serde(flatten)]
    pub extent: Extent,
    /// Mean distance of two of its faces; 0 for one face.
    pub mean_distance: f64,
    /// Mean silhouette of its faces, or `None` where skipped.
    pub silhouette: Option<f64>,
}

/// Everything about a clustering of the rows of `embeddings` that needs no truth, with up to `outliers`
/// likely errors. What cannot be computed, as with one cluster, is skipped and the reason told.
///
/// Cosine takes O(n·k·d + k²·d + Σ sizes²·d) for n faces in k clusters, Euclidean O(n²·d). Memory: the
/// vectors, the clusters' means in `f64` and `f32`, a copy of the largest cluster's vectors, some blocks.
/// The result does not depend on the number of threads.
///
/// ```
/// use streamface_eval::intrinsic::intrinsic;
/// use streamface_types::{Embeddings, Metric};
///
/// // Two people, and one face of the second among those of the first.
/// let faces = vec![1.0, 0.0, 0.9, 0.1, 0.1, 0.9, 0.0, 1.0, 0.1, 1.0];
/// let found = intrinsic(&Embeddings::new(faces, 2)?, &[0, 0, 0, 1, 1], Metric::Cosine, 3)?;
/// assert_eq!(found.outliers[0].row, 2);
/// assert_eq!(found.outliers[0].nearest, 1);
/// assert!(found.silhouette.is_some_and(|s| s < 0.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Count`] where there is not one label for each row.
pub fn intrinsic(
    embeddings: &Embeddings,
    labels: &[i64],
    metric: Metric,
    outliers: usize,
) -> Result<Intrinsic, Error> {
    let clusters = Clusters::new(embeddings, labels)?;
    let mut skipped = Vec::new();
    let mut able = |measure, name| match clusters.check(name) {
        Ok(()) => true,
        Err(why) => {
            skipped.push(Skipped { measure, why: why.to_string() });
            false
        }
    };
    let davies = able("davies_bouldin", "Davies–Bouldin");
    let calinski = able("calinski_harabasz", "Calinski–Harabasz");
    able("silhouette", "the silhouette");

    let spread = (davies || calinski).then(|| variance::Spread::new(&clusters));
    let distances = silhouette::distances(&clusters, metric);
    let silhouette = silhouette::of_distances(&distances, &clusters);
    let cluster = |(i, extent): (usize, Extent)| Cluster {
        extent,
        mean_distance: distances.own[clusters.positions(i)].iter().sum::<f64>() / extent.faces as f64,
        silhouette: silhouette.as_ref().map(|s| s.clusters[i].1),
    };
    let per_cluster: Vec<Cluster> =
        extent::of(&clusters, metric).into_iter().enumerate().map(cluster).collect();
    let sizes: Vec<usize> = per_cluster.iter().map(|c| c.extent.faces).collect();
    let found = silhouette.as_ref().map(|s| self::outliers(s, outliers)).unwrap_or_default();
    Ok(Intrinsic {
        metric: metric.to_string(),
        faces: clusters.len(),
        noise: clusters.noise,
        clusters: clusters.count(),
        singletons: sizes.iter().filter(|&&size| size == 1).count(),
        davies_bouldin: spread.as_ref().map(variance::Spread::davies_bouldin),
        calinski_harabasz: spread.as_ref().map(variance::Spread::calinski_harabasz),
        silhouette: silhouette.as_ref().map(|s| s.mean),
        skipped,
        histogram: silhouette.as_ref().map(|s| histogram(&s.samples)).unwrap_or_default(),
        per_cluster,
        outliers: found,
        class_distribution: class_distribution(labels),
        membership_distribution: membership_distribution(&sizes),
        samples: silhouette.map(|s| s.samples).unwrap_or_default(),
    })
}

fn histogram(samples: &[Sample]) -> Vec<usize> {
    let mut bins = vec![0; HISTOGRAM_BINS];
    for sample in samples {
        let bin = (sample.silhouette + 1.0) / 2.0 * HISTOGRAM_BINS as f64;
        bins[(bin as usize).min(HISTOGRAM_BINS - 1)] += 1;
    }
    bins
}
