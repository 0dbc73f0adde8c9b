//! Against scikit-learn on made-up labels and rows: the tables of `fixtures/golden`.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use streamface_eval::intrinsic::{calinski_harabasz, davies_bouldin, silhouette};
use streamface_eval::score;
use streamface_testing::golden;
use streamface_testing::inputs::{groups, vectors};
use streamface_types::{Embeddings, Metric};

fn named(labels: &[i64]) -> BTreeMap<String, i64> {
    labels.iter().enumerate().map(|(face, &label)| (face.to_string(), label)).collect()
}

#[test]
fn scores_of_scikit_learn() {
    let table = golden("scores");
    for row in 0..table.len() {
        let case = table.text(row, "case");
        let (truth, found) = match case {
            "chance" => (groups(201, 300, 12), groups(202, 300, 9)),
            "split" => {
                let truth = groups(203, 300, 10);
                let half = groups(204, 300, 2);
                let found = truth.iter().zip(half).map(|(&t, h)| 2 * t + h).collect();
                (truth, found)
            }
            "joined" => {
                let truth = groups(205, 300, 10);
                let found = truth.iter().map(|t| t / 2).collect();
                (truth, found)
            }
            "same" => (groups(206, 100, 6), groups(206, 100, 6)),
            _ => panic!("{case}"),
        };
        let s = score(&named(&truth), &named(&found)).unwrap();
        let ours = [
            ("pair_p", s.pairwise.precision),
            ("pair_r", s.pairwise.recall),
            ("pair_f", s.pairwise.f),
            ("bcubed_p", s.bcubed.precision),
            ("bcubed_r", s.bcubed.recall),
            ("bcubed_f", s.bcubed.f),
            ("ari", s.ari),
            ("nmi", s.information.nmi),
            ("ami", s.information.ami),
            ("homogeneity", s.information.homogeneity),
            ("completeness", s.information.completeness),
            ("v_measure", s.information.v_measure),
            ("purity", s.purity),
            ("accuracy", s.equality.accuracy),
            ("precision_weighted", s.equality.precision_weighted),
            ("recall_weighted", s.equality.recall_weighted),
        ];
        assert_eq!(ours.len() + 1, table.header().len());
        for (what, ours) in ours {
            let theirs: f64 = table.get(row, what);
            assert!((ours - theirs).abs() <= 1e-12, "{case}, {what}: {ours} for {theirs}");
        }
    }
}

#[test]
fn measures_without_truth_of_scikit_learn() {
    let table = golden("intrinsic");
    let rows = Embeddings::new(vectors(101, 24, 10, 16, 0.5), 16).unwrap();
    let people: Vec<i64> = (0..240).map(|row| row % 24).collect();
    for row in 0..table.len() {
        let case = table.text(row, "case");
        let labels: Vec<i64> = match case {
            "people" => people.clone(),
            "halves" => people.iter().map(|p| p / 2).collect(),
            "two" => people.iter().map(|&p| i64::from(p > 3)).collect(),
            "chance" => groups(301, 240, 8),
            _ => panic!("{case}"),
        };
        let ours = [
            ("davies_bouldin", davies_bouldin(&rows, &labels).unwrap()),
            ("calinski_harabasz", calinski_harabasz(&rows, &labels).unwrap()),
            ("silhouette_cosine", silhouette(&rows, &labels, Metric::Cosine).unwrap().mean),
            ("silhouette_euclidean", silhouette(&rows, &labels, Metric::Euclidean).unwrap().mean),
        ];
        for (what, ours) in ours {
            let theirs: f64 = table.get(row, what);
            assert!(
                (ours - theirs).abs() <= 1e-12 * theirs.abs().max(1.0),
                "{case}, {what}: {ours} for {theirs}"
            );
        }
    }
}
