//! Convolutions as matrix products on the activations as they lie.
//!
//! A picture is rows of pixels, a pixel its channels side by side. What a window of a dense convolution covers in one row
//! of its input is then one run of numbers, and the next pixel's run begins a fixed number of numbers later. So a
//! convolution is a product of those runs with the weights: nothing is copied first. A 1x1 convolution has one run of
//! the input's channels, a 3x3 convolution three runs of three times as many.

use crate::Isa;

use super::finish::Activation;
use super::lanes::{Lanes, Portable};
use super::tile::{blocks, each_pixel, for_pixels, store, stored_channels, tiles};

/// Weights of a product, in the order in which a kernel of one instruction set reads them.
#[derive(Debug, Clone)]
pub struct PackedWeights {
    isa: Isa,
    /// Numbers of a run, and runs of a window.
    run: usize,
    runs: usize,
    /// Channels of the output, and how many are stored: whole registers.
    channels: usize,
    stored: usize,
    /// For each block of channels: all its weights, then the next block. Blocks have two registers, the last ones one.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl PackedWeights {
    /// Packs `weights`, of which number `(r * run + i) * channels + c` belongs to number i of run r and channel c.
    ///
    /// Panics where the lengths disagree.
    #[must_use]
    pub fn new(isa: Isa, weights: &[f32], bias: &[f32], runs: usize, run: usize) -> Self {
        let channels = bias.len();
        let depth = runs * run;
        assert!(channels > 0 && weights.len() == depth * channels, "{depth} weights of {channels} channels");
        let stored = stored_channels(channels);
        let mut packed = Vec::with_capacity(depth * stored);
        for (first, width) in blocks(isa, stored) {
            for at in 0..depth {
                let row = &weights[at * channels..][..channels];
                packed.extend((first..first + width).map(|c| row.get(c).copied().unwrap_or(0.0)));
            }
        }
        let mut bias = bias.to_vec();
        bias.resize(stored, 0.0);
        Self { isa, run, runs, channels, stored, weights: packed, bias }
    }

    /// Channels of the output.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Channels that are stored.
    #[must_use]
    pub fn stored(&self) -> usize {
        self.stored
    }

    /// Products of one pixel.
    #[must_use]
    pub fn products(&self) -> usize {
        self.runs * self.run * self.channels
    }
}

/// Pixels of a product: of its input, its output, and what is added.
#[derive(Debug)]
pub struct Pixels<'a> {
    /// How many.
    pub count: usize,
    /// The runs of the first pixel and all that follow.
    pub runs: &'a [&'a [f32]],
    /// From the beginning of a pixel's run to that of the next.
    pub step: usize,
    /// From the beginning of a pixel of the output to that of the next.
    pub out_step: usize,
    /// What is added to each pixel, as far apart as those of the output.
    pub residual: Option<&'a [f32]>,
}

/// Writes the product of `pixels` with `weights` to `out`: bias, sum of products in the order of runs and numbers,
/// `before`, what is added, `after`.
///
/// Panics where a slice is too short.
pub fn product(
    weights: &PackedWeights,
    pixels: &Pixels<'_>,
    out: &mut [f32],
    before: &Activation,
    after: &Activation,
) {
    let &Pixels { count, runs, step, out_step, residual } = pixels;
    if count == 0 {
        return;
    }
    assert_eq!(runs.len(), weights.runs, "runs");
    let reach = (count - 1) * step + weights.run;
    assert!(runs.iter().all(|run| run.len() >= reach), "runs of {reach} numbers");
    let reach = (count - 1) * out_step + weights.stored;
    assert!(out.len() >= reach && residual.is_none_or(|r| r.len() >= reach), "{reach} numbers of output");
    assert!(before.reaches(weights.stored) && after.reaches(weights.stored), "{} channels", weights.stored);
    let job = Job { weights, pixels, out: out.as_mut_ptr(), before, after };
    match weights.isa {
        // SAFETY: the lengths have been checked; the processor has the instructions, as there is such an `Isa`.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => unsafe { avx512(&job) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => unsafe { avx2(&job) },
        // SAFETY: the lengths have been checked.
        Isa::Portable => unsafe { all_blocks::<Portable, Portable>(&job) },
    }
}

