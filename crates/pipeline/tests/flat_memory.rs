//! An analysis takes as much memory for a hundred thousand faces as for ten thousand; statistics and a report of them do not hold
//! their attributes.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use streamface_pipeline::settings::{AnalyzeSettings, ReportSettings, Settings as _, StatsSettings};
use streamface_pipeline::{Context, Silent, Stop, analyze, report, stats};
use streamface_store::{AttributeRow, Dataset, FaceRow, FrameRow, ImageKind};
use streamface_testing::onnx::of_means;
use streamface_testing::sha256;
use streamface_types::{BoundingBox, FaceId, FrameId};

/// Faces on a frame.
const EACH: u32 = 100;
/// What a child process is to do.
const CHILD: &str = "STREAMFACE_FLAT_MEMORY";

/// A dataset of so many faces; all frames are one picture.
fn make(dir: &Path, faces: u32) {
    let data = Dataset::open(dir).unwrap();
    let picture = image::RgbImage::from_fn(160, 120, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]));
    let first = data.root().join("frame.png");
    picture.save(&first).unwrap();
    std::fs::create_dir(dir.join(ImageKind::Frame.folder())).unwrap();
    let (mut frames, mut rows) = (Vec::new(), Vec::new());
    for i in 0..faces / EACH {
        let frame = FrameId::new(format!("tv_frame_{i:020}")).unwrap();
        std::fs::hard_link(&first, data.image_path(ImageKind::Frame, &frame)).unwrap();
        frames.push(FrameRow::new(frame.clone(), "tv.mp4"));
        for index in 0..EACH {
            let mut row = FaceRow::new(FaceId::new(frame.clone(), index));
            row.bbox = BoundingBox::new(index as f32, 20.0, 30.0, 40.0);
            row.frame_size = [160, 120];
            rows.push(row);
        }
    }
    data.replace(frames).unwrap();
    data.replace(rows).unwrap();
}

/// A model of nine ages and a mask over a network of the means of the colours.
fn model(dir: &Path) -> String {
    let rows: Vec<[f32; 4]> = (0..9).map(|i| [0.1 * i as f32, 0.0, 1.0 - 0.1 * i as f32, 0.0]).collect();
    let network = of_means([1, 3, 16, 16], &[("age", &[1, 9], &rows), ("mask", &[1, 1], &rows[..1])]);
    let file = dir.join("made.onnx");
    std::fs::write(&file, &network).unwrap();
    let mut text =
        String::from("name = \"made\"\nkind = \"face\"\nformat = \"onnx\"\nfile = \"made.onnx\"\n");
    writeln!(text, "bytes = {}\nsha256 = \"{}\"", network.len(), sha256(&file)).unwrap();
    text.push_str(
        r#"source = "a test"
licence = "none"
licence_note = ""
[input]
layout = "nchw"
channels = "rgb"
mean = 0.0
scale = 255.0
[crop]
alignment = "square"
size = 16
[face]
how = ""
[[face.attributes]]
name = "age"
output = "age"
reading = "logits"
values = ["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+"]
[[face.attributes]]
name = "mask"
output = "mask"
reading = "sigmoid"
values = ["mask", "no mask"]
"#,
    );
    let path = dir.join("made.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Largest memory that this process has had, kB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Does something in a process of its own; what it says last.
fn child(what: &str, dir: &Path) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["memory_is_flat_over_a_hundred_thousand_faces", "--exact", "--nocapture"])
        .env(CHILD, format!("{what} {}", dir.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let said = said.lines().find_map(|line| line.split_once("said: ").map(|(_, said)| said.to_owned()));
    said.unwrap_or_default()
}

#[test]
fn memory_is_flat_over_a_hundred_thousand_faces() {
    if let Ok(task) = std::env::var(CHILD) {
        let (what, dir) = task.split_once(' ').unwrap();
        let dir = Path::new(dir);
        if what == "analyze" {
            let only = dir.with_file_name("made.toml");
            let settings = format!("only = '{}'\nthreads = 2\nbatch-size = 500", only.display());
            let settings = AnalyzeSettings::from_toml(&settings).unwrap();
            let stop = Stop::new();
            let done = analyze(dir, &settings, &Context::new(&Silent, &stop)).unwrap();
            println!("said: {} {}", peak(), done.attributes[0].faces);
        } else if what == "stats" {
            let done = stats(&[dir.to_owned()], &StatsSettings::default()).unwrap();
            println!("said: {} {}", peak(), done.stats.attributes[0].faces.iter().sum::<u64>());
        } else if what == "report" {
            report(dir, &ReportSettings::default()).unwrap();
            println!("said: {} {}", peak(), 0);
        } else {
            make(dir, what.parse().unwrap());
        }
        return;
    }
    let root = tempfile::tempdir().unwrap();
    model(root.path());
    let (mut peaks, mut readers) = (Vec::new(), Vec::new());
    for faces in [10_000_u64, 100_000] {
        let dir = root.path().join(faces.to_string());
        child(&faces.to_string(), &dir);
        let said = child("analyze", &dir);
        let (peak, done) = said.split_once(' ').unwrap();
        assert_eq!(done.parse(), Ok(faces));
        let mut rows = 0;
        Dataset::read_only(&dir).unwrap().each(|_: AttributeRow| rows += 1).unwrap();
        assert_eq!(rows, 10 * faces);
        peaks.push(peak.parse::<u64>().unwrap());
        let said = child("stats", &dir);
        let (of_stats, counted) = said.split_once(' ').unwrap();
        assert_eq!(counted.parse(), Ok(faces));
        let said = child("report", &dir);
        let of_report = said.split(' ').next().unwrap();
        readers.push([of_stats, of_report].map(|peak| peak.parse::<u64>().unwrap()));
    }
    println!("peak memory: {} kB for 10,000 faces, {} kB for 100,000", peaks[0], peaks[1]);
    // Rows of 90,000 faces more would take some 100 MB; buffers grow by some 12 MB up to their limits.
    assert!(peaks[1] < peaks[0] + 24_000, "{peaks:?}");
    let [stats, report] = [0, 1].map(|at| readers[1][at] - readers[0][at]);
    println!("peak memory of 90,000 faces more: stats {stats} kB, report {report} kB");
    // Their attributes would take some 200 MB; statistics remember each face.
    assert!(stats < 80_000 && report < 40_000, "{readers:?}");
}
