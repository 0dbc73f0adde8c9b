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
//! | `noise` | [`Noise`]: what faces of no one count as |
//!
//! Label numbers mean nothing but same or different, except to [`equality`]. A label below 0 is noise: a face of no one, and
//! [`Noise`] says what it counts as.

mod agreement;
mod contingency;
mod information;
mod noise;
mod people;
mod review;
#[cfg(test)]
mod slow;

use std::collections::BTreeMap;

use serde::Serialize;

pub use agreement::{Equality, Pairs, Prf, bcubed, equality, purity};
pub use contingency::Contingency;
pub use information::{Information, information};
pub use noise::Noise;
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
    /// True clusters among the faces in both, with those that faces of noise are.
    pub true_clusters: u64,
    /// Predicted clusters among them, likewise.
    pub predicted_clusters: u64,
    /// People among the true labels of the faces in both: clusters that are not noise.
    pub true_people: u64,
    /// The same of the predicted labels.
    pub predicted_people: u64,
    /// Faces in both whose true label is noise.
    pub noise_in_true: u64,
    /// Faces in both whose predicted label is noise.
    pub noise_in_predicted: u64,
    /// Share of the faces in both whose predicted label is not noise, 0 to 1; 1 for no face.
    pub coverage: f64,
    /// What noise counts as.
    pub noise: Noise,
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
    pub fn scores(&self, noise: Noise) -> Scores {
        Scores {
            only_in_true: self.only_in_true.len() as u64,
            only_in_predicted: self.only_in_predicted.len() as u64,
            ..Scores::new(&self.table(), noise)
        }
    }
}

/// Compares `predicted` with `truth`, both by name; each face of noise is a cluster of its own.
///
/// # Errors
/// Those of [`Shared::new`].
pub fn score(truth: &BTreeMap<String, i64>, predicted: &BTreeMap<String, i64>) -> Result<Scores, Error> {
    Ok(Shared::new(truth, predicted)?.scores(Noise::default()))
}

