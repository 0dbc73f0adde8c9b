//! Flags of the steps that work frame by frame.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Common, PeopleArgs, text};
use streamface_pipeline::settings::values;

/// Flags of the steps that work frame by frame.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(next_help_heading = "Work")]
pub struct WorkArgs {
    /// Threads for decoding, networks, crops and images [default: the processors there are]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Keyframes that are committed together; a process killed loses at most these
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub batch_size: usize,
}

/// Flags of what runs networks.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// What runs networks: the executor, tract, or ONNX Runtime, where it is built in, for ONNX files [default: executor]
    #[arg(long, value_name = "executor|tract|onnxruntime")]
    pub engine: Option<String>,
    /// ONNX Runtime's library, such as one for GPUs [default: that of `streamface models pull onnxruntime`]
    #[arg(long, value_name = "FILE")]
    pub onnxruntime_library: Option<PathBuf>,
    /// What ONNX Runtime calculates on [default: cpu]
    #[arg(long, value_name = "cpu|cuda")]
    pub provider: Option<String>,
}

/// Flags of a capture.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(next_help_heading = "Frames")]
pub struct FrameArgs {
    /// Name that frames carry [default: the file's name, or the url's host]
    #[arg(long)]
    pub name: Option<String>,
    /// How the pictures of kept frames are stored: png or webp without loss, jpeg in a fifth of the room, or none.
    /// Faces are found and embedded before, and are the same with all of them
    #[arg(long, value_name = "png|jpeg|webp|none", value_parser = text(values::parse_frame_format))]
    #[arg(default_value = "png")]
    pub frames: String,
    /// Stop after this much: of a file's own time, of a live stream's wall time (90s, 5m, 2h)
    #[arg(long = "for", value_name = "TIME", value_parser = text(values::parse_duration))]
    #[serde(rename = "for")]
    pub limit: Option<String>,
    /// Drop a frame when more than this fraction of it lies on no edge [default: 0.95]
    #[arg(long, value_name = "0..1")]
    pub empty_threshold: Option<f64>,
    /// Drop a frame when the variance of its Laplacian is below this [default: 1e10]
    #[arg(long, value_name = "V")]
    pub blur_threshold: Option<f64>,
    /// Drop a frame when it is more similar than this to the last kept one [default: 0.9]
    #[arg(long, value_name = "0..1")]
    pub similarity_threshold: Option<f64>,
    /// Reconnect to a live stream every N keyframes (0: never) [default: 500]
    #[arg(long, value_name = "N")]
    pub reconnect_interval: Option<u64>,
    /// Give a lost stream up after this long [default: never]
    #[arg(long, value_name = "TIME", value_parser = text(values::parse_duration))]
    pub give_up_after: Option<String>,
    /// Longest wait for a connection [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = text(values::parse_duration))]
    pub open_timeout: Option<String>,
    /// Longest wait for data [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = text(values::parse_duration))]
    pub read_timeout: Option<String>,
    /// Of a stream in several sizes, the highest that is no higher than this [default: the largest]
    #[arg(long, value_name = "PX")]
    pub height: Option<u32>,
    /// A line sent with each HTTP request for the source ("Referer: https://host/"); may be given several times
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
    /// The user agent of HTTP requests for the source [default: ffmpeg's own]
    #[arg(long, value_name = "TEXT")]
    pub user_agent: Option<String>,
    /// When a file was recorded (2023-05-25T10:00:00Z), for the names of its frames
    /// [default: what the file says, else 1970]
    #[arg(long, value_name = "UTC", value_parser = text(values::parse_time))]
    pub start_time: Option<String>,
}

/// Flags of face extraction.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(next_help_heading = "Faces")]
pub struct FaceArgs {
    /// The detector, by the name of its manifest [default: centerface]
    #[arg(long, value_name = "NAME")]
    pub detector: Option<String>,
    /// Long side of a frame as the detector sees it, pixels [default: the directory's own, else the model's]
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
    /// Least length of the shorter side of a face, in pixels of the frame [default: 16]
    #[arg(long, value_name = "PX")]
    pub min_face: Option<u32>,
    /// Least variance of the Laplacian of a face [default: 5e9]
    #[arg(long, value_name = "V")]
    pub face_blur_threshold: Option<f64>,
}

