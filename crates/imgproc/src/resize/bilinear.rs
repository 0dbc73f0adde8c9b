//! Bilinear, without antialiasing, in OpenCV's fixed point.
//!
//! Source rows are first resized along x into one plane per colour (16 bits: 8 and 7 of fraction), each
//! once; every output row then blends two of them.

use image::RgbImage;

use streamface_kernels::dispatch;

/// Weights are in 1/2048.
const ONE: f32 = 2048.0;

/// `resize(…, INTER_LINEAR)`, bit for bit: no antialiasing. From an image without pixels: black.
///
/// ```
/// let image = image::RgbImage::from_fn(2, 1, |x, _| image::Rgb([100 * x as u8; 3]));
/// let wide = streamface_imgproc::resize_bilinear(&image, 4, 1);
/// assert_eq!([0, 1, 2, 3].map(|x| wide.get_pixel(x, 0).0[0]), [0, 25, 75, 100]);
/// ```
#[must_use]
pub fn resize_bilinear(rgb: &RgbImage, width: u32, height: u32) -> RgbImage {
    let mut out = RgbImage::new(width, height);
    if (width, height) == rgb.dimensions() {
        out.copy_from_slice(rgb);
        return out;
    }
    let w = width as usize;
    let mut lines: std::slice::ChunksExactMut<u8> = out.chunks_exact_mut((3 * w).max(1));
    let mut planes = vec![0u8; 3 * w];
    rows(rgb, width, height, |above, below, weights| {
        blend(above, below, weights, &mut planes);
        if let Some(line) = lines.next() {
            let (r, rest) = planes.split_at(w);
            let (g, b) = rest.split_at(w);
            interleave(r, g, b, line);
        }
    });
    out
}

/// [`resize_bilinear`] written as three planes (R, G, B) of `height` rows of `width` numbers, 0 to 255,
/// which is what a network takes (NCHW).
///
/// # Panics
/// When `planes` does not hold 3 · width · height numbers.
pub fn resize_bilinear_planar(rgb: &RgbImage, width: u32, height: u32, planes: &mut [f32]) {
    let (w, size) = (width as usize, width as usize * height as usize);
    assert_eq!(planes.len(), 3 * size, "3 planes of {width} x {height}");
    if size == 0 {
        return;
    }
    if rgb.is_empty() {
        planes.fill(0.0);
        return;
    }
    let (r, rest) = planes.split_at_mut(size);
    let (g, b) = rest.split_at_mut(size);
    if (width, height) == rgb.dimensions() {
        planes_of(rgb.as_raw(), r, g, b);
        return;
    }
    let mut at = 0;
    rows(rgb, width, height, |above, below, weights| {
        for (c, plane) in [&mut *r, &mut *g, &mut *b].into_iter().enumerate() {
            let colour = c * w..(c + 1) * w;
            blend_float(&above[colour.clone()], &below[colour], weights, &mut plane[at..at + w]);
        }
        at += w;
    });
}

/// How two rows mix.
#[derive(Clone, Copy)]
struct Weights {
    above: i16,
    below: i16,
    /// OpenCV halves an image as the rounded mean of four, all else with truncated products.
    halving: bool,
}

/// Calls `each` for every output row with the two horizontally resized source rows it lies between,
/// each as three planes.
fn rows(rgb: &RgbImage, width: u32, height: u32, mut each: impl FnMut(&[i16], &[i16], Weights)) {
    let (w, h) = (rgb.width() as usize, rgb.height() as usize);
    let (ow, oh) = (width as usize, height as usize);
    if w == 0 || h == 0 || ow == 0 {
        return;
    }
    let twice;
    let (source, stride) = if w > 1 {
        (rgb.as_raw().as_slice(), 3 * w)
    } else {
        // There is always a neighbour to the right.
        twice = rgb.chunks_exact(3).flat_map(|p| [p, p].concat()).collect::<Vec<_>>();
        (twice.as_slice(), 6)
    };
    let columns = Columns::new(w, ow);
    let halving = w == 2 * ow && h == 2 * oh;
    // Source rows as they were last resized, by their parity, so that neighbours never collide.
    let mut cache = [(usize::MAX, vec![0i16; 3 * ow]), (usize::MAX, vec![0i16; 3 * ow])];
    for (y, [above, below]) in lines(h, oh) {
        let ends = [y, y + 1].map(|y| y.clamp(0, h as isize - 1) as usize);
        for line in ends {
            let (held, out) = &mut cache[line % 2];
            if *held != line {
                columns.resize(&source[line * stride..(line + 1) * stride], out);
                *held = line;
            }
        }
        each(&cache[ends[0] % 2].1, &cache[ends[1] % 2].1, Weights { above, below, halving });
    }
}

/// Position and fraction along a side, in single precision as OpenCV.
fn position(len: usize, out: usize, i: usize) -> (isize, f32) {
    let scale = 1.0 / (out as f64 / len as f64);
    let at = ((i as f64 + 0.5) * scale - 0.5) as f32;
    (at.floor() as isize, at - at.floor())
}

fn fixed(fraction: f32) -> [i16; 2] {
    [((1.0 - fraction) * ONE).round_ties_even() as i16, (fraction * ONE).round_ties_even() as i16]
}

/// Upper row (−1 at the top) and weights of each output row.
fn lines(len: usize, out: usize) -> impl Iterator<Item = (isize, [i16; 2])> {
    (0..out).map(move |i| {
        let (at, fraction) = position(len, out, i);
        (at, fixed(fraction))
    })
}

/// Left pixel of each output column and the weights of it and its right neighbour.
struct Columns {
    at: Vec<u32>,
    weights: Vec<[i16; 2]>,
}