struct Job<'a> {
    weights: &'a PackedWeights,
    pixels: &'a Pixels<'a>,
    out: *mut f32,
    before: &'a Activation,
    after: &'a Activation,
}

/// # Safety
/// The processor has AVX2 and FMA; the lengths fit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(job: &Job<'_>) {
    use std::arch::x86_64::__m256;
    // SAFETY: the caller's promise.
    unsafe { all_blocks::<__m256, __m256>(job) }
}

/// # Safety
/// The processor has AVX-512F; the lengths fit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl")]
unsafe fn avx512(job: &Job<'_>) {
    use std::arch::x86_64::{__m256, __m512};
    // SAFETY: the caller's promise.
    unsafe { all_blocks::<__m512, __m256>(job) }
}

/// # Safety
/// The lengths fit.
#[inline(always)]
unsafe fn all_blocks<V: Lanes, Narrow: Lanes>(job: &Job<'_>) {
    let weights = job.weights;
    let mut at = weights.weights.as_ptr();
    for (first, width) in blocks(weights.isa, weights.stored) {
        let block = Block { weights: at, first };
        // SAFETY: the caller's promise; a block's width is one of these.
        unsafe {
            if width == 2 * V::COUNT {
                all_pixels::<V, 2>(job, &block);
            } else if width == V::COUNT {
                all_pixels::<V, 1>(job, &block);
            } else {
                all_pixels::<Narrow, 1>(job, &block);
            }
            at = at.add(width * weights.runs * weights.run);
        }
    }
}

struct Block {
    weights: *const f32,
    /// The first channel.
    first: usize,
}

/// # Safety
/// The lengths fit.
#[inline(always)]
unsafe fn all_pixels<V: Lanes, const N: usize>(job: &Job<'_>, block: &Block) {
    let mut from = 0;
    for pixels in tiles(job.pixels.count, V::PIXELS) {
        // SAFETY: the caller's promise.
        unsafe {
            for_pixels!(pixels, one_tile::<V, N>(job, block, from));
        }
        from += pixels;
    }
}

/// # Safety
/// The lengths fit.
#[inline(always)]
unsafe fn one_tile<V: Lanes, const P: usize, const N: usize>(job: &Job<'_>, block: &Block, from: usize) {
    if P > V::PIXELS {
        return;
    }
    let &Job { weights, pixels, out, before, after } = job;
    let bias = weights.bias.as_ptr();
    // SAFETY: there are `stored` numbers, and the block is among them.
    let bias: [V; N] = std::array::from_fn(|n| unsafe { V::load(bias.add(block.first + n * V::COUNT)) });
    let mut sums = [bias; P];
    let mut w = block.weights;
    let step = pixels.step;
    for run in pixels.runs {
        // SAFETY: a run reaches to the last number of the last pixel, and weights to the last run.
        unsafe {
            let x = run.as_ptr().add(from * step);
            for i in 0..weights.run {
                let b: [V; N] = std::array::from_fn(|n| V::load(w.add(n * V::COUNT)));
                w = w.add(N * V::COUNT);
                each_pixel!(p < P, {
                    let a = V::splat(*x.add(p * step + i));
                    for n in 0..N {
                        sums[p][n] = a.multiply_add(b[n], sums[p][n]);
                    }
                });
            }
        }
    }
    // SAFETY: what the activations have, what is added and the output reach to the last stored channel of the last pixel.
    unsafe {
        let at = (from * pixels.out_step + block.first, pixels.out_step);
        store(&mut sums, out, at, pixels.residual, before, after, block.first);
    }
}
