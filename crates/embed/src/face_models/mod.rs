//! The face models there are, and how a manifest becomes one. A new kind is a file here, its `mod`, and a line in
//! [`KINDS`]; where [`OutputsModel`] reads the network, a manifest is all it takes.

mod mesh;
mod outputs;
mod rotation;
mod vector;

use streamface_model::{Cache, Kind, Manifest};

pub use outputs::OutputsModel;

use crate::error::{Error, Result};
use crate::face_model::FaceModel;

/// Makes a face model of its manifest and its weights.
type Make = fn(&Manifest, &[Vec<u8>]) -> Result<Box<dyn FaceModel>>;

/// What `decoder` may be in a manifest's section `[face]`, and what it makes.
const KINDS: [(&str, Make); 1] = [("outputs", |m, w| Ok(Box::new(OutputsModel::new(m, w)?)))];

/// The face model that a manifest describes, with its weights from `cache`.
///
/// # Errors
/// [`Error::Model`] where the model is no face model or its weights are missing, wrong or do not load;
/// [`Error::Unfit`] where there is no such decoder.
pub fn face_model_from_manifest(model: &Manifest, cache: &Cache) -> Result<Box<dyn FaceModel>> {
    let model = model.clone().of_kind(Kind::Face)?;
    let decoder = &model.face()?.decoder;
    let Some((_, make)) = KINDS.iter().find(|(name, _)| name == decoder) else {
        let known = KINDS.map(|(name, _)| name).join(", ");
        let why = format!("there is no decoder '{decoder}'; there are {known}");
        return Err(Error::Unfit { model: model.name, why });
    };
    make(&model, &cache.read(&model)?)
}
