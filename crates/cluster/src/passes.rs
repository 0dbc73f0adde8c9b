//! Passes over many numbers, for every instruction set: the same plain loops, compiled again for each.

use streamface_types::embedding::LANES;

use crate::kernel::Isa;

/// A method of [`Isa`] with the same body for all of them, in the compiler's own vectors.
macro_rules! pass {
    ($(#[$doc:meta])* fn $name:ident$(<const $count:ident: usize>)?($($arg:ident: $type:ty),*)
        $(-> $out:ty)? $body:block) => {
        impl Isa {
            $(#[$doc])*
            pub(crate) fn $name$(<const $count: usize>)?(self, $($arg: $type),*) $(-> $out)? {
                #[inline(always)]
                fn body$(<const $count: usize>)?($($arg: $type),*) $(-> $out)? $body
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,fma")]
                fn avx2$(<const $count: usize>)?($($arg: $type),*) $(-> $out)? {
                    body($($arg),*)
                }
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx512f,avx512bw")]
                fn avx512$(<const $count: usize>)?($($arg: $type),*) $(-> $out)? {
                    body($($arg),*)
                }
                match self {
                    Self::Portable => body($($arg),*),
                    // SAFETY: an `Avx2` comes from `available`, which asked the processor.
                    #[cfg(target_arch = "x86_64")]
                    Self::Avx2 => unsafe { avx2($($arg),*) },
                    // SAFETY: likewise a `Vnni`, which has these and more.
                    #[cfg(target_arch = "x86_64")]
                    Self::Vnni => unsafe { avx512($($arg),*) },
                }
            }
        }
    };
}

/// Numbers of a row of which [`Isa::minima`] tells the least.
pub(crate) const STRETCH: usize = 512;
/// Numbers that are looked at side by side.
const SIDE_BY_SIDE: usize = 64;

pass! {
    /// The least of each [`STRETCH`] of a row; comes back with the least of all.
    fn minima(row: &[u16], of: &mut Vec<u16>) -> u16 {
        of.clear();
        of.extend(row.chunks(STRETCH).map(|stretch| {
            let mut least = [u16::MAX; SIDE_BY_SIDE];
            let (full, rest) = stretch.as_chunks::<SIDE_BY_SIDE>();
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

pass! {
    /// The larger number of two rows, at each place, in the first.
    fn larger(own: &mut [u16], other: &[u16]) {
        own.iter_mut().zip(other).for_each(|(own, &other)| *own = other.max(*own));
    }
}

pass! {
    /// As whole numbers of steps, of which one has so many; the nearest, but for what does not fit in 16 bits.
    fn whole_steps(to: &mut [u16], squares: &[f32], in_one: f32) {
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
pub(crate) fn whole(x: f64) -> f64 {
    (x + ONE_APART) - ONE_APART
}

/// The sum of squares, in an order of its own.
pub(crate) fn squares(numbers: &[f64]) -> f64 {
    product(numbers, numbers)
}

/// The sum of products of numbers of two rows of one length, in an order of its own.
pub(crate) fn product(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; SUMS];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<SUMS>(), b.as_chunks::<SUMS>());
    for (x, y) in a.iter().zip(b) {
        for k in 0..SUMS {
            sums[k] += x[k] * y[k];
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f64>()
}

pass! {
    /// Adds (x · factor − c) · scale to each of `to`, x of a row and c of the centre; comes back with the sum of the squares
    /// of what was added.
    fn add_offset(to: &mut [f64], row: &[f32], centre: &[f64], by: (f64, f64)) -> f64 {
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

pass! {
    /// Numbers as bytes of a step each, of which one has `in_one` and all have at most 127; comes back with the sum of the
    /// squares of what that leaves, and that of the bytes.
    fn to_bytes(to: &mut [i8], numbers: &[f64], step: f64, in_one: f64) -> (f64, i32) {
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

pass! {
    /// The dot products of a row with a few others, whose [tree](streamface_types::embedding::tree) is bit for bit
    /// [`streamface_types::embedding::dot`].
    fn dots<const N: usize>(a: &[f32], b: [&[f32]; N]) -> [[f64; LANES]; N] {
        // The same bits as fused: products of `f32` are exact in `f64`.
        sums(a, b, |x, y, sum| sum + x * y)
    }
}

pass! {
    /// The squared distances of a row from a few others, likewise in the order of sums of
    /// [`streamface_types::Metric::distance`].
    fn squared_distances<const N: usize>(a: &[f32], b: [&[f32]; N]) -> [[f64; LANES]; N] {
        sums(a, b, |x, y, sum| sum + (x - y) * (x - y))
    }
}

pass! {
    /// Cosine distances from dot products, which they take the place of, and products of two squared lengths each: as
    /// [`streamface_types::embedding::cosine`], but without a branch.
    fn cosines(dots: &mut [f64], squares: &[f64]) {
        for (dot, &square) in dots.iter_mut().zip(squares) {
            let distance = (1.0 - *dot / square.sqrt()).clamp(0.0, 2.0);
            // The product of two squares of `f32` that are not 0 is not 0.
            *dot = if square == 0.0 { 1.0 } else { distance };
        }
    }
}

pass! {
    /// Square roots, in place.
    fn roots(numbers: &mut [f64]) {
        numbers.iter_mut().for_each(|x| *x = x.sqrt());
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

#[cfg(test)]
mod tests {
    use streamface_types::Metric;
    use streamface_types::embedding::{dot, tree};

    use super::*;
    use crate::random::Random;

    #[test]
    fn numbers_of_rows_for_all_instruction_sets() {
        let mut random = Random::new(8);
        for count in [0, 1, 7, 8, 9, 193] {
            let row: Vec<f32> = (0..count).map(|_| random.uniform() as f32 - 0.4).collect();
            let centre: Vec<f64> = (0..count).map(|_| random.uniform() / 7.0).collect();
            let mut seen = Vec::new();
            for isa in Isa::available() {
                let mut z = vec![1.0; count];
                let square = isa.add_offset(&mut z, &row, &centre, (1.25, 3.0));
                let want: Vec<f64> =
                    row.iter().zip(&centre).map(|(&x, c)| (f64::from(x) * 1.25 - c) * 3.0).collect();
                assert!(z.iter().zip(&want).all(|(z, x)| *z == 1.0 + x));
                let sum: f64 = want.iter().map(|x| x * x).sum();
                assert!((square - sum).abs() <= 1e-12 * sum && (squares(&want) - sum).abs() <= 1e-12 * sum);
                let step = want.iter().fold(1e-9_f64, |m, x| m.max(x.abs())) / 127.0;
                let mut bytes = vec![0; count];
                let (left, all) = isa.to_bytes(&mut bytes, &want, step, step.recip());
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
        assert_eq!([-1.5, -0.6, 0.4, 0.5, 126.7].map(whole), [-2.0, -1.0, 0.0, 0.0, 127.0]);
    }

    #[test]
    fn distances_are_the_definition_s_for_all_instruction_sets() {
        let mut random = Random::new(6);
        for dim in [1, 15, 16, 37, 64] {
            let mut row = || -> Vec<f32> { (0..dim).map(|_| random.uniform() as f32 - 0.4).collect() };
            let (a, b, c) = (row(), row(), row());
            for isa in Isa::available() {
                let dots = isa.dots(&a, [&b, &c]).map(tree);
                assert_eq!(dots.map(f64::to_bits), [dot(&a, &b), dot(&a, &c)].map(f64::to_bits));
                assert_eq!(tree(isa.dots(&a, [&b])[0]).to_bits(), dots[0].to_bits());
                let mut both = isa.squared_distances(&a, [&b, &c]).map(tree);
                isa.roots(&mut both);
                let want = [&b, &c].map(|other| Metric::Euclidean.distance(&a, other));
                assert_eq!(both.map(f64::to_bits), want.map(f64::to_bits), "{isa:?} {dim}");
                let mut cosines = [dots[0], dots[1], 0.0];
                let squares = [dot(&b, &b), dot(&c, &c)].map(|square| dot(&a, &a) * square);
                isa.cosines(&mut cosines, &[squares[0], squares[1], 0.0]);
                let want = [&b, &c].map(|other| Metric::Cosine.distance(&a, other));
                assert_eq!(cosines.map(f64::to_bits), [want[0], want[1], 1.0].map(f64::to_bits));
            }
        }
    }

    #[test]
    fn all_instruction_sets_say_what_is_so() {
        let mut random = Random::new(4);
        for count in [0, 1, 63, 64, 511, 512, 513, 5000] {
            let row: Vec<u16> = (0..count).map(|_| (random.uniform() * 65536.0) as u16).collect();
            let other: Vec<u16> = row.iter().rev().copied().collect();
            let squares: Vec<f32> = row.iter().map(|&v| f32::from(v) * 1.07 - 900.25).collect();
            for isa in Isa::available() {
                let mut of = vec![7];
                assert_eq!(isa.minima(&row, &mut of), row.iter().copied().min().unwrap_or(u16::MAX));
                let want: Vec<u16> =
                    row.chunks(STRETCH).flat_map(|part| part.iter().copied().min()).collect();
                assert_eq!(of, want);
                let mut larger = row.clone();
                isa.larger(&mut larger, &other);
                assert!(larger.iter().zip(row.iter().zip(&other)).all(|(v, (a, b))| v == a.max(b)));
                let mut steps = vec![3; count];
                isa.whole_steps(&mut steps, &squares, 0.5);
                let near =
                    |(&n, &v): (&u16, &f32)| (f32::from(n) - (v * 0.5).clamp(0.0, 65535.0)).abs() <= 0.501;
                assert!(steps.iter().zip(&squares).all(near), "{isa:?}");
            }
        }
    }
}
