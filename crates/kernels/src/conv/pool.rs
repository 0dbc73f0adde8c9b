//! Pooling of rows of pixels, and sums of rows.

use crate::dispatch;

/// Pixels of two rows that belong together: pixel `out + i` of one and pixel `from + i * stride` of the other, `count` of
/// them, of `channels` numbers each.
#[derive(Clone, Copy, Debug)]
pub struct Pairs {
    /// The first pixel that is written.
    pub out: usize,
    /// The first pixel that is read.
    pub from: usize,
    /// From a pixel that is read to the next.
    pub stride: usize,
    /// How many.
    pub count: usize,
    /// Numbers of a pixel.
    pub channels: usize,
}

dispatch! {
    /// Each number of the pixels of `out` becomes the larger one of itself and that of the pixel of `row`.
    ///
    /// Panics where a row is too short.
    pub fn larger(out: &mut [f32], row: &[f32], pairs: Pairs) {
        let Pairs { out: first, from, stride, count, channels } = pairs;
        for (i, pixel) in out[first * channels..][..count * channels].chunks_exact_mut(channels).enumerate() {
            let read = &row[(from + i * stride) * channels..][..channels];
            pixel.iter_mut().zip(read).for_each(|(o, &r)| *o = if r > *o { r } else { *o });
        }
    }

    /// Adds the pixels of `row` to those of `out`.
    ///
    /// Panics where a row is too short.
    pub fn accumulate(out: &mut [f32], row: &[f32], pairs: Pairs) {
        let Pairs { out: first, from, stride, count, channels } = pairs;
        for (i, pixel) in out[first * channels..][..count * channels].chunks_exact_mut(channels).enumerate() {
            let read = &row[(from + i * stride) * channels..][..channels];
            pixel.iter_mut().zip(read).for_each(|(o, &r)| *o += r);
        }
    }

    /// Multiplies all numbers by one.
    pub fn scale(out: &mut [f32], factor: f32) {
        out.iter_mut().for_each(|o| *o *= factor);
    }

    /// `out` = a + b, number by number.
    pub fn sum(out: &mut [f32], a: &[f32], b: &[f32]) {
        out.iter_mut().zip(a.iter().zip(b)).for_each(|(o, (a, b))| *o = a + b);
    }
}
