use super::*;
use crate::{DropReason, FrameFormats};
use streamface_types::attributes::{Attributes, Value};
use streamface_types::{BoundingBox, FaceId, Label, Landmarks, StreamTime};

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
    let attributes = AttributeRow::of(
        &faces[0].face,
        &said,
        Some(crate::MadeBy { model: "m", sha256: "00", settings: "" }),
    );
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
    Batch { frames: vec![FrameRow::new(frame(0), "a")], ..Batch::default() }
        .write(&data.metadata(), &[])
        .unwrap();
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
    data.publish_if_staged(ImageKind::Face, &png(&face)).unwrap();
    let row = |label| LabelRow::new(face.clone(), Label(label));
    data.write_labeled_faces(&[row(0)], &BTreeMap::new()).unwrap();
    data.write_labeled_faces(&[row(7)], &BTreeMap::new()).unwrap();
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

/// A dataset with two batches of two frames of `source`, a face on each, killed before it was compacted.
fn killed(dir: &Path, source: &str) {
    let data = Dataset::open(dir).unwrap();
    for batch in [[0, 1], [2, 3]] {
        let mut rows = Batch::default();
        for i in batch {
            let mut row = FrameRow::new(frame(i), source);
            row.keyframe = i.into();
            rows.frames.push(row);
            rows.extractions.push(ExtractionRow::new(frame(i)));
            rows.faces.push(face_row(i, None));
            data.stage(ImageKind::Frame, &frame(i), &[7; 9000]).unwrap();
            data.stage(ImageKind::Face, &FaceId::new(frame(i), 0), &[8; 900]).unwrap();
            data.stage(ImageKind::AlignedFace, &FaceId::new(frame(i), 0), &[9; 300]).unwrap();
        }
        data.commit(rows).unwrap();
    }
}

fn frames(data: &Dataset) -> Vec<FrameId> {
    data.read::<FrameRow>().unwrap().into_iter().map(|row| row.frame).collect()
}

fn searched(data: &Dataset) -> Vec<FrameId> {
    let rows = data.read::<ExtractionRow>().unwrap();
    assert_eq!(data.read::<FaceRow>().unwrap().len(), rows.len());
    rows.into_iter().map(|row| row.frame).collect()
}

/// What a power cut does to a file: nothing of it is there, a part of it is zeros, it ends early, it is gone.
type Damage = fn(&Path);
const DAMAGES: [Damage; 4] = [
    |path| fs::write(path, []).unwrap(),
    |path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..].fill(0);
        fs::write(path, bytes).unwrap();
    },
    |path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    },
    |path| fs::remove_file(path).unwrap(),
];

#[test]
fn a_file_is_read_again_from_the_batch_with_a_damaged_image() {
    let face = FaceId::new(frame(3), 0);
    for damage in DAMAGES {
        for (kind, name) in [
            (ImageKind::Frame, frame(3).to_string()),
            (ImageKind::Face, face.to_string()),
            (ImageKind::AlignedFace, face.to_string()),
        ] {
            let dir = tempfile::tempdir().unwrap();
            killed(dir.path(), "a.mp4");
            damage(&dir.path().join(kind.folder()).join(format!("{name}.png")));
            let data = Dataset::open(dir.path()).unwrap();
            assert_eq!(data.repaired(), Some(Repaired { images: 1, frames: 2 }));
            assert_eq!(
                (frames(&data), searched(&data)),
                (vec![frame(0), frame(1)], vec![frame(0), frame(1)])
            );
            for kind in ImageKind::ALL {
                assert_eq!(fs::read_dir(dir.path().join(kind.folder())).unwrap().count(), 2, "{kind:?}");
            }
            drop(data);
            // Once it is mended nothing is left to mend, and the batch's number is free.
            let data = Dataset::open(dir.path()).unwrap();
            assert_eq!(data.repaired(), None);
            data.commit(Batch { frames: vec![FrameRow::new(frame(2), "a.mp4")], ..Batch::default() })
                .unwrap();
            assert_eq!(frames(&data), [frame(0), frame(1), frame(2)]);
        }
    }
}

