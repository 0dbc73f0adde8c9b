//! Sharpness as the variance of the Laplacian.
use image::{GrayImage, RgbImage};

/// Variance of `Laplacian(GaussianBlur(gray, 3x3, sigma .5), CV_64F, ksize 11)`: some 1e11 to 1e13
/// for sharp pictures. An image without pixels is 0.
#[must_use]
pub fn laplacian_variance(gray: &GrayImage) -> f64 {
    let _ = gray;
    unimplemented!()
}

/// Sharpness of an aligned face: [`laplacian_variance`] of its gray.
#[must_use]
pub fn face_blur_variance(face: &RgbImage) -> f64 {
    laplacian_variance(&crate::gray(face))
}
