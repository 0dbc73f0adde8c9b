//! Flags of the review.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::Common;

/// `streamface review`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Opens a page on this machine. Keys answer; the page's ? lists them. The list of people merges and names them. Each answer is on the disk before it is \
acknowledged, and can be taken back; Ctrl-C ends the review, and the same command goes on with it.

Beyond this machine (--listen 0.0.0.0:7373) the address holds a token. There is no encryption: over a network that \
others share, rather give ssh -L 7373:127.0.0.1:7373.

Examples:
  streamface review news
  # any free port, and answers in the name of anna
  streamface review news --listen 127.0.0.1:0 --who anna
  # the labels, when it is done
  streamface finalize news")]
pub struct ReviewArgs {
    /// The dataset directory
    #[serde(skip)]
    pub dir: PathBuf,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7373")]
    pub listen: SocketAddr,
    /// Answer to this name too: that of a proxy, say (may be given several times)
    #[arg(long = "name", value_name = "HOST")]
    #[serde(rename = "name")]
    pub names: Vec<String>,
    /// Who answers, unless the page says otherwise [default: the user's name]
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
    /// Largest cosine distance of the means of two people who are asked about
    #[arg(long, value_name = "D", default_value_t = 0.8)]
    pub max: f64,
    /// Most pairs that are asked about, the nearest
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    pub most: usize,
    /// Two faces of one frame may be one person (a mirror, a picture in the picture); the dataset remembers it, and
    /// --same-frame=false ends that
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "true|false")]
    pub same_frame: Option<bool>,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}

/// `streamface finalize`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # annotations_manual.json and people.json, by the decisions so far
  streamface finalize news
  # labeled_faces/ by the reviewed labels and names too
  streamface finalize news --folders")]
pub struct FinalizeArgs {
    /// The dataset directory
    #[serde(skip)]
    pub dir: PathBuf,
    /// Write labeled_faces/ anew, by these labels
    #[arg(long)]
    pub folders: bool,
    /// People with as many faces in the original's order, not in that of their labels before; the dataset remembers it,
    /// and --compat=false ends that
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "true|false")]
    pub compat: Option<bool>,
    /// Two faces of one frame may be one person (a mirror, a picture in the picture); the dataset remembers it, and
    /// --same-frame=false ends that
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "true|false")]
    pub same_frame: Option<bool>,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}
