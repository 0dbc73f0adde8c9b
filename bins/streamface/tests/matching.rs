//! `streamface match` on vectors, on a dataset, and on what it cannot match.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{run, said};
use serde_json::Value;
use streamface_store::{Batch, Dataset, FeatureRow, LabelRow};
use streamface_types::{FaceId, Label};

/// A dataset of faces in a plane, by their angles in degrees: two a frame.
fn dataset(dir: &Path, faces: &[(f32, i64)]) -> Vec<FaceId> {
    let data = Dataset::open(dir).unwrap();
    let name = |at: usize| format!("tv_frame_2026010112000{}000000_face_{}", at / 2, at % 2);
    let ids: Vec<FaceId> = (0..faces.len()).map(|at| name(at).parse().unwrap()).collect();
    let feature = |(face, (angle, _)): (&FaceId, &(f32, i64))| {
        FeatureRow::new(
            face.clone(),
            "plane",
            "0".repeat(64),
            vec![angle.to_radians().cos(), angle.to_radians().sin()],
        )
    };
    let features = ids.iter().zip(faces).map(feature).collect();
    data.commit(Batch { features, ..Batch::default() }).unwrap();
    let label = |(face, &(_, label)): (&FaceId, &(f32, i64))| LabelRow::new(face.clone(), Label(label));
    data.replace(ids.iter().zip(faces).map(label).collect()).unwrap();
    ids
}

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}

/// Cosine distances: 20° .06, 30° .134, 60° .5, 65° .577, 95° 1.087.
const FACES: [(f32, i64); 5] = [(0.0, 0), (60.0, 1), (30.0, 2), (95.0, 3), (300.0, -1)];

