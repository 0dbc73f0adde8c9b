//! Dense convolutions of 3 x 3 with a quarter of the products: F(4 x 4, 3 x 3) of Lavin and Gray, *Fast algorithms for
//! convolutional neural networks*, 2016.
//!
//! A tile of 6 x 6 pixels makes 4 x 4 pixels of the result. Tile and weights are transformed, then the products are those
//! of 36 matrices of tiles and channels, and their sums are transformed back. In `f32` a result is off by some
//! 1e-5 of the largest terms.

use crate::Isa;

use super::finish::Activation;
use super::lanes::{Lanes, Portable};
use super::product::{PackedWeights, Pixels, product};

/// Rows and columns of the result that a tile makes.
pub const TILE: usize = 4;
/// Rows and columns of the input that a tile reads.
pub const SEEN: usize = TILE + 2;
/// Numbers of a tile for each channel.
const PLACES: usize = SEEN * SEEN;

/// Weights of a convolution of 3 x 3, transformed.
#[derive(Debug, Clone)]
pub struct WinogradWeights {
    isa: Isa,
    depth: usize,
    stored: usize,
    channels: usize,
    places: Vec<PackedWeights>,
    bias: Vec<f32>,
}

impl WinogradWeights {
    /// `weights` holds number `((row * 3 + column) * depth + i) * channels + c` of channel i of the input, which has `depth`
    /// numbers a pixel, a multiple of eight, and channel c of the output.
    ///
    /// Panics where the lengths disagree.
    #[must_use]
    pub fn new(isa: Isa, weights: &[f32], bias: &[f32], depth: usize) -> Self {
        let channels = bias.len();
        assert!(depth.is_multiple_of(8) && weights.len() == 9 * depth * channels, "3 x 3 weights of {depth}");
        let mut places = vec![vec![0.0; depth * channels]; PLACES];
        for at in 0..depth * channels {
            let kernel: [[f64; 3]; 3] = std::array::from_fn(|r| {
                std::array::from_fn(|c| f64::from(weights[(r * 3 + c) * depth * channels + at]))
            });
            // By columns, then by rows.
            let half = kernel.map(transformed);
            for column in 0..SEEN {
                let all = transformed([half[0][column], half[1][column], half[2][column]]);
                all.iter().enumerate().for_each(|(row, &w)| places[row * SEEN + column][at] = w as f32);
            }
        }
        let none = vec![0.0; channels];
        let places: Vec<PackedWeights> =
            places.iter().map(|weights| PackedWeights::new(isa, weights, &none, 1, depth)).collect();
        let stored = places[0].stored();
        let mut bias = bias.to_vec();
        bias.resize(stored, 0.0);
        Self { isa, depth, stored, channels, places, bias }
    }

    /// Channels of the output.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Numbers of all weights.
    #[must_use]
    pub fn numbers(&self) -> usize {
        PLACES * self.depth * self.channels
    }
}

/// Three weights as six.
fn transformed([a, b, c]: [f64; 3]) -> [f64; SEEN] {
    [
        a / 4.0,
        -(a + b + c) / 6.0,
        (b - a - c) / 6.0,
        a / 24.0 + b / 12.0 + c / 6.0,
        a / 24.0 - b / 12.0 + c / 6.0,
        c,
    ]
}

/// Room for tiles, used again from call to call.
#[derive(Debug, Default)]
pub struct Tiles {
    seen: Vec<f32>,
    made: Vec<f32>,
}

/// Rows of the input and the output, in bands: for each band `SEEN` rows that are read and `TILE` that are made.
#[derive(Debug)]
pub struct Bands<'a> {
    /// The rows that are read.
    pub rows: &'a [&'a [f32]],
    /// Pixels of a row of the result; rows that are read have two more.
    pub columns: usize,
    /// Where the result goes.
    pub out: &'a mut [f32],
    /// Where in it each row begins that is made; none where nobody wants it.
    pub at: &'a [Option<usize>],
    /// What is added to each row, if anything.
    pub residual: &'a [Option<&'a [f32]>],
}

