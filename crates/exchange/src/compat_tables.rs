//! `detections.csv` and `matches.csv`.

use std::path::Path;

use streamface_store::{DETECTIONS, FaceRow, write_atomic};
use streamface_types::bounded::BoundedRows;
use streamface_types::{BoundingBox, FaceId, FaceLink, Landmarks, Point, csv_text, csv_text_back};

use crate::files::{MAX_TEXT, open_text};
use crate::report::Problems;
use crate::{Error, optional_fields, python};

/// Reads detections, a face a row. Broken rows are problems.
pub(crate) fn read_detections(path: &Path, problems: &mut Problems) -> Result<Vec<FaceRow>, Error> {
    let mut faces = Vec::new();
    read_csv(path, &DETECTIONS, problems, |record| {
        let [name, confidence, bbox, points @ .., image, face, crop] = record else {
            return Err("too few fields".into());
        };
        let mut row = FaceRow::new(name.parse::<FaceId>().map_err(|e| e.to_string())?);
        row.score = confidence.trim().parse().map_err(|_| format!("confidence '{}'", short(confidence)))?;
        let [x, y, w, h] = numbers(bbox, "box")?;
        row.bbox = BoundingBox::new(x, y, w, h);
        let mut landmarks = Landmarks::default();
        for ((point, text), what) in landmarks.0.iter_mut().zip(points).zip(&DETECTIONS[3..8]) {
            *point = numbers(text, what)?;
        }
        row.landmarks = landmarks;
        row.frame_size = shape(image, "image")?;
        row.face_size = shape(face, "face")?;
        row.aligned_size = shape(crop, "crop")?;
        faces.push(row);
        Ok(())
    })?;
    Ok(faces)
}

/// Reads temporal links. Broken rows are problems.
pub(crate) fn read_matches(path: &Path, problems: &mut Problems) -> Result<Vec<FaceLink>, Error> {
    let mut links = Vec::new();
    read_csv(path, &["Face 1", "Face 2"], problems, |record| {
        let face = |i: usize| record[i].parse::<FaceId>().map_err(|e| e.to_string());
        links.push(FaceLink { later: face(0)?, earlier: face(1)? });
        Ok(())
    })?;
    Ok(links)
}

