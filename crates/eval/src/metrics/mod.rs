//! How well two labellings of the same faces agree.
//!
//! | file | what |
//! |---|---|
//! | `contingency` | [`Contingency`]: the sparse table everything is computed from |
//! | `agreement` | [`Pairs`] (pairwise P/R/F, adjusted Rand), [`bcubed`], [`nmi`], [`purity`] |
//!
//! Label numbers mean nothing but same or different, and −1 (noise) is a label like any other, as
//! in the original: two faces set aside as noise count as put together.

mod agreement;
mod contingency;
#[cfg(test)]
mod slow;

use std::collections::BTreeMap;

use serde::Serialize;

pub use agreement::{Pairs, Prf, bcubed, nmi, purity};
pub use contingency::Contingency;

use crate::{Error, labels::stem};

/// All measures of a predicted labelling against a true one, over the faces that are in both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scores {
    /// Faces in both.
    pub samples: u64,
    /// Faces that only the true labelling has; in no measure.
    pub only_in_true: u64,
    /// Faces that only the predicted labelling has; in no measure.
    pub only_in_predicted: u64,
    /// True clusters among the faces in both.
    pub true_clusters: u64,
    /// Predicted clusters among the faces in both.
    pub predicted_clusters: u64,
    /// Over all pairs of faces: put together, and belonging together.
    pub pairwise: Prf,
    /// The same as a mean over the faces, so that large clusters weigh by faces and not by pairs.
    pub bcubed: Prf,
    /// Adjusted Rand index, at most 1.
    pub ari: f64,
    /// Normalised mutual information (arithmetic mean), 0 to 1.
    pub nmi: f64,
    /// Share of faces that are of the commonest person in their predicted cluster, 0 to 1.
    pub purity: f64,
}

/// Compares `predicted` with `truth`, both by name; a trailing `.png` or `.jpg` of a name is passed
/// over.
///
/// # Errors
/// [`Error::NothingShared`] where no name is in both, [`Error::SameStem`] where one labelling has a
/// name with and without its extension and the two differ.
pub fn score(truth: &BTreeMap<String, i64>, predicted: &BTreeMap<String, i64>) -> Result<Scores, Error> {
    let (truth, predicted) = (by_stem(truth, "true")?, by_stem(predicted, "predicted")?);
    let table = Contingency::new(truth.iter().filter_map(|(name, &t)| Some((t, *predicted.get(name)?))));
    let samples = table.samples();
    if samples == 0 {
        let first = |labels: &BTreeMap<&str, i64>| Some(labels.keys().next()?.chars().take(100).collect());
        let example = first(&truth).zip(first(&predicted));
        return Err(Error::NothingShared { truth: truth.len(), predicted: predicted.len(), example });
    }
    Ok(Scores {
        only_in_true: truth.len() as u64 - samples,
        only_in_predicted: predicted.len() as u64 - samples,
        ..Scores::from(&table)
    })
}

impl From<&Contingency> for Scores {
    /// No sample at all is full agreement, as in scikit-learn.
    fn from(table: &Contingency) -> Self {
        let pairs = Pairs::new(table);
        Self {
            samples: table.samples(),
            only_in_true: 0,
            only_in_predicted: 0,
            true_clusters: table.truth().len() as u64,
            predicted_clusters: table.predicted().len() as u64,
            pairwise: pairs.prf(),
            bcubed: bcubed(table),
            ari: pairs.adjusted_rand(),
            nmi: nmi(table),
            purity: purity(table),
        }
    }
}

