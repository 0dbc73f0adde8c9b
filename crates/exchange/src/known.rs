//! What is known of a face. A set that came from elsewhere may lack boxes, landmarks and scores; in the table of
//! faces, whose columns have no nulls, these are NaN.

use streamface_store::FaceRow;
use streamface_types::{BoundingBox, FaceId, Landmarks};

/// A face of which nothing is known but that it is there.
pub(crate) fn unknown(face: FaceId) -> FaceRow {
    FaceRow {
        face,
        bbox: BoundingBox::new(f32::NAN, f32::NAN, f32::NAN, f32::NAN),
        landmarks: Landmarks([[f32::NAN; 2]; 5]),
        score: f32::NAN,
        blur: f64::NAN,
        frame_size: [0; 2],
        face_size: [0; 2],
        aligned_size: [0; 2],
        link: None,
    }
}

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

/// Width and height of its frame, where they are known.
pub(crate) fn frame_size(face: &FaceRow) -> Option<[u32; 2]> {
    face.frame_size.iter().all(|&side| side > 0).then_some(face.frame_size)
}
