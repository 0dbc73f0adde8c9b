//! Faces cut out of frames as the original cuts them.
use image::RgbImage;
use streamface_types::{BoundingBox, Point};

/// How loose faces are cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LooseSettings {
    /// Growth of the box relative to its longer side. Default 1.0: a square of twice that side.
    pub margin: f32,
    /// Largest side of the result in pixels; smaller squares are not enlarged. Default 256.
    pub face_size: u32,
    /// Black border that the frame has on every side, relative to that side: a square that reaches
    /// even farther is cut off there. Default .5.
    pub padding: f32,
}

impl Default for LooseSettings {
    fn default() -> Self {
        Self { margin: 1.0, face_size: 256, padding: 0.5 }
    }
}

/// The loose face: the square about the box, shrunk with Lanczos to `face_size`, black outside the
/// frame. `None` where nothing is left of the square.
#[must_use]
pub fn loose_face(frame: &RgbImage, bbox: &BoundingBox, settings: &LooseSettings) -> Option<RgbImage> {
    let _ = (frame, bbox, settings);
    unimplemented!()
}

/// The aligned face, size x size: the box, turned so that the eyes are level, Lanczos-resized, black
/// outside the frame. The original's size is 128. `None` where the box is empty.
#[must_use]
pub fn aligned_face(
    frame: &RgbImage,
    bbox: &BoundingBox,
    left_eye: Point,
    right_eye: Point,
    size: u32,
) -> Option<RgbImage> {
    let _ = (frame, bbox, left_eye, right_eye, size);
    unimplemented!()
}
