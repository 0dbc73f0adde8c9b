//! Decisions of a review, from the journal through clustering anew to the final labels.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{run, said};
use streamface_annotate::{Action, Compared, Journal, Verdict, journal};
use streamface_store::{Batch, Dataset, FeatureRow, LabelRow, read_annotations, read_pairs};
use streamface_types::{FaceId, FrameId};

fn face(at: usize) -> FaceId {
    FaceId::new(FrameId::new(format!("f{at:03}")).unwrap(), 0)
}

/// A face by the angle of its embedding, in degrees; one a frame.
fn add(dir: &Path, faces: &[(usize, f32)]) {
    let data = Dataset::open(dir).unwrap();
    let features = faces
        .iter()
        .map(|&(at, angle)| {
            FeatureRow::new(
                face(at),
                "made up",
                "00",
                vec![angle.to_radians().cos(), angle.to_radians().sin()],
            )
        })
        .collect();
    data.commit(Batch { features, ..Batch::default() }).unwrap();
    data.compact().unwrap();
}

fn say(dir: &Path, actions: &[Action]) {
    let (mut journal, _) = Journal::open(&dir.join("metadata").join(journal::FILE)).unwrap();
    for action in actions {
        journal.append("me", None, action.clone()).unwrap();
    }
}

fn compare(left: &[usize], right: &[usize], verdict: Verdict) -> Action {
    let side = |side: &[usize]| side.iter().map(|&at| face(at)).collect();
    Action::Compare { pairs: vec![Compared { left: side(left), right: side(right), verdict }] }
}

fn cluster(dir: &Path, more: &[&str]) -> String {
    let output = run(&[&["cluster", dir.to_str().unwrap(), "--quiet"], more].concat());
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

fn labels(dir: &Path) -> Vec<i64> {
    let rows = Dataset::open(dir).unwrap().read::<LabelRow>().unwrap();
    rows.into_iter().map(|r| r.label.0).collect()
}

fn finalized(dir: &Path) -> BTreeMap<String, i64> {
    let file = read_annotations(&dir.join("metadata/annotations_manual.json")).unwrap();
    file.labels.into_iter().map(|(face, a)| (face, a.label.0)).collect()
}

fn at(labels: &BTreeMap<String, i64>, of: usize) -> i64 {
    labels[&face(of).to_string()]
}

#[test]
fn decisions_hold_through_new_thresholds_and_finalize() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    // Three people, at 0, 40 and 90 degrees, the first seen most.
    let angles = [0.0, 4.0, 8.0, 12.0, 40.0, 44.0, 48.0, 90.0, 94.0];
    add(dir.path(), &angles.iter().copied().enumerate().collect::<Vec<_>>());
    cluster(dir.path(), &["--threshold", "0.03"]);
    assert_eq!(labels(dir.path()), [0, 0, 0, 0, 1, 1, 1, 2, 2]);
    let none = run(&["finalize", path]);
    assert!(none.status.success(), "{}", said(&none));
    assert_eq!(finalized(dir.path()).into_values().collect::<Vec<_>>(), labels(dir.path()));
    say(
        dir.path(),
        &[
            compare(&[4, 5, 6], &[7, 8], Verdict::Same),
            compare(&[0, 1, 2], &[4, 5, 6], Verdict::Different),
            Action::Noise { faces: vec![face(3)] },
            Action::Name { person: vec![face(7)], name: Some("Anna".into()) },
        ],
    );
    // All in one reach, broken into little pieces, and single linkage, which would chain: the same each time.
    for settings in [["--threshold", "2"], ["--threshold", "0.001"], ["--threshold", "0.03"]] {
        let told = cluster(dir.path(), &settings);
        assert!(told.contains("4 decisions kept\n"), "{told}");
        let output = run(&["finalize", path, "--json", "--folders"]);
        assert!(output.status.success(), "{}", said(&output));
        let now = finalized(dir.path());
        let (first, second) = (at(&now, 0), at(&now, 4));
        assert_ne!(first, second, "{settings:?}");
        assert_eq!((at(&now, 3), at(&now, 7)), (-1, second), "{settings:?}");
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&summary["noisy"], &summary["named"]), (&1.into(), &1.into()), "{summary}");
        let people: serde_json::Value =
            serde_json::from_slice(&fs::read(dir.path().join("metadata/people.json")).unwrap()).unwrap();
        let anna = people["people"].as_array().unwrap().iter().find(|p| p["name"] == "Anna").unwrap();
        assert_eq!(anna["label"], second);
    }
    // The last, as it is in full.
    assert_eq!(finalized(dir.path()).into_values().collect::<Vec<_>>(), [1, 1, 1, -1, 0, 0, 0, 0, 0]);
    // A method that cannot keep pairs apart says what it did not keep.
    let told = cluster(dir.path(), &["--threshold", "2", "--method", "single"]);
    assert!(told.contains("4 decisions kept\n"), "{told}");
    let told = cluster(dir.path(), &["--threshold", "2", "--compat"]);
    assert!(told.contains("not followed: decision 2") && told.contains("1 pair not followed"), "{told}");
    let output = run(&["finalize", path]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("decision 2: f000_face_0 and f004_face_0"), "{}", said(&output));
}

