//! Instruction sets and the choice between them at run time.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set that this processor has.
///
/// The variants beyond [`Portable`](Self::Portable) hold a proof that only this module can make, after asking the
/// processor. On other architectures than x86-64 there is only `Portable`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// What the compiler may assume of the target.
    Portable,
    /// AVX2, FMA, BMI1, BMI2, LZCNT and POPCNT: Intel from Haswell (2013), AMD from Zen (2017) on.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// Those of `Avx2`, and AVX-512 F, BW, DQ, VL and VNNI: Intel from Cascade Lake (2019), AMD from Zen 4 (2022) on.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

/// The proof that the processor has the instructions of [`Isa::Avx2`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Avx2(());

/// The proof that the processor has the instructions of [`Isa::Avx512`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Avx512(());

/// The answer of the processor: 0 not asked yet, else one more than the index in [`Isa::available`].
static DETECTED: AtomicU8 = AtomicU8::new(0);

impl Isa {
    /// The instruction sets that this processor has, the slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
        {
            all.push(Self::Avx2(Avx2(())));
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni")
            {
                all.push(Self::Avx512(Avx512(())));
            }
        }
        all
    }

    /// The fastest instruction set of this processor. The processor is asked once; after that this is two loads.
    #[inline]
    #[must_use]
    pub fn detect() -> Self {
        if let Some(isa) = restricted::get() {
            return isa;
        }
        match DETECTED.load(Ordering::Relaxed) {
            0 => ask(),
            #[cfg(target_arch = "x86_64")]
            2 => Self::Avx2(Avx2(())),
            #[cfg(target_arch = "x86_64")]
            3 => Self::Avx512(Avx512(())),
            _ => Self::Portable,
        }
    }

    /// Runs `f` with [`detect`](Self::detect) answering `isa` on this thread: for tests that compare instruction sets.
    pub fn with_at_most<T>(isa: Self, f: impl FnOnce() -> T) -> T {
        restricted::run(isa, f)
    }

    /// The name of the instruction set in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
        }
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cold]
fn ask() -> Isa {
    let all = Isa::available();
    DETECTED.store(all.len() as u8, Ordering::Relaxed);
    all.last().copied().unwrap_or(Isa::Portable)
}

mod restricted {
    use std::cell::Cell;

    use super::Isa;

    thread_local! {
        static RESTRICTED: Cell<Option<Isa>> = const { Cell::new(None) };
    }

    pub(super) fn get() -> Option<Isa> {
        RESTRICTED.get()
    }

    pub(super) fn run<T>(isa: Isa, f: impl FnOnce() -> T) -> T {
        struct Restore(Option<Isa>);
        impl Drop for Restore {
            fn drop(&mut self) {
                RESTRICTED.set(self.0);
            }
        }
        let _restore = Restore(RESTRICTED.replace(Some(isa)));
        f()
    }
}

