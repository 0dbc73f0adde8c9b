//! How well two labellings of the same faces agree.
//!
//! | file | what |
//! |---|---|
//! | `contingency` | [`Contingency`]: the sparse table everything is computed from |
//! | `agreement` | [`Pairs`] (pairwise P/R/F, adjusted Rand), [`bcubed`], [`purity`], [`equality`] |
//! | `information` | [`information()`]: NMI, AMI, V-measure, homogeneity, completeness |
//! | `people` | [`person_errors`], [`confusions`]: what went wrong, worst first |
//! | `review` | [`ReviewScores`]: what a review changed |
//!
//! Label numbers mean nothing but same or different, except to [`equality`]; and −1 (noise) is a label like
//! any other, as in the original: two faces marked as noise count as one pair of a cluster.

mod agreement;
mod contingency;
mod information;
mod people;
mod review;
#[cfg(test)]
mod slow;

use std::collections::BTreeMap;

use serde::Serialize;

pub use agreement::{Equality, Pairs, Prf, bcubed, equality, purity};
pub use contingency::Contingency;
pub use information::{Information, information};
pub use people::{Confusion, Mistake, Part, PersonErrors, confusions, person_errors};
pub use review::{Change, ReviewScores};

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
    /// Labels of 0 or more that both have. Where there is none, no label could be equal, and `equality` says nothing.
    pub labels_in_common: u64,
    /// Whether labels are equal as they stand.
    #[serde(flatten)]
    pub equality: Equality,
    /// Over all pairs of faces: put together, and belonging together.
    pub pairwise: Prf,
    /// The same as a mean over the faces, so that large clusters weigh by faces and not by pairs.
    pub bcubed: Prf,
    /// Adjusted Rand index, at most 1.
    pub ari: f64,
    /// NMI, AMI, V-measure, homogeneity, completeness.
    #[serde(flatten)]
    pub information: Information,
    /// Share of faces that are of the commonest person in their predicted cluster, 0 to 1.
    pub purity: f64,
}

/// Two labellings side by side, by the stems of the names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shared<'a> {
    /// (name, true label, predicted label) of the faces in both, by name.
    pub both: Vec<(&'a str, i64, i64)>,
    /// Names that only the true labelling has, ascending.
    pub only_in_true: Vec<&'a str>,
    /// Names that only the predicted labelling has, ascending.
    pub only_in_predicted: Vec<&'a str>,
}

impl<'a> Shared<'a> {
    /// Looks each name up in the other labelling; a trailing `.png` or `.jpg` of a name is ignored.
    ///
    /// # Errors
    /// [`Error::NothingShared`] where no name is in both, [`Error::SameStem`] where one labelling has a
    /// name with and without its extension and the two differ.
    pub fn new(
        truth: &'a BTreeMap<String, i64>,
        predicted: &'a BTreeMap<String, i64>,
    ) -> Result<Self, Error> {
        let (truth, predicted) = (by_stem(truth, "true")?, by_stem(predicted, "predicted")?);
        let mut shared = Self::default();
        for (&name, &t) in &truth {
            match predicted.get(name) {
                Some(&p) => shared.both.push((name, t, p)),
                None => shared.only_in_true.push(name),
            }
        }
        shared.only_in_predicted =
            predicted.keys().copied().filter(|name| !truth.contains_key(name)).collect();
        if shared.both.is_empty() {
            let first =
                |labels: &BTreeMap<&str, i64>| Some(labels.keys().next()?.chars().take(100).collect());
            let example = first(&truth).zip(first(&predicted));
            return Err(Error::NothingShared { truth: truth.len(), predicted: predicted.len(), example });
        }
        Ok(shared)
    }

    /// The table of the faces in both.
    #[must_use]
    pub fn table(&self) -> Contingency {
        Contingency::new(self.both.iter().map(|&(_, t, p)| (t, p)))
    }

    /// The scores of the faces in both, and the counts of the others.
    #[must_use]
    pub fn scores(&self) -> Scores {
        Scores {
            only_in_true: self.only_in_true.len() as u64,
            only_in_predicted: self.only_in_predicted.len() as u64,
            ..Scores::from(&self.table())
        }
    }
}

/// Compares `predicted` with `truth`, both by name.
///
/// # Errors
/// Those of [`Shared::new`].
pub fn score(truth: &BTreeMap<String, i64>, predicted: &BTreeMap<String, i64>) -> Result<Scores, Error> {
    Ok(Shared::new(truth, predicted)?.scores())
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
            labels_in_common: table.labels_in_common(),
            equality: equality(table),
            pairwise: pairs.prf(),
            bcubed: bcubed(table),
            ari: pairs.adjusted_rand(),
            information: information(table),
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
            let (i, j) = (fast.information, slow.information);
            prop_assert!(close(i.nmi, j.nmi) && close(i.v_measure, j.v_measure), "{fast:?} {slow:?}");
            prop_assert!(close(i.homogeneity, j.homogeneity) && close(i.completeness, j.completeness));
            prop_assert!(close(i.ami, j.ami), "{fast:?} {slow:?}");
            let (e, g) = (fast.equality, slow.equality);
            prop_assert!(close(e.accuracy, g.accuracy) && close(e.recall_weighted, g.recall_weighted));
            prop_assert!(close(e.precision_weighted, g.precision_weighted));
            prop_assert!(close(fast.purity, slow.purity), "{fast:?} {slow:?}");
            prop_assert_eq!(fast.true_clusters, slow.true_clusters);
        }

        #[test]
        fn label_numbers_do_not_matter(samples in prop::collection::vec((0..5i64, 0..5i64), 1..40)) {
            let (truth, predicted): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
            let other: Vec<_> = predicted.iter().map(|l| 1000 - 7 * l).collect();
            let (a, b) = (scores(&truth, &predicted), scores(&truth, &other));
            // The order of summation may change the last digit.
            prop_assert!(close_prf(a.bcubed, b.bcubed) && close(a.information.nmi, b.information.nmi));
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
            assert!(close(s.ari, ari) && close(s.information.nmi, nmi), "{truth:?} {predicted:?} {s:?}");
        }
        // scikit-learn: adjusted_rand_score, normalized_mutual_info_score.
        let s = scores(&[0, 0, 1, 2, 2, 2, -1], &[1, 1, 1, 2, 2, 0, 0]);
        assert!(close(s.ari, 0.2953020134228188) && close(s.information.nmi, 0.6843729751257531), "{s:?}");
    }

    #[test]
    fn five_hundred_as_in_scikit_learn() {
        let truth = |i: i64| (i * i * 7 + i / 3) % 23;
        let predicted = |i: i64| (truth(i) * 3 + if i * i % 11 == 0 { i % 17 } else { 0 }) % 29 - 1;
        let s = Scores::from(&Contingency::new((0..500).map(|i| (truth(i), predicted(i)))));
        // scikit-learn 1.9.
        let (e, i) = (s.equality, s.information);
        assert!(close(e.accuracy, 0.08) && close(e.recall_weighted, 0.08), "{e:?}");
        assert!(close(e.precision_weighted, 0.09066666666666667), "{e:?}");
        assert!(close(i.ami, 0.8660022728819848) && close(i.nmi, 0.8872752525688865), "{i:?}");
        assert!(close(i.homogeneity, 0.8939659656052494) && close(i.completeness, 0.8806839462032263));
        assert!(close(i.v_measure, 0.8872752525688865) && close(s.ari, 0.8394800783552656));
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
