//! Accuracy over folds.

use serde::Serialize;

use super::{Roc, RocPoint, TarAtFar};
use crate::Error;

/// A protocol's result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// Pairs of one person.
    pub same: u64,
    /// Pairs of two people.
    pub different: u64,
    /// Mean accuracy of the folds, 0 to 1.
    pub accuracy: f64,
    /// Standard error of that mean: the folds' standard deviation (n − 1) over the root of their number, as
    /// in Huang, Ramesh, Berg and Learned-Miller, 2007.
    pub standard_error: f64,
    /// Each fold.
    pub folds: Vec<Fold>,
    /// Area under the ROC curve over all pairs, those in no fold included; so are the following.
    pub auc: f64,
    /// Equal error rate.
    pub eer: f64,
    /// The threshold there.
    pub eer_threshold: f64,
    /// True accept rates, at those false accept rates that there are pairs enough for.
    pub tar_at_far: Vec<TarAtFar>,
    /// The curve's corners.
    #[serde(skip)]
    pub roc: Vec<RocPoint>,
}

/// One fold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fold {
    /// Pairs in it.
    pub pairs: u64,
    /// The threshold that the other folds choose: pairs at most this far apart are accepted.
    pub threshold: f64,
    /// Share of its pairs that this threshold classifies rightly, 0 to 1.
    pub accuracy: f64,
}

/// A protocol over pairs (distance, of one person, fold). Pairs without a fold count for the curve alone.
///
/// The threshold of a fold is the one with the best accuracy on all others: halfway between two distances
/// that occur there, or a step beyond the last; of equally good ones the smallest. O(folds · n log n).
///
/// # Errors
/// Those of [`Roc::new`]; [`Error::Folds`] where fewer than two folds have pairs.
pub fn verify(pairs: &[(f64, bool, Option<usize>)]) -> Result<Verified, Error> {
    let roc = Roc::new(pairs.iter().map(|&(d, same, _)| (d, same)))?;
    let count = pairs.iter().filter_map(|p| p.2).max().map_or(0, |last| last + 1);
    let mut sorted: Vec<(f64, bool, usize)> =
        pairs.iter().filter_map(|&(d, same, fold)| Some((d, same, fold?))).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut sizes = vec![0_u64; count];
    sorted.iter().for_each(|p| sizes[p.2] += 1);
    let there: Vec<usize> = (0..count).filter(|&fold| sizes[fold] > 0).collect();
    if there.len() < 2 {
        return Err(Error::Folds { found: there.len() });
    }
    let folds: Vec<Fold> = there
        .into_iter()
        .map(|fold| {
            let threshold = best(sorted.iter().filter(|p| p.2 != fold).map(|p| (p.0, p.1)));
            let right = sorted.iter().filter(|p| p.2 == fold && (p.0 <= threshold) == p.1).count();
            Fold { pairs: sizes[fold], threshold, accuracy: right as f64 / sizes[fold] as f64 }
        })
        .collect();
    let n = folds.len() as f64;
    let accuracy = folds.iter().map(|f| f.accuracy).sum::<f64>() / n;
    let squares: f64 = folds.iter().map(|f| (f.accuracy - accuracy).powi(2)).sum();
    let (eer, eer_threshold) = roc.equal_error();
    Ok(Verified {
        same: roc.same(),
        different: roc.different(),
        accuracy,
        standard_error: (squares / (n - 1.0)).sqrt() / n.sqrt(),
        folds,
        auc: roc.auc(),
        eer,
        eer_threshold,
        tar_at_far: roc.tars(),
        roc: roc.points(),
    })
}

/// The best threshold for pairs in ascending order of distance.
fn best(pairs: impl Iterator<Item = (f64, bool)> + Clone) -> f64 {
    // Right at a threshold below all: every pair of two people.
    let mut right = pairs.clone().filter(|p| !p.1).count() as i64;
    let mut pairs = pairs.peekable();
    // Nothing is at a distance below 0, so this accepts nothing.
    let (mut most, mut threshold) = (right, -1.0);
    while let Some((distance, same)) = pairs.next() {
        right += if same { 1 } else { -1 };
        let next = pairs.peek().map(|p| p.0);
        if right > most && next != Some(distance) {
            most = right;
            // Where two neighbours have no number between them, the nearer one is at most itself.
            threshold = next.map_or(distance, |next| distance + (next - distance) / 2.0).max(distance);
            if next == Some(threshold) {
                threshold = distance;
            }
        }
    }
    threshold
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fold_takes_the_threshold_of_the_others() {
        let pair = |d: f64, same: bool, fold: usize| (d, same, Some(fold));
        let pairs = [
            pair(0.1, true, 0),
            pair(0.9, false, 0),
            pair(0.3, true, 1),
            pair(0.5, false, 1),
            pair(0.6, true, 2),
            pair(0.8, false, 2),
            (0.0, false, None),
        ];
        let found = verify(&pairs).unwrap();
        // Of the others of fold 2, 0.3 and 0.5 are told by their middle, which its own 0.6 is beyond.
        assert_eq!(found.folds[2], Fold { pairs: 2, threshold: 0.4, accuracy: 0.5 });
        assert_eq!(found.folds[1].threshold, 0.7);
        assert_eq!(found.folds[1].accuracy, 0.5);
        let all = [1.0, 0.5, 0.5];
        let mean = all.iter().sum::<f64>() / 3.0;
        let error = (all.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>() / 2.0).sqrt() / 3_f64.sqrt();
        assert!((found.accuracy - mean).abs() < 1e-15 && (found.standard_error - error).abs() < 1e-15);
        assert_eq!((found.same, found.different), (3, 4));
        assert!(matches!(
            verify(&[(0.1, true, Some(3)), (0.2, false, Some(3))]),
            Err(Error::Folds { found: 1 })
        ));
    }

    proptest! {
        #[test]
        fn no_threshold_is_better(pairs in prop::collection::vec((0..9_u8, any::<bool>()), 1..30)) {
            let mut pairs: Vec<(f64, bool)> = pairs.into_iter().map(|(d, s)| (f64::from(d), s)).collect();
            pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let right = |t: f64| pairs.iter().filter(|p| (p.0 <= t) == p.1).count();
            let found = best(pairs.iter().copied());
            // Thresholds between all distances there can be; the first best one has the same effect.
            let tried: Vec<f64> = (-1..10).map(f64::from).collect();
            let most = tried.iter().map(|&t| right(t)).max().unwrap();
            prop_assert_eq!(right(found), most);
            let first = tried.into_iter().find(|&t| right(t) == most).unwrap();
            let accepted = |t: f64| pairs.iter().filter(|p| p.0 <= t).count();
            prop_assert_eq!(accepted(found), accepted(first));
        }
    }

    #[test]
    fn neighbours_without_a_number_between() {
        let next = 0.5_f64.next_up();
        assert_eq!(best([(0.5, true), (next, false)].into_iter()), 0.5);
    }
}
