//! Faces as networks that look at them want them.

use image::RgbImage;
use streamface_imgproc::{ARCFACE_112, Similarity, aligned_face, resize_area, warp_similarity};
use streamface_model::{Alignment, Crop};
use streamface_types::{BoundingBox, Landmarks, Point};

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
        Alignment::DlibChip => return dlib_chip(frame, landmarks, crop.size),
        Alignment::Upright => {
            return aligned_face(frame, bbox, landmarks.left_eye(), landmarks.right_eye(), crop.size);
        }
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

/// Eyes in one of dlib's face chips of padding 0.2, in sides of it.
const DLIB_EYES: [Point; 2] = [[0.305, 0.301], [0.681, 0.301]];

/// The face with its eyes where dlib's chips have them, shrunk with antialiasing.
fn dlib_chip(frame: &RgbImage, landmarks: &Landmarks, side: u32) -> Option<RgbImage> {
    let eyes = [landmarks.left_eye(), landmarks.right_eye()];
    let template = |side: u32| DLIB_EYES.map(|eye| eye.map(|v| v * side as f32));
    let scale = Similarity::from_points(&eyes, &template(side))?.scale();
    // Bilinear sampling does not antialias: what is to be shrunk is laid into a larger square first.
    let times = (1.0 / scale).ceil().clamp(1.0, 32.0) as u32;
    let large = side * times;
    let to_large = Similarity::from_points(&eyes, &template(large))?;
    let chip = warp_similarity(frame, &to_large, large, large);
    if times == 1 {
        return Some(chip);
    }
    let whole = BoundingBox::new(0.0, 0.0, large as f32, large as f32);
    Some(resize_area(&chip, &whole, side, side))
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
    fn the_eyes_of_a_dlib_chip_lie_where_they_belong_and_a_large_face_is_antialiased() {
        // Stripes of one pixel, with dark eyes.
        let eyes = [[400.0, 300.0], [776.0, 300.0]];
        let frame = RgbImage::from_fn(1200, 1100, |x, y| {
            let near = |[ex, ey]: [f32; 2]| (x as f32 - ex).hypot(y as f32 - ey) < 40.0;
            let dark = eyes.into_iter().any(near) || x % 2 == 0;
            Rgb([if dark { 0 } else { 255 }; 3])
        });
        let mut landmarks = Landmarks::default();
        landmarks.0[..2].copy_from_slice(&eyes);
        let shape = Crop { alignment: Alignment::DlibChip, size: 32, margin: 0.0 };
        let chip = crop(&frame, &BoundingBox::default(), &landmarks, &shape).unwrap();
        for [x, y] in DLIB_EYES {
            let eye = chip.get_pixel((x * 32.0) as u32, (y * 32.0) as u32).0[0];
            assert!(eye < 8, "{eye} at {x}, {y}");
        }
        let skin = chip.get_pixel(16, 24).0[0];
        assert!(skin.abs_diff(127) < 12, "{skin}");
        assert!(crop(&frame, &BoundingBox::default(), &Landmarks::default(), &shape).is_none());
    }

    #[test]
    fn an_upright_face_has_level_eyes_and_the_box_for_edges() {
        // A dark eye on the left, lower than a bright one on the right.
        let eyes = [[45.0, 60.0], [75.0, 44.0]];
        let frame = RgbImage::from_fn(120, 120, |x, y| {
            let near = |[ex, ey]: [f32; 2]| (x as f32 - ex).hypot(y as f32 - ey) < 6.0;
            Rgb([if near(eyes[0]) {
                0
            } else if near(eyes[1]) {
                255
            } else {
                128
            }; 3])
        });
        let mut landmarks = Landmarks::default();
        landmarks.0[..2].copy_from_slice(&eyes);
        let shape = Crop { alignment: Alignment::Upright, size: 80, margin: 0.0 };
        let face = crop(&frame, &BoundingBox::new(20.0, 20.0, 80.0, 80.0), &landmarks, &shape).unwrap();
        let rows = |value: u8| {
            let dark = face.enumerate_pixels().filter(|(_, _, p)| p.0[0].abs_diff(value) < 40);
            let all: Vec<u32> = dark.map(|(_, y, _)| y).collect();
            f64::from(all.iter().sum::<u32>()) / all.len() as f64
        };
        assert!((rows(0) - rows(255)).abs() < 1.5, "{} {}", rows(0), rows(255));
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