/// Declares functions whose body is compiled for each instruction set.
///
/// The body is plain Rust that the compiler turns into vector instructions by itself. Four forms:
///
/// * a first argument written `isa: Isa`: the caller chooses, which saves the choice in a loop; one parameter
///   `<const N: usize>` is possible;
/// * without it, [`Isa::detect`] chooses at each call;
/// * with `@avx2` before the functions there is no AVX-512 version: for loops that gain nothing from it;
/// * with `@by_hand` before one function it has two bodies, `portable { … }` and `avx2 { … }`: the second one may call
///   the safe intrinsics of AVX2. It runs with AVX-512, too.
///
/// The body must not depend on the instruction set: integer arithmetic and IEEE operations in a fixed order give the
/// same bits. The body is a function of its own, so `return` leaves the function and `?` is fine; arguments are plain
/// names (`mut x` is not possible).
///
/// ```
/// use streamface_kernels::{Isa, dispatch};
///
/// dispatch! {
///     /// Adds `b` to `a`.
///     fn add(a: &mut [f32], b: &[f32]) {
///         a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
///     }
///
///     /// The largest number.
///     #[inline]
///     fn largest(isa: Isa, numbers: &[u16]) -> u16 {
///         numbers.iter().fold(0, |most, &x| x.max(most))
///     }
/// }
///
/// let mut a = [1.0, 2.0];
/// add(&mut a, &[0.5, 0.5]);
/// assert_eq!(a, [1.5, 2.5]);
/// assert_eq!(largest(Isa::detect(), &[3, 9, 4]), 9);
/// ```
#[macro_export]
macro_rules! dispatch {
    () => {};
    (@avx2) => {};
    // Two bodies.
    (@by_hand
        $(#[$meta:meta])* $vis:vis fn $name:ident ($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? {
            portable $portable:block
            avx2 $avx2:block
        }
    ) => {
        $(#[$meta])*
        $vis fn $name($($arg: $type),*) $(-> $out)? {
            #[inline]
            fn portable($($arg: $type),*) $(-> $out)? $portable
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
            fn avx2($($arg: $type),*) $(-> $out)? $avx2
            match $crate::Isa::detect() {
                $crate::Isa::Portable => portable($($arg),*),
                // SAFETY: an `Isa` other than `Portable` exists only where the processor has its instructions; those of
                // AVX-512 include these.
                #[cfg(target_arch = "x86_64")]
                $crate::Isa::Avx2(_) | $crate::Isa::Avx512(_) => unsafe { avx2($($arg),*) },
            }
        }
    };
    // Without AVX-512.
    (@avx2
        $(#[$meta:meta])* $vis:vis fn $name:ident ($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? $body:block
        $($more:tt)*
    ) => {
        $(#[$meta])*
        $vis fn $name($($arg: $type),*) $(-> $out)? {
            #[inline(always)]
            fn body($($arg: $type),*) $(-> $out)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
            fn avx2($($arg: $type),*) $(-> $out)? {
                body($($arg),*)
            }
            match $crate::Isa::detect() {
                $crate::Isa::Portable => body($($arg),*),
                // SAFETY: an `Isa` other than `Portable` exists only where the processor has its instructions; those of
                // AVX-512 include these.
                #[cfg(target_arch = "x86_64")]
                $crate::Isa::Avx2(_) | $crate::Isa::Avx512(_) => unsafe { avx2($($arg),*) },
            }
        }
        $crate::dispatch! { @avx2 $($more)* }
    };
    // The caller chooses.
    (
        $(#[$meta:meta])* $vis:vis fn $name:ident $(<const $count:ident: usize>)? (
            isa: Isa $(, $arg:ident: $type:ty)* $(,)?
        ) $(-> $out:ty)? $body:block
        $($more:tt)*
    ) => {
        $(#[$meta])*
        $vis fn $name $(<const $count: usize>)? (isa: $crate::Isa $(, $arg: $type)*) $(-> $out)? {
            $crate::dispatch!(@versions isa, [$($count)?], ($($arg: $type),*), ($($out)?), $body)
        }
        $crate::dispatch! { $($more)* }
    };
    // The processor is asked at each call.
    (
        $(#[$meta:meta])* $vis:vis fn $name:ident $(<const $count:ident: usize>)? ($($arg:ident: $type:ty),* $(,)?)
            $(-> $out:ty)? $body:block
        $($more:tt)*
    ) => {
        $(#[$meta])*
        $vis fn $name $(<const $count: usize>)? ($($arg: $type),*) $(-> $out)? {
            $crate::dispatch!(@versions $crate::Isa::detect(), [$($count)?], ($($arg: $type),*), ($($out)?), $body)
        }
        $crate::dispatch! { $($more)* }
    };
    (@versions $isa:expr, [$($count:ident)?], ($($arg:ident: $type:ty),*), ($($out:ty)?), $body:block) => {{
        #[inline(always)]
        fn body$(<const $count: usize>)?($($arg: $type),*) $(-> $out)? $body
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
        fn avx2$(<const $count: usize>)?($($arg: $type),*) $(-> $out)? {
            body($($arg),*)
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
        fn avx512$(<const $count: usize>)?($($arg: $type),*) $(-> $out)? {
            body($($arg),*)
        }
        match $isa {
            $crate::Isa::Portable => body($($arg),*),
            // SAFETY: an `Isa` other than `Portable` exists only where the processor has its instructions.
            #[cfg(target_arch = "x86_64")]
            $crate::Isa::Avx2(_) => unsafe { avx2($($arg),*) },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            $crate::Isa::Avx512(_) => unsafe { avx512($($arg),*) },
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    dispatch! {
        fn sum(isa: Isa, numbers: &[u32]) -> u32 {
            numbers.iter().sum()
        }

        fn twice<const N: usize>(isa: Isa, numbers: [u32; N]) -> [u32; N] {
            numbers.map(|x| 2 * x)
        }

        fn first(numbers: &[u32]) -> Option<&u32> {
            numbers.first()
        }
    }

    dispatch! {
        @avx2
        fn ones(x: u64) -> u32 {
            x.count_ones()
        }

        fn zero(x: &mut u64) {
            *x = 0;
        }
    }

    dispatch! {
        @by_hand
        fn add_four(a: [i32; 4], b: [i32; 4]) -> i64 {
            portable {
                a.iter().zip(b).map(|(&a, b)| i64::from(a) + i64::from(b)).sum()
            }
            avx2 {
                use std::arch::x86_64::*;
                let sum = _mm_add_epi32(
                    _mm_setr_epi32(a[0], a[1], a[2], a[3]),
                    _mm_setr_epi32(b[0], b[1], b[2], b[3]),
                );
                let sum = _mm256_cvtepi32_epi64(sum);
                let half = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
                _mm_cvtsi128_si64(_mm_add_epi64(half, _mm_unpackhi_epi64(half, half)))
            }
        }
    }

    #[test]
    fn all_forms_run_on_all_instruction_sets() {
        for isa in Isa::available() {
            assert_eq!(sum(isa, &[1, 2, 3]), 6);
            assert_eq!(twice(isa, [1, 2]), [2, 4]);
        }
        assert_eq!(first(&[7, 8]), Some(&7));
        assert_eq!(ones(0b1011), 3);
        assert_eq!(add_four([1, 2, 3, 4], [10, 20, 30, -40]), 30);
        let mut x = 5;
        zero(&mut x);
        assert_eq!(x, 0);
    }

    #[test]
    fn the_fastest_is_detected_and_stays() {
        assert_eq!(Some(Isa::detect()), Isa::available().pop());
        assert_eq!(Isa::detect(), Isa::detect());
    }

    #[test]
    fn a_restriction_ends_with_its_function() {
        let inside = Isa::with_at_most(Isa::Portable, Isa::detect);
        assert_eq!(inside, Isa::Portable);
        assert_eq!(Some(Isa::detect()), Isa::available().pop());
    }
}
