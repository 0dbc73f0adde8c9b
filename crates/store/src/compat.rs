//! The original's small files.

use std::io::{BufReader, Read, Write};
use std::path::Path;

use streamface_types::bounded::JsonText;
use streamface_types::{Annotations, BoundingBox, FaceLink, Point, csv_text};

use crate::{Error, FaceRow, files};

/// Longest annotations file that is read, in bytes: some ten million faces.
const MAX_ANNOTATIONS: u64 = 8 << 30;

/// Columns of `detections.csv`.
pub const DETECTIONS: [&str; 11] = [
    "name",
    "confidence",
    "box",
    "left_eye",
    "right_eye",
    "nose",
    "mouth_left",
    "mouth_right",
    "image",
    "face",
    "crop",
];

/// Writes `detections.csv` in the original's columns: box `[x, y, w, h]`, points `(x, y)`, shapes
/// `(height, width, 3)`, all whole pixels.
///
/// # Errors
/// [`Error::Io`].
pub fn write_detections(path: &Path, faces: &[FaceRow]) -> Result<(), Error> {
    let point = |[x, y]: Point| format!("({}, {})", x.round(), y.round());
    let shape = |[w, h]: [u32; 2]| format!("({h}, {w}, 3)");
    write_csv(
        path,
        &DETECTIONS,
        // A face of an imported set may have no box.
        faces.iter().filter(|r| r.bbox.w.is_finite()).map(|r| {
            let BoundingBox { x, y, w, h } = r.bbox;
            let bbox = format!("[{}, {}, {}, {}]", x.round(), y.round(), w.round(), h.round());
            let mut record = vec![format!("{}.png", r.face), r.score.to_string(), bbox];
            record.extend(r.landmarks.0.map(point));
            record.extend([r.frame_size, r.face_size, r.aligned_size].map(shape));
            record
        }),
    )
}

/// Writes `matches.csv`: the later face, the earlier one.
///
/// # Errors
/// [`Error::Io`].
pub fn write_matches(path: &Path, links: &[FaceLink]) -> Result<(), Error> {
    let rows = links.iter().map(|l| vec![format!("{}.png", l.later), format!("{}.png", l.earlier)]);
    write_csv(path, &["Face 1", "Face 2"], rows)
}

fn write_csv(path: &Path, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<(), Error> {
    files::write(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(header)?;
        for row in rows {
            csv.write_record(row.iter().map(|field| csv_text(field).into_owned()))?;
        }
        csv.flush()
    })
}

/// Writes `annotations.json` with an indent of four, as the original does.
///
/// # Errors
/// [`Error::Io`].
pub fn write_annotations(path: &Path, annotations: &Annotations) -> Result<(), Error> {
    use serde_json::ser::{PrettyFormatter, Serializer};
    files::write(path, |out| {
        let mut json = Serializer::with_formatter(&mut *out, PrettyFormatter::with_indent(b"    "));
        serde::Serialize::serialize(annotations, &mut json)?;
        out.flush()
    })
}

/// Reads `annotations.json`, ours or the original's, which is no link.
///
/// # Errors
/// Those of [`files::open`], [`Error::Format`] with line and column.
pub fn read_annotations(path: &Path) -> Result<Annotations, Error> {
    let file = files::open(path, MAX_ANNOTATIONS)?;
    let read = serde_json::from_reader(BufReader::new(JsonText::new(file.take(MAX_ANNOTATIONS))));
    read.map_err(|e| Error::format(path, format!("not an annotations file: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamface_types::{Annotation, Label};

    #[test]
    fn annotations_look_like_the_originals() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("annotations.json");
        let mut a = Annotations::default();
        a.labels.insert("b_face_0".into(), Annotation::from(Label(1)));
        a.labels.insert("a_face_0".into(), Annotation::from(Label(0)));
        write_annotations(&path, &a).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("{\n    \"labels\": {\n        \"a_face_0\": {\n            \"label\": 0,"),
            "{text}"
        );
        assert_eq!(read_annotations(&path).unwrap(), a);
        // As Python and pandas write numbers.
        std::fs::write(&path, "\u{feff}{\"labels\": {\"a_face_0\": {\"label\": 2.0, \"mask\": NaN}}}")
            .unwrap();
        let read = read_annotations(&path).unwrap().labels;
        assert_eq!(read["a_face_0"], Annotation::from(Label(2)));
        std::fs::write(&path, "{\"labels\": {\"a\": {\"label\": \"x\"}}}").unwrap();
        assert!(read_annotations(&path).unwrap_err().to_string().contains("line 1"));
    }
}
