//! What a detector finds in a frame, and what ties faces of neighbouring frames together.

use crate::{BoundingBox, FaceId, Landmarks};

/// One face as a detector reports it, in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Where the face is.
    pub bbox: BoundingBox,
    /// Its five landmarks.
    pub landmarks: Landmarks,
    /// Confidence, 0 to 1. Scores of different detectors do not compare.
    pub score: f32,
}

/// A temporal link: `later` is the face `earlier` a moment on, so they are surely one person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaceLink {
    /// The face in the later frame.
    pub later: FaceId,
    /// The face in the frame before.
    pub earlier: FaceId,
}
