//! Videos whose keyframes are hidden, cannot be decoded alone, or are too few; and what is said of a file's length.

#![allow(clippy::unwrap_used)]

mod clips;

use std::fs;
use std::path::Path;
use std::time::Duration;

use clips::{Captured, X264, capture, capture_file, clip, difference, ffmpeg, serve, shown, times};
use streamface_capture::Error;

/// Nothing was complained about.
#[track_caller]
fn assert_quiet(all: &Captured) {
    assert_eq!((all.corrupt, all.errors.len()), (0, 0), "{:?}", all.errors);
    assert_eq!(all.said, Vec::<String>::new());
}

#[test]
fn a_clip_cut_without_encoding_begins_with_the_frame_that_a_player_shows_first() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    clip(dir, "whole.mp4", "320x180", 12, X264);
    for name in ["cut.mp4", "cut.mov"] {
        ffmpeg(dir, &format!("-ss 3.3 -i DIR/whole.mp4 -c copy DIR/{name}"));
        let all = capture_file(dir, name);
        assert_quiet(&all);
        let times = times(&all);
        assert_eq!(times.len(), 5, "{name}: {times:?}");
        assert!(times[0].abs() <= 8, "{name}: {times:?}");
        assert!(
            times[1..].iter().zip([68, 268, 468, 668]).all(|(t, want)| (t - want).abs() <= 8),
            "{times:?}"
        );
        let off = difference(&all.frames[0].1, &shown(dir, name, ""));
        assert!(off < 3.0, "{name}: {off}");
    }
}

#[test]
fn a_clip_of_one_hidden_keyframe_is_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // With frames out of order, too.
    let long = "-c:v libx264 -preset veryfast -g 250 -keyint_min 250 -sc_threshold 0 -bf 3";
    clip(dir, "whole.mp4", "320x180", 9, long);
    ffmpeg(dir, "-ss 3.3 -i DIR/whole.mp4 -c copy DIR/cut.mp4");
    let all = capture_file(dir, "cut.mp4");
    assert_quiet(&all);
    assert_eq!(all.frames.len(), 1);
    assert!(difference(&all.frames[0].1, &shown(dir, "cut.mp4", "")) < 3.0);
}

const REFRESH: &str = "-c:v libx264 -preset veryfast -qp 16 -x264-params \
                       intra-refresh=1:keyint=50:bframes=0:repeat-headers=1:scenecut=0";

/// Each frame is the one that the source shows at that time.
#[track_caller]
fn assert_clean(dir: &Path, all: &Captured, name: &str) {
    for (time, image) in &all.frames {
        let want = shown(dir, name, &format!("-vf select=gte(t\\,{:.3})", time - 0.01));
        let off = difference(image, &want);
        assert!(off < 4.0, "at {time}: {off}");
    }
}

#[test]
fn intra_refresh_gives_a_whole_frame_for_each_recovery_point() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for name in ["refresh.mp4", "refresh.mkv"] {
        clip(dir, name, "320x180", 12, REFRESH);
        let all = capture_file(dir, name);
        assert_quiet(&all);
        assert!((5..=6).contains(&all.frames.len()), "{name}: {:?}", times(&all));
        assert!(times(&all).windows(2).all(|w| (100..=400).contains(&(w[1] - w[0]))), "{:?}", times(&all));
        assert_clean(dir, &all, name);
    }
}

#[test]
fn a_recording_that_begins_within_intra_refresh_is_decoded_file_and_live() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    clip(dir, "whole.ts", "320x180", 12, REFRESH);
    let bytes = fs::read(dir.join("whole.ts")).unwrap();
    // Joined at a fifth, on a packet's border: what comes first has neither a keyframe nor parameters.
    let joined = &bytes[bytes.len() / 5 / 188 * 188..];
    fs::write(dir.join("joined.ts"), joined).unwrap();
    let all = capture_file(dir, "joined.ts");
    assert_quiet(&all);
    assert!(all.frames.len() >= 3, "{:?}", times(&all));
    let url = serve(joined.to_vec(), "joined.ts", "video/mp2t");
    let live = capture(&url, Some(Duration::from_secs(4)));
    assert_quiet(&live);
    assert!(live.frames.len() >= 3, "{:?}", times(&live));
}

