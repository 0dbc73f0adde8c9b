//! Step 3: embeddings and attributes of faces that are in the dataset.

use std::collections::BTreeMap;
use std::path::Path;

use streamface_embed::Embedder;
use streamface_model::Manifest;
use streamface_store::{Dataset, read_annotations, read_attributes, write_annotations};

use super::dataset_dir::open_existing;
use super::face_models::FaceModels;
use super::frame_worker::Analysis;
use super::lacking::{Lacking, Plan};
use super::models::{ENGINE, features_of, keep_manifest, load_embedder, named_engine, record_of};
use super::results::{AttributeCount, CropCounts, Work};
use super::session::{Session, Worked};
use crate::event::{Context, Event};
use crate::settings::record::{read_record, record};
use crate::settings::{AnalyzeSettings, FeatureSettings, Settings as _};
use crate::{Error, Result};

/// What an analysis came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnalyzeResult {
    /// Faces embedded.
    pub embedded: u64,
    /// What became of each attribute that was wanted.
    pub attributes: Vec<AttributeCount>,
    /// Faces that have no frame with landmarks, but a picture.
    pub crops: CropCounts,
    /// How the work went.
    pub work: Work,
}

/// Step 3: embeddings of the faces that have none yet, and the attributes that they lack. With
/// [`AnalyzeSettings::only`] these attributes alone: what other models, or an import, said of them is replaced by one step
/// once all faces are done; a call that ends before that is gone on with by the same call.
///
/// A face is cut out of its frame, by its landmarks or its box. Where there is no frame, as for an imported face, it is cut out
/// of the picture of it: by what the table says where that fits, else by what the detector finds; where it finds nothing the
/// picture is taken as it is. A face of which a network can make nothing is a failure, and stays without.
///
/// # Errors
/// What loading, reading and writing meets; [`Error::Mismatch`] where the directory has embeddings of another model, or
/// attributes of other models than those that are not to be replaced.
pub fn analyze(dir: &Path, settings: &AnalyzeSettings, context: &Context<'_>) -> Result<AnalyzeResult> {
    settings.check()?;
    let context = &context.running_by(settings.engine.engine(&context.models)?);
    let only = settings.only.is_some();
    let wanted = settings.only.as_ref().unwrap_or(&settings.attributes.attributes);
    let own = record_of(dir)?;
    let models = FaceModels::load(wanted, &own, context)?;
    let features = features_of(&settings.features, &own);
    let embedder = if only { None } else { Some(load_embedder(&features, context)?) };
    let mut embedder = embedder.as_deref();
    let data = open_existing(dir)?;
    let session = Session::new(&data, &settings.work, context)?;
    let plan = Plan::of(&data, embedder.map(Embedder::id), &models, only)?;
    if let Some(said) = &plan.embedded_elsewhere {
        let asked = settings.features != FeatureSettings::default();
        if asked || read_record(&data)?.contains_key("analyze") {
            return Err(Error::Mismatch(said.clone()));
        }
        // As an import brought them.
        context.event(&Event::Note(format!("{said}; all faces keep the embeddings that they have")));
        embedder = None;
    }
    if let Some(embedder) = embedder {
        record_analyze(&data, features.embedder(), embedder, context)?;
    }
    if plan.replaced.is_empty() {
        record_attributes(&data, &models, true)?;
    }
    let jobs = Lacking::of(&data, embedder.is_some(), &models, &plan.replaced)?;
    let analysis = Analysis { embedder, models: Some(&models) };
    let Worked { faces, said, work, .. } = session.rework(jobs, None, analysis, &plan.replaced)?;
    data.compact()?;
    finish_replacement(&data, &plan, &models, &work, context)?;
    if !models.is_empty() {
        renew_annotations(&data)?;
    }
    let attributes = plan.counts(&models, &said);
    Ok(AnalyzeResult { embedded: faces.embedded, attributes, crops: faces.crops, work })
}

