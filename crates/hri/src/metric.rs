//! Metrics, thresholds, and the distances that decide.

use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::wide::{dot, square_of_difference};

/// Cosine distances below this are 0: what rounding numbers to `f32` alone makes of equal directions.
pub(crate) const NOTHING: f64 = 1e-14;

/// A distance between a vector and a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum Metric {
    /// 1 − cosine of the angle, 0 to 2.
    #[default]
    Cosine,
    /// Euclidean.
    Euclidean,
}

impl Metric {
    pub(crate) fn range(self) -> &'static str {
        match self {
            Self::Cosine => "0 to 2",
            Self::Euclidean => "0 and above, finite",
        }
    }

    /// The distance of `x` from `sum / count` (Euclidean), or from the direction of `sum` (cosine); `xx` and `ss` are
    /// the squared lengths of `x` and `sum`.
    ///
    /// Cosine takes one root of the product, so that equal directions come out at 0; what is left of rounding below
    /// 1e-14 is 0, too. A sum of length 0 is at 1 from everything.
    #[inline]
    pub(crate) fn distance(self, x: &[f64], xx: f64, sum: &[f64], ss: f64, inverse: f64) -> f64 {
        match self {
            Self::Cosine => cosine(dot(x, sum), xx, ss),
            Self::Euclidean => square_of_difference(x, sum, inverse).sqrt(),
        }
    }
}

/// 1 − cosine from a dot product and two squared lengths.
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
            _ => Err(format!("'{s}' is not a metric: cosine or euclidean")),
        }
    }
}

/// A largest distance at which a vector is taken for a person, with the metric it is meant for. It belongs to the
/// model that makes the vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    metric: Metric,
    value: f64,
}

impl Threshold {
    /// A threshold of cosine distances, 0 to 2, or of Euclidean ones, 0 and above.
    ///
    /// # Errors
    /// [`Error::Threshold`] for what is outside of that, NaN and infinity among it.
    pub fn new(metric: Metric, value: f64) -> Result<Self, Error> {
        let most = if metric == Metric::Cosine { 2.0 } else { f64::MAX };
        // −0 is 0.
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
