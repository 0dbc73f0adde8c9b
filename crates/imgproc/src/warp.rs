//! Similarity transforms: turn, uniform scale and shift.

use image::RgbImage;
use streamface_kernels::dispatch;
use streamface_types::{Landmarks, Point};

/// Where embedders want the five landmarks in a 112 x 112 face.
pub const ARCFACE_112: Landmarks = Landmarks([
    [38.2946, 51.6963],
    [73.5318, 51.5014],
    [56.0252, 71.7366],
    [41.5493, 92.3655],
    [70.7299, 92.2041],
]);

/// Turn, uniform scale and shift: (x, y) → (a·x − b·y + tx, b·x + a·y + ty).
///
/// ```
/// use streamface_imgproc::{ARCFACE_112, Similarity};
/// use streamface_types::Landmarks;
///
/// let face = Landmarks(ARCFACE_112.0.map(|[x, y]| [2.0 * x + 100.0, 2.0 * y + 50.0]));
/// let to_template = Similarity::from_landmarks(&face, &ARCFACE_112).unwrap();
/// assert!((to_template.scale() - 0.5).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Scale times cosine of the angle.
    pub a: f64,
    /// Scale times sine of the angle.
    pub b: f64,
    /// Shift to the right.
    pub tx: f64,
    /// Shift down.
    pub ty: f64,
}

impl Similarity {
    /// The transform without reflection that takes `src` nearest to `dst` in the least-squares sense
    /// (Umeyama 1991; in the plane it has this closed form). Points beyond the shorter list are left
    /// out. `None` where the points of `src` coincide, there are none, or a number is not finite.
    #[must_use]
    pub fn from_points(src: &[Point], dst: &[Point]) -> Option<Self> {
        let pairs = || src.iter().zip(dst).map(|(s, d)| (s.map(f64::from), d.map(f64::from)));
        let n = pairs().count() as f64;
        let (mut sc, mut dc) = ([0.0; 2], [0.0; 2]);
        for (s, d) in pairs() {
            for i in 0..2 {
                sc[i] += s[i] / n;
                dc[i] += d[i] / n;
            }
        }
        let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
        for (s, d) in pairs() {
            let (sx, sy) = (s[0] - sc[0], s[1] - sc[1]);
            let (dx, dy) = (d[0] - dc[0], d[1] - dc[1]);
            along += sx * dx + sy * dy;
            across += sx * dy - sy * dx;
            spread += sx * sx + sy * sy;
        }
        let (a, b) = (along / spread, across / spread);
        let t = Self { a, b, tx: dc[0] - a * sc[0] + b * sc[1], ty: dc[1] - b * sc[0] - a * sc[1] };
        [t.a, t.b, t.tx, t.ty].iter().all(|v| v.is_finite()).then_some(t)
    }

    /// From a face's landmarks to those of a template such as [`ARCFACE_112`].
    #[must_use]
    pub fn from_landmarks(src: &Landmarks, dst: &Landmarks) -> Option<Self> {
        Self::from_points(&src.0, &dst.0)
    }

    /// Where a point goes.
    #[must_use]
    pub fn apply(&self, p: Point) -> Point {
        self.at(f64::from(p[0]), f64::from(p[1])).map(|v| v as f32)
    }

    fn at(&self, x: f64, y: f64) -> [f64; 2] {
        [self.a * x - self.b * y + self.tx, self.b * x + self.a * y + self.ty]
    }

    /// The way back. `None` where the scale is 0 or out of range.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        let square = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / square, -self.b / square);
        let back = Self { a, b, tx: b * self.ty - a * self.tx, ty: -b * self.tx - a * self.ty };
        [back.a, back.b, back.tx, back.ty].iter().all(|v| v.is_finite()).then_some(back)
    }

    /// The scale: output pixels per input pixel.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }
}

