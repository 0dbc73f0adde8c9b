//! Products in whole numbers: pixels as bytes, weights as signed bytes, sums of 32 bits.
//!
//! Each pixel has a scale of its own, from the greatest of its numbers: number x becomes round(x / scale), −127 to 127, or 0 to 255
//! where no number is negative. Weights have a scale for each channel of the output, and are −127 to 127. Sums are exact. With AVX-512 VNNI four products are one instruction's work in
//! each lane; without it the same numbers come out, more slowly than those of [`product`](super::product).

use crate::Isa;

use super::finish::Activation;
use super::lanes::{Lanes, Portable};
use super::tile::{blocks, each_pixel, for_pixels, store, stored_channels, tiles};

/// Numbers that one step of a sum takes.
const FOUR: usize = 4;
/// What is added to signed numbers, so that they are bytes.
const SHIFT: i32 = 128;

/// Weights of a product in whole numbers.
#[derive(Debug, Clone)]
pub struct ByteWeights {
    isa: Isa,
    /// Numbers of a pixel, a multiple of four.
    depth: usize,
    channels: usize,
    stored: usize,
    /// For each block of channels: four weights of each channel, then the next four.
    weights: Vec<i8>,
    /// Of each channel: what a weight of 1 stands for, the bias, and with what a sum begins where bytes are of signed numbers.
    scales: Vec<f32>,
    bias: Vec<f32>,
    begin: Vec<i32>,
}

impl ByteWeights {
    /// Packs `weights`, of which number `i * channels + c` belongs to number i of a pixel and channel c of the output. A
    /// pixel has `depth` numbers, a multiple of four.
    ///
    /// Panics where the lengths disagree.
    #[must_use]
    pub fn new(isa: Isa, weights: &[f32], bias: &[f32], depth: usize) -> Self {
        let (channels, stored) = (bias.len(), stored_channels(bias.len()));
        assert!(channels > 0 && depth.is_multiple_of(FOUR), "whole fours of {depth} numbers");
        assert_eq!(weights.len(), depth * channels, "weights");
        let of = |c: usize| weights.iter().skip(c).step_by(channels).copied();
        let mut scales: Vec<f32> =
            (0..channels).map(|c| of(c).fold(0.0_f32, |m, w| m.max(w.abs())) / 127.0).collect();
        scales.resize(stored, 0.0);
        let whole = |at: usize, c: usize| {
            let scale = scales[c];
            if scale > 0.0 { (weights[at * channels + c] / scale).round() as i8 } else { 0 }
        };
        let mut packed = Vec::with_capacity(depth * stored);
        for (first, width) in blocks(isa, stored) {
            for four in 0..depth / FOUR {
                let places =
                    (first..first + width).flat_map(|c| (0..FOUR).map(move |i| (four * FOUR + i, c)));
                packed.extend(places.map(|(at, c)| if c < channels { whole(at, c) } else { 0 }));
            }
        }
        let sum = |c: usize| (0..depth).map(|at| i32::from(whole(at, c))).sum::<i32>();
        let mut begin: Vec<i32> = (0..channels).map(|c| -SHIFT * sum(c)).collect();
        begin.resize(stored, 0);
        let mut bias = bias.to_vec();
        bias.resize(stored, 0.0);
        Self { isa, depth, channels, stored, weights: packed, scales, bias, begin }
    }

    /// Channels of the output.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Products of one pixel.
    #[must_use]
    pub fn products(&self) -> usize {
        self.depth * self.channels
    }
}

/// Pixels as bytes.
#[derive(Debug, Default)]
pub struct BytePixels {
    depth: usize,
    signed: bool,
    count: usize,
    /// With room for more.
    bytes: Vec<u8>,
    /// Of each pixel.
    scales: Vec<f32>,
}