fn by_stem<'a>(
    labels: &'a BTreeMap<String, i64>,
    which: &'static str,
) -> Result<BTreeMap<&'a str, i64>, Error> {
    let mut stems = BTreeMap::new();
    for (name, &label) in labels {
        let name = stem(name);
        if stems.insert(name, label).is_some_and(|old| old != label) {
            return Err(Error::SameStem { which, name: name.to_owned() });
        }
    }
    Ok(stems)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    fn close_prf(a: Prf, b: Prf) -> bool {
        close(a.precision, b.precision) && close(a.recall, b.recall) && close(a.f, b.f)
    }

    fn scores(truth: &[i64], predicted: &[i64]) -> Scores {
        Scores::from(&Contingency::new(truth.iter().copied().zip(predicted.iter().copied())))
    }

    proptest! {
        #[test]
        fn table_and_pairs_agree(samples in prop::collection::vec((-1..6i64, -1..6i64), 0..60)) {
            let (truth, predicted): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
            let (fast, slow) = (scores(&truth, &predicted), slow::scores(&truth, &predicted));
            prop_assert!(close_prf(fast.pairwise, slow.pairwise), "{fast:?} {slow:?}");
            prop_assert!(close_prf(fast.bcubed, slow.bcubed), "{fast:?} {slow:?}");
            prop_assert!(close(fast.ari, slow.ari), "{fast:?} {slow:?}");
            prop_assert!(close(fast.nmi, slow.nmi), "{fast:?} {slow:?}");
            prop_assert!(close(fast.purity, slow.purity), "{fast:?} {slow:?}");
            prop_assert_eq!(fast.true_clusters, slow.true_clusters);
        }

        #[test]
        fn label_numbers_do_not_matter(samples in prop::collection::vec((0..5i64, 0..5i64), 1..40)) {
            let (truth, predicted): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
            let other: Vec<_> = predicted.iter().map(|l| 1000 - 7 * l).collect();
            let (a, b) = (scores(&truth, &predicted), scores(&truth, &other));
            // The order of summation may change the last digit.
            prop_assert!(close_prf(a.bcubed, b.bcubed) && close(a.nmi, b.nmi));
            prop_assert_eq!(a.pairwise, b.pairwise);
        }
    }

    #[test]
    fn edges_as_in_scikit_learn() {
        // (truth, predicted, ARI, NMI), as scikit-learn 1.9 gives them.
        let cases: [(&[i64], &[i64], f64, f64); 7] = [
            (&[], &[], 1.0, 1.0),
            (&[5], &[9], 1.0, 1.0),
            (&[0, 0, 0, 0], &[3, 3, 3, 3], 1.0, 1.0),
            (&[0, 1, 2, 3], &[3, 2, 1, 0], 1.0, 1.0),
            (&[0, 0, 0, 0], &[0, 1, 2, 3], 0.0, 0.0),
            (&[0, 1, 2, 3], &[0, 0, 0, 0], 0.0, 0.0),
            (&[0, 0, 1, 1], &[0, 1, 0, 1], -0.5, 0.0),
        ];
        for (truth, predicted, ari, nmi) in cases {
            let s = scores(truth, predicted);
            assert!(close(s.ari, ari) && close(s.nmi, nmi), "{truth:?} {predicted:?} {s:?}");
        }
        // scikit-learn: adjusted_rand_score, normalized_mutual_info_score.
        let s = scores(&[0, 0, 1, 2, 2, 2, -1], &[1, 1, 1, 2, 2, 0, 0]);
        assert!(close(s.ari, 0.2953020134228188) && close(s.nmi, 0.6843729751257531), "{s:?}");
    }

    #[test]
    fn pairs_where_there_are_none() {
        let prf = |precision, recall, f| Prf { precision, recall, f };
        assert_eq!(scores(&[0, 1], &[0, 1]).pairwise, prf(1.0, 1.0, 1.0));
        assert_eq!(scores(&[0, 0], &[0, 1]).pairwise, prf(1.0, 0.0, 0.0));
        assert_eq!(scores(&[0, 1], &[0, 0]).pairwise, prf(0.0, 1.0, 0.0));
    }

    #[test]
    fn a_million_in_one_cluster_do_not_overflow() {
        let table = Contingency::new((0..1_000_000).map(|i| (0, i % 2)));
        let s = Scores::from(&table);
        assert!(close(s.pairwise.recall, 499_999.0 / 999_999.0) && s.pairwise.precision == 1.0);
    }

    #[test]
    fn names_are_stems_and_only_shared_ones_count() {
        let map = |pairs: &[(&str, i64)]| pairs.iter().map(|&(n, l)| (n.to_owned(), l)).collect();
        let truth: BTreeMap<_, _> = map(&[("a", 0), ("b.png", 0), ("c", 1)]);
        let s = score(&truth, &map(&[("a.jpg", 4), ("b", 4), ("d", 4), ("e", 4)])).unwrap();
        assert_eq!((s.samples, s.only_in_true, s.only_in_predicted), (2, 1, 2));
        assert_eq!((s.true_clusters, s.predicted_clusters, s.pairwise.f), (1, 1, 1.0));

        let nothing = score(&truth, &map(&[("x", 0)])).unwrap_err().to_string();
        assert!(nothing.contains("'a'") && nothing.contains("'x'"), "{nothing}");
        assert!(matches!(score(&map(&[]), &map(&[])), Err(Error::NothingShared { .. })));
        assert!(matches!(
            score(&truth, &map(&[("a", 1), ("a.png", 2)])),
            Err(Error::SameStem { which: "predicted", .. })
        ));
    }
}
