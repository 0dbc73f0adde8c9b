//! Canonical numberings of a partition.

use std::cmp::Reverse;
use std::collections::HashMap;

/// Numbers clusters 0, 1, 2 … in the order in which they first appear in `labels`.
///
/// ```
/// use streamface_cluster::labels::by_first_appearance;
/// assert_eq!(by_first_appearance(&[7, 3, 7, 9]), [0, 1, 0, 2]);
/// ```
#[must_use]
pub fn by_first_appearance(labels: &[u32]) -> Vec<u32> {
    let mut number = HashMap::new();
    labels
        .iter()
        .map(|label| {
            let next = number.len() as u32;
            *number.entry(label).or_insert(next)
        })
        .collect()
}

/// Numbers clusters by size: 0 is the largest; of two with the same size, the one that appears first.
///
/// ```
/// use streamface_cluster::labels::by_size;
/// assert_eq!(by_size(&[7, 3, 9, 9, 3, 9]), [2, 1, 0, 0, 1, 0]);
/// ```
#[must_use]
pub fn by_size(labels: &[u32]) -> Vec<u32> {
    let labels = by_first_appearance(labels);
    let sizes = sizes(&labels);
    let mut order: Vec<u32> = (0..sizes.len() as u32).collect();
    order.sort_by_key(|&c| (Reverse(sizes[c as usize]), c));
    let mut number = vec![0; order.len()];
    for (new, &old) in order.iter().enumerate() {
        number[old as usize] = new as u32;
    }
    labels.into_iter().map(|l| number[l as usize]).collect()
}

/// Closes gaps: the labels that occur become 0, 1, 2 … and keep their order.
///
/// ```
/// use streamface_cluster::labels::without_gaps;
/// assert_eq!(without_gaps(&[7, 3, 7, 9]), [1, 0, 1, 2]);
/// ```
#[must_use]
pub fn without_gaps(labels: &[u32]) -> Vec<u32> {
    let mut used = labels.to_vec();
    used.sort_unstable();
    used.dedup();
    // Each label is in `used`, so its partition point is its own place.
    labels.iter().map(|l| used.partition_point(|u| u < l) as u32).collect()
}

/// Rows of each cluster of a numbering without gaps.
pub(crate) fn sizes(labels: &[u32]) -> Vec<usize> {
    let mut sizes = vec![0; labels.iter().max().map_or(0, |&m| m as usize + 1)];
    for &label in labels {
        sizes[label as usize] += 1;
    }
    sizes
}
