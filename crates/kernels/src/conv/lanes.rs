//! Registers of several numbers: one source of a kernel for all instruction sets.

/// Some `f32` side by side. The functions of the registers of an instruction set may only run where the processor has it:
/// kernels over `Lanes` are inlined into a function that has its target features, and called with an [`Isa`](crate::Isa).
///
/// Sums are taken as the functions say: [`Lanes::multiply_add`] rounds once where there is such an instruction.
pub(super) trait Lanes: Copy {
    /// Numbers of a register.
    const COUNT: usize;
    /// Pixels of a tile of two registers a pixel, so that all its sums stay in registers.
    const PIXELS: usize;

    /// The number in each place.
    fn splat(x: f32) -> Self;
    /// # Safety
    /// `COUNT` numbers can be read at `from`.
    unsafe fn load(from: *const f32) -> Self;
    /// # Safety
    /// `COUNT` numbers can be written at `to`.
    unsafe fn store(self, to: *mut f32);
    /// self · b + c.
    fn multiply_add(self, b: Self, c: Self) -> Self;
    fn add(self, b: Self) -> Self;
    fn multiply(self, b: Self) -> Self;
    fn max(self, b: Self) -> Self;
    fn min(self, b: Self) -> Self;
}

/// Eight numbers without instructions of our choice; the compiler uses what the target has.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; 8]);

impl Portable {
    #[inline(always)]
    pub(super) fn of(numbers: [f32; 8]) -> Self {
        Self(numbers)
    }
}

impl Lanes for Portable {
    const COUNT: usize = 8;
    const PIXELS: usize = 4;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self([x; 8])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise; an array of `f32` may lie wherever an `f32` may.
        Self(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: likewise.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    fn multiply_add(self, b: Self, c: Self) -> Self {
        Self(std::array::from_fn(|i| {
            if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
                self.0[i].mul_add(b.0[i], c.0[i])
            } else {
                self.0[i] * b.0[i] + c.0[i]
            }
        }))
    }

    #[inline(always)]
    fn add(self, b: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + b.0[i]))
    }

    #[inline(always)]
    fn multiply(self, b: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * b.0[i]))
    }

    // As the instructions of x86-64 do, not `f32::max`: of a NaN and a number the second operand.
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] > b.0[i] { self.0[i] } else { b.0[i] }))
    }

    #[inline(always)]
    fn min(self, b: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] < b.0[i] { self.0[i] } else { b.0[i] }))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Lanes;

    macro_rules! lanes {
        ($register:ty, $count:expr, $pixels:expr,
         $splat:ident $load:ident $store:ident $fma:ident $add:ident $mul:ident $max:ident $min:ident) => {
            // SAFETY of all: the trait's condition, that the processor has the instructions.
            impl Lanes for $register {
                const COUNT: usize = $count;
                const PIXELS: usize = $pixels;

                #[inline(always)]
                fn splat(x: f32) -> Self {
                    // SAFETY: see above.
                    unsafe { $splat(x) }
                }

                #[inline(always)]
                unsafe fn load(from: *const f32) -> Self {
                    // SAFETY: see above, and the caller's promise.
                    unsafe { $load(from) }
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut f32) {
                    // SAFETY: see above, and the caller's promise.
                    unsafe { $store(to, self) }
                }

                #[inline(always)]
                fn multiply_add(self, b: Self, c: Self) -> Self {
                    // SAFETY: see above.
                    unsafe { $fma(self, b, c) }
                }

                #[inline(always)]
                fn add(self, b: Self) -> Self {
                    // SAFETY: see above.
                    unsafe { $add(self, b) }
                }

                #[inline(always)]
                fn multiply(self, b: Self) -> Self {
                    // SAFETY: see above.
                    unsafe { $mul(self, b) }
                }

                #[inline(always)]
                fn max(self, b: Self) -> Self {
                    // SAFETY: see above.
                    unsafe { $max(self, b) }
                }

                #[inline(always)]
                fn min(self, b: Self) -> Self {
                    // SAFETY: see above.
                    unsafe { $min(self, b) }
                }
            }
        };
    }

    lanes!(__m256, 8, 6,
        _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_add_ps _mm256_mul_ps _mm256_max_ps
        _mm256_min_ps);
    lanes!(__m512, 16, 14,
        _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps _mm512_add_ps _mm512_mul_ps _mm512_max_ps
        _mm512_min_ps);
}
