//! Flags of clustering.

use std::path::PathBuf;
use std::str::FromStr as _;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde::Serialize;

use streamface_pipeline::settings::Method;
use streamface_pipeline::settings::values::{Bytes, Rows};
use streamface_types::Metric;

use super::{Common, text};

/// Flags of clustering.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(next_help_heading = "People")]
pub struct PeopleArgs {
    /// Largest distance within a person's faces [default: none, unless the last clustering was given one: merges are
    /// judged one by one, see --false-merges]
    #[arg(long, value_name = "D", conflicts_with = "false_merges", allow_negative_numbers = true)]
    pub threshold: Option<f64>,
    /// Wrong merges that may be expected: the surest merges are made [default: that of the last clustering, else 0.5]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub false_merges: Option<f64>,
    /// Mean distance below which two people tied by a temporal link are one [default: that of the last clustering, else
    /// the model's, 0.75 for the built-in one]
    #[arg(long, value_name = "D")]
    pub merging_threshold: Option<f64>,
}

/// A method by its name: those that the library lists.
fn method() -> impl TypedValueParser<Value = Method> {
    let names = Method::ALL.map(|m| PossibleValue::new(m.name()).help(m.description()));
    PossibleValuesParser::new(names)
        .try_map(|name| Method::ALL.into_iter().find(|m| m.name() == name).ok_or("no such method"))
}

/// What clustering may take.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resources {
    /// Memory budget for links (512M, 4G); does not affect the result [default: 2G]
    #[arg(long, value_name = "SIZE", value_parser = text(Bytes::from_str))]
    pub memory: Option<String>,
    /// Threads [default: the processors there are]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Flags of how clustering goes about it.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(next_help_heading = "Method")]
pub struct MethodArgs {
    /// How faces become people [default: as in the last clustering, else complete]
    #[arg(long, value_parser = method())]
    pub method: Option<Method>,
    /// Nearest neighbours that --method infomap looks at; the other methods look at none [default: as in the last
    /// clustering, else 20]
    #[arg(long, value_name = "K")]
    pub neighbours: Option<usize>,
    /// The original's scheme: batches of 20,000, their means, then temporal links
    #[arg(long, conflicts_with = "method")]
    pub compat: bool,
    /// Go on from the last run: compare only new faces with all; the same result as from scratch
    #[arg(long, conflicts_with_all = ["method", "compat"])]
    pub append: bool,
    /// Resources.
    #[command(flatten)]
    #[serde(flatten)]
    pub resources: Resources,
}

/// In the place of that of [`PeopleArgs`], which knows nothing of vectors.
const THRESHOLD: &str = "Largest distance within a person's faces [default: none, unless the last clustering was given one: \
                         merges are judged one by one, see --false-merges; needed with --vectors]";

/// `streamface cluster`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    mut_arg("threshold", |arg| arg.help(THRESHOLD)),
    after_help = "\
Examples:
  # people of a dataset
  streamface cluster news
  # only what is new since the last time, by the same settings
  streamface cluster news --append
  # join only what is sure; the review joins the rest
  streamface cluster news --false-merges 0.1
  # any vectors
  streamface cluster --vectors X.npy --threshold 0.5 --out labels.csv
  # any vectors, and these again with more rows after them
  streamface cluster --vectors X.npy --threshold 0.5 --out labels.csv --state X.state
  streamface cluster --vectors XY.npy --threshold 0.5 --out labels.csv --state X.state --append"
)]
pub struct ClusterArgs {
    /// One step of clustering by itself, for work on many machines
    #[command(subcommand)]
    #[serde(skip)]
    pub part: Option<ClusterPart>,
    /// The dataset directory
    #[arg(required_unless_present = "vectors", conflicts_with = "vectors")]
    #[serde(skip)]
    pub dir: Option<PathBuf>,
    /// Cluster the rows of this .npy or Parquet file instead, and write index,label to --out; needs --threshold and --out
    #[arg(
        long,
        value_name = "FILE",
        requires = "out",
        requires = "threshold",
        conflicts_with_all = ["merging_threshold", "false_merges"]
    )]
    #[serde(skip)]
    pub vectors: Option<PathBuf>,
    /// Where labels of --vectors go; needed with it
    #[arg(long, value_name = "FILE", requires = "vectors")]
    #[serde(skip)]
    pub out: Option<PathBuf>,
    /// Where the merges of --vectors are kept between runs, for --append
    #[arg(long, value_name = "FILE", requires = "vectors")]
    #[serde(skip)]
    pub state: Option<PathBuf>,
    /// Distance of --vectors: cosine or euclidean [default: cosine]
    #[arg(long, requires = "vectors", value_parser = text(Metric::from_str))]
    pub metric: Option<String>,
    /// People.
    #[command(flatten)]
    #[serde(flatten)]
    pub people: PeopleArgs,
    /// Method.
    #[command(flatten)]
    #[serde(flatten)]
    pub method: MethodArgs,
    /// Faces that have a label and no embedding, such as imported ones before analyze, lose the label; otherwise
    /// nothing is clustered
    #[arg(long, conflicts_with = "vectors")]
    #[serde(skip)]
    pub discard_labels: bool,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}

/// Steps of clustering by themselves.
#[derive(Debug, Clone, Subcommand)]
pub enum ClusterPart {
    /// All pairs at distance <= threshold between two blocks of rows, to Parquet
    Join(JoinArgs),
    /// Labels from the links of all blocks, in any order
    Link(LinkArgs),
}

/// `streamface cluster join`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # 90,000 rows in two blocks: three pairs of blocks, each on a machine of its own
  streamface cluster join --vectors X.npy --threshold 0.5 --rows 0..50000 --out 1.parquet
  streamface cluster join --vectors X.npy --threshold 0.5 --rows 50000..90000 --out 2.parquet
  streamface cluster join --vectors X.npy --threshold 0.5 \\
    --rows 0..50000 --cols 50000..90000 --out 3.parquet

Then streamface cluster link, with all of these.")]
pub struct JoinArgs {
    /// The vectors, one a row
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub vectors: PathBuf,
    /// Largest distance
    #[arg(long, value_name = "D")]
    pub threshold: f64,
    /// Distance: cosine or euclidean
    #[arg(long, default_value = "cosine", value_parser = text(Metric::from_str))]
    pub metric: String,
    /// Rows of one block (0..50000) [default: all]
    #[arg(long, value_name = "A..B", value_parser = text(Rows::from_str))]
    pub rows: Option<String>,
    /// Rows of the other block [default: those of --rows]
    #[arg(long, value_name = "C..D", value_parser = text(Rows::from_str))]
    pub cols: Option<String>,
    /// Where the links go
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub out: PathBuf,
    /// Resources.
    #[command(flatten)]
    #[serde(flatten)]
    pub resources: Resources,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}

/// `streamface cluster link`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  streamface cluster link 1.parquet 2.parquet 3.parquet --out labels.csv
  # the same parts at a smaller threshold
  streamface cluster link 1.parquet 2.parquet 3.parquet --threshold 0.4 --out labels.csv

A pair of blocks that no part has is an error that names it, exit code 2; one that is there twice counts once.")]
pub struct LinkArgs {
    /// Files that `cluster join` wrote, of one run
    #[arg(required = true)]
    #[serde(skip)]
    pub parts: Vec<PathBuf>,
    /// Largest distance within a cluster [default: the joins']
    #[arg(long, value_name = "D")]
    pub threshold: Option<f64>,
    /// Where the labels go
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub out: PathBuf,
    /// Resources.
    #[command(flatten)]
    #[serde(flatten)]
    pub resources: Resources,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}