/// Puts the attributes that were kept aside into the place of the old ones, once all faces were looked at.
fn finish_replacement(
    data: &Dataset,
    plan: &Plan,
    models: &FaceModels,
    work: &Work,
    context: &Context<'_>,
) -> Result<()> {
    if plan.replaced.is_empty() {
        return Ok(());
    }
    let names = plan.replaced.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let there = data.replacement()?.next().transpose()?.is_some();
    if work.stopped || !there {
        let why = if work.stopped { "stopped" } else { "no face could be looked at" };
        context.event(&Event::Note(format!("{why}: {names} are as they were")));
        return Ok(());
    }
    data.finish_replacement(&plan.replaced)?;
    record_attributes(data, models, false)
}

/// Gives the faces of annotations that were written before the attributes that they have now.
fn renew_annotations(data: &Dataset) -> Result<()> {
    let metadata = data.metadata();
    let mut attributes = None;
    for file in ["annotations.json", "annotations_manual.json"] {
        let path = metadata.join(file);
        if !streamface_store::files::is_there(&path)? {
            continue;
        }
        let all = match &attributes {
            Some(all) => all,
            None => attributes.insert(
                read_attributes(&metadata)?
                    .into_iter()
                    .map(|(face, of)| (face.to_string(), of))
                    .collect::<BTreeMap<_, _>>(),
            ),
        };
        let mut file = read_annotations(&path)?;
        for (face, entry) in &mut file.labels {
            if let Some(of_face) = all.get(face) {
                entry.attributes = of_face.clone();
            }
        }
        write_annotations(&path, &file)?;
    }
    Ok(())
}

/// Records the embedder, which must be that of the first time. A directory from before settings were recorded takes them up.
pub(super) fn record_analyze(
    data: &Dataset,
    chosen_by: &str,
    embedder: &dyn Embedder,
    context: &Context<'_>,
) -> Result<()> {
    const SETTINGS: &str = "embedder-settings";
    let model = embedder.id();
    let mut chosen = vec![("embedder", model.name.clone()), ("embedder-sha256", model.sha256.clone())];
    let engine = named_engine(&Manifest::find(chosen_by)?.run_by(context.engine));
    chosen.extend(engine.map(|engine| (ENGINE, engine)));
    let before = read_record(data)?.remove("analyze");
    if before.is_some_and(|step| !step.contains_key(SETTINGS)) {
        record(data, "analyze", true, &chosen)?;
        chosen.push((SETTINGS, model.settings.clone()));
        record(data, "analyze", false, &chosen)?;
    } else {
        chosen.push((SETTINGS, model.settings.clone()));
        record(data, "analyze", true, &chosen)?;
    }
    keep_manifest(data, chosen_by)
}

/// Records which model gives each attribute, beside those of earlier calls. Where `fixed`, its networks must be run by what
/// ran them the first time.
pub(super) fn record_attributes(data: &Dataset, models: &FaceModels, fixed: bool) -> Result<()> {
    if models.is_empty() {
        return Ok(());
    }
    let mut all = read_record(data)?.remove("attributes").unwrap_or_default();
    for attribute in models.attributes() {
        let by = models.made_by(attribute);
        let name = &attribute.name;
        let (key, engine) = (format!("{name}-engine"), models.engine(attribute));
        if fixed && all.contains_key(name) && all.get(&key).map(String::as_str) != engine {
            let said = |engine: Option<&str>| engine.unwrap_or("executor").to_owned();
            return Err(Error::Mismatch(format!(
                "{name} of {} was made with the engine {}, now {}; give the same, or another directory",
                data.root().display(),
                said(all.get(&key).map(String::as_str)),
                said(engine)
            )));
        }
        all.remove(&key);
        all.extend(engine.map(|engine| (key, engine.to_owned())));
        all.insert(name.clone(), by.name.clone());
        all.insert(format!("{name}-sha256"), by.sha256.clone());
        all.insert(format!("{name}-settings"), by.settings.clone());
    }
    let all: Vec<(&str, String)> = all.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    record(data, "attributes", false, &all)?;
    models.keep_manifests(data)
}
