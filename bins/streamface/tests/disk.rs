//! Room on the disk: how frames are stored, what is forecast, what can be removed.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{assert_same_result, faces_video, plain_run, run, said, streamface};
use serde_json::Value;
use streamface_store::{Dataset, FaceRow, FeatureRow, FrameFormat, FrameRow, LabelRow};
use streamface_testing::result_bytes;

/// Runs a command that should succeed, and reads its JSON.
fn json(args: &[&str]) -> Value {
    let done = run(&[args, &["--json"]].concat());
    assert!(done.status.success(), "{args:?}: {}", said(&done));
    serde_json::from_slice(&done.stdout).unwrap()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
}

/// Bytes of all files; those in `labeled_faces/` are second names.
fn taken(dir: &Path) -> u64 {
    let files = result_bytes(dir);
    let own = files.iter().filter(|(name, _)| !name.starts_with("labeled_faces/"));
    own.map(|(_, bytes)| bytes.len() as u64).sum()
}

/// What must not depend on how frames are stored: all files but the frames, their table and the report.
fn assert_same_faces(a: &Path, b: &Path) {
    let files = |dir: &Path| {
        let mut all = result_bytes(dir);
        all.retain(|name, _| {
            let frames = ["frames/", "metadata/last_frames/", "metadata/frames.parquet", "report.html"];
            !frames.iter().any(|of| name.starts_with(of))
        });
        all
    };
    let (a, b) = (files(a), files(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        assert!(b[name] == *bytes, "{name} differs");
    }
}

#[test]
fn faces_do_not_depend_on_how_frames_are_stored() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let video = video.to_str().unwrap();
    let mut sizes = Vec::new();
    for format in FrameFormat::ALL {
        let out = dir.path().join(format.name());
        let summary = json(&[&plain_run(&video, &out)[..], &["--frames", format.name()]].concat());
        let written = summary["disk"]["written_bytes"].as_u64().unwrap();
        assert!(written > 0 && summary["disk"]["free_bytes"].as_u64().unwrap() > 0, "{summary:#}");
        assert_same_faces(&dir.path().join("png"), &out);
        let rows: Vec<FrameRow> = Dataset::open(&out).unwrap().read().unwrap();
        let mut files: BTreeSet<String> = rows.iter().filter_map(FrameRow::file_name).collect();
        assert!(rows.iter().all(|row| row.dropped.is_some() || row.format == format));
        files.insert("processed.txt".into());
        assert_eq!(names(&out.join("frames")), files, "{format}");
        let size =
            |row: &FrameRow| Some(fs::metadata(out.join("frames").join(row.file_name()?)).unwrap().len());
        sizes.push(rows.iter().filter_map(size).sum::<u64>());
        // What is said to be written is what is there, but for small files and whole blocks.
        let there = taken(&out) as f64;
        assert!((written as f64 / there - 1.0).abs() < 0.2, "{written} of {there}");
    }
    let [png, jpeg, webp, none] = sizes[..] else { panic!() };
    assert!(jpeg * 4 <= png, "{jpeg} is more than a quarter of {png}");
    assert!(webp < png && none == 0, "{webp} of {png}, {none}");
}

#[test]
fn a_run_that_goes_on_ends_as_one_without_a_break() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    for format in ["jpeg", "none"] {
        let path = |name: &str| dir.path().join(format!("{format}-{name}"));
        let call = |out: &Path| {
            let args = [&plain_run(&video, &out)[..], &["--batch-size", "3", "-q"]].concat();
            streamface(&[&args[..], &["--frames", format]].concat())
        };
        let start = std::time::Instant::now();
        assert!(call(&path("whole")).output().unwrap().status.success());
        let length = start.elapsed();
        for fifth in 1..=4 {
            let mut child = call(&path("broken"))
                .stderr(std::process::Stdio::null())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(length * fifth / 5);
            let _ = child.kill();
            let _ = child.wait();
        }
        assert!(call(&path("broken")).output().unwrap().status.success());
        assert_same_result(&path("whole"), &path("broken"));
        let last = names(&path("whole").join("metadata/last_frames"));
        assert_eq!(last.len(), 2, "{last:?}");
    }
}

