//! Mean cosine distances from clusters: those from a cluster's faces follow from its mean.

use rayon::prelude::*;
use streamface_kernels::nearest::{Points, best, norm};
use streamface_types::Metric;

use super::clusters::{Clusters, dot};
use super::distances::Distances;

/// Mean cosine distances of less than this are rounding: vectors of `f32` that differ are further
/// apart.
const ROUNDING: f64 = 1e-14;

/// As [`Distances`] says; O(n·k·d) for k clusters, memory for the clusters' means and some blocks.
///
/// The distances of a unit vector x from the faces of a cluster C add up to |C| − x·S, where S is the sum of its unit
/// vectors.
pub(super) fn distances(clusters: &Clusters<'_>) -> Distances {
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
    let found = best(&points, clusters.len(), 1, fill, |at| clusters.of[at], exact);
    let nearest =
        |found: Vec<(usize, f64)>| found.first().map(|&(cluster, cosine)| (cluster, distance(cosine)));
    let other = found.into_iter().map(nearest).collect();
    Distances { own, other }
}
