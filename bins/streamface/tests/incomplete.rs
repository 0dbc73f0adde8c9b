//! Sources of which a part is missing: what is there is taken, what is not is said, and the exit code is 1.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use common::{assert_same_result, ffmpeg, said, streamface};

/// A clip of eight seconds with a keyframe a second and sound, of this seed, as an MP4 with its index first.
fn clip(path: &Path, seed: u32) {
    let from = 1.0 / f64::from(seed + 1);
    let video = format!(
        "mandelbrot=size=320x180:rate=10:start_scale={from}:end_scale=0.001:end_pts=60,trim=duration=8"
    );
    let path = path.to_str().unwrap();
    let encode =
        ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-sc_threshold", "0", "-pix_fmt", "yuv420p"];
    let sound = ["-f", "lavfi", "-i", "sine=duration=8", "-c:a", "aac"];
    let all =
        [&["-f", "lavfi", "-i", &video][..], &sound, &encode, &["-movflags", "+faststart", path]].concat();
    ffmpeg(&all);
}

fn capture(source: &Path, out: &Path) -> Output {
    // No frame is dropped, so that each keyframe can be counted.
    let all = [
        "capture",
        "--json",
        "--similarity-threshold",
        "1",
        "--blur-threshold",
        "0",
        "--empty-threshold",
        "1",
    ];
    streamface(&[&all[..], &["--out"]].concat()).arg(out).arg(source).output().unwrap()
}

fn seen(output: &Output) -> u64 {
    let all: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)));
    all["frames"]["seen"].as_u64().unwrap()
}

fn failed(output: &Output, word: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", said(output));
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let failures = all["failures"].as_array().unwrap();
    assert!(failures.len() == 1 && failures[0].as_str().unwrap().contains(word), "{word}: {}", said(output));
}

fn cut(from: &Path, to: &Path) {
    let bytes = fs::read(from).unwrap();
    fs::write(to, &bytes[..bytes.len() * 6 / 10]).unwrap();
}

#[test]
fn a_file_cut_short_is_a_failure_and_its_whole_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    clip(&path("whole.mp4"), 0);
    let mp4 = path("whole.mp4");
    for name in ["whole.mkv", "whole.avi", "whole.mov"] {
        ffmpeg(&[
            "-i",
            mp4.to_str().unwrap(),
            "-c",
            "copy",
            "-movflags",
            "+faststart",
            path(name).to_str().unwrap(),
        ]);
    }
    for name in ["mp4", "mkv", "avi", "mov"] {
        let (whole, part, out) =
            (path(&format!("whole.{name}")), path(&format!("a.{name}")), path(&format!("out-{name}")));
        cut(&whole, &part);
        let first = capture(&part, &out);
        failed(&first, "cut short");
        assert!((2..8).contains(&seen(&first)), "{name}: {}", said(&first));
        // Nothing more comes of it, and it is said again.
        failed(&capture(&part, &out), "cut short");
        fs::copy(&whole, &part).unwrap();
        let rest = capture(&part, &out);
        assert!(rest.status.success(), "{name}: {}", said(&rest));
        let at_once = path(&format!("once-{name}"));
        let once = capture(&part, &at_once);
        assert!(once.status.success(), "{name}: {}", said(&once));
        assert_eq!(seen(&first) + seen(&rest), 8, "{name}");
        assert_same_result(&out, &at_once);
    }
    let folder = path("in");
    fs::create_dir(&folder).unwrap();
    cut(&mp4, &folder.join("a.mp4"));
    fs::copy(&mp4, folder.join("b.mp4")).unwrap();
    let both = capture(&folder, &path("out"));
    failed(&both, "a.mp4: cut short");
}

#[test]
fn keyframes_that_cannot_be_decoded_are_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.mp4");
    clip(&file, 0);
    let mut bytes = fs::read(&file).unwrap();
    // What lies in the last two thirds are pictures.
    let from = bytes.len() / 3;
    bytes[from..].chunks_mut(64).for_each(|part| part[0] ^= 0xff);
    fs::write(&file, &bytes).unwrap();
    let done = capture(&file, &dir.path().join("out"));
    failed(&done, "keyframes could not be decoded");
    assert!((1..8).contains(&seen(&done)), "{}", said(&done));
}