#[test]
fn of_a_stream_what_is_whole_stays() {
    let face = FaceId::new(frame(3), 0);
    for (kind, name, kept) in [
        (ImageKind::Face, face.to_string(), vec![frame(0), frame(1), frame(2), frame(3)]),
        (ImageKind::Frame, frame(3).to_string(), vec![frame(0), frame(1), frame(2)]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        killed(dir.path(), "https://host/live.m3u8");
        DAMAGES[1](&dir.path().join(kind.folder()).join(format!("{name}.png")));
        let data = Dataset::open(dir.path()).unwrap();
        assert_eq!(data.repaired(), Some(Repaired { images: 1, frames: 1 }));
        assert_eq!(frames(&data), kept);
        assert_eq!(searched(&data), [frame(0), frame(1), frame(2)]);
        assert!(!dir.path().join(format!("faces/{face}.png")).exists());
        assert_eq!(data.read_image(ImageKind::Frame, &frame(2)).unwrap(), [7; 9000]);
        drop(data);
        assert_eq!(Dataset::open(dir.path()).unwrap().repaired(), None);
    }
}

#[test]
fn a_batch_that_was_being_made_anew_is_put_back() {
    let dir = tempfile::tempdir().unwrap();
    killed(dir.path(), "a.mp4");
    let batches = dir.path().join("metadata/batches");
    fs::rename(batches.join("00000001"), batches.join(".aside-00000001")).unwrap();
    let data = Dataset::open(dir.path()).unwrap();
    assert_eq!(frames(&data).len(), 4);
    assert!(!batches.join(".aside-00000001").exists());
}

#[test]
fn readers_need_no_lock_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Dataset::read_only(&dir.path().join("none")).is_err());
    assert!(!dir.path().join("none").exists());
    killed(dir.path(), "a.mp4");
    fs::remove_file(dir.path().join(".lock")).unwrap();
    fs::write(dir.path().join("metadata/.x.part"), b"half").unwrap();
    let reader = Dataset::read_only(dir.path()).unwrap();
    assert_eq!(frames(&reader).len(), 4);
    assert!(!dir.path().join(".lock").exists() && dir.path().join("metadata/.x.part").exists());
    let row = || FrameRow::new(frame(5), "a.mp4");
    for refused in [
        reader.commit(Batch { frames: vec![row()], ..Batch::default() }),
        reader.replace(vec![row()]),
        reader.compact(),
        reader.stage(ImageKind::Frame, &frame(5), b"png"),
        reader.write_annotations(&[], &BTreeMap::new()),
        reader.write_labeled_faces(&[], &BTreeMap::new()),
        reader.write_processed(&[], &[]),
    ] {
        assert!(matches!(refused, Err(Error::ReadOnly { .. })), "{refused:?}");
    }
    let writer = Dataset::open(dir.path()).unwrap();
    assert_eq!(frames(&reader), frames(&writer));
}

#[test]
fn a_reader_misses_no_row_while_a_writer_commits_and_compacts() {
    let dir = tempfile::tempdir().unwrap();
    let data = Dataset::open(dir.path()).unwrap();
    let id = |i: u32| FrameId::new(format!("a_frame_{i:020}")).unwrap();
    let written = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        let (written, data) = (&written, &data);
        scope.spawn(move || {
            for i in 0..60 {
                data.commit(Batch { frames: vec![FrameRow::new(id(i), "a")], ..Batch::default() }).unwrap();
                written.store(i + 1, std::sync::atomic::Ordering::SeqCst);
                if i % 3 == 2 {
                    data.compact().unwrap();
                }
            }
        });
        loop {
            let least = written.load(std::sync::atomic::Ordering::SeqCst);
            let found = frames(&Dataset::read_only(dir.path()).unwrap());
            assert!(found.len() >= least as usize, "{} of {least}", found.len());
            assert_eq!(found, (0..found.len() as u32).map(id).collect::<Vec<_>>());
            if least == 60 {
                break;
            }
        }
    });
}

