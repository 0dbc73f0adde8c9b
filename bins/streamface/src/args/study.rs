//! Flags of the study of thresholds, and of the evaluation of clusters.

use std::path::PathBuf;
use std::str::FromStr as _;

use clap::Args;
use serde::Serialize;

use streamface_pipeline::settings::values::Thresholds;
use streamface_types::Metric;

use super::{Common, text};

/// `streamface study`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # which threshold, from the video itself
  streamface study news
  # surer, scored by true labels, and beside other methods
  streamface study news --false-merges 0.1 --labels truth.csv --compare
  # any vectors with labels
  streamface study --vectors X.npy --labels truth.csv --out study")]
pub struct StudyArgs {
    /// The dataset directory
    #[arg(required_unless_present = "vectors", conflicts_with = "vectors")]
    #[serde(skip)]
    pub dir: Option<PathBuf>,
    /// Study the rows of this .npy or Parquet file instead: no frames, so no calibration
    #[arg(long, value_name = "FILE", requires = "out")]
    #[serde(skip)]
    pub vectors: Option<PathBuf>,
    /// Where study.html, study.json and threshold.toml go [default: the dataset directory; needed with --vectors]
    #[arg(long, value_name = "DIR")]
    #[serde(skip)]
    pub out: Option<PathBuf>,
    /// Distance of --vectors: cosine or euclidean [default: cosine]
    #[arg(long, requires = "vectors", value_parser = text(Metric::from_str))]
    pub metric: Option<String>,
    /// True labels, where there are any: annotations.json, or CSV name,label (index,label for --vectors)
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub labels: Option<PathBuf>,
    /// How many joins of two people's clusters may be expected at the recommended threshold
    #[arg(long, value_name = "N", default_value_t = 0.5)]
    pub false_merges: f64,
    /// Thresholds that are tried, beside the recommended one and that in use: from..to..step [default: 0.1..0.9..0.05, for
    /// --metric euclidean these shares of the median distance of two rows]
    #[arg(long, value_name = "A..B..S", value_parser = text(Thresholds::from_str))]
    pub thresholds: Option<String>,
    /// Other methods on the same faces, in one table
    #[arg(long)]
    pub compare: bool,
    /// Most faces whose distances the histograms are of, drawn at random; with more faces there are no silhouettes
    #[arg(long, value_name = "N", default_value_t = 30_000)]
    pub max_samples: usize,
    /// Threads [default: the processors there are]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}

/// `streamface evaluate`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # the dataset's own clusters
  streamface evaluate news
  # other labels of its faces
  streamface evaluate news --labels truth.csv --out truth.html
  # any vectors
  streamface evaluate --vectors X.npy --labels labels.csv --json")]
pub struct EvaluateArgs {
    /// The dataset directory
    #[arg(required_unless_present = "vectors", conflicts_with = "vectors")]
    #[serde(skip)]
    pub dir: Option<PathBuf>,
    /// Evaluate labels of the rows of this .npy or Parquet file instead
    #[arg(long, value_name = "FILE", requires = "labels")]
    #[serde(skip)]
    pub vectors: Option<PathBuf>,
    /// Labels: CSV index,label for --vectors, which needs them; reviewed, clusters, annotations.json or CSV name,label
    /// for a dataset [default: the review's where there is one, else the last clustering's]
    #[arg(long, value_name = "reviewed|clusters|FILE")]
    #[serde(skip)]
    pub labels: Option<PathBuf>,
    /// Distance: cosine or euclidean [default: cosine]
    #[arg(long, value_parser = text(Metric::from_str))]
    pub metric: Option<String>,
    /// Likely errors that are listed, the worst first
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub errors: usize,
    /// The page [default: evaluate.html in the dataset directory; none with --vectors]
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub out: Option<PathBuf>,
    /// A silhouette for each face in the JSON
    #[arg(long)]
    #[serde(skip)]
    pub samples: bool,
    /// Threads [default: the processors there are]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}
