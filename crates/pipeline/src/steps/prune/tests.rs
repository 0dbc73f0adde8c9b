use super::*;
use std::collections::BTreeSet;
use streamface_store::{Batch, DropReason};
use streamface_types::Timestamp;

fn frame(source: &str, second: i64) -> FrameId {
    FrameId::at(source, Timestamp::from_micros(second * 1_000_000)).unwrap()
}

/// Ten frames of one source, of all formats: those of odd seconds have a face, that of second 5 has none embedded, second
/// 6 was not searched, second 7 was dropped.
fn dataset(root: &Path) -> Dataset {
    let data = Dataset::open(root).unwrap();
    let picture = encode_png(&image::RgbImage::new(40, 30)).unwrap();
    let mut batch = Batch::default();
    for second in 0..10 {
        let id = frame("tv", second);
        let mut row = FrameRow::new(id.clone(), "http://tv/live");
        row.format = if second < 3 { FrameFormat::Png } else { FrameFormat::Webp };
        row.dropped = (second == 7).then_some(DropReason::Duplicate);
        if row.dropped.is_none() {
            data.stage_frame(&id, row.format, &picture).unwrap();
        }
        batch.frames.push(row);
        if second == 6 || second == 7 {
            continue;
        }
        batch.extractions.push(ExtractionRow::new(id.clone()));
        if second % 2 == 1 {
            let face = FaceId::new(id, 0);
            batch.faces.push(FaceRow::new(face.clone()));
            if second != 5 {
                batch.features.push(FeatureRow::new(face.clone(), "m", "00", vec![1.0]));
            }
            data.stage(ImageKind::Face, &face, &picture).unwrap();
        }
    }
    data.commit(batch).unwrap();
    data
}

fn there(root: &Path, folder: &str) -> BTreeSet<String> {
    entries(&root.join(folder)).unwrap().into_iter().map(|(p, _)| name(&p)).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn frames_without_a_face_go_and_the_table_says_so() {
    let dir = tempfile::tempdir().unwrap();
    drop(dataset(dir.path()));
    fs::write(dir.path().join("frames/mine.png"), "not of any row").unwrap();
    let before = there(dir.path(), "frames");
    let dry = prune(dir.path(), &PruneSettings { dry_run: true, ..PruneSettings::default() }).unwrap();
    assert_eq!(there(dir.path(), "frames"), before);
    let done = prune(dir.path(), &PruneSettings::default()).unwrap();
    assert_eq!(PruneResult { dry_run: true, ..done }, dry);
    // 0, 2 and 4 have no face. 8 has none either, and is one of the last two.
    assert_eq!((done.frames.files, done.left.files), (3, 6));
    assert_eq!((done.unsearched, done.unembedded, done.last), (1, 1, 1));
    assert!(done.frames.bytes > 0);
    let gone: BTreeSet<String> = before.difference(&there(dir.path(), "frames")).cloned().collect();
    let wanted = [("png", 0), ("png", 2), ("webp", 4)].map(|(e, s)| format!("{}.{e}", frame("tv", s)));
    assert_eq!(gone, BTreeSet::from(wanted));
    let data = Dataset::open(dir.path()).unwrap();
    let rows: Vec<FrameRow> = data.read().unwrap();
    let files: BTreeSet<String> = rows.iter().filter_map(FrameRow::file_name).collect();
    let left = there(dir.path(), "frames");
    assert!(files.iter().all(|file| left.contains(file)) && files.len() == 6, "{files:?}");
    assert_eq!(data.read::<FaceRow>().unwrap().len(), 4, "no row of another table is gone");
    drop(data);
    // Nothing is left to do.
    assert_eq!(prune(dir.path(), &PruneSettings::default()).unwrap().frames, Files::default());
}

#[test]
fn all_frames_go_but_those_that_a_step_still_needs() {
    let dir = tempfile::tempdir().unwrap();
    drop(dataset(dir.path()));
    let settings = PruneSettings { all_frames: true, ..PruneSettings::default() };
    let done = prune(dir.path(), &settings).unwrap();
    assert_eq!((done.frames.files, done.left.files), (7, 2));
    assert_eq!((done.unsearched, done.unembedded, done.last), (1, 1, 0));
    let left: BTreeSet<String> = [5, 6].map(|s| format!("{}.webp", frame("tv", s))).into();
    assert_eq!(there(dir.path(), "frames"), left);
    // What a run compares with is kept elsewhere.
    let data = Dataset::open(dir.path()).unwrap();
    assert_eq!(data.last_frames().unwrap(), [frame("tv", 8), frame("tv", 9)]);
    assert!(data.frame_reader().read_last(&frame("tv", 9), FrameFormat::None).is_ok());
    assert_eq!(there(dir.path(), "faces").len(), 4);
}

#[test]
fn pictures_that_a_killed_call_has_left_go_with_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let data = dataset(dir.path());
    // The rows are written, and the pictures still there.
    let mut rows: Vec<FrameRow> = data.read().unwrap();
    data.compact().unwrap();
    rows[0].format = FrameFormat::None;
    data.replace(rows).unwrap();
    drop(data);
    let done = prune(dir.path(), &PruneSettings::default()).unwrap();
    assert_eq!(done.frames.files, 3);
    assert!(!dir.path().join("frames").join(format!("{}.png", frame("tv", 0))).exists());
}

#[test]
fn nothing_outside_is_removed() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(dataset(dir.path()));
    let frames = dir.path().join("frames");
    let moved = outside.path().join("frames");
    fs::rename(&frames, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &frames).unwrap();
    let before = entries(&moved).unwrap().len();
    let said =
        prune(dir.path(), &PruneSettings { all_frames: true, ..PruneSettings::default() }).unwrap_err();
    assert!(said.to_string().contains("is a link"), "{said}");
    assert_eq!(entries(&moved).unwrap().len(), before);
}

#[test]
fn caches_are_what_other_commands_make_anew() {
    let dir = tempfile::tempdir().unwrap();
    drop(dataset(dir.path()));
    let path = |name: &str| dir.path().join(name);
    fs::create_dir_all(path("labeled_faces/0")).unwrap();
    let face = FaceId::new(frame("tv", 1), 0);
    let picture = path(&format!("faces/{face}.png"));
    fs::hard_link(&picture, path("labeled_faces/0/a.png")).unwrap();
    fs::write(path("labeled_faces/0/b.png"), vec![1; 10_000]).unwrap();
    fs::write(path("metadata/review.index"), vec![1; 10_000]).unwrap();
    let done = prune(dir.path(), &PruneSettings { caches: true, ..PruneSettings::default() }).unwrap();
    assert_eq!(done.caches.files, 3);
    assert!((20_000..40_000).contains(&done.caches.bytes), "a second name frees nothing: {done:?}");
    assert!(!path("labeled_faces").exists() && !path("metadata/review.index").exists());
    assert!(picture.exists());
}
