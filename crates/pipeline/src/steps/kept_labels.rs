//! Labels that a clustering would lose. It labels the faces that have an embedding; those of an imported set may have a label
//! before they have an embedding.

use std::collections::HashSet;
use std::path::PathBuf;

use streamface_store::{Dataset, ExtractionRow, FaceRow, FeatureRow, LabelRow};
use streamface_types::{FaceId, FrameId};

use crate::{Error, Result};

/// How many faces have a label that the clustering of `embedded`, which ascend, will not give them anew.
///
/// # Errors
/// [`Error::StepMissing`] where there are any, unless they are to be discarded. A label of a photo in which no face was found
/// is none of a face.
pub(super) fn check_labels(data: &Dataset, embedded: &[FaceId], discard: bool) -> Result<usize> {
    let labelled = data.read::<LabelRow>()?;
    let without: Vec<FaceId> = labelled
        .iter()
        .map(|l| &l.face)
        .filter(|face| embedded.binary_search(face).is_err())
        .cloned()
        .collect();
    if without.is_empty() {
        return Ok(0);
    }
    let searched: HashSet<FrameId> = data.read::<ExtractionRow>()?.into_iter().map(|row| row.frame).collect();
    let faces: HashSet<FaceId> = data.read::<FaceRow>()?.into_iter().map(|row| row.face).collect();
    let lost = without.iter().filter(|face| faces.contains(*face) || !searched.contains(&face.frame)).count();
    if lost > 0 && !discard {
        let (all, dir) = (labelled.len(), data.root().display());
        // A photo has to be searched first.
        let steps = if without.iter().any(|face| !searched.contains(&face.frame)) {
            format!("streamface extract {dir} && streamface analyze {dir}")
        } else {
            format!("streamface analyze {dir}")
        };
        return Err(Error::StepMissing(format!(
            "{lost} of {all} faces with a label in {dir} have no embedding, and would lose their labels; run {steps} \
             first, or cluster with --discard-labels"
        )));
    }
    Ok(lost)
}

/// As [`check_labels`], before a step that takes long and clusters at its end.
///
/// # Errors
/// Those of [`check_labels`].
pub(super) fn check_imported_labels(data: &Dataset) -> Result<()> {
    if imported_labels(data).is_none() {
        return Ok(());
    }
    let mut embedded = Vec::new();
    data.each::<FeatureRow>(|row| embedded.push(row.face))?;
    check_labels(data, &embedded, false).map(drop)
}

/// Where the labels are that a dataset was imported with, if it was.
pub(super) fn imported_labels(data: &Dataset) -> Option<PathBuf> {
    let path = data.metadata().join("imported.csv");
    path.is_file().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamface_types::Label;

    #[test]
    fn labels_of_faces_without_an_embedding_are_not_lost_in_silence() {
        let dir = tempfile::tempdir().unwrap();
        let data = Dataset::open(dir.path()).unwrap();
        let face = |name: &str| name.parse::<FaceId>().unwrap();
        let [a, b, photo, empty] = ["a_face_0", "b_face_0", "c_face_0", "d_face_0"].map(face);
        let label = |face: &FaceId| LabelRow::new(face.clone(), Label(1));
        data.replace([&a, &b].map(label).into()).unwrap();
        data.replace(vec![FaceRow::new(a.clone()), FaceRow::new(b.clone())]).unwrap();
        data.replace(vec![ExtractionRow::new(a.frame.clone()), ExtractionRow::new(b.frame.clone())]).unwrap();
        assert_eq!(check_labels(&data, &[a.clone(), b.clone()], false).unwrap(), 0);
        let said = check_labels(&data, std::slice::from_ref(&a), false).unwrap_err().to_string();
        assert!(said.contains("1 of 2 faces") && said.contains("run streamface analyze"), "{said}");
        assert_eq!(check_labels(&data, std::slice::from_ref(&a), true).unwrap(), 1);
        // A photo that was not searched yet, and one in which there is no face.
        data.replace([&a, &photo, &empty].map(label).into()).unwrap();
        data.replace(vec![ExtractionRow::new(a.frame.clone()), ExtractionRow::new(empty.frame.clone())])
            .unwrap();
        let said = check_labels(&data, std::slice::from_ref(&a), false).unwrap_err().to_string();
        assert!(said.contains("1 of 3 faces") && said.contains("extract"), "{said}");
        data.replace([&a, &empty].map(label).into()).unwrap();
        assert_eq!(check_labels(&data, std::slice::from_ref(&a), false).unwrap(), 0);
    }
}
