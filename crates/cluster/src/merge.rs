//! Clusters joined along temporal links, as the original StreamFace does after clustering.
//!
//! A temporal link says that two faces of neighbouring frames are one person moving on. Where it runs
//! between two clusters whose mean distance, over all pairs across them, is below a threshold (the
//! original's is 0.5), the two are joined. The original joins connected components of such edges. Here
//! the edges are taken in order of mean distance, then of the two labels, smaller first, and an edge
//! that would bring a cannot-linked pair together is left out.

use std::collections::{BTreeSet, HashSet};

use rayon::prelude::*;
use streamface_types::{EmbeddingsView, Metric};

use crate::exact_distance::ExactDistance;
use crate::union_find::UnionFind;
use crate::{Constraints, Error, labels};

/// Joins clusters along `links`, pairs of rows, where their mean pairwise distance is below
/// `threshold`. Clusters that join take the smallest label among them; then gaps are closed, so labels
/// are 0, 1, 2 … in their old order.
///
/// Mean distances are those of the clusters given, in `f64`; they are not recomputed as clusters join.
/// Cost: the distances of all pairs across each linked pair of clusters. Only the cannot-links of
/// `constraints` matter here. A cannot-link within one cluster of `labels` is too late and is ignored.
///
/// ```
/// use streamface_cluster::{Constraints, Embeddings, Metric, merge_by_links};
///
/// let faces = Embeddings::new(vec![0.0, 0.3, 0.9, 5.0], 1)?;
/// let labels = [0, 1, 2, 3];
/// let links = [(1, 0), (2, 1), (3, 2)];
/// let mut apart = Constraints::default();
/// let joined = merge_by_links(&faces, Metric::Euclidean, &labels, &links, 1.0, &apart)?;
/// assert_eq!(joined, [0, 0, 0, 1]);
///
/// // 0–1 is the nearer edge and goes first; then 1–2 would bring 0 and 2 together.
/// apart.cannot_link(0, 2);
/// let joined = merge_by_links(&faces, Metric::Euclidean, &labels, &links, 1.0, &apart)?;
/// assert_eq!(joined, [0, 0, 1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::LabelCount`], [`Error::NoSuchRow`], [`Error::Threshold`] for a threshold that is NaN or
/// negative, and [`Error::Contradiction`] within `constraints`.
pub fn merge_by_links<'a>(
    rows: impl Into<EmbeddingsView<'a>>,
    metric: Metric,
    labels: &[u32],
    links: &[(usize, usize)],
    threshold: f64,
    constraints: &Constraints,
) -> Result<Vec<u32>, Error> {
    let rows = rows.into();
    let n = rows.len();
    if labels.len() != n {
        return Err(Error::LabelCount { labels: labels.len(), rows: n });
    }
    if threshold.is_nan() || threshold < 0.0 {
        return Err(Error::Threshold { value: threshold, metric });
    }
    if let Some(row) = links.iter().flat_map(|&(a, b)| [a, b]).find(|&row| row >= n) {
        return Err(Error::NoSuchRow { row, rows: n });
    }
    constraints.close(n)?;
    let exact = ExactDistance::new(rows, metric)?;
    let labels = labels::without_gaps(labels);
    let mut members = vec![Vec::new(); labels::sizes(&labels).len()];
    for (row, &label) in (0_u32..).zip(&labels) {
        members[label as usize].push(row);
    }

    let of_pair = |&(a, b): &(usize, usize)| (labels[a].min(labels[b]), labels[a].max(labels[b]));
    let mut pairs: Vec<(u32, u32)> = links.iter().map(of_pair).filter(|(a, b)| a != b).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut edges: Vec<(f64, u32, u32)> = pairs
        .into_par_iter()
        .map(|(a, b)| (mean_distance(&exact, &members[a as usize], &members[b as usize]), a, b))
        .filter(|&(mean, ..)| mean < threshold)
        .collect();
    edges.sort_by(|x, y| x.0.total_cmp(&y.0).then((x.1, x.2).cmp(&(y.1, y.2))));

    let mut apart = ClusterCannotLinks::new(members.len());
    for (a, b) in constraints.cannot_links().iter().map(of_pair).collect::<HashSet<_>>() {
        apart.add(a, b);
    }
    let mut sets = UnionFind::new(members.len());
    for (_, a, b) in edges {
        let (a, b) = (sets.find(a), sets.find(b));
        if a != b && !apart.holds(a, b) {
            sets.union(a, b);
            apart.join(a.min(b), a.max(b));
        }
    }
    let root = sets.into_roots();
    Ok(labels::without_gaps(&labels.iter().map(|&l| root[l as usize]).collect::<Vec<_>>()))
}