fn read_csv(
    path: &Path,
    columns: &[&str],
    problems: &mut Problems,
    mut each: impl FnMut(&[&str]) -> Result<(), String>,
) -> Result<(), Error> {
    let broken = |e: csv::Error| Error::format(path, format!("not the original's table: {e}"));
    let rows = BoundedRows::new(open_text(path, MAX_TEXT)?);
    let mut csv = csv::ReaderBuilder::new().flexible(true).from_reader(rows);
    let header = csv.headers().map_err(broken)?.clone();
    let at: Vec<usize> = columns
        .iter()
        .map(|wanted| {
            let found = header.iter().position(|h| h.trim() == *wanted);
            found.ok_or_else(|| Error::format(path, format!("no column '{wanted}'")))
        })
        .collect::<Result<_, _>>()?;
    let mut record = csv::StringRecord::new();
    loop {
        csv.get_mut().row_ends();
        let row = match csv.read_record(&mut record) {
            Ok(true) => {
                let fields: Option<Vec<&str>> =
                    at.iter().map(|&i| record.get(i).map(csv_text_back)).collect();
                fields.ok_or_else(|| "too few fields".to_owned()).and_then(|fields| each(&fields))
            }
            Ok(false) => return Ok(()),
            Err(e) if matches!(e.kind(), csv::ErrorKind::Utf8 { .. }) => Err("not UTF-8".into()),
            Err(e) => return Err(broken(e)),
        };
        if let Err(why) = row {
            let line = record.position().map_or(0, csv::Position::line);
            problems.add(format!("{}: line {line}: {why}", path.display()));
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The numbers of `[936, 388, 92, 126]` or `(962, 437)`.
fn numbers<const N: usize>(text: &str, what: &str) -> Result<[f32; N], String> {
    let wrong = || format!("{what} '{}' is not {N} numbers", short(text));
    let inner = text.trim().trim_start_matches(['[', '(']).trim_end_matches([']', ')']);
    let mut parts = inner.split(',').map(|p| p.trim().parse::<f32>().ok().filter(|v| v.is_finite()));
    let mut all = [0.0; N];
    for v in &mut all {
        *v = parts.next().flatten().ok_or_else(wrong)?;
    }
    if parts.next().is_some() { Err(wrong()) } else { Ok(all) }
}

/// Width and height of `(1080, 1920, 3)`.
fn shape(text: &str, what: &str) -> Result<[u32; 2], String> {
    let [h, w, _] = numbers::<3>(text, what)?;
    let side = |v: f32| (v.fract() == 0.0 && (0.0..=1e6).contains(&v)).then_some(v as u32);
    side(w).zip(side(h)).map(|(w, h)| [w, h]).ok_or_else(|| format!("{what} '{}' is no shape", short(text)))
}

/// Writes `detections.csv`: faces whose box is known, in whole pixels. Unknown landmarks are empty fields.
pub(crate) fn write_detections(path: &Path, faces: &[FaceRow]) -> Result<u64, Error> {
    let whole = |v: f32| v.round() as i64;
    let point = |[x, y]: Point| format!("({}, {})", whole(x), whole(y));
    let shape = |[w, h]: [u32; 2]| format!("({h}, {w}, 3)");
    let mut written = 0;
    write_atomic(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(DETECTIONS)?;
        for face in faces {
            let Some(b) = optional_fields::bbox(face) else { continue };
            let bbox = format!("[{}, {}, {}, {}]", whole(b.x), whole(b.y), whole(b.w), whole(b.h));
            let score = optional_fields::score(face).map(python::repr_f32).unwrap_or_default();
            let name = format!("{}.png", face.face);
            let mut record = vec![csv_text(&name).into_owned(), score, bbox];
            match optional_fields::landmarks(face) {
                Some(landmarks) => record.extend(landmarks.0.map(point)),
                None => record.extend([const { String::new() }; 5]),
            }
            record.extend([face.frame_size, face.face_size, face.aligned_size].map(shape));
            csv.write_record(record)?;
            written += 1;
        }
        csv.flush()
    })?;
    Ok(written)
}

/// Writes `matches.csv`.
pub(crate) fn write_matches(path: &Path, faces: &[FaceRow]) -> Result<(), Error> {
    write_atomic(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(["Face 1", "Face 2"])?;
        for face in faces {
            if let Some(earlier) = &face.link {
                let names = [format!("{}.png", face.face), format!("{earlier}.png")];
                csv.write_record(names.iter().map(|name| csv_text(name).into_owned()))?;
            }
        }
        csv.flush()
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_rows_are_named_and_the_rest_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("detections.csv");
        let header = DETECTIONS.join(",");
        let points = "\"(1, 2)\",\"(3, 4)\",\"(5, 6)\",\"(7, 8)\",\"(9, 10)\"";
        let shapes = "\"(1080, 1920, 3)\",\"(252, 252, 3)\",\"(128, 128, 3)\"";
        let row = |name: &str, bbox: &str| format!("{name},0.5,\"{bbox}\",{points},{shapes}\n");
        let text = [
            format!("{header}\n"),
            row("a_face_0.png", "[1, 2, 3, 4]"),
            row("a_face_x.png", "[1, 2, 3, 4]"),
            row("a_face_1.png", "[1, 2, 3]"),
            row("a_face_2.png", "[1, 2, 3, nan]"),
            "a_face_3.png,0.5\n".to_owned(),
            row("a_face_4.png", "[5, -6, 7, 8]"),
        ]
        .concat();
        std::fs::write(&path, text).unwrap();
        let mut problems = Problems::default();
        let faces = read_detections(&path, &mut problems).unwrap();
        assert_eq!(faces.iter().map(|f| f.face.index).collect::<Vec<_>>(), [0, 4]);
        assert_eq!(faces[1].bbox, BoundingBox::new(5.0, -6.0, 7.0, 8.0));
        assert_eq!((faces[0].frame_size, faces[0].landmarks.mouth_right()), ([1920, 1080], [9.0, 10.0]));
        assert_eq!(problems.count, 4);
        assert!(
            problems.first[0].contains("line 3") && problems.first[0].contains("a_face_x"),
            "{problems:?}"
        );
        assert!(problems.first[1].contains("box '[1, 2, 3]' is not 4 numbers"), "{problems:?}");
        std::fs::write(&path, "name,box\n").unwrap();
        let said = read_detections(&path, &mut problems).unwrap_err().to_string();
        assert!(said.contains("no column 'confidence'"), "{said}");
    }
}
