//! Of overlapping detections the best.

use streamface_types::{BoundingBox, Detection};

/// Sorts `found` by score, best first (equal scores stay in their order), and drops what a better one overlaps by more
/// than `limit`, as `overlap` measures it.
pub(super) fn keep_best<T>(
    found: &mut Vec<T>,
    limit: f32,
    score: impl Fn(&T) -> f32,
    overlap: impl Fn(&T, &T) -> f32,
) {
    found.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let mut kept: Vec<T> = Vec::new();
    for one in found.drain(..) {
        if kept.iter().all(|k| overlap(k, &one) <= limit) {
            kept.push(one);
        }
    }
    *found = kept;
}

/// [`keep_best`] of whole detections: no two boxes overlap by more than `nms_iou` (intersection over union).
pub(super) fn keep_best_faces(found: &mut Vec<Detection>, nms_iou: f32) {
    keep_best(found, nms_iou, |d| d.score, |a, b| a.bbox.iou(&b.bbox));
}

/// The detection with its box cut off at the edges of a picture of `width` x `height`; none where nothing is left of
/// the box or a number is not finite.
pub(super) fn within(mut face: Detection, width: f32, height: f32) -> Option<Detection> {
    let BoundingBox { x, y, w, h } = face.bbox;
    let (right, bottom) = ((x + w).min(width), (y + h).min(height));
    face.bbox = BoundingBox::from_corners(x.max(0.0), y.max(0.0), right, bottom);
    let numbers = [x, y, w, h, face.score].into_iter().chain(face.landmarks.0.into_iter().flatten());
    let finite = numbers.into_iter().all(f32::is_finite);
    (finite && face.bbox.area() > 0.0).then_some(face)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_overlapping_ones_is_kept_and_of_equal_ones_the_first() {
        let mut all = vec![(0.0_f32, 0.5_f32, 'a'), (9.0, 0.5, 'b'), (0.1, 0.9, 'c'), (9.0, 0.5, 'd')];
        let near = |a: &(f32, f32, char), b: &(f32, f32, char)| 1.0 - (a.0 - b.0).abs().min(1.0);
        keep_best(&mut all, 0.5, |a| a.1, near);
        assert_eq!(all.iter().map(|a| a.2).collect::<String>(), "cb");
    }

    #[test]
    fn a_box_ends_at_the_edge_and_rubbish_is_dropped() {
        let face = |x, w| {
            let bbox = BoundingBox::new(x, 2.0, w, 5.0);
            Detection { bbox, landmarks: streamface_types::Landmarks::default(), score: 0.5 }
        };
        let cut = within(face(-3.0, 10.0), 6.0, 4.0).unwrap();
        assert_eq!(cut.bbox, BoundingBox::new(0.0, 2.0, 6.0, 2.0));
        for (x, w) in [(6.0, 1.0), (f32::NAN, 1.0), (1.0, f32::INFINITY), (1.0, -1.0)] {
            assert!(within(face(x, w), 6.0, 4.0).is_none(), "{x} {w}");
        }
    }
}
