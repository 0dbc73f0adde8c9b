//! Similarity transforms.
use image::RgbImage;
use streamface_types::{Landmarks, Point};

/// Where embedders want the five landmarks in a 112 x 112 face.
pub const ARCFACE_112: Landmarks = Landmarks([
    [38.2946, 51.6963],
    [73.5318, 51.5014],
    [56.0252, 71.7366],
    [41.5493, 92.3655],
    [70.7299, 92.2041],
]);

/// Turn, uniform scale and shift: (x, y) → (a·x − b·y + tx, b·x + a·y + ty).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Scale times cosine of the angle.
    pub a: f64,
    /// Scale times sine of the angle.
    pub b: f64,
    /// Shift to the right.
    pub tx: f64,
    /// Shift down.
    pub ty: f64,
}

impl Similarity {
    /// The transform without reflection that takes `src` nearest to `dst` in the least-squares sense
    /// (Umeyama 1991). `None` where the points of `src` coincide or a number is not finite.
    #[must_use]
    pub fn from_points(src: &[Point], dst: &[Point]) -> Option<Self> {
        let _ = (src, dst);
        unimplemented!()
    }

    /// From a face's landmarks to those of a template such as [`ARCFACE_112`].
    #[must_use]
    pub fn from_landmarks(src: &Landmarks, dst: &Landmarks) -> Option<Self> {
        Self::from_points(&src.0, &dst.0)
    }

    /// Where a point goes.
    #[must_use]
    pub fn apply(&self, p: Point) -> Point {
        let (x, y) = (f64::from(p[0]), f64::from(p[1]));
        [(self.a * x - self.b * y + self.tx) as f32, (self.b * x + self.a * y + self.ty) as f32]
    }

    /// The way back. `None` where the scale is 0.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        unimplemented!()
    }

    /// The scale: output pixels per input pixel.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }
}

/// The frame seen through `to_out` (frame → output), bilinear, black outside, as
/// `warpAffine(…, INTER_LINEAR, BORDER_CONSTANT)` but with exact weights.
#[must_use]
pub fn warp_similarity(frame: &RgbImage, to_out: &Similarity, width: u32, height: u32) -> RgbImage {
    let _ = (frame, to_out, width, height);
    unimplemented!()
}
