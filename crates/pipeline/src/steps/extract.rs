//! Step 2: the faces of frames that are in the dataset.

use std::collections::HashSet;
use std::path::Path;

use streamface_store::{Dataset, ExtractionRow, FrameRow};
use streamface_types::FrameId;

use super::dataset_dir::open_existing;
use super::frame_worker::Job;
use super::models::{Loaded, keep_manifest, load_extractor};
use super::results::{FaceCounts, Work};
use super::session::{Session, Worked};
use crate::Result;
use crate::event::Context;
use crate::settings::record::record;
use crate::settings::{ExtractSettings, Settings as _};

/// What an extraction came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExtractResult {
    /// Faces.
    pub faces: FaceCounts,
    /// How the work went.
    pub work: Work,
}

/// Step 2: the faces of the frames that were not searched yet, with crops and temporal links.
///
/// # Errors
/// What loading, reading and writing meets; [`Error::Mismatch`](crate::Error::Mismatch) where the directory's
/// faces were found in another way.
pub fn extract(dir: &Path, settings: &ExtractSettings, context: &Context<'_>) -> Result<ExtractResult> {
    settings.check()?;
    let loaded = load_extractor(&settings.faces, context)?;
    let data = open_existing(dir)?;
    record_extract(&data, &settings.faces.detector, &loaded)?;
    let session = Session::new(&data, &settings.work, context)?;
    let Worked { faces, work, .. } = session.rework(unsearched(&data)?, Some(&loaded.extractor), None)?;
    data.compact()?;
    Ok(ExtractResult { faces, work })
}

pub(super) fn record_extract(data: &Dataset, chosen_by: &str, loaded: &Loaded) -> Result<()> {
    let Loaded { extractor, detect, gates } = loaded;
    let model = extractor.detector().id();
    let look =
        detect.second_look.map_or("none".into(), |l| format!("{} px, {} x the face", l.size, l.context));
    record(
        data,
        "extract",
        true,
        &[
            ("detector", model.name.clone()),
            ("detector-sha256", model.sha256.clone()),
            ("detect-size", detect.size.to_string()),
            ("score", detect.score.to_string()),
            ("second-look", look),
            ("size-threshold", gates.size_threshold.to_string()),
            ("face-blur-threshold", gates.blur_threshold.to_string()),
        ],
    )?;
    keep_manifest(data, chosen_by, &model.name)
}

/// Kept frames that were not searched yet, in the order of their names.
pub(super) fn unsearched(data: &Dataset) -> Result<Vec<Job>> {
    let searched: HashSet<FrameId> = data.read::<ExtractionRow>()?.into_iter().map(|r| r.frame).collect();
    let kept = data.read::<FrameRow>()?.into_iter().filter(|f| f.dropped.is_none()).map(|f| f.frame);
    Ok(kept.filter(|f| !searched.contains(f)).map(Job::Stored).collect())
}