/// Flags of embedding.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(next_help_heading = "Features")]
pub struct FeatureArgs {
    /// Which embedder: a fast one, or the more accurate one, which takes longer [default: the directory's own, or fast]
    #[arg(long, value_name = "fast|accurate")]
    pub preset: Option<String>,
    /// The embedder, by the name or path of its manifest, in place of a preset
    #[arg(long, value_name = "NAME")]
    pub embedder: Option<String>,
}

/// What `--attributes` takes, with the names of the vocabulary.
fn attributes_help() -> String {
    let names =
        streamface_types::attributes::VOCABULARY.iter().map(|a| a.name).collect::<Vec<_>>().join(", ");
    format!(
        "Attributes of faces: all, none, or a list with commas, such as pose,age, of attributes ({names}), face models \
         (streamface models list) and manifests [default: all]"
    )
}

/// `streamface run`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # a file
  streamface run news.mp4 --out news
  # all videos and images of a folder
  streamface run recordings/ --out archive --threads 8
  # a live stream, for half a day, in little room
  streamface run rtsp://camera/1 --out door --name door --for 12h --frames jpeg
  # slower, and surer of who is who; without ages, poses and the like
  streamface run news.mp4 --out news --preset accurate --attributes none
  # of a stream in several sizes a smaller one, from a server that asks where one comes from
  streamface run https://host/live.m3u8 --out tv --height 720 --header \"Referer: https://host/\"

Ctrl-C finishes the batch and the report; the same command goes on from there.")]
pub struct RunArgs {
    /// A video, an image, a folder of them, or a url that ffmpeg opens
    #[serde(skip)]
    pub source: OsString,
    /// The dataset directory, made where it is missing
    #[arg(long, value_name = "DIR")]
    #[serde(skip)]
    pub out: PathBuf,
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
    /// Attributes of faces: all, none, or a list of attributes, face models and manifests [default: all]
    #[arg(long, value_name = "all|none|LIST", help_heading = "Features", help = attributes_help())]
    pub attributes: Option<String>,
    /// People.
    #[command(flatten)]
    #[serde(flatten)]
    pub people: PeopleArgs,
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

/// `streamface capture`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  streamface capture news.mp4 --out news
  # a live stream, for two hours
  streamface capture https://host/live.m3u8 --out tv --name tv --for 2h
  # the names of frames say when the file was recorded
  streamface capture news.mp4 --out news --start-time 2023-05-25T10:00:00Z

The next step is streamface extract; streamface run takes all of them.")]
pub struct CaptureArgs {
    /// A video, an image, a folder of them, or a url that ffmpeg opens
    #[serde(skip)]
    pub source: OsString,
    /// The dataset directory, made where it is missing
    #[arg(long, value_name = "DIR")]
    #[serde(skip)]
    pub out: PathBuf,
    /// Frames.
    #[command(flatten)]
    #[serde(flatten)]
    pub frames: FrameArgs,
    /// Work.
    #[command(flatten)]
    #[serde(flatten)]
    pub work: WorkArgs,
    /// Common.
    #[command(flatten)]
    #[serde(skip)]
    pub common: Common,
}

/// `streamface extract`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  streamface extract news
  # small faces too, in larger frames
  streamface extract news --detect-size 960 --size-threshold 0.001

The next step is streamface analyze.")]
pub struct ExtractArgs {
    /// The dataset directory
    #[serde(skip)]
    pub dir: PathBuf,
    /// Faces.
    #[command(flatten)]
    #[serde(flatten)]
    pub faces: FaceArgs,
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

/// `streamface analyze`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "\
Examples:
  # embeddings and attributes, where faces lack them
  streamface analyze news
  # one attribute more, or anew by a model of one's own; the rest stays
  streamface analyze news --only pose
  streamface analyze news --only mine.toml

The next step is streamface cluster.")]
pub struct AnalyzeArgs {
    /// The dataset directory
    #[serde(skip)]
    pub dir: PathBuf,
    /// Features.
    #[command(flatten)]
    #[serde(flatten)]
    pub features: FeatureArgs,
    /// Attributes of faces: all, none, or a list of attributes, face models and manifests [default: all]
    #[arg(long, value_name = "all|none|LIST", help_heading = "Features", help = attributes_help())]
    pub attributes: Option<String>,
    /// Only these attributes, and no embeddings; what other models said of them is replaced
    #[arg(long, value_name = "LIST", help_heading = "Features")]
    pub only: Option<String>,
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
