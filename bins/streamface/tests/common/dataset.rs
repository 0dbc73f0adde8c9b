//! A small dataset with everything in it that commands read, made without a network.

use std::fs;
use std::path::Path;

use streamface_annotate::{Action, Journal, journal};
use streamface_model::Manifest;
use streamface_pipeline::settings::DEFAULT_EMBEDDER;
use streamface_store::{Batch, Dataset, ExtractionRow, FaceRow, FeatureRow, FrameRow, ImageKind, LabelRow};
use streamface_types::{BoundingBox, FaceId, FrameId, Label, Landmarks};

/// Name of the first frame.
pub const FRAME: &str = "tv_frame_20230525100130000000";

pub fn frame(i: u32) -> FrameId {
    FrameId::new(format!("tv_frame_2023052510013{i}000000")).unwrap()
}

pub fn face(i: u32) -> FaceId {
    FaceId::new(frame(i), 0)
}

pub fn png(side: u32, shade: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(side, side, |x, y| image::Rgb([x as u8, (y * 3) as u8, shade]));
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A dataset with everything in it that commands read: eight frames with a face each, three people, labels, decisions, the
/// files of every step. The last two frames are in a batch, as a killed process leaves one.
pub fn dataset(dir: &Path) {
    let data = Dataset::open(dir).unwrap();
    let model = Manifest::builtin(DEFAULT_EMBEDDER).unwrap();
    let dim = model.embedder().unwrap().dim;
    for i in 0..8 {
        let mut batch = Batch::default();
        batch.frames.push(FrameRow::new(frame(i), "tv.mp4"));
        let mut searched = ExtractionRow::new(frame(i));
        (searched.detected, searched.kept) = (1, 1);
        batch.extractions.push(searched);
        let mut row = FaceRow::new(face(i));
        row.bbox = BoundingBox::new(10.0, 10.0, 30.0, 30.0);
        row.landmarks = Landmarks([[20.0, 20.0], [30.0, 20.0], [25.0, 26.0], [21.0, 32.0], [29.0, 32.0]]);
        row.score = 0.9;
        row.frame_size = [96, 96];
        (row.face_size, row.aligned_size) = ([64, 64], [64, 64]);
        row.link = (i > 0).then(|| face(i - 1));
        batch.faces.push(row);
        let mut vector = vec![0.01; dim];
        vector[i as usize % 3] = 1.0;
        batch.features.push(FeatureRow::new(face(i), model.name.clone(), model.sha256(), vector));
        for (kind, side) in [(ImageKind::Frame, 96), (ImageKind::Face, 64), (ImageKind::AlignedFace, 64)] {
            let name = if kind == ImageKind::Frame { frame(i).to_string() } else { face(i).to_string() };
            data.stage(kind, &name, &png(side, i as u8)).unwrap();
        }
        data.commit(batch).unwrap();
        if i == 5 {
            data.compact().unwrap();
        }
    }
    let labels: Vec<_> = (0..8).map(|i| LabelRow::new(face(i), Label(i64::from(i % 3)))).collect();
    let names = std::collections::BTreeMap::from([(Label(0), "Ann".to_owned())]);
    data.write_annotations(&labels, &names).unwrap();
    data.write_labeled_faces(&labels, &names).unwrap();
    data.replace_labels(labels, &names).unwrap();
    let path = data.metadata().join(journal::FILE);
    let (mut journal, _) = Journal::open(&path).unwrap();
    journal
        .append("somebody", None, Action::Name { person: vec![face(0)], name: Some("Ann".into()) })
        .unwrap();
    drop(journal);
    fs::copy(data.metadata().join("annotations.json"), data.metadata().join("annotations_manual.json"))
        .unwrap();
}
