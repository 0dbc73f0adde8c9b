//! What models said of faces outlives every step: import, analyze, cluster, then statistics, review, finalize and export.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use common::face_models::{attribute, face_model};
use common::{models, run, said, streamface};
use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use streamface_store::{AttributeRow, Dataset, FaceRow, FeatureRow, MadeBy};
use streamface_types::Attributes;
use streamface_types::attributes::Value as AttributeValue;

/// Attributes of face `i`, one of them unknown to the vocabulary.
fn attributes(i: usize) -> Value {
    json!({
        "gender": {"Female": 0.25 + i as f64 / 10.0, "Male": 0.75 - i as f64 / 10.0},
        "pose": {"yaw": -10.5, "pitch": i, "roll": 0.1},
        "beard": {"none": 0.125, "full": 0.875},
        "mask_probability": 0.0625,
    })
}

/// FiftyOne's folder of frames with a face each.
fn fiftyone(root: &Path) {
    fs::create_dir_all(root.join("data")).unwrap();
    let mut labels = serde_json::Map::new();
    for i in 0..4 {
        let name = format!("tv_frame_2026010112000{i}000000");
        let paint = |x: u32, y: u32| Rgb([(x * 7 + i as u32 * 40) as u8, (y * 3) as u8, (x ^ y) as u8]);
        RgbImage::from_fn(160, 120, paint).save(root.join("data").join(format!("{name}.png"))).unwrap();
        let mut of_face = attributes(i);
        of_face["landmarks"] = json!([[0.4, 0.4], [0.6, 0.4], [0.5, 0.5], [0.42, 0.62], [0.58, 0.62]]);
        labels.insert(
            name,
            json!([{"label": "ada", "bounding_box": [0.3, 0.2, 0.4, 0.6], "confidence": 0.9, "attributes": of_face}]),
        );
    }
    fs::write(root.join("labels.json"), json!({"labels": labels}).to_string()).unwrap();
}

fn done(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Whether an `annotations.json` has all attributes of all faces.
fn has_all(path: &Path) {
    let file = json_of(path);
    for i in 0..4 {
        let entry = &file["labels"][format!("tv_frame_2026010112000{i}000000_face_0")];
        let mut expected = attributes(i);
        assert_eq!(entry["mask"], expected["mask_probability"], "{}: {entry}", path.display());
        expected.as_object_mut().unwrap().remove("mask_probability");
        for (name, value) in expected.as_object().unwrap() {
            for (part, number) in value.as_object().unwrap() {
                assert_eq!(
                    entry["attributes"][name][part].as_f64(),
                    number.as_f64(),
                    "{}: {entry}",
                    path.display()
                );
            }
        }
    }
}

/// Faces that the votes of all people are of.
fn of_people(file: &Value) -> u64 {
    let people = file["people"].as_array().unwrap();
    let of = |person: &Value| {
        let attributes = &person["attributes"];
        assert!(attributes["gender"]["disagreement"].is_number(), "{person}");
        assert_eq!(attributes["pose"]["ranges"]["yaw"], json!({"from": -10.5, "to": -10.5}));
        assert_eq!(attributes["beard"]["label"], "full");
        attributes["gender"]["faces"].as_u64().unwrap()
    };
    people.iter().map(of).sum()
}

/// What the review shows of a face.
fn reviewed(dir: &str) -> Value {
    let mut process = streamface(&["review", "--listen", "127.0.0.1:0", "--json", "--quiet", dir])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = serde_json::from_str::<Value>(&line).unwrap()["url"].as_str().unwrap().to_owned();
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).unwrap();
    let path = "/api/face/tv_frame_20260101120002000000_face_0";
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn attributes_outlive_every_step() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    fiftyone(&root.path().join("set"));
    let dir = path("news");
    done(&["import", &path("set"), "--out", &dir]);
    let annotations = root.path().join("news/metadata/annotations.json");
    has_all(&annotations);
    if models() {
        done(&["analyze", &dir, "--quiet", "--attributes", "none"]);
    } else {
        // The rest does not depend on which model made the embeddings.
        let data = Dataset::open(root.path().join("news").as_path()).unwrap();
        let feature =
            |(at, face): (usize, FaceRow)| FeatureRow::new(face.face, "made up", "0", vec![1.0, at as f32]);
        data.replace(data.read::<FaceRow>().unwrap().into_iter().enumerate().map(feature).collect()).unwrap();
    }
    done(&["cluster", &dir, "--quiet"]);
    has_all(&annotations);
    let rows = Dataset::open(root.path().join("news").as_path()).unwrap().read::<AttributeRow>().unwrap();
    assert_eq!(rows.len(), 4 * 8);
    assert!(rows.iter().all(|r| r.model.is_none() && r.model_sha256.is_none()), "an import names no model");

    done(&["stats", &dir]);
    let stats = json_of(&root.path().join("news/stats.json"));
    let counted = stats["attributes"].as_array().unwrap();
    let names: Vec<&str> = counted.iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["gender", "mask", "beard"]);
    assert!(
        counted
            .iter()
            .all(|a| a["faces"].as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>() == 4)
    );

    assert_eq!(of_people(&stats), 4);
    let ages = stats["years"].clone();
    assert!(ages.is_null() && stats["poses"].as_array().is_some_and(|cells| !cells.is_empty()), "{stats}");
    done(&["report", &dir]);
    let page = fs::read_to_string(root.path().join("news/report.html")).unwrap();
    assert!(
        page.contains("guesses about appearance") && page.contains("<dt>beard</dt><dd>full, on average 88"),
        "{page}"
    );

    let face = reviewed(&dir);
    assert_eq!(face["attributes"]["gender"]["Male"], 0.55, "{face}");
    assert_eq!(face["attributes"]["beard"]["full"], 0.875, "{face}");

    done(&["finalize", &dir]);
    has_all(&root.path().join("news/metadata/annotations_manual.json"));
    assert_eq!(of_people(&json_of(&root.path().join("news/metadata/people.json"))), 4);

    done(&["export", &dir, "--format", "compat", "--out", &path("compat")]);
    has_all(&root.path().join("compat/metadata/annotations.json"));
    has_all(&root.path().join("compat/metadata/annotations_manual.json"));
    done(&["export", &dir, "--format", "fiftyone-detection", "--out", &path("fiftyone")]);
    let exported = json_of(&root.path().join("fiftyone/labels.json"));
    let target = &exported["labels"]["tv_frame_20260101120001000000"][0]["attributes"];
    assert_eq!((&target["beard"]["full"], &target["mask_probability"]), (&json!(0.875), &json!(0.0625)));
}

