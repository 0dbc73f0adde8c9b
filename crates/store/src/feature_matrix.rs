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
    settings: Option<String>,
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
    /// [`Error::MixedModels`] where the first row is of another model, of other settings, or has another number of numbers.
    pub fn push(&mut self, row: &FeatureRow) -> Result<()> {
        let first = self.first.get_or_insert_with(|| First {
            face: row.face.clone(),
            model: row.model.clone(),
            sha256: row.model_sha256.clone(),
            settings: row.settings.clone(),
            dim: row.embedding.len(),
        });
        // Rows of before there were settings do not say them.
        let settings = first.settings.as_ref().zip(row.settings.as_ref()).is_none_or(|(a, b)| a == b);
        if row.model_sha256 != first.sha256 || row.embedding.len() != first.dim || !settings {
            let name = |model: &str, by: &Option<String>| match by {
                Some(by) if !settings => format!("{model} with settings {by}"),
                _ => model.to_owned(),
            };
            return Err(Error::MixedModels {
                first: (first.face.clone(), name(&first.model, &first.settings)),
                other: (row.face.clone(), name(&row.model, &row.settings)),
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
        let settings = |row: FeatureRow, settings: &str| {
            let mut row = row;
            row.settings = Some(settings.to_owned());
            row
        };
        // What does not say its settings goes with any; two that differ do not go together.
        rows.push(&settings(row("c_face_0", "one", &[5.0, 6.0]), "aa")).unwrap();
        let mut fed = FeatureMatrix::default();
        fed.push(&settings(row("a_face_0", "one", &[1.0, 2.0]), "aa")).unwrap();
        let refused = fed.push(&settings(row("b_face_0", "one", &[1.0, 2.0]), "bb")).unwrap_err().to_string();
        assert_eq!(
            refused,
            "a_face_0 was embedded by one with settings aa, b_face_0 by one with settings bb"
        );
        assert_eq!(rows.finish().unwrap(), Embeddings::new(vec![1.0, 2.0, 5.0, 6.0], 2).unwrap());
        assert!(FeatureMatrix::default().finish().unwrap().is_empty());
    }
}