/// Makes rows of a convolution: bias, sum of products, `before`, what is added, `after`.
///
/// Panics where the lengths disagree.
pub fn winograd(
    weights: &WinogradWeights,
    bands: &mut Bands<'_>,
    tiles: &mut Tiles,
    before: &Activation,
    after: &Activation,
) {
    let (depth, stored, columns) = (weights.depth, weights.stored, bands.columns);
    let count = bands.at.len() / TILE;
    let whole = bands.at.len() == count * TILE && bands.rows.len() == count * SEEN;
    assert!(whole && bands.residual.len() == bands.at.len() && columns > 0, "rows of whole bands");
    let (read, made) = ((columns + 2) * depth, columns * stored);
    assert!(bands.rows.iter().all(|row| row.len() >= read), "rows of {read} numbers");
    let fits = |at: &usize| at.checked_add(made).is_some_and(|end| end <= bands.out.len());
    assert!(bands.at.iter().flatten().all(fits), "rows of {made} numbers");
    assert!(bands.residual.iter().flatten().all(|row| row.len() >= made), "rows of {made} numbers to add");
    assert!(before.reaches(stored) && after.reaches(stored), "{stored} channels");
    let all = count * columns.div_ceil(TILE);
    let grow = |numbers: &mut Vec<f32>, len: usize| {
        if numbers.len() < len {
            numbers.resize(len, 0.0);
        }
    };
    grow(&mut tiles.seen, PLACES * all * depth);
    grow(&mut tiles.made, PLACES * all * stored);
    take(weights.isa, weights.depth, bands, &mut tiles.seen);
    for (place, packed) in weights.places.iter().enumerate() {
        let seen = &tiles.seen[place * all * depth..][..all * depth];
        let pixels = Pixels { count: all, runs: &[seen], step: depth, out_step: stored, residual: None };
        let out = &mut tiles.made[place * all * stored..][..all * stored];
        product(packed, &pixels, out, &Activation::None, &Activation::None);
    }
    give(weights, bands, &tiles.made, before, after);
}

fn take(isa: Isa, depth: usize, bands: &Bands<'_>, seen: &mut [f32]) {
    match isa {
        // SAFETY: the lengths have been checked; the processor has the instructions, as there is such an `Isa`.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => unsafe { take_avx512(depth, bands, seen) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => unsafe { take_avx2(depth, bands, seen) },
        // SAFETY: the lengths have been checked.
        Isa::Portable => unsafe { take_all::<Portable, Portable>(depth, bands, seen) },
    }
}

fn give(
    weights: &WinogradWeights,
    bands: &mut Bands<'_>,
    made: &[f32],
    before: &Activation,
    after: &Activation,
) {
    match weights.isa {
        // SAFETY: the lengths have been checked; the processor has the instructions, as there is such an `Isa`.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => unsafe { give_avx512(weights, bands, made, before, after) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => unsafe { give_avx2(weights, bands, made, before, after) },
        // SAFETY: the lengths have been checked.
        Isa::Portable => unsafe { give_all::<Portable, Portable>(weights, bands, made, before, after) },
    }
}

/// # Safety
/// The processor has AVX2 and FMA; the lengths fit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn take_avx2(depth: usize, bands: &Bands<'_>, seen: &mut [f32]) {
    use std::arch::x86_64::__m256;
    // SAFETY: the caller's promise.
    unsafe { take_all::<__m256, __m256>(depth, bands, seen) }
}

/// # Safety
/// The processor has AVX-512F; the lengths fit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl")]
unsafe fn take_avx512(depth: usize, bands: &Bands<'_>, seen: &mut [f32]) {
    use std::arch::x86_64::{__m256, __m512};
    // SAFETY: the caller's promise.
    unsafe { take_all::<__m512, __m256>(depth, bands, seen) }
}

/// # Safety
/// The processor has AVX2 and FMA; the lengths fit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn give_avx2(
    weights: &WinogradWeights,
    bands: &mut Bands<'_>,
    made: &[f32],
    before: &Activation,
    after: &Activation,
) {
    use std::arch::x86_64::__m256;
    // SAFETY: the caller's promise.
    unsafe { give_all::<__m256, __m256>(weights, bands, made, before, after) }
}

