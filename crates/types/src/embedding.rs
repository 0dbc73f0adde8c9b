//! Embedding matrices and the distances between their rows.

use std::fmt;
use std::str::FromStr;

/// `n` embeddings of `d` numbers each, row after row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Embeddings {
    data: Vec<f32>,
    dim: usize,
}

/// Data that is not whole rows, or holds what is not a finite number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// The length is not a multiple of the dimension.
    #[error("{len} numbers are not whole rows of {dim}")]
    Ragged {
        /// Numbers given.
        len: usize,
        /// Numbers a row should have.
        dim: usize,
    },
    /// NaN or infinity.
    #[error("row {row}, column {column} is not a finite number")]
    NotFinite {
        /// Row of the first such number, from 0.
        row: usize,
        /// Its column, from 0.
        column: usize,
    },
}

impl Embeddings {
    /// Takes rows of `dim` numbers, laid end to end.
    ///
    /// # Errors
    /// [`ShapeError`] where `data` is not whole rows of finite numbers.
    pub fn new(data: Vec<f32>, dim: usize) -> Result<Self, ShapeError> {
        let whole = if dim == 0 { data.is_empty() } else { data.len().is_multiple_of(dim) };
        if !whole {
            return Err(ShapeError::Ragged { len: data.len(), dim });
        }
        if let Some(at) = not_finite(&data) {
            return Err(ShapeError::NotFinite { row: at / dim, column: at % dim });
        }
        Ok(Self { data, dim })
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len().checked_div(self.dim).unwrap_or(0)
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Numbers in a row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Row `i`. Panics when there is none.
    #[must_use]
    pub fn row(&self, i: usize) -> &[f32] {
        &self.data[i * self.dim..(i + 1) * self.dim]
    }

    /// The rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.data.chunks_exact(self.dim.max(1))
    }

    /// All numbers, row after row.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }
}

/// Where the first number is that is NaN or infinite. Most often there is none, which one pass without a branch
/// tells.
#[must_use]
pub fn not_finite(numbers: &[f32]) -> Option<usize> {
    // The exponent is all ones in no other number; adding one to it then carries into the sign.
    let carried = numbers.iter().fold(0, |all, v| all | ((v.to_bits() & 0x7fff_ffff) + 0x0080_0000));
    (carried >> 31 == 1).then(|| numbers.iter().position(|v| !v.is_finite())).flatten()
}

/// A distance between embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Metric {
    /// 1 − cosine of the angle, 0 to 2. A zero vector is at distance 1 from everything.
    #[default]
    Cosine,
    /// Euclidean.
    Euclidean,
}

impl Metric {
    /// The distance of `a` and `b`, in `f64` from the `f32` input: the one definition that every faster
    /// way in this project is checked against, bit for bit.
    ///
    /// Sums are taken in [`LANES`] interleaved parts, added as a tree at the end, so that a processor can
    /// take them side by side. Equal vectors are at distance exactly 0 under either metric.
    #[must_use]
    pub fn distance(self, a: &[f32], b: &[f32]) -> f64 {
        match self {
            Self::Cosine => cosine(dot(a, b), dot(a, a), dot(b, b)),
            Self::Euclidean => sum(a, b, |x, y, sum| sum + (x - y) * (x - y)).sqrt(),
        }
    }
}

/// Parts that sums of [`Metric::distance`] are taken in.
pub const LANES: usize = 16;

/// The dot product of two vectors of one length, as [`Metric::distance`] takes it: products of `f32`
/// are exact in `f64`, so that fused and separate arithmetic give the same bits.
#[must_use]
#[inline]
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    // Fused where the processor is known to have it.
    sum(a, b, |x, y, sum| if cfg!(target_feature = "fma") { x.mul_add(y, sum) } else { sum + x * y })
}

/// The cosine distance from a dot product and the two squared lengths, 0 to 2; 1 where a length is 0.
///
/// One root of the product, not a product of roots: equal vectors come out at exactly 0.
#[must_use]
#[inline]
pub fn cosine(dot: f64, aa: f64, bb: f64) -> f64 {
    if aa == 0.0 || bb == 0.0 { 1.0 } else { (1.0 - dot / (aa * bb).sqrt()).clamp(0.0, 2.0) }
}

#[inline]
fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let ((full, rest), (full_b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in full.iter().zip(full_b) {
        for k in 0..LANES {
            lanes[k] = term(a[k].into(), b[k].into(), lanes[k]);
        }
    }
    for ((lane, &x), &y) in lanes.iter_mut().zip(rest).zip(rest_b) {
        *lane = term(x.into(), y.into(), *lane);
    }
    tree(lanes)
}

/// The sum of all lanes: halves are added until one is left.
#[must_use]
#[inline]
pub fn tree(mut lanes: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for k in 0..half {
            lanes[k] += lanes[k + half];
        }
        half /= 2;
    }
    lanes[0]
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
            _ => Err(format!("'{s}' is not a metric: cosine or euclidean")),
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
    fn bad_shapes_are_refused() {
        assert!(matches!(Embeddings::new(vec![0.0; 5], 2), Err(ShapeError::Ragged { .. })));
        assert!(matches!(Embeddings::new(vec![0.0; 5], 0), Err(ShapeError::Ragged { .. })));
        let nan = Embeddings::new(vec![0.0, 0.0, 0.0, f32::NAN], 2);
        assert_eq!(nan, Err(ShapeError::NotFinite { row: 1, column: 1 }));
        assert_eq!(Embeddings::new(vec![], 0).unwrap().len(), 0);
    }
}
