//! What may stand for a source on the command line, and what is said of what may not.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use common::{faces_video, ffmpeg, models, run, said, streamface};

/// A clip of so many seconds, with a keyframe a second.
fn clip(path: &Path, seconds: u32) {
    let input = format!("mandelbrot=size=320x180:rate=10:end_scale=0.001:end_pts=60,trim=duration={seconds}");
    let path = path.to_str().unwrap();
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        &input,
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "10",
        "-pix_fmt",
        "yuv420p",
        path,
    ]);
}

fn capture(source: &Path, out: &Path) -> Output {
    streamface(&["capture", "--json", "--out"]).arg(out).arg(source).output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

/// The sources that the names of kept frames belong to.
fn names(out: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(out.join("frames")).unwrap().flatten();
    let names = files.map(|f| f.file_name().to_string_lossy().into_owned()).filter(|n| n.ends_with(".png"));
    names.map(|n| n.split("_frame_").next().unwrap().to_owned()).collect()
}

#[test]
fn a_folder_says_what_it_passes_over_and_ends_well() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("in");
    fs::create_dir(&folder).unwrap();
    clip(&folder.join("a.mp4"), 2);
    ffmpeg(&[
        "-i",
        folder.join("a.mp4").to_str().unwrap(),
        "-frames:v",
        "1",
        folder.join("b.webp").to_str().unwrap(),
    ]);
    fs::write(folder.join("notes.txt"), "to do").unwrap();
    assert!(std::process::Command::new("mkfifo").arg(folder.join("c.mp4")).status().unwrap().success());
    let done = capture(&folder, &dir.path().join("out"));
    assert!(done.status.success(), "{}", said(&done));
    let summary = json(&done);
    assert_eq!(summary["frames"]["seen"], 3, "{summary}");
    assert_eq!(summary["passed_over"], serde_json::json!(["c.mp4 (a named pipe)", "notes.txt"]));
    assert!(
        said(&done)
            .contains("skipped: 2 files that are no videos and no pictures: c.mp4 (a named pipe), notes.txt")
    );
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_are_arguments_like_others() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &[u8]| dir.path().join(OsStr::from_bytes(name));
    for name in [&b"caf\xe9.mp4"[..], b"caf\xe8.mp4"] {
        clip(&path(b"clip.mp4"), 2);
        fs::rename(path(b"clip.mp4"), path(name)).unwrap();
        let done = capture(&path(name), &path(b"out\xff"));
        assert!(done.status.success(), "{}", said(&done));
        assert_eq!(json(&done)["frames"]["seen"], 2);
        // Again: nothing new.
        assert_eq!(json(&capture(&path(name), &path(b"out\xff")))["frames"]["seen"], 0);
    }
}

#[test]
fn files_beside_each_other_that_differ_in_their_endings_are_both_taken() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    clip(&path("IMG_0001.mp4"), 2);
    ffmpeg(&[
        "-i",
        path("IMG_0001.mp4").to_str().unwrap(),
        "-c",
        "copy",
        path("IMG_0001.MOV").to_str().unwrap(),
    ]);
    for (source, seen) in [("IMG_0001.mp4", 2), ("IMG_0001.MOV", 2), ("IMG_0001.mp4", 0), ("IMG_0001.MOV", 0)]
    {
        let done = capture(&path(source), &path("out"));
        assert!(done.status.success(), "{source}: {}", said(&done));
        assert_eq!(json(&done)["frames"]["seen"], seen, "{source}");
    }
    assert_eq!(names(&path("out")), ["IMG_0001", "IMG_0001-1"].map(str::to_owned).into());
    // A folder that grows: the file that was there keeps its name.
    let folder = path("in");
    fs::create_dir(&folder).unwrap();
    for (file, seen) in [("IMG_0001.mp4", 2), ("IMG_0001.MOV", 2)] {
        fs::copy(path(file), folder.join(file)).unwrap();
        let done = capture(&folder, &path("grown"));
        assert!(done.status.success(), "{}", said(&done));
        assert_eq!(json(&done)["frames"]["seen"], seen, "{file}");
    }
}

#[test]
fn a_dataset_is_no_source_and_the_source_is_no_place_for_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::create_dir(path("in")).unwrap();
    clip(&path("in/a.mp4"), 2);
    assert!(capture(&path("in"), &path("data")).status.success());
    let refused = capture(&path("data"), &path("other"));
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("a dataset directory, which is a result"), "{}", said(&refused));
    assert!(!path("other").exists());
    let within = capture(&path("in"), &path("in"));
    assert_eq!(within.status.code(), Some(2));
    assert!(said(&within).contains("the folder that is searched"), "{}", said(&within));
    assert_eq!(fs::read_dir(path("in")).unwrap().count(), 1, "nothing was written there");
}

#[test]
fn what_cannot_be_opened_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    for (source, word) in [
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "yt-dlp"),
        ("gopher://host/x", "gopher:// is not opened"),
        ("file:///no/such/file.mp4", "no such file"),
        ("/dev/zero", "a device, not a video"),
    ] {
        let done = capture(Path::new(source), &out);
        assert_eq!(done.status.code(), Some(2), "{source}: {}", said(&done));
        assert!(said(&done).contains(word), "{source}: {}", said(&done));
        assert!(!out.exists(), "{source}");
    }
    let header =
        run(&["capture", "http://127.0.0.1:1/x", "--out", out.to_str().unwrap(), "--header", "no colon"]);
    assert_eq!(header.status.code(), Some(2));
    assert!(said(&header).contains("Name: value"), "{}", said(&header));
}

#[test]
fn a_webhook_that_fails_is_told_while_a_watch_runs_and_at_its_end() {
    if !models() {
        return;
    }
    let Some(video) = faces_video() else { return };
    let dir = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let hook = format!("http://127.0.0.1:{port}/hook?token=secret");
    let out = dir.path().join("out");
    let args = ["watch", video.to_str().unwrap(), "--out", out.to_str().unwrap(), "--json", "--no-page"];
    let done = run(&[&args[..], &["--for", "4s", "--webhook", &hook]].concat());
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(
        errors.contains("failed: --webhook http://127.0.0.1:") && errors.contains("connection refused"),
        "{errors}"
    );
    assert!(!errors.contains("secret"), "{errors}");
    let events = String::from_utf8_lossy(&done.stdout);
    assert!(events.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{events}");
}
