//! Thresholds, and the distance that decides a match.

use streamface_kernels::dot::squared_difference_f64;
use streamface_kernels::{Metric, cosine_of_sums, dot_f64};

use crate::{Error, Result};

/// The thresholds that a metric allows, for messages.
pub(crate) fn range(metric: Metric) -> &'static str {
    match metric {
        Metric::Cosine => "0 to 2",
        Metric::Euclidean => "a finite number of 0 or more",
    }
}

/// The distance of `x` from the mean of a person with the given `sum` and `inverse` = 1 / count. `xx` and `ss` are the
/// squared lengths of `x` and `sum`.
///
/// Cosine uses one root of the product `xx · ss`, so that equal directions have distance 0. Distances below 1e-14 are set
/// to 0. A sum of length 0 has distance 1 from every vector.
#[inline]
pub(crate) fn distance_to_mean(
    metric: Metric,
    x: &[f64],
    xx: f64,
    sum: &[f64],
    ss: f64,
    inverse: f64,
) -> f64 {
    match metric {
        Metric::Cosine => cosine_of_sums(dot_f64(x, sum), xx, ss),
        Metric::Euclidean => squared_difference_f64(x, sum, inverse).sqrt(),
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
