//! Export and import by the command: exit codes, summaries, and that other steps work on what came in.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{run, said};
use image::RgbImage;

fn photos(root: &Path) {
    for (person, file) in [("ada", "1.png"), ("ada", "2.png"), ("eve", "3.png")] {
        fs::create_dir_all(root.join(person)).unwrap();
        RgbImage::new(24, 24).save(root.join(person).join(file)).unwrap();
    }
}

#[test]
fn a_set_goes_in_and_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    photos(&dir.path().join("photos"));
    let import =
        |from: &str, out: &str| run(&["import", from, "--format", "imagefolder", "--out", out, "--json"]);
    let done = import(&path("photos"), &path("set"));
    assert!(done.status.success(), "{}", said(&done));
    let summary: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&summary["faces"], &summary["people"]), (&3.into(), &2.into()));
    let report = run(&["report", &path("set")]);
    assert!(report.status.success(), "{}", said(&report));
    let labels = (path("set/metadata/imported.csv"), path("set/metadata/annotations.json"));
    let score = run(&["score", &labels.0, &labels.1, "--at-least", "1"]);
    assert!(score.status.success(), "{}", said(&score));

    let export = |more: &[&str], out: &str| run(&[&["export", &path("set"), "--out", out], more].concat());
    let done = export(&["--format", "csv"], &path("faces.csv"));
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(fs::read_to_string(path("faces.csv")).unwrap().lines().count(), 4);
    fs::write(path("labels.csv"), "name,label\n1_face_0,x\n3_face_0,y\n").unwrap();
    let done = export(&["--format", "imagefolder", "--labels", &path("labels.csv")], &path("two"));
    assert!(done.status.success() && said(&done).contains("1 face without a label"), "{}", said(&done));

    // What is there is never written over; what is missing is told.
    for (more, out, word) in [
        (&["--format", "csv"][..], path("faces.csv"), "is there already"),
        (&["--format", "csv", "--labels", "reviewed"], path("new"), "not reviewed yet"),
        (&["--format", "csv", "--labels", "gone.csv"], path("new"), "gone.csv"),
        (&["--format", "coco"], path("new"), "no frame has both"),
        (&["--format", "lfw"], path("new"), "--folds fewer"),
    ] {
        let done = export(more, &out);
        assert_eq!(done.status.code(), Some(2), "{}", said(&done));
        assert!(said(&done).contains(word), "'{word}' is not in: {}", said(&done));
    }
    assert!(!dir.path().join("new").exists());

    // A broken picture: the rest is there, the exit code says that something is not.
    fs::write(path("photos/eve/4.png"), "no picture").unwrap();
    let done = import(&path("photos"), &path("again"));
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    let summary: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&summary["faces"], &summary["problems"]["count"]), (&3.into(), &1.into()));
    assert!(said(&done).contains("eve/4.png"), "{}", said(&done));
    let done = import(&path("gone"), &path("none"));
    assert_eq!(done.status.code(), Some(2));
    assert!(!dir.path().join("none").exists());
}
