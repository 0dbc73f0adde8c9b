//! Clusters that may hold two people.

use streamface_eval::mixture::{Mixture, Pair, angle, sigmoid};

use super::halves::Parts;
use super::{Clusters, Queue};

/// The mixture of clusters of one person and of two, by their best two parts.
pub(super) fn within(clusters: &Clusters, mixture: &Mixture) -> Mixture {
    let pair =
        |parts: &Parts| Pair { evidence: -parts.evidence, ..Pair::open(angle(parts.distance), parts.sizes) };
    let parts: Vec<Pair> = clusters.parts.values().map(pair).collect();
    let n = clusters.len() as f64;
    mixture.within(&parts, n * (n - 1.0) / 2.0)
}

/// The expected wrong pairs of faces within each cluster.
pub(super) fn wrong(clusters: &Clusters, within: &Mixture) -> Vec<f64> {
    let mut wrong = vec![0.0; clusters.len()];
    for (&cluster, parts) in &clusters.parts {
        wrong[cluster as usize] = sigmoid(log_odds(within, parts)) * pairs(parts);
    }
    wrong
}

/// Pairs of faces across the two parts.
fn pairs(parts: &Parts) -> f64 {
    f64::from(parts.sizes.0) * f64::from(parts.sizes.1)
}

fn log_odds(within: &Mixture, parts: &Parts) -> f64 {
    parts.evidence - within.log_odds(angle(parts.distance), parts.sizes)
}

impl Queue {
    /// The probability that a cluster or person with these two parts holds two people.
    ///
    /// The more clusters there are, the more pairs of people could have become one by mistake; this many times the density of
    /// the distances of strangers is weighed against the density of the distances of the two parts of one person.
    #[must_use]
    pub fn mixed(&self, parts: &Parts) -> f64 {
        sigmoid(self.mixed_log_odds(parts))
    }

    /// The same as the logarithm of the odds, which tells those apart that are all but certain.
    #[must_use]
    pub fn mixed_log_odds(&self, parts: &Parts) -> f64 {
        log_odds(&self.within, parts)
    }

    /// Records that a cluster holds one person.
    ///
    /// Panics for a cluster that does not exist.
    pub fn set_one_person(&mut self, cluster: u32) {
        self.wrong_within -= std::mem::take(&mut self.wrong[cluster as usize]);
    }

    /// The pairs of faces that tearing apart the most mixed cluster would separate.
    pub(super) fn most_mixed(&self) -> f64 {
        self.wrong.iter().copied().fold(0.0, f64::max)
    }
}
