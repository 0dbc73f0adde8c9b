//! Faces as embedders want them.

use image::RgbImage;
use streamface_imgproc::{ARCFACE_112, Similarity, warp_similarity};
use streamface_types::Landmarks;

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