impl Columns {
    fn new(len: usize, out: usize) -> Self {
        let place = |i| match position(len, out, i) {
            (at, _) if at < 0 || len == 1 => (0, fixed(0.0)),
            // The neighbour alone, so that there is one.
            (at, _) if at as usize >= len - 1 => (len as u32 - 2, fixed(1.0)),
            (at, fraction) => (at as u32, fixed(fraction)),
        };
        let (at, weights) = (0..out).map(place).unzip();
        Self { at, weights }
    }

    /// One row of the source to three planes of one row.
    fn resize(&self, row: &[u8], out: &mut [i16]) {
        let (r, rest) = out.split_at_mut(self.at.len());
        let (g, b) = rest.split_at_mut(self.at.len());
        let done = resize_fours(self, row, r, g, b);
        for i in done..self.at.len() {
            let p = &row[3 * self.at[i] as usize..][..6];
            let [left, right] = self.weights[i].map(i32::from);
            // OpenCV drops the lowest 4 of 19 bits before it blends rows.
            let mix = |c: usize| ((i32::from(p[c]) * left + i32::from(p[c + 3]) * right) >> 4) as i16;
            (r[i], g[i], b[i]) = (mix(0), mix(1), mix(2));
        }
    }
}

dispatch! {
    @by_hand
    /// Four columns at a time, as far as the eight bytes read for each lie in the row; how many. None without AVX2.
    fn resize_fours(columns: &Columns, row: &[u8], r: &mut [i16], g: &mut [i16], b: &mut [i16]) -> usize {
        portable {
            let _ = (columns, row, r, g, b);
            0
        }
        avx2 {
            use std::arch::x86_64::*;
            // From RGBRGB.. twice: both reds and both greens of either pixel, then both blues, as 16 bits.
            let reds_greens = _mm256_setr_epi8(
                0, -1, 3, -1, 8, -1, 11, -1, 1, -1, 4, -1, 9, -1, 12, -1, //
                0, -1, 3, -1, 8, -1, 11, -1, 1, -1, 4, -1, 9, -1, 12, -1,
            );
            let blues = _mm256_setr_epi8(
                2, -1, 5, -1, 10, -1, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, //
                2, -1, 5, -1, 10, -1, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1,
            );
            let twice = _mm256_setr_epi32(0, 1, 0, 1, 2, 3, 2, 3);
            let planes = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
            let groups = columns.at.as_chunks::<4>().0.iter().zip(columns.weights.as_chunks::<4>().0);
            let outs = r.as_chunks_mut::<4>().0.iter_mut().zip(g.as_chunks_mut::<4>().0);
            let outs = outs.zip(b.as_chunks_mut::<4>().0);
            let mut done = 0;
            for ((at, weights), ((r, g), b)) in groups.zip(outs) {
                // Columns go to the right, so the last reaches farthest.
                if 3 * at[3] as usize + 8 > row.len() {
                    break;
                }
                let eight = |at: u32| match row[3 * at as usize..].first_chunk::<8>() {
                    Some(bytes) => i64::from_le_bytes(*bytes),
                    None => 0,
                };
                let pixels = _mm256_set_epi64x(eight(at[3]), eight(at[2]), eight(at[1]), eight(at[0]));
                let pair = |w: [i16; 2]| i32::from(w[0]) & 0xffff | i32::from(w[1]) << 16;
                let [w0, w1, w2, w3] = weights.map(pair);
                let weights = _mm256_castsi128_si256(_mm_setr_epi32(w0, w1, w2, w3));
                let weights = _mm256_permutevar8x32_epi32(weights, twice);
                let mix = |order| {
                    let sum = _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, order), weights);
                    _mm256_srai_epi32::<4>(sum)
                };
                let both = _mm256_packs_epi32(mix(reds_greens), mix(blues));
                let both = _mm256_permutevar8x32_epi32(both, planes);
                let four = |v: i64| [v as i16, (v >> 16) as i16, (v >> 32) as i16, (v >> 48) as i16];
                *r = four(_mm256_extract_epi64::<0>(both));
                *g = four(_mm256_extract_epi64::<1>(both));
                *b = four(_mm256_extract_epi64::<2>(both));
                done += 4;
            }
            done
        }
    }
}

/// One output value from two row values.
#[inline(always)]
fn blended(a: i16, b: i16, w: Weights) -> i16 {
    if w.halving {
        // Each is 64 times the sum of two pixels.
        return ((i32::from(a) + i32::from(b) + 128) >> 8) as i16;
    }
    let high = |v: i16, w: i16| ((i32::from(v) * i32::from(w)) >> 16) as i16;
    (high(a, w.above) + high(b, w.below) + 2) >> 2
}

dispatch! {
    @avx2
    fn blend(a: &[i16], b: &[i16], w: Weights, out: &mut [u8]) {
        for ((o, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *o = blended(a, b, w) as u8;
        }
    }
}

dispatch! {
    @avx2
    fn blend_float(a: &[i16], b: &[i16], w: Weights, out: &mut [f32]) {
        for ((o, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *o = f32::from(blended(a, b, w));
        }
    }
}

dispatch! {
    @avx2
    fn interleave(r: &[u8], g: &[u8], b: &[u8], out: &mut [u8]) {
        for (((o, &r), &g), &b) in out.as_chunks_mut::<3>().0.iter_mut().zip(r).zip(g).zip(b) {
            *o = [r, g, b];
        }
    }
}

dispatch! {
    @avx2
    fn planes_of(rgb: &[u8], r: &mut [f32], g: &mut [f32], b: &mut [f32]) {
        for (((p, r), g), b) in rgb.as_chunks::<3>().0.iter().zip(r).zip(g).zip(b) {
            [*r, *g, *b] = p.map(f32::from);
        }
    }
}
