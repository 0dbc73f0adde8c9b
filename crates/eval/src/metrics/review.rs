//! What a review changed: the labels before it, after it, and the truth.

use serde::Serialize;

use super::agreement::choose_2;
use super::{Contingency, Noise, Pairs, Prf, Scores};

/// A review against the truth, over the faces that all three labellings have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReviewScores {
    /// Before it.
    pub before: Scores,
    /// After it.
    pub after: Scores,
    /// Pairwise F after less that before.
    pub gain: f64,
    /// What was put together, by what it does to the pairs, most first.
    pub joins: Vec<Change>,
    /// What was taken apart, in the same order.
    pub splits: Vec<Change>,
}

/// Clusters that became one, or one that became several.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The one: the label after a join, before a split.
    pub whole: i64,
    /// The several, most faces first, then by label: labels before a join, after a split, and the faces of
    /// each in the one.
    pub parts: Vec<(i64, u64)>,
    /// Pairs across the parts that are now as in the truth.
    pub right: u64,
    /// Pairs across the parts that no longer are.
    pub wrong: u64,
    /// What these pairs alone, changed in the labels before, add to the pairwise F.
    pub gain: f64,
}

impl ReviewScores {
    /// Compares; `samples` are (true, before, after), one for each face. Faces that come from noise, or go there, are one
    /// part of a join or a split, whatever noise counts as.
    ///
    /// A face that went from one cluster to another is a part of a split and of a join. O(n log n).
    pub fn new(samples: impl IntoIterator<Item = (i64, i64, i64)>, noise: Noise) -> Self {
        let mut samples: Vec<(i64, i64, i64)> = samples.into_iter().collect();
        let before = Contingency::new(samples.iter().map(|&(t, before, _)| (t, before)));
        let after = Contingency::new(samples.iter().map(|&(t, _, after)| (t, after)));
        let pairs = Pairs::new(&noise.resolve(&before));
        let (before, after) = (Scores::new(&before, noise), Scores::new(&after, noise));
        // A label of its own for each face of noise that is alone.
        let mut own = -1;
        for label in samples.iter_mut().flat_map(|(t, before, after)| [t, before, after]) {
            if !noise.together(*label) {
                own -= 1;
                *label = own;
            }
        }
        let joins =
            changes(samples.iter().map(|&(t, before, after)| (after, before, t)), |same, different| {
                let joined = Pairs {
                    both: pairs.both + same,
                    truth_only: pairs.truth_only - same,
                    predicted_only: pairs.predicted_only + different,
                    neither: pairs.neither - different,
                };
                (same, different, joined.prf())
            });
        let splits = changes(
            samples.iter().copied().map(|(t, before, after)| (before, after, t)),
            |same, different| {
                let split = Pairs {
                    both: pairs.both - same,
                    truth_only: pairs.truth_only + same,
                    predicted_only: pairs.predicted_only - different,
                    neither: pairs.neither + different,
                };
                (different, same, split.prf())
            },
        );
        let sorted = |changes: Vec<(Change, Prf)>| {
            let mut all: Vec<Change> = changes
                .into_iter()
                .map(|(change, prf)| Change { gain: prf.f - before.pairwise.f, ..change })
                .collect();
            all.sort_by(|a, b| (b.right + b.wrong).cmp(&(a.right + a.wrong)).then(a.whole.cmp(&b.whole)));
            all
        };
        let gain = after.pairwise.f - before.pairwise.f;
        Self { before, after, gain, joins: sorted(joins), splits: sorted(splits) }
    }
}