#[test]
fn a_stream_without_any_keyframe_gives_a_frame_every_two_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    clip(dir, "sei.ts", "320x180", 24, REFRESH);
    // Without the messages that tell where a picture is whole again.
    ffmpeg(dir, "-i DIR/sei.ts -c copy -bsf:v filter_units=remove_types=6 DIR/none.ts");
    let bytes = fs::read(dir.join("none.ts")).unwrap();
    fs::write(dir.join("joined.ts"), &bytes[bytes.len() / 10 / 188 * 188..]).unwrap();
    let all = capture_file(dir, "joined.ts");
    assert_quiet(&all);
    let times = times(&all);
    assert!(times.len() >= 4, "{times:?}");
    assert!(times.windows(2).all(|w| (w[1] - w[0] - 200).abs() <= 8), "{times:?}");
}

#[test]
fn a_long_video_of_one_keyframe_is_decoded_in_between_and_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    clip(
        dir,
        "one.mp4",
        "320x180",
        28,
        "-c:v libx264 -preset veryfast -g 9999 -keyint_min 9999 -sc_threshold 0",
    );
    let all = capture_file(dir, "one.mp4");
    assert_eq!(all.corrupt, 0);
    assert_eq!(times(&all), (0..14).map(|i| i * 200).collect::<Vec<_>>());
    assert_clean(dir, &all, "one.mp4");
    assert_eq!(all.said.len(), 1, "{:?}", all.said);
    assert!(all.said[0].contains("one keyframe only in 28 s of video"), "{:?}", all.said);
    // As many as the encoders' default are not too few.
    clip(dir, "ten.mp4", "320x180", 10, "-c:v libx264 -preset veryfast");
    let all = capture_file(dir, "ten.mp4");
    assert_quiet(&all);
    assert_eq!(all.frames.len(), 1);
}

#[test]
fn sound_that_goes_on_is_no_cut() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for name in ["long.mp4", "long.mkv", "long.flv", "long.avi"] {
        let sound = "-f lavfi -i sine=duration=60";
        let video = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=12";
        ffmpeg(dir, &format!("{sound} {video} {X264} -pix_fmt yuv420p -ar 44100 DIR/{name}"));
        let all = capture_file(dir, name);
        assert_eq!((all.frames.len(), all.corrupt), (6, 0), "{name}");
        assert_eq!(all.said.len(), 1, "{name}: {:?}", all.said);
        assert!(all.said[0].contains("12 s of video; the sound goes on to 60 s"), "{name}: {:?}", all.said);
    }
}

#[test]
fn a_file_that_is_cut_is_said_to_be_with_sound_or_without() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for name in ["cut.mp4", "cut.mkv"] {
        let sound = "-f lavfi -i sine=duration=60";
        let video = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=60";
        let first = if name.ends_with("mp4") { "-movflags +faststart" } else { "" };
        ffmpeg(dir, &format!("{sound} {video} {X264} -pix_fmt yuv420p {first} DIR/{name}"));
        let bytes = fs::read(dir.join(name)).unwrap();
        fs::write(dir.join(name), &bytes[..bytes.len() / 3]).unwrap();
        let all = capture_file(dir, name);
        assert!(
            all.said.iter().any(|s| s.contains("cut short") && s.contains("60 s")),
            "{name}: {:?}",
            all.said
        );
    }
}

#[test]
fn cover_art_is_no_video() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    ffmpeg(dir, "-f lavfi -i testsrc2=size=320x320 -frames:v 1 DIR/cover.png");
    let art =
        "-f lavfi -i sine=duration=3 -i DIR/cover.png -map 0 -map 1 -c:v mjpeg -disposition:v attached_pic";
    for name in ["music.m4a", "music.mp3", "music.flac"] {
        ffmpeg(dir, &format!("{art} DIR/{name}"));
        let all = capture_file(dir, name);
        assert!(matches!(&all.errors[..], [Error::NoVideo(_)]), "{name}: {all:?}");
        assert!(all.errors[0].to_string().ends_with("no video stream (sound only)"), "{}", all.errors[0]);
    }
    // A film with a cover is the film.
    clip(dir, "film.mp4", "160x90", 4, X264);
    let both = "-i DIR/cover.png -i DIR/film.mp4 -map 0 -map 1 -c:v:0 mjpeg -c:v:1 copy -disposition:v:0 attached_pic";
    ffmpeg(dir, &format!("{both} DIR/covered.mp4"));
    let all = capture_file(dir, "covered.mp4");
    assert_quiet(&all);
    assert_eq!((all.frames.len(), all.frames[0].1.dimensions()), (2, (160, 90)));
}

#[test]
fn frames_of_a_stream_without_times_are_as_far_apart_as_its_rate_says() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    clip(dir, "raw.h264", "320x180", 6, X264);
    let all = capture_file(dir, "raw.h264");
    assert_quiet(&all);
    assert_eq!(times(&all), [0, 200, 400]);
}
