//! Bilinear, without antialiasing, in OpenCV's fixed point.

use image::RgbImage;

use crate::simd::multiversion;

/// Weights are in 1/2048.
const ONE: f32 = 2048.0;

/// `resize(…, INTER_LINEAR)`, bit for bit: no antialiasing. From an image without pixels: black.
#[must_use]
pub fn resize_bilinear(rgb: &RgbImage, width: u32, height: u32) -> RgbImage {
    let mut out = RgbImage::new(width, height);
    if (width, height) == rgb.dimensions() {
        out.copy_from_slice(rgb);
        return out;
    }
    let line = width as usize * 3;
    let mut lines: std::slice::ChunksExactMut<u8> = out.chunks_exact_mut(line.max(1));
    rows(rgb, width, height, Layout::Interleaved, |a, b, weights| {
        if let Some(line) = lines.next() {
            blend(a, b, weights, line);
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
    let mut y = 0;
    rows(rgb, width, height, Layout::Planar, |above, below, weights| {
        for (c, plane) in [&mut *r, &mut *g, &mut *b].into_iter().enumerate() {
            let at = c * w..(c + 1) * w;
            blend_float(&above[at.clone()], &below[at], weights, &mut plane[y..y + w]);
        }
        y += w;
    });
}

#[derive(Clone, Copy, PartialEq)]
enum Layout {
    Interleaved,
    Planar,
}

/// How two rows mix.
#[derive(Clone, Copy)]
struct Weights {
    above: i16,
    below: i16,
    /// OpenCV halves an image as the rounded mean of four, all else with truncated products.
    halving: bool,
}

/// Calls `each` for every output row with the two horizontally resized source rows it lies between.
fn rows(
    rgb: &RgbImage,
    width: u32,
    height: u32,
    layout: Layout,
    mut each: impl FnMut(&[i16], &[i16], Weights),
) {
    let (w, h) = (rgb.width() as usize, rgb.height() as usize);
    let (ow, oh) = (width as usize, height as usize);
    if w == 0 || h == 0 || ow == 0 {
        return;
    }
    let mut columns = places(w, ow);
    // A pixel's right neighbour is always read: at the right edge the pair before it serves.
    for (at, weights) in &mut columns {
        if w > 1 && *at == w - 1 {
            (*at, *weights) = (w - 2, [0, ONE as i16]);
        }
    }
    let twice;
    let (source, stride) = if w > 1 {
        (rgb.as_raw().as_slice(), 3 * w)
    } else {
        twice = rgb.chunks_exact(3).flat_map(|p| [p, p].concat()).collect::<Vec<_>>();
        (twice.as_slice(), 6)
    };
    let halving = w == 2 * ow && h == 2 * oh;
    // Source rows as they were last resized, by their parity, so that neighbours never collide.
    let mut cache = [(usize::MAX, vec![0i16; 3 * ow]), (usize::MAX, vec![0i16; 3 * ow])];
    for (y, [above, below]) in lines(h, oh) {
        let ends = [y.clamp(0, h as isize - 1) as usize, (y + 1).clamp(0, h as isize - 1) as usize];
        for line in ends {
            let (held, out) = &mut cache[line % 2];
            if *held != line {
                let row = &source[line * stride..(line + 1) * stride];
                match layout {
                    Layout::Interleaved => across(row, &columns, out),
                    Layout::Planar => across_planar(row, &columns, out),
                }
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

/// Left pixel and weights of each output column.
fn places(len: usize, out: usize) -> Vec<(usize, [i16; 2])> {
    let place = |i| match position(len, out, i) {
        (at, _) if at < 0 => (0, fixed(0.0)),
        (at, _) if at as usize >= len - 1 => (len - 1, fixed(0.0)),
        (at, fraction) => (at as usize, fixed(fraction)),
    };
    (0..out).map(place).collect()
}

/// Upper row (−1 at the top) and weights of each output row.
fn lines(len: usize, out: usize) -> impl Iterator<Item = (isize, [i16; 2])> {
    (0..out).map(move |i| {
        let (at, fraction) = position(len, out, i);
        (at, fixed(fraction))
    })
}

/// One output pixel of a row, all 19 bits of it less the lowest 4, which OpenCV drops before blending.
#[inline(always)]
fn mix(row: &[u8], at: usize, weights: [i16; 2]) -> [i16; 3] {
    let p = &row[3 * at..3 * at + 6];
    let [a, b] = weights.map(i32::from);
    std::array::from_fn(|c| ((i32::from(p[c]) * a + i32::from(p[c + 3]) * b) >> 4) as i16)
}

multiversion! {
    fn across(row: &[u8], columns: &[(usize, [i16; 2])], out: &mut [i16]) {
        for (o, &(at, weights)) in out.as_chunks_mut::<3>().0.iter_mut().zip(columns) {
            *o = mix(row, at, weights);
        }
    }
}

multiversion! {
    fn across_planar(row: &[u8], columns: &[(usize, [i16; 2])], out: &mut [i16]) {
        let (r, rest) = out.split_at_mut(columns.len());
        let (g, b) = rest.split_at_mut(columns.len());
        for (((r, g), b), &(at, weights)) in r.iter_mut().zip(g).zip(b).zip(columns) {
            [*r, *g, *b] = mix(row, at, weights);
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

multiversion! {
    fn blend(a: &[i16], b: &[i16], w: Weights, out: &mut [u8]) {
        for ((o, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *o = blended(a, b, w) as u8;
        }
    }
}

multiversion! {
    fn blend_float(a: &[i16], b: &[i16], w: Weights, out: &mut [f32]) {
        for ((o, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *o = f32::from(blended(a, b, w));
        }
    }
}

multiversion! {
    fn planes_of(rgb: &[u8], r: &mut [f32], g: &mut [f32], b: &mut [f32]) {
        for (((p, r), g), b) in rgb.as_chunks::<3>().0.iter().zip(r).zip(g).zip(b) {
            [*r, *g, *b] = p.map(f32::from);
        }
    }
}
