//! Two filter stages that rule out most people cheaply, by proven bounds.
//!
//! Let w be a person's mean (for cosine its direction, of length 1) and v a query (likewise). Both are moved to an
//! origin c and scaled by s: z = s (w − c) and y = s (v − c). The cosine distance of w and v is |z − y|² / 2, and the
//! Euclidean distance is |z − y| / s. So a person within the threshold t has |z − y| ≤ T, where T follows from t
//! ([`radius`]). Any origin and scale are valid.
//!
//! **Stage 1, all people.** φ(z) = (Rᵀz, |z − RRᵀz|): coordinates along a few orthonormal directions R, and the length of
//! the residual. By the triangle inequality for the two residuals, |φ(z) − φ(y)| ≤ |z − y|. R is stored as `f32`: with
//! |RᵀR − 1| ≤ η the map stretches distances by at most √(1 + η + η²), and the products are off by at most
//! √k (d + 4) 2⁻²⁴ |z| (Higham, *Accuracy and Stability of Numerical Algorithms*, §3.1). A person's coordinates are
//! quantized to four bits: φ(z) = D q + e, where D is a diagonal matrix of steps. One length ε ≥ |e| covers all errors of
//! the person. With b = φ(y), and T' = T plus all errors of b, a person within T has |Dq − b| ≤ T' + ε. Because
//! 2εT' ≤ ε²/α + αT'² for every α > 0,
//!
//! Dq·b ≥ (|Dq|² − ε² (1 + 1/α)) / 2 + (|b|² − T'² (1 + α)) / 2.   (1)
//!
//! The left side is a sum of products of four-bit numbers with Db quantized to bytes: Db = σQ + f, with an error of at
//! most |q||f|. The right side is one number of the person plus one number of the query. α is a typical ε over a typical
//! T', which makes the bound tight.
//!
//! **Stage 2, the candidates of stage 1.** All d numbers of w and of v are quantized to bytes, with one step for each
//! vector, and the Cauchy–Schwarz inequality bounds the error.
//!
//! The distance of a candidate of both stages is computed in `f64`, and only that distance decides. A poor choice of
//! origin, directions, steps or α costs time; it never changes a result.

mod byte_filter;
mod four_bit_filter;
mod projection;
mod train;

pub(crate) use byte_filter::{ByteFilter, ByteQuery};
pub(crate) use four_bit_filter::{FourBitFilter, FourBitQuery};
pub(crate) use projection::Scratch;
pub(crate) use train::TrainingSample;

use streamface_kernels::metric::COSINE_ROUNDING;

use crate::Metric;

/// A vector, given as numbers and a common factor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScaledVector<'a> {
    pub(crate) numbers: &'a [f64],
    /// The vector is `numbers` · `factor`.
    pub(crate) factor: f64,
    /// Length of the vector, after the factor.
    pub(crate) length: f64,
}

/// Adding and subtracting this rounds to the nearest whole number. After the addition alone the lowest bits are those of
/// that number.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// Relative margin for `f64` rounding in distances of vectors of `dim` numbers.
pub(crate) fn rounding_margin(dim: usize) -> f64 {
    (4.0 * dim as f64 + 256.0) * f64::EPSILON
}

/// T of (1) for a distance.
pub(crate) fn radius(metric: Metric, dim: usize, scale: f64, distance: f64) -> f64 {
    match metric {
        Metric::Cosine => (2.0 * (distance + rounding_margin(dim) + 2.0 * COSINE_ROUNDING)).sqrt(),
        Metric::Euclidean => distance * scale * (1.0 + rounding_margin(dim)) + 1e-150,
    }
}
