//! Faces cut out of frames as the original cuts them, to the digit: with Pillow's `rotate` (nearest
//! pixel, 16.16 fixed point) and `LANCZOS`.

use image::RgbImage;
use streamface_types::{BoundingBox, Point};

use crate::lanczos::{self, View};

/// How loose faces are cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LooseSettings {
    /// Growth of the box relative to its longer side, 0 to 8. Default 1.0: a square of twice that side.
    pub margin: f32,
    /// Largest side of the result in pixels, at least 1; smaller squares are not enlarged. Default 256.
    pub face_size: u32,
    /// Black border that the frame has on every side, relative to that side, 0 to 4: a square that
    /// reaches even farther is cut off there. Default .5.
    pub padding: f32,
}

impl Default for LooseSettings {
    fn default() -> Self {
        Self { margin: 1.0, face_size: 256, padding: 0.5 }
    }
}

/// Growth of the box on each side while it is turned, so that its corners have something to show.
const GROWTH: f64 = 0.3;

/// Longest side of a box that is cut: a bound on memory, far above any frame.
const MAX_SIDE: f32 = 32_768.0;

/// The box in whole pixels, as the original writes and cuts it: rounded, left and top not below 0
/// (width and height stay). `None` where it is not finite, has no area, or a side beyond 32,768.
#[must_use]
pub fn pixel_box(bbox: &BoundingBox) -> Option<[u32; 4]> {
    let [x, y, w, h] = [bbox.x, bbox.y, bbox.w, bbox.h].map(f32::round);
    let side = |v: f32| (1.0..=MAX_SIDE).contains(&v);
    let place = |v: f32| v.abs() <= MAX_SIDE;
    (side(w) && side(h) && place(x) && place(y)).then(|| [x.max(0.0), y.max(0.0), w, h].map(|v| v as u32))
}

/// The loose face: the square about the box, shrunk with Lanczos to `face_size`, black outside the
/// frame. `None` where [`pixel_box`] is, or nothing is left of the square.
///
/// ```
/// use streamface_imgproc::{LooseSettings, loose_face};
/// use streamface_types::BoundingBox;
///
/// let frame = image::RgbImage::new(1920, 1080);
/// let face = loose_face(&frame, &BoundingBox::new(936.0, 388.0, 92.0, 126.0), &LooseSettings::default());
/// assert_eq!(face.unwrap().dimensions(), (252, 252));
/// ```
#[must_use]
pub fn loose_face(frame: &RgbImage, bbox: &BoundingBox, settings: &LooseSettings) -> Option<RgbImage> {
    let LooseSquare { left, top, width, height, picture: [out_w, out_h] } =
        loose_square([frame.width(), frame.height()], bbox, settings)?;
    let copy;
    let inside = left >= 0
        && top >= 0
        && left as usize + width <= frame.width() as usize
        && top as usize + height <= frame.height() as usize;
    let view = if inside {
        let stride = 3 * frame.width() as usize;
        let data = &frame.as_raw()[top as usize * stride + 3 * left as usize..];
        View { data, stride, width, height }
    } else {
        copy = part(frame, left, top, width, height);
        View { data: &copy, stride: 3 * width, width, height }
    };
    RgbImage::from_raw(out_w, out_h, lanczos::resize(view, out_w as usize, out_h as usize))
}

/// The part of a frame that a loose face shows, and the size of its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LooseSquare {
    left: i64,
    top: i64,
    width: usize,
    height: usize,
    /// Width and height of the picture, pixels.
    pub picture: [u32; 2],
}

impl LooseSquare {
    /// Where a point of the frame is in the picture.
    #[must_use]
    pub fn in_picture(&self, [x, y]: Point) -> Point {
        let along = |at: f32, from: i64, len: usize, out: u32| {
            // Pixels are places half a pixel from their edges.
            ((f64::from(at) - from as f64 + 0.5) * f64::from(out) / len as f64 - 0.5) as f32
        };
        [along(x, self.left, self.width, self.picture[0]), along(y, self.top, self.height, self.picture[1])]
    }
}

/// Where [`loose_face`] cuts, in a frame of this width and height. `None` where it gives none.
///
/// ```
/// use streamface_imgproc::{LooseSettings, loose_square};
/// use streamface_types::BoundingBox;
///
/// let square = loose_square([1920, 1080], &BoundingBox::new(900.0, 400.0, 100.0, 80.0), &LooseSettings::default()).unwrap();
/// assert_eq!(square.picture, [200, 200]);
/// assert_eq!(square.in_picture([950.0, 440.0]), [100.0, 100.0], "the middle of the box is the middle of the picture");
/// ```
#[must_use]
pub fn loose_square(frame: [u32; 2], bbox: &BoundingBox, settings: &LooseSettings) -> Option<LooseSquare> {
    let [x, y, w, h] = pixel_box(bbox)?.map(i64::from);
    let reach = ((1.0 + f64::from(settings.margin.clamp(0.0, 8.0))) * w.max(h) as f64 / 2.0) as i64;
    // From … to along one side, cut off at the border.
    let side = |centre: i64, len: u32| {
        let border = (f64::from(settings.padding.clamp(0.0, 4.0)) * f64::from(len)) as i64;
        let from = (centre - reach).max(-border);
        let to = (centre + reach).min(i64::from(len) + border);
        (to > from).then(|| (from, (to - from) as usize))
    };
    let (left, width) = side(x + w / 2, frame[0])?;
    let (top, height) = side(y + h / 2, frame[1])?;
    let (out_w, out_h) = fit(width, height, settings.face_size.max(1) as usize);
    Some(LooseSquare { left, top, width, height, picture: [out_w as u32, out_h as u32] })
}

