//! Against scikit-learn on made-up labels and rows: the tables of `fixtures/golden`.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use streamface_eval::calibration::{expected_calibration_error, fit_temperature, negative_log_likelihood};
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

/// The confidence of the likeliest label of each face, and whether it is right.
fn judged(logits: &[Vec<f64>], truth: &[usize], temperature: f64) -> Vec<(f64, bool)> {
    let judge = |(face, &right): (&Vec<f64>, &usize)| {
        let best = (0..face.len()).max_by(|&a, &b| face[a].total_cmp(&face[b])).unwrap();
        let sum: f64 = face.iter().map(|x| ((x - face[best]) / temperature).exp()).sum();
        (1.0 / sum, best == right)
    };
    logits.iter().zip(truth).map(judge).collect()
}

#[test]
fn temperature_and_calibration_error_of_scikit_learn() {
    let table = golden("calibration");
    for row in 0..table.len() {
        let (labels, seed): (usize, u64) = (table.get(row, "labels"), table.get(row, "seed"));
        let numbers = vectors(seed, 1, 300, labels, table.get(row, "noise"));
        let logits: Vec<Vec<f64>> =
            numbers.chunks(labels).map(|face| face.iter().map(|&x| f64::from(x)).collect()).collect();
        let (likely, other) = (groups(seed + 1, 300, 4), groups(seed + 2, 300, labels as u64));
        let truth: Vec<usize> = logits
            .iter()
            .zip(likely.iter().zip(other))
            .map(|(face, (&kind, other))| {
                let best = (0..labels).max_by(|&a, &b| face[a].total_cmp(&face[b])).unwrap();
                if kind == 0 { other as usize } else { best }
            })
            .collect();
        let temperature = fit_temperature(&logits, &truth).unwrap();
        let error = |at| expected_calibration_error(&judged(&logits, &truth, at), 15).unwrap();
        let ours = [
            ("loss", negative_log_likelihood(&logits, &truth, 1.0).unwrap(), 1e-9),
            ("temperature", temperature, 1e-5),
            ("loss_at", negative_log_likelihood(&logits, &truth, temperature).unwrap(), 1e-9),
            ("error", error(1.0), 1e-9),
            ("error_at", error(table.get(row, "temperature")), 1e-9),
        ];
        for (what, ours, tolerance) in ours {
            let theirs: f64 = table.get(row, what);
            assert!((ours - theirs).abs() < tolerance, "{labels} labels, {what}: {ours}, not {theirs}");
        }
    }
}
