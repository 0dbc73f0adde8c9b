//! Accuracy over folds.

use std::collections::HashMap;

use serde::Serialize;

use super::intervals::intervals;
use super::{MIN_ACCEPTED, Rejecting, Roc, RocPoint, TarAtFar};
use crate::Error;

/// A pair whose distance is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// The distance, 0 or more.
    pub distance: f64,
    /// Whether it is one person.
    pub same: bool,
    /// The fold, from 0; `None` for the curve alone.
    pub fold: Option<usize>,
    /// The two people, as numbers; twice the same one for a pair of one person.
    pub people: [u32; 2],
}

/// A false accept rate that there are too few pairs of two people for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TooFew {
    /// The rate.
    pub far: f64,
    /// Pairs of two people that are accepted there.
    pub accepted: u64,
    /// As many are needed.
    pub needed: u64,
}

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
    /// Pairs of a fold that lack a face.
    pub missing: u64,
    /// Mean accuracy of the folds with these counted as refused: wrong where they are of one person. The same as
    /// `accuracy` where there are none.
    pub accuracy_with_missing: f64,
    /// Standard error of that mean.
    pub standard_error_with_missing: f64,
    /// Each fold.
    pub folds: Vec<Fold>,
    /// Mean of the folds' thresholds.
    pub mean_threshold: f64,
    /// People in the pairs.
    pub people: u64,
    /// Of these, those in pairs of several folds. Where there are any, a threshold was chosen on the very people that it
    /// is tried on, and the accuracy flatters.
    pub people_in_several_folds: u64,
    /// Area under the ROC curve over all pairs, those in no fold included; so are the following.
    pub auc: f64,
    /// Equal error rate.
    pub eer: f64,
    /// The threshold there.
    pub eer_threshold: f64,
    /// True accept rates, at those false accept rates that there are pairs enough for.
    pub tar_at_far: Vec<TarAtFar>,
    /// The largest of the false accept rates that there are too few pairs for.
    pub too_few: Option<TooFew>,
    /// What is missed as the worst faces are left out, which [`rejecting`](super::rejecting) finds; none where that was not
    /// asked, or the faces have no quality.
    pub rejecting: Option<Rejecting>,
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
    /// Pairs of it that lack a face.
    pub missing: u64,
    /// The share with these counted as refused.
    pub accuracy_with_missing: f64,
}

/// A protocol over pairs. Pairs without a fold count for the curve alone; `missing` are pairs that lack a face: whether
/// they are of one person, and the fold. No threshold hangs on them.
///
/// The threshold of a fold is the one with the best accuracy on all others: halfway between two distances
/// that occur there, or a step beyond the last; of equally good ones the smallest. O(folds · n log n).
///
/// # Errors
/// Those of [`Roc::new`]; [`Error::Folds`] where fewer than two folds have pairs.
pub fn verify(pairs: &[Compared], missing: &[(bool, usize)]) -> Result<Verified, Error> {
    let roc = Roc::new(pairs.iter().map(|p| (p.distance, p.same)))?;
    let count = pairs.iter().filter_map(|p| p.fold).max().map_or(0, |last| last + 1);
    let mut sorted: Vec<(f64, bool, usize)> =
        pairs.iter().filter_map(|p| Some((p.distance, p.same, p.fold?))).collect();
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
            let lack = || missing.iter().filter(|m| m.1 == fold);
            let (lacking, refused) = (lack().count(), lack().filter(|m| !m.0).count());
            let share = |right: usize, all: u64| right as f64 / all as f64;
            Fold {
                pairs: sizes[fold],
                threshold,
                accuracy: share(right, sizes[fold]),
                missing: lacking as u64,
                accuracy_with_missing: share(right + refused, sizes[fold] + lacking as u64),
            }
        })
        .collect();
    let (accuracy, standard_error) = mean(folds.iter().map(|f| f.accuracy));
    let (accuracy_with_missing, standard_error_with_missing) =
        mean(folds.iter().map(|f| f.accuracy_with_missing));
    let (eer, eer_threshold) = roc.equal_error();
    let (mut tar_at_far, few) = roc.tars();
    for at in &mut tar_at_far {
        let found = intervals(pairs, &roc, at.far, at.threshold.unwrap_or(-1.0));
        (at.interval, at.far_interval) = (Some(found.tar), Some(found.far));
    }
    let (people, people_in_several_folds) = people(pairs);
    Ok(Verified {
        same: roc.same(),
        different: roc.different(),
        accuracy,
        standard_error,
        missing: missing.len() as u64,
        accuracy_with_missing,
        standard_error_with_missing,
        mean_threshold: folds.iter().map(|f| f.threshold).sum::<f64>() / folds.len() as f64,
        folds,
        people,
        people_in_several_folds,
        auc: roc.auc(),
        eer,
        eer_threshold,
        tar_at_far,
        too_few: few.map(|at| TooFew { far: at.far, accepted: at.accepted, needed: MIN_ACCEPTED }),
        rejecting: None,
        roc: roc.points(),
    })
}