impl BytePixels {
    /// Takes pixels of `depth` numbers each, a multiple of eight. Where they are not `signed`, numbers below 0 become 0.
    ///
    /// Panics where the numbers are no whole pixels.
    pub fn take(&mut self, isa: Isa, numbers: &[f32], depth: usize, signed: bool) {
        assert!(
            depth > 0 && depth.is_multiple_of(8) && numbers.len().is_multiple_of(depth),
            "pixels of {depth}"
        );
        (self.depth, self.signed, self.count) = (depth, signed, numbers.len() / depth);
        if self.bytes.len() < numbers.len() || self.scales.len() < self.count {
            self.bytes.resize(numbers.len().max(self.bytes.len()), 0);
            self.scales.resize(self.count.max(self.scales.len()), 0.0);
        }
        let pixels = Taken { numbers, depth, bytes: &mut self.bytes, scales: &mut self.scales };
        match isa {
            // SAFETY: the processor has the instructions, as there is such an `Isa`.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => unsafe { take_avx512(pixels, signed) },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) => unsafe { take_avx2(pixels, signed) },
            Isa::Portable => take(pixels, signed),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

struct Taken<'a> {
    numbers: &'a [f32],
    depth: usize,
    bytes: &'a mut [u8],
    scales: &'a mut [f32],
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn take_avx2(pixels: Taken<'_>, signed: bool) {
    take(pixels, signed);
}

#[inline(always)]
fn take(Taken { numbers, depth, bytes, scales }: Taken<'_>, signed: bool) {
    let pixels = numbers.chunks_exact(depth).zip(bytes.chunks_exact_mut(depth)).zip(scales);
    for ((pixel, bytes), scale) in pixels {
        let mut most = [0.0_f32; 8];
        for eight in pixel.as_chunks::<8>().0 {
            for i in 0..8 {
                let x = if signed { eight[i].abs() } else { eight[i] };
                most[i] = if x > most[i] { x } else { most[i] };
            }
        }
        let (of, factor, add) = scaled(most.into_iter().fold(0.0, f32::max), signed);
        *scale = of;
        // What is left of the fraction is cut off: rounded.
        for (byte, &x) in bytes.iter_mut().zip(pixel) {
            *byte = (x * factor + add) as u8;
        }
    }
}

/// The scale of numbers up to `most`, and by what a number is multiplied and what is added to it, so that its whole part is
/// its byte.
#[inline(always)]
fn scaled(most: f32, signed: bool) -> (f32, f32, f32) {
    let (steps, add) = if signed { (127.0, SHIFT as f32 + 0.5) } else { (255.0, 0.5) };
    if most > 0.0 { (most / steps, steps / most, add) } else { (0.0, 0.0, add) }
}

/// # Safety
/// The processor has AVX-512 F, BW and VL.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl")]
unsafe fn take_avx512(Taken { numbers, depth, bytes, scales }: Taken<'_>, signed: bool) {
    use std::arch::x86_64::*;
    let pixels = numbers.chunks_exact(depth).zip(bytes.chunks_exact_mut(depth)).zip(scales);
    // The bits that count: all but the sign where numbers are signed.
    let bits = _mm512_set1_epi32(if signed { i32::MAX } else { -1 });
    let size = |v| _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(v), bits));
    for ((pixel, bytes), scale) in pixels {
        let (whole, rest) = pixel.as_chunks::<16>();
        // SAFETY: sixteen numbers are there.
        let load = |numbers: &[f32; 16]| unsafe { _mm512_loadu_ps(numbers.as_ptr()) };
        // Eight numbers are left, or none.
        let half = |numbers: &[f32; 8]| {
            // SAFETY: eight numbers are there.
            let eight = unsafe { _mm256_loadu_ps(numbers.as_ptr()) };
            _mm512_zextps256_ps512(eight)
        };
        let mut most = _mm512_setzero_ps();
        for sixteen in whole {
            most = _mm512_max_ps(most, size(load(sixteen)));
        }
        if let Some(eight) = rest.first_chunk::<8>() {
            most = _mm512_max_ps(most, size(half(eight)));
        }
        let (of, factor, add) = scaled(_mm512_reduce_max_ps(most), signed);
        *scale = of;
        let (factor, add) = (_mm512_set1_ps(factor), _mm512_set1_ps(add));
        // Negative numbers become 0, as they do elsewhere.
        let byte = |v| {
            let scaled = _mm512_max_ps(_mm512_add_ps(_mm512_mul_ps(v, factor), add), _mm512_setzero_ps());
            _mm512_cvtusepi32_epi8(_mm512_cvttps_epi32(scaled))
        };
        let (to, last) = bytes.as_chunks_mut::<16>();
        for (sixteen, to) in whole.iter().zip(to) {
            // SAFETY: there is room for sixteen bytes.
            unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), byte(load(sixteen))) };
        }
        if let (Some(eight), Some(to)) = (rest.first_chunk::<8>(), last.first_chunk_mut::<8>()) {
            *to = _mm_cvtsi128_si64(byte(half(eight))).to_le_bytes();
        }
    }
}

/// Registers of whole sums.
trait Sums: Copy {
    type Numbers: Lanes;

