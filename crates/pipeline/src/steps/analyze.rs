//! Step 3: embeddings of faces that are in the dataset.

use std::collections::{BTreeMap, HashSet};

use streamface_capture::Stop;
use streamface_embed::Embedder;
use streamface_store::{Dataset, FaceRow, FeatureRow};
use streamface_types::{FaceId, FrameId};

use super::Outcome;
use super::capture::Session;
use super::extract::{open_existing, rework};
use super::models::load_embedder;
use super::work::Job;
use crate::args::AnalyzeArgs;
use crate::settings;

pub(super) fn record_analyze(data: &Dataset, embedder: &dyn Embedder) -> anyhow::Result<()> {
    let model = embedder.id();
    let chosen = [("embedder", model.name.clone()), ("embedder-sha256", model.sha256.clone())];
    settings::record(data, "analyze", true, &chosen)
}

/// Faces without an embedding, frame by frame.
pub(super) fn unembedded(data: &Dataset) -> anyhow::Result<Vec<Job>> {
    let done: HashSet<FaceId> = data.read::<FeatureRow>()?.into_iter().map(|r| r.face).collect();
    let mut frames: BTreeMap<FrameId, Vec<FaceRow>> = BTreeMap::new();
    for face in data.read::<FaceRow>()?.into_iter().filter(|f| !done.contains(&f.face)) {
        frames.entry(face.face.frame.clone()).or_default().push(face);
    }
    Ok(frames.into_iter().map(|(frame, faces)| Job::Faces(frame, faces)).collect())
}

/// `streamface analyze`.
///
/// # Errors
/// What loading, reading and writing meets.
pub fn analyze(args: &AnalyzeArgs, stop: &Stop) -> anyhow::Result<Outcome> {
    let embedder = load_embedder()?;
    let data = open_existing(&args.dir)?;
    record_analyze(&data, &*embedder)?;
    let jobs = unembedded(&data)?;
    let session = Session::new(&data, &args.work, &args.common, stop)?;
    let mut summary = rework(session, jobs, None, Some(&*embedder))?;
    data.compact()?;
    let embedded = summary.faces.take().map_or(0, |f| f.embedded);
    summary.notes.push(format!("features {embedded} faces embedded"));
    summary.notes.push(format!("next     streamface cluster {}", args.dir.display()));
    summary.print(args.common.json);
    Ok(summary.outcome())
}
