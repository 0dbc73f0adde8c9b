//! Flags of watching.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use streamface_pipeline::settings::values;

use super::{Common, EngineArgs, FaceArgs, FeatureArgs, FrameArgs, WorkArgs, text};

/// `streamface watch`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # who is on screen, in the terminal and on a page
  streamface watch https://host/live.m3u8 --people news
  # events as JSON lines
  streamface watch rtsp://camera/1 --people staff --json
  # events to a web service, and to a file
  streamface watch https://host/live.m3u8 --people news \\
    --webhook https://host/hook --events seen.jsonl
  # a file, named as fast as it can be read
  streamface watch news.mp4 --people archive --out monday

New people get numbers of their own. Everything seen is kept in --out, a dataset like that of `run`: it can go into \
the next review. Ctrl-C finishes the batch; the same command goes on from there.")]
pub struct WatchArgs {
    /// A video, an image, a folder of them, or a url that ffmpeg opens
    #[serde(skip)]
    pub source: OsString,
    /// A dataset whose people are known, by their review where there is one; may be given several times: people of two
    /// are one by name or distance, and others have numbers of their own
    #[arg(long, value_name = "DIR")]
    #[serde(skip)]
    pub people: Vec<PathBuf>,
    /// Where what is seen is kept [default: watch-NAME]
    #[arg(long, value_name = "DIR")]
    #[serde(skip)]
    pub out: Option<PathBuf>,
    /// Largest distance from the mean of a person's faces [default: the model's match threshold, 0.5 for the
    /// built-in one; it is not the threshold of `cluster`]
    #[arg(long, value_name = "D")]
    pub threshold: Option<f64>,
    /// A person has left when not seen for this long
    #[arg(long, value_name = "TIME", value_parser = text(values::parse_duration), default_value = "5s")]
    pub patience: String,
    /// Events are appended to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub events: Option<PathBuf>,
    /// Events are posted to this address, as {"events": [...]}
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
    /// Where the page listens; beyond this machine a token is needed
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// No page
    #[arg(long)]
    pub no_page: bool,
    /// Frames.
    #[command(flatten)]
    #[serde(flatten)]
    pub frames: FrameArgs,
    /// Faces.
    #[command(flatten)]
    #[serde(flatten)]
    pub faces: FaceArgs,
    /// Features.
    #[command(flatten)]
    #[serde(flatten)]
    pub features: FeatureArgs,
    /// Engine.
    #[command(flatten)]
    #[serde(flatten)]
    pub engine: EngineArgs,
    /// Work.
    #[command(flatten)]
    #[serde(flatten)]
    pub work: WorkArgs,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}
