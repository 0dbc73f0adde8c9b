//! Passes over many numbers, for every instruction set: the same plain loops, compiled again for each.

use crate::kernel::Isa;

/// A method of [`Isa`] with the same body for all of them, in the compiler's own vectors.
macro_rules! pass {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)? $body:block) => {
        impl Isa {
            $(#[$doc])*
            pub(crate) fn $name(self, $($arg: $type),*) $(-> $out)? {
                #[inline(always)]
                fn body($($arg: $type),*) $(-> $out)? $body
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $type),*) $(-> $out)? {
                    body($($arg),*)
                }
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx512f,avx512bw")]
                fn avx512($($arg: $type),*) $(-> $out)? {
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
const LANES: usize = 64;

pass! {
    /// The least of each [`STRETCH`] of a row; comes back with the least of all.
    fn minima(row: &[u16], of: &mut Vec<u16>) -> u16 {
        of.clear();
        of.extend(row.chunks(STRETCH).map(|stretch| {
            let mut least = [u16::MAX; LANES];
            let (full, rest) = stretch.as_chunks::<LANES>();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

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
