//! Which way up a picture is shown.

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

/// The orientation of a display matrix: nine 32-bit numbers (a b u, c d v, x y w) by which the pixel (p, q) is shown at
/// (a p + c q + x, b p + d q + y). Angles between the eight orientations are taken for the nearest one. None where
/// the matrix says nothing.
pub(crate) fn orientation(matrix: &[u8]) -> Option<Orientation> {
    let number = |i: usize| -> Option<i64> {
        Some(i32::from_ne_bytes(matrix.get(4 * i..4 * i + 4)?.try_into().ok()?).into())
    };
    let (a, b, c, d) = (number(0)?, number(1)?, number(3)?, number(4)?);
    let (straight, crossed) = (a.abs() + d.abs(), b.abs() + c.abs());
    if straight.max(crossed) == 0 {
        return None;
    }
    let transposed = crossed > straight;
    let (right, down) = if transposed { (c, b) } else { (a, d) };
    Some(match (transposed, right < 0, down < 0) {
        (false, false, false) => Orientation::NoTransforms,
        (false, true, false) => Orientation::FlipHorizontal,
        (false, true, true) => Orientation::Rotate180,
        (false, false, true) => Orientation::FlipVertical,
        (true, false, false) => Orientation::Rotate90FlipH,
        (true, true, false) => Orientation::Rotate90,
        (true, true, true) => Orientation::Rotate270FlipH,
        (true, false, true) => Orientation::Rotate270,
    })
}

/// Turns a picture.
pub(crate) fn turned(image: RgbImage, orientation: Orientation) -> RgbImage {
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    image.into_rgb8()
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn matrix(numbers: [i32; 4]) -> Vec<u8> {
        let [a, b, c, d] = numbers;
        [a, b, 0, c, d, 0, 0, 0, 1 << 30].into_iter().flat_map(i32::to_ne_bytes).collect()
    }

    /// The definition: each pixel goes where the matrix puts it.
    fn by_definition(image: &RgbImage, [a, b, c, d]: [i32; 4]) -> RgbImage {
        let (w, h) = (image.width() as i32, image.height() as i32);
        let (nw, nh) = if a == 0 { (h, w) } else { (w, h) };
        let mut out = RgbImage::new(nw as u32, nh as u32);
        for (p, q, pixel) in image.enumerate_pixels() {
            let (p, q) = (p as i32, q as i32);
            let place = |v: i32, size: i32, back: bool| if back { v + size - 1 } else { v };
            let x = place(a * p + c * q, nw, a + c < 0);
            let y = place(b * p + d * q, nh, b + d < 0);
            out.put_pixel(x as u32, y as u32, *pixel);
        }
        out
    }

    #[test]
    fn each_of_the_eight_orientations_puts_pixels_where_its_matrix_says() {
        let image = RgbImage::from_fn(5, 3, |x, y| Rgb([x as u8, y as u8, 7]));
        let one = 1 << 16;
        for (s, t) in [(1, 1), (1, -1), (-1, 1), (-1, -1)] {
            for m in [[s, 0, 0, t], [0, s, t, 0]] {
                let orientation = orientation(&matrix(m.map(|v| v * one))).unwrap();
                assert_eq!(turned(image.clone(), orientation), by_definition(&image, m), "{m:?}");
            }
        }
    }

    #[test]
    fn odd_matrices_are_taken_for_the_nearest_or_for_none() {
        assert_eq!(orientation(&matrix([60_000, 20_000, -20_000, 60_000])), Some(Orientation::NoTransforms));
        assert_eq!(orientation(&matrix([3, 70_000, -70_000, 3])), Some(Orientation::Rotate90));
        assert_eq!(orientation(&matrix([i32::MIN, 0, 0, i32::MIN])), Some(Orientation::Rotate180));
        assert_eq!(orientation(&matrix([0; 4])), None);
        assert_eq!(orientation(&[1, 2, 3]), None);
    }
}