#[test]
fn another_file_of_the_same_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("phone.mp4"), dir.path().join("out"));
    clip(&file, 0);
    assert!(capture(&file, &out).status.success());
    let before = streamface_testing::result_bytes(&out);
    clip(&file, 1);
    let other = capture(&file, &out);
    assert_eq!(other.status.code(), Some(2), "{}", said(&other));
    assert!(said(&other).contains("another file") && said(&other).contains("phone.mp4"), "{}", said(&other));
    assert_eq!(streamface_testing::result_bytes(&out), before);
    // In a folder it is one failure, and the rest is done.
    clip(&dir.path().join("b.mp4"), 2);
    let folder = dir.path().join("in");
    fs::create_dir(&folder).unwrap();
    for name in ["phone.mp4", "b.mp4"] {
        fs::rename(dir.path().join(name), folder.join(name)).unwrap();
    }
    let fresh = dir.path().join("fresh");
    assert!(capture(&folder, &fresh).status.success());
    clip(&folder.join("b.mp4"), 3);
    let again = capture(&folder, &fresh);
    failed(&again, "b.mp4: another file");
}

#[test]
fn nothing_is_written_among_other_things() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.mp4");
    clip(&file, 0);
    let out = dir.path().join("photos");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("holiday.txt"), "sun").unwrap();
    let done = capture(&file, &out);
    assert_eq!(done.status.code(), Some(2), "{}", said(&done));
    assert!(said(&done).contains("holiday.txt"), "{}", said(&done));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    // Hidden files are no obstacle.
    let hidden = dir.path().join("hidden");
    fs::create_dir(&hidden).unwrap();
    fs::write(hidden.join(".DS_Store"), "").unwrap();
    assert!(capture(&file, &hidden).status.success());
}

/// A server of one endless stream, which sends what there is and waits.
fn endless(body: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let body = body.clone();
            std::thread::spawn(move || {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let _ = lines.take_while(|line| !line.is_empty()).count();
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n");
                let _ = stream.write_all(&body);
                std::thread::sleep(Duration::from_secs(60));
            });
        }
    });
    port
}

#[test]
fn a_live_stream_whose_time_is_over_is_not_said_to_be_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let [mp4, ts]: [PathBuf; 2] = ["a.mp4", "a.ts"].map(|name| dir.path().join(name));
    clip(&mp4, 0);
    ffmpeg(&["-i", mp4.to_str().unwrap(), "-c", "copy", ts.to_str().unwrap()]);
    let url = format!("http://127.0.0.1:{}/live.ts", endless(fs::read(ts).unwrap()));
    let start = Instant::now();
    let done =
        streamface(&["capture", &url, "--for", "4s", "--out"]).arg(dir.path().join("out")).output().unwrap();
    assert!(done.status.success() && start.elapsed() < Duration::from_secs(30), "{}", said(&done));
    assert!(!said(&done).contains("trying again"), "{}", said(&done));
}

#[test]
fn what_has_come_to_its_end_is_neither_live_nor_still_to_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("in");
    fs::create_dir(&folder).unwrap();
    let clip_path = dir.path().join("a.mp4");
    clip(&clip_path, 0);
    let photo = folder.join("a.jpg");
    ffmpeg(&["-i", clip_path.to_str().unwrap(), "-frames:v", "1", "-update", "1", photo.to_str().unwrap()]);
    fs::copy(&photo, folder.join("b.mp4")).unwrap();
    for (source, out) in [(&folder, "photos"), (&clip_path, "clip")] {
        let done = streamface(&["capture", "--out"]).arg(dir.path().join(out)).arg(source).output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
        let last = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(!last.contains("to the end") && !last.contains("full after"), "{last}");
        assert!(!said(&done).contains("live"), "{}", said(&done));
    }
}
