//! The embeddings of a dataset, for formats that hold vectors.

use streamface_store::FeatureRow;
use streamface_types::{Embeddings, FaceId};

use crate::Error;
use crate::snapshot::Snapshot;

/// All embeddings of faces that have a row, in the order of their names, and whose they are; `None` where there are none.
///
/// # Errors
/// [`Error::Lacks`] where they are of several models.
pub(crate) fn matrix(set: &Snapshot<'_>) -> Result<Option<(Embeddings, Vec<FaceId>)>, Error> {
    let (mut numbers, mut faces, mut first): (Vec<f32>, Vec<FaceId>, Option<FeatureRow>) = Default::default();
    let mut other = None;
    set.data.each::<FeatureRow>(|row| {
        if set.faces.binary_search_by(|f| f.face.cmp(&row.face)).is_err() {
            return;
        }
        let first = first.get_or_insert_with(|| row.clone());
        if row.embedding.len() != first.embedding.len() || row.model_sha256 != first.model_sha256 {
            other.get_or_insert_with(|| {
                let (a, b) = (&first.face, &row.face);
                format!(
                    "{a} was embedded by {}, {b} by {}: they are not of one matrix",
                    first.model, row.model
                )
            });
            return;
        }
        numbers.extend_from_slice(&row.embedding);
        faces.push(row.face);
    })?;
    if let Some(why) = other {
        return Err(Error::lacks(set.root(), &why));
    }
    let Some(first) = first else { return Ok(None) };
    let vectors = Embeddings::new(numbers, first.embedding.len());
    Ok(Some((vectors.map_err(|e| Error::format(set.root(), e))?, faces)))
}

/// Some rows of a matrix.
pub(crate) fn rows(of: &Embeddings, rows: &[usize]) -> Result<Embeddings, Error> {
    let numbers = rows.iter().flat_map(|&row| of.row(row)).copied().collect();
    Embeddings::new(numbers, of.dim()).map_err(|e| Error::format(std::path::Path::new("features"), e))
}
