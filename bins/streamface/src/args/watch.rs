//! Flags of watching.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Common, FaceArgs, FrameArgs, WorkArgs};

/// `streamface watch`.
#[derive(Debug, Clone, Args)]
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
    pub source: String,
    /// A dataset whose people are known, by their review where there is one; may be given several times
    #[arg(long, value_name = "DIR")]
    pub people: Vec<PathBuf>,
    /// Where what is seen is kept [default: watch-NAME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Largest distance from the mean of a person's faces [default: the model's match threshold, 0.5 for the
    /// built-in one; it is not the threshold of `cluster`]
    #[arg(long, value_name = "D")]
    pub threshold: Option<f64>,
    /// A person has left when not seen for this long
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "5s")]
    pub patience: Duration,
    /// Events are appended to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
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
    pub frames: FrameArgs,
    /// Faces.
    #[command(flatten)]
    pub faces: FaceArgs,
    /// Work.
    #[command(flatten)]
    pub work: WorkArgs,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}
