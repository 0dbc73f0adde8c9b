//! Whole runs on a short video with real faces and real networks.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::time::Duration;

use common::{assert_same_result, faces_video, ffmpeg, plain_run, run, said, streamface};
use streamface_testing::result_bytes;

#[test]
fn a_video_becomes_people_and_the_same_bytes_for_any_number_of_threads() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = |name: &str| dir.path().join(name);
    let go = |name: &str, threads: &str| {
        let out = out(name);
        let done = run(&[
            "run",
            video.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
            "--threads",
            threads,
            "--json",
        ]);
        assert!(done.status.success(), "{}", said(&done));
        serde_json::from_slice::<serde_json::Value>(&done.stdout).unwrap()
    };
    let summary = go("one", "1");
    assert_eq!(summary["frames"]["seen"], 24);
    let people = summary["people"]["people"].as_u64().unwrap();
    assert!((7..=12).contains(&people), "ten people were shown: {summary:#}");
    go("two", "2");
    go("again", "2");
    assert_same_result(&out("one"), &out("two"));
    assert_same_result(&out("one"), &out("again"));

    // A finished run, given again, finds nothing to do and changes nothing.
    let before = result_bytes(&out("two"));
    assert_eq!(go("two", "2")["frames"]["seen"], 0);
    assert_eq!(before, result_bytes(&out("two")));

    let csv = fs::read_to_string(out("one").join("metadata/detections.csv")).unwrap();
    assert!(
        csv.starts_with(
            "name,confidence,box,left_eye,right_eye,nose,mouth_left,mouth_right,image,face,crop\n"
        )
    );
    assert!(csv.contains("faces_frame_1970010100000"), "named by stream time: {csv}");
    assert!(out("one").join("report.html").exists());
    assert!(!out("one").join("metadata/batches").exists());
    let labelled = fs::read_dir(out("one").join("labeled_faces")).unwrap().count();
    assert_eq!(labelled as u64, people);
}

#[test]
fn the_steps_one_by_one_give_what_run_gives() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (whole, steps) = (dir.path().join("whole"), dir.path().join("steps"));
    let (video, whole_, steps_) = (video.to_str().unwrap(), whole.to_str().unwrap(), steps.to_str().unwrap());
    for args in [
        &["run", video, "--out", whole_][..],
        &["capture", video, "--out", steps_],
        &["extract", steps_],
        &["analyze", steps_],
        &["cluster", steps_],
        &["report", steps_],
    ] {
        let done = run(args);
        assert!(done.status.success(), "{args:?}: {}", said(&done));
    }
    assert_same_result(&whole, &steps);
}

#[test]
fn killed_at_any_moment_the_same_command_ends_with_the_same_result() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (whole, broken) = (dir.path().join("whole"), dir.path().join("broken"));
    let args = |out: &std::path::Path| {
        ["run", video.to_str().unwrap(), "--out", out.to_str().unwrap(), "--batch-size", "3", "-q"]
            .map(str::to_owned)
    };
    let call = |out: &std::path::Path| {
        let args = args(out);
        streamface(&args.each_ref().map(String::as_str))
    };
    let start = std::time::Instant::now();
    assert!(call(&whole).output().unwrap().status.success());
    let length = start.elapsed();
    // Ten moments spread over a run, from the start of the work to its end.
    for tenth in 1..=10 {
        let mut child = call(&broken)
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(length * tenth / 11);
        let _ = child.kill();
        let _ = child.wait();
    }
    let done = call(&broken).output().unwrap();
    assert!(done.status.success(), "{}", said(&done));
    assert_same_result(&whole, &broken);
}

