//! Which labels a step takes: those of the dataset by the one rule, or a file's.

use std::collections::BTreeMap;
use std::path::Path;

use streamface_annotate::finalize::ANNOTATIONS;
use streamface_annotate::labels::{DatasetLabels, LabelSource, Whose, dataset_labels};
use streamface_eval::labels::{Labelled, read_labelled};
use streamface_store::{Dataset, NamedLabels};
use streamface_types::Label;

use super::dataset_dir::open_reading;
use crate::{Error, Result};

/// The labels that a setting means: `auto`, which is also what none is, `reviewed`, `clusters`, or a file. A file's
/// faces that are not faces' names are passed over.
pub(super) fn wanted(data: &Dataset, given: Option<&Path>) -> Result<DatasetLabels> {
    let whose = given.map_or(Some(Whose::Auto), |path| path.to_str()?.parse().ok());
    match (whose, given) {
        (None, Some(path)) => {
            let read = read_label_file(path)?;
            let label = |(name, label): (String, i64)| Some((name.parse().ok()?, Label(label)));
            let labels = read.labels.into_iter().filter_map(label).collect();
            let names = read.names.into_iter().map(|(label, name)| (Label(label), name)).collect();
            let named = NamedLabels { labels, names };
            Ok(DatasetLabels { named, from: LabelSource::File(path.to_owned()) })
        }
        (whose, _) => Ok(dataset_labels(data, whose.unwrap_or_default())?),
    }
}

/// Whether a setting is one of the words, not a file.
pub(super) fn is_word(given: &Path) -> bool {
    given.to_str().is_some_and(|word| word.parse::<Whose>().is_ok())
}

/// The same as [`wanted`], where there have to be some.
///
/// # Errors
/// There are none.
pub(super) fn needed(data: &Dataset, given: Option<&Path>) -> Result<DatasetLabels> {
    let found = wanted(data, given)?;
    if found.named.labels.is_empty() {
        return Err(match found.from {
            LabelSource::File(path) => {
                let (path, dir) = (path.display(), data.root().display());
                Error::Mismatch(format!("the labels of {path} name none of the faces of {dir}"))
            }
            _ => no_labels(data),
        });
    }
    Ok(found)
}

/// A dataset that has not been clustered.
pub(super) fn no_labels(data: &Dataset) -> Error {
    let dir = data.root().display();
    Error::StepMissing(format!("{dir} has no labels yet; run streamface cluster {dir} first"))
}

/// Reads a file of labels; of a dataset directory its labels by the rule.
///
/// # Errors
/// What reading meets; where a file that a step writes is missing, the step.
pub(super) fn read_label_file(path: &Path) -> Result<Labelled> {
    if path.join("metadata").is_dir() {
        let data = open_reading(path)?;
        return Ok(as_read(needed(&data, None)?.named));
    }
    let read = read_labelled(path);
    match read {
        Err(streamface_eval::Error::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Err(missing(path))
        }
        read => Ok(read?),
    }
}

/// Labels by the names of faces, as a file of them is read.
pub(super) fn as_read(NamedLabels { labels, names }: NamedLabels) -> Labelled {
    Labelled {
        labels: labels.into_iter().map(|(face, label)| (face.to_string(), label.0)).collect(),
        names: by_number(names),
        numbered: true,
    }
}

/// Names by number.
pub(super) fn by_number(names: BTreeMap<Label, String>) -> BTreeMap<i64, String> {
    names.into_iter().map(|(label, name)| (label.0, name)).collect()
}

/// A file of labels that is not there: which step writes it.
fn missing(path: &Path) -> Error {
    let dir = path.parent().filter(|dir| dir.ends_with("metadata")).and_then(Path::parent);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let dir = dir.filter(|dir| dir.join("metadata").is_dir());
    let hint = match (dir, name) {
        (Some(dir), ANNOTATIONS) => {
            format!("; streamface finalize {} writes it, by the decisions of the review", dir.display())
        }
        (Some(dir), "annotations.json") => format!("; streamface cluster {} writes it", dir.display()),
        (Some(dir), "imported.csv") => {
            format!("; {} was not imported with labels", dir.display())
        }
        _ => String::new(),
    };
    Error::StepMissing(format!("{}: there is no such file of labels{hint}", path.display()))
}
