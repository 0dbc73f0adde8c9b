//! Flags of the matching of clusters.

use std::path::PathBuf;
use std::str::FromStr as _;

use clap::Args;
use serde::Serialize;

use streamface_types::Metric;

use super::{Common, text};

/// How far apart two clusters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatchMode {
    /// The distance of their means
    #[default]
    Average,
    /// The smallest distance from face to face
    Single,
    /// The smallest among their means and the two faces of each that are farthest apart
    Triplet,
}

/// Which of the original's ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compat {
    /// As its code has it: all pairs are asked about, of clusters that have one nearer than min
    Code,
    /// As it is published: nearer than min is one person without asking (see --join), min to max is asked about
    Paper,
}

/// `streamface match`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
A cluster is sure to be another one where their distance is below --min, and asked about up to --max. By default \
--max is the model's clustering threshold and --min half of it: on labelled photos and programmes all that clustering \
had torn apart came within the first, and no two people within the second. Of 33,000 clusters some are alike by \
chance: look at the sure ones before they are joined.

Clusters are those that decisions in metadata/decisions.jsonl have made of the labels, and pairs that were answered \
there, or that annotations.json has under ignore, are left out.

Examples:
  # which clusters may be one person
  streamface match news
  # the sure ones joined, until undone
  streamface match news --min 0.25 --join
  # by the two faces that are nearest
  streamface match news --mode single --max 0.5
  # as the original's code
  streamface match news --compat code --min 0.35 --max 0.5
  # clusters of any vectors
  streamface match --vectors X.npy --labels labels.csv --min 0.3 --max 0.6 --out pairs.json")]
pub struct MatchArgs {
    /// The dataset directory
    #[arg(required_unless_present = "vectors", conflicts_with = "vectors")]
    #[serde(skip)]
    pub dir: Option<PathBuf>,
    /// Match clusters of the rows of this .npy or Parquet file instead; needs --labels, --min, --max and --out
    #[arg(long, value_name = "FILE", requires_all = ["labels", "out", "min", "max"])]
    #[serde(skip)]
    pub vectors: Option<PathBuf>,
    /// Labels: CSV index,label for --vectors; reviewed, clusters, annotations.json or CSV name,label for a dataset
    /// [default: its clusters with the decisions so far]
    #[arg(long, value_name = "reviewed|clusters|FILE")]
    #[serde(skip)]
    pub labels: Option<PathBuf>,
    /// Where the pairs go [default: metadata/cluster_evals.json in the dataset directory]
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub out: Option<PathBuf>,
    /// Distance: cosine or euclidean [default: the model's; cosine for --vectors]
    #[arg(long, value_parser = text(Metric::from_str))]
    pub metric: Option<String>,
    /// How far apart two clusters are
    #[arg(long, value_enum, default_value_t)]
    pub mode: MatchMode,
    /// Pairs nearer than this are sure [default: half the model's clustering threshold, 0.32 for the built-in one]
    #[arg(long, value_name = "D")]
    pub min: Option<f64>,
    /// Pairs farther than this are not asked about [default: the model's clustering threshold, 0.64 for the
    /// built-in one]
    #[arg(long, value_name = "D")]
    pub max: Option<f64>,
    /// Only the K largest clusters; with --compat code labels 0 to K [default: all; with --compat code 10000]
    #[arg(long, value_name = "K")]
    pub topk: Option<u64>,
    /// Pairs that are kept, the nearest [default: 1000000; with --compat code 64000000, and more is an error]
    #[arg(long, value_name = "N")]
    pub most: Option<usize>,
    /// Joins the sure ones, the nearest first, by decisions of "auto" that can be undone like any other; never two
    /// faces of one frame, nor people that were said to be different. --compat paper does so too
    #[arg(long, conflicts_with_all = ["vectors", "labels"])]
    pub join: bool,
    /// Lists by the original's rules
    #[arg(long, value_enum)]
    pub compat: Option<Compat>,
    /// Threads [default: the processors there are]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}
