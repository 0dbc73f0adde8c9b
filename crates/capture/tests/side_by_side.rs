//! Keyframes of a file decoded side by side: the same frames, whatever the codec and what is odd about the file.

#![allow(clippy::unwrap_used)]

mod clips;

use std::fs;
use std::path::Path;

use clips::{X264, assert_same, capture_file, capture_with, clip};
use streamface_capture::{Capture, Settings, Stop, sources};

/// `capture_file` compares several decoders with one. Fails where one had fewer frames, or an error.
#[track_caller]
fn assert_frames(dir: &Path, name: &str, frames: usize) {
    let all = capture_file(dir, name);
    let quiet = all.corrupt == 0 && all.errors.is_empty();
    assert!(all.frames.len() >= frames && quiet, "{name}: {:?} {:?}", all.names, all.errors);
}

#[test]
fn every_codec_gives_the_same_with_several_decoders() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let every = "-g 10 -keyint_min 10 -sc_threshold 0";
    for (name, options) in [
        ("a.mp4", format!("-c:v libx264 -preset veryfast -bf 2 {every}")),
        ("b.ts", format!("-c:v libx264 -preset veryfast -bf 2 -flags +ildct+ilme {every}")),
        ("c.ts", format!("-c:v mpeg2video -bf 2 {every}")),
        ("d.mpg", format!("-c:v mpeg2video {every}")),
        ("e.avi", format!("-c:v mpeg4 {every}")),
        ("f.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 10".to_owned()),
        ("g.webm", "-c:v libvpx -deadline realtime -cpu-used 8 -g 10".to_owned()),
        ("h.mkv", "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=10".to_owned()),
    ] {
        clip(dir, name, "320x180", 4, &options);
        assert_frames(dir, name, 10);
    }
    // All of their frames are keyframes.
    clip(dir, "i.mov", "320x180", 1, "-c:v prores_ks");
    clip(dir, "j.avi", "320x180", 1, "-c:v mjpeg");
    assert_frames(dir, "i.mov", 25);
    assert_frames(dir, "j.avi", 25);
}

#[test]
fn a_stream_that_changes_on_its_way_gives_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let refresh = "-c:v libx264 -preset veryfast -qp 16 -x264-params \
                   intra-refresh=1:keyint=50:bframes=0:repeat-headers=1:scenecut=0";
    for (name, size, options) in [
        ("small.ts", "320x180", X264),
        ("large.ts", "480x270", X264),
        ("refresh.ts", "320x180", refresh),
        ("old.ts", "320x180", "-c:v mpeg2video -g 50 -keyint_min 50 -sc_threshold 0"),
    ] {
        clip(dir, name, size, 12, options);
    }
    // Other sizes, recovery points after ordinary keyframes and before them.
    for (name, parts) in [
        ("sizes.ts", ["small.ts", "large.ts", "small.ts"]),
        ("refreshed.ts", ["small.ts", "refresh.ts", "small.ts"]),
        ("first.ts", ["refresh.ts", "small.ts", "small.ts"]),
        ("old-then-new.ts", ["old.ts", "old.ts", "old.ts"]),
    ] {
        let bytes = parts.map(|part| fs::read(dir.join(part)).unwrap()).concat();
        fs::write(dir.join(name), bytes).unwrap();
        assert_frames(dir, name, 15);
    }
}

#[test]
fn damage_is_counted_the_same_and_ends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (name, options) in [
        ("a.mp4", X264),
        ("b.ts", "-c:v libx264 -preset veryfast -qp 16 -bf 2 -g 25 -x264-params slices=4"),
        ("c.ts", "-c:v mpeg2video -g 25"),
        ("d.mkv", "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25"),
    ] {
        clip(dir, name, "320x180", 12, options);
        let bytes = fs::read(dir.join(name)).unwrap();
        for seed in 1..=6_usize {
            let mut bytes = bytes.clone();
            // Some places in the middle, and now and then an end that is missing.
            for n in 0..6 * seed {
                let at = bytes.len() / 10 + (n * 7919 + seed * 104_729) * 131 % (bytes.len() * 8 / 10);
                bytes[at..at + 40].fill((31 * n + seed) as u8);
            }
            bytes.truncate(bytes.len() - (seed % 3) * bytes.len() / 5);
            let damaged = format!("damaged-{name}");
            fs::write(dir.join(&damaged), bytes).unwrap();
            capture_file(dir, &damaged);
        }
    }
    // What is too large is an error after what came before it.
    clip(dir, "large.ts", "640x360", 4, X264);
    clip(dir, "small.ts", "320x180", 12, X264);
    let parts = ["small.ts", "large.ts"].map(|part| fs::read(dir.join(part)).unwrap());
    fs::write(dir.join("grows.ts"), parts.concat()).unwrap();
    let path = dir.join("grows.ts");
    let walk = |decoders| {
        let settings = Settings { max_side: 400, ..Settings::default() };
        let all = Capture::builder(sources(&path, None).unwrap()).settings(settings).decoders(decoders);
        all.build().unwrap().map(|f| f.map(|f| f.row.frame).map_err(|e| e.to_string())).collect::<Vec<_>>()
    };
    let one = walk(1);
    assert!(one.len() >= 6 && one[..6].iter().all(Result::is_ok), "{one:?}");
    assert_eq!(one, walk(3));
}

#[test]
fn a_limit_and_a_stop_leave_what_the_next_run_goes_on_from() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    clip(dir, "clip.mp4", "320x180", 30, X264);
    let path = dir.join("clip.mp4");
    let limit = Some(std::time::Duration::from_secs(11));
    let limited = capture_with(path.to_str().unwrap(), limit, 1);
    assert_eq!(limited.frames.len(), 6);
    assert_same(&limited, &capture_with(path.to_str().unwrap(), limit, 4));

    let whole = capture_with(path.to_str().unwrap(), None, 1);
    let filters = streamface_capture::FilterSettings {
        empty_threshold: 1.0,
        blur_threshold: 0.0,
        similarity_threshold: 1.0,
    };
    let settings = Settings { filters, ..Settings::default() };
    let mut rows = Vec::new();
    // Stopped in the middle with many keyframes under way, and gone on with another number of decoders.
    for (decoders, frames) in [(4, 3), (1, 2), (7, 4), (3, 100)] {
        let stop = Stop::new();
        let walk =
            Capture::builder(sources(&path, None).unwrap()).settings(settings.clone()).stop(stop.clone());
        let mut walk = walk.resume(&rows, |_| None).decoders(decoders).build().unwrap();
        rows.extend(walk.by_ref().take(frames).map(|frame| frame.unwrap().row));
        stop.stop();
        assert!(walk.next().is_none());
    }
    assert_eq!(rows.iter().map(|row| row.frame.to_string()).collect::<Vec<_>>(), whole.names);
}