#[test]
fn ctrl_c_ends_cleanly_and_the_same_command_goes_on() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (whole, stopped) = (dir.path().join("whole"), dir.path().join("stopped"));
    let call =
        |out: &std::path::Path| streamface(&[&plain_run(&video, &out)[..], &["--threads", "1"]].concat());
    assert!(call(&whole).output().unwrap().status.success());
    for wait in [300, 900, 1500] {
        let child = call(&stopped)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        let interrupted =
            std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let done = child.wait_with_output().unwrap();
        // It may have been done before the signal came.
        assert!(done.status.success(), "{interrupted:?} {}", said(&done));
        assert!(!stopped.join("metadata/batches").exists(), "all is committed and compacted");
    }
    assert!(call(&stopped).output().unwrap().status.success());
    assert_same_result(&whole, &stopped);
}

#[test]
fn two_runs_in_one_directory_the_second_is_told_who_holds_it() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let args = [&plain_run(&video, &out)[..], &["--threads", "1"]].concat();
    let mut first = streamface(&args)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !out.join("metadata/settings.json").exists() {
        std::thread::sleep(Duration::from_millis(5));
        assert!(first.try_wait().unwrap().is_none(), "the first run ended too early");
    }
    let second = run(&args);
    assert_eq!(second.status.code(), Some(2));
    assert!(said(&second).contains(&format!("in use by process {}", first.id())), "{}", said(&second));
    assert!(first.wait().unwrap().success());
}

#[test]
fn other_settings_in_one_directory_are_refused_by_name() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let (video, out) = (video.to_str().unwrap(), out.to_str().unwrap());
    assert!(run(&[&plain_run(&video, &out)[..], &["--for", "3s"]].concat()).status.success());
    let second = run(&[&plain_run(&video, &out)[..], &["--detect-size", "640"]].concat());
    assert_eq!(second.status.code(), Some(2));
    assert!(said(&second).contains("detect-size was 384, now 640"), "{}", said(&second));
    // A longer stretch of the same is no other setting.
    let longer = run(&[&plain_run(&video, &out)[..], &["--for", "6s", "--json"]].concat());
    assert!(longer.status.success(), "{}", said(&longer));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&longer.stdout).unwrap()["frames"]["seen"], 3);
    // Where no size is asked for, a directory goes on with its own, whatever the model's has become.
    let record = std::path::Path::new(out).join("metadata/settings.json");
    let before = fs::read_to_string(&record).unwrap().replace("\"384\"", "\"480\"");
    fs::write(&record, &before).unwrap();
    assert!(run(&[&plain_run(&video, &out)[..], &["--for", "8s"]].concat()).status.success());
    let after = fs::read_to_string(&record).unwrap();
    assert!(after == before && after.contains("\"detect-size\": \"480\""), "{after}");
}

#[test]
fn a_folder_of_frames_of_the_original_keeps_its_names() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let frames = dir.path().join("in");
    fs::create_dir(&frames).unwrap();
    ffmpeg(&[
        "-i",
        video.to_str().unwrap(),
        "-vf",
        "fps=1",
        "-frames:v",
        "4",
        &format!("{}/f%d.png", frames.display()),
    ]);
    for i in 1..=4 {
        let name = format!("sky_frame_2023052510013700000{i}.png");
        fs::rename(frames.join(format!("f{i}.png")), frames.join(name)).unwrap();
    }
    let out = dir.path().join("out");
    let done = run(&plain_run(&frames, &out));
    assert!(done.status.success(), "{}", said(&done));
    assert!(out.join("frames/sky_frame_20230525100137000001.png").exists());
    assert!(out.join("faces/sky_frame_20230525100137000001_face_0.png").exists());
}

#[test]
fn a_file_that_does_not_say_how_long_it_is_is_no_live_stream() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    // As browsers and pipes write it: no duration in the header.
    let raw = path("raw.mkv");
    ffmpeg(&["-i", video.to_str().unwrap(), "-c", "copy", "-live", "1", &raw]);
    let (out, again) = (path("out"), path("again"));
    let seen = |args: &[&str]| {
        let done = run(args);
        assert!(done.status.success(), "{}", said(&done));
        serde_json::from_slice::<serde_json::Value>(&done.stdout).unwrap()["frames"]["seen"].as_u64().unwrap()
    };
    assert_eq!(seen(&["capture", &raw, "--out", &out, "--json"]), 24);
    assert_eq!(seen(&["capture", &raw, "--out", &out, "--json"]), 0, "all of it is there");
    assert_eq!(seen(&["capture", &raw, "--out", &again, "--json", "--for", "3s"]), 3);
    assert_eq!(seen(&["capture", &raw, "--out", &again, "--json"]), 21);
    assert_same_result(out.as_ref(), again.as_ref());
}

