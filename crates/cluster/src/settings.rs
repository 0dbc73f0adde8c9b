//! What to cluster by.

use streamface_types::Metric;

use crate::Error;

/// A metric and a threshold, checked, and how much memory links may take. A threshold belongs to the
/// model that made the embeddings: there is no default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    metric: Metric,
    threshold: f64,
    memory: u64,
}

impl Settings {
    /// Bytes that links may take by default.
    pub const MEMORY: u64 = 2 << 30;
    /// Bytes that a link takes at most, from the join to the last merge.
    pub const BYTES_A_LINK: u64 = 64;

    /// Rows may share a cluster where all their distances are ≤ `threshold`.
    ///
    /// # Errors
    /// [`Error::Threshold`] unless it is finite and ≥ 0, and ≤ 2 for cosine.
    pub fn new(metric: Metric, threshold: f64) -> Result<Self, Error> {
        let most = match metric {
            Metric::Cosine => 2.0,
            Metric::Euclidean => f64::MAX,
        };
        if (0.0..=most).contains(&threshold) {
            Ok(Self { metric, threshold, memory: Self::MEMORY })
        } else {
            Err(Error::Threshold { value: threshold, metric })
        }
    }

    /// Bytes that links may take beside the rows and what is made of them (about d + 60 bytes a row); 2 GiB
    /// by default. It never changes the result: with less, linkage goes in more bands.
    #[must_use]
    pub fn memory(self, bytes: u64) -> Self {
        Self { memory: bytes, ..self }
    }

    pub(crate) fn budget(&self) -> u64 {
        self.memory
    }

    /// Links that fit; some at least, whatever the budget.
    #[must_use]
    pub fn most_links(&self) -> u64 {
        (self.memory / Self::BYTES_A_LINK).max(64)
    }

    /// Bytes of links that a join alone may hold, with room for lists that grow.
    pub(crate) fn most_held(&self) -> u64 {
        (self.memory / 3 * 2).max(1024)
    }

    /// The distance.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The largest distance within a cluster.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_out_of_range_are_refused() {
        for bad in [-0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Settings::new(Metric::Cosine, bad).is_err(), "{bad}");
            assert!(Settings::new(Metric::Euclidean, bad).is_err(), "{bad}");
        }
        let said = Settings::new(Metric::Cosine, 2.1).unwrap_err().to_string();
        assert!(said.contains("2.1") && said.contains("0 to 2"), "{said}");
        assert!(Settings::new(Metric::Cosine, 2.0).is_ok());
        assert!(Settings::new(Metric::Euclidean, 1e300).is_ok());
    }
}
