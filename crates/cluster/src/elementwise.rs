//! Passes over many numbers, for every instruction set: the same plain loops, compiled again for each.

use streamface_kernels::dispatch;

/// Numbers of a row of which [`chunk_minima`] finds the least.
pub(crate) const MINIMA_CHUNK: usize = 512;
/// Numbers that are compared at side by side.
const U16_LANES: usize = 64;

dispatch! {
    /// The least of each [`MINIMA_CHUNK`] of a row; comes back with the least of all.
    pub(crate) fn chunk_minima(isa: Isa, row: &[u16], of: &mut Vec<u16>) -> u16 {
        of.clear();
        of.extend(row.chunks(MINIMA_CHUNK).map(|stretch| {
            let mut least = [u16::MAX; U16_LANES];
            let (full, rest) = stretch.as_chunks::<U16_LANES>();
            for numbers in full {
                for (least, &v) in least.iter_mut().zip(numbers) {
                    *least = v.min(*least);
                }
            }
            rest.iter().chain(&least).copied().fold(u16::MAX, u16::min)
        }));
        of.iter().copied().min().unwrap_or(u16::MAX)
    }
}

dispatch! {
    /// The larger number of two rows, at each place, in the first.
    pub(crate) fn maximum_in_place(isa: Isa, own: &mut [u16], other: &[u16]) {
        own.iter_mut().zip(other).for_each(|(own, &other)| *own = other.max(*own));
    }
}

dispatch! {
    /// As whole numbers of steps, of which one has so many; the nearest, but for what does not fit in 16 bits.
    pub(crate) fn quantize_to_steps(isa: Isa, to: &mut [u16], squares: &[f32], in_one: f32) {
        // At 2²³ numbers are one apart, so that the last bits of the sum are the number.
        const ONE_APART: f32 = (1 << 23) as f32;
        let whole = |x: f32| (x.clamp(0.0, f32::from(u16::MAX)) + ONE_APART).to_bits() as u16;
        to.iter_mut().zip(squares).for_each(|(to, v)| *to = whole(v * in_one));
    }
}

/// Numbers in `f64` whose sums do not wait for each other.
const SUMS: usize = 8;
/// At 2⁵² numbers are one apart; half as much again leaves room for negative ones.
const ONE_APART: f64 = 1.5 * (1_u64 << 52) as f64;

/// The nearest whole number of one far below 2⁵¹; of two the even one.
#[inline(always)]
pub(crate) fn round_to_even(x: f64) -> f64 {
    (x + ONE_APART) - ONE_APART
}

