//! Settings of what networks say of faces: embeddings and attributes.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use streamface_model::Manifest;

use super::engine::EngineSettings;
use super::source::WorkSettings;
use super::{ACCURATE_EMBEDDER, DEFAULT_EMBEDDER, Settings};
use crate::{Error, Result};

/// Which embedder, by what matters more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Preset {
    /// One small network: [`DEFAULT_EMBEDDER`].
    #[default]
    Fast,
    /// Several together: [`ACCURATE_EMBEDDER`].
    Accurate,
}

impl Preset {
    /// The embedder, by the name of its manifest.
    #[must_use]
    pub fn embedder(self) -> &'static str {
        match self {
            Self::Fast => DEFAULT_EMBEDDER,
            Self::Accurate => ACCURATE_EMBEDDER,
        }
    }
}

/// Which embedder is used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct FeatureSettings {
    /// Which embedder, by what matters more: `fast` or `accurate`. Default that which the directory was made with, `fast` for a
    /// new one.
    pub preset: Option<Preset>,
    /// The embedder, by the name or the path of its manifest, in place of a preset.
    pub embedder: Option<String>,
}

impl FeatureSettings {
    /// The embedder, by the name or the path of its manifest.
    #[must_use]
    pub fn embedder(&self) -> &str {
        self.embedder.as_deref().unwrap_or(self.preset.unwrap_or_default().embedder())
    }
}

impl Settings for FeatureSettings {
    fn check(&self) -> Result<()> {
        if self.preset.is_some() && self.embedder.is_some() {
            return Err(Error::Setting("give --preset or --embedder, not both".to_owned()));
        }
        Manifest::find(self.embedder())?.embedder()?;
        Ok(())
    }
}

/// Which attributes of faces are wanted; written as `all`, `none`, or a list with commas, and read from a list of texts, too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Wanted {
    /// All that the default face models give.
    #[default]
    All,
    /// None.
    Nothing,
    /// These: names of attributes, names of face models (all that they give), or paths of their manifests (`.toml`).
    These(Vec<String>),
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "all" => return Ok(Self::All),
            "none" => return Ok(Self::Nothing),
            _ => {}
        }
        let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        match names.iter().find(|name| ["", "all", "none"].contains(&name.as_str())) {
            Some(name) => Err(format!("'{name}' in a list: write all, none, or names such as pose,age")),
            None => Ok(Self::These(names)),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Nothing => f.write_str("none"),
            Self::These(names) => f.write_str(&names.join(",")),
        }
    }
}

impl Serialize for Wanted {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a text with commas, or a list of texts")]
        enum Given {
            Text(String),
            List(Vec<String>),
        }
        let text = match Given::deserialize(from)? {
            Given::Text(text) => text,
            Given::List(names) => names.join(","),
        };
        text.parse().map_err(D::Error::custom)
    }
}

/// Which attributes of faces are computed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct AttributeSettings {
    /// Which attributes: `all`, `none`, or a list of attributes, face models and manifests. Default `all`.
    pub attributes: Wanted,
}

/// Settings of [`crate::analyze`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AnalyzeSettings {
    /// Features.
    #[serde(flatten)]
    pub features: FeatureSettings,
    /// Attributes.
    #[serde(flatten)]
    pub attributes: AttributeSettings,
    /// Only these attributes, and no embeddings; rows that another model gave for them are replaced. Default: embeddings and
    /// `attributes`, as far as they are missing.
    pub only: Option<Wanted>,
    /// What runs the networks.
    #[serde(flatten)]
    pub engine: EngineSettings,
    /// Work.
    #[serde(flatten)]
    pub work: WorkSettings,
}

impl Settings for AnalyzeSettings {
    fn check(&self) -> Result<()> {
        match &self.only {
            Some(Wanted::Nothing) => {
                return Err(Error::Setting("--only names attributes, such as --only pose,age".to_owned()));
            }
            Some(_) if self.attributes.attributes != Wanted::All => {
                return Err(Error::Setting("give --only or --attributes, not both".to_owned()));
            }
            _ => {}
        }
        self.features.check()?;
        self.engine.check()?;
        self.work.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_they_are_written_and_contradictions_are_said() {
        for text in ["all", "none", "pose,age", "mine/pose.toml"] {
            assert_eq!(text.parse::<Wanted>().unwrap().to_string(), text);
        }
        assert!("pose,,age".parse::<Wanted>().is_err() && "all,age".parse::<Wanted>().is_err());
        let settings = AnalyzeSettings::from_toml("only = 'pose, age'\npreset = 'accurate'").unwrap();
        assert_eq!(settings.only, Some(Wanted::These(vec!["pose".to_owned(), "age".to_owned()])));
        assert_eq!(settings.features.embedder(), ACCURATE_EMBEDDER);
        let listed = AnalyzeSettings::from_toml("only = ['pose', 'age']\npreset = 'accurate'").unwrap();
        assert_eq!(listed, settings);
        let own = AnalyzeSettings::from_toml("embedder = 'mobilefacenet'").unwrap();
        assert_eq!(own.features.embedder(), "mobilefacenet");
        for (wrong, said) in [
            ("only = 'none'", "names attributes"),
            ("only = 'pose'\nattributes = 'age'", "not both"),
            ("embedder = 'mobilefacenet'\npreset = 'accurate'", "not both"),
            ("attributes = 'pose,,age'", "'attributes'"),
            ("preset = 'faster'", "'preset'"),
            ("attributes = 3", "a text with commas, or a list of texts"),
            ("attributes = []", "names such as pose,age"),
        ] {
            let found = AnalyzeSettings::from_toml(wrong).unwrap_err().to_string();
            assert!(found.contains(said), "{found}");
        }
    }
}