/// The frame seen through `to_out` (frame → output), bilinear, black outside, as
/// `warpAffine(…, INTER_LINEAR, BORDER_CONSTANT)` but with exact weights. A transform that has no way
/// back gives black. Shrinking to less than half aliases: shrink with
/// [`resize_area`](crate::resize_area) before where that matters.
///
/// ```
/// use image::{Rgb, RgbImage};
/// use streamface_imgproc::{Similarity, warp_similarity};
///
/// let frame = RgbImage::from_fn(8, 8, |x, _| Rgb([10 * x as u8; 3]));
/// let half_a_pixel = Similarity { a: 1.0, b: 0.0, tx: 0.5, ty: 0.0 };
/// let out = warp_similarity(&frame, &half_a_pixel, 8, 8);
/// assert_eq!(out.get_pixel(3, 4), &Rgb([25; 3]));
/// ```
#[must_use]
pub fn warp_similarity(frame: &RgbImage, to_out: &Similarity, width: u32, height: u32) -> RgbImage {
    let mut out = RgbImage::new(width, height);
    let Some(back) = to_out.inverse() else { return out };
    let (w, h) = (frame.width() as usize, frame.height() as usize);
    if w == 0 || h == 0 || width == 0 {
        return out;
    }
    let source = Source { data: frame.as_raw(), w, h };
    for (y, line) in out.chunks_exact_mut(3 * width as usize).enumerate() {
        warp_line(&source, &back, y, line);
    }
    out
}

struct Source<'a> {
    data: &'a [u8],
    w: usize,
    h: usize,
}

impl Source<'_> {
    /// The colour at (u, v), which is black outside and mixes with it along the border.
    fn bilinear(&self, [u, v]: [f64; 2]) -> [u8; 3] {
        // Also keeps what follows within the whole numbers; false for NaN.
        let reaches = |v: f64, len: usize| v > -1.0 && v < len as f64;
        if !(reaches(u, self.w) && reaches(v, self.h)) {
            return [0; 3];
        }
        let (left, top) = (u.floor(), v.floor());
        let (fx, fy) = ((u - left) as f32, (v - top) as f32);
        let at = |dx: isize, dy: isize| -> [f32; 3] {
            let (x, y) = (left as isize + dx, top as isize + dy);
            if x < 0 || y < 0 || x as usize >= self.w || y as usize >= self.h {
                return [0.0; 3];
            }
            let at = 3 * (y as usize * self.w + x as usize);
            [self.data[at], self.data[at + 1], self.data[at + 2]].map(f32::from)
        };
        let [a, b, c, d] = [at(0, 0), at(1, 0), at(0, 1), at(1, 1)];
        std::array::from_fn(|k| {
            let above = a[k] + fx * (b[k] - a[k]);
            let below = c[k] + fx * (d[k] - c[k]);
            (above + fy * (below - above) + 0.5) as u8
        })
    }
}

dispatch! {
    @by_hand
    /// One line of the output. With AVX2 the same arithmetic, three colours at once, where all four pixels lie inside.
    fn warp_line(source: &Source<'_>, back: &Similarity, y: usize, line: &mut [u8]) {
        portable {
            for (x, o) in line.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                *o = source.bilinear(back.at(x as f64, y as f64));
            }
        }
        avx2 {
            use std::arch::x86_64::*;
            let inside = |v: f64, len: usize| v >= 0.0 && v < len.saturating_sub(1) as f64;
            let eight = |at: usize| source.data.get(at..at + 8).and_then(|s| s.first_chunk::<8>());
            for (x, o) in line.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                let [u, v] = back.at(x as f64, y as f64);
                // Within 0 ..= 2^31, so the quick conversions are right.
                let (left, top) = (u as i32, v as i32);
                let at = 3 * (top.max(0) as usize * source.w + left.max(0) as usize);
                let (true, true, Some(upper), Some(lower)) =
                    (inside(u, source.w), inside(v, source.h), eight(at), eight(at + 3 * source.w))
                else {
                    *o = source.bilinear([u, v]);
                    continue;
                };
                let (fx, fy) = ((u - f64::from(left)) as f32, (v - f64::from(top)) as f32);
                let mix = |row: &[u8; 8]| {
                    let bytes = _mm_cvtsi64_si128(i64::from_le_bytes(*row));
                    let here = _mm_cvtepi32_ps(_mm_cvtepu8_epi32(bytes));
                    let right = _mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_srli_si128::<3>(bytes)));
                    _mm_add_ps(here, _mm_mul_ps(_mm_set1_ps(fx), _mm_sub_ps(right, here)))
                };
                let (above, below) = (mix(upper), mix(lower));
                let sum = _mm_add_ps(above, _mm_mul_ps(_mm_set1_ps(fy), _mm_sub_ps(below, above)));
                let whole = _mm_cvttps_epi32(_mm_add_ps(sum, _mm_set1_ps(0.5)));
                let bytes = _mm_shuffle_epi8(whole, _mm_set1_epi32(0x0c08_0400));
                let [r, g, b, _] = _mm_cvtsi128_si32(bytes).to_le_bytes();
                *o = [r, g, b];
            }
        }
    }
}