impl Scores {
    /// The scores of a table of labels as they stand. No sample at all is full agreement, as in scikit-learn.
    ///
    /// Equality is that of labels as they stand, whatever noise counts as: noise is equal to noise.
    #[must_use]
    pub fn new(table: &Contingency, noise: Noise) -> Self {
        let clusters = &noise.resolve(table);
        let pairs = Pairs::new(clusters);
        let samples = table.samples();
        let of_noise = |labels: &[i64], sizes: &[u64]| -> u64 {
            labels.iter().zip(sizes).filter(|(l, _)| **l < 0).map(|(_, n)| n).sum()
        };
        let people = |labels: &[i64]| labels.iter().filter(|&&label| label >= 0).count() as u64;
        let noise_in_predicted = of_noise(table.predicted_labels(), table.predicted());
        Self {
            samples,
            only_in_true: 0,
            only_in_predicted: 0,
            true_clusters: clusters.truth().len() as u64,
            predicted_clusters: clusters.predicted().len() as u64,
            true_people: people(table.truth_labels()),
            predicted_people: people(table.predicted_labels()),
            noise_in_true: of_noise(table.truth_labels(), table.truth()),
            noise_in_predicted,
            coverage: if samples == 0 { 1.0 } else { (samples - noise_in_predicted) as f64 / samples as f64 },
            noise,
            labels_in_common: table.labels_in_common(),
            equality: equality(table),
            pairwise: pairs.prf(),
            bcubed: bcubed(clusters),
            ari: pairs.adjusted_rand(),
            information: information(clusters),
            purity: purity(clusters),
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

    fn table(truth: &[i64], predicted: &[i64]) -> Contingency {
        Contingency::new(truth.iter().copied().zip(predicted.iter().copied()))
    }

    /// As the original has them: noise is one cluster.
    fn scores(truth: &[i64], predicted: &[i64]) -> Scores {
        Scores::new(&table(truth, predicted), Noise::Cluster)
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
        let s = Scores::new(&Contingency::new((0..500).map(|i| (truth(i), predicted(i)))), Noise::Cluster);
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

    /// 418 faces of 72 people, of which 25 are set aside: values of scikit-learn 1.9 (pair_confusion_matrix,
    /// adjusted_rand_score, normalized_ and adjusted_mutual_info_score, v_measure_score) on labels that are a number for
    /// each face of noise, or −1 for all; BCubed by its definition.
    #[test]
    fn noise_is_alone_or_one_cluster_as_in_scikit_learn() {
        let all = (0..418_u64).map(|i| {
            let truth = (5184 * i.pow(3) / 418_u64.pow(3)).isqrt() as i64;
            let predicted = if i % 97 == 5 { (truth + 1) % 72 } else { truth };
            (truth, if i % 17 == 3 { -1 } else { predicted })
        });
        let table = Contingency::new(all);
        let [alone, cluster] = [Noise::Alone, Noise::Cluster].map(|noise| Scores::new(&table, noise));
        for s in [alone, cluster] {
            assert_eq!((s.samples, s.noise_in_true, s.noise_in_predicted), (418, 0, 25));
            assert!(close(s.coverage, 393.0 / 418.0));
            assert_eq!((s.true_people, s.predicted_people), (72, 72));
            assert!(close(s.equality.accuracy, 0.928_229_665_071_770_3));
        }
        assert_eq!((alone.true_clusters, alone.predicted_clusters), (72, 97));
        assert_eq!((cluster.true_clusters, cluster.predicted_clusters), (72, 73));
        assert!(
            close_prf(
                alone.pairwise,
                Prf { precision: 0.9698535745047373, recall: 0.8466165413533835, f: 0.9040545965475713 }
            ),
            "{alone:?}"
        );
        assert!(
            close_prf(
                alone.bcubed,
                Prf { precision: 0.9794543176122125, recall: 0.883346244398876, f: 0.9289210135184205 }
            ),
            "{alone:?}"
        );
        assert!(close(alone.ari, 0.9026700605850114) && close(alone.purity, 0.9880382775119617), "{alone:?}");
        let i = alone.information;
        assert!(
            close(i.nmi, 0.9724862877545554) && close(i.v_measure, i.nmi) && close(i.ami, 0.9315375850571213),
            "{i:?}"
        );
        assert!(
            close_prf(
                cluster.pairwise,
                Prf { precision: 0.7713894592744696, recall: 0.8473684210526315, f: 0.8075958437835901 }
            ),
            "{cluster:?}"
        );
        assert!(
            close_prf(
                cluster.bcubed,
                Prf { precision: 0.9222294372294372, recall: 0.8835376319586847, f: 0.9024690138564049 }
            ),
            "{cluster:?}"
        );
        assert!(
            close(cluster.ari, 0.8044719318336878) && close(cluster.purity, 0.9330143540669856),
            "{cluster:?}"
        );
        let i = cluster.information;
        assert!(
            close(i.nmi, 0.9495552406068581) && close(i.v_measure, i.nmi) && close(i.ami, 0.8829450424775203),
            "{i:?}"
        );
    }

    proptest! {
        /// A number of its own for each face of noise, in either labelling, is what counting it alone means.
        #[test]
        fn noise_alone_is_a_label_for_each(samples in prop::collection::vec((-2..4i64, -2..4i64), 0..40)) {
            let own = |at: usize, label: i64| if label < 0 { 1_000 + at as i64 } else { label };
            let of = |get: fn(&(i64, i64)) -> i64| samples.iter().enumerate().map(|(i, s)| own(i, get(s))).collect::<Vec<_>>();
            let (truth, predicted) = (of(|s| s.0), of(|s| s.1));
            let slow = slow::scores(&truth, &predicted);
            let s = Scores::new(&Contingency::new(samples.iter().copied()), Noise::Alone);
            prop_assert!(close_prf(s.pairwise, slow.pairwise) && close_prf(s.bcubed, slow.bcubed), "{s:?} {slow:?}");
            prop_assert!(close(s.ari, slow.ari) && close(s.purity, slow.purity), "{s:?} {slow:?}");
            prop_assert_eq!((s.true_clusters, s.predicted_clusters), (slow.true_clusters, slow.predicted_clusters));
            prop_assert!(close(s.information.nmi, slow.information.nmi), "{s:?} {slow:?}");
            prop_assert!(close(s.information.ami, slow.information.ami), "{s:?} {slow:?}");
        }
    }

    #[test]
    fn a_million_in_one_cluster_do_not_overflow() {
        let table = Contingency::new((0..1_000_000).map(|i| (0, i % 2)));
        let s = Scores::new(&table, Noise::default());
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
