//! One table, a row a face, written as CSV and as Parquet.
//!
//! | column | CSV | Parquet | what |
//! |---|---|---|---|
//! | `face`, `frame` | text | text | names |
//! | `label` | integer | i64 | the person, −1 for no one |
//! | `person` | text | text | the person's name |
//! | `source` | text | text | file or url of the frame |
//! | `captured_at` | RFC 3339, UTC | timestamp, microseconds, UTC | the time in the frame's name |
//! | `stream_seconds` | number | f64 | the frame's place in its stream |
//! | `x`, `y`, `w`, `h` | number | f32 | the box, pixels of the frame |
//! | `score`, `blur` | number | f32, f64 | the detector's score, the variance of the Laplacian |
//! | `left_eye_x` … `mouth_right_y` | number | f32 | five landmarks; *left* is the viewer's left |
//! | `image` | text | text | the face's picture, relative to the dataset directory |
//! | `attributes` | JSON | text, JSON | what models say of the face, numbers and numbers by name; the column is there where anything is said |
//! | `attribute_models` | JSON | text, JSON | the model that gave each of them, `{"age": {"model", "sha256", "settings"}}`; the column is there where any is known |
//! | `quality` | number | f32 | how far the face can be relied on, 0 to 1; the column is there where any face has one |
//! | `embedding` | – | list of f32 | the face's embedding; the column is there where all are of one model |
//!
//! What is not known is an empty field, or null. CSV: RFC 4180, as pandas and every spreadsheet read it; a text that a
//! spreadsheet would run as a formula has an apostrophe in front. Parquet: Apache
//! Parquet 2 with zstd.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder};
use arrow_array::{
    Array as _, ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use streamface_store::{FaceRow, ImageKind, parquet_properties, write_atomic};
use streamface_types::{Embeddings, FaceId, StreamTime, Timestamp, csv_text};

use crate::report::Summary;
use crate::snapshot::Snapshot;
use crate::{Error, attribute_models, embeddings, optional_fields, sidecar};

/// Names of the landmarks' columns, in the order of their numbers.
pub(crate) const LANDMARKS: [&str; 10] = [
    "left_eye_x",
    "left_eye_y",
    "right_eye_x",
    "right_eye_y",
    "nose_x",
    "nose_y",
    "mouth_left_x",
    "mouth_left_y",
    "mouth_right_x",
    "mouth_right_y",
];

struct Row<'a> {
    face: &'a FaceRow,
    label: Option<i64>,
    person: Option<&'a str>,
    source: Option<&'a str>,
    captured: Option<Timestamp>,
    stream: Option<StreamTime>,
    bbox: Option<[f32; 4]>,
    landmarks: Option<[f32; 10]>,
    image: Option<String>,
    attributes: Option<String>,
    models: Option<String>,
    quality: Option<f32>,
}

/// A column of text that is written where any row has something in it.
type LastColumn = (&'static str, fn(&Row<'_>) -> Option<String>);

/// The columns after the others that only some sets have.
const LAST: [LastColumn; 3] = [
    ("attributes", |row| row.attributes.clone()),
    ("attribute_models", |row| row.models.clone()),
    ("quality", |row| row.quality.map(|quality| quality.to_string())),
];

