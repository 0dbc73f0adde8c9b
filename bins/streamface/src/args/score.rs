//! Flags of scores and of verification.

use std::path::PathBuf;
use std::str::FromStr as _;

use clap::Args;
use serde::Serialize;

use streamface_types::Metric;

use super::{Common, text};

/// `streamface score`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # what a dataset has: the labels of its review, else its clusters
  streamface score truth.csv news
  # the clusters
  streamface score truth.csv news/metadata/annotations.json
  # the review, and what it gained
  streamface score truth.csv news/metadata/annotations_manual.json \\
    --before news/metadata/annotations.json
  # what two labellings see differently, as pictures
  streamface score a/metadata/annotations.json b.json --html differ.html --faces a")]
pub struct ScoreArgs {
    /// True labels: annotations.json, CSV with the columns name,label, or a dataset directory
    #[arg(value_name = "TRUE")]
    #[serde(skip)]
    pub truth: PathBuf,
    /// Labels to be scored
    #[arg(value_name = "PRED")]
    #[serde(skip)]
    pub predicted: PathBuf,
    /// What PRED was before a review: which joins and splits were made, and what they gained
    #[arg(long, value_name = "LABELS")]
    #[serde(skip)]
    pub before: Option<PathBuf>,
    /// People with errors that are listed, the worst first
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[serde(skip)]
    pub people: usize,
    /// Names of the faces that only one file has
    #[arg(long)]
    #[serde(skip)]
    pub list: bool,
    /// Faces of noise (label -1) are all one cluster, as in the original; otherwise each is a cluster of its own
    #[arg(long)]
    #[serde(skip)]
    pub noise_as_cluster: bool,
    /// A page of what the two see differently
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub html: Option<PathBuf>,
    /// Where the page's pictures are: a dataset directory, or a folder of {face}.png
    #[arg(long, value_name = "DIR", requires = "html")]
    #[serde(skip)]
    pub faces: Option<PathBuf>,
    /// Exit with 1 when the pairwise F is below this
    #[arg(long, value_name = "F")]
    #[serde(skip)]
    pub at_least: Option<f64>,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}

/// `streamface verify`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # faces of photos, LFW's own pairs
  streamface verify lfw --pairs pairs.txt
  # pairs drawn from true labels
  streamface verify news --labels truth.csv
  # any vectors
  streamface verify --vectors X.npy --names names.txt --pairs splits.txt --out verify.html

Pairs: LFW's pairs.txt, or lines of fold, name, name, 1 or 0. Exit code 1 when a face of a pair is missing; the \
accuracy with such pairs counted as refused stands beside the other. Pairs from the dataset's own labels say how well these hang together, not whether they are right. A true accept rate is told \
where 30 pairs of two people are accepted, with its 95 % interval by people.")]
pub struct VerifyArgs {
    /// The dataset directory
    #[arg(required_unless_present = "vectors", conflicts_with = "vectors")]
    #[serde(skip)]
    pub dir: Option<PathBuf>,
    /// The rows of this .npy or Parquet file instead
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub vectors: Option<PathBuf>,
    /// The name of each row of --vectors, one a line
    #[arg(long, value_name = "FILE", requires = "vectors")]
    #[serde(skip)]
    pub names: Option<PathBuf>,
    /// The pairs to compare; of a photo the face nearest its middle [default: drawn from labels]
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub pairs: Option<PathBuf>,
    /// Labels to draw pairs from: reviewed, clusters, annotations.json or CSV name,label (index,label for --vectors)
    /// [default: the review's where there is one, else the last clustering's; --vectors needs these or --pairs]
    #[arg(long, value_name = "reviewed|clusters|FILE", conflicts_with = "pairs")]
    #[serde(skip)]
    pub labels: Option<PathBuf>,
    /// Distance: cosine or euclidean [default: cosine]
    #[arg(long, value_parser = text(Metric::from_str))]
    pub metric: Option<String>,
    /// Folds that are drawn; fewer where people are few, since folds share none
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with = "pairs")]
    pub folds: usize,
    /// Pairs of one person in a drawn fold, and as many of two
    #[arg(long, value_name = "N", default_value_t = 300, conflicts_with = "pairs")]
    pub per_fold: usize,
    /// Draws other pairs
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "pairs")]
    #[serde(skip)]
    pub seed: u64,
    /// The page [default: verify.html in the dataset directory; none with --vectors]
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub out: Option<PathBuf>,
    /// Threads [default: the processors there are]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}
