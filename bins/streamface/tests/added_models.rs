//! Weights of a user's own: added by a template, tried, found by name, compared later.

#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::Output;

use common::{models, said, streamface};
use streamface_model::Cache;
use streamface_testing::onnx;

/// With a model cache of its own, in `dir`.
fn run(dir: &Path, args: &[&str]) -> Output {
    streamface(args).env("STREAMFACE_MODELS", dir.join("cache")).output().unwrap()
}

/// Weights of so many numbers in one output, which depend on the colours.
fn weights(dir: &Path, name: &str, side: u64, numbers: u64) -> String {
    let rows: Vec<[f32; 4]> =
        (0..numbers).map(|i| [(i % 7) as f32, (i % 5) as f32, (i % 3) as f32, 0.1 * i as f32]).collect();
    let path = dir.join(name);
    std::fs::write(&path, onnx::of_means([1, 3, side, side], &[("y", &[1, numbers], &rows)])).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_model_of_ones_own_is_tried_added_listed_and_checked() {
    let dir = tempfile::tempdir().unwrap();
    let file = weights(dir.path(), "my weights.onnx", 224, 18);
    let added = run(dir.path(), &["models", "add", &file, "--like", "fairface"]);
    let text = said(&added);
    assert!(added.status.success(), "{text}");
    for word in
        ["my-weights (face) is added", "[1, 3, 224, 224] gives y [1, 18]", "race: ", "gender: ", " ms"]
    {
        assert!(text.contains(word), "'{word}' is not in: {text}");
    }
    // The user's own file may go: the cache has a copy.
    std::fs::remove_file(&file).unwrap();
    let listed = said(&run(dir.path(), &["models", "list"]));
    assert!(listed.contains("my-weights") && listed.contains("that of your file"), "{listed}");
    let checked = said(&run(dir.path(), &["models", "check"]));
    let of_mine = |line: &&str| line.split_whitespace().take(2).eq(["my-weights", "good"]);
    assert!(checked.lines().any(|line| of_mine(&line) && line.contains("(8 numbers compared)")), "{checked}");

    // Other numbers in the manifest: the check says so, and ends with 1.
    let manifest = dir.path().join("cache/added/my-weights/my-weights.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let (before, after) = text.split_once("y = [").unwrap();
    std::fs::write(&manifest, format!("{before}y = [99.0, {}", after.split_once(',').unwrap().1)).unwrap();
    let checked = run(dir.path(), &["models", "check"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(said(&checked).contains("output 'y', number 0 is"), "{}", said(&checked));
    // As JSON, and a name that is given.
    let file = weights(dir.path(), "w.onnx", 112, 512);
    let added = run(dir.path(), &["models", "add", &file, "--like", "arcface", "--name", "mine", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&added.stdout).unwrap();
    assert_eq!(json["name"], "mine");
    assert_eq!(json["trial"]["probes"][0]["outputs"][0][1], serde_json::json!([1, 512]));
}

#[test]
fn what_does_not_fit_is_said_and_nothing_is_added() {
    let dir = tempfile::tempdir().unwrap();
    let file = weights(dir.path(), "w.onnx", 112, 128);
    let refused = |args: &[&str], words: &[&str]| {
        let output = run(dir.path(), &[&["models", "add"], args].concat());
        let text = said(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        for word in words {
            assert!(text.contains(word), "'{word}' is not in: {text}");
        }
        assert!(!text.contains("panicked"), "{text}");
        let added = Cache::at(dir.path().join("cache")).added_dir();
        let left: Vec<_> =
            std::fs::read_dir(added).into_iter().flatten().map(|e| e.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?}");
    };
    refused(&[&file, "--like", "arcface"], &["w.onnx as arcface", "[[1, 128]]", "[1, 512]"]);
    refused(&[&file, "--like", "retinaface"], &["w.onnx as retinaface", "[1, 128]", "10]"]);
    refused(&[&file, "--like", "deepface-emotion"], &["w.onnx as deepface-emotion"]);
    // The template's order of axes does not load; what is said is of the one that does.
    let pose = weights(dir.path(), "pose.onnx", 224, 66);
    refused(&[&pose, "--like", "whenet"], &["pose.onnx as whenet", "[1, 66]", "as output 1"]);
    refused(&[&file, "--like", "arcfaces"], &["no template is called 'arcfaces'", "arcface"]);
    refused(&[&file, "--like", "mtcnn"], &["pnet, rnet, onet"]);
    refused(&[&file, "--like", "sface", "--name", "a/b"], &["'a/b' is no name"]);
    refused(&[&file, "--like", "sface", "--name", "centerface"], &["comes with StreamFace"]);
    refused(&["gone.onnx", "--like", "sface"], &["gone.onnx"]);
    let cut = dir.path().join("cut.onnx");
    std::fs::write(&cut, &std::fs::read(&file).unwrap()[..200]).unwrap();
    refused(&[cut.to_str().unwrap(), "--like", "sface"], &["cut.onnx as sface"]);
    let torch = dir.path().join("net.pth");
    std::fs::write(&torch, b"PK\x03\x04").unwrap();
    refused(&[torch.to_str().unwrap(), "--like", "sface"], &["net.pth", "torch.onnx.export"]);
    let text = dir.path().join("photo.jpg");
    std::fs::write(&text, b"no photo").unwrap();
    refused(&[&file, "--like", "sface", "--on", text.to_str().unwrap()], &["photo.jpg"]);
}

#[test]
fn an_added_detector_and_embedder_are_used_by_name() {
    if !models() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    std::fs::create_dir(&cache).unwrap();
    for file in Cache::of_user().dir().read_dir().unwrap() {
        let file = file.unwrap();
        if file.path().is_file() {
            std::fs::copy(file.path(), cache.join(file.file_name())).unwrap();
        }
    }
    let own = |name: &str| cache.join(name).to_str().unwrap().to_owned();
    let nets = ["pnet.tflite", "rnet.tflite", "onet.tflite"].map(own);
    let add = [
        &["models", "add"],
        &nets.each_ref().map(String::as_str)[..],
        &["--like", "mtcnn", "--name", "three"],
    ]
    .concat();
    let added = run(dir.path(), &add);
    assert!(added.status.success(), "{}", said(&added));
    let file = weights(dir.path(), "w.onnx", 112, 128);
    assert!(run(dir.path(), &["models", "add", &file, "--like", "sface", "--name", "mine"]).status.success());
    let Some(video) = common::faces_video() else { return };
    let out = dir.path().join("out");
    let out = out.to_str().unwrap();
    let video = video.to_str().unwrap();
    let done = run(dir.path(), &["run", video, "--out", out, "--detector", "three", "--embedder", "mine"]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(Path::new(out).join("metadata/models/mine.toml").is_file());
    let faces = std::fs::read_dir(Path::new(out).join("faces")).unwrap().count();
    assert!(faces > 24, "{faces} faces");
    let unknown = said(&run(dir.path(), &["run", video, "--out", out, "--embedder", "yours"]));
    assert!(
        unknown.contains("'yours'") && unknown.contains("mine") && unknown.contains("three"),
        "{unknown}"
    );
}
