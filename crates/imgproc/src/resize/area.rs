//! Averages over areas.

use image::RgbImage;
use streamface_types::BoundingBox;

use streamface_kernels::dispatch;

/// The part `area` of an image (which may reach outside: black there), resized to width x height with
/// each output pixel the mean of the area it covers, fractions counted: antialiased shrinking, as
/// `resize(…, INTER_AREA)` of the part where that is whole pixels and shrinks. `area` is in edges of
/// pixels: the whole image is (0, 0, its width, its height). Enlarges too, in blocks with soft edges.
/// All black where `area` is empty or not finite.
///
/// ```
/// use image::{Rgb, RgbImage};
/// use streamface_types::BoundingBox;
///
/// let image = RgbImage::from_fn(4, 4, |x, _| Rgb([if x < 2 { 0 } else { 200 }; 3]));
/// let shrunk = streamface_imgproc::resize_area(&image, &BoundingBox::new(1.0, 0.0, 2.0, 4.0), 1, 1);
/// assert_eq!(shrunk.get_pixel(0, 0), &Rgb([100; 3]));
/// ```
#[must_use]
pub fn resize_area(rgb: &RgbImage, area: &BoundingBox, width: u32, height: u32) -> RgbImage {
    let mut out = RgbImage::new(width, height);
    let finite = [area.x, area.y, area.w, area.h].iter().all(|v| v.is_finite());
    if !finite || area.w <= 0.0 || area.h <= 0.0 || width == 0 || height == 0 {
        return out;
    }
    let columns = spans(rgb.width(), area.x, area.w, width);
    let lines = spans(rgb.height(), area.y, area.h, height);
    // Only the columns that matter are summed.
    let left = columns.iter().map(|s| s.start).min().unwrap_or(0);
    let right = columns.iter().map(Span::end).max().unwrap_or(0);
    if right <= left {
        return out;
    }
    let stride = rgb.width() as usize * 3;
    let mut sums = vec![0f32; 3 * (right - left)];
    for (o, line) in out.chunks_exact_mut(3 * width as usize).zip(&lines) {
        sums.fill(0.0);
        for (k, &weight) in line.weights.iter().enumerate() {
            let row = (line.start + k) * stride;
            add_row(&rgb.as_raw()[row + 3 * left..row + 3 * right], weight, &mut sums);
        }
        average(&sums, left, &columns, o);
    }
    out
}

/// The source pixels under one output pixel, and the share of each.
struct Span {
    start: usize,
    weights: Vec<f32>,
}

impl Span {
    fn end(&self) -> usize {
        self.start + self.weights.len()
    }
}

/// `out` equal parts of the `extent` from `origin`, cut to 0..len; what is outside weighs in as black.
fn spans(len: u32, origin: f32, extent: f32, out: u32) -> Vec<Span> {
    let (origin, step) = (f64::from(origin), f64::from(extent) / f64::from(out));
    let span = |i: u32| {
        let from = origin + f64::from(i) * step;
        let to = origin + f64::from(i + 1) * step;
        let inside = |v: f64| v.clamp(0.0, f64::from(len));
        let (start, end) = (inside(from).floor() as usize, inside(to).ceil() as usize);
        let share = |p: usize| (to.min((p + 1) as f64) - from.max(p as f64)).max(0.0) / step;
        Span { start, weights: (start..end).map(|p| share(p) as f32).collect() }
    };
    (0..out).map(span).collect()
}

dispatch! {
    @avx2
    fn add_row(row: &[u8], weight: f32, sums: &mut [f32]) {
        for (s, &p) in sums.iter_mut().zip(row) {
            *s += weight * f32::from(p);
        }
    }
}

dispatch! {
    @avx2
    fn average(sums: &[f32], left: usize, columns: &[Span], out: &mut [u8]) {
        for (o, span) in out.as_chunks_mut::<3>().0.iter_mut().zip(columns) {
            let mut mean = [0f32; 3];
            // A span wholly outside may lie left of the summed columns; it has no weights.
            let from = 3 * span.start.saturating_sub(left);
            for (p, &w) in sums[from..].as_chunks::<3>().0.iter().zip(&span.weights) {
                for (m, &p) in mean.iter_mut().zip(p) {
                    *m += w * p;
                }
            }
            *o = mean.map(|m| (m + 0.5) as u8);
        }
    }
}
