//! How many samples each pair of a true and a predicted cluster shares.

use std::collections::{BTreeMap, BTreeSet};

/// The contingency table of two labellings, as its non-zero cells: no larger than the number of
/// samples, whatever the number of clusters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contingency {
    /// (true cluster, predicted cluster, samples in both), in the order of the clusters.
    cells: Vec<(usize, usize, u64)>,
    truth: Vec<u64>,
    predicted: Vec<u64>,
    truth_labels: Vec<i64>,
    predicted_labels: Vec<i64>,
}

impl Contingency {
    /// Counts labels given in pairs (true, predicted), one pair for each sample.
    pub fn new(samples: impl IntoIterator<Item = (i64, i64)>) -> Self {
        Self::counted(samples.into_iter().map(|(t, p)| (t, p, 1)))
    }

    /// The same of samples (true, predicted, how many there are of these two).
    pub(super) fn counted(samples: impl IntoIterator<Item = (i64, i64, u64)>) -> Self {
        let mut counts: BTreeMap<(i64, i64), u64> = BTreeMap::new();
        for (t, p, n) in samples {
            *counts.entry((t, p)).or_default() += n;
        }
        let mut table = Self::default();
        let (mut rows, mut columns) = (BTreeMap::new(), BTreeMap::new());
        for ((t, p), count) in counts {
            let row = index(&mut rows, t, &mut table.truth, &mut table.truth_labels);
            let column = index(&mut columns, p, &mut table.predicted, &mut table.predicted_labels);
            table.truth[row] += count;
            table.predicted[column] += count;
            table.cells.push((row, column, count));
        }
        table
    }

    /// Number of samples.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.truth.iter().sum()
    }

    /// Samples in each true cluster.
    #[must_use]
    pub fn truth(&self) -> &[u64] {
        &self.truth
    }

    /// Samples in each predicted cluster.
    #[must_use]
    pub fn predicted(&self) -> &[u64] {
        &self.predicted
    }

    /// The label of each true cluster, ascending.
    #[must_use]
    pub fn truth_labels(&self) -> &[i64] {
        &self.truth_labels
    }

    /// The label of each predicted cluster.
    #[must_use]
    pub fn predicted_labels(&self) -> &[i64] {
        &self.predicted_labels
    }

    /// How many labels of 0 or more stand for a true and for a predicted cluster.
    #[must_use]
    pub fn labels_in_common(&self) -> u64 {
        let predicted: BTreeSet<i64> = self.predicted_labels.iter().copied().collect();
        self.truth_labels.iter().filter(|&&l| l >= 0 && predicted.contains(&l)).count() as u64
    }

    /// (true cluster, predicted cluster, samples in both) where there are any; clusters are counted
    /// from 0 and index [`truth`](Self::truth) and [`predicted`](Self::predicted).
    #[must_use]
    pub fn cells(&self) -> &[(usize, usize, u64)] {
        &self.cells
    }
}

fn index(seen: &mut BTreeMap<i64, usize>, label: i64, sizes: &mut Vec<u64>, labels: &mut Vec<i64>) -> usize {
    *seen.entry(label).or_insert_with(|| {
        sizes.push(0);
        labels.push(label);
        sizes.len() - 1
    })
}
