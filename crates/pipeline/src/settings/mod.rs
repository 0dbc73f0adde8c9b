//! Settings of the steps: serde types whose keys are the flags of the command line.
//!
//! Every type has defaults for all of its keys, refuses keys that it does not know, and is checked when it is
//! made by [`Settings::from_table`] or [`Settings::from_toml`], and again by the step that takes it.
//!
//! ```
//! use streamface_pipeline::settings::{ExtractSettings, Settings as _};
//!
//! let settings = ExtractSettings::from_toml("detect-size = 960\nthreads = 4")?;
//! assert_eq!(settings.faces.detect_size, Some(960));
//! let error = ExtractSettings::from_toml("detect-sise = 960").unwrap_err();
//! assert_eq!(error.to_string(), "unknown key 'detect-sise'; did you mean 'detect-size'?");
//! # Ok::<(), streamface_pipeline::Error>(())
//! ```

mod analysis;
mod dataset;
mod engine;
mod exchange;
mod features;
mod prune;
pub(crate) mod record;
mod source;
pub mod values;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

pub use crate::clustering_method::Method;
pub use analysis::{
    CompatRule, EvaluateSettings, MatchMode, MatchSettings, ReportSettings, ScoreSettings, StatsSettings,
    StudySettings, VerifySettings,
};
pub use dataset::{
    ClusterSettings, ClusterVectorsSettings, FinalizeSettings, JoinSettings, LinkSettings, MethodSettings,
    PeopleSettings, Resources, ReviewSettings,
};
pub use engine::{EngineName, EngineSettings};
pub use exchange::{ExportSettings, ImportSettings};
pub use features::{AnalyzeSettings, AttributeSettings, FeatureSettings, Preset, Wanted};
pub use prune::PruneSettings;
pub use record::{Record, read_record};
pub use source::{
    CaptureSettings, ExtractSettings, FaceSettings, FrameSettings, OutletSettings, RunSettings,
    WatchSettings, WorkSettings,
};
pub use streamface_model::{ACCURATE_EMBEDDER, DEFAULT_DETECTOR, DEFAULT_EMBEDDER};

/// What all settings can do.
pub trait Settings: Serialize + DeserializeOwned + Default {
    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::Setting`], or that of the crate whose setting it is, for the first value out of its range.
    fn check(&self) -> Result<()>;

    /// The keys there are, in the order of the fields.
    #[must_use]
    fn keys() -> Vec<String> {
        match serde_json::to_value(Self::default()) {
            Ok(serde_json::Value::Object(all)) => all.into_iter().map(|(key, _)| key).collect(),
            _ => Vec::new(),
        }
    }

    /// Settings from values by key; what is not given has its default.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] with the nearest key; [`Error::Setting`] for a value of the wrong type or out of
    /// its range.
    fn from_table(table: toml::Table) -> Result<Self> {
        let known = Self::keys();
        if let Some(key) = table.keys().find(|key| !known.contains(key)) {
            return Err(Error::UnknownKey { key: key.clone(), hint: nearest(key, &known) });
        }
        let settings: Self = table.clone().try_into().map_err(|error: toml::de::Error| {
            // Each key alone, to name the one that is wrong: all have defaults.
            let wrong = table.into_iter().find_map(|(key, value)| {
                let alone = toml::Table::from_iter([(key.clone(), value)]);
                let error = alone.try_into::<Self>().err()?;
                Some(format!("'{key}': {}", error.message()))
            });
            Error::Setting(wrong.unwrap_or_else(|| error.message().to_owned()))
        })?;
        settings.check()?;
        Ok(settings)
    }

    /// Settings from the text of a TOML file.
    ///
    /// # Errors
    /// [`Error::Setting`] where it is no TOML; those of [`Settings::from_table`].
    fn from_toml(text: &str) -> Result<Self> {
        let table = text.parse().map_err(|e: toml::de::Error| Error::Setting(format!("not TOML: {e}")))?;
        Self::from_table(table)
    }
}

/// What to say of a key that is not among the known ones: the nearest, else all there are.
#[must_use]
pub fn nearest(key: &str, known: &[String]) -> String {
    let key = key.replace('_', "-");
    let best = known.iter().map(|k| (strsim::jaro_winkler(&key, k), k));
    match best.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, k)) if likeness > 0.7 => format!("; did you mean '{k}'?"),
        _ => format!("; keys are the flags of the commands: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_parts_are_keys_of_the_whole() {
        let keys = RunSettings::keys();
        for key in ["for", "empty-threshold", "detect-size", "embedder", "threshold", "batch-size"] {
            assert!(keys.iter().any(|k| k == key), "{key}: {keys:?}");
        }
        let settings =
            RunSettings::from_toml("for = '90s'\nscore = 0.5\nthreads = 2\nthreshold = 0.6").unwrap();
        assert_eq!(settings.frames.limit, Some(std::time::Duration::from_secs(90)));
        assert_eq!((settings.faces.score, settings.work.threads), (Some(0.5), Some(2)));
        let text = toml::to_string(&settings).unwrap();
        assert_eq!(RunSettings::from_toml(&text).unwrap(), settings, "{text}");
    }

    #[test]
    fn wrong_keys_and_values_are_named() {
        let said = |text: &str| RunSettings::from_toml(text).unwrap_err().to_string();
        assert!(said("detect_sise = 1").contains("'detect-size'"));
        assert!(said("detect-size = 'big'").contains("'detect-size'"), "{}", said("detect-size = 'big'"));
        assert!(said("empty-threshold = 1.5").contains("0 to 1"));
        assert!(said("batch-size = 0").contains("1 to 100000"));
        assert!(said("= 1").contains("not TOML"));
        // Serde itself refuses unknown keys, too.
        assert!(toml::from_str::<RunSettings>("detect_sise = 1").is_err());
    }
}