/// Every whole of more than one part in samples (whole, part, truth). `count` is given the pairs across parts that
/// show one person and those that show two; it returns the pairs that are now right, those now wrong, and the scores of
/// the change alone.
fn changes(
    samples: impl Iterator<Item = (i64, i64, i64)>,
    count: impl Fn(u128, u128) -> (u128, u128, Prf),
) -> Vec<(Change, Prf)> {
    let mut samples: Vec<(i64, i64, i64)> = samples.collect();
    samples.sort_unstable();
    let pairs = |samples: &[(i64, i64, i64)]| choose_2(samples.len() as u64);
    let mut found = Vec::new();
    for whole in samples.chunk_by_mut(|a, b| a.0 == b.0) {
        let mut parts: Vec<(i64, u64)> =
            whole.chunk_by(|a, b| a.1 == b.1).map(|part| (part[0].1, part.len() as u64)).collect();
        if parts.len() < 2 {
            continue;
        }
        let within: u128 = parts.iter().map(|&(_, faces)| choose_2(faces)).sum();
        let across = pairs(whole) - within;
        let same_within: u128 = whole.chunk_by(|a, b| (a.1, a.2) == (b.1, b.2)).map(pairs).sum();
        whole.sort_unstable_by_key(|&(_, _, truth)| truth);
        let same: u128 = whole.chunk_by(|a, b| a.2 == b.2).map(pairs).sum();
        let same = same - same_within;
        let (right, wrong, prf) = count(same, across - same);
        // Noise is one part, though its faces may be apart.
        let noise: u64 = parts.iter().filter(|part| part.0 < 0).map(|part| part.1).sum();
        parts.retain(|part| part.0 >= 0);
        parts.extend((noise > 0).then_some((-1, noise)));
        parts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        // 2^32 faces would be needed for more pairs than a u64 holds.
        let (right, wrong) = (right as u64, wrong as u64);
        found.push((Change { whole: whole[0].0, parts, right, wrong, gain: 0.0 }, prf));
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(samples: &[(i64, i64, i64)], of: impl Fn(&(i64, i64, i64)) -> i64) -> Vec<i64> {
        samples.iter().map(of).collect()
    }

    fn f(truth: &[i64], predicted: &[i64]) -> f64 {
        Pairs::new(&Contingency::new(truth.iter().copied().zip(predicted.iter().copied()))).prf().f
    }

    #[test]
    fn a_join_and_a_split() {
        // Clusters 0 and 1 are one person and were joined; a stranger was taken out of 2.
        let samples = [(7, 0, 0), (7, 0, 0), (7, 1, 0), (8, 2, 2), (8, 2, 2), (9, 2, 3)];
        let review = ReviewScores::new(samples, Noise::Cluster);
        assert_eq!(review.after.pairwise.f, 1.0);
        assert_eq!(review.joins.len(), 1);
        let join = &review.joins[0];
        assert_eq!((join.whole, &join.parts[..], join.right, join.wrong), (0, &[(0, 2), (1, 1)][..], 2, 0));
        let split = &review.splits[0];
        assert_eq!(
            (split.whole, &split.parts[..], split.right, split.wrong),
            (2, &[(2, 2), (3, 1)][..], 2, 0)
        );
        let (before, joined) =
            (f(&[7, 7, 7, 8, 8, 9], &[0, 0, 1, 2, 2, 2]), f(&[7, 7, 7, 8, 8, 9], &[0, 0, 0, 2, 2, 2]));
        assert!(
            (join.gain - (joined - before)).abs() < 1e-15 && (review.gain - (1.0 - before)).abs() < 1e-15
        );
    }

    #[test]
    fn faces_that_were_alone_join_a_person() {
        // Two of noise are taken in, of which one is a stranger; another is set aside, and was a pair of its own.
        let samples = [(7, 0, 0), (7, -1, 0), (8, -1, 0), (9, 5, 5), (9, 5, -1)];
        let review = ReviewScores::new(samples, Noise::Alone);
        let (join, split) = (&review.joins[0], &review.splits[0]);
        assert_eq!((join.whole, &join.parts[..], join.right, join.wrong), (0, &[(-1, 2), (0, 1)][..], 1, 2));
        assert_eq!(
            (split.whole, &split.parts[..], split.right, split.wrong),
            (5, &[(-1, 1), (5, 1)][..], 0, 1)
        );
        assert_eq!((review.joins.len(), review.splits.len()), (1, 1));
        // No pair of noise counts: before, the only pair is right, of two there are.
        assert_eq!((review.before.pairwise.precision, review.before.pairwise.recall), (1.0, 0.5));
        assert_eq!((review.before.coverage, review.after.coverage), (0.6, 0.8));
    }

    proptest! {
        /// The gain of a change is that of making it, and all of them together explain all pairs.
        #[test]
        fn changes_are_what_they_say(samples in prop::collection::vec((0..4i64, -1..4i64, -1..4i64), 1..30)) {
            let review = ReviewScores::new(samples.iter().copied(), Noise::Cluster);
            let truth = labels(&samples, |s| s.0);
            let before = labels(&samples, |s| s.1);
            for join in &review.joins {
                let first = join.parts[0].0;
                // Faces of the whole only: what else is in the parts' clusters stays apart.
                let made: Vec<i64> = samples.iter().map(|s| if s.2 == join.whole { 100 } else { s.1 }).collect();
                let apart: Vec<i64> =
                    samples.iter().map(|s| if s.2 == join.whole { 100 + s.1 } else { s.1 }).collect();
                let (a, b) = (pairs_of(&truth, &apart), pairs_of(&truth, &made));
                prop_assert_eq!((b.both - a.both) as u64, join.right, "{:?} {}", join, first);
                prop_assert_eq!((b.predicted_only - a.predicted_only) as u64, join.wrong);
            }
            for split in &review.splits {
                let made: Vec<i64> =
                    samples.iter().map(|s| if s.1 == split.whole { 100 + s.2 } else { s.1 }).collect();
                prop_assert!((split.gain - (f(&truth, &made) - f(&truth, &before))).abs() < 1e-12);
            }
            let (a, b) = (pairs_of(&truth, &before), pairs_of(&truth, &labels(&samples, |s| s.2)));
            let sum = |all: &[Change], of: fn(&Change) -> u64| all.iter().map(of).sum::<u64>() as u128;
            let both = a.both + sum(&review.joins, |c| c.right) - sum(&review.splits, |c| c.wrong);
            prop_assert_eq!(both, b.both);
            let wrong = a.predicted_only + sum(&review.joins, |c| c.wrong) - sum(&review.splits, |c| c.right);
            prop_assert_eq!(wrong, b.predicted_only);
        }
    }

    fn pairs_of(truth: &[i64], predicted: &[i64]) -> Pairs {
        Pairs::new(&Contingency::new(truth.iter().copied().zip(predicted.iter().copied())))
    }
}
