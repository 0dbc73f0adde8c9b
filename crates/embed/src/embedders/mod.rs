//! The embedders there are, and how a manifest becomes one. One of another kind is a file here and a choice in
//! [`from_manifest`].

mod ensemble;
mod network;

use streamface_model::{Cache, Kind, Manifest};

pub use ensemble::EnsembleEmbedder;
pub use network::NetworkEmbedder;

use crate::embedder::Embedder;
use crate::error::Result;

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
    let weights = cache.read(&model)?;
    Ok(match model.members() {
        [] => Box::new(NetworkEmbedder::new(&model, &weights)?),
        _ => Box::new(EnsembleEmbedder::new(&model, &weights)?),
    })
}
