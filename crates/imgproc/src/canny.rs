//! How empty a frame is.
use image::GrayImage;

/// The fraction (0 to 1) of pixels that Canny's detector (aperture 3, |dx| + |dy|) leaves as no edge,
/// as `Canny(gray, low, high)` does. The original's frame filter takes `low` 0, `high` 25.
/// An image without pixels is 1.
#[must_use]
pub fn canny_empty_fraction(gray: &GrayImage, low: u16, high: u16) -> f64 {
    let _ = (gray, low, high);
    unimplemented!()
}
