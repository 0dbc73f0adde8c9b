//! The embeddings of a dataset, for formats that hold vectors.

use streamface_store::{FeatureMatrix, FeatureRow};
use streamface_types::{Embeddings, FaceId};

use crate::Error;
use crate::snapshot::Snapshot;

/// All embeddings of faces that have a row, in the order of their names, and whose they are; `None` where there are none.
///
/// # Errors
/// [`Error::Lacks`] where they are of several models.
pub(crate) fn matrix(set: &Snapshot<'_>) -> Result<Option<(Embeddings, Vec<FaceId>)>, Error> {
    let (mut vectors, mut faces) = (FeatureMatrix::default(), Vec::<FaceId>::new());
    let mut other = None;
    set.data.each::<FeatureRow>(|row| {
        if set.faces.binary_search_by(|f| f.face.cmp(&row.face)).is_err() {
            return;
        }
        match vectors.push(&row) {
            Ok(()) => faces.push(row.face),
            Err(mixed) => drop(other.get_or_insert(mixed)),
        }
    })?;
    if let Some(mixed) = other {
        return Err(Error::lacks(set.root(), format!("{mixed}: they are not of one matrix")));
    }
    if faces.is_empty() {
        return Ok(None);
    }
    Ok(Some((vectors.finish().map_err(|e| Error::format(set.root(), e))?, faces)))
}

/// Some rows of a matrix.
pub(crate) fn rows(of: &Embeddings, rows: &[usize]) -> Result<Embeddings, Error> {
    let numbers = rows.iter().flat_map(|&row| of.row(row)).copied().collect();
    Embeddings::new(numbers, of.dim()).map_err(|e| Error::format(std::path::Path::new("features"), e))
}
