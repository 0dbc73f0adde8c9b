//! Step 8, its end: what was decided, as labels.

use std::path::{Path, PathBuf};

use streamface_annotate::finalize::{ANNOTATIONS, PEOPLE, Summary};
use streamface_annotate::{Finalized, Numbering, Report};
use streamface_store::LabelRow;
use streamface_types::Label;

use super::dataset_dir::open_existing;
use super::input::no_labels;
use super::reviewed::Reviewed;
use crate::Result;
use crate::settings::{FinalizeSettings, Settings as _};

/// What a review came to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FinalizeResult {
    /// What changed.
    pub summary: Summary,
    /// Decisions that are not followed, and those that name faces which are not there.
    pub report: Report,
    /// Decisions that hold.
    pub decisions: usize,
    /// Faces that no clustering has seen: no one's, unless a decision says whose.
    pub unclustered: usize,
    /// `annotations_manual.json`.
    pub annotations: PathBuf,
    /// `people.json`.
    pub people: PathBuf,
    /// `labeled_faces/`, where it was written.
    pub folders: Option<PathBuf>,
}

/// Step 8, its end: labels by the decisions of the review so far.
///
/// # Errors
/// No labels yet, a journal with a broken line, what reading and writing meets.
pub fn finalize(dir: &Path, settings: &FinalizeSettings) -> Result<FinalizeResult> {
    settings.check()?;
    let data = open_existing(dir)?;
    let Reviewed { people, decisions, clustered, unclustered } = Reviewed::read(&data, !settings.same_frame)?;
    if clustered == 0 {
        return Err(no_labels(&data));
    }
    let numbering = if settings.compat { Numbering::Compat } else { Numbering::Stable };
    let done = Finalized::new(&people, numbering);
    done.write(&data.metadata(), &people)?;
    if settings.folders {
        let rows = people.faces().iter().zip(&done.labels);
        let rows: Vec<_> = rows.map(|(face, &l)| LabelRow::new(face.clone(), Label(l))).collect();
        data.write_labeled_faces(&rows)?;
    }
    Ok(FinalizeResult {
        summary: done.summary(&people),
        report: people.report(),
        decisions: decisions.iter().filter(|d| people.holds(d.id)).count(),
        unclustered: unclustered.len(),
        annotations: data.metadata().join(ANNOTATIONS),
        people: data.metadata().join(PEOPLE),
        folders: settings.folders.then(|| data.root().join("labeled_faces")),
    })
}
