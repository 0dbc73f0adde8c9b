//! Boxes and landmarks, in pixels of the frame, x to the right and y down.

/// A point (x, y).
pub type Point = [f32; 2];

/// An axis-aligned box: left, top, width, height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BoundingBox {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl BoundingBox {
    /// Left, top, width, height.
    #[must_use]
    pub fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w, h }
    }

    /// From the corners (x1, y1), (x2, y2).
    #[must_use]
    pub fn from_corners(x1: f32, y1: f32, x2: f32, y2: f32) -> Self {
        Self::new(x1, y1, x2 - x1, y2 - y1)
    }

    /// Width times height, 0 for an empty box.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.w.max(0.0) * self.h.max(0.0)
    }

    /// The centre.
    #[must_use]
    pub fn centre(&self) -> Point {
        [self.x + self.w / 2.0, self.y + self.h / 2.0]
    }

    /// Intersection over union of the two areas, 0 to 1.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f32 {
        self.iou_grown(other, 0.0)
    }

    /// Intersection over union with pixel-inclusive sides (each one longer by 1), as the original
    /// matches faces of neighbouring frames.
    #[must_use]
    pub fn iou_inclusive(&self, other: &Self) -> f32 {
        self.iou_grown(other, 1.0)
    }

    fn iou_grown(&self, other: &Self, grow: f32) -> f32 {
        let side = |a: f32, al: f32, b: f32, bl: f32| ((a + al).min(b + bl) - a.max(b) + grow).max(0.0);
        let both = side(self.x, self.w, other.x, other.w) * side(self.y, self.h, other.y, other.h);
        let one = |r: &Self| (r.w + grow).max(0.0) * (r.h + grow).max(0.0);
        let union = one(self) + one(other) - both;
        if union > 0.0 { both / union } else { 0.0 }
    }
}

/// Five points of a face: left eye, right eye, nose, left and right corner of the mouth, where
/// *left* is the side on the viewer's left.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Landmarks(pub [Point; 5]);

impl Landmarks {
    /// The eye on the viewer's left.
    #[must_use]
    pub fn left_eye(&self) -> Point {
        self.0[0]
    }
    /// The eye on the viewer's right.
    #[must_use]
    pub fn right_eye(&self) -> Point {
        self.0[1]
    }
    /// The tip of the nose.
    #[must_use]
    pub fn nose(&self) -> Point {
        self.0[2]
    }
    /// The corner of the mouth on the viewer's left.
    #[must_use]
    pub fn mouth_left(&self) -> Point {
        self.0[3]
    }
    /// The corner of the mouth on the viewer's right.
    #[must_use]
    pub fn mouth_right(&self) -> Point {
        self.0[4]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_of_known_boxes() {
        let a = BoundingBox::new(0.0, 0.0, 10.0, 10.0);
        assert_eq!(a.iou(&a), 1.0);
        assert_eq!(a.iou(&BoundingBox::new(10.0, 0.0, 10.0, 10.0)), 0.0);
        // Inclusive pixels: the two share one column of 11, each has 121.
        let touching = a.iou_inclusive(&BoundingBox::new(10.0, 0.0, 10.0, 10.0));
        assert!((touching - 11.0 / 231.0).abs() < 1e-6);
        assert_eq!(BoundingBox::default().iou(&BoundingBox::default()), 0.0);
    }
}
