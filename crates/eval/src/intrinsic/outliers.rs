//! Faces that are likely in the wrong cluster.

use super::{Sample, Silhouette};

/// The `n` faces with the lowest silhouette, lowest first, equals by row: those farthest from their own
/// cluster against the nearest other. A face alone in its cluster has nothing to be far from and is
/// not among them.
#[must_use]
pub fn outliers(silhouette: &Silhouette, n: usize) -> Vec<Sample> {
    // By label: a cluster of one lists its label once.
    let mut labels: Vec<i64> = silhouette.samples.iter().map(|s| s.label).collect();
    labels.sort_unstable();
    let company = |label: i64| {
        let first = labels.partition_point(|&l| l < label);
        labels.get(first + 1) == Some(&label)
    };
    let mut samples: Vec<Sample> = silhouette.samples.iter().copied().filter(|s| company(s.label)).collect();
    let order = |a: &Sample, b: &Sample| a.silhouette.total_cmp(&b.silhouette).then(a.row.cmp(&b.row));
    if n < samples.len() {
        samples.select_nth_unstable_by(n, order);
        samples.truncate(n);
    }
    samples.sort_unstable_by(order);
    samples
}
