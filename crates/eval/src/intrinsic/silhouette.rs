//! Silhouettes.

use rayon::prelude::*;
use streamface_types::{Embeddings, Metric};

use super::clusters::{Clusters, dot};
use super::euclidean;
use super::search::{Points, best, norm};
use crate::Error;

/// Mean cosine distances of less than this are rounding: vectors of `f32` that differ are further
/// apart.
const ROUNDING: f64 = 1e-14;

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
    Ok(Distances::new(&clusters, metric)
        .silhouette(&clusters)
        .unwrap_or_else(|| unreachable!("checked above")))
}

/// Mean distances of each position from its own cluster and from the nearest other.
pub(super) struct Distances {
    pub own: Vec<f64>,
    /// Cluster and mean distance; `None` where there is only one cluster.
    pub other: Vec<Option<(usize, f64)>>,
}

impl Distances {
    pub fn new(clusters: &Clusters<'_>, metric: Metric) -> Self {
        if metric == Metric::Euclidean { euclidean::distances(clusters) } else { cosine(clusters) }
    }

    /// `None` where the number of clusters forbids it.
    pub fn silhouette(&self, clusters: &Clusters<'_>) -> Option<Silhouette> {
        clusters.check("").ok()?;
        let sample = |at: usize| {
            let (cluster, own) = (clusters.of[at], self.own[at]);
            let (nearest, other) = self.other[at]?;
            let larger = own.max(other);
            let silhouette =
                if clusters.size(cluster) == 1 || larger == 0.0 { 0.0 } else { (other - own) / larger };
            let (label, nearest) = (clusters.labels[cluster], clusters.labels[nearest]);
            Some(Sample { row: clusters.rows[at], label, own, other, nearest, silhouette })
        };
        let mut samples = (0..clusters.len()).map(sample).collect::<Option<Vec<_>>>()?;
        let mean =
            |samples: &[Sample]| samples.iter().map(|s| s.silhouette).sum::<f64>() / samples.len() as f64;
        let of = |cluster| (clusters.labels[cluster], mean(&samples[clusters.positions(cluster)]));
        let by_cluster = (0..clusters.count()).map(of).collect();
        samples.sort_unstable_by_key(|s| s.row);
        Some(Silhouette { mean: mean(&samples), clusters: by_cluster, samples })
    }
}

fn cosine(clusters: &Clusters<'_>) -> Distances {
    let scales = clusters.scales(Metric::Cosine);
    let means = clusters.means(&scales);
    let distance = |cosine: f64| if 1.0 - cosine < ROUNDING { 0.0 } else { 1.0 - cosine };
    let own = |at: usize| {
        let cluster = clusters.of[at];
        let size = clusters.size(cluster) as f64;
        if size == 1.0 {
            return 0.0;
        }
        let (vector, scale) = (clusters.vector(at), scales[at]);
        // The face itself is in the sum, with its own square: 1, or 0 for a zero vector.
        let itself = scale * scale * dot(vector, vector);
        distance((size * scale * dot(vector, means.row(cluster)) - itself) / (size - 1.0))
    };
    let own = (0..clusters.len()).into_par_iter().map(own).collect();

    let points = Points::new(clusters.count(), clusters.dim(), |cluster, row| {
        row.iter_mut().zip(means.row(cluster)).for_each(|(v, &m)| *v = m as f32);
        0.0
    });
    let fill = |at: usize, row: &mut [f32]| {
        row.iter_mut().zip(clusters.vector(at)).for_each(|(q, &v)| *q = (f64::from(v) * scales[at]) as f32);
        norm(row)
    };
    let exact = |at: usize, cluster| scales[at] * dot(clusters.vector(at), means.row(cluster));
    let found = best(&points, clusters.len(), fill, |at| clusters.of[at], exact);
    let other = found.into_iter().map(|f| f.map(|(cluster, cosine)| (cluster, distance(cosine)))).collect();
    Distances { own, other }
}
