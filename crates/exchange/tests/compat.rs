//! The original's directory in, and out again.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::process::Command;

use common::{dataset, labels, out, reference, take};
use streamface_exchange::{ExportSettings, Labels, Limits, export, formats, read_features};
use streamface_store::{Dataset, FaceRow, FeatureRow, FrameRow, read_npy};
use streamface_testing::bytes;

#[test]
fn the_sample_comes_back_byte_for_byte() {
    let Some(sample) = reference() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (data, back) = (dir.path().join("data"), dir.path().join("back"));
    let done = take(&sample, &formats::Compat, &data).unwrap();
    assert_eq!((done.faces, done.frames, done.embeddings, done.people), (37, 22, 37, 24), "{done:?}");
    assert_eq!(done.images, 14 + 2 * 22);
    assert_eq!(done.problems.count, 0, "{done:?}");
    let data = Dataset::open(&data).unwrap();
    assert_eq!(labels(&data).len(), 37);
    assert_eq!(data.read::<FrameRow>().unwrap()[0].width, 1920);
    let known = data.read::<FaceRow>().unwrap().iter().filter(|f| f.bbox.w.is_finite()).count();
    assert_eq!(known, 22, "fourteen of the frames are in the sample's detections");

    let done = out(&data, &formats::Compat, &back);
    assert_eq!((done.faces, done.embeddings, done.frames), (37, 37, 14));
    let same = |name: &str, theirs: &str| {
        let (ours, theirs) = (fs::read(back.join(name)).unwrap(), fs::read(sample.join(theirs)).unwrap());
        assert!(ours == theirs, "{name} differs");
    };
    // Lines of the sample's detections end with CR LF, those of its other files and all of ours with LF.
    let theirs = fs::read_to_string(sample.join("detections.csv")).unwrap().replace("\r\n", "\n");
    assert_eq!(fs::read_to_string(back.join("metadata/detections.csv")).unwrap(), theirs);
    for name in [
        "metadata/matches.csv",
        "metadata/annotations.json",
        "metadata/annotations_manual.json",
        "features/skynews_frame_20230525100138412614_face_0.pkl",
    ] {
        same(name, name);
    }
    for folder in ["frames", "faces", "aligned_faces"] {
        let mut ours = bytes(&back.join(folder));
        ours.remove("processed.txt");
        assert!(ours == bytes(&sample.join(folder)), "{folder} differs");
    }
    // Whichever labels are asked for, both files say what they say.
    let reviewed = ExportSettings { labels: Labels::Reviewed, ..ExportSettings::default() };
    let again = dir.path().join("again");
    export(&data, &formats::Compat, &again, &reviewed, &|_| ()).unwrap();
    assert!(bytes(&again.join("metadata")) == bytes(&back.join("metadata")));
}

#[test]
fn embeddings_are_the_originals() {
    let Some(sample) = reference() else { return };
    let path = sample.join("features/skynews_frame_20230525100138412614_face_0.pkl");
    let features = read_features(&path, &Limits::default(), |why| panic!("{why}")).unwrap();
    let expected = read_npy(&sample.join("features/embeddings.npy")).unwrap();
    let names = fs::read_to_string(sample.join("features/names.txt")).unwrap();
    assert!(names.lines().eq(features.iter().map(|f| format!("{}.png", f.face))));
    let all: Vec<f32> = features.iter().flat_map(|f| f.embedding.clone()).collect();
    assert_eq!(all, expected.as_slice());
    let pose = features[0].attributes.by_name("pose").unwrap();
    assert_eq!((pose["yaw"], pose["pitch"], pose["roll"]), (2.31, -10.98, 8.45));
}

