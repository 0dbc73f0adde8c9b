//! Loops compiled for several instruction sets, the widest chosen at run time.
//!
//! Sums of `f64` are taken in [`LANES`] interleaved parts, added as a tree at the end, multiplied and added apart:
//! the same bits on every machine.

/// Parts that sums are taken in.
pub(crate) const LANES: usize = 16;

/// Makes of a function one that is compiled for AVX-512 and AVX2, too.
macro_rules! wide {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[inline]
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn body($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
                fn widest($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
                #[target_feature(enable = "avx2")]
                fn wider($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                {
                    // SAFETY: the processor has what it was compiled for.
                    return unsafe { widest($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: likewise.
                    return unsafe { wider($($arg),*) };
                }
            }
            body($($arg),*)
        }
    };
}
pub(crate) use wide;

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

wide! {
    /// Σ a b.
    pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
        sum(a, b, |x, y| x * y)
    }
}

wide! {
    /// Σ (a − b c)².
    pub(crate) fn square_of_difference(a: &[f64], b: &[f64], c: f64) -> f64 {
        sum(a, b, |x, y| { let d = x - y * c; d * d })
    }
}

wide! {
    /// a ← a + b c.
    pub(crate) fn add(a: &mut [f64], b: &[f64], c: f64) -> () {
        for (a, &b) in a.iter_mut().zip(b) {
            *a += b * c;
        }
    }
}

wide! {
    /// Numbers as `f64`.
    pub(crate) fn widen(from: &[f32], to: &mut [f64]) -> () {
        for (to, &x) in to.iter_mut().zip(from) {
            *to = x.into();
        }
    }
}

/// Where the first number is that is NaN or infinite.
pub(crate) fn not_finite(numbers: &[f32]) -> Option<usize> {
    // The exponent is all ones in no other number; adding one to it then carries into the sign.
    let carried = numbers.iter().fold(0, |all, v| all | ((v.to_bits() & 0x7fff_ffff) + 0x0080_0000));
    (carried >> 31 == 1).then(|| numbers.iter().position(|v| !v.is_finite())).flatten()
}
