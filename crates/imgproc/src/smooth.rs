//! Gaussian smoothing of colour pictures.

use image::RgbImage;

/// The picture with each value times `gain`, smoothed by a Gaussian filter of standard deviation `sigma` pixels, rounded and
/// kept within 0 to 255. Borders are mirrored about the outermost pixel; the filter reaches 4 `sigma`. It is OpenCV's
/// `GaussianBlur` of the picture in `f32`, within rounding. A `sigma` of 0 or less smooths nothing.
///
/// ```
/// let flat = image::RgbImage::from_pixel(8, 8, image::Rgb([10, 20, 200]));
/// assert_eq!(streamface_imgproc::smooth(&flat, 2.0, 1.0).get_pixel(3, 3).0, [20, 40, 255]);
/// ```
#[must_use]
pub fn smooth(rgb: &RgbImage, gain: f32, sigma: f32) -> RgbImage {
    let (w, h) = (rgb.width() as usize, rgb.height() as usize);
    let weights = weights(sigma);
    let from: Vec<f32> = rgb.as_raw().iter().map(|&v| f32::from(v) * gain).collect();
    let mut rows = vec![0.0; from.len()];
    for (line, out) in from.chunks_exact((3 * w).max(1)).zip(rows.chunks_exact_mut((3 * w).max(1))) {
        for (x, pixel) in out.chunks_exact_mut(3).enumerate() {
            sum(&weights, x, w, pixel, |at| &line[3 * at..3 * at + 3]);
        }
    }
    let mut both = vec![0.0; from.len()];
    for (y, out) in both.chunks_exact_mut((3 * w).max(1)).enumerate() {
        sum(&weights, y, h, out, |at| &rows[3 * w * at..3 * w * (at + 1)]);
    }
    let bytes: Vec<u8> = both.iter().map(|v: &f32| v.round().clamp(0.0, 255.0) as u8).collect();
    // There are as many bytes as in the picture.
    RgbImage::from_raw(rgb.width(), rgb.height(), bytes).unwrap_or_default()
}

/// Adds what `value` gives around `at`, of `length` places, by their weights.
fn sum<'a>(weights: &[f32], at: usize, length: usize, out: &mut [f32], value: impl Fn(usize) -> &'a [f32]) {
    let reach = weights.len() / 2;
    for (k, weight) in weights.iter().enumerate() {
        let from = value(mirrored(at as isize + k as isize - reach as isize, length));
        for (to, v) in out.iter_mut().zip(from) {
            *to += weight * v;
        }
    }
}

/// A place beyond the ends, mirrored about the outermost.
fn mirrored(at: isize, length: usize) -> usize {
    let last = length as isize - 1;
    if last <= 0 {
        return 0;
    }
    let at = at.rem_euclid(2 * last);
    at.min(2 * last - at) as usize
}

/// Weights of the filter, together 1.
fn weights(sigma: f32) -> Vec<f32> {
    if sigma.is_nan() || sigma <= 0.0 {
        return vec![1.0];
    }
    let sigma = f64::from(sigma.min(64.0));
    let reach = (4.0 * sigma).round() as i32;
    let raw: Vec<f64> = (-reach..=reach).map(|x| (-0.5 * (f64::from(x) / sigma).powi(2)).exp()).collect();
    let total: f64 = raw.iter().sum();
    raw.into_iter().map(|w| (w / total) as f32).collect()
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn a_point_becomes_the_gaussian_and_borders_are_mirrored() {
        let mut dot = RgbImage::new(21, 21);
        dot.put_pixel(10, 10, Rgb([255, 0, 0]));
        let smoothed = smooth(&dot, 1.0, 1.0);
        // 255 / (2π) at the centre; OpenCV 4.10 gives 41, 25 and 15 there, beside it and across from it.
        let red = |x, y| smoothed.get_pixel(x, y).0[0];
        assert_eq!([red(10, 10), red(11, 10), red(11, 11), red(10, 14)], [41, 25, 15, 0]);
        assert!(smoothed.pixels().all(|p| p.0[1..] == [0, 0]));
        // What a border reflects: a corner pixel that is not repeated keeps a quarter of a line's weight each way.
        let mut corner = RgbImage::new(9, 9);
        corner.put_pixel(0, 0, Rgb([0, 255, 0]));
        assert_eq!(smooth(&corner, 1.0, 1.0).get_pixel(0, 0).0[1], 41);
        assert_eq!(smooth(&corner, 1.0, 1.0).get_pixel(1, 0).0[1], 25);
    }

    #[test]
    fn nothing_is_smoothed_by_nothing_and_small_pictures_are_fine() {
        let picture = RgbImage::from_fn(5, 1, |x, _| Rgb([50 * x as u8; 3]));
        assert_eq!(smooth(&picture, 1.0, 0.0), picture);
        assert_eq!(smooth(&RgbImage::new(0, 0), 1.0, 1.0).dimensions(), (0, 0));
        assert_eq!(smooth(&RgbImage::from_pixel(1, 1, Rgb([7; 3])), 3.0, 2.0).get_pixel(0, 0).0, [21; 3]);
    }
}