#[test]
fn a_dataset_of_ours_comes_back_too() {
    let dir = tempfile::tempdir().unwrap();
    let data = dataset(&dir.path().join("data"));
    let there = dir.path().join("there");
    let done = out(&data, &formats::Compat, &there);
    assert_eq!((done.faces, done.people, done.images), (12, 3, 30));
    let back = dir.path().join("back");
    let done = take(&there, &formats::Compat, &back).unwrap();
    assert_eq!((done.faces, done.people, done.frames, done.embeddings), (12, 3, 6, 12), "{done:?}");
    assert_eq!(done.problems.count, 0, "{done:?}");
    let back = Dataset::open(&back).unwrap();
    assert_eq!(labels(&back), labels(&data));
    let embeddings = |d: &Dataset| -> Vec<_> {
        d.read::<FeatureRow>().unwrap().into_iter().map(|f| (f.face, f.embedding)).collect()
    };
    assert_eq!(embeddings(&back), embeddings(&data));
    for (ours, theirs) in data.read::<FaceRow>().unwrap().iter().zip(back.read::<FaceRow>().unwrap()) {
        assert_eq!(
            (&ours.link, ours.score, ours.aligned_size),
            (&theirs.link, theirs.score, theirs.aligned_size)
        );
        assert!((ours.bbox.x - theirs.bbox.x).abs() <= 0.5, "whole pixels");
    }
}

/// What NumPy makes of our pickle. It is only run where there is a Python with NumPy.
#[test]
fn numpy_loads_what_we_write() {
    let dir = tempfile::tempdir().unwrap();
    let data = dataset(&dir.path().join("data"));
    let there = dir.path().join("there");
    out(&data, &formats::Compat, &there);
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let has_numpy = Command::new(&python).args(["-c", "import numpy"]).output();
    if !has_numpy.is_ok_and(|o| o.status.success()) {
        streamface_testing::skip!("{python} has no NumPy");
        return;
    }
    let program = "import sys, glob, pickle, json\n\
        faces = pickle.load(open(glob.glob(sys.argv[1] + '/features/*.pkl')[0], 'rb'))\n\
        print(json.dumps({k: [str(v[0].dtype), v[0].tolist(), v[1], v[2], v[3], v[4]] for k, v in faces.items()}))";
    let done = Command::new(&python).args(["-c", program, there.to_str().unwrap()]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let loaded: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    for row in data.read::<FeatureRow>().unwrap() {
        let entry = &loaded[format!("{}.png", row.face)];
        assert_eq!(entry[0], "float32");
        let numbers: Vec<f32> = serde_json::from_value(entry[1].clone()).unwrap();
        assert_eq!(numbers, row.embedding);
        let empty = serde_json::json!({});
        assert_eq!((&entry[2]["age"], &entry[3], &entry[4]), (&empty, &empty, &serde_json::Value::Null));
    }
}

#[test]
fn a_pickle_that_would_run_something_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    fs::create_dir_all(set.join("features")).unwrap();
    let proof = dir.path().join("run");
    let command = format!("touch {}", proof.display());
    let length = (command.len() as u32).to_le_bytes();
    let evil = [b"\x80\x03cposix\nsystem\nX", &length[..], command.as_bytes(), b"\x85R."].concat();
    fs::write(set.join("features/a_face_0.pkl"), evil).unwrap();
    let out = dir.path().join("out");
    let said = take(&set, &formats::Compat, &out).unwrap_err().to_string();
    assert!(said.contains("a_face_0.pkl") && said.contains("posix.system"), "{said}");
    assert!(!proof.exists());
    assert_eq!(common::names(dir.path()), ["set"], "nothing half-written is left");
}

#[test]
fn broken_parts_are_named_and_the_rest_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let data = dataset(&dir.path().join("data"));
    let set = dir.path().join("set");
    out(&data, &formats::Compat, &set);
    let csv = set.join("metadata/detections.csv");
    let text = fs::read_to_string(&csv).unwrap().replacen("\"[5, ", "\"[five, ", 1);
    fs::remove_file(&csv).unwrap();
    fs::write(&csv, text).unwrap();
    let picture = set.join(format!("faces/{}.png", common::face(2, 0)));
    let cut = fs::read(&picture).unwrap();
    // A hard link of the dataset's own: a new file in its place.
    fs::remove_file(&picture).unwrap();
    fs::write(&picture, &cut[..cut.len() / 2]).unwrap();
    let done = take(&set, &formats::Compat, &dir.path().join("back")).unwrap();
    assert_eq!((done.problems.count, done.faces), (2, 12), "{done:?}");
    assert!(done.problems.first[0].contains("line 2: box '[five"), "{done:?}");
    assert!(done.problems.first[1].contains("cut short"), "{done:?}");
}
