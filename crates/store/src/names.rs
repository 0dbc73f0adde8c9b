//! What the people of the table of labels are called: `metadata/names.json`.
//!
//! The file goes with the table: whoever writes other labels writes other names, or none.

use std::collections::BTreeMap;
use std::io::{BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use streamface_types::{FaceId, Label};

use crate::{Dataset, Error, LabelRow, files};

/// Name of the file in `metadata/`.
const FILE: &str = "names.json";
/// Longest file that is read, in bytes: some million names.
const MAX_FILE: u64 = 256 << 20;

/// Labels of faces, and what the people are called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamedLabels {
    /// The label of each face that has one, noise among them, in the order of the faces.
    pub labels: BTreeMap<FaceId, Label>,
    /// Names by label, of those who have one.
    pub names: BTreeMap<Label, String>,
}

fn path(metadata: &Path) -> PathBuf {
    metadata.join(FILE)
}

impl Dataset {
    /// The table of labels: what the last clustering or an import came to, with the names that came with it. What a review
    /// made of them is another matter: `streamface_annotate::dataset_labels`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`].
    pub fn clusters(&self) -> Result<NamedLabels, Error> {
        let mut labels = BTreeMap::new();
        self.each(|row: LabelRow| {
            labels.insert(row.face, row.label);
        })?;
        Ok(NamedLabels { labels, names: self.cluster_names()? })
    }

    /// Names of the labels in the table of labels, of those who have one.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`].
    pub fn cluster_names(&self) -> Result<BTreeMap<Label, String>, Error> {
        let path = path(&self.metadata());
        let Some(file) = files::find(&path, MAX_FILE)? else { return Ok(BTreeMap::new()) };
        let read = serde_json::from_reader(BufReader::new(file.take(MAX_FILE)));
        let names: BTreeMap<i64, String> =
            read.map_err(|e| Error::format(&path, format!("not names by label: {e}")))?;
        Ok(names.into_iter().map(|(label, name)| (Label(label), name)).collect())
    }

    /// Replaces the table of labels, and the names that go with it. A process killed in between leaves labels without
    /// names, never with those of others.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn replace_labels(&self, rows: Vec<LabelRow>, names: &BTreeMap<Label, String>) -> Result<(), Error> {
        self.writable()?;
        let path = path(&self.metadata());
        files::remove(&path)?;
        self.replace(rows)?;
        if names.is_empty() {
            return Ok(());
        }
        let by_number: BTreeMap<i64, &str> = names.iter().map(|(l, name)| (l.0, name.as_str())).collect();
        files::write(&path, |out| {
            serde_json::to_writer_pretty(&mut *out, &by_number)?;
            writeln!(out)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_with_their_labels() {
        let dir = tempfile::tempdir().unwrap();
        let data = Dataset::open(dir.path()).unwrap();
        assert_eq!(data.clusters().unwrap(), NamedLabels::default());
        let rows = || vec![LabelRow::new("a_face_0".parse::<FaceId>().unwrap(), Label(7))];
        let names = BTreeMap::from([(Label(7), "Zoë \"Z\"".to_owned())]);
        data.replace_labels(rows(), &names).unwrap();
        let found = data.clusters().unwrap();
        assert_eq!((found.names, found.labels.len()), (names, 1));
        data.replace_labels(rows(), &BTreeMap::new()).unwrap();
        assert_eq!(data.clusters().unwrap().names, BTreeMap::new());
        std::fs::write(dir.path().join("metadata/names.json"), "[1]").unwrap();
        assert!(data.clusters().unwrap_err().to_string().contains("names.json"));
    }
}
