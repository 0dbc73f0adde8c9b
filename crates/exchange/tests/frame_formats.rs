//! Exports of whole frames, whichever way their pictures are stored.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::{dataset, frame, names};
use streamface_exchange::{ExportSettings, export, find, import};
use streamface_imgproc::{DecodeLimits, decode_image, encode_jpeg, encode_webp};
use streamface_store::{Dataset, FrameFormat, FrameRow, ImageKind};

/// Frames 0 and 1 as JPEG, 2 and 3 as WebP, 4 as it was, 5 without a picture.
fn mixed(root: &std::path::Path) -> Dataset {
    let data = dataset(root);
    let mut rows: Vec<FrameRow> = data.read().unwrap();
    for (row, n) in rows.iter_mut().zip(0..) {
        let png = data.image_path(ImageKind::Frame, &row.frame);
        let image = decode_image(&fs::read(&png).unwrap(), &DecodeLimits::default()).unwrap();
        let (format, bytes) = match n {
            0 | 1 => (FrameFormat::Jpeg, encode_jpeg(&image, 90).unwrap()),
            2 | 3 => (FrameFormat::Webp, encode_webp(&image).unwrap()),
            4 => continue,
            _ => (FrameFormat::None, Vec::new()),
        };
        fs::remove_file(png).unwrap();
        row.format = format;
        if let Some(path) = data.frame_path(&row.frame, format) {
            fs::write(path, bytes).unwrap();
        }
    }
    data.replace(rows).unwrap();
    data
}

/// Names of the files, with what they begin with.
fn wanted() -> Vec<(String, &'static [u8])> {
    let kinds: [(&str, &[u8]); 3] = [("jpg", b"\xff\xd8\xff"), ("webp", b"RIFF"), ("png", b"\x89PNG")];
    (0..5).map(|n| (n, kinds[n as usize / 2])).map(|(n, (e, b))| (format!("{}.{e}", frame(n)), b)).collect()
}

#[test]
fn frames_are_exported_under_the_names_of_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let data = mixed(&dir.path().join("data"));
    for (format, folder) in [("coco", "images"), ("fiftyone-detection", "data")] {
        let to = dir.path().join(format);
        let format = find(format).unwrap();
        let done = export(&data, format, &to, &ExportSettings::default(), &|_| ()).unwrap();
        assert_eq!((done.frames, done.faces), (5, 10));
        let left = &done.left_out[0];
        assert_eq!((left.count, left.why), (2, "faces whose frame has no picture"));
        for (file, begins) in wanted() {
            assert!(fs::read(to.join(folder).join(&file)).unwrap().starts_with(begins), "{file}");
        }
    }
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.path().join("coco/annotations.json")).unwrap()).unwrap();
    let files: Vec<&str> =
        json["images"].as_array().unwrap().iter().map(|i| i["file_name"].as_str().unwrap()).collect();
    assert_eq!(files, wanted().iter().map(|(file, _)| file.as_str()).collect::<Vec<_>>());
    // And in again: a dataset of its own, with the same faces.
    let back = dir.path().join("back");
    let done = import(&dir.path().join("coco"), find("coco").unwrap(), &back, &Default::default(), &|_| ());
    assert_eq!(done.unwrap().faces, 10);
}

#[test]
fn the_original_gets_png() {
    let dir = tempfile::tempdir().unwrap();
    let data = mixed(&dir.path().join("data"));
    let to = dir.path().join("compat");
    let done = export(&data, find("compat").unwrap(), &to, &ExportSettings::default(), &|_| ()).unwrap();
    assert_eq!(done.frames, 5);
    for n in 0..5 {
        let png = fs::read(to.join(format!("frames/{}.png", frame(n)))).unwrap();
        assert!(png.starts_with(b"\x89PNG"), "{n}");
    }
    assert_eq!(names(&to.join("frames")).len(), 6, "five pictures, and processed.txt");
}

#[test]
fn without_any_frame_it_is_said_what_needs_none() {
    let dir = tempfile::tempdir().unwrap();
    let data = dataset(&dir.path().join("data"));
    let mut rows: Vec<FrameRow> = data.read().unwrap();
    rows.iter_mut().for_each(|row| row.format = FrameFormat::None);
    data.replace(rows).unwrap();
    let go = |format: &str| {
        let settings = ExportSettings::default();
        export(&data, find(format).unwrap(), &dir.path().join(format), &settings, &|_| ())
    };
    let said = go("coco").unwrap_err().to_string();
    assert!(said.contains("streamface prune") && said.contains("imagefolder"), "{said}");
    for format in ["imagefolder", "webdataset", "csv", "fiftyone"] {
        assert!(go(format).unwrap().faces > 0, "{format}");
    }
    assert_eq!(go("compat").unwrap().frames, 0);
}
