//! Embedding matrices, owned and borrowed, and the distances between their rows.

pub use streamface_kernels::dot::{LANES, dot, not_finite, tree};
pub use streamface_kernels::metric::{Metric, cosine};

use crate::Error;

/// The number whose bits as an IEEE half (`binary16`) these are. `f32` holds each of them.
#[must_use]
pub fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (u32::from(bits >> 10) & 31, u32::from(bits) & 0x3ff);
    match exponent {
        0 => sign * fraction as f32 / (1 << 24) as f32,
        31 if fraction == 0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * f32::from_bits(((exponent + 112) << 23) | (fraction << 13)),
    }
}

/// `n` embeddings of `d` numbers each, row after row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Embeddings {
    data: Vec<f32>,
    dim: usize,
}

/// Whether `data` is whole rows of finite numbers.
fn check(data: &[f32], dim: usize) -> Result<(), Error> {
    let whole = if dim == 0 { data.is_empty() } else { data.len().is_multiple_of(dim) };
    if !whole {
        return Err(Error::Ragged { len: data.len(), dim });
    }
    match not_finite(data) {
        Some(at) => Err(Error::NotFinite { row: at / dim, column: at % dim }),
        None => Ok(()),
    }
}

impl Embeddings {
    /// Takes rows of `dim` numbers, laid end to end.
    ///
    /// # Errors
    /// [`Error`] where `data` is not whole rows of finite numbers.
    pub fn new(data: Vec<f32>, dim: usize) -> Result<Self, Error> {
        check(&data, dim)?;
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

    /// The same rows, borrowed.
    #[must_use]
    pub fn view(&self) -> EmbeddingsView<'_> {
        EmbeddingsView { data: &self.data, dim: self.dim }
    }
}

/// Borrowed embeddings: `n` rows of `d` numbers each, row after row, in memory of somebody else. Functions that take
/// `impl Into<EmbeddingsView>` take this and `&Embeddings`.
///
/// ```
/// use streamface_types::EmbeddingsView;
///
/// let numbers = [1.0, 0.0, 0.0, 1.0];
/// let rows = EmbeddingsView::new(&numbers, 2)?;
/// assert_eq!((rows.len(), rows.row(1)), (2, &numbers[2..]));
/// # Ok::<(), streamface_types::Error>(())
/// ```
///
/// With the feature `ndarray` it is also made from an `ndarray::ArrayView2<f32>` in row-major order (`TryFrom`).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EmbeddingsView<'a> {
    data: &'a [f32],
    dim: usize,
}

impl<'a> EmbeddingsView<'a> {
    /// Borrows rows of `dim` numbers, laid end to end; nothing is copied.
    ///
    /// # Errors
    /// [`Error`] where `data` is not whole rows of finite numbers.
    pub fn new(data: &'a [f32], dim: usize) -> Result<Self, Error> {
        check(data, dim)?;
        Ok(Self { data, dim })
    }

    /// Number of rows.
    #[must_use]
    pub fn len(self) -> usize {
        self.data.len().checked_div(self.dim).unwrap_or(0)
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.data.is_empty()
    }

    /// Numbers in a row.
    #[must_use]
    #[inline]
    pub fn dim(self) -> usize {
        self.dim
    }

    /// Row `i`. Panics when there is none.
    #[must_use]
    #[inline]
    pub fn row(self, i: usize) -> &'a [f32] {
        &self.data[i * self.dim..(i + 1) * self.dim]
    }

    /// The rows in order.
    pub fn rows(self) -> impl ExactSizeIterator<Item = &'a [f32]> {
        self.data.chunks_exact(self.dim.max(1))
    }

    /// All numbers, row after row.
    #[must_use]
    pub fn as_slice(self) -> &'a [f32] {
        self.data
    }
}

impl<'a> From<&'a Embeddings> for EmbeddingsView<'a> {
    fn from(rows: &'a Embeddings) -> Self {
        rows.view()
    }
}

#[cfg(feature = "ndarray")]
impl<'a> TryFrom<ndarray::ArrayView2<'a, f32>> for EmbeddingsView<'a> {
    type Error = Error;

    /// Borrows the rows of an array; nothing is copied.
    fn try_from(rows: ndarray::ArrayView2<'a, f32>) -> Result<Self, Error> {
        Self::new(rows.to_slice().ok_or(Error::NotContiguous)?, rows.ncols())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_shapes_are_refused() {
        assert!(matches!(Embeddings::new(vec![0.0; 5], 2), Err(Error::Ragged { .. })));
        assert!(matches!(Embeddings::new(vec![0.0; 5], 0), Err(Error::Ragged { .. })));
        let nan = Embeddings::new(vec![0.0, 0.0, 0.0, f32::NAN], 2);
        assert_eq!(nan, Err(Error::NotFinite { row: 1, column: 1 }));
        assert_eq!(Embeddings::new(vec![], 0).unwrap().len(), 0);
    }

    #[test]
    fn a_view_borrows_the_same_rows() {
        let rows = Embeddings::new(vec![1.0, 2.0, 3.0, 4.0], 2).unwrap();
        let view = EmbeddingsView::from(&rows);
        assert!(std::ptr::eq(view.as_slice(), rows.as_slice()));
        assert_eq!(view, EmbeddingsView::new(rows.as_slice(), 2).unwrap());
        assert!(view.rows().eq(rows.rows()));
        let bad = EmbeddingsView::new(&[0.0, f32::INFINITY], 1);
        assert_eq!(bad, Err(Error::NotFinite { row: 1, column: 0 }));
    }

    #[cfg(feature = "ndarray")]
    #[test]
    fn an_array_is_borrowed_where_its_rows_are_contiguous() {
        let array = ndarray::arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let view = EmbeddingsView::try_from(array.view()).unwrap();
        assert!(std::ptr::eq(view.row(1).as_ptr(), &raw const array[(1, 0)]));
        assert_eq!((view.len(), view.dim()), (2, 3));
        assert_eq!(EmbeddingsView::try_from(array.t()), Err(Error::NotContiguous));
    }
}
