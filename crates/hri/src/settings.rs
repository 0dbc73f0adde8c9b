//! What an index is made for.

use crate::{Error, Threshold, check};

/// What an index is made for; the same for all its life.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    dim: usize,
    threshold: Threshold,
    keep_vectors: bool,
}

impl Settings {
    /// Vectors of `dim` numbers (1 to [`MAX_DIM`](crate::MAX_DIM)), taken for a person within `threshold` of its mean.
    ///
    /// # Errors
    /// [`Error::BadDimension`].
    pub fn new(dim: usize, threshold: Threshold) -> Result<Self, Error> {
        check::dimension(dim)?;
        Ok(Self { dim, threshold, keep_vectors: true })
    }

    /// Whether the vectors of members are kept (4 bytes a number; yes by default). Without them no member can be taken
    /// out of a person again: no `remove` and no `split`.
    #[must_use]
    pub fn keep_vectors(self, keep_vectors: bool) -> Self {
        Self { keep_vectors, ..self }
    }

    /// Numbers in a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Metric and threshold.
    #[must_use]
    pub fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// Whether the vectors of members are kept.
    #[must_use]
    pub fn keeps_vectors(&self) -> bool {
        self.keep_vectors
    }
}
