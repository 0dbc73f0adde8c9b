//! Settings of what makes a dataset smaller.

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::Result;

/// Settings of [`crate::prune`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct PruneSettings {
    /// Remove the pictures of frames with faces, too. Default false: those of frames without a face alone.
    pub all_frames: bool,
    /// Remove what other commands make anew: `labeled_faces/` and the cache of the review. Default false.
    pub caches: bool,
    /// Remove nothing, and say what would be. Default false.
    pub dry_run: bool,
}

impl Settings for PruneSettings {
    /// There is nothing that could be out of its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}
