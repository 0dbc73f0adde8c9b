//! The detectors there are, and how a manifest becomes one. A new one is a file here, its `mod`, and a line in
//! [`KINDS`].

mod centerface;
mod frame_input;
mod mtcnn;
mod nms;
mod retinaface;
mod sized_networks;

use streamface_model::{Cache, Kind, Manifest};

pub use centerface::CenterFace;
pub use mtcnn::Mtcnn;
pub use retinaface::RetinaFace;

use crate::detector::Detector;
use crate::error::{Error, Result};
use crate::settings::DetectSettings;

/// Makes a detector of its manifest, its weights and its settings.
type Make = fn(&Manifest, Vec<Vec<u8>>, DetectSettings) -> Result<Box<dyn Detector>>;

/// What `decoder` may be in a manifest's section `[detector]`, and what it makes.
const KINDS: [(&str, Make); 4] = [
    ("centerface", |m, w, s| Ok(Box::new(CenterFace::new(m, w, s)?))),
    ("mtcnn", |m, w, s| Ok(Box::new(Mtcnn::new(m, w, s)?))),
    ("retinaface", |m, w, s| Ok(Box::new(RetinaFace::new(m, w, s)?))),
    ("scrfd", |m, w, s| Ok(Box::new(RetinaFace::scrfd(m, w, s)?))),
];

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
    let decoder = &model.detector()?.decoder;
    let Some((_, make)) = KINDS.iter().find(|(name, _)| name == decoder) else {
        let known = KINDS.map(|(name, _)| name).join(", ");
        let why = format!("there is no decoder '{decoder}'; there are {known}");
        return Err(Error::Unfit { model: model.name, why });
    };
    make(&model, cache.read(&model)?, settings)
}
