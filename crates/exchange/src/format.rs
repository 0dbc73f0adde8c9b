//! What a format is, and its settings.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use streamface_store::{Dataset, ImageKind};

use crate::Error;
use crate::files::Place;
use crate::pickle::Limits;
use crate::report::{Observer, Summary};
use crate::snapshot::{Labels, Snapshot};
use crate::staging::check_free;

/// A form in which other programs keep datasets of faces.
///
/// A format is a file in `formats/` and a line in [`FORMATS`](crate::FORMATS).
pub trait Format: Debug + Send + Sync {
    /// Its name on the command line: lower-case letters and hyphens.
    fn name(&self) -> &'static str;

    /// Earlier names of it.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// What is written and what is read, in a few words.
    fn description(&self) -> Description;

    /// Whether an export is one file, and not a folder.
    fn is_file(&self) -> bool {
        false
    }

    /// Writes what was gathered of a dataset to `out`, where nothing is yet.
    ///
    /// # Errors
    /// As [`export`]; [`Error::Unsupported`] where the format is only read.
    fn export(
        &self,
        _set: &Snapshot<'_>,
        out: &Path,
        _settings: &ExportSettings,
        _observe: Observer<'_>,
    ) -> Result<Summary, Error> {
        Err(Error::unsupported(out, self.name(), "is only read"))
    }

    /// Makes a dataset directory at `out`, where nothing is yet, from the folder or file `path`, which is there.
    ///
    /// # Errors
    /// As [`import`]; [`Error::Unsupported`] where the format is only written.
    fn import(
        &self,
        path: &Path,
        _out: &Path,
        _settings: &ImportSettings,
        _observe: Observer<'_>,
    ) -> Result<Summary, Error> {
        Err(Error::unsupported(path, self.name(), "is only written"))
    }

    /// Whether a folder or file looks like this format, by names alone.
    fn detect(&self, _path: &Path) -> bool {
        false
    }
}

/// What a format holds, in a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// What an export writes; `None` for a format that is only read.
    pub export: Option<&'static str>,
    /// What an import takes; `None` for a format that is only written.
    pub import: Option<&'static str>,
}

/// Settings of an export.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportSettings {
    /// Whose labels.
    pub labels: Labels,
    /// How pictures get there. Tar shards always hold copies.
    pub place: Place,
    /// Upright faces of 128 x 128 instead of faces with their surroundings.
    pub aligned: bool,
    /// Also faces that belong to no one, as label −1. Tables and the original's files always have them.
    pub noise: bool,
    /// Most faces of a tar shard, at least 1. Default 10,000.
    pub shard_faces: usize,
    /// Folds of LFW's pairs. Default 10.
    pub folds: usize,
    /// Pairs of each kind in a fold, or as many as there are. Default 300.
    pub pairs: usize,
    /// Seed that pairs are drawn by. Default 0.
    pub seed: u64,
}

impl Default for ExportSettings {
    fn default() -> Self {
        Self {
            labels: Labels::Auto,
            place: Place::Link,
            aligned: false,
            noise: false,
            shard_faces: 10_000,
            folds: 10,
            pairs: 300,
            seed: 0,
        }
    }
}

impl ExportSettings {
    pub(crate) fn kind(&self) -> ImageKind {
        if self.aligned { ImageKind::AlignedFace } else { ImageKind::Face }
    }
}

/// Settings of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportSettings {
    /// How pictures get there; JPEG becomes PNG, and so a file of its own.
    pub place: Place,
    /// Pictures are photos in which faces are still to be found, not faces. LFW's always are; boxes come on frames.
    pub photos: bool,
    /// Where the pictures of a CSV or COCO file are. Default: beside it.
    pub images: Option<PathBuf>,
    /// What a features pickle may cost.
    pub pickle: Limits,
}

/// Writes a dataset in another form to `out`, a folder or, for the tables, a file; where something is already,
/// nothing is written.
///
/// # Errors
/// [`Error::Exists`], [`Error::Lacks`] where the dataset has not what the format is made of, and what reading and
/// writing meets. What was begun is removed.
pub fn export(
    data: &Dataset,
    format: &dyn Format,
    out: &Path,
    settings: &ExportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    check_free(out)?;
    export_snapshot(&Snapshot::read(data, &settings.labels)?, format, out, settings, observe)
}

/// As [`export`], of what was already gathered; `settings.labels` should be what it was gathered with.
///
/// # Errors
/// As [`export`].
pub fn export_snapshot(
    set: &Snapshot<'_>,
    format: &dyn Format,
    out: &Path,
    settings: &ExportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    check_free(out)?;
    let mut summary = format.export(set, out, settings, observe)?;
    set.add_broken(&mut summary);
    Ok(summary)
}

/// Makes a dataset directory at `out` of a set in another form; where something is already, nothing is written.
///
/// # Errors
/// [`Error::Exists`], [`Error::Nothing`] where no face or frame could be taken, [`Error::Format`], [`Error::Pickle`] for a file
/// that is broken as a whole, and what reading and writing meets. What was begun is removed.
pub fn import(
    path: &Path,
    format: &dyn Format,
    out: &Path,
    settings: &ImportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    check_free(out)?;
    if !path.exists() {
        return Err(Error::format(path, "no such file or folder"));
    }
    // A pipe can be read once, and most formats are read more often; a device may have no end.
    if !path.is_file() && !path.is_dir() {
        return Err(Error::format(path, "neither a regular file nor a folder"));
    }
    format.import(path, out, settings, observe)
}
