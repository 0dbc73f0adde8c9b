//! Dot products and squared differences.
//!
//! **Order of sums.** Sums over `f32` and `f64` are taken in [`LANES`] interleaved parts: part `k` is the sum of terms
//! `k`, `k + LANES`, `k + 2 LANES`, …, and [`tree`] adds the parts. The order is the same on every machine.

use crate::{Isa, dispatch};

/// Parts that sums are taken in.
pub const LANES: usize = 16;

/// The sum of all parts: halves are added until one number is left.
#[must_use]
#[inline]
pub fn tree(mut lanes: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for k in 0..half {
            lanes[k] += lanes[k + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The dot product of two `f32` vectors of one length in `f64`. Products of `f32` are exact in `f64`, so that fused and
/// separate arithmetic give the same bits.
#[must_use]
#[inline]
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    // Fused where the processor is known to have it.
    sum(a, b, |x, y, sum| if cfg!(target_feature = "fma") { x.mul_add(y, sum) } else { sum + x * y })
}

/// Σ (a − b)² of two `f32` vectors of one length in `f64`.
#[must_use]
#[inline]
pub fn squared_difference(a: &[f32], b: &[f32]) -> f64 {
    sum(a, b, |x, y, sum| sum + (x - y) * (x - y))
}

#[inline]
fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let ((full, rest), (full_b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in full.iter().zip(full_b) {
        for k in 0..LANES {
            lanes[k] = term(a[k].into(), b[k].into(), lanes[k]);
        }
    }
    for ((lane, &x), &y) in lanes.iter_mut().zip(rest).zip(rest_b) {
        *lane = term(x.into(), y.into(), *lane);
    }
    tree(lanes)
}

dispatch! {
    /// The dot products of a row with a few others, which share the reading of it; [`tree`] of each is bit for bit
    /// [`dot`]. Panics where one of `b` is shorter than `a`.
    #[must_use]
    pub fn dots<const N: usize>(isa: Isa, a: &[f32], b: [&[f32]; N]) -> [[f64; LANES]; N] {
        // The same bits as fused: products of `f32` are exact in `f64`.
        sums(a, b, |x, y, sum| sum + x * y)
    }

    /// The squared differences of a row and a few others; [`tree`] of each is bit for bit [`squared_difference`].
    /// Panics where one of `b` is shorter than `a`.
    #[must_use]
    pub fn squared_differences<const N: usize>(isa: Isa, a: &[f32], b: [&[f32]; N]) -> [[f64; LANES]; N] {
        sums(a, b, |x, y, sum| sum + (x - y) * (x - y))
    }
}

/// Sums over the numbers of a row and each of a few others, which share the reading and converting of it.
#[inline(always)]
fn sums<const N: usize>(a: &[f32], b: [&[f32]; N], term: impl Fn(f64, f64, f64) -> f64) -> [[f64; LANES]; N] {
    let mut sums = [[0.0; LANES]; N];
    let (full, rest) = a.as_chunks::<LANES>();
    // As many for all, known to the compiler, takes the bounds checks out of the loop.
    let b = b.map(|row| row[..a.len()].as_chunks::<LANES>());
    let of = b.map(|(of, _)| &of[..full.len()]);
    for (step, x) in full.iter().enumerate() {
        let x = x.map(f64::from);
        for (sums, of) in sums.iter_mut().zip(of) {
            for k in 0..LANES {
                sums[k] = term(x[k], of[step][k].into(), sums[k]);
            }
        }
    }
    for (sums, (_, of)) in sums.iter_mut().zip(b) {
        for ((sum, &x), &y) in sums.iter_mut().zip(rest).zip(of) {
            *sum = term(x.into(), y.into(), *sum);
        }
    }
    sums
}

#[inline(always)]
fn sum_f64(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let b = &b[..a.len()];
    let mut lanes = [0.0; LANES];
    let ((full, rest), (full_b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in full.iter().zip(full_b) {
        for k in 0..LANES {
            lanes[k] += term(a[k], b[k]);
        }
    }
    for ((lane, &x), &y) in lanes.iter_mut().zip(rest).zip(rest_b) {
        *lane += term(x, y);
    }
    tree(lanes)
}

dispatch! {
    /// The dot product of two `f64` vectors. Panics where `b` is shorter than `a`.
    #[must_use]
    #[inline]
    pub fn dot_f64(a: &[f64], b: &[f64]) -> f64 {
        sum_f64(a, b, |x, y| x * y)
    }

    /// Σ (a − b · c)². Panics where `b` is shorter than `a`.
    #[must_use]
    #[inline]
    pub fn squared_difference_f64(a: &[f64], b: &[f64], c: f64) -> f64 {
        sum_f64(a, b, |x, y| { let d = x - y * c; d * d })
    }

    /// a ← a + b · c, as far as both go.
    #[inline]
    pub fn add_scaled(a: &mut [f64], b: &[f64], c: f64) {
        for (a, &b) in a.iter_mut().zip(b) {
            *a += b * c;
        }
    }

    /// Numbers as `f64`, as far as there are and there is room.
    #[inline]
    pub fn to_f64(from: &[f32], to: &mut [f64]) {
        for (to, &x) in to.iter_mut().zip(from) {
            *to = x.into();
        }
    }
}

/// The position of the first number that is NaN or infinite. Most often there is none, which one pass without a branch
/// finds.
#[must_use]
pub fn not_finite(numbers: &[f32]) -> Option<usize> {
    // The exponent is all ones in no other number; adding one to it then carries into the sign.
    let carried = numbers.iter().fold(0, |all, v| all | ((v.to_bits() & 0x7fff_ffff) + 0x0080_0000));
    (carried >> 31 == 1).then(|| numbers.iter().position(|v| !v.is_finite())).flatten()
}

/// The dot product of two rows of signed bytes, −127 to 127 each; `sum_b` is the sum of the bytes of `b`, which some
/// instruction sets need. Exact.
///
/// By hand: the instructions for bytes (`vpdpbusd`, `vpmaddubsw`) are twice as wide as what the compiler makes of the
/// plain loop. Panics where the lengths differ or are more than 2¹⁶. Bytes of −128 give a wrong sum with AVX2.
#[must_use]
#[inline]
pub fn dot_i8(isa: Isa, a: &[i8], b: &[i8], sum_b: i32) -> i32 {
    assert!(a.len() == b.len() && a.len() <= 1 << 16);
    match isa {
        // SAFETY: the processor has the instructions, as there is an `Avx512`; lengths are checked above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => unsafe { dot_vnni(a, b) - 128 * sum_b },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => unsafe { dot_avx2(a, b) },
        Isa::Portable => a.iter().zip(b).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum(),
    }
}

/// # Safety
/// The processor has AVX2; `b` is as long as `a`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn dot_avx2(a: &[i8], b: &[i8]) -> i32 {
    use std::arch::x86_64::*;
    let ones = _mm256_set1_epi16(1);
    let mut sums = [_mm256_setzero_si256(); 2];
    let whole = a.len() / 32 * 32;
    for from in (0..whole).step_by(32) {
        // SAFETY: 32 bytes from `from` on are within both.
        let (x, y) = unsafe {
            (_mm256_loadu_si256(a.as_ptr().add(from).cast()), _mm256_loadu_si256(b.as_ptr().add(from).cast()))
        };
        let sum = &mut sums[from / 32 % 2];
        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs(_mm256_abs_epi8(x), x, y), ones));
    }
    let sum = _mm256_add_epi32(sums[0], sums[1]);
    let sum = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
    let sum = _mm_add_epi32(sum, _mm_unpackhi_epi64(sum, sum));
    let sum = _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32::<1>(sum)));
    let rest = a[whole..].iter().zip(&b[whole..]).map(|(&x, &y)| i32::from(x) * i32::from(y));
    sum + rest.sum::<i32>()
}