fn rows<'a>(set: &'a Snapshot<'_>) -> Vec<Row<'a>> {
    let row = |face: &'a FaceRow| {
        let frame = set.frames.get(&face.face.frame);
        let mut landmarks = [0.0; 10];
        landmarks.copy_from_slice(face.landmarks.0.as_flattened());
        let folder = ImageKind::Face.folder();
        Row {
            label: set.label(&face.face).map(|l| l.0),
            person: set.label(&face.face).and_then(|l| set.name(l)),
            source: frame.map(|f| f.source.as_str()).filter(|s| !s.is_empty()),
            captured: face.face.frame.timestamp(),
            stream: frame.and_then(|f| f.stream_time),
            bbox: optional_fields::bbox(face).map(|b| [b.x, b.y, b.w, b.h]),
            landmarks: optional_fields::landmarks(face).map(|_| landmarks),
            image: set.image(ImageKind::Face, &face.face).map(|_| format!("{folder}/{}.png", face.face)),
            attributes: set
                .attributes
                .get(&face.face)
                .filter(|said| !said.is_empty())
                .map(|said| serde_json::Value::Object(sidecar::by_name(Some(said))).to_string()),
            models: set
                .models
                .get(&face.face)
                .map(|of| serde_json::Value::Object(attribute_models::to_json(of)).to_string()),
            quality: set.qualities.get(&face.face).copied(),
            face,
        }
    };
    set.faces.iter().map(row).collect()
}

/// `2023-05-25T10:01:38.412614Z`
fn rfc3339(time: Timestamp) -> String {
    let t = time.to_string();
    let (date, clock) = ((&t[..4], &t[4..6], &t[6..8]), (&t[8..10], &t[10..12], &t[12..14]));
    format!("{}-{}-{}T{}:{}:{}.{}Z", date.0, date.1, date.2, clock.0, clock.1, clock.2, &t[14..])
}

fn summary(set: &Snapshot<'_>) -> Summary {
    Summary { faces: set.faces.len() as u64, people: set.people(&set.faces), ..Summary::default() }
}

/// Writes the table as CSV.
pub(crate) fn write_csv(set: &Snapshot<'_>, out: &Path) -> Result<Summary, Error> {
    let rows = rows(set);
    fn text(value: Option<impl ToString>) -> String {
        value.map(|v| v.to_string()).unwrap_or_default()
    }
    let as_text = |text: String| csv_text(&text).into_owned();
    write_atomic(out, |file| {
        let mut csv = csv::Writer::from_writer(file);
        let before = ["face", "label", "person", "frame", "source", "captured_at", "stream_seconds"];
        let boxes = ["x", "y", "w", "h", "score", "blur"];
        let last = LAST.iter().filter(|(_, get)| rows.iter().any(|row| get(row).is_some()));
        let last: Vec<_> = last.collect();
        let after = std::iter::once(&"image").chain(last.iter().map(|(name, _)| name));
        csv.write_record(before.iter().chain(&boxes).chain(&LANDMARKS).chain(after))?;
        for row in &rows {
            let numbers = |values: Option<&[f32]>, n: usize| -> Vec<String> {
                (0..n).map(|i| text(values.map(|v| v[i]))).collect()
            };
            let mut record = vec![
                as_text(row.face.face.to_string()),
                text(row.label),
                as_text(text(row.person)),
                as_text(row.face.face.frame.to_string()),
                as_text(text(row.source)),
                text(row.captured.map(rfc3339)),
                text(row.stream.map(StreamTime::seconds)),
            ];
            record.extend(numbers(row.bbox.as_ref().map(<[_; 4]>::as_slice), 4));
            record.extend([text(optional_fields::score(row.face)), text(optional_fields::blur(row.face))]);
            record.extend(numbers(row.landmarks.as_ref().map(<[_; 10]>::as_slice), 10));
            record.push(as_text(text(row.image.as_ref())));
            record.extend(last.iter().map(|(_, get)| text(get(row))));
            csv.write_record(record)?;
        }
        csv.flush()
    })?;
    Ok(summary(set))
}

