//! The tables of a dataset, each declared once; that of attributes stands in `attributes.rs`. `docs/tables.md` is made from
//! the declarations.

use streamface_types::{BoundingBox, FaceId, FrameId, Label, Landmarks, StreamTime};

use crate::declare::table;
use crate::{DropReason, FrameFormat};

table! {
    /// A keyframe that was filtered, kept or not.
    FrameRow in "frames", version 2, reads 1, one row of FrameId = |r| r.frame.clone();
    "One row for each keyframe that was filtered, kept or not."
    given {
        frame: FrameId { "frame": "id of the frame" };
        source: String { "source": "file or url that it came from" };
    }
    rest {
        keyframe: u64 { "keyframe": "number in its source, from 0" };
        stream_time: Option<StreamTime> {
            "stream_time_us": "presentation time on the stream's clock, microseconds; null for an image",
        } also {
            "captured_at_us": Option<i64> = |r| r.frame.timestamp().map(|t| t.micros()),
            "the time in the name, microseconds since 1970 UTC"
        };
        width: u32 { "width": "width in pixels" };
        height: u32 { "height": "height in pixels" };
        empty: Option<f64> { "empty": "fraction of pixels on no edge of Canny(0, 25)" };
        blur: Option<f64> {
            "blur": "variance of the Laplacian (kernel 11) of the middle, at 1280 x 720; null where an earlier filter dropped the frame",
        };
        similarity: Option<f64> {
            "similarity": "1 − normalised squared difference with the last kept frame; null where there was none, or an earlier filter dropped the frame",
        };
        dropped: Option<DropReason> {
            "dropped": "why it was not kept: `empty`, `blurred` or `duplicate`, the order in which the filters are asked; null for a kept frame",
        };
        format: FrameFormat, since 2 {
            "format": "how its picture is stored: `png`, `jpeg`, `webp`, or `none` where there is no picture",
        } also {
            "file": Option<String> = FrameRow::file_name,
            "name of its picture in `frames/`; null where there is none"
        };
    }
}

impl FrameRow {
    /// Name of its picture in `frames/`; `None` where the frame was dropped, or no picture was kept.
    #[must_use]
    pub fn file_name(&self) -> Option<String> {
        if self.dropped.is_some() { None } else { self.format.file_name(&self.frame) }
    }
}

table! {
    /// A kept frame that was searched for faces, and how many passed each filter.
    ExtractionRow in "extractions", version 1, reads 1, one row of FrameId = |r| r.frame.clone();
    "One row for each frame that was searched for faces."
    given {
        frame: FrameId { "frame": "id of the frame" };
    }
    rest {
        detected: u32 { "detected": "faces with a score above the threshold" };
        small: u32 { "small": "of these, dropped because they are too small" };
        blurred: u32 { "blurred": "of these, dropped because they are blurred" };
        kept: u32 { "kept": "of these, kept" };
    }
}

table! {
    /// A face that was kept.
    FaceRow in "faces", version 2, reads 1, one row of FaceId = |r| r.face.clone();
    "One row for each face that was kept. What an imported set does not say is NaN or 0."
    given {
        face: FaceId { "face_id": "id of the face" } also {
            "frame": FrameId = |r| r.face.frame.clone(), "id of its frame"
        };
    }
    rest {
        bbox: BoundingBox {
            "x": "left edge of the box, pixels of the frame",
            "y": "top edge of the box",
            "w": "width of the box",
            "h": "height of the box",
        };
        score: f32 { "score": "confidence of the detector" };
        landmarks: Landmarks {
            "left_eye_x": "x of the eye on the viewer's left, pixels of the frame",
            "left_eye_y": "y of the eye on the viewer's left",
            "right_eye_x": "x of the eye on the viewer's right",
            "right_eye_y": "y of the eye on the viewer's right",
            "nose_x": "x of the tip of the nose",
            "nose_y": "y of the tip of the nose",
            "mouth_left_x": "x of the corner of the mouth on the viewer's left",
            "mouth_left_y": "y of the corner of the mouth on the viewer's left",
            "mouth_right_x": "x of the corner of the mouth on the viewer's right",
            "mouth_right_y": "y of the corner of the mouth on the viewer's right",
        };
        blur: f64 { "blur": "variance of the Laplacian of the aligned face" };
        frame_size: [u32; 2] { "frame_width": "width of the frame, pixels", "frame_height": "height of the frame" };
        face_size: [u32; 2] {
            "face_width": "width of the picture in `faces/`", "face_height": "height of the picture in `faces/`",
        };
        aligned_size: [u32; 2] {
            "aligned_width": "width of the picture in `aligned_faces/`",
            "aligned_height": "height of the picture in `aligned_faces/`",
        };
        link: Option<FaceId> {
            "link": "the same face in the frame before, or in the one before that; null for none",
        };
        quality: Option<f32>, since 2 {
            "quality": "how far the face can be relied on, 0 to 1, as an imported set says; null where none does: what an embedder measures stands in `features`, and counts before this",
        };
    }
}

table! {
    /// The embedding of a face.
    FeatureRow in "features", version 2, reads 1, one row of FaceId = |r| r.face.clone();
    "One row for each face that was embedded."
    given {
        face: FaceId { "face_id": "id of the face" };
        model: String { "model": "name of the model" };
        model_sha256: String { "model_sha256": "SHA-256 of the model's weights, of several files that of their digests in hexadecimal, one a line; empty where an import does not say" };
        embedding: Vec<f32> { "embedding": "the embedding, of length 1" };
    }
    rest {
        settings: Option<String>, since 2 {
            "settings": "first 16 hexadecimal digits of a SHA-256 of how the model was fed and read; null where an import does not say",
        };
        quality: Option<f32>, since 2 {
            "quality": "how far the face can be relied on, 0 to 1; null where it was not measured",
        };
    }
}

table! {
    /// The person a face belongs to.
    LabelRow in "labels", version 1, reads 1, one row of FaceId = |r| r.face.clone();
    "One row for each face that was clustered or imported with a label."
    given {
        face: FaceId { "face_id": "id of the face" };
        label: Label { "label": "number of the person; 0 has most faces, −1 is noise: a face of no one" };
    }
    rest {}
}
