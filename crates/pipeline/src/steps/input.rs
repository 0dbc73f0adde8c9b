//! What the steps after clustering take: a dataset, or any vectors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use streamface_annotate::labels::{DatasetLabels, LabelSource};
use streamface_eval::labels::stem;
use streamface_store::{Dataset, FeatureRow};
use streamface_types::text::whole_number;
use streamface_types::{Embeddings, FaceId, Metric};

use super::labelling::matrix;
use super::labels::{by_number, needed, read_label_file, unknown_names};
use crate::error::At as _;
use crate::event::Context;
use crate::{Error, Result};

/// A dataset directory, or a file of vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// A dataset directory.
    Dataset(PathBuf),
    /// A `.npy` or Parquet file, one vector a row ([`streamface_store::read_vectors`]).
    Vectors(PathBuf),
}

impl Input {
    /// A dataset directory.
    #[must_use]
    pub fn dataset(dir: impl Into<PathBuf>) -> Self {
        Self::Dataset(dir.into())
    }

    /// A `.npy` or Parquet file.
    #[must_use]
    pub fn vectors(path: impl Into<PathBuf>) -> Self {
        Self::Vectors(path.into())
    }

    /// The directory or the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Dataset(path) | Self::Vectors(path) => path,
        }
    }
}

/// Reads vectors that distances can be taken of.
pub(super) fn read_vectors(path: &Path, metric: Metric) -> Result<Embeddings> {
    let rows = streamface_store::read_vectors(path)?.vectors;
    if metric == Metric::Cosine
        && let Some(row) = rows.rows().position(|row| row.iter().all(|&x| x == 0.0))
    {
        return Err(Error::Input(format!(
            "{}: row {row} is all zeros (in 32 bits) and has no direction, so no cosine distance; leave it out, or \
             use --metric euclidean",
            path.display()
        )));
    }
    Ok(rows)
}

/// The faces of a dataset with embeddings and labels.
pub(super) struct LabelledFaces {
    pub rows: Embeddings,
    /// One a row.
    pub faces: Vec<FaceId>,
    /// One a row; noise where a face has none.
    pub labels: Vec<i64>,
    /// Names of people.
    pub names: BTreeMap<i64, String>,
    /// Which labels these are.
    pub from: LabelSource,
    /// What is said of names in a file that are no faces.
    pub unknown: Option<String>,
}

/// The embeddings, faces and labels of a dataset: those that the setting means.
pub(super) fn labelled(data: &Dataset, given: Option<&Path>) -> Result<LabelledFaces> {
    let features = data.read::<FeatureRow>()?;
    let rows = matrix(&features)?;
    let faces: Vec<FaceId> = features.into_iter().map(|f| f.face).collect();
    let found = needed(data, given)?;
    let unknown = unknown_names(&found);
    let DatasetLabels { named, from, .. } = found;
    let labels = noise_where_none(faces.iter().map(|f| named.labels.get(f).map(|l| l.0)).collect());
    if labels.iter().all(|&l| l < 0) && !faces.is_empty() {
        let (faces, dir) = (faces.len(), data.root().display());
        return Err(Error::Mismatch(format!("the labels name none of the {faces} faces of {dir}")));
    }
    Ok(LabelledFaces { rows, faces, labels, names: by_number(named.names), from, unknown })
}

/// Labels by the number of the row, of those that have one: CSV `index,label`, or `name,label` with numbers for names.
pub(super) fn labels_of_rows(path: &Path, rows: usize) -> Result<Vec<Option<i64>>> {
    let mut labels = vec![None; rows];
    for (name, label) in read_label_file(path)?.labels {
        let number = stem(&name);
        let row = whole_number(number).and_then(|n| usize::try_from(n).ok()).filter(|row| *row < rows);
        let row = row.at(|| {
            format!("{}: '{name}' is not the number of one of {rows} rows, counted from 0", path.display())
        })?;
        labels[row] = Some(label);
    }
    Ok(labels)
}

/// Says how many of the rows of a file of vectors have no label: they count as noise.
pub(super) fn tell_unlabelled(path: &Path, labels: &[Option<i64>], context: &Context<'_>) {
    let missing = labels.iter().filter(|label| label.is_none()).count();
    if missing > 0 {
        context.warn(format!(
            "{} has no label for {missing} of {} rows; they count as noise, which is left out",
            path.display(),
            labels.len()
        ));
    }
}

/// What has no label is noise, which all scores leave out.
pub(super) fn noise_where_none(labels: Vec<Option<i64>>) -> Vec<i64> {
    labels.into_iter().map(|label| label.unwrap_or(-1)).collect()
}
