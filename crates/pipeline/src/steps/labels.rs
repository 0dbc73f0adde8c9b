//! Which labels a step takes: those of the dataset by the one rule, or a file's.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use streamface_annotate::finalize::ANNOTATIONS;
use streamface_annotate::labels::{DatasetLabels, LabelSource, Whose, dataset_labels};
use streamface_eval::labels::{Labelled, each_annotation, read_labelled};
use streamface_store::{Dataset, FaceRow, NamedLabels, files};
use streamface_types::{FaceId, Label};

use super::dataset_dir::open_reading;
use crate::error::At as _;
use crate::{Error, Result};

/// The labels that a setting means: `auto`, which is also what none is, `reviewed`, `clusters`, or a file. A file's
/// names that are no faces of the dataset are counted.
///
/// # Errors
/// What reading meets; a file that names none of the faces.
pub(super) fn wanted(data: &Dataset, given: Option<&Path>) -> Result<DatasetLabels> {
    let whose = given.map_or(Some(Whose::Auto), |path| path.to_str()?.parse().ok());
    match (whose, given) {
        (None, Some(path)) => of_file(data, path),
        (whose, _) => Ok(dataset_labels(data, whose.unwrap_or_default())?),
    }
}

/// The same for what a user gave; where that is neither a word nor a file, with what it may be.
pub(super) fn asked(data: &Dataset, given: &Path) -> Result<DatasetLabels> {
    let found = wanted(data, Some(given));
    if is_word(given) || given.exists() {
        return found;
    }
    found.at(|| "--labels takes auto, reviewed, clusters or a file of labels".to_owned())
}

fn of_file(data: &Dataset, path: &Path) -> Result<DatasetLabels> {
    let Labelled { labels, names, .. } = read_label_file(path)?;
    let (said, known) = (labels.len(), faces(data)?);
    let label = |(name, label): (String, i64)| Some((name.parse::<FaceId>().ok()?, Label(label)));
    let fits = |(face, _): &(FaceId, Label)| known.as_ref().is_none_or(|known| known.contains(face));
    let labels: BTreeMap<FaceId, Label> = labels.into_iter().filter_map(label).filter(fits).collect();
    if labels.is_empty() && known.is_some() {
        let (path, dir) = (path.display(), data.root().display());
        return Err(Error::Mismatch(format!("{path} names none of the faces of {dir}")));
    }
    let unknown = said - labels.len();
    let names = names.into_iter().map(|(label, name)| (Label(label), name)).collect();
    let named = NamedLabels { labels, names };
    Ok(DatasetLabels { named, from: LabelSource::File(path.to_owned()), unknown })
}

/// The faces of a dataset; one of the original has no table of them, but annotations. `None` where there are none.
fn faces(data: &Dataset) -> Result<Option<HashSet<FaceId>>> {
    let mut faces = HashSet::new();
    data.each(|row: FaceRow| faces.extend([row.face]))?;
    let own = data.metadata().join("annotations.json");
    if faces.is_empty() && files::is_there(&own)? {
        each_annotation(&own, |name, _| faces.extend(name.parse::<FaceId>()))?;
    }
    Ok((!faces.is_empty()).then_some(faces))
}

/// What is said of a file whose names are not all faces of the dataset.
pub(super) fn unknown_names(found: &DatasetLabels) -> Option<String> {
    let LabelSource::File(path) = &found.from else { return None };
    let said = found.unknown + found.named.labels.len();
    (found.unknown > 0).then(|| {
        format!("{}: {} of its {said} names are no faces of this dataset", path.display(), found.unknown)
    })
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
