//! RGB → gray.

use image::{GrayImage, RgbImage};

use streamface_kernels::dispatch;

/// Weights of R, G, B in 1/32768, as OpenCV has them.
const R: u32 = 9798;
const G: u32 = 19235;
const B: u32 = 3735;

/// OpenCV's integer gray (`cvtColor(…, COLOR_RGB2GRAY)`), bit for bit.
///
/// ```
/// let frame = image::RgbImage::from_pixel(2, 1, image::Rgb([255, 0, 0]));
/// assert_eq!(streamface_imgproc::gray(&frame).as_raw(), &[76, 76]);
/// ```
#[must_use]
pub fn gray(rgb: &RgbImage) -> GrayImage {
    let mut out = GrayImage::new(rgb.width(), rgb.height());
    gray_pixels(rgb.as_raw(), &mut out);
    out
}

/// The gray of one pixel.
#[inline(always)]
pub(crate) fn gray_pixel(r: u8, g: u8, b: u8) -> u8 {
    ((R * u32::from(r) + G * u32::from(g) + B * u32::from(b) + (1 << 14)) >> 15) as u8
}

dispatch! {
    @avx2
    fn gray_pixels(rgb: &[u8], out: &mut [u8]) {
        for (p, o) in rgb.chunks_exact(3).zip(out) {
            *o = gray_pixel(p[0], p[1], p[2]);
        }
    }
}
