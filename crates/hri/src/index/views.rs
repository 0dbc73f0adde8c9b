//! Vectors as views of `ndarray`.

use ndarray::{ArrayView1, ArrayView2};

use super::{Index, Inserted, Match};
use crate::Error;

impl Index {
    /// [`search`](Self::search), of a view.
    ///
    /// # Errors
    /// As there.
    pub fn search_view(&self, vector: &ArrayView1<'_, f32>) -> Result<Option<Match>, Error> {
        match vector.as_slice() {
            Some(slice) => self.search(slice),
            None => self.search(&vector.to_vec()),
        }
    }

    /// [`insert`](Self::insert), of a view.
    ///
    /// # Errors
    /// As there.
    pub fn insert_view(&mut self, vector: &ArrayView1<'_, f32>, id: u64) -> Result<Inserted, Error> {
        match vector.as_slice() {
            Some(slice) => self.insert(slice, id),
            None => self.insert(&vector.to_vec(), id),
        }
    }

    /// [`search_batch`](Self::search_batch), of a view with a vector a row.
    ///
    /// # Errors
    /// As there; [`Error::Dimension`] for rows of another length.
    pub fn search_batch_view(&self, rows: &ArrayView2<'_, f32>) -> Result<Vec<Option<Match>>, Error> {
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
