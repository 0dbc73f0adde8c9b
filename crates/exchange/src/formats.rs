//! Formats and settings, and which file does what.

use std::path::{Path, PathBuf};

use streamface_store::{Dataset, ImageKind};

use crate::files::Place;
use crate::pickle::Limits;
use crate::report::{Observer, Summary};
use crate::snapshot::{Labels, Snapshot};
use crate::staging::check_free;
use crate::{Error, coco, fiftyone, flat, imagefolder, lfw, original, table, webdataset};

/// What a dataset can become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportFormat {
    /// The original's output directory.
    Original,
    /// FiftyOne, a person for each face.
    Fiftyone,
    /// FiftyOne, boxes on frames.
    FiftyoneDetection,
    /// A folder for each person.
    Imagefolder,
    /// Tar shards.
    Webdataset,
    /// COCO.
    Coco,
    /// A folder for each person as LFW names them, and `pairs.txt`.
    Lfw,
    /// One CSV file.
    Csv,
    /// One Parquet file.
    Parquet,
}

/// What can become a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportFormat {
    /// The original's output directory: frames, faces, detections, links, embeddings, attributes, labels.
    Original,
    /// FiftyOne's folder of either kind: pictures, labels, attributes; with boxes, frames too.
    Fiftyone,
    /// A folder for each person: pictures and labels.
    Imagefolder,
    /// Tar shards, or one: pictures, labels, and what their JSON holds.
    Webdataset,
    /// COCO: frames, boxes, scores, five keypoints, labels where there are tracks or people.
    Coco,
    /// LFW: photos and labels. Its pairs are not read.
    Lfw,
    /// A CSV and the pictures it names: labels, boxes, landmarks, scores where there are any.
    Csv,
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
    format: ExportFormat,
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
    format: ExportFormat,
    out: &Path,
    settings: &ExportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    check_free(out)?;
    match format {
        ExportFormat::Original => original::export(set, out, settings, observe),
        ExportFormat::Fiftyone => fiftyone::export(set, out, settings, observe),
        ExportFormat::FiftyoneDetection => fiftyone::export_detections(set, out, settings, observe),
        ExportFormat::Imagefolder => imagefolder::export(set, out, settings, observe),
        ExportFormat::Webdataset => webdataset::export(set, out, settings, observe),
        ExportFormat::Coco => coco::export(set, out, settings, observe),
        ExportFormat::Lfw => lfw::export(set, out, settings, observe),
        ExportFormat::Csv => flat::export_csv(set, out),
        ExportFormat::Parquet => flat::export_parquet(set, out),
    }
}

/// Makes a dataset directory at `out` of a set in another form; where something is already, nothing is written.
///
/// # Errors
/// [`Error::Exists`], [`Error::Nothing`] where no face or frame could be taken, [`Error::Format`], [`Error::Pickle`] for a file
/// that is broken as a whole, and what reading and writing meets. What was begun is removed.
pub fn import(
    path: &Path,
    format: ImportFormat,
    out: &Path,
    settings: &ImportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    check_free(out)?;
    if !path.exists() {
        return Err(Error::format(path, "no such file or folder"));
    }
    match format {
        ImportFormat::Original => original::import(path, out, settings, observe),
        ImportFormat::Fiftyone => fiftyone::import(path, out, settings, observe),
        ImportFormat::Imagefolder => imagefolder::import(path, out, settings, settings.photos, observe),
        ImportFormat::Lfw => imagefolder::import(path, out, settings, true, observe),
        ImportFormat::Webdataset => webdataset::import(path, out, settings, observe),
        ImportFormat::Coco => coco::import(path, out, settings, observe),
        ImportFormat::Csv => table::import(path, out, settings, observe),
    }
}
