//! Files that a step writes: whether it may, before any work.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use streamface_store::{check_outputs, files, write_atomic};

use crate::{Error, Result};

/// A file that a step writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// One that the caller named: it may be a link, a pipe or a terminal.
    Given(PathBuf),
    /// One of a name of ours in a dataset: a link there is not followed.
    Own(PathBuf),
}

impl Output {
    pub(super) fn new(given: Option<&PathBuf>, own: impl FnOnce() -> PathBuf) -> Self {
        let own = own();
        match given {
            Some(given) if *given != own => Self::Given(given.clone()),
            _ => Self::Own(own),
        }
    }

    /// Checks that it replaces nothing that is read; a file of a name of ours in a dataset never does.
    pub(super) fn check<'a>(&'a self, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
        match self {
            Self::Given(path) => check([path.as_path()], inputs),
            Self::Own(_) => Ok(()),
        }
    }

    /// Writes it whole or not at all.
    pub(super) fn write(&self, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> Result<()> {
        match self {
            Self::Given(path) => Ok(write_atomic(path, write)?),
            Self::Own(path) => files::write(path, write).map_err(|e| match e {
                streamface_store::Error::Io { path, source } if cannot_be_written(&source) => {
                    let (path, dir) = (path.display(), path.parent().unwrap_or(&path).display());
                    Error::Setting(format!(
                        "{path}: {source}; {dir} cannot be written: give --out, a place elsewhere"
                    ))
                }
                other => other.into(),
            }),
        }
    }

    pub(super) fn into_path(self) -> PathBuf {
        match self {
            Self::Given(path) | Self::Own(path) => path,
        }
    }
}

fn cannot_be_written(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

/// Checks that outputs can be written, and replace neither an input nor each other.
pub(super) fn check<'a>(
    outputs: impl IntoIterator<Item = &'a Path>,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<()> {
    Ok(check_outputs(outputs, inputs)?)
}
