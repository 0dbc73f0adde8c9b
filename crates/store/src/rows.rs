//! The rows of the five tables. `docs/tables.md` describes every column.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder};
use arrow_array::types::{Float32Type, Float64Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, Float32Array, Float64Array, Int64Array, StringArray, UInt32Array, UInt64Array};
use arrow_schema::{DataType, Field};
use streamface_types::{BoundingBox, FaceId, FrameId, Label, Landmarks, StreamTime};

use crate::columns::Columns;
use crate::table::Row;

/// Why a frame was not kept, in the order in which the filters are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// Nearly nothing but plain surface.
    Empty,
    /// Out of focus.
    Blurred,
    /// Like the last kept frame.
    Duplicate,
}

impl DropReason {
    /// All reasons, in order.
    pub const ALL: [Self; 3] = [Self::Empty, Self::Blurred, Self::Duplicate];

    /// The word in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Blurred => "blurred",
            Self::Duplicate => "duplicate",
        }
    }
}

impl std::str::FromStr for DropReason {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|r| r.name() == s)
            .ok_or_else(|| format!("'{s}' is no reason to drop a frame"))
    }
}

/// A keyframe that was looked at, kept or not.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameRow {
    /// The frame.
    pub frame: FrameId,
    /// The file or url it came from.
    pub source: String,
    /// Number of the keyframe in its source, from 0.
    pub keyframe: u64,
    /// Its presentation time in the stream; none for an image.
    pub stream_time: Option<StreamTime>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Fraction of pixels that are no edges.
    pub empty: Option<f64>,
    /// Variance of the Laplacian; none where an earlier filter had dropped the frame.
    pub blur: Option<f64>,
    /// Similarity with the last kept frame; none where there was none, or a filter had dropped it.
    pub similarity: Option<f64>,
    /// Why it was not kept; none for a kept frame.
    pub dropped: Option<DropReason>,
}

impl FrameRow {
    /// A kept frame of which nothing else is known yet.
    #[must_use]
    pub fn new(frame: FrameId, source: impl Into<String>) -> Self {
        Self {
            frame,
            source: source.into(),
            keyframe: 0,
            stream_time: None,
            width: 0,
            height: 0,
            empty: None,
            blur: None,
            similarity: None,
            dropped: None,
        }
    }
}

/// That a kept frame was searched for faces, and what the gates let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractionRow {
    /// The frame.
    pub frame: FrameId,
    /// Faces that the detector found above its score.
    pub detected: u32,
    /// Of these, too small.
    pub small: u32,
    /// Of these, blurred.
    pub blurred: u32,
    /// Of these, kept.
    pub kept: u32,
}

/// A face that was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceRow {
    /// The face.
    pub face: FaceId,
    /// Its box, pixels of the frame.
    pub bbox: BoundingBox,
    /// Its landmarks, pixels of the frame: of the second look, where there was one.
    pub landmarks: Landmarks,
    /// The detector's score.
    pub score: f32,
    /// Variance of the Laplacian of the aligned face.
    pub blur: f64,
    /// Width and height of the frame.
    pub frame_size: [u32; 2],
    /// Width and height of the loose crop.
    pub face_size: [u32; 2],
    /// Width and height of the aligned crop.
    pub aligned_size: [u32; 2],
    /// The same face in the frame before.
    pub link: Option<FaceId>,
}

/// The embedding of a face.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureRow {
    /// The face.
    pub face: FaceId,
    /// The model's name.
    pub model: String,
    /// SHA-256 of the model's weights.
    pub model_sha256: String,
    /// The embedding, of length 1.
    pub embedding: Vec<f32>,
}

/// The person a face was given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRow {
    /// The face.
    pub face: FaceId,
    /// The person.
    pub label: Label,
}

// Arrow's arrays from an iterator, one line a column.
fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}
fn names(values: impl Iterator<Item = impl ToString>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values.map(|v| v.to_string())))
}
fn f64s(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.collect::<Float64Array>())
}
fn f32s(values: impl Iterator<Item = f32>) -> ArrayRef {
    Arc::new(Float32Array::from_iter_values(values))
}
fn i64s(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}
fn u32s(values: impl Iterator<Item = u32>) -> ArrayRef {
    Arc::new(UInt32Array::from_iter_values(values))
}

fn required(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, false)
}
fn nullable(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, true)
}

impl Row for FrameRow {
    const NAME: &'static str = "frames";
    type Key = FrameId;

    fn key(&self) -> FrameId {
        self.frame.clone()
    }

