//! Dataset directories: opened by the steps after the first, removed where nothing came.

use std::ffi::OsStr;
use std::path::Path;

use streamface_capture::{Sources, sources};
use streamface_store::Dataset;

use crate::error::At as _;
use crate::{Error, Result};

/// Opens a directory that an earlier step has made.
pub(super) fn open_existing(dir: &Path) -> Result<Dataset> {
    if !dir.join("metadata").is_dir() {
        return Err(Error::NoDataset(dir.to_owned()));
    }
    Ok(Dataset::open(dir)?)
}

/// What a source holds, before the directory `out` is made for it.
pub(super) fn find_source(source: &OsStr, name: Option<&str>, out: &Path) -> Result<Sources> {
    let found = sources(source, name).at(|| "source".to_owned())?;
    // Its own frames would be searched for faces the next time.
    if Path::new(source).canonicalize().is_ok_and(|source| out.canonicalize().is_ok_and(|out| source == out))
    {
        let said =
            format!("--out {} is the folder that is searched; give a directory of its own", out.display());
        return Err(Error::Setting(said));
    }
    Ok(found)
}

/// Removes a directory in which nothing but settings and the lock was ever written.
pub(super) fn remove_if_fresh(data: Dataset) {
    let (root, metadata) = (data.root().to_owned(), data.metadata());
    let only = |dir: &Path, known: &[&str]| {
        std::fs::read_dir(dir)
            .is_ok_and(|entries| entries.flatten().all(|e| known.iter().any(|k| e.file_name() == *k)))
    };
    if only(&root, &["metadata", ".lock"]) && only(&metadata, &["settings.json"]) {
        drop(data);
        // Each of these is ours and known to be there; what fails stays, and harms nobody.
        let _ = std::fs::remove_file(metadata.join("settings.json"));
        let _ = std::fs::remove_dir(&metadata);
        let _ = std::fs::remove_file(root.join(".lock"));
        let _ = std::fs::remove_dir(&root);
    }
}
