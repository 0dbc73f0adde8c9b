//! Resizing.
use image::{GrayImage, RgbImage};
use streamface_types::BoundingBox;

/// `resize(…, INTER_NEAREST)`, bit for bit.
#[must_use]
pub fn resize_nearest(gray: &GrayImage, width: u32, height: u32) -> GrayImage {
    let _ = (gray, width, height);
    unimplemented!()
}

/// `resize(…, INTER_LINEAR)` of a whole frame, within one level: no antialiasing.
#[must_use]
pub fn resize_bilinear(rgb: &RgbImage, width: u32, height: u32) -> RgbImage {
    let _ = (rgb, width, height);
    unimplemented!()
}

/// [`resize_bilinear`] written as three planes (R, G, B) of `height` rows of `width` numbers 0 to 255,
/// not rounded, which is what a network takes (NCHW).
///
/// # Panics
/// When `planes` does not hold 3 · width · height numbers.
pub fn resize_bilinear_planar(rgb: &RgbImage, width: u32, height: u32, planes: &mut [f32]) {
    let _ = (rgb, width, height, planes);
    unimplemented!()
}

/// The part `area` of an image (which may reach outside: black there), shrunk to width x height with
/// each output pixel the mean of the area it covers, fractions counted. `area` is in edges of pixels:
/// the whole image is (0, 0, its width, its height). Also enlarges (then as blocks).
#[must_use]
pub fn resize_area(rgb: &RgbImage, area: &BoundingBox, width: u32, height: u32) -> RgbImage {
    let _ = (rgb, area, width, height);
    unimplemented!()
}
