//! Opening an index, with words for what else a directory may be.

use std::path::Path;

use anyhow::{Context as _, Result};
use hri::{Index, Recovery, Store};

/// Reads an index.
pub(crate) fn load(directory: &Path) -> Result<(Index, Recovery)> {
    hinted(directory, Store::load(directory))
}

/// Says what to do where there is a dataset instead of an index.
pub(crate) fn hinted<T>(directory: &Path, opened: hri::Result<T>) -> Result<T> {
    let is_dataset = directory.join("metadata/features.parquet").exists();
    match opened {
        Err(error @ hri::Error::Format { .. }) if is_dataset => Err(error).with_context(|| {
            format!(
                "{0} is a dataset of streamface; make an index of it in another directory: hri build DIR --dataset {0}",
                directory.display()
            )
        }),
        other => Ok(other?),
    }
}
