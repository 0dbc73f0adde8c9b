//! Step 2: the faces of frames that are in the dataset.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use streamface_store::{Dataset, ExtractionRow, FrameFormat, FrameRow};
use streamface_types::FrameId;

use super::dataset_dir::open_existing;
use super::frame_worker::{Analysis, Job};
use super::models::{
    DETECT_SIZE, ENGINE, Loaded, MIN_FACE, faces_of, keep_manifest, load_extractor, record_of,
};
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
    let context = &context.running_by(settings.engine.engine(&context.models)?);
    let faces = faces_of(&settings.faces, &record_of(dir)?);
    let loaded = load_extractor(&faces, context)?;
    let data = open_existing(dir)?;
    record_extract(&data, &settings.faces.detector, &loaded)?;
    let session = Session::new(&data, &settings.work, context)?;
    let (jobs, missing) = unsearched(&data)?;
    let Worked { faces, mut work, .. } = {
        let jobs = jobs.into_iter().map(Ok);
        session.rework(jobs, Some(&loaded.extractor), Analysis::default(), &BTreeSet::new())?
    };
    data.compact()?;
    work.failures.extend(missing);
    Ok(ExtractResult { faces, work })
}

pub(super) fn record_extract(data: &Dataset, chosen_by: &str, loaded: &Loaded) -> Result<()> {
    let Loaded { extractor, detect, gates, engine } = loaded;
    let model = extractor.detector().id();
    let look =
        detect.second_look.map_or("none".into(), |l| format!("{} px, {} x the face", l.size, l.context));
    let mut chosen = vec![
        ("detector", model.name.clone()),
        ("detector-sha256", model.sha256.clone()),
        (DETECT_SIZE, detect.size.to_string()),
        ("score", detect.score.to_string()),
        ("second-look", look),
        ("size-threshold", gates.size_threshold.to_string()),
        ("face-blur-threshold", gates.blur_threshold.to_string()),
    ];
    // Directories from before there was such a gate do not name it.
    if gates.min_face > 0 {
        chosen.push((MIN_FACE, gates.min_face.to_string()));
    }
    chosen.extend(engine.clone().map(|engine| (ENGINE, engine)));
    record(data, "extract", true, &chosen)?;
    keep_manifest(data, chosen_by)
}

/// Kept frames that were not searched yet, in the order of their names; and what to say of those that have no picture.
pub(super) fn unsearched(data: &Dataset) -> Result<(Vec<Job>, Option<String>)> {
    let searched: HashSet<FrameId> = data.read::<ExtractionRow>()?.into_iter().map(|r| r.frame).collect();
    let kept = data.read::<FrameRow>()?.into_iter().filter(|f| f.dropped.is_none());
    let kept = kept.filter(|f| !searched.contains(&f.frame));
    let (with, without): (Vec<_>, Vec<_>) = kept.partition(|f| f.format != FrameFormat::None);
    let missing = (!without.is_empty()).then(|| {
        format!(
            "{}: {} frames were captured with --frames none and have no picture to find faces in; streamface run \
             finds faces while it captures",
            data.root().display(),
            without.len()
        )
    });
    Ok((with.into_iter().map(|f| Job::Stored(f.frame)).collect(), missing))
}
