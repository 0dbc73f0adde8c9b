//! What the tests of the binary share: a short video with real faces, a way to run, and a way to compare.

// Each test binary uses its own part of this.
#![allow(dead_code)]

pub mod dataset;
pub mod face_models;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use streamface_testing::{result_bytes, skip};
use tempfile::TempDir;

/// Where the sample media lie: `programme media --out DIR` fetches them.
fn media() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/media");
    std::env::var_os("STREAMFACE_MEDIA").map_or(beside, PathBuf::from)
}

/// The binary, with a command line.
pub fn streamface(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamface"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs to the end.
pub fn run(args: &[&str]) -> Output {
    streamface(args).output().unwrap()
}

/// A run of `source` into `out` without attributes: what they take six networks for does not concern the test.
pub fn plain_run<'a, S: AsRef<Path> + ?Sized, O: AsRef<Path> + ?Sized>(
    source: &'a S,
    out: &'a O,
) -> [&'a str; 6] {
    let [source, out] = [source.as_ref(), out.as_ref()].map(|path| path.to_str().unwrap());
    ["run", source, "--attributes", "none", "--out", out]
}

/// Standard output and error together.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs `ffmpeg` quietly.
pub fn ffmpeg(args: &[&str]) {
    let out = Command::new("ffmpeg").args(["-v", "error", "-nostdin", "-y"]).args(args).output().unwrap();
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Whether the models are there; where they are not the test is recorded as skipped.
#[track_caller]
pub fn models() -> bool {
    // Once for all tests of a binary: it runs every network.
    static THERE: OnceLock<bool> = OnceLock::new();
    let there = *THERE.get_or_init(|| run(&["models", "check"]).status.success());
    if !there {
        skip!("no models; `streamface models pull` fetches them");
    }
    there
}

/// A video of 24 s and 24 keyframes: the camera pans over a photo of six people, then over one of four.
/// `None`, and recorded as a skip of each test that asks, where models or media are missing.
#[track_caller]
pub fn faces_video() -> Option<&'static Path> {
    static VIDEO: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let photos = [media().join("t1.jpg"), media().join("sample6.jpg")];
    if !models() {
        return None;
    }
    if !photos.iter().all(|p| p.exists()) {
        skip!("no sample media in {}; `programme media --out DIR` fetches them", media().display());
        return None;
    }
    let (_, path) = VIDEO.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("faces.mp4");
        // A jerky pan: each second another view, so that the frames are no duplicates.
        let view = |n: u32| {
            format!(
                "[{n}:v]scale=1600:-2,crop=1280:720:'40+130*mod(floor(t)*2\\,5)':'30+45*mod(floor(t)\\,3)',\
                 setsar=1,format=yuv420p[v{n}]"
            )
        };
        let graph = format!("{};{};[v0][v1]concat=n=2:v=1[out]", view(0), view(1));
        let [a, b] = photos.each_ref().map(|p| p.to_str().unwrap());
        ffmpeg(&[
            "-loop",
            "1",
            "-t",
            "12",
            "-r",
            "10",
            "-i",
            a,
            "-loop",
            "1",
            "-t",
            "12",
            "-r",
            "10",
            "-i",
            b,
            "-filter_complex",
            &graph,
            "-map",
            "[out]",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            "10",
            "-keyint_min",
            "10",
            "-sc_threshold",
            "0",
            path.to_str().unwrap(),
        ]);
        (dir, path)
    });
    Some(path)
}

/// Fails with the names of the files in which two results differ.
pub fn assert_same_result(a: &Path, b: &Path) {
    let (a, b) = (result_bytes(a), result_bytes(b));
    let names = |m: &BTreeMap<String, Vec<u8>>| m.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b));
    // The report's title is the directory's name.
    let differ: Vec<_> =
        a.iter().filter(|(n, v)| *n != "report.html" && b[*n] != **v).map(|(n, _)| n).collect();
    assert!(differ.is_empty(), "differ: {differ:?}");
}