#[test]
fn extract_finds_the_same_faces_in_jpeg_frames() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let video = video.to_str().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    for (format, out) in [("png", path("png")), ("jpeg", path("jpeg"))] {
        for args in [
            &["capture", video, "--out", &out, "--frames", format][..],
            &["extract", &out],
            &["analyze", &out],
        ] {
            let done = run(args);
            assert!(done.status.success(), "{args:?}: {}", said(&done));
        }
    }
    let features = |out: &str| Dataset::open(out.as_ref()).unwrap().read::<FeatureRow>().unwrap();
    let (png, jpeg) = (features(&path("png")), features(&path("jpeg")));
    let names = |rows: &[FeatureRow]| rows.iter().map(|row| row.face.clone()).collect::<Vec<_>>();
    assert_eq!(names(&png), names(&jpeg), "the same faces are found");
    let distance = |a: &FeatureRow, b: &FeatureRow| {
        1.0 - a.embedding.iter().zip(&b.embedding).map(|(a, b)| f64::from(a * b)).sum::<f64>()
    };
    // Two faces of nearly one score may come in another order.
    let nearest = |a: &FeatureRow| {
        let same_frame = jpeg.iter().filter(|b| b.face.frame == a.face.frame);
        same_frame.map(|b| distance(a, b)).fold(f64::INFINITY, f64::min)
    };
    let distances: Vec<f64> = png.iter().map(nearest).collect();
    let mean = distances.iter().sum::<f64>() / distances.len() as f64;
    // Two pictures of one person are some 0.3 apart, two people 0.6 and more.
    assert!(mean < 0.01 && distances.iter().all(|d| *d < 0.1), "{mean} in the mean: {distances:?}");
}

#[test]
fn frames_that_were_not_kept_are_said_to_be_missing() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let (video, out) = (video.to_str().unwrap(), out.to_str().unwrap());
    json(&["capture", video, "--out", out, "--frames", "none", "--for", "4s"]);
    assert!(!Path::new(out).join("frames").exists());
    let done = run(&["extract", out]);
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    assert!(said(&done).contains("frames were captured with --frames none"), "{}", said(&done));
    let done = run(&[&plain_run(&video, &out)[..], &["--frames", "bmp"]].concat());
    assert_eq!(done.status.code(), Some(2));
    assert!(said(&done).contains("png, jpeg, webp and none"), "{}", said(&done));
}

#[test]
fn nothing_but_the_pictures_of_frames_is_missed_after_prune() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let (whole, pruned) = (path("whole"), path("pruned"));
    let (video, out) = (video.to_str().unwrap(), pruned.to_str().unwrap());
    json(&plain_run(&video, &whole));
    json(&[&plain_run(&video, &out)[..], &["--for", "12s"]].concat());
    let before = names(&pruned.join("frames"));
    let dry = json(&["prune", out, "--all-frames", "--caches", "--dry-run"]);
    assert_eq!(names(&pruned.join("frames")), before);
    let done = json(&["prune", out, "--all-frames", "--caches"]);
    assert_eq!((&done["frames"], &done["caches"]), (&dry["frames"], &dry["caches"]));
    assert!(done["frames"]["bytes"].as_u64().unwrap() > 0 && done["left"]["files"] == 0, "{done:#}");
    assert_eq!(names(&pruned.join("frames")), BTreeSet::from(["processed.txt".to_owned()]));
    assert!(!pruned.join("labeled_faces").exists());
    // The run goes on as if nothing had been removed.
    json(&plain_run(&video, &out));
    let rows = |dir: &Path| {
        let data = Dataset::open(dir).unwrap();
        let frames: Vec<FrameRow> = data.read().unwrap();
        let frames: Vec<_> = frames.into_iter().map(|row| (row.frame, row.similarity, row.dropped)).collect();
        let faces: Vec<FaceRow> = data.read().unwrap();
        (frames, faces, data.read::<FeatureRow>().unwrap(), data.read::<LabelRow>().unwrap())
    };
    assert_eq!(rows(&whole), rows(&pruned));
    // And every command that needs no frame works on.
    json(&["prune", out, "--all-frames"]);
    for args in [
        &["cluster", out][..],
        &["cluster", out, "--append"],
        &["study", out],
        &["evaluate", out],
        &["match", out],
        &["stats", out],
        &["verify", out],
        &["finalize", out, "--folders"],
        &["report", out],
        &["extract", out],
        &["analyze", out],
        &["export", out, "--format", "imagefolder", "--out", path("exported").to_str().unwrap()],
        &["export", out, "--format", "compat", "--out", path("compat").to_str().unwrap()],
    ] {
        let done = run(args);
        assert!(done.status.success(), "{args:?}: {}", said(&done));
    }
    let coco = run(&["export", out, "--format", "coco", "--out", path("coco").to_str().unwrap()]);
    assert_eq!(coco.status.code(), Some(2));
    assert!(said(&coco).contains("streamface prune"), "{}", said(&coco));
}

