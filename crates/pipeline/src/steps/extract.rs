//! Step 2: the faces of frames that are in the dataset.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use streamface_capture::Stop;
use streamface_detect::{DetectSettings, ExtractSettings, Extractor};
use streamface_embed::Embedder;
use streamface_model::Manifest;
use streamface_store::{Dataset, ExtractionRow, FrameRow};
use streamface_types::FrameId;

use super::capture::Session;
use super::commit::Committer;
use super::models::load_detector;
use super::work::{Job, Times, Work};
use super::{Outcome, Summary};
use crate::args::{ExtractArgs, FaceArgs};
use crate::in_order::in_order;
use crate::progress::{Counts, Progress};
use crate::settings::{self, DEFAULT_DETECTOR};

/// The extractor that flags and the model ask for.
pub(super) fn load_extractor(
    args: &FaceArgs,
) -> anyhow::Result<(Extractor, DetectSettings, ExtractSettings)> {
    let (detect, extract) = settings::extraction(args, &Manifest::builtin(DEFAULT_DETECTOR)?)?;
    let detector = load_detector(detect)?;
    Ok((Extractor::new(detector, extract)?, detect, extract))
}

pub(super) fn record_extract(
    data: &Dataset,
    extractor: &Extractor,
    detect: &DetectSettings,
    extract: &ExtractSettings,
) -> anyhow::Result<()> {
    let model = extractor.detector().id();
    let look =
        detect.second_look.map_or("none".into(), |l| format!("{} px, {} x the face", l.size, l.context));
    settings::record(
        data,
        "extract",
        true,
        &[
            ("detector", model.name.clone()),
            ("detector-sha256", model.sha256.clone()),
            ("detect-size", detect.size.to_string()),
            ("score", detect.score.to_string()),
            ("second-look", look),
            ("size-threshold", extract.size_threshold.to_string()),
            ("face-blur-threshold", extract.blur_threshold.to_string()),
        ],
    )
}

/// Runs jobs over what is stored already, and commits what comes of them.
pub(super) fn rework(
    session: Session<'_>,
    jobs: Vec<Job>,
    extractor: Option<&Extractor>,
    embedder: Option<&dyn Embedder>,
) -> anyhow::Result<Summary> {
    let Session { data, stop, .. } = session;
    let start = Instant::now();
    let (counts, times) = (Arc::new(Counts::default()), Times::default());
    let progress = Progress::new(Arc::clone(&counts), session.quiet);
    let mut committer = Committer::new(data, &counts, &progress, session.batch_size, None)?;
    let work = Work { data, extractor, embedder, times: &times };
    let mut jobs = jobs.into_iter();
    let next = || if stop.is_set() { None } else { jobs.next() };
    let sink = |done: anyhow::Result<_>| done.and_then(|done| committer.take(done));
    let went = in_order(session.threads, session.in_flight(), next, |job| work.run(job), sink);
    let committed = committer.commit();
    progress.finish();
    went.and(committed)?;
    let mut summary = Summary::of(&counts, 0, &times, start.elapsed());
    summary.frames = None;
    summary.failures = committer.failures;
    summary.stopped = stop.is_set();
    Ok(summary)
}

/// Kept frames that were not searched yet, in the order of their names.
pub(super) fn unsearched(data: &Dataset) -> anyhow::Result<Vec<Job>> {
    let searched: HashSet<FrameId> = data.read::<ExtractionRow>()?.into_iter().map(|r| r.frame).collect();
    let kept = data.read::<FrameRow>()?.into_iter().filter(|f| f.dropped.is_none()).map(|f| f.frame);
    Ok(kept.filter(|f| !searched.contains(f)).map(Job::Stored).collect())
}

/// `streamface extract`.
///
/// # Errors
/// What loading, reading and writing meets.
pub fn extract(args: &ExtractArgs, stop: &Stop) -> anyhow::Result<Outcome> {
    let (extractor, detect, extract) = load_extractor(&args.faces)?;
    let data = open_existing(&args.dir)?;
    record_extract(&data, &extractor, &detect, &extract)?;
    let jobs = unsearched(&data)?;
    let session = Session::new(&data, &args.work, &args.common, stop)?;
    let mut summary = rework(session, jobs, Some(&extractor), None)?;
    data.compact()?;
    summary.notes.push(format!("next     streamface analyze {}", args.dir.display()));
    summary.print(args.common.json);
    Ok(summary.outcome())
}

/// Opens a directory that a step before this one has made.
///
/// # Errors
/// There is none, or it is in use.
pub fn open_existing(dir: &std::path::Path) -> anyhow::Result<Dataset> {
    if !dir.join("metadata").is_dir() {
        anyhow::bail!("{}: no dataset directory; `streamface run SOURCE --out DIR` makes one", dir.display());
    }
    Ok(Dataset::open(dir)?)
}