#[cfg(unix)]
#[test]
fn links_in_a_dataset_are_not_followed() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join(".x.part"), "precious").unwrap();
    fs::write(outside.path().join("file"), "precious").unwrap();
    for name in [
        "metadata",
        "frames",
        "faces",
        "aligned_faces",
        "labeled_faces",
        "metadata/batches",
        "metadata/last_frames",
        ".lock",
    ] {
        let dir = tempfile::tempdir().unwrap();
        drop(Dataset::open(dir.path()).unwrap());
        let place = dir.path().join(name);
        let _ = fs::remove_dir_all(&place).or_else(|_| fs::remove_file(&place));
        let to = if name == ".lock" { outside.path().join("file") } else { outside.path().to_owned() };
        symlink(to, &place).unwrap();
        let said = Dataset::open(dir.path()).unwrap_err().to_string();
        assert!(said.contains(name) && said.contains("is a link"), "{said}");
        if !["labeled_faces", ".lock"].contains(&name) {
            let said = Dataset::read_only(dir.path()).unwrap_err().to_string();
            assert!(said.contains(name) && said.contains("is a link"), "{said}");
        }
    }
    // A staged image takes the place of a link of its name, and a picture that is a link is none.
    let dir = tempfile::tempdir().unwrap();
    let data = Dataset::open(dir.path()).unwrap();
    fs::create_dir(dir.path().join("faces")).unwrap();
    let face = FaceId::new(frame(0), 0);
    symlink(outside.path().join("file"), data.staged_path(ImageKind::Face, &png(&face))).unwrap();
    data.stage(ImageKind::Face, &face, b"png").unwrap();
    symlink(outside.path().join("file"), data.image_path(ImageKind::Face, &FaceId::new(frame(1), 0)))
        .unwrap();
    let other = FaceId::new(frame(1), 0);
    assert!(data.read_image(ImageKind::Face, &other).unwrap_err().to_string().contains("is a link"));
    data.write_labeled_faces(&[LabelRow::new(other, Label(0))], &BTreeMap::new()).unwrap();
    assert_eq!(fs::read_dir(dir.path().join("labeled_faces/0")).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(outside.path().join("file")).unwrap(), "precious");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 2);
}

#[test]
fn a_frame_is_found_by_the_format_in_its_row() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<FrameRow> = FrameFormat::ALL
        .into_iter()
        .zip(0..)
        .map(|(format, i)| {
            let mut row = FrameRow::new(frame(i), "a.mp4");
            row.format = format;
            row
        })
        .collect();
    let data = Dataset::open(dir.path()).unwrap();
    for row in &rows {
        data.stage_frame(&row.frame, row.format, row.format.name().as_bytes()).unwrap();
    }
    // One more that no row will name.
    data.stage_frame(&frame(9), FrameFormat::Jpeg, b"late").unwrap();
    data.commit(Batch { frames: rows[..1].to_vec(), ..Batch::default() }).unwrap();
    // As a process does that is killed between the tables and the names of the images.
    Batch { frames: rows[1..].to_vec(), ..Batch::default() }.write(&data.metadata(), &[]).unwrap();
    drop(data);
    let data = Dataset::open(dir.path()).unwrap();
    assert_eq!(data.read::<FrameRow>().unwrap(), rows);
    let formats = FrameFormats::read(&data).unwrap();
    for row in &rows[..3] {
        assert_eq!(formats.of(&row.frame), row.format);
        assert_eq!(data.frame_reader().read(&row.frame, row.format).unwrap(), row.format.name().as_bytes());
        assert!(data.frame_path(&row.frame, row.format).unwrap().ends_with(row.file_name().unwrap()));
    }
    assert_eq!(rows[3].file_name(), None);
    let said = data.frame_reader().read(&rows[3].frame, FrameFormat::None).unwrap_err().to_string();
    assert!(said.contains("was not kept"), "{said}");
    let files = fs::read_dir(dir.path().join("frames")).unwrap().count();
    assert_eq!(files, 3, "nothing is left of a frame that was not committed");
}

#[test]
fn frames_of_the_first_schema_are_png() {
    use arrow_array::RecordBatch;
    let dir = tempfile::tempdir().unwrap();
    let data = Dataset::open(dir.path()).unwrap();
    let mut row = FrameRow::new(frame(0), "a.mp4");
    row.format = FrameFormat::None;
    // The table as it was before: without the last two columns and without a version.
    let fields = FrameRow::fields(&[]);
    let columns = fields.len() - 2;
    let schema = std::sync::Arc::new(arrow_schema::Schema::new(fields[..columns].to_vec()));
    let arrays = FrameRow::arrays(std::slice::from_ref(&row))[..columns].to_vec();
    let file = fs::File::create(data.metadata().join("frames.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, schema.clone(), None).unwrap();
    writer.write(&RecordBatch::try_new(schema, arrays).unwrap()).unwrap();
    writer.close().unwrap();
    assert_eq!(data.read::<FrameRow>().unwrap(), [FrameRow::new(frame(0), "a.mp4")]);
}
