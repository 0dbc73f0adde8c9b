//! Flags of clustering.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Common;

/// Flags of clustering.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "People")]
pub struct PeopleArgs {
    /// Largest distance within a person's faces [default: the model's clustering threshold, 0.64 for the
    /// built-in one]
    #[arg(long, value_name = "D")]
    pub threshold: Option<f64>,
    /// Mean distance below which two people tied by a temporal link are one [default: the model's, 0.75 for
    /// the built-in one]
    #[arg(long, value_name = "D")]
    pub merging_threshold: Option<f64>,
}

/// How faces become people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Method {
    /// All faces of a person within the threshold of each other: exact complete linkage
    #[default]
    Complete,
    /// Each face within the threshold of some other: single linkage, connected components
    Single,
    /// The mean distance within the threshold; needs memory for all pairs
    Average,
    /// Chinese whispers on the pairs within the threshold
    Whispers,
    /// Infomap on each face's nearest neighbours within the threshold
    Infomap,
}

impl Method {
    /// The word on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Single => "single",
            Self::Average => "average",
            Self::Whispers => "whispers",
            Self::Infomap => "infomap",
        }
    }
}

/// What clustering may take.
#[derive(Debug, Clone, Default, Args)]
pub struct Resources {
    /// Memory for links beside the vectors (512M, 4G); with any the result is the same [default: 2G]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub memory: Option<u64>,
    /// Threads [default: the processors there are]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

impl Resources {
    /// Settings with this memory.
    #[must_use]
    pub fn of(&self, settings: streamface_cluster::Settings) -> streamface_cluster::Settings {
        self.memory.map_or(settings, |bytes| settings.memory(bytes))
    }
}

/// Flags of how clustering goes about it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Method")]
pub struct MethodArgs {
    /// How faces become people
    #[arg(long, value_enum, default_value_t)]
    pub method: Method,
    /// Nearest neighbours that --method infomap looks at; the other methods look at none
    #[arg(long, value_name = "K", default_value_t = 20)]
    pub neighbours: usize,
    /// The original's scheme: batches of 20,000, their means, then temporal links
    #[arg(long, conflicts_with = "method")]
    pub compat: bool,
    /// Go on from the last run: compare only new faces with all; the same result as from scratch
    #[arg(long, conflicts_with_all = ["method", "compat"])]
    pub append: bool,
    /// Resources.
    #[command(flatten)]
    pub resources: Resources,
}

fn memory(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let scale = match unit.trim_end_matches(['i', 'B', 'b']).to_ascii_uppercase().as_str() {
        "" => 1.0,
        "K" => 1024.0,
        "M" => 1024.0 * 1024.0,
        "G" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err("write it as 512M or 4G".to_owned()),
    };
    let bytes = number.trim().parse::<f64>().map_err(|_| "write it as 512M or 4G".to_owned())? * scale;
    if !(1_048_576.0..1e18).contains(&bytes) {
        return Err("a block of links needs 1M at least".to_owned());
    }
    Ok(bytes as u64)
}

/// In the place of that of [`PeopleArgs`], which knows nothing of vectors.
const THRESHOLD: &str = "Largest distance within a person's faces [default: the model's clustering threshold, 0.64 for \
                         the built-in one; needed with --vectors]";

/// `streamface cluster`.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    mut_arg("threshold", |arg| arg.help(THRESHOLD)),
    after_help = "\
Examples:
  # people of a dataset
  streamface cluster news
  # only what is new since the last time
  streamface cluster news --append
  # any vectors
  streamface cluster --vectors X.npy --threshold 0.5 --out labels.csv
  # any vectors, and these again with more rows after them
  streamface cluster --vectors X.npy --threshold 0.5 --out labels.csv --state X.state
  streamface cluster --vectors XY.npy --threshold 0.5 --out labels.csv --state X.state --append"
)]
pub struct ClusterArgs {
    /// One step of clustering by itself, for work on many machines
    #[command(subcommand)]
    pub part: Option<ClusterPart>,
    /// The dataset directory
    #[arg(required_unless_present = "vectors", conflicts_with = "vectors")]
    pub dir: Option<PathBuf>,
    /// Cluster the rows of this .npy file instead, and write index,label to --out; needs --threshold and --out
    #[arg(
        long,
        value_name = "FILE",
        requires = "out",
        requires = "threshold",
        conflicts_with = "merging_threshold"
    )]
    pub vectors: Option<PathBuf>,
    /// Where labels of --vectors go; needed with it
    #[arg(long, value_name = "FILE", requires = "vectors")]
    pub out: Option<PathBuf>,
    /// Where the merges of --vectors are kept between runs, for --append
    #[arg(long, value_name = "FILE", requires = "vectors")]
    pub state: Option<PathBuf>,
    /// Distance of --vectors: cosine or euclidean [default: cosine]
    #[arg(long, requires = "vectors")]
    pub metric: Option<streamface_types::Metric>,
    /// People.
    #[command(flatten)]
    pub people: PeopleArgs,
    /// Method.
    #[command(flatten)]
    pub method: MethodArgs,
    /// Common.
    #[command(flatten)]
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
#[derive(Debug, Clone, Args)]
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
    pub vectors: PathBuf,
    /// Largest distance
    #[arg(long, value_name = "D")]
    pub threshold: f64,
    /// Distance: cosine or euclidean
    #[arg(long, default_value_t)]
    pub metric: streamface_types::Metric,
    /// Rows of one block (0..50000) [default: all]
    #[arg(long, value_name = "A..B", value_parser = range)]
    pub rows: Option<std::ops::Range<usize>>,
    /// Rows of the other block [default: those of --rows]
    #[arg(long, value_name = "C..D", value_parser = range)]
    pub cols: Option<std::ops::Range<usize>>,
    /// Where the links go
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Resources.
    #[command(flatten)]
    pub resources: Resources,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}

/// `streamface cluster link`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamface cluster link 1.parquet 2.parquet 3.parquet --out labels.csv
  # the same parts at a smaller threshold
  streamface cluster link 1.parquet 2.parquet 3.parquet --threshold 0.4 --out labels.csv

A pair of blocks that no part has is an error that names it, exit code 2; one that is there twice counts once.")]
pub struct LinkArgs {
    /// Files that `cluster join` wrote, of one run
    #[arg(required = true)]
    pub parts: Vec<PathBuf>,
    /// Largest distance within a cluster [default: the joins']
    #[arg(long, value_name = "D")]
    pub threshold: Option<f64>,
    /// Where the labels go
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Resources.
    #[command(flatten)]
    pub resources: Resources,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}

/// Rows as they are written: `0..50000`.
pub(crate) fn range(text: &str) -> Result<std::ops::Range<usize>, String> {
    let ends = text.split_once("..").and_then(|(a, b)| Some(a.trim().parse().ok()?..b.trim().parse().ok()?));
    ends.filter(|r: &std::ops::Range<usize>| r.start <= r.end)
        .ok_or_else(|| "write it as 0..50000".to_owned())
}