/// The sum of squares, in eight interleaved parts.
pub(crate) fn squares(numbers: &[f64]) -> f64 {
    let mut sums = [0.0; SUMS];
    let (full, rest) = numbers.as_chunks::<SUMS>();
    for x in full {
        for k in 0..SUMS {
            sums[k] += x[k] * x[k];
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|x| x * x).sum::<f64>()
}

dispatch! {
    /// Adds (x · factor − c) · scale to each of `to`, x of a row and c of the centre; comes back with the sum of the squares
    /// of what was added.
    pub(crate) fn add_offset(isa: Isa, to: &mut [f64], row: &[f32], centre: &[f64], by: (f64, f64)) -> f64 {
        let (factor, scale) = by;
        let offset = |x: f32, c: f64| (f64::from(x) * factor - c) * scale;
        let mut sums = [0.0; SUMS];
        let (to, to_rest) = to.as_chunks_mut::<SUMS>();
        let ((x, x_rest), (c, c_rest)) = (row.as_chunks::<SUMS>(), centre.as_chunks::<SUMS>());
        for ((to, x), c) in to.iter_mut().zip(x).zip(c) {
            for k in 0..SUMS {
                let offset = offset(x[k], c[k]);
                to[k] += offset;
                sums[k] += offset * offset;
            }
        }
        let mut sum: f64 = sums.iter().sum();
        for ((to, &x), &c) in to_rest.iter_mut().zip(x_rest).zip(c_rest) {
            let offset = offset(x, c);
            *to += offset;
            sum += offset * offset;
        }
        sum
    }
}

dispatch! {
    /// Numbers as bytes of a step each, of which one has `in_one` and all have at most 127; comes back with the sum of the
    /// squares of what that leaves, and that of the bytes.
    pub(crate) fn quantize_to_bytes(isa: Isa, to: &mut [i8], numbers: &[f64], step: f64, in_one: f64) -> (f64, i32) {
        let (mut left, mut sums) = ([0.0; SUMS], [0; SUMS]);
        let mut put = |k: usize, to: &mut i8, x: f64| {
            let moved = x * in_one + ONE_APART;
            // The last bits are the number.
            *to = moved.to_bits() as i8;
            let off = x - step * (moved - ONE_APART);
            left[k] += off * off;
            sums[k] += i32::from(*to);
        };
        let ((to, to_rest), (full, rest)) = (to.as_chunks_mut::<SUMS>(), numbers.as_chunks::<SUMS>());
        for (to, numbers) in to.iter_mut().zip(full) {
            for k in 0..SUMS {
                put(k, &mut to[k], numbers[k]);
            }
        }
        to_rest.iter_mut().zip(rest).for_each(|(to, &x)| put(0, to, x));
        (left.iter().sum(), sums.iter().sum())
    }
}

dispatch! {
    /// Cosine distances from dot products, which they take the place of, and products of two squared lengths each: as
    /// [`streamface_types::embedding::cosine`], but without a branch.
    pub(crate) fn cosine_distances(isa: Isa, dots: &mut [f64], squares: &[f64]) {
        for (dot, &square) in dots.iter_mut().zip(squares) {
            let distance = (1.0 - *dot / square.sqrt()).clamp(0.0, 2.0);
            // The product of two squares of `f32` that are not 0 is not 0.
            *dot = if square == 0.0 { 1.0 } else { distance };
        }
    }
}

dispatch! {
    /// Square roots, in place.
    pub(crate) fn square_roots(isa: Isa, numbers: &mut [f64]) {
        numbers.iter_mut().for_each(|x| *x = x.sqrt());
    }
}

#[cfg(test)]
mod tests {
    use streamface_kernels::dot::{dot, dots, squared_differences, tree};
    use streamface_kernels::{Isa, SplitMix64};
    use streamface_types::Metric;

    use super::*;

    #[test]
    fn numbers_of_rows_for_all_instruction_sets() {
        let mut random = SplitMix64::new(8);
        for count in [0, 1, 7, 8, 9, 193] {
            let row: Vec<f32> = (0..count).map(|_| random.uniform() as f32 - 0.4).collect();
            let centre: Vec<f64> = (0..count).map(|_| random.uniform() / 7.0).collect();
            let mut seen = Vec::new();
            for isa in Isa::available() {
                let mut z = vec![1.0; count];
                let square = add_offset(isa, &mut z, &row, &centre, (1.25, 3.0));
                let want: Vec<f64> =
                    row.iter().zip(&centre).map(|(&x, c)| (f64::from(x) * 1.25 - c) * 3.0).collect();
                assert!(z.iter().zip(&want).all(|(z, x)| *z == 1.0 + x));
                let sum: f64 = want.iter().map(|x| x * x).sum();
                assert!((square - sum).abs() <= 1e-12 * sum && (squares(&want) - sum).abs() <= 1e-12 * sum);
                let step = want.iter().fold(1e-9_f64, |m, x| m.max(x.abs())) / 127.0;
                let mut bytes = vec![0; count];
                let (left, all) = quantize_to_bytes(isa, &mut bytes, &want, step, step.recip());
                let off: Vec<f64> = want.iter().zip(&bytes).map(|(x, &b)| x - step * f64::from(b)).collect();
                assert!(off.iter().all(|off| off.abs() <= 0.500_001 * step), "{isa:?}");
                let sum: f64 = off.iter().map(|x| x * x).sum();
                assert!((left - sum).abs() <= 1e-12 * sum);
                assert_eq!(all, bytes.iter().map(|&b| i32::from(b)).sum());
                seen.push((square, left, bytes));
            }
            // Bit for bit the same.
            assert!(seen.windows(2).all(|two| two[0] == two[1]));
        }
        assert_eq!([-1.5, -0.6, 0.4, 0.5, 126.7].map(round_to_even), [-2.0, -1.0, 0.0, 0.0, 127.0]);
    }

    #[test]
    fn distances_are_the_definition_s_for_all_instruction_sets() {
        let mut random = SplitMix64::new(6);
        for dim in [1, 15, 16, 37, 64] {
            let mut row = || -> Vec<f32> { (0..dim).map(|_| random.uniform() as f32 - 0.4).collect() };
            let (a, b, c) = (row(), row(), row());
            for isa in Isa::available() {
                let two = dots(isa, &a, [&b, &c]).map(tree);
                let mut both = squared_differences(isa, &a, [&b, &c]).map(tree);
                square_roots(isa, &mut both);
                let want = [&b, &c].map(|other| Metric::Euclidean.distance(&a, other));
                assert_eq!(both.map(f64::to_bits), want.map(f64::to_bits), "{isa:?} {dim}");
                let mut three = [two[0], two[1], 0.0];
                let squares = [dot(&b, &b), dot(&c, &c)].map(|square| dot(&a, &a) * square);
                cosine_distances(isa, &mut three, &[squares[0], squares[1], 0.0]);
                let want = [&b, &c].map(|other| Metric::Cosine.distance(&a, other));
                assert_eq!(three.map(f64::to_bits), [want[0], want[1], 1.0].map(f64::to_bits));
            }
        }
    }

    #[test]
    fn all_instruction_sets_say_what_is_so() {
        let mut random = SplitMix64::new(4);
        for count in [0, 1, 63, 64, 511, 512, 513, 5000] {
            let row: Vec<u16> = (0..count).map(|_| (random.uniform() * 65536.0) as u16).collect();
            let other: Vec<u16> = row.iter().rev().copied().collect();
            let squares: Vec<f32> = row.iter().map(|&v| f32::from(v) * 1.07 - 900.25).collect();
            for isa in Isa::available() {
                let mut of = vec![7];
                assert_eq!(chunk_minima(isa, &row, &mut of), row.iter().copied().min().unwrap_or(u16::MAX));
                let want: Vec<u16> =
                    row.chunks(MINIMA_CHUNK).flat_map(|part| part.iter().copied().min()).collect();
                assert_eq!(of, want);
                let mut most = row.clone();
                maximum_in_place(isa, &mut most, &other);
                assert!(most.iter().zip(row.iter().zip(&other)).all(|(v, (a, b))| v == a.max(b)));
                let mut steps = vec![3; count];
                quantize_to_steps(isa, &mut steps, &squares, 0.5);
                let near =
                    |(&n, &v): (&u16, &f32)| (f32::from(n) - (v * 0.5).clamp(0.0, 65535.0)).abs() <= 0.501;
                assert!(steps.iter().zip(&squares).all(near), "{isa:?}");
            }
        }
    }
}
