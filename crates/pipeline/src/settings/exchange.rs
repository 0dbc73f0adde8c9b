//! Settings of datasets from and to other programs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::{Error, Result};

/// Settings of [`crate::export`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ExportSettings {
    /// Labels: `auto` (the review's where there is one, else the last clustering's), `reviewed`, `clusters` (the last
    /// clustering's), or a file: annotations.json, or CSV `name,label`. Default `auto`.
    pub labels: String,
    /// Upright faces of 128 x 128 instead of faces with their surroundings. Default false.
    pub aligned: bool,
    /// Also faces that belong to no one, as label -1; tables and the original's files always have them. Default
    /// false.
    pub noise: bool,
    /// Most faces of a tar shard; 1 or more, default 10,000.
    pub shard_faces: u32,
    /// Folds of LFW's pairs; default 10.
    pub folds: usize,
    /// LFW's pairs of each kind in a fold, or as many as there are; default 300.
    pub pairs: usize,
    /// Seed that LFW's pairs are drawn by; default 0.
    pub seed: u64,
    /// Copy pictures; otherwise they are hard links, where the file system has these. Default false.
    pub copy: bool,
}

impl Default for ExportSettings {
    fn default() -> Self {
        Self {
            labels: "auto".to_owned(),
            aligned: false,
            noise: false,
            shard_faces: 10_000,
            folds: 10,
            pairs: 300,
            seed: 0,
            copy: false,
        }
    }
}

impl Settings for ExportSettings {
    fn check(&self) -> Result<()> {
        if self.shard_faces == 0 {
            return Err(Error::Setting("shard-faces must be 1 or more, not 0".to_owned()));
        }
        Ok(())
    }
}

/// Settings of [`crate::import`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ImportSettings {
    /// Pictures are photos, in which `extract` is to find the faces. Default false.
    pub photos: bool,
    /// Where the pictures of csv and coco are; default beside the file.
    pub images: Option<PathBuf>,
    /// Largest features pickle that is read, bytes; default 8 GiB.
    pub max_pickle: u64,
    /// Copy pictures; otherwise they are hard links, where the file system has these. Default false.
    pub copy: bool,
}

impl Default for ImportSettings {
    fn default() -> Self {
        Self { photos: false, images: None, max_pickle: 8 << 30, copy: false }
    }
}

impl Settings for ImportSettings {
    fn check(&self) -> Result<()> {
        Ok(())
    }
}
