//! The original's two plots: how many faces clusters have.

use serde::Serialize;

/// A cluster and its faces: a point of "Class Distribution".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClassSize {
    /// The cluster.
    pub label: i64,
    /// Faces in it.
    pub faces: usize,
}

/// Clusters of a range of sizes: a bar of "Membership Distribution".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SizeBin {
    /// Fewest faces.
    pub from: usize,
    /// Most faces.
    pub to: usize,
    /// Clusters with so many.
    pub classes: usize,
}

/// Faces of every label of 0 or more, by label.
#[must_use]
pub fn class_distribution(labels: &[i64]) -> Vec<ClassSize> {
    let mut labels: Vec<i64> = labels.iter().copied().filter(|&label| label >= 0).collect();
    labels.sort_unstable();
    let of = |all: &[i64]| ClassSize { label: all[0], faces: all.len() };
    labels.chunk_by(|a, b| a == b).map(of).collect()
}

/// Clusters by size, in bins that begin at 1, 2, 6, 10, 20 … 90, 100, 200 … 900, 1,000 … 9,000, 10,000,
/// 20,000 … and end with the largest size. Sizes of 0 are passed over; no cluster, no bin.
#[must_use]
pub fn membership_distribution(sizes: &[usize]) -> Vec<SizeBin> {
    let Some(most) = sizes.iter().copied().max().filter(|&most| most > 0) else { return Vec::new() };
    let mut starts = vec![1, 2, 6];
    let mut step = 10;
    while step <= most {
        starts.extend((1..10).filter_map(|i| step.checked_mul(i)));
        let Some(next) = step.checked_mul(10) else { break };
        step = next;
    }
    starts.retain(|&start| start <= most);
    let mut bins: Vec<SizeBin> = starts.iter().map(|&from| SizeBin { from, to: most, classes: 0 }).collect();
    for i in 1..bins.len() {
        bins[i - 1].to = bins[i].from - 1;
    }
    for &size in sizes.iter().filter(|&&size| size > 0) {
        bins[starts.partition_point(|&start| start <= size) - 1].classes += 1;
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_per_label_without_noise() {
        let sizes = class_distribution(&[3, -1, 0, 3, 3, -2]);
        assert_eq!(sizes, [ClassSize { label: 0, faces: 1 }, ClassSize { label: 3, faces: 3 }]);
        assert_eq!(class_distribution(&[]), []);
    }

    #[test]
    fn bins_of_sizes() {
        let bins = |sizes: &[usize]| -> Vec<_> {
            membership_distribution(sizes).iter().map(|b| (b.from, b.to, b.classes)).collect()
        };
        assert_eq!(bins(&[]), []);
        assert_eq!(bins(&[1, 1]), [(1, 1, 2)]);
        assert_eq!(bins(&[1, 2, 5, 6, 9, 11]), [(1, 1, 1), (2, 5, 2), (6, 9, 2), (10, 11, 1)]);
        let wide = bins(&[1, 20, 99, 100, 1000, 12_345, 20_000]);
        assert_eq!(wide.iter().map(|b| b.2).sum::<usize>(), 7);
        let starts: Vec<_> = wide.iter().map(|b| b.0).collect();
        assert_eq!(starts[..5], [1, 2, 6, 10, 20]);
        assert_eq!(starts[11..14], [90, 100, 200]);
        assert_eq!(starts[starts.len() - 3..], [9000, 10_000, 20_000]);
        assert!(wide.windows(2).all(|b| b[0].1 + 1 == b[1].0) && wide.last().unwrap().1 == 20_000);
        assert_eq!(bins(&[usize::MAX]).last().unwrap().2, 1);
    }
}
