//! What happens to a sum before it is stored.

use super::lanes::{Lanes, Portable};
use super::tile::each_pixel;
use crate::Isa;

/// A function of one number.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Activation {
    /// x.
    #[default]
    None,
    /// The nearest number of a range: ReLU is 0 and infinity, ReLU6 is 0 and 6.
    Clamp(f32, f32),
    /// x where it is positive, else x times the slope of the channel (PReLU). As many slopes as channels, rounded up to
    /// whole registers with any number.
    Slopes(Vec<f32>),
    /// x · clamp(x + 3, 0, 6) / 6.
    HardSwish,
    /// x times a factor of the channel, plus a term of the channel. As many of each as of slopes.
    Affine(Vec<f32>, Vec<f32>),
}

impl Activation {
    /// ReLU.
    pub const RELU: Self = Self::Clamp(0.0, f32::INFINITY);

    /// The same of one number of a channel.
    #[must_use]
    pub fn of(&self, x: f32, channel: usize) -> f32 {
        match self {
            Self::None => x,
            Self::Clamp(low, high) => x.max(*low).min(*high),
            Self::Slopes(slopes) => x.max(0.0) + slopes[channel] * x.min(0.0),
            Self::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) * (1.0 / 6.0),
            Self::Affine(factors, terms) => x * factors[channel] + terms[channel],
        }
    }

    /// The same for `stored` channels, which are as many as there are or more.
    #[must_use]
    pub fn padded(&self, stored: usize) -> Self {
        let pad = |numbers: &[f32]| {
            let mut all = numbers.to_vec();
            all.resize(stored.max(all.len()), 0.0);
            all
        };
        match self {
            Self::Slopes(slopes) => Self::Slopes(pad(slopes)),
            Self::Affine(factors, terms) => Self::Affine(pad(factors), pad(terms)),
            other => other.clone(),
        }
    }

    /// Whether it has numbers for so many channels.
    pub(super) fn reaches(&self, stored: usize) -> bool {
        match self {
            Self::Slopes(slopes) => slopes.len() >= stored,
            Self::Affine(factors, terms) => factors.len() >= stored && terms.len() >= stored,
            _ => true,
        }
    }

    /// Applies it to registers of pixels; `channel` is the channel of a pixel's first number.
    ///
    /// # Safety
    /// What it has for each channel reaches to the end of the last register.
    #[allow(clippy::needless_range_loop, reason = "the pixel is one index, the register the other")]
    #[inline(always)]
    pub(super) unsafe fn apply<V: Lanes, const P: usize, const N: usize>(
        &self,
        sums: &mut [[V; N]; P],
        channel: usize,
    ) {
        // Each pixel is written out, as where the sums are taken: the compiler keeps them in memory otherwise.
        let zero = V::splat(0.0);
        match self {
            Self::None => {}
            &Self::Clamp(low, high) => {
                let (low, high) = (V::splat(low), V::splat(high));
                each_pixel!(p < P, {
                    for n in 0..N {
                        sums[p][n] = sums[p][n].max(low).min(high);
                    }
                });
            }
            Self::Slopes(slopes) => {
                // SAFETY: the caller's promise.
                let slopes: [V; N] = unsafe { of_channels(slopes, channel) };
                each_pixel!(p < P, {
                    for n in 0..N {
                        let v = sums[p][n];
                        sums[p][n] = v.min(zero).multiply_add(slopes[n], v.max(zero));
                    }
                });
            }
            Self::HardSwish => {
                let (three, six, sixth) = (V::splat(3.0), V::splat(6.0), V::splat(1.0 / 6.0));
                each_pixel!(p < P, {
                    for n in 0..N {
                        let v = sums[p][n];
                        sums[p][n] = v.multiply(v.add(three).max(zero).min(six)).multiply(sixth);
                    }
                });
            }
            Self::Affine(factors, terms) => {
                // SAFETY: the caller's promise.
                let (factors, terms): ([V; N], [V; N]) =
                    unsafe { (of_channels(factors, channel), of_channels(terms, channel)) };
                each_pixel!(p < P, {
                    for n in 0..N {
                        sums[p][n] = sums[p][n].multiply_add(factors[n], terms[n]);
                    }
                });
            }
        }
    }
}

/// # Safety
/// `N` registers can be read from `channel` on.
#[inline(always)]
unsafe fn of_channels<V: Lanes, const N: usize>(numbers: &[f32], channel: usize) -> [V; N] {
    // SAFETY: the caller's promise.
    std::array::from_fn(|n| unsafe { V::load(numbers.as_ptr().add(channel + n * V::COUNT)) })
}

/// Applies an activation to pixels of `stored` channels, which are whole registers of eight.
///
/// Panics where the numbers are no whole pixels, or the activation has too few channels.
pub fn activate(isa: Isa, activation: &Activation, stored: usize, numbers: &mut [f32]) {
    assert!(
        stored.is_multiple_of(8) && numbers.len().is_multiple_of(stored.max(1)),
        "whole pixels of {stored}"
    );
    assert!(activation.reaches(stored), "{stored} channels");
    if *activation == Activation::None {
        return;
    }
    match isa {
        // SAFETY: the lengths have been checked; the processor has the instructions, as there is such an `Isa`.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) | Isa::Avx2(_) => unsafe { avx2(activation, stored, numbers) },
        // SAFETY: the lengths have been checked.
        Isa::Portable => unsafe { all_pixels::<Portable>(activation, stored, numbers) },
    }
}

/// # Safety
/// The processor has AVX2 and FMA; the lengths fit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(activation: &Activation, stored: usize, numbers: &mut [f32]) {
    // SAFETY: the caller's promise.
    unsafe { all_pixels::<std::arch::x86_64::__m256>(activation, stored, numbers) }
}

/// # Safety
/// The lengths fit.
#[inline(always)]
unsafe fn all_pixels<V: Lanes>(activation: &Activation, stored: usize, numbers: &mut [f32]) {
    for pixel in numbers.chunks_exact_mut(stored) {
        for (register, numbers) in pixel.chunks_exact_mut(V::COUNT).enumerate() {
            // SAFETY: there are so many numbers; what the activation has for each channel reaches to the last one.
            unsafe {
                let mut sums = [[V::load(numbers.as_ptr())]];
                activation.apply(&mut sums, register * V::COUNT);
                sums[0][0].store(numbers.as_mut_ptr());
            }
        }
    }
}
