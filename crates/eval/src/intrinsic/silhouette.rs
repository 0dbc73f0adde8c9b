//! Silhouettes.

use streamface_types::{Embeddings, Metric};

use super::clusters::Clusters;
use super::distances::Distances;
use super::{cosine, euclidean};
use crate::Error;

/// How one face lies between its own cluster and the nearest other.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Sample {
    /// Row of the embeddings.
    pub row: usize,
    /// Its cluster.
    pub label: i64,
    /// a: mean distance from the other faces of its cluster; 0 where there are none.
    pub own: f64,
    /// b: mean distance from the faces of the nearest other cluster, the one where that is smallest.
    pub other: f64,
    /// That cluster; of equals the one with the smaller label.
    pub nearest: i64,
    /// (b − a) / max(a, b), −1 to 1: below 0 for a face that is nearer another cluster. 0 for one alone
    /// in its cluster, and where a = b = 0.
    pub silhouette: f64,
}

/// Silhouettes of faces, clusters and all (Rousseeuw, 1987).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Silhouette {
    /// Mean over all faces, −1 to 1.
    pub mean: f64,
    /// Label and mean silhouette of each cluster, by label.
    pub clusters: Vec<(i64, f64)>,
    /// Each face that is not noise, by row.
    pub samples: Vec<Sample>,
}

/// Silhouettes over all faces with a label of 0 or more, as `sklearn.metrics.silhouette_samples` has
/// them.
///
/// Cosine: exact in O(n·k·d) for k clusters, since the distances of a unit vector x from the faces of a
/// cluster add up to |C| − x·S, where S is the sum of its unit vectors. Euclidean: all pairs, O(n²·d).
/// Memory for the clusters' means and some blocks.
///
/// # Errors
/// [`Error::Count`]; [`Error::Clusters`] unless there are 2 to n − 1 clusters.
pub fn silhouette(embeddings: &Embeddings, labels: &[i64], metric: Metric) -> Result<Silhouette, Error> {
    let clusters = Clusters::comparable(embeddings, labels, "the silhouette")?;
    let found = of_distances(&distances(&clusters, metric), &clusters);
    Ok(found.unwrap_or_else(|| unreachable!("checked above")))
}

/// Mean distances by a metric.
pub(super) fn distances(clusters: &Clusters<'_>, metric: Metric) -> Distances {
    if metric == Metric::Euclidean { euclidean::distances(clusters) } else { cosine::distances(clusters) }
}

/// The silhouettes that follow from mean distances; `None` where the number of clusters forbids it.
pub(super) fn of_distances(distances: &Distances, clusters: &Clusters<'_>) -> Option<Silhouette> {
    clusters.check("").ok()?;
    let sample = |at: usize| {
        let (cluster, own) = (clusters.of[at], distances.own[at]);
        let (nearest, other) = distances.other[at]?;
        let larger = own.max(other);
        let silhouette =
            if clusters.size(cluster) == 1 || larger == 0.0 { 0.0 } else { (other - own) / larger };
        let (label, nearest) = (clusters.labels[cluster], clusters.labels[nearest]);
        Some(Sample { row: clusters.rows[at], label, own, other, nearest, silhouette })
    };
    let mut samples = (0..clusters.len()).map(sample).collect::<Option<Vec<_>>>()?;
    let mean = |samples: &[Sample]| samples.iter().map(|s| s.silhouette).sum::<f64>() / samples.len() as f64;
    let of = |cluster| (clusters.labels[cluster], mean(&samples[clusters.positions(cluster)]));
    let by_cluster = (0..clusters.count()).map(of).collect();
    samples.sort_unstable_by_key(|s| s.row);
    Some(Silhouette { mean: mean(&samples), clusters: by_cluster, samples })
}
