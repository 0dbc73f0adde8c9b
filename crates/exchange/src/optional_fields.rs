//! Fields of a face that an imported set may lack: box, landmarks, scores. In the table of faces, whose columns have no
//! nulls, these are NaN.

use streamface_store::FaceRow;
use streamface_types::{BoundingBox, Landmarks};

/// Its box, where it is known.
pub(crate) fn bbox(face: &FaceRow) -> Option<BoundingBox> {
    let BoundingBox { x, y, w, h } = face.bbox;
    [x, y, w, h].iter().all(|v| v.is_finite()).then_some(face.bbox)
}

/// Its landmarks, where they are known.
pub(crate) fn landmarks(face: &FaceRow) -> Option<Landmarks> {
    face.landmarks.0.as_flattened().iter().all(|v| v.is_finite()).then_some(face.landmarks)
}

/// The detector's score, where it is known.
pub(crate) fn score(face: &FaceRow) -> Option<f32> {
    face.score.is_finite().then_some(face.score)
}

/// How sharp it is, where it is known.
pub(crate) fn blur(face: &FaceRow) -> Option<f64> {
    face.blur.is_finite().then_some(face.blur)
}

/// A quality that a set says, where it is one as ours: 0 to 1.
pub(crate) fn as_quality(said: Option<f64>) -> Option<f32> {
    said.filter(|quality| (0.0..=1.0).contains(quality)).map(|quality| quality as f32)
}

/// Width and height of its frame, where they are known.
pub(crate) fn frame_size(face: &FaceRow) -> Option<[u32; 2]> {
    face.frame_size.iter().all(|&side| side > 0).then_some(face.frame_size)
}
