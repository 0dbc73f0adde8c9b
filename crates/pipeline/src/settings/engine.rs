//! Settings of what runs networks.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use streamface_model::{Cache, Engine, Provider};

use super::Settings;
use crate::{Error, Result};

/// What runs networks, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EngineName {
    /// Our executor, and tract for what it does not know.
    #[default]
    Executor,
    /// tract alone.
    Tract,
    /// ONNX Runtime, where it is built in.
    OnnxRuntime,
}

/// What runs networks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct EngineSettings {
    /// What runs networks: `executor`, `tract`, or `onnxruntime`, for which this program must be built with the feature of
    /// that name. A step leaves what that cannot run to the executor: networks that are not in ONNX files, or in other numbers
    /// than f32. Default `executor`.
    pub engine: EngineName,
    /// A library of ONNX Runtime, such as one for GPUs, of version 1.17 or later; default the pinned one in the model cache.
    pub onnxruntime_library: Option<PathBuf>,
    /// What ONNX Runtime calculates on: `cpu`, or `cuda` with a library that is built for it. Default `cpu`.
    pub provider: Provider,
}

impl EngineSettings {
    /// The engine, ready to run: the library of ONNX Runtime is loaded where that is wanted.
    pub(crate) fn engine(&self, models: &Cache) -> Result<Engine> {
        self.check()?;
        Ok(match self.engine {
            EngineName::Executor => Engine::Executor,
            EngineName::Tract => Engine::Tract,
            EngineName::OnnxRuntime => {
                models.load_onnxruntime(self.onnxruntime_library.as_deref())?;
                Engine::OnnxRuntime(self.provider)
            }
        })
    }
}

impl Settings for EngineSettings {
    fn check(&self) -> Result<()> {
        let theirs = self.onnxruntime_library.is_some() || self.provider != Provider::default();
        if theirs && self.engine != EngineName::OnnxRuntime {
            let said = "--onnxruntime-library and --provider are for --engine onnxruntime";
            return Err(Error::Setting(said.to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_onnxruntime_are_for_it_alone() {
        let read = |text: &str| EngineSettings::from_toml(text).map_err(|e| e.to_string());
        assert_eq!(read("").unwrap().engine(&Cache::at("none")).unwrap(), Engine::Executor);
        assert_eq!(read("engine = 'tract'").unwrap().engine(&Cache::at("none")).unwrap(), Engine::Tract);
        assert!(read("engine = 'onnxruntime'\nprovider = 'cuda'\nonnxruntime-library = 'x.so'").is_ok());
        assert!(read("provider = 'cuda'").unwrap_err().contains("--engine onnxruntime"));
        assert!(read("onnxruntime-library = 'x.so'").unwrap_err().contains("--engine onnxruntime"));
        assert!(read("engine = 'tensorrt'").unwrap_err().contains("'engine'"));
    }
}
