//! Faces as networks that look at them want them.

use image::RgbImage;
use streamface_imgproc::{ARCFACE_112, Similarity, resize_area, warp_similarity};
use streamface_model::{Alignment, Crop};
use streamface_types::{BoundingBox, Landmarks};

/// The face laid into the 112 x 112 template ([`ARCFACE_112`], scaled to `side`) by the similarity
/// transform that fits its five landmarks best (Umeyama 1991), bilinear, black outside the frame.
/// `None` where the landmarks fall into one point or are not finite.
#[must_use]
pub fn align(frame: &RgbImage, landmarks: &Landmarks, side: u32) -> Option<RgbImage> {
    let scale = side as f32 / 112.0;
    let template = Landmarks(ARCFACE_112.0.map(|[x, y]| [x * scale, y * scale]));
    let transform = Similarity::from_landmarks(landmarks, &template)?;
    Some(warp_similarity(frame, &transform, side, side))
}

/// The face cut as a model's manifest says, a square of `crop.size` pixels, black outside the frame. `None`
/// where the landmarks make no transform, or the box is empty or not finite.
#[must_use]
pub fn crop(frame: &RgbImage, bbox: &BoundingBox, landmarks: &Landmarks, crop: &Crop) -> Option<RgbImage> {
    let (w, h) = match crop.alignment {
        Alignment::Arcface112 => return align(frame, landmarks, crop.size),
        Alignment::Square => (bbox.w.max(bbox.h), bbox.w.max(bbox.h)),
        // Alignments of later versions are read as the plainest one.
        _ => (bbox.w, bbox.h),
    };
    let (w, h) = (w * (1.0 + crop.margin), h * (1.0 + crop.margin));
    let [x, y] = bbox.centre();
    let fits = [x, y, w, h].iter().all(|v| v.is_finite()) && w > 0.0 && h > 0.0;
    fits.then(|| {
        let part = BoundingBox::new(x - w / 2.0, y - h / 2.0, w, h);
        resize_area(frame, &part, crop.size, crop.size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn cut(alignment: Alignment, margin: f32) -> RgbImage {
        // Red left of column 40, green above row 20 elsewhere, blue the rest.
        let frame = RgbImage::from_fn(100, 60, |x, y| match (x < 40, y < 20) {
            (true, _) => Rgb([255, 0, 0]),
            (_, true) => Rgb([0, 255, 0]),
            _ => Rgb([0, 0, 255]),
        });
        let face = BoundingBox::new(40.0, 20.0, 20.0, 10.0);
        crop(&frame, &face, &Landmarks::default(), &Crop { alignment, size: 20, margin }).unwrap()
    }

    #[test]
    fn a_box_is_stretched_a_square_takes_in_what_lies_above_and_a_margin_what_lies_beside() {
        assert!(cut(Alignment::Box, 0.0).pixels().all(|p| p.0 == [0, 0, 255]));
        let square = cut(Alignment::Square, 0.0);
        assert_eq!((square.get_pixel(10, 2).0, square.get_pixel(10, 10).0), ([0, 255, 0], [0, 0, 255]));
        let wide = cut(Alignment::Box, 1.0);
        assert_eq!(wide.get_pixel(2, 10).0, [255, 0, 0]);
        assert_eq!(wide.get_pixel(10, 2).0, [0, 255, 0]);
    }

    #[test]
    fn a_box_of_nothing_has_no_crop() {
        let frame = RgbImage::new(10, 10);
        let shape = Crop { alignment: Alignment::Box, size: 16, margin: 0.0 };
        for face in [BoundingBox::new(1.0, 1.0, 0.0, 3.0), BoundingBox::new(f32::NAN, 0.0, 1.0, 1.0)] {
            assert!(crop(&frame, &face, &Landmarks::default(), &shape).is_none());
        }
    }
}
