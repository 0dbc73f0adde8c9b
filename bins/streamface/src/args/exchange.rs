//! Flags of export and import.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use streamface_pipeline::{ExportFormat, ImportFormat};

use super::Common;

/// What a dataset can become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Out {
    /// The original StreamFace's output directory, features pickle and all
    Original,
    /// FiftyOne folder: faces, a person each
    Fiftyone,
    /// FiftyOne folder: frames with boxes
    FiftyoneDetection,
    /// A folder for each person
    Imagefolder,
    /// Tar shards: png, cls, json
    Webdataset,
    /// COCO: frames, boxes, keypoints, tracks
    Coco,
    /// LFW: a folder for each person, pairs.txt
    Lfw,
    /// One CSV file, a row a face
    Csv,
    /// One Parquet file, a row a face
    Parquet,
}

impl Out {
    /// The library's word.
    #[must_use]
    pub fn format(self) -> ExportFormat {
        match self {
            Self::Original => ExportFormat::Original,
            Self::Fiftyone => ExportFormat::Fiftyone,
            Self::FiftyoneDetection => ExportFormat::FiftyoneDetection,
            Self::Imagefolder => ExportFormat::Imagefolder,
            Self::Webdataset => ExportFormat::Webdataset,
            Self::Coco => ExportFormat::Coco,
            Self::Lfw => ExportFormat::Lfw,
            Self::Csv => ExportFormat::Csv,
            Self::Parquet => ExportFormat::Parquet,
        }
    }
}

/// What can become a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum In {
    /// The original StreamFace's output directory: all of it
    Original,
    /// FiftyOne folder of either kind: pictures, labels, attributes, boxes
    Fiftyone,
    /// A folder for each person: pictures, labels
    Imagefolder,
    /// Tar shards, or one: pictures, labels, what their JSON holds
    Webdataset,
    /// COCO: frames, boxes, five keypoints, tracks
    Coco,
    /// LFW: photos, labels
    Lfw,
    /// CSV and the pictures it names: labels, boxes, landmarks, scores
    Csv,
}

impl In {
    /// The library's word.
    #[must_use]
    pub fn format(self) -> ImportFormat {
        match self {
            Self::Original => ImportFormat::Original,
            Self::Fiftyone => ImportFormat::Fiftyone,
            Self::Imagefolder => ImportFormat::Imagefolder,
            Self::Webdataset => ImportFormat::Webdataset,
            Self::Coco => ImportFormat::Coco,
            Self::Lfw => ImportFormat::Lfw,
            Self::Csv => ImportFormat::Csv,
        }
    }
}

/// How pictures get from one place to another.
#[derive(Debug, Clone, Copy, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Copying {
    /// Copy pictures; otherwise they are hard links, where the file system has these
    #[arg(long)]
    pub copy: bool,
}

/// `streamface export`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # for FiftyOne
  streamface export news --format fiftyone --out news-fiftyone
  # to train on: upright faces, by the labels of the review
  streamface export news --format imagefolder --labels reviewed --aligned --out train
  # tar shards of 5,000 faces
  streamface export news --format webdataset --shard-faces 5000 --out shards
  # a table
  streamface export news --format csv --out news.csv

Where something is at --out already, nothing is written.")]
pub struct ExportArgs {
    /// The dataset directory
    #[serde(skip)]
    pub dir: PathBuf,
    /// What to write
    #[arg(long, value_enum)]
    #[serde(skip)]
    pub format: Out,
    /// The folder, or for csv and parquet the file, to write
    #[arg(long, value_name = "PATH")]
    #[serde(skip)]
    pub out: PathBuf,
    /// Labels: auto (the last clustering's), reviewed, or a file: annotations.json, or CSV name,label
    #[arg(long, value_name = "auto|reviewed|FILE", default_value = "auto")]
    pub labels: String,
    /// Upright faces of 128 x 128 instead of faces with their surroundings
    #[arg(long)]
    pub aligned: bool,
    /// Also faces that belong to no one, as label -1; tables and the original's files always have them
    #[arg(long)]
    pub noise: bool,
    /// Most faces of a tar shard
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub shard_faces: u32,
    /// Folds of LFW's pairs
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub folds: usize,
    /// LFW's pairs of each kind in a fold, or as many as there are
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub pairs: usize,
    /// Seed that LFW's pairs are drawn by
    #[arg(long, value_name = "N", default_value_t = 0)]
    #[serde(skip)]
    pub seed: u64,
    /// Copying.
    #[command(flatten)]
    #[serde(flatten)]
    pub copying: Copying,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}

/// `streamface import`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # all of an output directory of the original
  streamface import old-run --format original --out news
  # photos, whose faces are found and embedded here
  streamface import lfw --format lfw --out lfw-set
  streamface extract lfw-set && streamface analyze lfw-set
  # a table, and the pictures that it names
  streamface import faces.csv --format csv --images pictures --out set

Labels as they came stay in metadata/imported.csv: `streamface score` takes them as true ones after a clustering. \
Where something is at --out already, nothing is written.")]
pub struct ImportArgs {
    /// The folder or file to read
    #[serde(skip)]
    pub path: PathBuf,
    /// What it is
    #[arg(long, value_enum)]
    #[serde(skip)]
    pub format: In,
    /// The dataset directory to make
    #[arg(long, value_name = "DIR")]
    #[serde(skip)]
    pub out: PathBuf,
    /// Pictures are photos, in which `streamface extract` is to find the faces
    #[arg(long)]
    pub photos: bool,
    /// Where the pictures of csv and coco are [default: beside the file]
    #[arg(long, value_name = "DIR")]
    #[serde(skip)]
    pub images: Option<PathBuf>,
    /// Largest features pickle that is read, bytes
    #[arg(long, value_name = "N", default_value_t = 8 << 30)]
    pub max_pickle: u64,
    /// Copying.
    #[command(flatten)]
    #[serde(flatten)]
    pub copying: Copying,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}
