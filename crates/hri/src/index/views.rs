//! The same methods for `ndarray` views.

use ndarray::{ArrayView1, ArrayView2};

use super::{Index, Inserted, Match};
use crate::{Error, Result};

impl Index {
    /// [`search`](Self::search) for a view.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn search_view(&self, vector: &ArrayView1<'_, f32>) -> Result<Option<Match>> {
        match vector.as_slice() {
            Some(slice) => self.search(slice),
            None => self.search(&vector.to_vec()),
        }
    }

    /// [`insert`](Self::insert) for a view.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn insert_view(&mut self, vector: &ArrayView1<'_, f32>, id: u64) -> Result<Inserted> {
        match vector.as_slice() {
            Some(slice) => self.insert(slice, id),
            None => self.insert(&vector.to_vec(), id),
        }
    }

    /// [`search_batch`](Self::search_batch) for a view with one vector in each row.
    ///
    /// # Errors
    /// As [`search_batch`](Self::search_batch); [`Error::Dimension`] for rows of another length.
    pub fn search_batch_view(&self, rows: &ArrayView2<'_, f32>) -> Result<Vec<Option<Match>>> {
        let expected = self.settings.dim();
        if rows.ncols() != expected {
            return Err(Error::Dimension { expected, got: rows.ncols() });
        }
        match rows.as_slice() {
            Some(slice) => self.search_batch(slice),
            None => self.search_batch(&rows.iter().copied().collect::<Vec<_>>()),
        }
    }
}
