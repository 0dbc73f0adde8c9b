//! Settings of an index.

use crate::{Result, Threshold, check};

/// Settings of an index. They never change after the index is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    dim: usize,
    threshold: Threshold,
    keep_vectors: bool,
}

impl Settings {
    /// Settings for vectors of `dim` numbers (1 to [`MAX_DIM`](crate::MAX_DIM)). A vector matches a person if its distance
    /// from the person's mean is at most `threshold`.
    ///
    /// # Errors
    /// [`Error::BadDimension`](crate::Error::BadDimension).
    pub fn new(dim: usize, threshold: Threshold) -> Result<Self> {
        check::dimension(dim)?;
        Ok(Self { dim, threshold, keep_vectors: true })
    }

    /// Whether the index keeps all vectors (4 bytes a number; default yes). Without them `remove` and `split` are not
    /// possible.
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

    /// Whether the index keeps all vectors.
    #[must_use]
    pub fn keeps_vectors(&self) -> bool {
        self.keep_vectors
    }
}