/// An attribute that was exported with its model is as unknown after an import as it was before, and an analysis goes on beside
/// it.
#[test]
fn an_imported_attribute_whose_model_is_known_has_its_unknown() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    let (news, csv, back) = (path("news"), path("news.csv"), path("back"));
    common::dataset::dataset(news.as_ref());
    let data = Dataset::open(news.as_ref()).unwrap();
    let model = streamface_model::Manifest::builtin("faceres").unwrap().id();
    let by = MadeBy { model: &model.name, sha256: &model.sha256, settings: &model.settings };
    let said = |i: u32| {
        let male = if i < 3 { 0.6 } else { 0.9 };
        let of = [("Male".to_owned(), male), ("Female".to_owned(), 1.0 - male)];
        Attributes::from_iter([("gender".to_owned(), AttributeValue::Categories(of.into()))])
    };
    let rows = (0..8).flat_map(|i| AttributeRow::of(&common::dataset::face(i), &said(i), Some(by)));
    data.replace(rows.collect()).unwrap();
    drop(data);
    let unknown = |dir: &str| {
        done(&["stats", dir]);
        let stats = json_of(&Path::new(dir).join("stats.json"));
        let gender = &stats["attributes"][0];
        (gender["unknown"].clone(), gender["faces"].clone())
    };
    let before = unknown(&news);
    assert_eq!(before, (json!(3), json!([5, 0])));
    done(&["export", &news, "--format", "csv", "--out", &csv, "--quiet"]);
    done(&["import", &csv, "--out", &back, "--images", &news, "--quiet"]);
    assert_eq!(unknown(&back), before);
    // Another model gives the attribute to faces that lack it; those that were imported keep theirs.
    let data = Dataset::open(back.as_ref()).unwrap();
    let mut rows = data.read::<AttributeRow>().unwrap();
    rows.truncate(2 * 6);
    data.replace(rows.clone()).unwrap();
    let features = data.read::<FaceRow>().unwrap().into_iter();
    let features = features.map(|face| FeatureRow::new(face.face, "made up", "0", vec![1.0]));
    data.replace(features.collect()).unwrap();
    drop(data);
    let models = tempfile::tempdir().unwrap();
    let row = [[2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]];
    let of = attribute("gender", "logits", &["Male", "Female"]);
    let mine = face_model(models.path(), "mine", "alignment = \"box\"", &[("gender", &[1, 2], &row)], &of);
    if !common::models() {
        return;
    }
    for faces in [2, 0] {
        let summary: Value =
            serde_json::from_str(&done(&["analyze", &back, "--attributes", &mine, "--json", "--quiet"]))
                .unwrap();
        let gender = &summary["attributes"][0];
        assert_eq!((&gender["faces"], &gender["imported"]), (&json!(faces), &json!(true)), "{summary}");
    }
    let now = Dataset::read_only(back.as_ref()).unwrap().read::<AttributeRow>().unwrap();
    assert_eq!(now[..12], rows);
    assert!(now[12..].iter().all(|row| row.model.as_deref() == Some("mine")), "{now:?}");
}
