//! The embeddings of a dataset as one matrix.

use streamface_types::{Embeddings, FaceId};

use crate::{Error, FeatureRow, Result};

/// Embeddings row by row, all of one model.
#[derive(Debug, Default)]
pub struct FeatureMatrix {
    first: Option<First>,
    numbers: Vec<f32>,
    /// Rows that room is made for with the first.
    expected: usize,
}

/// What the others are compared with.
#[derive(Debug)]
struct First {
    face: FaceId,
    model: String,
    sha256: String,
    dim: usize,
}

impl FeatureMatrix {
    /// Without rows, and with room for so many.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        Self { expected: rows, ..Self::default() }
    }

    /// Adds a row. Where it is refused, the matrix stays as it was.
    ///
    /// # Errors
    /// [`Error::MixedModels`] where the first row is of another model, or has another number of numbers.
    pub fn push(&mut self, row: &FeatureRow) -> Result<()> {
        let first = self.first.get_or_insert_with(|| First {
            face: row.face.clone(),
            model: row.model.clone(),
            sha256: row.model_sha256.clone(),
            dim: row.embedding.len(),
        });
        if row.model_sha256 != first.sha256 || row.embedding.len() != first.dim {
            return Err(Error::MixedModels {
                first: (first.face.clone(), first.model.clone()),
                other: (row.face.clone(), row.model.clone()),
            });
        }
        if self.numbers.is_empty() {
            self.numbers.reserve_exact(self.expected * first.dim);
        }
        self.numbers.extend_from_slice(&row.embedding);
        Ok(())
    }

    /// The matrix, one row for each that was added.
    ///
    /// # Errors
    /// A number is not finite.
    pub fn finish(self) -> Result<Embeddings, streamface_types::Error> {
        Embeddings::new(self.numbers, self.first.map_or(0, |first| first.dim))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_another_model_are_refused_and_leave_the_matrix_as_it_was() {
        let row = |face: &str, model: &str, numbers: &[f32]| {
            FeatureRow::new(face.parse::<FaceId>().unwrap(), model, model, numbers.to_vec())
        };
        let mut rows = FeatureMatrix::with_capacity(2);
        rows.push(&row("a_face_0", "one", &[1.0, 2.0])).unwrap();
        for other in [row("b_face_0", "two", &[3.0, 4.0]), row("b_face_0", "one", &[3.0])] {
            let refused = rows.push(&other).unwrap_err().to_string();
            assert!(refused.starts_with("a_face_0 was embedded by one, b_face_0 by"), "{refused}");
        }
        rows.push(&row("c_face_0", "one", &[5.0, 6.0])).unwrap();
        assert_eq!(rows.finish().unwrap(), Embeddings::new(vec![1.0, 2.0, 5.0, 6.0], 2).unwrap());
        assert!(FeatureMatrix::default().finish().unwrap().is_empty());
    }
}
