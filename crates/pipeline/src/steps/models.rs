//! Detectors and embedders by the names of their manifests. A dataset keeps a copy of each manifest that is not built in,
//! so that later steps know the model's distance and thresholds wherever the manifest's file is then.

use std::path::{Path, PathBuf};

use streamface_detect::{DetectSettings, ExtractSettings as Gates, Extractor};
use streamface_embed::Embedder;
use streamface_model::Manifest;
use streamface_store::{Dataset, files};

use crate::event::Context;
use crate::settings::{FaceSettings, FeatureSettings};
use crate::{Error, Result};

/// An extractor, and what it goes by.
pub(super) struct Loaded {
    pub(super) extractor: Extractor,
    pub(super) detect: DetectSettings,
    pub(super) gates: Gates,
}

/// The detector that settings name.
pub(super) fn load_extractor(settings: &FaceSettings, context: &Context<'_>) -> Result<Loaded> {
    let model = Manifest::find(&settings.detector)?;
    let (detect, gates) = settings.extraction(&model)?;
    let detector = streamface_detect::from_manifest(&model, &context.models, detect)?;
    Ok(Loaded { extractor: Extractor::new(detector, gates)?, detect, gates })
}

/// The embedder that settings name.
pub(super) fn load_embedder(settings: &FeatureSettings, context: &Context<'_>) -> Result<Box<dyn Embedder>> {
    let model = Manifest::find(&settings.embedder)?;
    Ok(streamface_embed::from_manifest(&model, &context.models)?)
}

/// Copies a manifest that was given as a file into the dataset, where [`manifest_of`] finds it.
pub(super) fn keep_manifest(data: &Dataset, name_or_path: &str, name: &str) -> Result<()> {
    if Manifest::builtin(name_or_path).is_ok() {
        return Ok(());
    }
    let file = Path::new(name_or_path);
    let text = std::fs::read(file).map_err(Error::io(file))?;
    let copy = copy_of(data, name);
    if let Some(folder) = copy.parent() {
        files::create_folder(folder)?;
    }
    files::write(&copy, |out| std::io::Write::write_all(out, &text))?;
    Ok(())
}

/// The manifest of a model that a dataset was made with: the dataset's copy, else the built-in one.
pub(super) fn manifest_of(data: &Dataset, name: &str) -> Result<Manifest> {
    let copy = copy_of(data, name);
    // A received record may name anything; only a file of the folder is a copy.
    let plain = Path::new(name).file_name() == Some(name.as_ref());
    let folder = copy.parent().unwrap_or(&copy);
    let kept = plain && files::is_folder(folder)? && files::is_there(&copy)?;
    Ok(if kept { Manifest::read(&copy)? } else { Manifest::builtin(name)? })
}

fn copy_of(data: &Dataset, name: &str) -> PathBuf {
    data.metadata().join("models").join(format!("{name}.toml"))
}