/// # Safety
/// The processor has AVX-512F; the lengths fit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl")]
unsafe fn give_avx512(
    weights: &WinogradWeights,
    bands: &mut Bands<'_>,
    made: &[f32],
    before: &Activation,
    after: &Activation,
) {
    use std::arch::x86_64::{__m256, __m512};
    // SAFETY: the caller's promise.
    unsafe { give_all::<__m512, __m256>(weights, bands, made, before, after) }
}

/// # Safety
/// The lengths fit.
#[inline(always)]
unsafe fn take_all<V: Lanes, Narrow: Lanes>(depth: usize, bands: &Bands<'_>, seen: &mut [f32]) {
    let across = bands.columns.div_ceil(TILE);
    let all = bands.rows.len() / SEEN * across;
    for (band, rows) in bands.rows.chunks_exact(SEEN).enumerate() {
        for tile in 0..across {
            let columns = (bands.columns + 2 - tile * TILE).min(SEEN);
            let to = (band * across + tile) * depth;
            let mut channel = 0;
            // SAFETY: the caller's promise: a row has `columns + 2` pixels, and there is room for all tiles in each place.
            unsafe {
                while channel + V::COUNT <= depth {
                    take_tile::<V>(
                        rows,
                        tile * TILE * depth + channel,
                        (depth, columns),
                        seen.as_mut_ptr().add(to + channel),
                        all * depth,
                    );
                    channel += V::COUNT;
                }
                while channel < depth {
                    take_tile::<Narrow>(
                        rows,
                        tile * TILE * depth + channel,
                        (depth, columns),
                        seen.as_mut_ptr().add(to + channel),
                        all * depth,
                    );
                    channel += Narrow::COUNT;
                }
            }
        }
    }
}

/// # Safety
/// A register can be read at `from` of each row and of the next `columns` pixels, and written at `to` and each `place` numbers
/// after that.
#[allow(clippy::needless_range_loop, reason = "rows and columns are two indices")]
#[inline(always)]
unsafe fn take_tile<V: Lanes>(
    rows: &[&[f32]],
    from: usize,
    (depth, columns): (usize, usize),
    to: *mut f32,
    place: usize,
) {
    let mut half = [[V::splat(0.0); SEEN]; SEEN];
    for (half, row) in half.iter_mut().zip(rows) {
        let mut pixels = [V::splat(0.0); SEEN];
        for (c, pixel) in pixels.iter_mut().enumerate() {
            if c < columns {
                // SAFETY: the caller's promise.
                *pixel = unsafe { V::load(row.as_ptr().add(from + c * depth)) };
            }
        }
        *half = seen_of(pixels);
    }
    for column in 0..SEEN {
        let all = seen_of(std::array::from_fn(|row| half[row][column]));
        for (row, v) in all.into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { v.store(to.add((row * SEEN + column) * place)) };
        }
    }
}

/// Six pixels, transformed.
#[inline(always)]
fn seen_of<V: Lanes>([a, b, c, d, e, f]: [V; SEEN]) -> [V; SEEN] {
    let (two, four, five) = (V::splat(2.0), V::splat(4.0), V::splat(-5.0));
    let (less_four, less) = (V::splat(-4.0), V::splat(-1.0));
    let (even, odd) = (c.multiply_add(less_four, e), b.multiply_add(less_four, d));
    let (near, far) = (c.multiply_add(less, e), b.multiply_add(less, d).multiply(two));
    [
        a.multiply_add(four, c.multiply_add(five, e)),
        even.add(odd),
        odd.multiply_add(less, even),
        near.add(far),
        far.multiply_add(less, near),
        b.multiply_add(four, d.multiply_add(five, f)),
    ]
}

