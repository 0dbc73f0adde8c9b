//! `--engine`: what runs networks is recorded, and one directory has one.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::dataset::dataset;
use common::face_models::pose_model;
use common::{faces_video, plain_run, run, said};
use serde_json::Value;

fn refused(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
    said(&output)
}

fn done(args: &[&str]) -> Value {
    let output = run(&[args, &["--json", "--quiet"]].concat());
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn record(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("metadata/settings.json")).unwrap()).unwrap()
}

#[test]
fn settings_of_an_engine_are_checked_before_anything_is_done() {
    let root = tempfile::tempdir().unwrap();
    let (video, out) = (root.path().join("video.mp4"), root.path().join("out"));
    fs::write(&video, "not looked at").unwrap();
    let [video, out] = [&video, &out].map(|path| path.to_str().unwrap());
    let said = refused(&["run", video, "--out", out, "--engine", "tensorrt"]);
    assert!(said.contains("'engine'") && said.contains("onnxruntime"), "{said}");
    for flags in [["--provider", "cuda"], ["--onnxruntime-library", "x.so"]] {
        let said = refused(&[&["run", video, "--out", out], &flags[..]].concat());
        assert!(said.contains("for --engine onnxruntime"), "{said}");
    }
    // Where it is not built in, the error says how; where it is, that there is no such file.
    let built_in = cfg!(feature = "onnxruntime");
    let why = if built_in { "no.so is no library" } else { "cargo build --release --features onnxruntime" };
    let asked = ["--engine", "onnxruntime", "--onnxruntime-library", "no.so"];
    for command in [&["extract", out][..], &["analyze", out], &["models", "bench", "centerface"]] {
        let said = refused(&[command, &asked].concat());
        // The weights are looked for first.
        assert!(said.contains(why) || said.contains("models pull centerface"), "{command:?}: {said}");
    }
    assert!(!Path::new(out).exists());
}

#[test]
fn attributes_of_a_directory_are_made_by_one_engine() {
    let (root, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dir = root.path();
    dataset(dir);
    let (text, pose) = (dir.to_str().unwrap(), pose_model(models.path(), "tilt", 2.0));
    let by = |engine| ["analyze", text, "--only", &pose, "--engine", engine];
    done(&by("tract"));
    assert_eq!(record(dir)["attributes"]["pose-engine"], "tract");
    assert_eq!(done(&by("tract"))["attributes"][0]["faces"], 0);
    let said = refused(&by("executor"));
    assert!(said.contains("the engine tract, now executor"), "{said}");
}

#[test]
fn a_run_by_another_engine_finds_the_same_and_says_which() {
    let Some(video) = faces_video() else { return };
    let root = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ours", "theirs"].map(|name| root.path().join(name));
    let by_default = done(&plain_run(video, &ours));
    assert!(record(&ours)["extract"].get("engine").is_none());
    // ONNX Runtime where it is built in and its library is there.
    let library = streamface_model::Library::onnxruntime().unwrap();
    let there = streamface_model::Cache::of_user().library_path(&library).exists();
    let (engine, name) = match cfg!(feature = "onnxruntime") && there {
        true => ("onnxruntime", "onnxruntime 1.32.0"),
        false => ("tract", "tract"),
    };
    let by_theirs = done(&[&plain_run(video, &theirs)[..], &["--engine", engine]].concat());
    assert_eq!(record(&theirs)["extract"]["engine"], name);
    let of_embedder = record(&theirs)["analyze"].get("engine").cloned();
    assert_eq!(of_embedder, (engine == "tract").then(|| name.into()), "TensorFlow Lite is the executor's");
    for key in ["frames", "faces"] {
        assert_eq!(by_default[key], by_theirs[key], "{key}");
    }
    for key in ["faces", "people", "singletons", "largest"] {
        assert_eq!(by_default["people"][key], by_theirs["people"][key], "{key}");
    }
    let said = refused(&plain_run(video, &theirs));
    assert!(said.contains(&format!("engine was {name}, now not set")), "{said}");
}
