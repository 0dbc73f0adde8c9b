//! Canonical numberings of a partition.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

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

/// Numbers clusters as they were numbered before: each takes the number that most of its rows had, of two that
/// want one the one with more of it. Clusters left without one get numbers of their own, above all others, in
/// the order in which they appear. So a cluster that did not change keeps its number.
///
/// `old` has `None` for rows that were not there.
///
/// ```
/// use streamface_cluster::labels::as_before;
/// // The first cluster got a row, the second fell apart, the last is new.
/// let old = [Some(3), Some(3), Some(0), Some(0), Some(0), None, None];
/// assert_eq!(as_before(&[0, 0, 1, 2, 2, 0, 3], &old), [3, 3, 4, 0, 0, 3, 5]);
/// ```
#[must_use]
pub fn as_before(labels: &[u32], old: &[Option<u32>]) -> Vec<u32> {
    let labels = by_first_appearance(labels);
    let mut shared: HashMap<(u32, u32), usize> = HashMap::new();
    for (&label, &old) in labels.iter().zip(old) {
        if let Some(old) = old {
            *shared.entry((label, old)).or_default() += 1;
        }
    }
    let mut shared: Vec<((u32, u32), usize)> = shared.into_iter().collect();
    shared.sort_unstable_by_key(|&((label, old), rows)| (Reverse(rows), old, label));
    let mut number: HashMap<u32, u32> = HashMap::new();
    let mut taken = HashSet::new();
    for ((label, old), _) in shared {
        if !number.contains_key(&label) && taken.insert(old) {
            number.insert(label, old);
        }
    }
    let mut next = old.iter().flatten().max().map_or(0, |&most| most + 1);
    let mut of = |label: u32| {
        *number.entry(label).or_insert_with(|| {
            next += 1;
            next - 1
        })
    };
    labels.into_iter().map(&mut of).collect()
}

/// Rows of each cluster of a numbering without gaps.
pub(crate) fn sizes(labels: &[u32]) -> Vec<usize> {
    let mut sizes = vec![0; labels.iter().max().map_or(0, |&m| m as usize + 1)];
    for &label in labels {
        sizes[label as usize] += 1;
    }
    sizes
}
