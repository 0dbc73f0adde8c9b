//! All steps on a source, side by side; clustering and the report at the end.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use streamface_annotate::labels::{LabelSource, Whose, dataset_labels};
use streamface_model::Manifest;
use streamface_store::Dataset;

use super::analyze::{record_analyze, record_attributes};
use super::capture::record_capture;
use super::cluster::{ClusterResult, cluster_dataset};
use super::dataset_dir::{find_source, remove_if_fresh};
use super::extract::{record_extract, unsearched};
use super::face_models::FaceModels;
use super::frame_worker::Analysis;
use super::kept_labels::check_imported_labels;
use super::labelling::Labelling;
use super::lacking::{Lacking, Plan};
use super::models::{faces_of, features_of, load_embedder, load_extractor, record_of};
use super::people_count::PeopleCount;
use super::report::write_report;
use super::results::{AttributeCount, FaceCounts, FrameCounts, Work};
use super::session::{Next, Session, Worked};
use crate::event::Context;
use crate::settings::{MethodSettings, RunSettings, Settings as _};
use crate::threads::with_threads;
use crate::{Error, Result};

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunResult {
    /// Frames.
    pub frames: FrameCounts,
    /// Faces; those that an earlier call had left unfinished included.
    pub faces: FaceCounts,
    /// What became of each attribute that was wanted.
    pub attributes: Vec<AttributeCount>,
    /// People, of all faces of the directory.
    pub people: ClusterResult,
    /// Which labels the report shows.
    pub labels: LabelSource,
    /// Where the report is.
    pub report: PathBuf,
    /// How the work went.
    pub work: Work,
}

/// All steps on a source (a video, an image, a folder of them, or a url that ffmpeg opens), into the dataset
/// directory `out`, which is made where it is missing: frames, faces, features, people, report.
///
/// Stopped, it finishes the batch, the clustering and the report.
///
/// # Errors
/// What loading, opening, reading and writing meets. What was committed before stays, and the same call goes on
/// from there.
pub fn run(
    source: impl AsRef<OsStr>,
    out: &Path,
    settings: &RunSettings,
    context: &Context<'_>,
) -> Result<RunResult> {
    let (start, source) = (Instant::now(), source.as_ref());
    settings.check()?;
    let context = &context.running_by(settings.engine.engine(&context.models)?);
    let name = settings.frames.name.as_deref();
    let found = find_source(source, name, out)?;
    let own = record_of(out)?;
    let loaded = load_extractor(&faces_of(&settings.faces, &own), context)?;
    let features = features_of(&settings.features, &own);
    let embedder = load_embedder(&features, context)?;
    let models = FaceModels::load(&settings.attributes.attributes, &own, context)?;
    let (people, model) = (&settings.people, Manifest::find(features.embedder())?);
    people.resolve(&model)?;
    let data = Dataset::open(out)?;
    let labelling = Labelling::of_dataset(&data, people, &MethodSettings::default(), &model, context)?;
    let wanted = settings.frames.capture()?;
    record_capture(&data, &wanted)?;
    record_extract(&data, &settings.faces.detector, &loaded)?;
    let plan = Plan::of(&data, Some(embedder.id()), &models, false)?;
    if let Some(said) = &plan.embedded_elsewhere {
        return Err(Error::Mismatch(said.clone()));
    }
    record_analyze(&data, features.embedder(), &*embedder, context)?;
    record_attributes(&data, &models, true)?;
    let session = Session::new(&data, &settings.work, context)?;
    let extractor = &loaded.extractor;
    let analysis = Analysis { embedder: Some(&*embedder), models: Some(&models) };
    // Frames that `capture` left unsearched, and faces that lack an embedding or attributes.
    let mut earlier = Vec::new();
    let (unsearched, missing) = unsearched(&data)?;
    if !unsearched.is_empty() {
        let jobs = unsearched.into_iter().map(Ok);
        earlier.push(session.rework(jobs, Some(extractor), analysis, &plan.replaced)?);
    }
    let mut lacking = Lacking::of(&data, true, &models, &plan.replaced)?.peekable();
    if lacking.peek().is_some() {
        earlier.push(session.rework(lacking, Some(extractor), analysis, &plan.replaced)?);
    }
    check_imported_labels(&data)?;
    let next = Next {
        extractor: Some(extractor),
        analysis,
        people: Some(PeopleCount::new(labelling)),
        format: settings.frames.format,
        each: None,
    };
    let mut worked = match session.walk(found, wanted, next) {
        Ok(worked) => worked,
        Err(e) => {
            // A source that gave nothing must not leave a directory that looks like a result.
            remove_if_fresh(data);
            return Err(e);
        }
    };
    earlier.into_iter().for_each(|done| worked.add(done));
    let attributes = plan.counts(&models, &worked.said);
    let Worked { frames, faces, mut work, .. } = worked;
    work.failures.extend(missing);
    let people = with_threads(settings.work.threads, || cluster_dataset(&data, &labelling, context))?;
    work.stages.push(("cluster", people.time));
    let labels = dataset_labels(&data, Whose::Auto)?;
    let report = write_report(&data, &streamface_capture::shown(source), &labels)?;
    work.wall = start.elapsed();
    Ok(RunResult { frames, faces, attributes, people, labels: labels.from, report, work })
}