/// Products of bytes within ±127, two neighbours added, which 16 bits hold; `size` is the absolute value of `x`.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn pairs(
    size: std::arch::x86_64::__m256i,
    x: std::arch::x86_64::__m256i,
    y: std::arch::x86_64::__m256i,
) -> std::arch::x86_64::__m256i {
    use std::arch::x86_64::*;
    _mm256_maddubs_epi16(size, _mm256_sign_epi8(y, x))
}

/// Σ (a + 128) b.
///
/// # Safety
/// The processor has AVX-512F, BW and VNNI; `b` is as long as `a`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn dot_vnni(a: &[i8], b: &[i8]) -> i32 {
    use std::arch::x86_64::*;
    let offset = _mm512_set1_epi8(i8::MIN);
    let mut sum = _mm512_setzero_si512();
    let whole = a.len() / 64 * 64;
    for at in (0..whole).step_by(64) {
        // SAFETY: 64 bytes from `at` on are within both.
        let (x, y) = unsafe {
            (_mm512_loadu_si512(a.as_ptr().add(at).cast()), _mm512_loadu_si512(b.as_ptr().add(at).cast()))
        };
        sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(x, offset), y);
    }
    if whole < a.len() {
        let mask = !0_u64 >> (64 - (a.len() - whole));
        // SAFETY: only the bytes of the mask are read.
        let (x, y) = unsafe {
            (
                _mm512_maskz_loadu_epi8(mask, a.as_ptr().add(whole)),
                _mm512_maskz_loadu_epi8(mask, b.as_ptr().add(whole)),
            )
        };
        // Beyond the end b is zero, whatever a becomes.
        sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(x, offset), y);
    }
    _mm512_reduce_add_epi32(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SplitMix64;

    #[test]
    fn byte_products_are_exact_on_all_instruction_sets() {
        for isa in Isa::available() {
            for len in [0, 1, 31, 32, 63, 64, 65, 192, 513] {
                let row = |k: usize| -> Vec<i8> {
                    (0..len).map(|i| ((i * k + i * i) % 255) as i32 - 127).map(|x| x as i8).collect()
                };
                let (a, b) = (row(7), row(31));
                let want: i32 = a.iter().zip(&b).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum();
                let sum = b.iter().map(|&y| i32::from(y)).sum();
                assert_eq!(dot_i8(isa, &a, &b, sum), want, "{isa:?} {len}");
                let ends = vec![127; len];
                let want = 127 * 127 * len as i32;
                assert_eq!(dot_i8(isa, &ends, &ends, 127 * len as i32), want, "{isa:?} {len}");
            }
        }
    }

    #[test]
    fn rows_together_give_the_bits_of_rows_alone() {
        let mut random = SplitMix64::new(6);
        for dim in [1, 15, 16, 37, 64] {
            let mut row = || -> Vec<f32> { (0..dim).map(|_| random.uniform() as f32 - 0.4).collect() };
            let (a, b, c) = (row(), row(), row());
            for isa in Isa::available() {
                let both = dots(isa, &a, [&b, &c]).map(tree);
                assert_eq!(both.map(f64::to_bits), [dot(&a, &b), dot(&a, &c)].map(f64::to_bits));
                assert_eq!(tree(dots(isa, &a, [&b])[0]).to_bits(), both[0].to_bits());
                let both = squared_differences(isa, &a, [&b, &c]).map(tree);
                let want = [&b, &c].map(|other| squared_difference(&a, other));
                assert_eq!(both.map(f64::to_bits), want.map(f64::to_bits), "{isa:?} {dim}");
            }
            let mut wide = [vec![0.0; dim], vec![0.0; dim]];
            to_f64(&a, &mut wide[0]);
            to_f64(&b, &mut wide[1]);
            assert_eq!(dot_f64(&wide[0], &wide[1]).to_bits(), dot(&a, &b).to_bits());
            let difference = squared_difference_f64(&wide[0], &wide[1], 1.0);
            assert_eq!(difference.to_bits(), squared_difference(&a, &b).to_bits());
            let [mut x, y] = wide;
            add_scaled(&mut x, &y, 2.0);
            assert!(x.iter().zip(&a).zip(&b).all(|((x, &a), &b)| *x == f64::from(a) + 2.0 * f64::from(b)));
        }
    }

    #[test]
    fn the_first_number_that_is_not_finite_is_found() {
        assert_eq!(not_finite(&[1.0, -f32::MAX, f32::MIN_POSITIVE, 0.0]), None);
        assert_eq!(not_finite(&[1.0, f32::NEG_INFINITY, f32::NAN]), Some(1));
        assert_eq!(not_finite(&[]), None);
    }
}
