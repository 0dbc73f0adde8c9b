//! A small dataset, and where the reference data is.

#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;
use streamface_exchange::{Error, ExportSettings, Format, ImportSettings, Summary, export, import};
use streamface_store::{Batch, Dataset, ExtractionRow, FaceRow, FeatureRow, FrameRow, ImageKind, LabelRow};
use streamface_types::{BoundingBox, FaceId, FrameId, Label, Landmarks, StreamTime};

/// The sample run of the original; `None`, and recorded as a skip, where it is missing.
#[track_caller]
pub fn reference() -> Option<PathBuf> {
    streamface_testing::reference("skynews")
}

pub fn frame(i: u32) -> FrameId {
    FrameId::new(format!("tv_frame_2023052510013{i}000000")).unwrap()
}

pub fn face(i: u32, index: u32) -> FaceId {
    FaceId::new(frame(i), index)
}

/// Six frames with two faces each. Face 0 is person 0 in all; face 1 is person 1 four times, person 2 once, and no one
/// once.
pub fn dataset(root: &Path) -> Dataset {
    let data = Dataset::open(root).unwrap();
    let mut batch = Batch::default();
    let mut labels = Vec::new();
    for i in 0..6 {
        let paint = |x: u32, y: u32| image::Rgb([(x * 3 + i * 20) as u8, (y * 5) as u8, (x * y % 251) as u8]);
        let picture = RgbImage::from_fn(80, 60, paint);
        stage(&data, ImageKind::Frame, &frame(i), &picture);
        let row = {
            let mut row = FrameRow::new(frame(i), "tv.mp4");
            row.stream_time = Some(StreamTime(i64::from(i) * 1_500_000));
            row.width = 80;
            row.height = 60;
            row
        };
        batch.frames.push(row);
        batch.extractions.push({
            let mut row = ExtractionRow::new(frame(i));
            row.detected = 2;
            row.small = 0;
            row.blurred = 0;
            row.kept = 2;
            row
        });
        for index in 0..2 {
            let x = 5.25 + 40.0 * index as f32;
            let id = face(i, index);
            stage(&data, ImageKind::Face, &id, &RgbImage::from_fn(32, 32, |x, y| paint(x + index, y)));
            stage(&data, ImageKind::AlignedFace, &id, &RgbImage::from_fn(128, 128, |x, y| paint(y, x)));
            batch.faces.push({
                let mut row = FaceRow::new(id.clone());
                row.bbox = BoundingBox::new(x, 10.5, 20.0, 30.25);
                row.landmarks = Landmarks([
                    [x + 5.0, 20.0],
                    [x + 15.0, 20.5],
                    [x + 10.0, 26.0],
                    [x + 6.0, 33.0],
                    [x + 14.0, 33.0],
                ]);
                row.score = 0.75 + index as f32 / 8.0;
                row.blur = 100.5;
                row.frame_size = [80, 60];
                row.face_size = [32, 32];
                row.aligned_size = [128, 128];
                row.link = (i > 0).then(|| face(i - 1, index));
                row
            });
            batch.features.push(FeatureRow::new(
                id.clone(),
                "m",
                "0",
                vec![0.6, 0.8 - index as f32, i as f32],
            ));
            let label = match (index, i) {
                (0, _) => 0,
                (_, 4) => 2,
                (_, 5) => -1,
                _ => 1,
            };
            labels.push(LabelRow::new(id, Label(label)));
        }
    }
    data.commit(batch).unwrap();
    data.compact().unwrap();
    data.replace(labels).unwrap();
    data
}

fn stage(data: &Dataset, kind: ImageKind, name: &impl std::fmt::Display, picture: &RgbImage) {
    data.stage(kind, name, &streamface_imgproc::encode_png(picture).unwrap()).unwrap();
}

pub fn out(data: &Dataset, format: &dyn Format, to: &Path) -> Summary {
    export(data, format, to, &ExportSettings::default(), &|_| ()).unwrap()
}

pub fn take(from: &Path, format: &dyn Format, to: &Path) -> Result<Summary, Error> {
    import(from, format, to, &ImportSettings::default(), &|_| ())
}

/// Labels by name.
pub fn labels(data: &Dataset) -> BTreeMap<String, i64> {
    data.read::<LabelRow>().unwrap().into_iter().map(|r| (r.face.to_string(), r.label.0)).collect()
}

/// The names in a folder, hidden ones too.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