#[test]
fn faces_of_few_pixels_are_left_out_where_that_is_asked_for() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let (video, out) = (video.to_str().unwrap(), out.to_str().unwrap());
    let all = json(&[&plain_run(&video, &out)[..], &["--for", "6s"]].concat());
    let some = dir.path().join("some");
    let some = some.to_str().unwrap();
    let mut sides: Vec<f32> = Dataset::open(out.as_ref())
        .unwrap()
        .read::<FaceRow>()
        .unwrap()
        .iter()
        .map(|f| f.bbox.w.min(f.bbox.h))
        .collect();
    sides.sort_by(f32::total_cmp);
    let least = sides[sides.len() / 2].ceil();
    let pixels = format!("{least}");
    let large = json(&[&plain_run(&video, &some)[..], &["--for", "6s", "--min-face", &pixels]].concat());
    let (kept, fewer) = (all["faces"]["kept"].as_u64().unwrap(), large["faces"]["kept"].as_u64().unwrap());
    assert!(0 < fewer && fewer < kept, "{fewer} of {kept}");
    assert_eq!(all["faces"]["detected"], large["faces"]["detected"]);
    let faces: Vec<FaceRow> = Dataset::open(some.as_ref()).unwrap().read().unwrap();
    assert!(faces.len() as u64 == fewer && faces.iter().all(|f| f.bbox.w.min(f.bbox.h) >= least));
    // A directory holds one kind of faces.
    for (asked, now) in [(&["--min-face", "0"][..], "not set"), (&[], "16")] {
        let other = run(&[&plain_run(&video, &some)[..], asked].concat());
        assert_eq!(other.status.code(), Some(2));
        assert!(said(&other).contains(&format!("min-face was {pixels}, now {now}")), "{}", said(&other));
    }
    // One from before there was such a gate goes on without one.
    let record = Path::new(out).join("metadata/settings.json");
    let mut settings: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    assert_eq!(settings["extract"].as_object_mut().unwrap().remove("min-face").unwrap(), "16");
    fs::write(&record, serde_json::to_vec(&settings).unwrap()).unwrap();
    json(&[&plain_run(&video, &out)[..], &["--for", "8s"]].concat());
    let settings: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    assert!(settings["extract"].get("min-face").is_none(), "{settings:#}");
}

#[test]
fn the_room_on_the_disk_is_forecast_before_the_first_frame() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let done = run(&["capture", video.to_str().unwrap(), "--out", out.to_str().unwrap(), "--frames", "jpeg"]);
    let said = said(&done);
    let line = said.lines().find(|line| line.starts_with("disk ") && line.contains("an hour"));
    assert!(line.is_some_and(|line| line.contains(" free, some ")), "{said}");
    // A wrong number of free bytes would be found at once: as df says, in blocks of 1024 bytes.
    let df = std::process::Command::new("df").args(["--output=avail", "-k"]).arg(&out).output().unwrap();
    let free: f64 = String::from_utf8_lossy(&df.stdout).split_whitespace().last().unwrap().parse().unwrap();
    let summary = json(&["capture", video.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    let ours = summary["disk"]["free_bytes"].as_f64().unwrap();
    assert!((ours / (free * 1024.0) - 1.0).abs() < 0.05, "{ours} of {}", free * 1024.0);
}
