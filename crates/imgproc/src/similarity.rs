//! How alike two frames are.

use image::{GrayImage, RgbImage};

use streamface_kernels::dispatch;

/// A frame's gray, nearest-resized to 1280 x 720: what the blur and duplicate filters look at.
/// Keep the one of the frame before instead of computing it again.
///
/// ```
/// use image::{Rgb, RgbImage};
/// use streamface_imgproc::Thumbnail;
///
/// let frame = RgbImage::from_fn(1920, 1080, |x, y| Rgb([x as u8, y as u8, 128]));
/// let a = Thumbnail::new(&frame);
/// assert_eq!(a.similarity(&a), 1.0);
/// let b = Thumbnail::new(&RgbImage::from_pixel(640, 360, Rgb([128; 3])));
/// assert!(a.similarity(&b) < 0.95);
/// ```
#[derive(Debug, Clone)]
pub struct Thumbnail {
    gray: GrayImage,
    /// Sum of squares.
    energy: u64,
}

impl Thumbnail {
    /// Width in pixels.
    pub const WIDTH: u32 = 1280;
    /// Height in pixels.
    pub const HEIGHT: u32 = 720;

    /// From a frame of any size. A frame without pixels is black.
    #[must_use]
    pub fn new(frame: &RgbImage) -> Self {
        Self::from_gray(&crate::gray(frame))
    }

    /// From the frame's gray, where that is at hand (for Canny); the same as from the frame.
    #[must_use]
    pub fn from_gray(gray: &GrayImage) -> Self {
        let gray = crate::resize_nearest(gray, Self::WIDTH, Self::HEIGHT);
        let energy = dot(&gray, &gray);
        Self { gray, energy }
    }

    /// 1 − normalised squared difference of the two (1 − `TM_SQDIFF_NORMED`): 1 for equal frames, and
    /// never below 0. As in OpenCV, two black frames are at 0: nothing says that they are alike.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f64 {
        let norm = (self.energy as f64).sqrt() * (other.energy as f64).sqrt();
        // Whole numbers below 2^37: exact, and never negative.
        let difference = (self.energy + other.energy - 2 * dot(&self.gray, &other.gray)) as f64;
        if difference < norm { 1.0 - difference / norm } else { 0.0 }
    }

    /// The frame's sharpness: [`laplacian_variance`](crate::laplacian_variance) of the thumbnail less
    /// 15 % (rounded down) of its side on every side.
    #[must_use]
    pub fn blur_variance(&self) -> f64 {
        let cut = |side: u32| side as usize * 15 / 100;
        let (w, h) = (Self::WIDTH as usize, Self::HEIGHT as usize);
        let (left, top) = (cut(Self::WIDTH), cut(Self::HEIGHT));
        crate::laplacian::variance(&self.gray.as_raw()[top * w + left..], w, w - 2 * left, h - 2 * top)
    }

    /// The gray picture, 1280 x 720.
    #[must_use]
    pub fn as_gray(&self) -> &GrayImage {
        &self.gray
    }
}

dispatch! {
    @avx2
    /// Sum of products of equally many numbers.
    fn dot(a: &[u8], b: &[u8]) -> u64 {
        let mut sum = 0;
        // 255² · 2^14 fits 31 bits.
        for (a, b) in a.chunks(1 << 14).zip(b.chunks(1 << 14)) {
            sum += a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum::<i32>() as u64;
        }
        sum
    }
}
