//! Faces that come as pictures, without the frames they were cut from: embedded, clustered, and none of their labels lost.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{faces_video, models, plain_run, run, said};
use image::RgbImage;
use serde_json::Value;

fn done(args: &[&str]) -> Value {
    let output = run(&[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

/// A clustering before there are embeddings takes no label away.
fn refused(dir: &str, faces: &str) {
    let labels = Path::new(dir).join("metadata/labels.parquet");
    let before = fs::read(&labels).unwrap();
    let output = run(&["cluster", dir]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    for word in [faces, "have no embedding", "streamface analyze", "--discard-labels"] {
        assert!(said(&output).contains(word), "'{word}' is not in: {}", said(&output));
    }
    assert_eq!(fs::read(&labels).unwrap(), before);
}

#[test]
fn crops_of_every_format_become_the_people_they_were() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (news, truth) = (path("news"), path("truth.csv"));
    let faces = done(&plain_run(&video, &news))["people"]["faces"].as_u64().unwrap();
    for format in ["imagefolder", "fiftyone", "webdataset", "csv"] {
        let (there, back) = (path(&format!("{format}.csv")), path(&format!("{format}-set")));
        done(&["export", &news, "--format", format, "--out", &there]);
        // Other sets of the same names lie beside the table.
        let images = if format == "csv" { &["--images", &news][..] } else { &[] };
        done(&[&["import", &there, "--format", format, "--out", &back], images].concat());
        refused(&back, &format!("{faces} of {faces} faces"));
        let output = run(&["analyze", &back]);
        assert!(output.status.success(), "{format}: {}", said(&output));
        let line = format!("pictures {faces} faces embedded from a picture of them");
        assert!(said(&output).contains(&line), "{format}: {}", said(&output));
        fs::copy(dir.path().join(format!("{format}-set/metadata/imported.csv")), &truth).unwrap();
        let output = run(&["cluster", &back]);
        assert!(output.status.success(), "{format}: {}", said(&output));
        assert!(
            said(&output).contains("stay in ") && said(&output).contains("imported.csv"),
            "{}",
            said(&output)
        );
        let scores = done(&["score", &truth, &format!("{back}/metadata/annotations.json")]);
        assert_eq!(scores["samples"], faces, "{format}");
        let f = scores["pairwise"]["f"].as_f64().unwrap();
        // The sets have no temporal links, which join people in a run.
        assert!(f > 0.9, "{format}: {f}");
        let again = done(&["analyze", &back]);
        assert_eq!(again["features"]["embedded"], 0, "nothing is left to do");
    }
    // A table says where the landmarks are, so nothing is looked for; pictures by themselves are looked through.
    let counts = |format: &str| {
        let set = path(&format!("{format}-set"));
        fs::remove_file(Path::new(&set).join("metadata/features.parquet")).unwrap();
        done(&["analyze", &set])["features"]["from_pictures"].clone()
    };
    assert_eq!(counts("webdataset")["known_landmarks"], faces);
    assert_eq!(counts("csv")["known_landmarks"], faces);
    let found = counts("imagefolder");
    assert!(found["found_landmarks"].as_u64().unwrap() * 10 >= faces * 9, "{found}");
}

#[test]
fn pictures_in_which_no_face_is_found_are_taken_as_they_are() {
    if !models() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (set, out) = (path("set"), path("out"));
    for (person, stripes) in [("ada", 7), ("eve", 23)] {
        for file in ["1.png", "2.png"] {
            let paint =
                |x: u32, y: u32| image::Rgb([(x * stripes) as u8, (y * stripes / 3) as u8, (x ^ y) as u8]);
            let folder = dir.path().join("set").join(person);
            fs::create_dir_all(&folder).unwrap();
            RgbImage::from_fn(60, 90, paint).save(folder.join(file)).unwrap();
        }
    }
    done(&["import", &set, "--format", "imagefolder", "--out", &out]);
    refused(&out, "4 of 4 faces");
    let features = done(&["analyze", &out])["features"].clone();
    assert_eq!((&features["embedded"], &features["from_pictures"]["as_they_are"]), (&4.into(), &4.into()));
    let people = done(&["cluster", &out])["people"].clone();
    assert_eq!(people["faces"], 4);
    assert!(people["people"].as_u64().unwrap() <= 2, "equal pictures are one person: {people}");

    // Without a picture there is nothing to embed: counted, and the label is kept until it may go.
    fs::remove_file(dir.path().join("out/faces/ada_1_face_0.png")).unwrap();
    fs::remove_file(dir.path().join("out/metadata/features.parquet")).unwrap();
    let output = run(&["analyze", &out]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("ada_1_face_0: neither its frame nor a picture"), "{}", said(&output));
    refused(&out, "1 of 4 faces");
    let people = done(&["cluster", &out, "--discard-labels"])["people"].clone();
    assert_eq!((&people["faces"], &people["labels_lost"]), (&3.into(), &1.into()));
}

/// Boxes without landmarks, as most sets of detections have them.
#[test]
fn faces_with_boxes_alone_are_embedded() {
    if !models() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir_all(dir.path().join("set/images")).unwrap();
    RgbImage::from_fn(200, 100, |x, y| image::Rgb([x as u8, y as u8, 9]))
        .save(path("set/images/a.png"))
        .unwrap();
    let json = r#"{"images": [{"id": 1, "file_name": "images\\a.png", "width": 200.0}], "categories": null, "annotations": [
        {"id": 1, "image_id": 1, "bbox": [20, 20, 40, 50], "track_id": 1}, {"id": 2, "image_id": 1, "bbox": [120, 20, 40, 50], "track_id": 2}]}"#;
    fs::write(path("set/result.json"), json).unwrap();
    let summary = done(&["import", &path("set"), "--out", &path("out")]);
    assert_eq!((&summary["faces"], &summary["people"]), (&2.into(), &2.into()), "{summary}");
    let features = done(&["analyze", &path("out")])["features"].clone();
    assert_eq!(features["embedded"], 2, "{features}");
    assert_eq!(done(&["cluster", &path("out")])["people"]["faces"], 2);
}
