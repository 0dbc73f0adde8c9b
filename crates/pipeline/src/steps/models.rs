//! Detectors and embedders by the names of their manifests. A dataset keeps a copy of each manifest that is not built in,
//! so that later steps know the model's distance and thresholds wherever the manifest's file is then.

use std::path::{Path, PathBuf};

use streamface_detect::{DetectSettings, ExtractSettings as Gates, Extractor};
use streamface_embed::Embedder;
use streamface_model::Manifest;
use streamface_store::{Dataset, files};

use super::dataset_dir::open_reading;
use crate::event::Context;
use crate::settings::record::Record;
use crate::settings::{FaceSettings, FeatureSettings, read_record};
use crate::{Error, Result};

/// An extractor, and what it goes by.
pub(super) struct Loaded {
    pub(super) extractor: Extractor,
    pub(super) detect: DetectSettings,
    pub(super) gates: Gates,
}

impl Loaded {
    /// As a directory's faces were found before: one from before there was a least side goes on without one, unless
    /// `asked` says another.
    pub(super) fn going_on(self, data: &Dataset, asked: Option<u32>) -> Result<Self> {
        let Self { extractor, detect, mut gates } = self;
        let record = read_record(data)?;
        let before = record.get("extract").is_some_and(|extract| !extract.contains_key(MIN_FACE));
        if !before || asked.is_some() {
            return Ok(Self { extractor, detect, gates });
        }
        gates.min_face = 0;
        Ok(Self { extractor: extractor.with_min_face(0)?, detect, gates })
    }
}

/// The key of the least side of a face in a directory's record.
pub(super) const MIN_FACE: &str = "min-face";

/// The detector that settings name.
pub(super) fn load_extractor(settings: &FaceSettings, context: &Context<'_>) -> Result<Loaded> {
    let model = Manifest::find(&settings.detector)?;
    let (detect, gates) = settings.extraction(&model)?;
    let detector = streamface_detect::from_manifest(&model, &context.models, detect)?;
    Ok(Loaded { extractor: Extractor::new(detector, gates)?, detect, gates })
}

/// The embedder that settings name.
pub(super) fn load_embedder(settings: &FeatureSettings, context: &Context<'_>) -> Result<Box<dyn Embedder>> {
    let model = Manifest::find(settings.embedder())?;
    Ok(streamface_embed::from_manifest(&model, &context.models)?)
}

/// The record of a directory; an empty one where it is no dataset yet.
pub(super) fn record_of(dir: &Path) -> Result<Record> {
    match open_reading(dir) {
        Ok(data) => read_record(&data),
        Err(Error::NoDataset(_)) => Ok(Record::default()),
        Err(e) => Err(e),
    }
}

/// The embedder that was chosen; where none was, that which the directory of this record was made with, so that a command
/// goes on. One that is not found any more is left to the record, which says what differs.
pub(super) fn features_of(settings: &FeatureSettings, record: &Record) -> FeatureSettings {
    let mut settings = settings.clone();
    if settings.preset.is_none() && settings.embedder.is_none() {
        let own = record.get("analyze").and_then(|step| step.get("embedder"));
        settings.embedder = own.filter(|name| Manifest::find(name).is_ok()).cloned();
    }
    settings
}

/// Attributes of the directory of this record, each with the model that gave it, as far as these are found.
pub(super) fn attributes_of(record: &Record) -> Vec<(String, String)> {
    let given = record.get("attributes").into_iter().flatten();
    let is_model = |(key, name): &(&String, &String)| {
        !key.ends_with("-sha256") && !key.ends_with("-settings") && Manifest::find(name).is_ok()
    };
    given.filter(is_model).map(|(key, name)| (key.clone(), name.clone())).collect()
}

/// Copies a manifest that does not come with StreamFace into the dataset, where [`manifest_of`] finds it.
pub(super) fn keep_manifest(data: &Dataset, name_or_path: &str, name: &str) -> Result<()> {
    let model = Manifest::find(name_or_path)?;
    let Some(file) = model.origin() else { return Ok(()) };
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
