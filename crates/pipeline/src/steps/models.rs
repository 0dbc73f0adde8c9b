//! Detectors and embedders by the names of their manifests.

use streamface_detect::{DetectSettings, ExtractSettings as Gates, Extractor};
use streamface_embed::Embedder;
use streamface_model::Manifest;

use crate::Result;
use crate::event::Context;
use crate::settings::{FaceSettings, FeatureSettings};

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
