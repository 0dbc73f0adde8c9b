//! Detectors and embedders by the names of their manifests. A dataset keeps a copy of each manifest that is not built in,
//! so that later steps know the model's distance and thresholds wherever the manifest's file is then.

use std::path::{Path, PathBuf};

use streamface_detect::{DetectSettings, ExtractSettings as Gates, Extractor};
use streamface_embed::Embedder;
use streamface_model::{Engine, Manifest, engine_name, members_dir};
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
    /// What runs it, for the record.
    pub(super) engine: Option<String>,
}

/// The key of the least side of a face in a directory's record.
pub(super) const MIN_FACE: &str = "min-face";

/// Of a directory's record: the long side of frames as the detector saw them.
pub(super) const DETECT_SIZE: &str = "detect-size";

/// The key of what runs a model's networks in a directory's record.
pub(super) const ENGINE: &str = "engine";

/// What runs a model's networks, for the record, since results of two engines may differ in their last bits; none for the
/// executor, so that directories from before there was a choice go on.
pub(super) fn named_engine(model: &Manifest) -> Option<String> {
    let engine = model.engine();
    (engine != Engine::default()).then(|| engine_name(engine))
}

/// What was chosen, and where nothing was, how the faces of the directory of this record were found, so that a command goes
/// on: a model's size may have changed since, and a directory from before there was a least side goes on without one.
pub(super) fn faces_of(settings: &FaceSettings, record: &Record) -> FaceSettings {
    let mut settings = settings.clone();
    if let Some(own) = record.get("extract") {
        let size = || own.get(DETECT_SIZE).and_then(|size| size.parse().ok());
        settings.detect_size = settings.detect_size.or_else(size);
        if !own.contains_key(MIN_FACE) {
            settings.min_face = settings.min_face.or(Some(0));
        }
    }
    settings
}

/// The detector that settings name.
pub(super) fn load_extractor(settings: &FaceSettings, context: &Context<'_>) -> Result<Loaded> {
    let model = Manifest::find(&settings.detector)?.run_by(context.engine);
    let (detect, gates) = settings.extraction(&model)?;
    let detector = streamface_detect::from_manifest(&model, &context.models, detect)?;
    Ok(Loaded { extractor: Extractor::new(detector, gates)?, detect, gates, engine: named_engine(&model) })
}

/// The embedder that settings name.
pub(super) fn load_embedder(settings: &FeatureSettings, context: &Context<'_>) -> Result<Box<dyn Embedder>> {
    let model = Manifest::find(settings.embedder())?.run_by(context.engine);
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
        let of_model = ["-sha256", "-settings", "-engine"].iter().any(|end| key.ends_with(end));
        !of_model && Manifest::find(name).is_ok()
    };
    given.filter(is_model).map(|(key, name)| (key.clone(), name.clone())).collect()
}

/// Copies a manifest that does not come with StreamFace into the dataset, where [`manifest_of`] finds it; of an ensemble those
/// of its members, too.
pub(super) fn keep_manifest(data: &Dataset, name_or_path: &str) -> Result<()> {
    let folder = copies_dir(data);
    for (file, text) in Manifest::find(name_or_path)?.copies()? {
        let copy = folder.join(file);
        files::create_folder(&folder)?;
        copy.parent().map_or(Ok(false), files::create_folder)?;
        files::write(&copy, |out| std::io::Write::write_all(out, text.as_bytes()))?;
    }
    Ok(())
}

/// The manifest of a model that a dataset was made with: the dataset's copy, else the built-in one.
pub(super) fn manifest_of(data: &Dataset, name: &str) -> Result<Manifest> {
    let folder = copies_dir(data);
    let copy = folder.join(format!("{name}.toml"));
    // A received record may name anything; only a file of the folder is a copy.
    let plain = Path::new(name).file_name() == Some(name.as_ref());
    if !(plain && files::is_folder(&folder)? && files::is_there(&copy)?) {
        return Ok(Manifest::builtin(name)?);
    }
    let members = members_dir(&copy);
    for (member, _) in files::entries(&members)? {
        files::is_there(&members.join(member))?;
    }
    Ok(Manifest::read_copy(&copy)?)
}

fn copies_dir(data: &Dataset) -> PathBuf {
    data.metadata().join("models")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Two members, one of them a file elsewhere.
    const ENSEMBLE: &str = r#"
name = "both"
kind = "embedder"
source = "made up"
licence = "none"
licence_note = "none"
[embedder]
dim = 384
metric = "cosine"
threshold = 0.69
merging_threshold = 0.79
match_threshold = 0.55
how = "not measured"
[embedder.ensemble]
members = ["mobilefacenet", "../theirs/mine.toml"]
mode = "concat"
weights = [0.6, 0.4]
"#;

    #[test]
    fn the_members_of_an_ensemble_are_kept_with_it_and_read_from_there() {
        let root = tempfile::tempdir().unwrap();
        let (ours, theirs) = (root.path().join("ours"), root.path().join("theirs"));
        fs::create_dir(&ours).unwrap();
        fs::create_dir(&theirs).unwrap();
        let member = include_str!("../../../model/manifests/mobilefacenet.toml")
            .replace("\"mobilefacenet\"", "\"mine\"")
            .replace("MobileFaceNet.tflite", "Mine.tflite");
        fs::write(theirs.join("mine.toml"), &member).unwrap();
        let path = ours.join("both.toml");
        fs::write(&path, ENSEMBLE).unwrap();
        let path = path.to_str().unwrap();
        let before = Manifest::find(path).unwrap();
        let data = Dataset::open(&root.path().join("data")).unwrap();
        keep_manifest(&data, path).unwrap();
        fs::remove_dir_all(&theirs).unwrap();
        fs::remove_dir_all(&ours).unwrap();
        let kept = manifest_of(&data, "both").unwrap();
        let names: Vec<&str> = kept.members().iter().map(|m| m.name.as_str()).collect();
        assert_eq!((names, kept.id()), (vec!["mobilefacenet", "mine"], before.id()));
        // A copy of the copy is the same.
        let again = Dataset::open(&root.path().join("again")).unwrap();
        for (file, text) in kept.copies().unwrap() {
            let copy = copies_dir(&again).join(file);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::write(copy, text).unwrap();
        }
        assert_eq!(manifest_of(&again, "both").unwrap().id(), before.id());
        // What a received directory's manifest names elsewhere is not opened.
        let members = members_dir(&copies_dir(&data).join("both.toml"));
        fs::remove_file(members.join("1.toml")).unwrap();
        fs::create_dir(&theirs).unwrap();
        fs::write(theirs.join("mine.toml"), member).unwrap();
        let said = manifest_of(&data, "both").unwrap_err().to_string();
        assert!(said.contains("both.members"), "{said}");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(theirs.join("mine.toml"), members.join("1.toml")).unwrap();
            let said = manifest_of(&data, "both").unwrap_err().to_string();
            assert!(said.contains("link"), "{said}");
        }
    }
}