/// The mean, and its standard error; of two or more.
fn mean(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let squares: f64 = values.map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt() / n.sqrt())
}

/// How many people there are, and how many of them are in several folds.
fn people(pairs: &[Compared]) -> (u64, u64) {
    // Nobody's fold, one fold, several.
    let mut folds: HashMap<u32, Option<Option<usize>>> = HashMap::new();
    for pair in pairs {
        for person in pair.people {
            let of = folds.entry(person).or_insert(None);
            *of = match (*of, pair.fold) {
                (Some(Some(known)), Some(fold)) if known != fold => Some(None),
                (None, Some(fold)) => Some(Some(fold)),
                (known, _) => known,
            };
        }
    }
    (folds.len() as u64, folds.values().filter(|of| **of == Some(None)).count() as u64)
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
        let pair = |d: f64, same: bool, fold: usize| compared(d, same, Some(fold));
        let pairs = [
            pair(0.1, true, 0),
            pair(0.9, false, 0),
            pair(0.3, true, 1),
            pair(0.5, false, 1),
            pair(0.6, true, 2),
            pair(0.8, false, 2),
            compared(0.0, false, None),
        ];
        let found = verify(&pairs, &[]).unwrap();
        // Of the others of fold 2, 0.3 and 0.5 are told by their middle, which its own 0.6 is beyond.
        let last = found.folds[2];
        assert_eq!((last.pairs, last.threshold, last.accuracy), (2, 0.4, 0.5));
        assert_eq!(found.folds[1].threshold, 0.7);
        assert_eq!(found.folds[1].accuracy, 0.5);
        let all = [1.0, 0.5, 0.5];
        let mean = all.iter().sum::<f64>() / 3.0;
        let error = (all.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>() / 2.0).sqrt() / 3_f64.sqrt();
        assert!((found.accuracy - mean).abs() < 1e-15 && (found.standard_error - error).abs() < 1e-15);
        assert_eq!((found.same, found.different), (3, 4));
        assert!(matches!(
            verify(&[compared(0.1, true, Some(3)), compared(0.2, false, Some(3))], &[]),
            Err(Error::Folds { found: 1 })
        ));
        assert_eq!((found.accuracy_with_missing, found.missing), (found.accuracy, 0));
        // One pair of one person that lacks a face is wrong, and one of two people is right.
        let lacking = verify(&pairs, &[(true, 0), (false, 1), (false, 1)]).unwrap();
        assert_eq!((lacking.accuracy, lacking.missing), (found.accuracy, 3));
        let folds: Vec<f64> = lacking.folds.iter().map(|f| f.accuracy_with_missing).collect();
        assert_eq!(folds, [2.0 / 3.0, 3.0 / 4.0, 0.5]);
        assert!((lacking.accuracy_with_missing - folds.iter().sum::<f64>() / 3.0).abs() < 1e-15);
    }

    fn compared(distance: f64, same: bool, fold: Option<usize>) -> Compared {
        Compared { distance, same, fold, people: if same { [0, 0] } else { [0, 1] } }
    }

    #[test]
    fn people_of_several_folds_are_counted() {
        let pair = |a: u32, b: u32, fold| Compared { fold, people: [a, b], ..compared(0.5, a == b, None) };
        let pairs = [
            pair(0, 0, Some(0)),
            pair(0, 1, Some(0)),
            pair(1, 2, Some(1)),
            pair(3, 2, None),
            pair(0, 4, None),
        ];
        assert_eq!(people(&pairs), (5, 1));
        assert_eq!(people(&pairs[..2]), (2, 0));
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