#[test]
fn a_dataset_is_matched_by_its_models_thresholds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    dataset(dir.path(), &FACES);
    let output = run(&["match", path]);
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in ["clusters  4", "sure      2 pairs nearer than 0.32", "ask       1 pair up to 0.64"] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains(&format!("next      streamface review {path}")), "{text}");
    // 0 and 1, and 2 and 3, share a frame: neither sure nor asked about.
    assert!(
        text.contains("apart     2 pairs") && text.starts_with("labels    of the last clustering"),
        "{text}"
    );
    let file = dir.path().join("metadata/cluster_evals.json");
    let found = json(&fs::read(&file).unwrap());
    let pairs = serde_json::json!({"0,2": 0.134, "1,2": 0.134, "1,3": 0.1808});
    assert_eq!(found["matches"], pairs);
    // 2 is as near to 1 as to 0, and cannot be both.
    let keys = |of: &str| found[of].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        (keys("sure"), keys("ask")),
        (vec!["0,2".to_owned(), "1,3".to_owned()], vec!["1,2".to_owned()])
    );
    // What is sure can be joined, all of it.
    let other = tempfile::tempdir().unwrap();
    dataset(other.path(), &FACES);
    let output = run(&["match", other.path().to_str().unwrap(), "--join", "--json"]);
    let summary = json(&output.stdout);
    assert_eq!(
        (&summary["sure"], &summary["joined"], &summary["refused"]),
        (&2.into(), &2.into(), &Value::Array(vec![]))
    );
    assert!(
        fs::read_to_string(dir.path().join("metadata/settings.json"))
            .unwrap()
            .contains("\"rule\": \"lists\"")
    );

    // What a person has said is not asked again; and the file may lie elsewhere.
    let (annotations, out) = (dir.path().join("metadata/annotations.json"), dir.path().join("pairs.json"));
    fs::write(&annotations, r#"{"labels": {}, "ignore": [[2, 0], [1, 0]]}"#).unwrap();
    let before = fs::read(&file).unwrap();
    let output = run(&["match", path, "--json", "--min", "0.15", "--out", out.to_str().unwrap()]);
    let summary = json(&output.stdout);
    assert_eq!(
        (&summary["sure"], &summary["ask"], &summary["impossible"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(json(&fs::read(out).unwrap())["sure"].as_object().unwrap().len(), 1);
    assert_eq!(fs::read(&file).unwrap(), before);

    // By the original's code 2 has nothing nearer than .15 among larger labels, and 0 nothing that is not ignored.
    let output = run(&["match", path, "--compat", "code", "--min", "0.15"]);
    assert!(output.status.success(), "{}", said(&output));
    let code = "{\n    \"matches\": {\n        \"1,2\": 0.134,\n        \"1,3\": 0.1808\n    }\n}";
    assert_eq!(fs::read_to_string(&file).unwrap(), code);
}

#[test]
fn what_cannot_be_matched_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let refused = |args: &[&str], words: &[&str]| {
        let output = run(&[&["match"], args].concat());
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
    };
    Dataset::open(dir.path()).unwrap();
    refused(&[path], &["no labels yet", "streamface cluster"]);
    dataset(dir.path(), &FACES);
    refused(&[path, "--min", "0.7"], &["--min and --max", "0.7", "0.64"]);
    refused(&[path, "--max", "2.5"], &["2.5", "at most 2 for cosine"]);
    refused(&[path, "--compat", "code", "--max", "2", "--most", "5"], &["more than 5 pairs"]);
    refused(&[path, "--mode", "median"], &["average, single, triplet"]);
    refused(&["--vectors", "x.npy", "--labels", "l.csv", "--out", "o.json"], &["--min", "--max"]);
    fs::write(dir.path().join("metadata/annotations.json"), "{\"ignore\": 7}").unwrap();
    refused(&[path], &["annotations.json", "line 1"]);
    assert!(!dir.path().join("metadata/cluster_evals.json").exists());
}

/// The published run of the original, by way of the command.
#[test]
fn the_originals_own_file() {
    let Some(sample) = streamface_testing::reference("skynews") else { return };
    let dir = tempfile::tempdir().unwrap();
    let annotations = json(&fs::read(sample.join("metadata/annotations.json")).unwrap());
    let names = fs::read_to_string(sample.join("features/names.txt")).unwrap();
    let label = |name: &str| annotations["labels"][name.trim_end_matches(".png")]["label"].clone();
    let lines: String =
        names.lines().enumerate().map(|(row, name)| format!("{row},{}\n", label(name))).collect();
    let (labels, out) = (dir.path().join("labels.csv"), dir.path().join("pairs.json"));
    fs::write(&labels, format!("index,label\n{lines}")).unwrap();
    let vectors = sample.join("features/embeddings.npy");
    let [vectors, labels, file] = [&vectors, &labels, &out].map(|path| path.to_str().unwrap());
    let thresholds = ["--min", "0.5", "--max", "1.0", "--compat", "code"];
    let output =
        run(&[&["match", "--vectors", vectors, "--labels", labels, "--out", file], &thresholds[..]].concat());
    assert!(output.status.success(), "{}", said(&output));
    let want = fs::read_to_string(sample.join("metadata/cluster_evals.json")).unwrap();
    assert_eq!(fs::read_to_string(&out).unwrap(), want.trim_end());
}

#[test]
fn sure_ones_are_joined_on_request_and_stay_joined() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    // 10° between clusters 0 and 1, 50° between 4 and 5.
    dataset(dir.path(), &[(0.0, 0), (100.0, 2), (10.0, 1), (250.0, 4), (200.0, 5), (170.0, -1)]);
    let journal = dir.path().join("metadata/decisions.jsonl");
    let run_json = |args: &[&str]| {
        let output = run(&[&["match", path, "--json"], args].concat());
        assert!(output.status.success(), "{}", said(&output));
        json(&output.stdout)
    };
    let before = run_json(&["--min", "0.4"]);
    assert_eq!((&before["clusters"], &before["sure"], &before["joined"]), (&5.into(), &2.into(), &().into()));
    assert!(!journal.exists());
    let joined = run_json(&["--min", "0.4", "--join"]);
    assert_eq!((&joined["sure"], &joined["joined"]), (&2.into(), &2.into()));
    let lines = fs::read_to_string(&journal).unwrap();
    assert_eq!(lines.lines().count(), 2);
    for line in lines.lines().map(|line| json(line.as_bytes())) {
        assert_eq!(
            (&line["who"], &line["kind"], &line["pairs"][0]["verdict"]),
            (&"auto".into(), &"compare".into(), &"same".into())
        );
    }
    // The clusters are fewer now, and what was joined is asked about no more.
    let after = run_json(&["--min", "0.4", "--join"]);
    assert_eq!((&after["clusters"], &after["sure"], &after["joined"]), (&3.into(), &0.into(), &0.into()));
    // By what labels there are elsewhere nothing is joined.
    let output = run(&["match", path, "--join", "--labels", "l.csv"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

#[test]
fn faces_of_one_frame_and_different_people_are_not_joined() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let faces = dataset(dir.path(), &[(0.0, 0), (5.0, 1), (10.0, 2), (90.0, 3), (100.0, 4), (200.0, 5)]);
    // Row 3 and row 4 are two people, whatever they look like.
    let line = serde_json::json!({
        "id": 1, "at": 0, "who": "ann", "kind": "compare",
        "pairs": [{"left": [faces[3]], "right": [faces[4]], "verdict": "different"}],
    });
    fs::write(dir.path().join("metadata/decisions.jsonl"), format!("{line}\n")).unwrap();
    let output = run(&["match", path, "--compat", "paper"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    // 0 and 1 share a frame; 1 and 2 are as near, and joined; then 0 and 2 would meet again.
    assert!(text.contains("sure      3 pairs") && text.contains("joined    1 pair,"), "{text}");
    assert!(text.contains("not       ") && text.contains("frame"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("not ")).count(), 2);
    // Neither sure nor asked about.
    let file = fs::read_to_string(dir.path().join("metadata/cluster_evals.json")).unwrap();
    assert!(!file.contains("\"3,4\""), "{file}");
}