#[test]
fn appending_with_new_decisions_is_starting_anew() {
    let pairs = |dir: &Path| read_pairs(&dir.join("metadata/merges.parquet"), u64::MAX).unwrap();
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [appended, anew] = dirs.each_ref().map(|d| d.path());
    let some: Vec<(usize, f32)> = (0..60).map(|k| (2 * k, (k * 37 % 90) as f32)).collect();
    let more: Vec<(usize, f32)> = (0..12).map(|k| (2 * k + 1, (k * 53 % 90) as f32 + 0.3)).collect();
    let early = [compare(&[0, 10], &[2, 4], Verdict::Different), compare(&[6], &[8, 20], Verdict::Same)];
    let late = [
        compare(&[8], &[1, 30, 42], Verdict::Different),
        Action::Undo { decision: 1 },
        compare(&[0], &[44, 46, 3], Verdict::Different),
        Action::Noise { faces: vec![face(44)] },
    ];
    let same = || {
        cluster(appended, &["--threshold", "0.05", "--append"]);
        cluster(anew, &["--threshold", "0.05"]);
        assert_eq!(pairs(appended), pairs(anew));
        // Numbers may differ, since people keep theirs; the partition may not.
        let mut two: Vec<(i64, i64)> = labels(appended).into_iter().zip(labels(anew)).collect();
        two.sort_unstable();
        two.dedup();
        let clusters = labels(anew).into_iter().max().unwrap() as usize + 1;
        assert_eq!(two.len(), clusters);
    };
    for dir in [appended, anew] {
        add(dir, &some);
        say(dir, &early);
    }
    same();
    for dir in [appended, anew] {
        add(dir, &more);
        say(dir, &late);
    }
    same();
    // A journal that is not the one of the last run: clustering from scratch, and said.
    let path = appended.join("metadata").join(journal::FILE);
    for dir in [appended, anew] {
        fs::remove_file(dir.join("metadata").join(journal::FILE)).unwrap();
    }
    let told = cluster(appended, &["--threshold", "0.05", "--append"]);
    assert!(told.contains("clustering from scratch"), "{told}");
    same();
    // A broken one is an error that names the line, and nothing is written.
    fs::write(&path, "no decision\n").unwrap();
    let before = labels(appended);
    let output = run(&["cluster", appended.to_str().unwrap(), "--threshold", "2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("decisions.jsonl, line 1"), "{}", said(&output));
    assert_eq!(labels(appended), before);
}

#[test]
fn a_threshold_holds_until_another_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    // Far apart for the threshold given, one person for the model's own.
    add(dir.path(), &[(0, 0.0), (1, 20.0), (2, 40.0)]);
    cluster(dir.path(), &[]);
    assert_eq!(labels(dir.path()), [0, 0, 0]);
    let told = cluster(dir.path(), &["--threshold", "0.03"]);
    assert!(!told.contains("as in the last"), "{told}");
    assert_eq!(labels(dir.path()), [0, 1, 2]);
    add(dir.path(), &[(3, 60.0)]);
    for more in [&["--append"][..], &[]] {
        let output = run(&[&["cluster", path], more].concat());
        assert!(output.status.success(), "{}", said(&output));
        assert!(
            said(&output).contains("as in the last clustering: threshold 0.03; flags change that"),
            "{}",
            said(&output)
        );
        assert_eq!(labels(dir.path()), [0, 1, 2, 3], "{more:?}");
    }
    // The method too; and what does not go on from it says so.
    cluster(dir.path(), &["--method", "single", "--threshold", "0.1"]);
    assert_eq!(labels(dir.path()), [0, 0, 0, 0], "20 degrees are 0.06 apart");
    cluster(dir.path(), &["--merging-threshold", "0.5"]);
    assert_eq!(labels(dir.path()), [0, 0, 0, 0]);
    let settings = fs::read_to_string(dir.path().join("metadata/settings.json")).unwrap();
    for part in ["\"method\": \"single\"", "\"threshold\": \"0.1\"", "\"merging-threshold\": \"0.5\""] {
        assert!(settings.contains(part), "{settings}");
    }
    let output = run(&["cluster", path, "--append"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("was clustered by 'single'")
            && said(&output).contains("--method complete first")
    );
    cluster(dir.path(), &["--method", "complete"]);
    assert_eq!(labels(dir.path()), [0, 0, 1, 1]);
    cluster(dir.path(), &["--compat"]);
    assert!(fs::read_to_string(dir.path().join("metadata/settings.json")).unwrap().contains("\"compat\""));
    let told = cluster(dir.path(), &["--threshold", "0.64", "--method", "complete"]);
    assert!(told.contains("1 of 4 faces"), "{told}");
    // A record that nothing here wrote is an error, not the default.
    fs::write(dir.path().join("metadata/settings.json"), r#"{"cluster": {"threshold": "wide"}}"#).unwrap();
    let output = run(&["cluster", path]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("settings.json: cluster, threshold 'wide'"), "{}", said(&output));
}

#[test]
fn a_review_of_mirrors_is_finalized_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let twin: FaceId = "f000_face_1".parse().unwrap();
    add(dir.path(), &[(0, 0.0)]);
    let data = Dataset::open(dir.path()).unwrap();
    let features = vec![FeatureRow::new(twin.clone(), "made up", "00", vec![1.0, 0.0])];
    data.commit(Batch { features, ..Batch::default() }).unwrap();
    drop(data);
    cluster(dir.path(), &[]);
    let pairs = vec![Compared { left: vec![face(0)], right: vec![twin.clone()], verdict: Verdict::Same }];
    say(dir.path(), &[Action::Compare { pairs }]);
    let people = |more: &[&str]| {
        let output = run(&[&["finalize", path, "--json"], more].concat());
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (summary["after"].as_u64().unwrap(), output.status.code().unwrap())
    };
    assert_eq!(people(&[]), (2, 1), "one frame, two people");
    assert_eq!(people(&["--same-frame"]), (1, 0));
    // Told once, it holds: for finalize, for reports and for exports.
    assert_eq!(people(&[]), (1, 0));
    let csv = dir.path().join("labels.json");
    let output = run(&["evaluate", path, "--json", "--out", csv.to_str().unwrap()]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["clusters"], &found["labels"]), (&1.into(), &"reviewed, by 1 decision".into()));
    assert_eq!(people(&["--same-frame=false"]), (2, 1));
    assert_eq!(people(&[]), (2, 1));
    let config = dir.path().join("c.toml");
    fs::write(&config, "same-frame = true\n").unwrap();
    assert_eq!(people(&["--config", config.to_str().unwrap()]), (1, 0));
}

#[test]
fn nothing_to_finalize() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(&["finalize", dir.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    add(dir.path(), &[(0, 1.0)]);
    let output = run(&["finalize", dir.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("streamface cluster"), "{}", said(&output));
}

#[test]
fn faces_that_came_after_the_clustering_are_told_of_and_can_be_someones() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    add(dir.path(), &[(0, 0.0), (1, 2.0), (2, 60.0)]);
    cluster(dir.path(), &["--threshold", "0.03"]);
    add(dir.path(), &[(3, 1.0), (4, 61.0)]);
    say(dir.path(), &[Action::Move { faces: vec![face(3)], to: vec![face(0)] }]);
    let output = run(&["finalize", path]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("2 faces are in no cluster yet"), "{}", said(&output));
    let labels = finalized(dir.path());
    assert_eq!((at(&labels, 3), at(&labels, 4)), (at(&labels, 0), -1));
    cluster(dir.path(), &["--threshold", "0.03", "--append"]);
    let output = run(&["finalize", path]);
    assert!(!said(&output).contains("in no cluster"), "{}", said(&output));
    let labels = finalized(dir.path());
    assert_eq!((at(&labels, 3), at(&labels, 4)), (at(&labels, 0), at(&labels, 2)));
}
