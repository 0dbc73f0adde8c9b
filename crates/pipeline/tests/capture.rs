//! The capture of a file: the same bytes with any number of threads, stopped, killed or neither.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use streamface_pipeline::settings::{CaptureSettings, Settings as _};
use streamface_pipeline::{CaptureResult, Context, Event, Stop, capture};
use streamface_testing::result_bytes;

/// A video of so many seconds with a keyframe each; of three, the third shows what the second does, and every tenth is plain.
fn video(path: &Path, size: &str, seconds: u32) {
    let source = format!("testsrc2=size={size}:rate=6,select='lt(mod(n,18),12)',setpts=N/9/TB");
    let plain = "drawbox=c=gray:t=fill:enable='lt(mod(t,10),1)'";
    let args = [
        "-v",
        "error",
        "-nostdin",
        "-y",
        "-f",
        "lavfi",
        "-i",
        &source,
        "-vf",
        plain,
        "-t",
        &seconds.to_string(),
        "-r",
        "5",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "5",
        "-keyint_min",
        "5",
        "-sc_threshold",
        "0",
        "-pix_fmt",
        "yuv420p",
        path.to_str().unwrap(),
    ];
    assert!(Command::new("ffmpeg").args(args).status().unwrap().success());
}

fn settings(threads: usize, more: &str) -> CaptureSettings {
    CaptureSettings::from_toml(&format!(
        "threads = {threads}\nbatch-size = 7\nempty-threshold = 0.995\nsimilarity-threshold = 0.97\n{more}"
    ))
    .unwrap()
}

/// Captures, and stops once so many frames are counted.
fn capture_some(video: &Path, out: &Path, settings: &CaptureSettings, frames: u64) -> CaptureResult {
    let stop = Stop::default();
    let observer = |event: &Event| match event {
        Event::Counts(counts) if counts.frames >= frames => stop.stop(),
        _ => {}
    };
    capture(video, out, settings, &Context::new(&observer, &stop)).unwrap()
}

#[track_caller]
fn assert_same(a: &Path, b: &Path) {
    let (a, b) = (result_bytes(a), result_bytes(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    let differ: Vec<_> = a.iter().filter(|(name, bytes)| b[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(differ.is_empty(), "{differ:?}");
}

#[test]
fn one_and_several_threads_give_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.mp4");
    video(&clip, "640x360", 40);
    for format in ["png", "jpeg"] {
        let more = format!("frames = '{format}'");
        let out = |threads: usize| dir.path().join(format!("{format}{threads}"));
        let go = |threads| capture_some(&clip, &out(threads), &settings(threads, &more), u64::MAX).frames;
        let one = go(1);
        assert!(one.seen == 40 && one.kept >= 10 && one.dropped[0] > 0 && one.dropped[2] > 0, "{one:?}");
        for threads in [2, 5] {
            assert_eq!(go(threads), one);
            assert_same(&out(1), &out(threads));
        }
    }
}

#[test]
fn stopped_in_the_middle_it_goes_on_with_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let (clip, whole, parts) =
        (dir.path().join("clip.mp4"), dir.path().join("whole"), dir.path().join("parts"));
    video(&clip, "640x360", 40);
    capture_some(&clip, &whole, &settings(2, ""), u64::MAX);
    let mut seen = 0;
    for (threads, frames) in [(4, 3), (1, 9), (2, 1), (7, 5)] {
        let part = capture_some(&clip, &parts, &settings(threads, ""), frames);
        // What was under way is kept: a ticket each, and what was read ahead not.
        assert!(
            part.frames.seen >= frames && part.frames.seen <= frames + 2 * threads as u64 + 2,
            "{part:?}"
        );
        assert!(part.work.stopped);
        seen += part.frames.seen;
    }
    seen += capture_some(&clip, &parts, &settings(3, ""), u64::MAX).frames.seen;
    assert_eq!(seen, 40);
    assert_same(&whole, &parts);
}

/// Names the video and the dataset in a process that is there to be killed.
const CHILD: &str = "STREAMFACE_TEST_CAPTURE";

#[test]
fn killed_at_any_moment_the_same_call_ends_with_the_same_bytes() {
    if let Ok(names) = std::env::var(CHILD) {
        let (clip, out) = names.split_once('\n').unwrap();
        capture_some(Path::new(clip), Path::new(out), &settings(3, ""), u64::MAX);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (clip, whole, broken) =
        (dir.path().join("clip.mp4"), dir.path().join("whole"), dir.path().join("broken"));
    video(&clip, "1280x720", 120);
    let start = Instant::now();
    capture_some(&clip, &whole, &settings(1, ""), u64::MAX);
    let length = start.elapsed();
    let mut killed = 0;
    for part in 1..=8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed_at_any_moment_the_same_call_ends_with_the_same_bytes"])
            .env(CHILD, format!("{}\n{}", clip.display(), broken.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(length * part / 30 + Duration::from_millis(20));
        killed += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(killed >= 2, "too fast to be killed");
    capture_some(&clip, &broken, &settings(2, ""), u64::MAX);
    assert_same(&whole, &broken);
}
