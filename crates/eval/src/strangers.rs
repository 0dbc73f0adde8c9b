//! How far apart the clusters of two people are, and how many pairs of clusters join by mistake.
//!
//! Complete linkage joins two clusters when the largest distance across them is within the threshold. So what counts is
//! the distribution of that largest distance for clusters of two people: [`Strangers`].

use serde::Serialize;

use crate::distributions::{student_cdf, student_pdf};

/// The distribution of the distance of two people's clusters.
///
/// A Student distribution: normal distances, whose mean and deviation were estimated from a finite number of people.
/// Clusters of many faces have a larger distance: the mean rises with the logarithm of the product of the sizes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Strangers {
    /// Mean distance of two faces of two people.
    pub mean: f64,
    /// Standard deviation of the distances; above 0.
    pub deviation: f64,
    /// Rise of the mean with the logarithm of the product of the two sizes.
    pub by_size: f64,
    /// People that these figures were estimated from, at least 2; fewer people give a heavier tail.
    pub people: f64,
}

impl Strangers {
    /// The chance that clusters of two people with these numbers of faces are at `distance` or nearer.
    ///
    /// ```
    /// let strangers = streamface_eval::strangers::Strangers { mean: 1.0, deviation: 0.1, by_size: 0.03, people: 40.0 };
    /// assert_eq!(strangers.at_most(1.0, (1, 1)), 0.5);
    /// assert!(strangers.at_most(0.6, (1, 1)) > strangers.at_most(0.6, (20, 20)));
    /// ```
    #[must_use]
    pub fn at_most(&self, distance: f64, sizes: (u32, u32)) -> f64 {
        student_cdf(self.standardised(distance, sizes), self.degrees())
    }

    /// The density at `distance` of the distances of two people's clusters.
    #[must_use]
    pub fn density(&self, distance: f64, sizes: (u32, u32)) -> f64 {
        student_pdf(self.standardised(distance, sizes), self.degrees()) / self.spread()
    }

    fn standardised(&self, distance: f64, sizes: (u32, u32)) -> f64 {
        (distance - self.by_size * log_size(sizes) - self.mean) / self.spread()
    }

    /// Deviation of a new distance from the estimated mean.
    pub(crate) fn spread(&self) -> f64 {
        self.deviation * (1.0 + 2.0 / self.people.max(2.0)).sqrt()
    }

    pub(crate) fn degrees(&self) -> f64 {
        (self.people - 1.0).max(1.0)
    }
}

/// Logarithm of the product of two sizes.
pub(crate) fn log_size((a, b): (u32, u32)) -> f64 {
    (f64::from(a.max(1)) * f64::from(b.max(1))).ln()
}
