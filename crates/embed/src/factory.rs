//! From a manifest to an embedder or a face model. A new implementation is a file of its own and a line here.

use streamface_model::{Cache, Kind, Manifest};

use crate::embedder::Embedder;
use crate::error::Result;
use crate::face_model::FaceModel;
use crate::network_embedder::NetworkEmbedder;
use crate::network_face_model::NetworkFaceModel;

/// The embedder of a built-in manifest with its weights from the user's cache ([`Cache::of_user`]).
///
/// # Errors
/// Those of [`from_manifest`]; [`crate::Error::Model`] where no manifest has this name.
pub fn builtin(name: &str) -> Result<Box<dyn Embedder>> {
    from_manifest(&Manifest::builtin(name)?, &Cache::of_user())
}

/// The embedder that a manifest describes, with its weights from `cache`.
///
/// # Errors
/// [`crate::Error::Model`] where the model is no embedder or its weights are missing, wrong or do not load;
/// [`crate::Error::Unfit`].
pub fn from_manifest(model: &Manifest, cache: &Cache) -> Result<Box<dyn Embedder>> {
    let model = model.clone().of_kind(Kind::Embedder)?;
    Ok(Box::new(NetworkEmbedder::new(&model, &cache.read(&model)?)?))
}

/// The face model that a manifest describes, with its weights from `cache`.
///
/// # Errors
/// [`crate::Error::Model`] where the model is no face model or its weights are missing, wrong or do not load;
/// [`crate::Error::Unfit`].
pub fn face_model_from_manifest(model: &Manifest, cache: &Cache) -> Result<Box<dyn FaceModel>> {
    let model = model.clone().of_kind(Kind::Face)?;
    Ok(Box::new(NetworkFaceModel::new(&model, &cache.read(&model)?)?))
}
