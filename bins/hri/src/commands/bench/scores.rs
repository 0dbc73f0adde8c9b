//! How good labels and matches are.

use std::collections::BTreeMap;

/// Harmonic means of precision and recall.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scores {
    /// Of pairs.
    pub(super) pairwise: f64,
    /// BCubed (Bagga & Baldwin 1998).
    pub(super) bcubed: f64,
}

/// Of labels against the truth.
pub(super) fn scores(labels: &[i64], truth: &[i64]) -> Scores {
    let (mut both, mut found, mut true_) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for pair in labels.iter().zip(truth) {
        *both.entry(pair).or_insert(0.0_f64) += 1.0;
        *found.entry(pair.0).or_insert(0.0_f64) += 1.0;
        *true_.entry(pair.1).or_insert(0.0_f64) += 1.0;
    }
    let pairs = |counts: &mut dyn Iterator<Item = f64>| counts.map(|n| n * (n - 1.0) / 2.0).sum::<f64>();
    let hits = pairs(&mut both.values().copied());
    let share = |of: f64| if of > 0.0 { hits / of } else { 1.0 };
    let pairwise = f(share(pairs(&mut found.values().copied())), share(pairs(&mut true_.values().copied())));
    let n = labels.len().max(1) as f64;
    let mean = |of: &dyn Fn(&(&i64, &i64)) -> f64| both.iter().map(|(k, c)| c * c / of(k)).sum::<f64>() / n;
    let bcubed = f(mean(&|k| found[k.0]), mean(&|k| true_[k.1]));
    Scores { pairwise, bcubed }
}

fn f(precision: f64, recall: f64) -> f64 {
    if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
}

/// Identification against enrolled people.
#[derive(Debug, Default)]
pub(super) struct Identification {
    /// Distance to the nearest, and whether that is who it is; of queries whose person is enrolled.
    pub(super) known: Vec<(f64, bool)>,
    /// Distance to the nearest, of queries whose person is not.
    pub(super) unknown: Vec<f64>,
}

impl Identification {
    /// Share of known queries whose nearest person is theirs.
    pub(super) fn rank_one(&self) -> f64 {
        share(self.known.iter().filter(|k| k.1).count(), self.known.len())
    }

    /// Share of unknown queries that are taken for someone, and of known ones that are not taken for whom they are.
    pub(super) fn at(&self, threshold: f64) -> (f64, f64) {
        let alarms = self.unknown.iter().filter(|&&d| d <= threshold).count();
        let hits = self.known.iter().filter(|&&(d, right)| right && d <= threshold).count();
        (share(alarms, self.unknown.len()), 1.0 - share(hits, self.known.len()))
    }
}

fn share(some: usize, all: usize) -> f64 {
    if all == 0 { f64::NAN } else { some as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairwise and BCubed worked out by hand.
    #[test]
    fn scores_of_known_labels() {
        let perfect = scores(&[3, 3, 9], &[0, 0, 1]);
        assert_eq!((perfect.pairwise, perfect.bcubed), (1.0, 1.0));
        let s = scores(&[0, 0, 0, 1], &[5, 5, 6, 6]);
        // 1 of 3 pairs found, 1 of 2 true pairs.
        assert!((s.pairwise - 0.4).abs() < 1e-12);
        // Precision (2/3 + 2/3 + 1/3 + 1) / 4, recall (1 + 1 + 1/2 + 1/2) / 4.
        let (p, r) = (2.0 / 3.0, 0.75);
        assert!((s.bcubed - 2.0 * p * r / (p + r)).abs() < 1e-12);
    }

    #[test]
    fn alarms_and_misses() {
        let all =
            Identification { known: vec![(0.1, true), (0.2, false), (0.5, true)], unknown: vec![0.3, 0.7] };
        assert!((all.rank_one() - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(all.at(0.3).0, 0.5);
        assert!((all.at(0.3).1 - 2.0 / 3.0).abs() < 1e-12);
    }
}