    fn zero() -> Self;
    /// # Safety
    /// A whole number of each lane can be read at `from`.
    unsafe fn load(from: *const i32) -> Self;
    /// Adds the products of four bytes with four weights of each channel.
    ///
    /// # Safety
    /// Four weights of each lane can be read at `weights`.
    unsafe fn add(self, four: [u8; FOUR], weights: *const i8) -> Self;
    fn numbers(self) -> Self::Numbers;
}

impl Sums for [i32; 8] {
    type Numbers = Portable;

    #[inline(always)]
    fn zero() -> Self {
        [0; 8]
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: the caller's promise.
        unsafe { from.cast::<Self>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn add(mut self, four: [u8; FOUR], weights: *const i8) -> Self {
        // SAFETY: the caller's promise.
        let weights = unsafe { weights.cast::<[i8; 8 * FOUR]>().read_unaligned() };
        let [a, b, c, d] = four.map(i32::from);
        let [wa, wb, wc, wd]: [[i32; 8]; FOUR] =
            std::array::from_fn(|i| std::array::from_fn(|lane| i32::from(weights[lane * FOUR + i])));
        for lane in 0..8 {
            self[lane] += a * wa[lane] + b * wb[lane] + c * wc[lane] + d * wd[lane];
        }
        self
    }

    #[inline(always)]
    fn numbers(self) -> Portable {
        Portable::of(self.map(|s| s as f32))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{FOUR, Sums};

    macro_rules! sums {
        ($register:ty, $numbers:ty, $zero:ident $splat:ident $load:ident $dot:ident $convert:ident) => {
            // SAFETY of all: as of `Lanes`, kernels are called where the processor has the instructions.
            impl Sums for $register {
                type Numbers = $numbers;

                #[inline(always)]
                fn zero() -> Self {
                    // SAFETY: see above.
                    unsafe { $zero() }
                }

                #[inline(always)]
                unsafe fn load(from: *const i32) -> Self {
                    // SAFETY: see above, and the caller's promise.
                    unsafe { $load(from.cast()) }
                }

                #[inline(always)]
                unsafe fn add(self, four: [u8; FOUR], weights: *const i8) -> Self {
                    // SAFETY: see above, and the caller's promise.
                    unsafe { $dot(self, $splat(i32::from_le_bytes(four)), $load(weights.cast())) }
                }

                #[inline(always)]
                fn numbers(self) -> $numbers {
                    // SAFETY: see above.
                    unsafe { $convert(self) }
                }
            }
        };
    }

    sums!(__m512i, __m512, _mm512_setzero_si512 _mm512_set1_epi32 _mm512_loadu_si512 _mm512_dpbusd_epi32 _mm512_cvtepi32_ps);
    sums!(__m256i, __m256, _mm256_setzero_si256 _mm256_set1_epi32 _mm256_loadu_si256 _mm256_dpbusd_epi32 _mm256_cvtepi32_ps);
}

/// What a product of bytes makes.
#[derive(Debug)]
pub struct ByteOutput<'a> {
    /// Where it goes: the first pixel and all that follow.
    pub out: &'a mut [f32],
    /// From the beginning of a pixel to that of the next.
    pub step: usize,
    /// What is added to each pixel, as far apart.
    pub residual: Option<&'a [f32]>,
}

/// Writes the product of `pixels` with `weights`: bias, sum, `before`, what is added, `after`.
///
/// Panics where a slice is too short.
pub fn byte_product(
    weights: &ByteWeights,
    pixels: &BytePixels,
    output: &mut ByteOutput<'_>,
    before: &Activation,
    after: &Activation,
) {
    let count = pixels.count();
    if count == 0 {
        return;
    }
    assert_eq!(pixels.depth, weights.depth, "numbers of a pixel");
    let reach = (count - 1) * output.step + weights.stored;
    let long = output.out.len() >= reach && output.residual.is_none_or(|r| r.len() >= reach);
    assert!(long, "{reach} numbers of output");
    assert!(before.reaches(weights.stored) && after.reaches(weights.stored), "{} channels", weights.stored);
    let (out, step, residual) = (output.out.as_mut_ptr(), output.step, output.residual);
    let job = Job { weights, pixels, out, step, residual, before, after };
    match weights.isa {
        // SAFETY: the lengths have been checked; the processor has the instructions, as there is such an `Isa`.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => unsafe { avx512(&job) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => unsafe { avx2(&job) },
        // SAFETY: the lengths have been checked.
        Isa::Portable => unsafe { all_blocks::<[i32; 8], [i32; 8]>(&job) },
    }
}

struct Job<'a> {
    weights: &'a ByteWeights,
    pixels: &'a BytePixels,
    out: *mut f32,
    step: usize,
    residual: Option<&'a [f32]>,
    before: &'a Activation,
    after: &'a Activation,
}

/// # Safety
/// The processor has AVX2 and FMA; the lengths fit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(job: &Job<'_>) {
    // SAFETY: the caller's promise.
    unsafe { all_blocks::<[i32; 8], [i32; 8]>(job) }
}

