//! Flags of export and import.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use streamface_pipeline::{Description, FORMATS, Format, find_format};

use super::Common;

/// A format by its name, among those of one direction: what the registry of the library holds.
fn format(
    describe: fn(Description) -> Option<&'static str>,
) -> impl TypedValueParser<Value = &'static dyn Format> {
    let value = |format: &&'static dyn Format| {
        let name = PossibleValue::new(format.name()).aliases(format.aliases());
        Some(name.help(describe(format.description())?))
    };
    let names: Vec<PossibleValue> = FORMATS.iter().filter_map(value).collect();
    PossibleValuesParser::new(names).try_map(|name| find_format(&name).ok_or("no such format"))
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
  # to train on: upright faces, by the labels and names of the review
  streamface export news --format imagefolder --labels reviewed --aligned --out train
  # tar shards of 5,000 faces
  streamface export news --format webdataset --shard-faces 5000 --out shards
  # a table
  streamface export news --format csv --out news.csv
  # embeddings and labels, for an index of people
  streamface export news --format npy --out news.npy
  streamface export news --format parquet --out - | hri build people --vectors - --threshold 0.5

Where something is at --out already, nothing is written.")]
pub struct ExportArgs {
    /// The dataset directory
    #[serde(skip)]
    pub dir: PathBuf,
    /// What to write
    #[arg(long, value_parser = format(|d| d.export))]
    #[serde(skip)]
    pub format: &'static dyn Format,
    /// The folder, or for csv, parquet and npy the file, to write; - is standard output
    #[arg(long, value_name = "PATH")]
    #[serde(skip)]
    pub out: PathBuf,
    /// Labels: auto (the review's where there is one, else the last clustering's), reviewed, clusters (the last
    /// clustering's), or a file: annotations.json, or CSV name,label
    #[arg(long, value_name = "auto|reviewed|clusters|FILE", default_value = "auto")]
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
  streamface import old-run --format compat --out news
  # photos, whose faces are found and embedded here
  streamface import lfw --format lfw --out lfw-set
  streamface extract lfw-set && streamface analyze lfw-set
  # pictures of one face each, a folder a person: aligned by landmarks that are found in them
  streamface import crops --format imagefolder --out set
  streamface analyze set && streamface cluster set
  # a table, and the pictures that it names
  streamface import faces.csv --format csv --images pictures --out set

A CSV table has one row a picture: a second one of the same picture is left out and told; COCO and fiftyone-detection \
take several faces of one. A person's folder that is a link is told and left out. Names come back composed (NFC).

Labels as they came stay in metadata/imported.csv: `streamface score` takes them as true ones after a clustering. \
Where something is at --out already, nothing is written.")]
pub struct ImportArgs {
    /// The folder or file to read
    #[serde(skip)]
    pub path: PathBuf,
    /// What it is [default: what it looks like]
    #[arg(long, value_parser = format(|d| d.import))]
    #[serde(skip)]
    pub format: Option<&'static dyn Format>,
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
