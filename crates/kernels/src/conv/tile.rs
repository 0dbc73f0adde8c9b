//! What products have in common: blocks of channels, tiles of pixels, and what happens to the sums of a tile.

use crate::Isa;

use super::finish::Activation;
use super::lanes::Lanes;

/// Channels that a picture has room for, where so many are used: a multiple of eight.
#[must_use]
pub fn stored_channels(channels: usize) -> usize {
    channels.next_multiple_of(8)
}

/// Blocks of channels and their widths, for the registers of an instruction set.
pub(super) fn blocks(isa: Isa, stored: usize) -> impl Iterator<Item = (usize, usize)> {
    let lanes = if matches!(isa, Isa::Portable) || !is_wide(isa) { 8 } else { 16 };
    let mut at = 0;
    std::iter::from_fn(move || {
        let width = [2 * lanes, lanes, 8].into_iter().find(|&w| at + w <= stored)?;
        at += width;
        Some((at - width, width))
    })
}

fn is_wide(isa: Isa) -> bool {
    #[cfg(target_arch = "x86_64")]
    return matches!(isa, Isa::Avx512(_));
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Pixels in tiles of nearly the same size, of `most` at most: a last tile of a few pixels would take as long as a full one.
pub(super) fn tiles(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let tiles = count.div_ceil(most);
    (0..tiles).map(move |tile| count / tiles + usize::from(tile < count % tiles))
}

/// Runs the body for each pixel of a tile, written out: the compiler keeps the sums of a loop of fourteen in memory.
macro_rules! each_pixel {
    ($p:ident < $count:ident, $body:block) => {
        each_pixel!(@ $p $count $body [0 1 2 3 4 5 6 7 8 9 10 11 12 13])
    };
    (@ $p:ident $count:ident $body:block [$($number:literal)*]) => {
        $(if $number < $count {
            let $p: usize = $number;
            $body
        })*
    };
}
pub(super) use each_pixel;

/// Calls a function with the number of pixels, 1 to 14, as a parameter.
macro_rules! for_pixels {
    ($pixels:expr, $tile:ident::<$lanes:ty, $registers:ident>($($argument:expr),*)) => {
        for_pixels!(@ $pixels, $tile, $lanes, $registers, ($($argument),*), [1 2 3 4 5 6 7 8 9 10 11 12 13 14])
    };
    (@ $pixels:expr, $tile:ident, $lanes:ty, $registers:ident, $arguments:tt, [$($number:literal)*]) => {
        match $pixels {
            $($number => for_pixels!(! $tile, $lanes, $number, $registers, $arguments),)*
            _ => {}
        }
    };
    (! $tile:ident, $lanes:ty, $number:literal, $registers:ident, ($($argument:expr),*)) => {
        $tile::<$lanes, $number, $registers>($($argument),*)
    };
}
pub(super) use for_pixels;

/// Finishes the sums of a tile and stores them. `at` is the place of its first number and the distance of pixels, `channel`
/// the channel of a pixel's first number.
///
/// # Safety
/// `out` and `residual` reach to the end of the last register, and so does what the activations have.
#[allow(clippy::needless_range_loop, reason = "the pixel is one index, the register the other")]
#[inline(always)]
pub(super) unsafe fn store<V: Lanes, const P: usize, const N: usize>(
    sums: &mut [[V; N]; P],
    out: *mut f32,
    (first, step): (usize, usize),
    residual: Option<&[f32]>,
    before: &Activation,
    after: &Activation,
    channel: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        before.apply(sums, channel);
        if let Some(residual) = residual {
            let residual = residual.as_ptr().add(first);
            each_pixel!(p < P, {
                for n in 0..N {
                    sums[p][n] = sums[p][n].add(V::load(residual.add(p * step + n * V::COUNT)));
                }
            });
        }
        after.apply(sums, channel);
        let out = out.add(first);
        each_pixel!(p < P, {
            for n in 0..N {
                sums[p][n].store(out.add(p * step + n * V::COUNT));
            }
        });
    }
}