#[test]
fn a_clock_set_back_within_a_file_loses_nothing() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    ffmpeg(&["-i", video.to_str().unwrap(), "-t", "12", "-c", "copy", path("a.ts").to_str().unwrap()]);
    let half = fs::read(path("a.ts")).unwrap();
    fs::write(path("12:30.ts"), [half.clone(), half].concat()).unwrap();
    let args = |more: &[&str]| {
        let out = path("out");
        let all = [&["capture", "12:30.ts", "--out", out.to_str().unwrap(), "--json"], more].concat();
        let done = streamface(&all).current_dir(dir.path()).output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
        serde_json::from_slice::<serde_json::Value>(&done.stdout).unwrap()["frames"]["seen"].as_u64().unwrap()
    };
    assert_eq!(args(&[]), 24);
    assert_eq!(args(&[]), 0);
}

#[test]
fn two_files_of_one_name_do_not_mix_and_a_result_is_no_source() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    for folder in ["1", "2"] {
        fs::create_dir(path(folder)).unwrap();
        fs::copy(video, path(&format!("{folder}/clip.mp4"))).unwrap();
    }
    let capture = |source: &str, out: &str| run(&["capture", source, "--out", out, "--json", "--for", "2s"]);
    let out = path("1/out");
    assert!(capture(&path("1/clip.mp4"), &out).status.success());
    let before = result_bytes(out.as_ref());
    let second = capture(&path("2/clip.mp4"), &out);
    assert_eq!(second.status.code(), Some(2), "{}", said(&second));
    assert!(said(&second).contains("--name"), "{}", said(&second));
    assert_eq!(before, result_bytes(out.as_ref()));
    // The folder that holds the result: its frames are not captured again.
    let whole = capture(&path("1"), &out);
    assert!(whole.status.success(), "{}", said(&whole));
    assert_eq!(before, result_bytes(out.as_ref()));
}

#[test]
fn photos_taken_up_again_give_what_they_would_have_given() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    let pattern = photos.join("p%d.png");
    ffmpeg(&["-i", video.to_str().unwrap(), "-vf", "fps=1", "-frames:v", "3", pattern.to_str().unwrap()]);
    let (whole, parts) = (dir.path().join("whole"), dir.path().join("parts"));
    let capture = |out: &std::path::Path| {
        let done = run(&["capture", photos.to_str().unwrap(), "--out", out.to_str().unwrap()]);
        assert!(done.status.success(), "{}", said(&done));
    };
    capture(&whole);
    fs::rename(photos.join("p3.png"), dir.path().join("p3.png")).unwrap();
    capture(&parts);
    fs::rename(dir.path().join("p3.png"), photos.join("p3.png")).unwrap();
    capture(&parts);
    assert_same_result(&whole, &parts);
}

#[test]
fn a_model_of_ones_own_is_known_to_the_later_steps_wherever_its_manifest_is_then() {
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let manifest = dir.path().join("mine.toml");
    let builtin = include_str!("../../../crates/model/manifests/mobilefacenet.toml");
    fs::write(&manifest, builtin.replace("name = \"mobilefacenet\"", "name = \"mine\"")).unwrap();
    let out = dir.path().join("out");
    let (out, video) = (out.to_str().unwrap(), video.to_str().unwrap());
    let done = run(&["run", video, "--out", out, "--embedder", manifest.to_str().unwrap()]);
    assert!(done.status.success(), "{}", said(&done));
    fs::remove_file(&manifest).unwrap();
    for step in [&["cluster", out][..], &["match", out], &["study", out], &["stats", out]] {
        let done = run(step);
        assert!(done.status.success(), "{step:?}: {}", said(&done));
    }
}