/// # Safety
/// The lengths fit.
#[inline(always)]
unsafe fn give_all<V: Lanes, Narrow: Lanes>(
    weights: &WinogradWeights,
    bands: &mut Bands<'_>,
    made: &[f32],
    before: &Activation,
    after: &Activation,
) {
    let across = bands.columns.div_ceil(TILE);
    let all = bands.at.len() / TILE * across;
    let stored = weights.stored;
    for band in 0..bands.at.len() / TILE {
        let base = bands.out.as_mut_ptr();
        let out: [*mut f32; TILE] = std::array::from_fn(|r| match bands.at[band * TILE + r] {
            // SAFETY: the row lies in the output.
            Some(at) => unsafe { base.add(at) },
            None => std::ptr::null_mut(),
        });
        let residual: [*const f32; TILE] = std::array::from_fn(|r| {
            bands.residual[band * TILE + r].map_or(std::ptr::null(), <[f32]>::as_ptr)
        });
        for tile in 0..across {
            let columns = (bands.columns - tile * TILE).min(TILE);
            let from = (band * across + tile) * stored;
            let job = Given { out, residual, first: tile * TILE * stored, stored, columns, before, after };
            let mut channel = 0;
            // SAFETY: the caller's promise: rows that are made have `columns` pixels, and each place has all tiles.
            unsafe {
                while channel + V::COUNT <= stored {
                    give_tile::<V>(
                        made.as_ptr().add(from + channel),
                        all * stored,
                        &weights.bias,
                        channel,
                        &job,
                    );
                    channel += V::COUNT;
                }
                while channel < stored {
                    give_tile::<Narrow>(
                        made.as_ptr().add(from + channel),
                        all * stored,
                        &weights.bias,
                        channel,
                        &job,
                    );
                    channel += Narrow::COUNT;
                }
            }
        }
    }
}

/// Where a tile goes. Rows that nobody wants, and rows to which nothing is added, are null.
struct Given<'a> {
    out: [*mut f32; TILE],
    residual: [*const f32; TILE],
    /// The first number of the tile in each row.
    first: usize,
    stored: usize,
    columns: usize,
    before: &'a Activation,
    after: &'a Activation,
}

/// # Safety
/// A register can be read at `made` and each `place` numbers after that, and at `channel` of `bias` and of what the
/// activations have; rows that are not null reach to the end of the tile.
#[allow(clippy::needless_range_loop, reason = "rows and columns are two indices")]
#[inline(always)]
unsafe fn give_tile<V: Lanes>(made: *const f32, place: usize, bias: &[f32], channel: usize, job: &Given<'_>) {
    let mut half = [[V::splat(0.0); TILE]; SEEN];
    for (row, half) in half.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *half = made_of(std::array::from_fn(|c| unsafe { V::load(made.add((row * SEEN + c) * place)) }));
    }
    // SAFETY: the caller's promise.
    let bias = unsafe { V::load(bias.as_ptr().add(channel)) };
    let mut pixels = [[V::splat(0.0); TILE]; TILE];
    for column in 0..TILE {
        let all = made_of(std::array::from_fn(|row| half[row][column]));
        for row in 0..TILE {
            pixels[row][column] = all[row].add(bias);
        }
    }
    for (row, pixels) in pixels.iter().enumerate() {
        if job.out[row].is_null() {
            continue;
        }
        for (column, &v) in pixels.iter().enumerate().take(job.columns) {
            let at = job.first + column * job.stored + channel;
            let mut v = [[v]];
            // SAFETY: the caller's promise.
            unsafe {
                job.before.apply(&mut v, channel);
                if !job.residual[row].is_null() {
                    v[0][0] = v[0][0].add(V::load(job.residual[row].add(at)));
                }
                job.after.apply(&mut v, channel);
                v[0][0].store(job.out[row].add(at));
            }
        }
    }
}

/// Four sums of six.
#[inline(always)]
fn made_of<V: Lanes>([a, b, c, d, e, f]: [V; SEEN]) -> [V; TILE] {
    let (two, four, eight, less) = (V::splat(2.0), V::splat(4.0), V::splat(8.0), V::splat(-1.0));
    let (near, far) = (b.add(c), d.add(e));
    let (near_apart, far_apart) = (c.multiply_add(less, b), e.multiply_add(less, d));
    [
        a.add(near).add(far),
        far_apart.multiply_add(two, near_apart),
        far.multiply_add(four, near),
        far_apart.multiply_add(eight, near_apart).add(f),
    ]
}
