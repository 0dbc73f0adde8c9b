//! Pictures as a player shows them: upright, in their display aspect, of ordinary dynamic range.

#![allow(clippy::unwrap_used)]

mod clips;

use std::fs;
use std::path::Path;
use std::time::Duration;

use clips::{X264, capture, capture_file, clip, difference, ffmpeg, serve, serve_folder, shown};
use image::{Rgb, RgbImage};

/// Writes a display matrix (a, b, c, d) into the track header of an MP4.
fn set_matrix(path: &Path, [a, b, c, d]: [i32; 4]) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.windows(4).position(|w| w == b"tkhd").unwrap() + 4 + 40;
    let one = 1 << 16;
    let matrix = [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30];
    bytes[at..at + 36].copy_from_slice(&matrix.map(i32::to_be_bytes).concat());
    fs::write(path, bytes).unwrap();
}

/// The eight orientations as (a, b, c, d).
const MATRICES: [[i32; 4]; 8] = [
    [1, 0, 0, 1],
    [-1, 0, 0, 1],
    [1, 0, 0, -1],
    [-1, 0, 0, -1],
    [0, 1, 1, 0],
    [0, 1, -1, 0],
    [0, -1, 1, 0],
    [0, -1, -1, 0],
];

#[test]
fn every_orientation_of_a_display_matrix_is_shown_as_ffmpeg_shows_it() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for matrix in MATRICES {
        clip(dir, "m.mp4", "320x180", 1, X264);
        set_matrix(&dir.join("m.mp4"), matrix);
        let all = capture_file(dir, "m.mp4");
        let want = shown(dir, "m.mp4", "");
        assert_eq!(want.dimensions(), if matrix[0] == 0 { (180, 320) } else { (320, 180) });
        let off = difference(&all.frames[0].1, &want);
        assert!(off < 3.0, "{matrix:?}: {off}");
    }
}

#[test]
fn a_phone_s_video_is_upright_as_file_and_live() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    clip(dir, "upright.mp4", "320x180", 2, X264);
    ffmpeg(dir, &format!("-i DIR/upright.mp4 -vf transpose=2 {X264} DIR/side.mp4"));
    ffmpeg(dir, "-i DIR/side.mp4 -c copy -metadata:s:v:0 rotate=270 DIR/rot.mp4");
    let want = shown(dir, "upright.mp4", "");
    let all = capture_file(dir, "rot.mp4");
    assert!(difference(&all.frames[0].1, &want) < 4.0);
    assert_eq!(all.frames[0].1.dimensions(), (320, 180));
    // A live stream of the same, and one whose frames say it themselves.
    let segments = "-f hls -hls_time 2 -hls_segment_type fmp4 -hls_flags omit_endlist";
    ffmpeg(dir, &format!("-i DIR/rot.mp4 -c copy {segments} DIR/live.m3u8"));
    // ffmpeg 5.1 does not write it into segments.
    set_matrix(&dir.join("init.mp4"), [0, 1, -1, 0]);
    let sei = "-bsf:v h264_metadata=display_orientation=insert:rotate=270";
    ffmpeg(dir, &format!("-i DIR/side.mp4 -c copy {sei} DIR/live.ts"));
    let bytes = fs::read(dir.join("live.ts")).unwrap();
    let urls = [serve_folder(dir, "live.m3u8"), serve(bytes, "live.ts", "video/mp2t")];
    for url in urls {
        let all = capture(&url, Some(Duration::from_secs(4)));
        assert!(!all.frames.is_empty(), "{url}: {all:?}");
        assert!(difference(&all.frames[0].1, &want) < 4.0, "{url}");
    }
}

#[test]
fn an_anamorphic_video_has_the_aspect_in_which_it_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (stored, sar, want) in [
        ("720:576", "64/45", (1024, 576)),
        ("720:480", "8/9", (640, 480)),
        ("960:540", "4/3", (1280, 540)),
        ("640:360", "1", (640, 360)),
        ("854:480", "1280/1281", (854, 480)),
    ] {
        for name in ["a.mp4", "a.mkv", "a.ts"] {
            clip(dir, name, "640x360", 1, &format!("-vf scale={stored},setsar={sar} {X264}"));
            let all = capture_file(dir, name);
            assert_eq!(all.frames[0].1.dimensions(), want, "{name} of {stored} at {sar}");
            let scaled = shown(dir, name, &format!("-vf scale={}:{}", want.0, want.1));
            assert!(difference(&all.frames[0].1, &scaled) < 4.0, "{name} of {stored} at {sar}");
        }
    }
}

#[test]
fn an_anamorphic_video_on_its_side_is_scaled_and_turned() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    clip(dir, "a.mp4", "640x360", 1, &format!("-vf scale=720:576,setsar=64/45 {X264}"));
    set_matrix(&dir.join("a.mp4"), [0, 1, -1, 0]);
    let all = capture_file(dir, "a.mp4");
    assert_eq!(all.frames[0].1.dimensions(), (576, 1024));
    let want = shown(dir, "a.mp4", "-vf scale=576:1024");
    assert!(difference(&all.frames[0].1, &want) < 4.0);
}

/// From light in cd/m² to PQ, ITU-R BT.2100.
fn pq(light: f64) -> f64 {
    let p = (light / 10_000.0).powf(2610.0 / 16384.0);
    ((3424.0 / 4096.0 + 2413.0 / 128.0 * p) / (1.0 + 2392.0 / 128.0 * p)).powf(2523.0 / 32.0)
}

