//! The weights of models: fetched and looked at.

use std::path::Path;

use streamface_model::{CacheState, Error as ModelError, Manifest};

use super::doctor::paths_text;
use crate::error::{At as _, error_chain};
use crate::event::{Context, Event};
use crate::{Error, Result};

/// A model whose weights are in place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pulled {
    /// The model.
    pub name: String,
    /// Its files.
    pub path: String,
    /// Whether they were fetched now.
    pub fetched: bool,
}

/// Fetches the weights that are missing, of all models or of those named, from the registries or from a file or
/// folder. `each` is told of every model in place.
///
/// # Errors
/// An unknown name, or whatever fetching meets, for all models that failed; the others are then in place.
pub fn pull_models(
    names: &[String],
    from: Option<&Path>,
    context: &Context<'_>,
    mut each: impl FnMut(Pulled),
) -> Result<()> {
    let cache = &context.models;
    let models = if names.is_empty() {
        Manifest::all_builtin()?
    } else {
        names.iter().map(|n| Manifest::builtin(n)).collect::<Result<_, _>>()?
    };
    let (mut failed, mut others) = (Vec::new(), Vec::new());
    for model in &models {
        let place = from.map_or_else(|| packages(model), |p| p.display().to_string());
        context.event(&Event::Fetching { model: model.name.clone(), from: place });
        match cache.pull(model, from) {
            Ok(fetched) => {
                each(Pulled { name: model.name.clone(), path: paths_text(cache, model), fetched });
            }
            Err(e) => {
                // One package holds one model: with `from` and no names, take what is in it.
                let other = from.is_some()
                    && names.is_empty()
                    && matches!(
                        e,
                        ModelError::NotInPackage { .. }
                            | ModelError::NotTheFile { .. }
                            | ModelError::TooLarge { .. }
                    );
                let e = Error::At { place: model.name.clone(), source: Box::new(e.into()) };
                // Another model may still come: one missing client must not keep both away.
                if other { others.push(e) } else { failed.push(e) }
            }
        }
    }
    if others.len() == models.len() {
        failed = others;
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::Input(failed.iter().map(error_chain).collect::<Vec<_>>().join("\n")))
}

/// A model, and whether its weights are there and right.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ModelState {
    /// The model.
    pub model: Manifest,
    /// Where its files are, or would be.
    pub path: String,
    /// Whether they are there and right.
    pub state: CacheState,
}

/// All models that come with StreamFace or were added, and the state of their weights.
///
/// # Errors
/// A file that cannot be read.
pub fn list_models(context: &Context<'_>) -> Result<Vec<ModelState>> {
    let cache = &context.models;
    let one = |model: Manifest| {
        let state = cache.state(&model).at(|| model.name.clone())?;
        Ok(ModelState { path: paths_text(cache, &model), state, model })
    };
    Manifest::all_builtin()?.into_iter().chain(cache.added()?).map(one).collect()
}

/// The packages that carry a model's files, each once, in a line; the manifest's own file where there are none.
#[must_use]
pub fn packages(model: &Manifest) -> String {
    let mut all: Vec<String> =
        model.weights.iter().flat_map(|w| &w.package).map(ToString::to_string).collect();
    all.dedup();
    match model.origin().filter(|_| all.is_empty()) {
        Some(added) => added.display().to_string(),
        None => all.join(", "),
    }
}
