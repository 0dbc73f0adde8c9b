//! Step 3: embeddings of faces that are in the dataset.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use streamface_embed::Embedder;
use streamface_store::{Dataset, FaceRow, FeatureRow};
use streamface_types::{FaceId, FrameId};

use super::dataset_dir::open_existing;
use super::frame_worker::Job;
use super::models::{keep_manifest, load_embedder};
use super::results::{CropCounts, Work};
use super::session::{Session, Worked};
use crate::Result;
use crate::event::Context;
use crate::settings::record::record;
use crate::settings::{AnalyzeSettings, Settings as _};

/// What an analysis came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnalyzeResult {
    /// Faces embedded.
    pub embedded: u64,
    /// Of these, those that have no frame with landmarks, but a picture.
    pub crops: CropCounts,
    /// How the work went.
    pub work: Work,
}

/// Step 3: embeddings of the faces that have none yet.
///
/// A face is aligned by its landmarks in its frame. Where there is no frame, as for an imported face, it is aligned in the
/// picture of it: by its landmarks where the table has them, else by those that the detector finds; where it finds none the
/// picture is taken as it is.
///
/// # Errors
/// What loading, reading and writing meets; [`Error::Mismatch`](crate::Error::Mismatch) where the directory has
/// embeddings of another model.
pub fn analyze(dir: &Path, settings: &AnalyzeSettings, context: &Context<'_>) -> Result<AnalyzeResult> {
    settings.check()?;
    let embedder = load_embedder(&settings.features, context)?;
    let data = open_existing(dir)?;
    record_analyze(&data, &settings.features.embedder, &*embedder)?;
    let session = Session::new(&data, &settings.work, context)?;
    let Worked { faces, work, .. } = session.rework(unembedded(&data)?, None, Some(&*embedder))?;
    data.compact()?;
    Ok(AnalyzeResult { embedded: faces.embedded, crops: faces.crops, work })
}

pub(super) fn record_analyze(data: &Dataset, chosen_by: &str, embedder: &dyn Embedder) -> Result<()> {
    let model = embedder.id();
    let chosen = [("embedder", model.name.clone()), ("embedder-sha256", model.sha256.clone())];
    record(data, "analyze", true, &chosen)?;
    keep_manifest(data, chosen_by, &model.name)
}

/// Faces without an embedding, frame by frame.
pub(super) fn unembedded(data: &Dataset) -> Result<Vec<Job>> {
    let done: HashSet<FaceId> = data.read::<FeatureRow>()?.into_iter().map(|r| r.face).collect();
    let mut frames: BTreeMap<FrameId, Vec<FaceRow>> = BTreeMap::new();
    for face in data.read::<FaceRow>()?.into_iter().filter(|f| !done.contains(&f.face)) {
        frames.entry(face.face.frame.clone()).or_default().push(face);
    }
    Ok(frames.into_iter().map(|(frame, faces)| Job::Faces(frame, faces)).collect())
}
