//! How good labels and matches are.

use streamface_eval::metrics::bcubed;
use streamface_eval::{Contingency, Pairs};

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
    let table = Contingency::new(truth.iter().copied().zip(labels.iter().copied()));
    Scores { pairwise: Pairs::new(&table).prf().f, bcubed: bcubed(&table).f }
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
