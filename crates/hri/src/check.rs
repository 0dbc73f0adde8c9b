//! Checks of vectors, done once where they enter the crate.

use streamface_kernels::dot::not_finite;

use crate::{Error, MAX_DIM, Metric, Result};

pub(crate) fn dimension(dim: usize) -> Result<()> {
    if (1..=MAX_DIM).contains(&dim) { Ok(()) } else { Err(Error::BadDimension { dim }) }
}

/// Checks for `count` rows of finite numbers. For cosine no row may be all zeros.
pub(crate) fn vectors(rows: &[f32], dim: usize, metric: Metric, count: usize) -> Result<()> {
    if rows.len() != count * dim {
        let got = rows.len().checked_div(count).unwrap_or(rows.len());
        return Err(Error::Dimension { expected: dim, got });
    }
    if let Some(at) = not_finite(rows) {
        return Err(Error::NotFinite { row: at / dim, at: at % dim });
    }
    if metric == Metric::Cosine
        && let Some(row) = rows.chunks_exact(dim).position(|row| row.iter().all(|&x| x == 0.0))
    {
        return Err(Error::ZeroVector { row });
    }
    Ok(())
}

/// The number of vectors; checks that all are whole and valid.
pub(crate) fn rows(numbers: &[f32], dim: usize, metric: Metric) -> Result<usize> {
    if !numbers.len().is_multiple_of(dim) {
        return Err(Error::Dimension { expected: dim, got: numbers.len() });
    }
    let count = numbers.len() / dim;
    vectors(numbers, dim, metric, count)?;
    Ok(count)
}