/// From light in cd/m² on a display of 1,000 to HLG, for gray.
fn hlg(light: f64) -> f64 {
    let scene = (light / 1_000.0).powf(1.0 / 1.2);
    let (a, b, c) = (0.178_832_77, 0.284_668_92, 0.559_910_73);
    if scene <= 1.0 / 12.0 { (3.0 * scene).sqrt() } else { a * (12.0 * scene - b).ln() + c }
}

/// A video of one frame of BT.2020 pixels, given as values from 0 to 1 by a transfer's curve.
fn wide_video(dir: &Path, transfer: &str, (w, h): (usize, usize), at: impl Fn(usize, usize) -> [f64; 3]) {
    let mut planes = [vec![], vec![], vec![]];
    for (y, x) in (0..h).flat_map(|y| (0..w).map(move |x| (y, x))) {
        let [r, g, b] = at(x, y);
        let luma = 0.2627 * r + 0.678 * g + 0.0593 * b;
        let code = |v: f64| (v.round() as u16).to_le_bytes();
        planes[0].extend(code(64.0 + 876.0 * luma));
        planes[1].extend(code(512.0 + 896.0 * (b - luma) / 1.8814));
        planes[2].extend(code(512.0 + 896.0 * (r - luma) / 1.4746));
    }
    fs::write(dir.join("wide.yuv"), planes.concat()).unwrap();
    let tags = format!("-color_primaries bt2020 -color_trc {transfer} -colorspace bt2020nc -color_range tv");
    let raw = format!("-f rawvideo -pix_fmt yuv444p10le -s {w}x{h} -r 25 {tags} -i DIR/wide.yuv");
    ffmpeg(dir, &format!("{raw} -c:v ffv1 {tags} DIR/wide.mkv"));
}

/// Light of BT.709 values of 0 to 255 on a display of so many cd/m², as that of BT.2020's primaries.
fn light_2020([r, g, b]: [u8; 3], white: f64) -> [f64; 3] {
    let [r, g, b] = [r, g, b].map(|v| white * (f64::from(v) / 255.0).powf(2.4));
    [
        0.6274 * r + 0.3293 * g + 0.0433 * b,
        0.0691 * r + 0.9195 * g + 0.0114 * b,
        0.0164 * r + 0.0880 * g + 0.8956 * b,
    ]
}

fn spread(image: &RgbImage) -> f64 {
    let n = image.as_raw().len() as f64;
    let mean = image.as_raw().iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    (image.as_raw().iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n).sqrt()
}

#[test]
fn hdr10_comes_out_as_the_ordinary_video_that_it_was_made_of() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // With some white in it, as nearly all pictures have.
    let colour = |x: usize, y: usize| match (x, y) {
        (..8, ..8) => [255; 3],
        _ => [(x * 4) as u8, (y * 6) as u8, ((x + y) * 2 % 256) as u8],
    };
    let original = RgbImage::from_fn(64, 40, |x, y| Rgb(colour(x as usize, y as usize)));
    for white in [100.0, 203.0] {
        wide_video(dir, "smpte2084", (64, 40), |x, y| light_2020(colour(x, y), white).map(pq));
        let all = capture_file(dir, "wide.mkv");
        let (got, off) = (&all.frames[0].1, difference(&all.frames[0].1, &original));
        assert!(off < 4.0, "white at {white}: {off}");
        assert!((spread(got) / spread(&original) - 1.0).abs() < 0.05, "white at {white}");
    }
}

#[test]
fn what_is_brighter_than_white_is_brought_down_and_keeps_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // Gray from black to 1,000 cd/m² in equal steps of PQ.
    let light = |x: usize| (1_000.0_f64).powf(x as f64 / 63.0) - 1.0;
    for (transfer, curve) in [("smpte2084", pq as fn(f64) -> f64), ("arib-std-b67", hlg)] {
        wide_video(dir, transfer, (64, 16), |x, _| [curve(light(x)); 3]);
        let all = capture_file(dir, "wide.mkv");
        let row: Vec<u8> = (0..64).map(|x| all.frames[0].1.get_pixel(x, 8).0[1]).collect();
        assert!(row.windows(2).all(|w| w[0] <= w[1]), "{transfer}: {row:?}");
        assert_eq!((row[0], row[63] >= 250), (0, true), "{transfer}: {row:?}");
        // Half of white, 100 cd/m², stays as bright as ordinary video has it: 255 (100 / 203)^(1 / 2.4).
        let half = (0..64).min_by_key(|&x| (light(x) - 90.0).abs() as u64).unwrap();
        let want = 255.0 * (light(half) / 203.0).powf(1.0 / 2.4);
        assert!((f64::from(row[half]) - want).abs() < 6.0, "{transfer}: {} for {want}", row[half]);
        // What is brighter than white differs still: from 203 to 600 cd/m².
        assert!(row[58] - row[48] >= 12, "{transfer}: {row:?}");
    }
}

#[test]
fn hlg_of_ordinary_video_has_its_contrast() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let gray = |x: usize, y: usize| ((x * 4) ^ (y * 5)) as u8;
    let original = RgbImage::from_fn(64, 40, |x, y| Rgb([gray(x as usize, y as usize); 3]));
    wide_video(dir, "arib-std-b67", (64, 40), |x, y| light_2020([gray(x, y); 3], 203.0).map(hlg));
    let all = capture_file(dir, "wide.mkv");
    let off = difference(&all.frames[0].1, &original);
    assert!(off < 4.0, "{off}");
}
