//! A library that is fetched and checked as weights are.

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::manifest::Package;

/// What is known of a library: where it comes from, and its SHA-256.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Library {
    /// Short name.
    pub name: String,
    /// File name in the cache.
    pub file: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Whose it is.
    pub source: String,
    /// Licence as the package states it.
    pub licence: String,
    /// What is to be said of the licence.
    pub licence_note: String,
    /// The registry package that carries the file.
    pub package: Package,
}

impl Library {
    /// The name of ONNX Runtime's.
    pub const ONNXRUNTIME: &str = "onnxruntime";

    /// ONNX Runtime, for Linux on x86-64.
    ///
    /// # Errors
    /// [`Error::Manifest`] where its file is broken (a test reads it).
    pub fn onnxruntime() -> Result<Self> {
        toml::from_str(include_str!("../libraries/onnxruntime.toml"))
            .map_err(|e| Error::Manifest { name: Self::ONNXRUNTIME.to_owned(), why: e.to_string() })
    }

    /// Whether it is for the machine that this program is compiled for.
    #[must_use]
    pub const fn is_for_this_machine() -> bool {
        cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))
    }
}
