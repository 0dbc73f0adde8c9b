//! From a manifest to a detector. A new implementation is a file of its own and a line here.

use streamface_model::{Cache, DetectorDecoder, Kind, Manifest};

use crate::centerface::CenterFace;
use crate::detector::Detector;
use crate::error::{Error, Result};
use crate::settings::DetectSettings;

/// The detector of a built-in manifest with its recommended settings and its weights from the user's cache
/// ([`Cache::of_user`]).
///
/// # Errors
/// Those of [`from_manifest`]; [`Error::Model`] where no manifest has this name.
pub fn builtin(name: &str) -> Result<Box<dyn Detector>> {
    let model = Manifest::builtin(name)?;
    from_manifest(&model, &Cache::of_user(), DetectSettings::recommended(&model)?)
}

/// The detector that a manifest describes, with its weights from `cache`.
///
/// # Errors
/// [`Error::Model`] where the model is no detector or its weights are missing, wrong or do not load;
/// [`Error::Setting`], [`Error::Unfit`].
pub fn from_manifest(model: &Manifest, cache: &Cache, settings: DetectSettings) -> Result<Box<dyn Detector>> {
    let model = model.clone().of_kind(Kind::Detector)?;
    let weights = cache.read(&model)?;
    match model.detector()?.decoder {
        DetectorDecoder::Centerface => Ok(Box::new(CenterFace::new(&model, weights, settings)?)),
        other => Err(Error::Unfit { model: model.name, why: format!("no detector here reads {other:?}") }),
    }
}