/// The aligned face, size x size: the box, turned about its centre so that the eyes are level,
/// Lanczos-resized; black outside the frame, and where the turn brings in what is farther than 30 %
/// outside the box. Eyes more above each other than side by side are left as they are, like points that
/// are not finite. The original's size is 128. `None` where [`pixel_box`] is, or `size` is 0.
#[must_use]
pub fn aligned_face(
    frame: &RgbImage,
    bbox: &BoundingBox,
    left_eye: Point,
    right_eye: Point,
    size: u32,
) -> Option<RgbImage> {
    let [x, y, w, h] = pixel_box(bbox)?.map(|v| v as usize);
    if size == 0 {
        return None;
    }
    let face = match turn_back(left_eye, right_eye) {
        Some(radians) => turned(frame, [x, y, w, h], radians),
        None => part(frame, x as i64, y as i64, w, h),
    };
    let view = View { data: &face, stride: 3 * w, width: w, height: h };
    RgbImage::from_raw(size, size, lanczos::resize(view, size as usize, size as usize))
}

/// The angle to turn by, in radians as Pillow has it (degrees within a full circle, negated). `None`
/// for no turn.
fn turn_back(left_eye: Point, right_eye: Point) -> Option<f64> {
    let [dx, dy] = [0, 1].map(|i| f64::from(right_eye[i]) - f64::from(left_eye[i]));
    // Also false for NaN. Eyes the wrong way round never turn a face on its head.
    let level = dx.is_finite() && dx.abs() > dy.abs();
    let degrees = (dy * dx.signum()).atan2(dx.abs()).to_degrees().rem_euclid(360.0);
    (level && degrees != 0.0).then(|| -degrees.to_radians())
}

/// The box of the frame after the turn, RGB.
fn turned(frame: &RgbImage, [x, y, w, h]: [usize; 4], radians: f64) -> Vec<u8> {
    let grow = |side: usize| (GROWTH * side as f64) as i64;
    let (gw, gh) = (grow(w), grow(h));
    let (width, height) = (w as i64 + 2 * gw, h as i64 + 2 * gh);
    let (cx, cy) = (width as f64 / 2.0, height as f64 / 2.0);
    let (cos, sin) = (radians.cos(), radians.sin());
    let fix = |v: f64| (v * 65536.0 + 0.5).floor() as i64;
    let (a, b, d) = (fix(cos), fix(sin), fix(-sin));
    // Where the first pixel's centre comes from.
    let x0 = fix(cos * (0.5 - cx) + sin * (0.5 - cy) + cx);
    let y0 = fix(-sin * (0.5 - cx) + cos * (0.5 - cy) + cy);
    let (frame_w, frame_h) = (i64::from(frame.width()), i64::from(frame.height()));
    let mut out = vec![0; 3 * w * h];
    for (row, line) in out.chunks_exact_mut(3 * w).enumerate() {
        let j = row as i64 + gh;
        let (mut sx, mut sy) = (x0 + b * j + a * gw, y0 + a * j + d * gw);
        // Of a pixel of the turned box, its place in the frame where there is one.
        let place = |sx: i64, sy: i64| {
            let (u, v) = (sx >> 16, sy >> 16);
            let (fx, fy) = (x as i64 - gw + u, y as i64 - gh + v);
            let within = |p: i64, len: i64| (0..len).contains(&p);
            let there = within(u, width) && within(v, height) && within(fx, frame_w) && within(fy, frame_h);
            there.then_some(3 * (fy * frame_w + fx))
        };
        let last = w as i64 - 1;
        // A line whose ends are there is there as a whole.
        let whole = place(sx, sy).is_some() && place(sx + last * a, sy + last * d).is_some();
        let corner = 3 * ((y as i64 - gh) * frame_w + x as i64 - gw);
        for o in line.as_chunks_mut::<3>().0 {
            let at =
                if whole { Some(corner + 3 * ((sy >> 16) * frame_w + (sx >> 16))) } else { place(sx, sy) };
            if let Some(pixel) = at.and_then(|at| frame.as_raw()[at as usize..].first_chunk()) {
                *o = *pixel;
            }
            sx += a;
            sy += d;
        }
    }
    out
}

/// A copy of a part of the frame, black outside, RGB.
fn part(frame: &RgbImage, left: i64, top: i64, width: usize, height: usize) -> Vec<u8> {
    let (frame_w, frame_h) = (i64::from(frame.width()), i64::from(frame.height()));
    let mut out = vec![0; 3 * width * height];
    let from = left.max(0);
    let to = (left + width as i64).min(frame_w);
    if from >= to {
        return out;
    }
    for (row, line) in out.chunks_exact_mut(3 * width).enumerate() {
        let y = top + row as i64;
        if (0..frame_h).contains(&y) {
            let source = 3 * (y * frame_w + from) as usize..3 * (y * frame_w + to) as usize;
            let at = 3 * (from - left) as usize;
            line[at..at + source.len()].copy_from_slice(&frame.as_raw()[source]);
        }
    }
    out
}

/// The size within size x size nearest to the shape of w x h, never larger, as Pillow's `thumbnail`.
fn fit(w: usize, h: usize, size: usize) -> (usize, usize) {
    if w <= size && h <= size {
        return (w, h);
    }
    let aspect = w as f64 / h as f64;
    let other = |exact: f64, off: &dyn Fn(f64) -> f64| {
        let (low, high) = (exact.floor(), exact.ceil());
        (if off(high) < off(low) { high } else { low }).max(1.0) as usize
    };
    let full = size as f64;
    if aspect <= 1.0 {
        (other(full * aspect, &|n| (aspect - n / full).abs()), size)
    } else {
        (size, other(full / aspect, &|n| if n == 0.0 { 0.0 } else { (aspect - full / n).abs() }))
    }
}