/// # Safety
/// The processor has AVX-512 F, VL and VNNI; the lengths fit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512vnni")]
unsafe fn avx512(job: &Job<'_>) {
    use std::arch::x86_64::{__m256i, __m512i};
    // SAFETY: the caller's promise.
    unsafe { all_blocks::<__m512i, __m256i>(job) }
}

/// # Safety
/// The lengths fit.
#[inline(always)]
unsafe fn all_blocks<S: Sums, Narrow: Sums>(job: &Job<'_>) {
    let (weights, lanes) = (job.weights, S::Numbers::COUNT);
    let mut at = weights.weights.as_ptr();
    for (first, width) in blocks(weights.isa, weights.stored) {
        // SAFETY: the caller's promise; a block's width is one of these.
        unsafe {
            if width == 2 * lanes {
                all_pixels::<S, 2>(job, at, first);
            } else if width == lanes {
                all_pixels::<S, 1>(job, at, first);
            } else {
                all_pixels::<Narrow, 1>(job, at, first);
            }
            at = at.add(width * weights.depth);
        }
    }
}

/// # Safety
/// The lengths fit.
#[inline(always)]
unsafe fn all_pixels<S: Sums, const N: usize>(job: &Job<'_>, weights: *const i8, first: usize) {
    let mut from = 0;
    for pixels in tiles(job.pixels.count(), S::Numbers::PIXELS) {
        // SAFETY: the caller's promise.
        unsafe {
            for_pixels!(pixels, one_tile::<S, N>(job, weights, first, from));
        }
        from += pixels;
    }
}

/// # Safety
/// The lengths fit.
#[allow(clippy::needless_range_loop, reason = "the pixel is one index, the register the other")]
#[inline(always)]
unsafe fn one_tile<S: Sums, const P: usize, const N: usize>(
    job: &Job<'_>,
    weights: *const i8,
    first: usize,
    from: usize,
) {
    if P > S::Numbers::PIXELS {
        return;
    }
    let &Job { weights: of, pixels, out, step, residual, before, after } = job;
    let lanes = S::Numbers::COUNT;
    let begin = of.begin.as_ptr();
    let begin: [S; N] = std::array::from_fn(|n| {
        // SAFETY: there are `stored` numbers, and the block is among them.
        if pixels.signed { unsafe { S::load(begin.add(first + n * lanes)) } } else { S::zero() }
    });
    let mut sums = [begin; P];
    // SAFETY: pixels reach to the last four of the last one, and weights to the last four of each block.
    unsafe {
        let x = pixels.bytes.as_ptr().add(from * of.depth);
        let mut w = weights;
        for four in 0..of.depth / FOUR {
            each_pixel!(p < P, {
                let a = x.add(p * of.depth + four * FOUR).cast::<[u8; FOUR]>().read_unaligned();
                for n in 0..N {
                    sums[p][n] = sums[p][n].add(a, w.add(n * lanes * FOUR));
                }
            });
            w = w.add(N * lanes * FOUR);
        }
    }
    // SAFETY: scales and bias have `stored` numbers, and the block is among them.
    let load =
        |numbers: &[f32], n: usize| unsafe { S::Numbers::load(numbers.as_ptr().add(first + n * lanes)) };
    let (scales, bias): ([_; N], [_; N]) =
        (std::array::from_fn(|n| load(&of.scales, n)), std::array::from_fn(|n| load(&of.bias, n)));
    let mut numbers = [[S::Numbers::splat(0.0); N]; P];
    each_pixel!(p < P, {
        let scale = S::Numbers::splat(pixels.scales[from + p]);
        for n in 0..N {
            numbers[p][n] = sums[p][n].numbers().multiply_add(scale.multiply(scales[n]), bias[n]);
        }
    });
    // SAFETY: what the activations have, what is added and the output reach to the last stored channel of the last pixel.
    unsafe { store(&mut numbers, out, (from * step + first, step), residual, before, after, first) }
}
