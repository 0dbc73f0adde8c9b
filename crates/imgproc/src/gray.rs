//! RGB → gray.
use image::{GrayImage, RgbImage};

/// OpenCV's integer gray (`cvtColor(…, COLOR_RGB2GRAY)`), bit for bit.
#[must_use]
pub fn gray(rgb: &RgbImage) -> GrayImage {
    let _ = rgb;
    unimplemented!()
}
