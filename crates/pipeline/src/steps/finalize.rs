//! Step 8, its end: what was decided, as labels.

use std::path::{Path, PathBuf};

use streamface_annotate::Report;
use streamface_annotate::finalize::{ANNOTATIONS, PEOPLE, Summary};
use streamface_annotate::labels::{ReviewOptions, Reviewed};
use streamface_store::{Dataset, LabelRow};
use streamface_types::Label;

use super::dataset_dir::open_existing;
use super::labels::no_labels;
use super::people_attributes::unknown_below;
use crate::Result;
use crate::settings::record::record;
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
    let options = review_options(&data, settings.same_frame, settings.compat)?;
    let reviewed = Reviewed::read(&data, &options)?;
    if reviewed.clustered == 0 {
        return Err(no_labels(&data));
    }
    let (done, people) = (reviewed.finalized(), &reviewed.people);
    done.write(&data, people, &unknown_below(&data)?)?;
    if settings.folders {
        let rows = people.faces().iter().zip(&done.labels);
        let rows: Vec<_> = rows.map(|(face, &l)| LabelRow::new(face.clone(), Label(l))).collect();
        data.write_labeled_faces(&rows, &done.names())?;
    }
    Ok(FinalizeResult {
        summary: done.summary(people),
        report: people.report(),
        decisions: reviewed.holding(),
        unclustered: reviewed.unclustered.len(),
        annotations: data.metadata().join(ANNOTATIONS),
        people: data.metadata().join(PEOPLE),
        folders: settings.folders.then(|| data.root().join("labeled_faces")),
    })
}

/// How decisions are applied: as told here, which the dataset remembers, else as told before.
pub(super) fn review_options(
    data: &Dataset,
    same_frame: Option<bool>,
    compat: Option<bool>,
) -> Result<ReviewOptions> {
    let before = ReviewOptions::of(data)?;
    let mut options = before;
    options.same_frame = same_frame.unwrap_or(before.same_frame);
    options.compat = compat.unwrap_or(before.compat);
    if options != before {
        record(data, ReviewOptions::STEP, false, &options.record())?;
    }
    Ok(options)
}
