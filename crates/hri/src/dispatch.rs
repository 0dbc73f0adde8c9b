//! Loops compiled for several instruction sets; the widest one is chosen at run time.
//!
//! Sums of `f64` are kept in [`LANES`] interleaved partial sums, which are added as a tree at the end. Products and sums are
//! rounded separately (no fused multiply-add). So the result has the same bits on every machine.

/// Number of partial sums.
pub(crate) const LANES: usize = 16;

/// Compiles a function for AVX-512 and for AVX2, too, and calls the widest version that the processor has.
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[inline]
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn body($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
                fn avx512($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                {
                    // SAFETY: the processor has the features that the function is compiled for.
                    return unsafe { avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: as above.
                    return unsafe { avx2($($arg),*) };
                }
            }
            body($($arg),*)
        }
    };
}
pub(crate) use dispatch;

#[inline(always)]
fn sum(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
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
    let mut half = LANES / 2;
    while half > 0 {
        for k in 0..half {
            lanes[k] += lanes[k + half];
        }
        half /= 2;
    }
    lanes[0]
}

dispatch! {
    /// Σ a b.
    pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
        sum(a, b, |x, y| x * y)
    }
}

dispatch! {
    /// Σ (a − b c)².
    pub(crate) fn square_of_difference(a: &[f64], b: &[f64], c: f64) -> f64 {
        sum(a, b, |x, y| { let d = x - y * c; d * d })
    }
}

dispatch! {
    /// a ← a + b c.
    pub(crate) fn add_scaled(a: &mut [f64], b: &[f64], c: f64) -> () {
        for (a, &b) in a.iter_mut().zip(b) {
            *a += b * c;
        }
    }
}

dispatch! {
    /// Converts numbers to `f64`.
    pub(crate) fn widen(from: &[f32], to: &mut [f64]) -> () {
        for (to, &x) in to.iter_mut().zip(from) {
            *to = x.into();
        }
    }
}

/// The index of the first number that is NaN or infinite.
pub(crate) fn not_finite(numbers: &[f32]) -> Option<usize> {
    // Only these have an exponent of all ones; adding one to it carries into the sign bit.
    let carried = numbers.iter().fold(0, |all, v| all | ((v.to_bits() & 0x7fff_ffff) + 0x0080_0000));
    (carried >> 31 == 1).then(|| numbers.iter().position(|v| !v.is_finite())).flatten()
}
