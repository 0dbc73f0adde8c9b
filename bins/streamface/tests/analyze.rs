//! Attributes that are added to a dataset, replaced and gone on with, by small networks that the test makes.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use common::dataset::{dataset, face, frame, png};
use common::face_models::{attribute, face_model, original_model, overflowing_model, pose_model};
use common::{faces_video, models, run, said, streamface};
use serde_json::Value;
use streamface_store::{
    AttributeRow, Batch, Dataset, FaceRow, FeatureRow, FrameRow, ImageKind, read_attributes,
};
use streamface_types::{Attributes, BoundingBox, FaceId};

fn done(args: &[&str]) -> Value {
    let output = run(&[args, &["--json", "--quiet"]].concat());
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

fn refused(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
    said(&output)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn table(dir: &Path, name: &str) -> Vec<u8> {
    fs::read(dir.join(format!("metadata/{name}.parquet"))).unwrap()
}

fn attributes(dir: &Path) -> BTreeMap<FaceId, Attributes> {
    read_attributes(&dir.join("metadata")).unwrap()
}

/// What was chosen once holds until another choice is made.
#[test]
fn a_directory_goes_on_with_the_models_that_it_has() {
    if !models() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    dataset(dir);
    Dataset::open(dir).unwrap().compact().unwrap();
    fs::remove_file(dir.join("metadata/features.parquet")).unwrap();
    done(&["analyze", text(dir), "--only", "fr-pose"]);
    done(&["analyze", text(dir), "--preset", "accurate", "--attributes", "pose,gender"]);
    done(&["analyze", text(dir)]);
    assert_eq!(models_of(dir, "pose"), ["fr-pose"]);
    assert_eq!(models_of(dir, "gender"), ["faceres"]);
    let features = Dataset::read_only(dir).unwrap().read::<FeatureRow>().unwrap();
    assert!(features.len() == 8 && features.iter().all(|row| row.model == "accurate"));
    assert!(refused(&["analyze", text(dir), "--preset", "fast"]).contains("accurate"));
    assert!(refused(&["analyze", text(dir), "--attributes", "facemesh"]).contains("--only facemesh"));
}

/// A network that is shown no face would still say how old it is.
#[test]
fn a_picture_in_which_no_face_is_found_has_no_attributes() {
    if !models() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (set, dir) = (root.path().join("set"), root.path().join("news"));
    fs::create_dir_all(set.join("nobody")).unwrap();
    let green = image::RgbImage::from_pixel(200, 200, image::Rgb([20, 160, 30]));
    green.save(set.join("nobody/green.png")).unwrap();
    done(&["import", text(&set), "--format", "imagefolder", "--out", text(&dir)]);
    let said = said(&run(&["analyze", text(&dir)]));
    assert!(said.contains("1 as it is (no face found, no attributes)"), "{said}");
    assert!(attributes(&dir).is_empty());
}

/// Which models gave an attribute.
fn models_of(dir: &Path, name: &str) -> Vec<String> {
    let rows = Dataset::read_only(dir).unwrap().read::<AttributeRow>().unwrap().into_iter();
    let mut all: Vec<String> =
        rows.filter(|row| row.name() == name).map(|row| row.model.unwrap_or_default()).collect();
    all.dedup();
    all
}

#[test]
fn one_attribute_is_added_and_the_rest_stays() {
    let (root, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dir = root.path();
    dataset(dir);
    Dataset::open(dir).unwrap().compact().unwrap();
    let others = ["frames", "faces", "extractions", "features", "labels"];
    let before = others.map(|name| table(dir, name));
    let all = original_model(models.path());
    let summary = done(&["analyze", text(dir), "--only", &all]);
    let counted = summary["attributes"].as_array().unwrap();
    assert_eq!(counted.len(), 6, "{summary}");
    assert!(counted.iter().all(|a| a["faces"] == 8 && a["model"] == "original" && a["replaced"] == false));
    assert!(summary["features"].is_null(), "no embeddings were asked for: {summary}");
    assert!(before == others.map(|name| table(dir, name)), "the other tables are as they were");

    let rows = Dataset::read_only(dir).unwrap().read::<AttributeRow>().unwrap();
    assert_eq!(rows.len(), 8 * (9 + 2 + 7 + 7 + 1 + 3));
    for row in &rows {
        let [hash, settings] = [&row.model_sha256, &row.settings].map(|text| text.clone().unwrap().len());
        assert_eq!((row.model.as_deref(), hash, settings), (Some("original"), 64, 16), "{row:?}");
    }
    // The original's keys, in the annotations that the clustering and the review had written before.
    for file in ["annotations.json", "annotations_manual.json"] {
        let file: Value =
            serde_json::from_slice(&fs::read(dir.join("metadata").join(file)).unwrap()).unwrap();
        let entry = &file["labels"][face(3).to_string()];
        assert!(entry["mask"].is_f64() && entry["label"] == 0, "{entry}");
        for (name, count) in [("age", 9), ("gender", 2), ("race", 7), ("expression", 7)] {
            let of = entry["attributes"][name].as_object().unwrap();
            let sum: f64 = of.values().filter_map(Value::as_f64).sum();
            assert!(of.len() == count && (sum - 1.0).abs() < 1e-6, "{name}: {entry}");
        }
        assert!(entry["attributes"]["pose"]["yaw"].is_f64(), "{entry}");
        assert_eq!(file["names"]["0"], "Ann", "{file}");
    }
    // Again there is nothing to do, and no byte changes.
    let bytes = table(dir, "attributes");
    let again = done(&["analyze", text(dir), "--only", &all]);
    assert!(again["attributes"].as_array().unwrap().iter().all(|a| a["faces"] == 0), "{again}");
    assert_eq!(bytes, table(dir, "attributes"));
    // The record says what was used.
    let record: Value =
        serde_json::from_slice(&fs::read(dir.join("metadata/settings.json")).unwrap()).unwrap();
    assert_eq!(record["attributes"]["pose"], "original");
    assert_eq!(record["attributes"]["pose-sha256"].as_str().unwrap().len(), 64);
    assert!(dir.join("metadata/models/original.toml").exists());
}

#[test]
fn another_model_replaces_an_attribute_only_where_it_is_named() {
    let (root, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dir = root.path();
    dataset(dir);
    let all = original_model(models.path());
    done(&["analyze", text(dir), "--only", &all]);
    let before = attributes(dir);
    let other = pose_model(models.path(), "other", 3.0);
    let message = refused(&["analyze", text(dir), "--attributes", &other]);
    for word in ["'pose'", "original", "other", &format!("--only {other}")] {
        assert!(message.contains(word), "'{word}' is not in: {message}");
    }
    assert_eq!(attributes(dir), before);
    let output = run(&["analyze", text(dir), "--only", &other]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("pose     8 faces by other, in the place of what was said before"),
        "{}",
        said(&output)
    );
    assert_eq!(models_of(dir, "pose"), ["other"]);
    assert_eq!(models_of(dir, "age"), ["original"]);
    let after = attributes(dir);
    for (face, of) in &after {
        assert_ne!(of.get("pose"), before[face].get("pose"), "{face}");
        assert_eq!(of.get("age"), before[face].get("age"), "{face}");
    }
    assert!(!dir.join("metadata/replacing").exists());
    let summary = done(&["analyze", text(dir), "--only", &other]);
    assert_eq!(summary["attributes"][0]["faces"], 0, "{summary}");

    // The same weights, read in another way, are another model.
    let manifest = fs::read_to_string(&other).unwrap();
    fs::write(&other, manifest.replace("margin = 0.2", "margin = 0.4")).unwrap();
    let message = refused(&["analyze", text(dir), "--attributes", &other]);
    assert!(message.contains("settings"), "{message}");
    assert_eq!(done(&["analyze", text(dir), "--only", &other])["attributes"][0]["replaced"], true);
}

#[test]
fn a_face_that_a_network_can_make_nothing_of_is_counted_and_stays() {
    let (root, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dir = root.path();
    dataset(dir);
    let data = Dataset::open(dir).unwrap();
    let mut faces = data.read::<FaceRow>().unwrap();
    // A pixel, a box beyond the frame, and none at all.
    faces[0].bbox = BoundingBox::new(50.0, 50.0, 1.0, 1.0);
    faces[1].bbox = BoundingBox::new(500.0, -300.0, 40.0, 40.0);
    faces[2].bbox = BoundingBox::new(20.0, 20.0, 0.0, 40.0);
    data.replace(faces.clone()).unwrap();
    drop(data);
    fs::write(dir.join(format!("frames/{}.png", frame(3))), b"no picture").unwrap();
    let pose = pose_model(models.path(), "pose", 3.0);
    let output = run(&["analyze", text(dir), "--only", &pose]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let message = said(&output);
    let line = format!("skipped: {}: cannot be cut for pose", face(2));
    assert!(message.contains(&line), "{message}");
    for what in [&line["skipped: ".len()..], &format!("{}.png", frame(3))] {
        assert_eq!(message.matches(what).count(), 1, "{what} is said once: {message}");
    }
    let failures = ["analyze", text(dir), "--only", &pose, "--json", "--quiet"];
    let failures: Value = serde_json::from_slice(&run(&failures).stdout).unwrap();
    assert_eq!(failures["failures"].as_array().map(Vec::len), Some(2), "{failures}");
    assert!(message.contains("pose     6 faces by pose"), "{message}");
    let of_faces = attributes(dir);
    assert_eq!(of_faces.len(), 6);
    assert!(!of_faces.contains_key(&face(2)) && of_faces.contains_key(&face(1)));
    let boxes = |faces: Vec<FaceRow>| faces.into_iter().map(|f| (f.face, f.bbox)).collect::<Vec<_>>();
    let now = Dataset::read_only(dir).unwrap().read::<FaceRow>().unwrap();
    assert_eq!(boxes(now), boxes(faces), "all faces stay");

    // Outputs beyond all numbers: of a frame with a dark face and a bright one, the dark one has a result.
    let mut twin = FaceRow::new(FaceId::new(frame(6), 1));
    twin.bbox = BoundingBox::new(200.0, 200.0, 20.0, 20.0);
    let data = Dataset::open(dir).unwrap();
    data.commit(Batch { faces: vec![twin.clone()], ..Batch::default() }).unwrap();
    drop(data);
    let output = run(&["analyze", text(dir), "--only", &overflowing_model(models.path())]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let line = format!("{}: model 'overflowing' gives numbers of which nothing can be made", face(6));
    assert!(said(&output).contains(&line), "{}", said(&output));
    let with_mask: Vec<FaceId> = attributes(dir)
        .into_iter()
        .filter(|(_, of)| of.get("mask").is_some())
        .map(|(face, _)| face)
        .collect();
    assert!(with_mask.contains(&twin.face) && !with_mask.contains(&face(6)), "{with_mask:?}");
}

/// A dataset of so many frames with two faces each.
fn many(dir: &Path, frames: u32) {
    let data = Dataset::open(dir).unwrap();
    let mut batch = Batch::default();
    for i in 0..frames {
        let name = format!("tv_frame_{:020}", 20_230_525_100_130_000_000_u128 + u128::from(i));
        let frame = streamface_types::FrameId::new(name).unwrap();
        batch.frames.push(FrameRow::new(frame.clone(), "tv.mp4"));
        data.stage(ImageKind::Frame, &frame, &png(96, (i * 7) as u8)).unwrap();
        for index in 0..2 {
            let mut row = FaceRow::new(FaceId::new(frame.clone(), index));
            row.bbox = BoundingBox::new(10.0 + 30.0 * index as f32, 10.0, 30.0, 40.0);
            row.frame_size = [96, 96];
            batch.faces.push(row);
        }
    }
    data.commit(batch).unwrap();
    data.compact().unwrap();
}

#[test]
fn killed_at_any_moment_the_same_command_ends_with_the_same_table() {
    let (root, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = |name: &str| root.path().join(name);
    let [first, other] = [pose_model(models.path(), "first", 2.0), pose_model(models.path(), "other", 3.0)];
    let analyze = |dir: &Path, model: &str| {
        streamface(&["analyze", text(dir), "--only", model, "--batch-size", "4", "--threads", "2", "--quiet"])
    };
    for dir in ["whole", "killed"] {
        many(&path(dir), 150);
    }
    // First what is added, then what takes its place.
    for model in [&first, &other] {
        let start = Instant::now();
        assert!(analyze(&path("whole"), model).output().unwrap().status.success());
        let length = start.elapsed();
        let before =
            path("killed").join("metadata/attributes.parquet").exists().then(|| attributes(&path("killed")));
        let mut cut_short = 0;
        for tenth in 1..=8 {
            let mut child = analyze(&path("killed"), model).spawn().unwrap();
            std::thread::sleep((length * tenth / 16).max(Duration::from_millis(5)));
            child.kill().unwrap();
            if child.wait().unwrap().success() {
                continue;
            }
            cut_short += 1;
            // What is to be replaced is replaced as a whole.
            if let Some(before) = &before {
                let now = attributes(&path("killed"));
                assert!(
                    now == *before || now == attributes(&path("whole")),
                    "half of the faces were replaced"
                );
            }
        }
        assert!(cut_short > 0, "every call was over before it was killed");
        let output = analyze(&path("killed"), model).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(table(&path("whole"), "attributes"), table(&path("killed"), "attributes"));
        assert!(!path("killed").join("metadata/batches").exists());
        assert!(!path("killed").join("metadata/replacing").exists());
        assert_eq!(attributes(&path("killed")).len(), 300);
    }
}

#[test]
fn what_an_import_says_is_kept_unless_its_attribute_is_named() {
    let (root, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dir = root.path();
    dataset(dir);
    let imported = |i: u32| {
        let of = [("Male".to_owned(), 1.0), ("Female".to_owned(), 0.0)].into();
        let of = [("gender".to_owned(), streamface_types::attributes::Value::Categories(of))];
        AttributeRow::of(&face(i), &Attributes::from_iter(of), None)
    };
    let data = Dataset::open(dir).unwrap();
    let rows: Vec<_> = (0..3).flat_map(imported).collect();
    data.commit(Batch { attributes: rows.clone(), ..Batch::default() }).unwrap();
    drop(data);
    let gender = |name: &str, weight: f32| {
        let rows = [[weight, 0.0, 0.0, 0.0], [0.0, 0.0, weight, 0.0]];
        let of = attribute("gender", "logits", &["Male", "Female"]);
        face_model(models.path(), name, "alignment = \"square\"", &[("gender", &[1, 2], &rows)], &of)
    };
    let mine = gender("mine", 2.0);
    // Embeddings are there already, of the embedder that this dataset names.
    if common::models() {
        let summary = done(&["analyze", text(dir), "--attributes", &mine]);
        assert_eq!(
            (&summary["attributes"][0]["faces"], &summary["attributes"][0]["imported"]),
            (&5.into(), &true.into())
        );
        let now = Dataset::read_only(dir).unwrap().read::<AttributeRow>().unwrap();
        assert_eq!(now[..6], rows, "what was imported stands as it was");
    }
    let summary = done(&["analyze", text(dir), "--only", &mine]);
    assert_eq!(
        (&summary["attributes"][0]["faces"], &summary["attributes"][0]["replaced"]),
        (&8.into(), &true.into())
    );
    assert_eq!(models_of(dir, "gender"), ["mine"]);
}

#[test]
fn embeddings_of_two_models_or_settings_are_not_mixed() {
    if !common::models() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    dataset(dir);
    // Another embedder is refused, whether faces lack an embedding or not.
    let builtin = include_str!("../../../crates/model/manifests/mobilefacenet.toml");
    let other = dir.join("other.toml");
    fs::write(&other, builtin.replace("scale = 128.0", "scale = 127.5")).unwrap();
    let with = ["analyze", text(dir), "--attributes", "none"];
    done(&with);
    let mut data = Dataset::open(dir).unwrap();
    for lacking in [0, 1] {
        let mut rows = data.read::<FeatureRow>().unwrap();
        rows.truncate(rows.len() - lacking);
        let settings = streamface_model::Manifest::builtin("mobilefacenet").unwrap().id().settings;
        rows.iter_mut().for_each(|row| row.settings = Some(settings.clone()));
        data.replace(rows).unwrap();
        drop(data);
        let message = refused(&[&with[..], &["--embedder", text(&other)]].concat());
        assert!(message.contains("settings") && message.contains(&settings), "{message}");
        data = Dataset::open(dir).unwrap();
    }
    drop(data);
    // With the same one the face that lacks an embedding gets it.
    assert_eq!(done(&with)["features"]["embedded"], 1);
    let rows = Dataset::read_only(dir).unwrap().read::<FeatureRow>().unwrap();
    assert!(rows.len() == 8 && rows.iter().all(|row| row.settings == rows[0].settings), "{rows:?}");
}

#[test]
fn what_is_wanted_is_named_or_refused() {
    let (root, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dir = root.path();
    dataset(dir);
    let pose = pose_model(models.path(), "pose", 3.0);
    let other = pose_model(models.path(), "other", 3.5);
    for (wanted, word) in [
        ("beard", "'beard' is neither an attribute nor a face model"),
        (&format!("{pose},{other}"), "name one of them"),
        ("mobilefacenet.toml", "mobilefacenet.toml"),
        ("none", "names attributes"),
        ("pose,,age", "names such as pose,age"),
    ] {
        let message = refused(&["analyze", text(dir), "--only", wanted]);
        assert!(message.contains(word), "{wanted}: {message}");
    }
    let message = refused(&["analyze", text(dir), "--only", &pose, "--attributes", "none"]);
    assert!(message.contains("not both"), "{message}");
    // Weights that are not there: how they are got, and how to do without.
    fs::remove_file(models.path().join("pose.onnx")).unwrap();
    let message = refused(&["run", "no.mp4", "--out", text(&dir.join("x")), "--attributes", &pose]);
    assert!(!message.contains("pose.onnx") || message.contains("--attributes none"), "{message}");
    let message = refused(&["analyze", text(dir), "--only", &pose]);
    assert!(message.contains("pose.onnx") && message.contains("--attributes none does without"), "{message}");
    // An output that the network does not have ends the call: it is not the face that is bad.
    let manifest = fs::read_to_string(&other).unwrap();
    fs::write(&other, manifest.replace("\"roll\"]\nreading", "\"tilt\"]\nreading")).unwrap();
    let message = refused(&["analyze", text(dir), "--only", &other]);
    assert!(message.contains("tilt"), "{message}");
}

#[test]
fn a_run_gives_attributes_and_the_steps_give_the_same() {
    let Some(video) = faces_video() else { return };
    let (root, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    let model = original_model(models.path());
    let video = video.to_str().unwrap();
    let [whole, steps, plain, unkept] = ["whole", "steps", "plain", "unkept"].map(path);
    let summary = done(&["run", video, "--out", &whole, "--attributes", &model, "--threads", "2"]);
    let faces = summary["faces"]["kept"].as_u64().unwrap();
    assert!(faces > 20 && summary["faces"]["analyzed"] == faces, "{summary}");
    assert!(summary["attributes"].as_array().unwrap().iter().all(|a| a["faces"] == faces), "{summary}");
    let file: Value =
        serde_json::from_slice(&fs::read(Path::new(&whole).join("metadata/annotations.json")).unwrap())
            .unwrap();
    let labels = file["labels"].as_object().unwrap();
    assert_eq!(labels.len() as u64, faces);
    for entry in labels.values() {
        assert!(entry["mask"].is_f64(), "{entry}");
        for name in ["age", "gender", "race", "expression", "pose"] {
            assert!(entry["attributes"][name].is_object(), "{name}: {entry}");
        }
    }
    for args in [
        &["capture", video, "--out", &steps][..],
        &["extract", &steps],
        &["analyze", &steps, "--attributes", &model, "--threads", "1"],
        &["cluster", &steps],
    ] {
        done(args);
    }
    let same = |a: &str, b: &str| {
        for name in ["features", "attributes", "labels"] {
            assert!(table(a.as_ref(), name) == table(b.as_ref(), name), "{name} of {a} and {b}");
        }
    };
    same(&whole, &steps);
    // Later, to faces that have none; then the directory is as if they had been there from the start.
    done(&["run", video, "--out", &plain, "--attributes", "none"]);
    assert!(!Path::new(&plain).join("metadata/attributes.parquet").exists());
    done(&["analyze", &plain, "--only", &model]);
    same(&whole, &plain);
    let annotations = |dir: &str| fs::read(Path::new(dir).join("metadata/annotations.json")).unwrap();
    assert!(annotations(&whole) == annotations(&plain), "annotations follow");
    // Without frames they come out of the pictures of the faces.
    done(&["run", video, "--out", &unkept, "--attributes", "none", "--frames", "none"]);
    let output = run(&["analyze", &unkept, "--only", &model]);
    assert!(output.status.success(), "{}", said(&output));
    let (all, of_pictures) = (attributes(whole.as_ref()), attributes(unkept.as_ref()));
    let mut off: Vec<f64> = all
        .iter()
        .map(|(face, of)| {
            (of.probability("mask").unwrap() - of_pictures[face].probability("mask").unwrap()).abs()
        })
        .collect();
    off.sort_by(f64::total_cmp);
    assert!(off.len() as u64 == faces && off[off.len() / 2] < 0.01, "{off:?}");
}
