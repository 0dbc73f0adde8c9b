//! A box between two of the three networks.

use streamface_types::{BoundingBox, Landmarks, Point};

use crate::detectors::nms::keep_best;

/// A box that may hold a face, in the frame's pixels, and how it is to be moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// Left and top.
    pub(super) corner: Point,
    /// Width and height.
    pub(super) side: Point,
    pub(super) score: f32,
    /// What is added to left, top, right and bottom, in widths and heights.
    pub(super) shift: [f32; 4],
}

impl Candidate {
    pub(super) fn bbox(&self) -> BoundingBox {
        BoundingBox::new(self.corner[0], self.corner[1], self.side[0], self.side[1])
    }

    /// A point of the frame from one in widths and heights from the corner.
    pub(super) fn point(&self, at: Point) -> Point {
        std::array::from_fn(|i| self.corner[i] + at[i] * self.side[i])
    }

    /// The box moved as [`Self::shift`] says.
    pub(super) fn moved(self) -> Self {
        let [left, top, right, bottom] = self.shift;
        let (corner, end) = (self.point([left, top]), self.point([1.0 + right, 1.0 + bottom]));
        Self { corner, side: [end[0] - corner[0], end[1] - corner[1]], shift: [0.0; 4], ..self }
    }

    /// The square around the box's centre that is as long as its longer side; none where nothing can be cut out.
    pub(super) fn square(self) -> Option<Self> {
        let side = self.side[0].max(self.side[1]);
        let corner = std::array::from_fn(|i| self.corner[i] + (self.side[i] - side) / 2.0);
        let fits =
            self.side.iter().all(|s| *s > 0.0) && side.is_finite() && corner.iter().all(|c| c.is_finite());
        fits.then_some(Self { corner, side: [side; 2], ..self })
    }
}

/// The at most `most` best that overlap by no more than `iou` (intersection over union).
pub(super) fn keep_best_of(found: &mut Vec<Candidate>, most: usize, iou: f32) {
    // Stable: of equal scores the first.
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(most);
    keep_best(found, iou, |c| c.score, |a, b| a.bbox().iou(&b.bbox()));
}

/// The best that overlap by no more than `share` of the smaller of two boxes: a box inside a better one goes.
pub(super) fn keep_best_within(found: &mut Vec<(Candidate, Landmarks)>, share: f32) {
    let of_smaller = |a: &(Candidate, Landmarks), b: &(Candidate, Landmarks)| {
        let (a, b) = (a.0.bbox(), b.0.bbox());
        let (iou, smaller) = (a.iou(&b), a.area().min(b.area()));
        // i / (a + b − i) = iou  →  i = iou · (a + b) / (1 + iou)
        let both = iou * (a.area() + b.area()) / (1.0 + iou);
        if smaller > 0.0 { both / smaller } else { 0.0 }
    };
    keep_best(found, share, |f| f.0.score, of_smaller);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(x: f32, y: f32, w: f32, h: f32, score: f32) -> Candidate {
        Candidate { corner: [x, y], side: [w, h], score, shift: [0.0; 4] }
    }

    #[test]
    fn a_box_is_moved_by_parts_of_its_sides_and_squared_about_its_centre() {
        let moved =
            Candidate { shift: [0.1, -0.1, -0.2, 0.3], ..candidate(10.0, 20.0, 100.0, 50.0, 0.5) }.moved();
        let b = moved.bbox();
        let expected = [20.0, 15.0, 70.0, 70.0];
        assert!([b.x, b.y, b.w, b.h].iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-4), "{b:?}");
        let b = candidate(10.0, 20.0, 30.0, 50.0, 0.5).square().unwrap().bbox();
        assert_eq!([b.x, b.y, b.w, b.h], [0.0, 20.0, 50.0, 50.0]);
        assert_eq!(candidate(10.0, 20.0, 30.0, 50.0, 0.5).point([0.5, 0.1]), [25.0, 25.0]);
        for (x, w) in [(f32::NAN, 1.0), (0.0, f32::INFINITY), (0.0, 0.0), (0.0, -1.0)] {
            assert_eq!(candidate(x, 0.0, w, 1.0, 0.5).square(), None);
        }
    }

    #[test]
    fn a_box_inside_a_better_one_goes_though_their_union_is_large() {
        let all = [candidate(0.0, 0.0, 100.0, 100.0, 0.8), candidate(20.0, 20.0, 40.0, 40.0, 0.7)];
        let mut by_union = all.to_vec();
        keep_best_of(&mut by_union, 9, 0.7);
        assert_eq!(by_union, all);
        keep_best_of(&mut by_union, 1, 0.7);
        assert_eq!(by_union, all[..1]);
        let mut by_smaller = all.map(|c| (c, Landmarks::default())).to_vec();
        keep_best_within(&mut by_smaller, 0.7);
        assert_eq!(by_smaller.len(), 1);
        assert_eq!(by_smaller[0].0, all[0]);
    }
}
