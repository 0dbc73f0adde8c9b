//! Against scikit-learn's numbers, on the reference data beside the project.

// Helpers of tests are not seen as tests by the lint.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeMap;

use common::read_npy;
use streamface_eval::intrinsic::{calinski_harabasz, davies_bouldin, silhouette};
use streamface_eval::{Prf, Scores, read_labels, score, verification};
use streamface_testing::reference;
use streamface_types::{Embeddings, Metric};

fn check(name: &str, scores: Scores) {
    let Some(path) = reference("metrics.json") else { return };
    let all: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let expected = &all[name];
    let close = |what: &str, ours: f64, theirs: &serde_json::Value| {
        let theirs = theirs.as_f64().unwrap();
        assert!((ours - theirs).abs() < 1e-9, "{name} {what}: {ours}, expected {theirs}");
    };
    let prf = |what: &str, ours: Prf| {
        for (i, value) in [ours.precision, ours.recall, ours.f].into_iter().enumerate() {
            close(what, value, &expected[what][i]);
        }
    };
    prf("pairwise", scores.pairwise);
    prf("bcubed", scores.bcubed);
    close("ari", scores.ari, &expected["ari"]);
    close("nmi", scores.information.nmi, &expected["nmi"]);
    close("ami", scores.information.ami, &expected["ami"]);
    close("v_measure", scores.information.v_measure, &expected["v_measure"]);
    close("homogeneity", scores.information.homogeneity, &expected["homogeneity"]);
    close("completeness", scores.information.completeness, &expected["completeness"]);
    close("accuracy", scores.equality.accuracy, &expected["accuracy"]);
    close("recall_weighted", scores.equality.recall_weighted, &expected["recall_weighted"]);
    close("precision_weighted", scores.equality.precision_weighted, &expected["precision_weighted"]);
    assert_eq!(expected["samples"], scores.samples);
    assert_eq!(expected["true_clusters"], scores.true_clusters);
    assert_eq!(expected["pred_clusters"], scores.predicted_clusters);
    // Neither of the two ever puts two people together.
    assert_eq!(scores.purity, 1.0);
}

/// `exact`: scikit-learn 1.9 on the same vectors as `f64`, in the order of the names below. The
/// reference file has it on `f32` or on vectors not rounded to it, so it is a little off.
fn check_intrinsic(name: &str, embeddings: &Embeddings, labels: &[i64], exact: [f64; 4]) {
    let Some(path) = reference("metrics.json") else { return };
    let all: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let ours = [
        ("davies_bouldin", davies_bouldin(embeddings, labels).unwrap()),
        ("calinski_harabasz", calinski_harabasz(embeddings, labels).unwrap()),
        ("silhouette_cosine", silhouette(embeddings, labels, Metric::Cosine).unwrap().mean),
        ("silhouette_euclidean", silhouette(embeddings, labels, Metric::Euclidean).unwrap().mean),
    ];
    for ((what, ours), exact) in ours.into_iter().zip(exact) {
        let theirs = all[name][what].as_f64().unwrap();
        assert!((ours - exact).abs() < 1e-9, "{name} {what}: {ours}, expected {exact}");
        assert!((ours - theirs).abs() < 2e-8, "{name} {what}: {ours}, expected {theirs}");
    }
}

#[test]
fn the_originals_clusters_by_their_vectors() {
    let Some(embeddings) = reference("skynews/features/embeddings.npy") else { return };
    let Some(names) = reference("skynews/features/names.txt") else { return };
    let Some(labels) = reference("skynews/metadata/annotations.json") else { return };
    let labels = read_labels(labels).unwrap();
    let names = std::fs::read_to_string(names).unwrap();
    let labels: Vec<i64> = names.lines().map(|name| labels[name.trim_end_matches(".png")]).collect();
    let exact = [0.3893308215590152, 7.505504577031685, 0.4028018275718598, 0.27701915387960196];
    check_intrinsic("skynews_auto_vs_manual", &read_npy(&embeddings).unwrap(), &labels, exact);
}

#[test]
fn three_thousand_made_up_faces_by_their_vectors() {
    let Some(embeddings) = reference("synthetic_3000x64.npy") else { return };
    let Some(path) = reference("complete_linkage_synthetic.csv") else { return };
    let mut reader = csv::Reader::from_path(path).unwrap();
    let column = reader.headers().unwrap().iter().position(|h| h == "t0.30").unwrap();
    let labels: Vec<i64> = reader.records().map(|row| row.unwrap()[column].parse().unwrap()).collect();
    // Davies–Bouldin in numpy's long double: scikit-learn puts faces alone in their cluster 1e-8 from
    // themselves, and so has 1.25564952651.
    let exact = [1.2556495250770022, 14.902256528892094, 0.12014951217281221, 0.07015418257613229];
    check_intrinsic("synthetic_t0.30_vs_truth", &read_npy(&embeddings).unwrap(), &labels, exact);
}

#[test]
fn the_originals_clusters_against_its_annotators() {
    let Some(truth) = reference("skynews/metadata/annotations_manual.json") else { return };
    let Some(predicted) = reference("skynews/metadata/annotations.json") else { return };
    let (truth, predicted) = (read_labels(truth).unwrap(), read_labels(predicted).unwrap());
    // One face is noise there, and counts as a cluster of its own.
    assert!(truth.values().any(|&label| label == -1));
    check("skynews_auto_vs_manual", score(&truth, &predicted).unwrap());
}

#[test]
fn three_thousand_made_up_faces() {
    let Some(path) = reference("complete_linkage_synthetic.csv") else { return };
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let (truth_at, predicted_at) = (column("truth"), column("t0.30"));
    let (mut truth, mut predicted) = (BTreeMap::new(), BTreeMap::new());
    for (i, row) in reader.records().map(Result::unwrap).enumerate() {
        truth.insert(i.to_string(), row[truth_at].parse().unwrap());
        predicted.insert(i.to_string(), row[predicted_at].parse().unwrap());
    }
    check("synthetic_t0.30_vs_truth", score(&truth, &predicted).unwrap());
}

#[test]
fn a_hundred_photos_of_ten_people() {
    let Some(embeddings) = reference("models/mobilefacenet_lfw10.npy") else { return };
    let Some(order) = reference("models/mobilefacenet_lfw10_order.csv") else { return };
    let embeddings = read_npy(&embeddings).unwrap();
    let mut people: Vec<String> = Vec::new();
    let labels: Vec<i64> = csv::Reader::from_path(order)
        .unwrap()
        .records()
        .map(|row| {
            let person = row.unwrap()[1].to_owned();
            let known = people.iter().position(|p| *p == person);
            known.unwrap_or_else(|| {
                people.push(person);
                people.len() - 1
            }) as i64
        })
        .collect();
    let v = verification(&embeddings, &labels, Metric::Cosine, 1e-3).unwrap();
    println!("AUC {} TAR {} at FAR .1 %", v.auc, v.tar);
    assert_eq!((v.same, v.different), (450, 4500));
    // scikit-learn: roc_auc_score and roc_curve over the same pairs.
    assert!((v.auc - 0.9998755555555555).abs() < 1e-9, "{v:?}");
    assert!((v.tar - 0.9888888888888889).abs() < 1e-9, "{v:?}");
}
