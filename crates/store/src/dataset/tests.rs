use super::*;
use crate::DropReason;
use streamface_types::attributes::{Attributes, Value};
use streamface_types::{BoundingBox, Label, Landmarks, StreamTime};

fn frame(i: u32) -> FrameId {
    FrameId::new(format!("a_frame_2023052510013841261{i}")).unwrap()
}

fn face_row(i: u32, link: Option<FaceId>) -> FaceRow {
    {
        let mut row = FaceRow::new(FaceId::new(frame(i), 0));
        row.bbox = BoundingBox::new(1.5, 2.0, 3.0, 4.0);
        row.landmarks = Landmarks([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0]]);
        row.score = 0.5;
        row.blur = 1e11;
        row.frame_size = [1920, 1080];
        row.face_size = [256, 256];
        row.aligned_size = [128, 128];
        row.link = link;
        row
    }
}

#[test]
fn every_table_reads_back_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let data = Dataset::open(dir.path()).unwrap();
    let mut dropped = FrameRow::new(frame(1), "a.mp4");
    dropped.stream_time = Some(StreamTime(-5));
    dropped.empty = Some(0.99);
    dropped.dropped = Some(DropReason::Empty);
    let frames = [FrameRow::new(frame(0), "a.mp4"), dropped];
    let faces = [face_row(0, None), face_row(1, Some(FaceId::new(frame(0), 0)))];
    let feature = |i, v: f32| FeatureRow::new(FaceId::new(frame(i), 0), "m", "00", vec![v, 1.0, -0.0]);
    let features = [feature(0, f32::MIN_POSITIVE), feature(1, 2.0)];
    let labels = [LabelRow::new(FaceId::new(frame(0), 0), Label::NOISE)];
    let searched = [{
        let mut row = ExtractionRow::new(frame(0));
        row.detected = 3;
        row.small = 1;
        row.blurred = 1;
        row.kept = 1;
        row
    }];
    let said = Attributes::from_iter([
        (
            "gender".to_owned(),
            Value::Categories([("Male".to_owned(), 0.75), ("Female".to_owned(), 0.25)].into()),
        ),
        ("age".to_owned(), Value::Number(31.5)),
    ]);
    let attributes = AttributeRow::of(&faces[0].face, &said, Some(("m", "00")));
    for half in [0..1, 1..2] {
        data.commit(Batch {
            frames: frames[half.clone()].to_vec(),
            faces: faces[half.clone()].to_vec(),
            features: features[half].to_vec(),
            extractions: searched.to_vec(),
            attributes: attributes.clone(),
        })
        .unwrap();
    }
    data.replace(labels.to_vec()).unwrap();
    for _ in 0..2 {
        assert_eq!(data.read::<FrameRow>().unwrap(), frames);
        assert_eq!(data.read::<FaceRow>().unwrap(), faces);
        assert_eq!(data.read::<FeatureRow>().unwrap(), features);
        assert_eq!(data.read::<LabelRow>().unwrap(), labels);
        assert_eq!(data.read::<ExtractionRow>().unwrap(), searched);
        assert_eq!(data.read::<AttributeRow>().unwrap(), attributes);
        // One by one they are the same, from batches or from one file.
        let mut one_by_one = Vec::new();
        data.each(|row: FrameRow| one_by_one.push(row)).unwrap();
        assert_eq!(one_by_one, frames);
        data.compact().unwrap();
    }
}

#[test]
fn the_same_rows_give_the_same_bytes_however_they_came() {
    let bytes = |batches: &[&[u32]]| {
        let dir = tempfile::tempdir().unwrap();
        let data = Dataset::open(dir.path()).unwrap();
        for batch in batches {
            let faces = batch.iter().map(|&i| face_row(i, None)).collect();
            data.commit(Batch { faces, ..Batch::default() }).unwrap();
        }
        data.compact().unwrap();
        fs::read(dir.path().join("metadata/faces.parquet")).unwrap()
    };
    assert_eq!(bytes(&[&[0, 1, 2, 3]]), bytes(&[&[2, 3], &[0], &[0, 1]]));
}

#[test]
fn staged_images_follow_their_rows_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let data = Dataset::open(dir.path()).unwrap();
    data.stage(ImageKind::Frame, &frame(0), b"committed").unwrap();
    data.stage(ImageKind::Frame, &frame(1), b"not").unwrap();
    // Killed between the rows and the names.
    Batch { frames: vec![FrameRow::new(frame(0), "a")], ..Batch::default() }.write(&data.metadata()).unwrap();
    fs::write(dir.path().join("metadata/.x.part"), b"half").unwrap();
    drop(data);
    let data = Dataset::open(dir.path()).unwrap();
    assert_eq!(data.read_image(ImageKind::Frame, &frame(0)).unwrap(), b"committed");
    let left: Vec<_> = fs::read_dir(dir.path().join("frames")).unwrap().flatten().collect();
    assert_eq!(left.len(), 1);
    assert!(!dir.path().join("metadata/.x.part").exists());
}

#[test]
fn the_second_process_is_told_who_holds_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let data = Dataset::open(dir.path()).unwrap();
    let err = Dataset::open(dir.path()).unwrap_err().to_string();
    assert!(err.contains(&format!("process {}", std::process::id())), "{err}");
    drop(data);
    Dataset::open(dir.path()).unwrap();
}

#[test]
fn labeled_faces_are_replaced_whole() {
    let dir = tempfile::tempdir().unwrap();
    let data = Dataset::open(dir.path()).unwrap();
    let face = FaceId::new(frame(0), 0);
    data.stage(ImageKind::Face, &face, b"png").unwrap();
    data.publish_if_staged(ImageKind::Face, &face).unwrap();
    let row = |label| LabelRow::new(face.clone(), Label(label));
    data.write_labeled_faces(&[row(0)]).unwrap();
    data.write_labeled_faces(&[row(7)]).unwrap();
    assert!(!dir.path().join("labeled_faces/0").exists());
    assert!(dir.path().join(format!("labeled_faces/7/{face}.png")).exists());
}

#[test]
fn a_broken_table_names_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let data = Dataset::open(dir.path()).unwrap();
    fs::write(dir.path().join("metadata/faces.parquet"), b"PAR1 rubbish PAR1").unwrap();
    assert!(data.read::<FaceRow>().unwrap_err().to_string().contains("faces.parquet"));
}
