//! The distances between vectors.

use std::fmt;
use std::str::FromStr;

use crate::dot::{dot, squared_difference};

/// A distance between two vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Metric {
    /// 1 − cosine of the angle, 0 to 2. A zero vector is at distance 1 from everything.
    #[default]
    Cosine,
    /// The Euclidean distance, 0 and above.
    Euclidean,
}

impl Metric {
    /// The distance of `a` and `b`, computed in `f64` from the `f32` input: the definition that faster ways are checked
    /// against, bit for bit.
    ///
    /// Sums are taken in [`LANES`](crate::LANES) interleaved parts that are added as a tree at the end. Equal vectors are
    /// at distance exactly 0 under either metric. Where the lengths differ, numbers beyond the shorter one are ignored
    /// in sums of both.
    #[must_use]
    pub fn distance(self, a: &[f32], b: &[f32]) -> f64 {
        match self {
            Self::Cosine => cosine(dot(a, b), dot(a, a), dot(b, b)),
            Self::Euclidean => squared_difference(a, b).sqrt(),
        }
    }
}

/// The cosine distance from a dot product and the two squared lengths, 0 to 2; 1 where a length is 0.
///
/// One root of the product, not a product of roots: vectors of `f32` that are equal come out at exactly 0.
#[must_use]
#[inline]
pub fn cosine(dot: f64, aa: f64, bb: f64) -> f64 {
    if aa == 0.0 || bb == 0.0 { 1.0 } else { (1.0 - dot / (aa * bb).sqrt()).clamp(0.0, 2.0) }
}

/// Distances that [`cosine_of_sums`] takes for 0.
pub const COSINE_ROUNDING: f64 = 1e-14;

/// The cosine distance where one of the vectors is a sum in `f64`, as of a cluster's members. As [`cosine`], but what is
/// below [`COSINE_ROUNDING`] is 0: the rounding of the sum leaves so much between equal directions.
///
/// The two are apart on purpose: [`Metric::distance`] is exactly 0 for equal `f32` vectors without a cut, and with one
/// the order of distances below 10⁻¹⁴, which decides merges, would be lost.
#[must_use]
#[inline]
pub fn cosine_of_sums(dot: f64, aa: f64, bb: f64) -> f64 {
    let root = (aa * bb).sqrt();
    if root == 0.0 {
        return 1.0;
    }
    let distance = (1.0 - dot / root).clamp(0.0, 2.0);
    if distance < COSINE_ROUNDING { 0.0 } else { distance }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cosine => "cosine",
            Self::Euclidean => "euclidean",
        })
    }
}

impl FromStr for Metric {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "cosine" => Ok(Self::Cosine),
            "euclidean" => Ok(Self::Euclidean),
            _ => Err(format!("'{s}' is not a metric; use cosine or euclidean")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_known_vectors() {
        let (a, b) = ([3.0, 0.0], [0.0, 4.0]);
        assert_eq!(Metric::Cosine.distance(&a, &b), 1.0);
        assert_eq!(Metric::Cosine.distance(&a, &[9.0, 0.0]), 0.0);
        assert_eq!(Metric::Cosine.distance(&a, &[-1.0, 0.0]), 2.0);
        assert_eq!(Metric::Cosine.distance(&a, &[0.0, 0.0]), 1.0);
        assert_eq!(Metric::Euclidean.distance(&a, &b), 5.0);
    }

    #[test]
    fn equal_vectors_are_at_zero() {
        let numbers = |k: u32| (k.wrapping_mul(2_654_435_761) % 1000) as f32 / 999.0 - 0.5;
        for dim in [1, 5, 16, 17, 192, 513] {
            let a: Vec<f32> = (0..dim).map(numbers).collect();
            assert_eq!(Metric::Cosine.distance(&a, &a), 0.0, "{dim}");
            assert_eq!(Metric::Euclidean.distance(&a, &a), 0.0, "{dim}");
            let twice: Vec<f32> = a.iter().map(|x| 2.0 * x).collect();
            assert_eq!(Metric::Cosine.distance(&a, &twice), 0.0, "{dim}");
        }
    }

    #[test]
    fn the_two_cosines_differ_only_below_the_cut() {
        assert_eq!(cosine_of_sums(1.0, 1.0, 1.0 + 1e-13), cosine(1.0, 1.0, 1.0 + 1e-13));
        let near = 1.0 - 5e-15;
        assert!(cosine(near, 1.0, 1.0) > 0.0);
        assert_eq!(cosine_of_sums(near, 1.0, 1.0), 0.0);
        assert_eq!((cosine(0.0, 0.0, 1.0), cosine_of_sums(0.0, 0.0, 1.0)), (1.0, 1.0));
    }

    #[test]
    fn metrics_have_names() {
        for metric in [Metric::Cosine, Metric::Euclidean] {
            assert_eq!(metric.to_string().parse(), Ok(metric));
        }
        assert!("manhattan".parse::<Metric>().is_err());
    }
}