/// Writes the table as Parquet.
pub(crate) fn write_parquet(set: &Snapshot<'_>, out: &Path) -> Result<Summary, Error> {
    let rows = rows(set);
    let text = |get: &dyn Fn(&Row<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(get).collect::<StringArray>())
    };
    let float = |get: &dyn Fn(&Row<'_>) -> Option<f32>| -> ArrayRef {
        Arc::new(rows.iter().map(get).collect::<Float32Array>())
    };
    let double = |get: &dyn Fn(&Row<'_>) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(get).collect::<Float64Array>())
    };
    let mut columns = Vec::new();
    let mut add = |name, kind, nullable, array| columns.push(Column { name, kind, nullable, array });
    add("face", DataType::Utf8, false, text(&|r| Some(r.face.face.to_string())));
    let labels: Int64Array = rows.iter().map(|r| r.label).collect();
    add("label", DataType::Int64, true, Arc::new(labels));
    add("person", DataType::Utf8, true, text(&|r| r.person.map(str::to_owned)));
    add("frame", DataType::Utf8, false, text(&|r| Some(r.face.face.frame.to_string())));
    add("source", DataType::Utf8, true, text(&|r| r.source.map(str::to_owned)));
    let captured: TimestampMicrosecondArray =
        rows.iter().map(|r| r.captured.map(Timestamp::micros)).collect();
    let kind = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    add("captured_at", kind, true, Arc::new(captured.with_timezone("UTC")));
    add("stream_seconds", DataType::Float64, true, double(&|r| r.stream.map(StreamTime::seconds)));
    for (i, name) in ["x", "y", "w", "h"].into_iter().enumerate() {
        add(name, DataType::Float32, true, float(&|r| r.bbox.map(|b| b[i])));
    }
    add("score", DataType::Float32, true, float(&|r| optional_fields::score(r.face)));
    add("blur", DataType::Float64, true, double(&|r| optional_fields::blur(r.face)));
    for (i, name) in LANDMARKS.into_iter().enumerate() {
        add(name, DataType::Float32, true, float(&|r| r.landmarks.map(|l| l[i])));
    }
    add("image", DataType::Utf8, true, text(&|r| r.image.clone()));
    for (name, get) in LAST.into_iter().filter(|(_, get)| rows.iter().any(|row| get(row).is_some())) {
        match name {
            "quality" => add(name, DataType::Float32, true, float(&|r| r.quality)),
            _ => add(name, DataType::Utf8, true, text(&get)),
        }
    }
    if let Ok(Some((vectors, faces))) = embeddings::matrix(set) {
        let array = embedding_lists(&rows, &vectors, &faces);
        add("embedding", array.data_type().clone(), true, array);
    }
    write_columns(out, columns)?;
    Ok(summary(set))
}

/// The embeddings of the rows; null where a face has none.
fn embedding_lists(rows: &[Row<'_>], vectors: &Embeddings, faces: &[FaceId]) -> ArrayRef {
    let dim = vectors.dim();
    let mut lists = FixedSizeListBuilder::new(Float32Builder::with_capacity(rows.len() * dim), dim as i32);
    for row in rows {
        match faces.binary_search(&row.face.face) {
            Ok(at) => lists.values().append_slice(vectors.row(at)),
            Err(_) => lists.values().append_nulls(dim),
        }
        lists.append(faces.binary_search(&row.face.face).is_ok());
    }
    Arc::new(lists.finish())
}

/// A column of a table.
struct Column {
    name: &'static str,
    kind: DataType,
    nullable: bool,
    array: ArrayRef,
}

/// Rows of a row group.
const ROW_GROUP: usize = 100_000;

/// Writes columns of one length; the same rows give the same bytes.
fn write_columns(path: &Path, columns: Vec<Column>) -> Result<(), Error> {
    let fields: Vec<Field> = columns.iter().map(|c| Field::new(c.name, c.kind.clone(), c.nullable)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|c| c.array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(|e| Error::format(path, e))?;
    let properties = parquet_properties(3).set_max_row_group_row_count(Some(ROW_GROUP)).build();
    write_atomic(path, |out| {
        let mut writer = ArrowWriter::try_new(out, schema, Some(properties))?;
        writer.write(&batch)?;
        writer.close()?;
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_everyone_reads_them() {
        let t = Timestamp::parse_compact("20230525100138412614").unwrap();
        assert_eq!(rfc3339(t), "2023-05-25T10:01:38.412614Z");
    }
}
