//! Embedding matrices and the distances between their rows.

pub use streamface_kernels::dot::{LANES, dot, not_finite, tree};
pub use streamface_kernels::metric::{Metric, cosine};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_shapes_are_refused() {
        assert!(matches!(Embeddings::new(vec![0.0; 5], 2), Err(ShapeError::Ragged { .. })));
        assert!(matches!(Embeddings::new(vec![0.0; 5], 0), Err(ShapeError::Ragged { .. })));
        let nan = Embeddings::new(vec![0.0, 0.0, 0.0, f32::NAN], 2);
        assert_eq!(nan, Err(ShapeError::NotFinite { row: 1, column: 1 }));
        assert_eq!(Embeddings::new(vec![], 0).unwrap().len(), 0);
    }
}
