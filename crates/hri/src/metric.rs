//! Metrics, thresholds, and the distances that decide a match.

use std::fmt;
use std::str::FromStr;

use crate::dispatch::{dot, square_of_difference};
use crate::{Error, Result};

/// Cosine distances below this are set to 0. Equal directions can differ by this much after rounding to `f32`.
pub(crate) const NOTHING: f64 = 1e-14;

/// A distance between a vector and a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum Metric {
    /// 1 − cosine of the angle, 0 to 2.
    #[default]
    Cosine,
    /// Euclidean distance, 0 or more.
    Euclidean,
}

impl Metric {
    pub(crate) fn range(self) -> &'static str {
        match self {
            Self::Cosine => "0 to 2",
            Self::Euclidean => "a finite number of 0 or more",
        }
    }

    /// The distance of `x` from the mean of a person with the given `sum` and `inverse` = 1 / count. `xx` and `ss` are the
    /// squared lengths of `x` and `sum`.
    ///
    /// Cosine uses one root of the product `xx · ss`, so that equal directions have distance 0. Distances below 1e-14 are
    /// set to 0. A sum of length 0 has distance 1 from every vector.
    #[inline]
    pub(crate) fn distance(self, x: &[f64], xx: f64, sum: &[f64], ss: f64, inverse: f64) -> f64 {
        match self {
            Self::Cosine => cosine(dot(x, sum), xx, ss),
            Self::Euclidean => square_of_difference(x, sum, inverse).sqrt(),
        }
    }
}

/// Cosine distance from a dot product and two squared lengths.
#[inline]
pub(crate) fn cosine(dot: f64, aa: f64, bb: f64) -> f64 {
    let root = (aa * bb).sqrt();
    if root == 0.0 {
        return 1.0;
    }
    let distance = (1.0 - dot / root).clamp(0.0, 2.0);
    if distance < NOTHING { 0.0 } else { distance }
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

/// The largest distance at which a vector matches a person, and its metric. The right value depends on the model that
/// makes the vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    metric: Metric,
    value: f64,
}

impl Threshold {
    /// A threshold of 0 to 2 for cosine distances, or of 0 or more for Euclidean distances.
    ///
    /// # Errors
    /// [`Error::Threshold`] for other values, NaN and infinity included.
    pub fn new(metric: Metric, value: f64) -> Result<Self> {
        let most = if metric == Metric::Cosine { 2.0 } else { f64::MAX };
        // Adding 0 turns −0 into 0.
        if (0.0..=most).contains(&value) {
            Ok(Self { metric, value: value + 0.0 })
        } else {
            Err(Error::Threshold { value, metric })
        }
    }

    /// The metric.
    #[must_use]
    pub fn metric(self) -> Metric {
        self.metric
    }

    /// The distance.
    #[must_use]
    pub fn value(self) -> f64 {
        self.value
    }
}
