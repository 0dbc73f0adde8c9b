//! Quality of labels and of searches.

use streamface_eval::metrics::bcubed;
use streamface_eval::{Contingency, Pairs};

/// Harmonic means of precision and recall.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scores {
    /// Over pairs of vectors.
    pub(super) pairwise: f64,
    /// BCubed (Bagga & Baldwin 1998).
    pub(super) bcubed: f64,
}

/// Scores of labels compared with the truth.
pub(super) fn scores(labels: &[i64], truth: &[i64]) -> Scores {
    let table = Contingency::new(truth.iter().copied().zip(labels.iter().copied()));
    Scores { pairwise: Pairs::new(&table).prf().f, bcubed: bcubed(&table).f }
}

/// Results of identification among enrolled people.
#[derive(Debug, Default)]
pub(super) struct Identification {
    /// Queries of enrolled people: distance to the nearest person, and whether it is the right one.
    pub(super) known: Vec<(f64, bool)>,
    /// Queries of other people: distance to the nearest person.
    pub(super) unknown: Vec<f64>,
}

impl Identification {
    /// Share of known queries whose nearest person is the right one.
    pub(super) fn rank_one(&self) -> f64 {
        share(self.known.iter().filter(|k| k.1).count(), self.known.len())
    }

    /// False alarms and misses: the share of unknown queries that match somebody, and of known queries that do not match the
    /// right person.
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

    /// The expected values are computed by hand.
    #[test]
    fn scores_agree_with_hand_computed_values() {
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
    fn false_alarms_and_misses_are_counted() {
        let all =
            Identification { known: vec![(0.1, true), (0.2, false), (0.5, true)], unknown: vec![0.3, 0.7] };
        assert!((all.rank_one() - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(all.at(0.3).0, 0.5);
        assert!((all.at(0.3).1 - 2.0 / 3.0).abs() < 1e-12);
    }
}