    fn fields(_: &[Self]) -> Vec<Field> {
        vec![
            required("frame", DataType::Utf8),
            required("source", DataType::Utf8),
            required("keyframe", DataType::UInt64),
            nullable("stream_time_us", DataType::Int64),
            nullable("captured_at_us", DataType::Int64),
            required("width", DataType::UInt32),
            required("height", DataType::UInt32),
            nullable("empty", DataType::Float64),
            nullable("blur", DataType::Float64),
            nullable("similarity", DataType::Float64),
            nullable("dropped", DataType::Utf8),
        ]
    }

    fn columns(rows: &[Self]) -> Vec<ArrayRef> {
        vec![
            names(rows.iter().map(|r| &r.frame)),
            texts(rows.iter().map(|r| Some(r.source.as_str()))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.keyframe))),
            i64s(rows.iter().map(|r| r.stream_time.map(StreamTime::micros))),
            i64s(rows.iter().map(|r| r.frame.timestamp().map(|t| t.micros()))),
            u32s(rows.iter().map(|r| r.width)),
            u32s(rows.iter().map(|r| r.height)),
            f64s(rows.iter().map(|r| r.empty)),
            f64s(rows.iter().map(|r| r.blur)),
            f64s(rows.iter().map(|r| r.similarity)),
            texts(rows.iter().map(|r| r.dropped.map(DropReason::name))),
        ]
    }

    fn read(c: &Columns<'_>, row: usize) -> Result<Self, String> {
        Ok(Self {
            frame: c.parsed("frame", row)?,
            source: c.parsed("source", row)?,
            keyframe: c.required::<UInt64Type>("keyframe", row)?,
            stream_time: c.number::<Int64Type>("stream_time_us", row)?.map(StreamTime),
            width: c.required::<UInt32Type>("width", row)?,
            height: c.required::<UInt32Type>("height", row)?,
            empty: c.number::<Float64Type>("empty", row)?,
            blur: c.number::<Float64Type>("blur", row)?,
            similarity: c.number::<Float64Type>("similarity", row)?,
            dropped: c.text("dropped", row)?.map(str::parse).transpose()?,
        })
    }
}

impl Row for ExtractionRow {
    const NAME: &'static str = "extractions";
    type Key = FrameId;

    fn key(&self) -> FrameId {
        self.frame.clone()
    }

    fn fields(_: &[Self]) -> Vec<Field> {
        let counts = ["detected", "small", "blurred", "kept"].map(|name| required(name, DataType::UInt32));
        [vec![required("frame", DataType::Utf8)], counts.to_vec()].concat()
    }

    fn columns(rows: &[Self]) -> Vec<ArrayRef> {
        vec![
            names(rows.iter().map(|r| &r.frame)),
            u32s(rows.iter().map(|r| r.detected)),
            u32s(rows.iter().map(|r| r.small)),
            u32s(rows.iter().map(|r| r.blurred)),
            u32s(rows.iter().map(|r| r.kept)),
        ]
    }

    fn read(c: &Columns<'_>, row: usize) -> Result<Self, String> {
        let count = |name| c.required::<UInt32Type>(name, row);
        Ok(Self {
            frame: c.parsed("frame", row)?,
            detected: count("detected")?,
            small: count("small")?,
            blurred: count("blurred")?,
            kept: count("kept")?,
        })
    }
}

const LANDMARKS: [&str; 5] = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"];
const SIZES: [&str; 3] = ["frame", "face", "aligned"];

impl Row for FaceRow {
    const NAME: &'static str = "faces";
    type Key = FaceId;

    fn key(&self) -> FaceId {
        self.face.clone()
    }

    fn fields(_: &[Self]) -> Vec<Field> {
        let mut fields = vec![required("face_id", DataType::Utf8), required("frame", DataType::Utf8)];
        fields.extend(["x", "y", "w", "h", "score"].map(|name| required(name, DataType::Float32)));
        for name in LANDMARKS {
            fields.extend(["x", "y"].map(|axis| required(&format!("{name}_{axis}"), DataType::Float32)));
        }
        fields.push(required("blur", DataType::Float64));
        for name in SIZES {
            fields.extend(["width", "height"].map(|s| required(&format!("{name}_{s}"), DataType::UInt32)));
        }
        fields.push(nullable("link", DataType::Utf8));
        fields
    }

