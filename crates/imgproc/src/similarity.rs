//! How alike two frames are.
use image::{GrayImage, RgbImage};

/// A frame's gray, nearest-resized to 1280 x 720: what the blur and duplicate filters look at.
/// Keep the one of the frame before instead of computing it again.
#[derive(Debug, Clone)]
pub struct Thumbnail {
    gray: GrayImage,
}

impl Thumbnail {
    /// Width in pixels.
    pub const WIDTH: u32 = 1280;
    /// Height in pixels.
    pub const HEIGHT: u32 = 720;

    /// From a frame of any size.
    #[must_use]
    pub fn new(frame: &RgbImage) -> Self {
        let _ = frame;
        unimplemented!()
    }

    /// From the frame's gray, where that is at hand (for Canny); the same as from the frame.
    #[must_use]
    pub fn from_gray(gray: &GrayImage) -> Self {
        Self { gray: crate::resize_nearest(gray, Self::WIDTH, Self::HEIGHT) }
    }

    /// 1 − normalised squared difference of the two: 1 for equal frames; may be below 0.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f64 {
        let _ = other;
        unimplemented!()
    }

    /// The frame's sharpness: [`laplacian_variance`](crate::laplacian_variance) less 15 % of each side.
    #[must_use]
    pub fn blur_variance(&self) -> f64 {
        unimplemented!()
    }

    /// The gray picture, 1280 x 720.
    #[must_use]
    pub fn as_gray(&self) -> &GrayImage {
        &self.gray
    }
}