/// The mean over all pairs, summed in order of rows.
fn mean_distance(exact: &ExactDistance, a: &[u32], b: &[u32]) -> f64 {
    let mut sum = 0.0;
    for &i in a {
        exact.distances(i, b, |_, distance| {
            sum += distance;
            true
        });
    }
    sum / (a.len() as f64 * b.len() as f64)
}

/// Which clusters must not join, kept up while others do.
struct ClusterCannotLinks(Vec<BTreeSet<u32>>);

impl ClusterCannotLinks {
    fn new(clusters: usize) -> Self {
        Self(vec![BTreeSet::new(); clusters])
    }

    fn add(&mut self, a: u32, b: u32) {
        if a != b {
            self.0[a as usize].insert(b);
            self.0[b as usize].insert(a);
        }
    }

    fn holds(&self, a: u32, b: u32) -> bool {
        self.0[a as usize].contains(&b)
    }

    /// `b` becomes part of `a`.
    fn join(&mut self, a: u32, b: u32) {
        for other in std::mem::take(&mut self.0[b as usize]) {
            self.0[other as usize].remove(&b);
            self.add(a, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use streamface_types::Embeddings;

    use super::*;

    fn line(values: &[f32]) -> Embeddings {
        Embeddings::new(values.to_vec(), 1).unwrap()
    }

    #[test]
    fn the_mean_decides_not_the_nearest_pair() {
        // Means 2 apart, nearest pair 1 apart.
        let rows = line(&[0.0, 1.0, 2.0, 3.0]);
        let merge = |t| {
            merge_by_links(&rows, Metric::Euclidean, &[4, 4, 2, 2], &[(2, 1)], t, &Constraints::default())
                .unwrap()
        };
        assert_eq!(merge(2.0), [1, 1, 0, 0]);
        assert_eq!(merge(2.1), [0, 0, 0, 0]);
    }

    #[test]
    fn cannot_links_hold_through_joined_clusters() {
        // 1 joins 0, so 1's enemy 3 becomes an enemy of all of it: 0–2–3 may not close the ring.
        let rows = line(&[0.0, 0.1, 0.3, 0.6]);
        let mut apart = Constraints::default();
        apart.cannot_link(3, 1);
        let links = [(0, 1), (0, 2), (2, 3), (0, 3)];
        let joined = merge_by_links(&rows, Metric::Euclidean, &[0, 1, 2, 3], &links, 1.0, &apart).unwrap();
        assert_eq!(joined, [0, 0, 0, 1]);
    }

    #[test]
    fn bad_input_is_refused() {
        let rows = line(&[0.0, 1.0]);
        let none = Constraints::default();
        let merge = |labels: &[u32], links: &[(usize, usize)], t| {
            merge_by_links(&rows, Metric::Euclidean, labels, links, t, &none).unwrap_err()
        };
        assert_eq!(merge(&[0], &[], 0.5), Error::LabelCount { labels: 1, rows: 2 });
        assert_eq!(merge(&[0, 1], &[(0, 2)], 0.5), Error::NoSuchRow { row: 2, rows: 2 });
        assert!(matches!(merge(&[0, 1], &[], f64::NAN), Error::Threshold { .. }));
    }
}