    fn columns(rows: &[Self]) -> Vec<ArrayRef> {
        let mut columns =
            vec![names(rows.iter().map(|r| &r.face)), names(rows.iter().map(|r| &r.face.frame))];
        let floats: [fn(&Self) -> f32; 5] =
            [|r| r.bbox.x, |r| r.bbox.y, |r| r.bbox.w, |r| r.bbox.h, |r| r.score];
        columns.extend(floats.map(|get| f32s(rows.iter().map(get))));
        for point in 0..LANDMARKS.len() {
            columns.extend([0, 1].map(|axis| f32s(rows.iter().map(|r| r.landmarks.0[point][axis]))));
        }
        columns.push(f64s(rows.iter().map(|r| Some(r.blur))));
        let sizes: [fn(&Self) -> [u32; 2]; 3] = [|r| r.frame_size, |r| r.face_size, |r| r.aligned_size];
        for get in sizes {
            columns.extend([0, 1].map(|axis| u32s(rows.iter().map(|r| get(r)[axis]))));
        }
        let links: Vec<_> = rows.iter().map(|r| r.link.as_ref().map(ToString::to_string)).collect();
        columns.push(texts(links.iter().map(Option::as_deref)));
        columns
    }

    fn read(c: &Columns<'_>, row: usize) -> Result<Self, String> {
        let float = |name: &str| c.required::<Float32Type>(name, row);
        let mut landmarks = Landmarks::default();
        for (point, name) in landmarks.0.iter_mut().zip(LANDMARKS) {
            *point = [float(&format!("{name}_x"))?, float(&format!("{name}_y"))?];
        }
        let size = |name: &str| -> Result<[u32; 2], String> {
            let side = |s| c.required::<UInt32Type>(&format!("{name}_{s}"), row);
            Ok([side("width")?, side("height")?])
        };
        Ok(Self {
            face: c.parsed("face_id", row)?,
            bbox: BoundingBox::new(float("x")?, float("y")?, float("w")?, float("h")?),
            landmarks,
            score: float("score")?,
            blur: c.required::<Float64Type>("blur", row)?,
            frame_size: size(SIZES[0])?,
            face_size: size(SIZES[1])?,
            aligned_size: size(SIZES[2])?,
            link: c
                .text("link", row)?
                .map(str::parse)
                .transpose()
                .map_err(|e| format!("column 'link': {e}"))?,
        })
    }
}

impl Row for FeatureRow {
    const NAME: &'static str = "features";
    type Key = FaceId;

    fn key(&self) -> FaceId {
        self.face.clone()
    }

    fn fields(rows: &[Self]) -> Vec<Field> {
        let dim = rows.first().map_or(0, |r| r.embedding.len());
        let item = Arc::new(required("item", DataType::Float32));
        vec![
            required("face_id", DataType::Utf8),
            required("model", DataType::Utf8),
            required("model_sha256", DataType::Utf8),
            required("embedding", DataType::FixedSizeList(item, i32::try_from(dim).unwrap_or(i32::MAX))),
        ]
    }

    fn columns(rows: &[Self]) -> Vec<ArrayRef> {
        let dim = rows.first().map_or(0, |r| r.embedding.len());
        let item = Arc::new(required("item", DataType::Float32));
        let values = Float32Builder::with_capacity(rows.len() * dim);
        let dim = i32::try_from(dim).unwrap_or(i32::MAX);
        let mut lists = FixedSizeListBuilder::new(values, dim).with_field(item);
        for row in rows {
            lists.values().append_slice(&row.embedding);
            lists.append(true);
        }
        vec![
            names(rows.iter().map(|r| &r.face)),
            texts(rows.iter().map(|r| Some(r.model.as_str()))),
            texts(rows.iter().map(|r| Some(r.model_sha256.as_str()))),
            Arc::new(lists.finish()),
        ]
    }

    fn read(c: &Columns<'_>, row: usize) -> Result<Self, String> {
        Ok(Self {
            face: c.parsed("face_id", row)?,
            model: c.parsed("model", row)?,
            model_sha256: c.parsed("model_sha256", row)?,
            embedding: c.floats("embedding", row)?,
        })
    }
}

impl Row for LabelRow {
    const NAME: &'static str = "labels";
    type Key = FaceId;

    fn key(&self) -> FaceId {
        self.face.clone()
    }

    fn fields(_: &[Self]) -> Vec<Field> {
        vec![required("face_id", DataType::Utf8), required("label", DataType::Int64)]
    }

    fn columns(rows: &[Self]) -> Vec<ArrayRef> {
        vec![names(rows.iter().map(|r| &r.face)), i64s(rows.iter().map(|r| Some(r.label.0)))]
    }

    fn read(c: &Columns<'_>, row: usize) -> Result<Self, String> {
        Ok(Self { face: c.parsed("face_id", row)?, label: Label(c.required::<Int64Type>("label", row)?) })
    }
}
