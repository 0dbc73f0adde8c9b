//! Flags of the figures of datasets.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::Common;

/// `streamface stats`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  streamface stats news
  # both together
  streamface stats monday tuesday --out week.html
  # by labels of your own
  streamface stats monday tuesday --labels mon.csv --labels tue.csv")]
pub struct StatsArgs {
    /// Dataset directories; people of two are not matched, but for those whose labels are the same name
    #[arg(required = true, value_name = "DIR")]
    #[serde(skip)]
    pub dirs: Vec<PathBuf>,
    /// Labels, one for each directory: auto, reviewed, clusters, annotations.json or CSV name,label
    /// [default: the review's where there is one, else the last clustering's]
    #[arg(long, value_name = "auto|reviewed|clusters|FILE")]
    #[serde(skip)]
    pub labels: Vec<PathBuf>,
    /// The page; the same as JSON goes beside it [default: stats.html in the first directory]
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub out: Option<PathBuf>,
    /// Leaves out the distances within and between people, so that embeddings are not read
    #[arg(long)]
    pub no_distances: bool,
    /// Threads [default: the processors there are]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}
