//! The sections of a manifest.

use serde::{Deserialize, Deserializer, Serialize};
use streamface_types::Metric;

use super::ensemble::EnsembleSection;
use super::quality::QualitySection;

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// Finds faces.
    Detector,
    /// Turns a face into a vector.
    Embedder,
    /// Says something of a face: its age, whether it wears a mask.
    Face,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Detector => "detector",
            Self::Embedder => "embedder",
            Self::Face => "face",
        })
    }
}

/// File formats that [`crate::Network`] loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// ONNX.
    Onnx,
    /// TensorFlow Lite.
    Tflite,
    /// TensorFlow.js graph model: its JSON, then its shards.
    Tfjs,
    /// Keras model in HDF5.
    Keras,
}

/// A package registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registry {
    /// The Python package index, through `pip`.
    Pypi,
    /// The npm registry, through `npm`.
    Npm,
}

impl std::fmt::Display for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pypi => "PyPI",
            Self::Npm => "npm",
        })
    }
}

/// A pinned package of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Which registry.
    pub registry: Registry,
    /// The package.
    pub name: String,
    /// Its version, exactly.
    pub version: String,
    /// The file inside, with `/` between folders.
    pub path: String,
}

impl Package {
    /// Whether both are one download.
    pub(crate) fn is_same_archive(&self, other: &Self) -> bool {
        (self.registry, &self.name, &self.version) == (other.registry, &other.name, &other.version)
    }
}

impl std::fmt::Display for Package {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { registry, name, version, .. } = self;
        write!(f, "{name} {version} ({registry})")
    }
}

/// Order of the input's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Batch, channel, row, column.
    Nchw,
    /// Batch, row, column, channel.
    Nhwc,
}

/// Order of the input's colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOrder {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
    /// One channel: OpenCV's grey.
    Gray,
}

impl ChannelOrder {
    /// Number of channels: 1 or 3.
    #[must_use]
    pub fn count(self) -> usize {
        if self == Self::Gray { 1 } else { 3 }
    }
}

/// input = (pixel − mean) / scale, pixels 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Order of axes.
    pub layout: Layout,
    /// Order of colours.
    pub channels: ChannelOrder,
    /// Subtracted from each pixel: a number, or one for each channel in their order.
    #[serde(deserialize_with = "per_channel")]
    pub mean: [f32; 3],
    /// What the difference is divided by: a number, or one for each channel in their order.
    #[serde(deserialize_with = "per_channel")]
    pub scale: [f32; 3],
    /// Whether each picture is then brought to mean 0 and standard deviation 1 over all its numbers, as FaceNet wants
    /// it. Not of detectors. Default no.
    #[serde(default)]
    pub standardise: bool,
}

fn per_channel<'de, D: Deserializer<'de>>(from: D) -> Result<[f32; 3], D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a number, or three in the order of the channels")]
    enum Written {
        One(f32),
        Each([f32; 3]),
    }
    Ok(match Written::deserialize(from)? {
        Written::One(of_all) => [of_all; 3],
        Written::Each(each) => each,
    })
}

/// How a face is cut out of its frame for a model.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// How the face is laid into the square.
    pub alignment: Alignment,
    /// Side of the square, pixels, 16 to 1024.
    pub size: u32,
    /// How much larger than the face's box the cut is: 0.3 is 1.3 times its width and height. −0.5 to 4; no
    /// meaning for [`Alignment::Arcface112`], [`Alignment::DlibChip`] and [`Alignment::Upright`], which say how much is
    /// seen.
    #[serde(default)]
    pub margin: f32,
}

/// How a face is laid into the square that a model sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Alignment {
    /// Five landmarks on the usual 112 × 112 template by a similarity transform.
    #[serde(rename = "arcface-112")]
    Arcface112,
    /// The eyes where dlib's face chips of padding 0.2 have them, by a similarity transform.
    #[serde(rename = "dlib-chip")]
    DlibChip,
    /// The box, turned so that the eyes are level, stretched to the square: the original's aligned face.
    Upright,
    /// The box with its margin, stretched to the square.
    Box,
    /// The square around the box's centre, as long as the box's longer side with its margin.
    Square,
}

/// The section `[detector]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DetectorSection {
    /// Which detector of `streamface-detect` runs it and reads its outputs.
    pub decoder: String,
    /// Whether its networks see pictures with rows and columns exchanged, as those that come from MATLAB do. Decoder
    /// `mtcnn` alone. Default no.
    #[serde(default)]
    pub transposed: bool,
    /// Recommended long side of the frame as the network sees it, pixels.
    pub size: u32,
    /// Recommended least score, 0 to 1.
    pub score: f32,
    /// Overlap above which the weaker of two boxes is dropped, 0 to 1.
    pub nms_iou: f32,
    /// How these were found.
    pub how: String,
    /// The second look at each face for its landmarks; none where the first look places them well.
    pub second_look: Option<SecondLook>,
}

/// The same detector once more on a face's crop, where its landmarks are better.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondLook {
    /// Side of the square crop, in longer sides of the face's box.
    pub context: f32,
    /// Side of the crop as the network sees it, pixels, a multiple of 32.
    pub size: u32,
}

/// The section `[embedder]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EmbedderSection {
    /// Faces in one run of the network; those that no whole batch is left for run one by one, where the network takes one. Of an
    /// ensemble its members say it.
    #[serde(default = "one")]
    pub batch: usize,
    /// Numbers in an embedding.
    pub dim: usize,
    /// Subtracted from the network's numbers before they are brought to length 1, one for each; for a network whose vectors of
    /// strangers point the same way. None: nothing is.
    pub centre: Option<Vec<f32>>,
    /// The networks that it is made of; none of an embedder over a network of its own.
    pub ensemble: Option<EnsembleSection>,
    /// How far a face can be relied on; none where that was not measured.
    pub quality: Option<QualitySection>,
    /// The distance its thresholds are in.
    #[serde(deserialize_with = "metric")]
    pub metric: Metric,
    /// Largest distance that complete linkage goes to; which merges up to there are right is judged by `clusters`.
    pub threshold: f64,
    /// Recommended mean distance below which temporally linked clusters merge.
    pub merging_threshold: f64,
    /// Recommended largest distance from a person's mean, where faces come one by one.
    pub match_threshold: f64,
    /// Distances of the means of clusters; without them, those of a dataset alone decide.
    pub clusters: Option<ClusterDistances>,
    /// How these were found.
    pub how: String,
}

/// Distances of the means of clusters, joined up to 0.45 of the threshold by complete linkage.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ClusterDistances {
    /// Of clusters of one person.
    pub one_person: Spread,
    /// Of clusters of two people.
    pub two_people: Spread,
    /// Number of people that these were measured on, at least 2.
    pub people: u32,
}

/// A distribution of distances.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Spread {
    /// The mean, above 0.
    pub mean: f64,
    /// The standard deviation, above 0.
    pub deviation: f64,
}

fn metric<'de, D: Deserializer<'de>>(from: D) -> Result<Metric, D::Error> {
    String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
}

/// The section `[face]`: what a face model says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FaceSection {
    /// Which face model of `streamface-embed` runs it and reads its outputs; `outputs` reads them as
    /// `attributes` says.
    #[serde(default = "outputs")]
    pub decoder: String,
    /// Faces in one run of the network, as of an embedder.
    #[serde(default = "one")]
    pub batch: usize,
    /// What is read from its outputs, one attribute each, at least one.
    pub attributes: Vec<AttributeOutput>,
    /// How well it was found to work.
    pub how: String,
}

fn outputs() -> String {
    "outputs".into()
}

fn one() -> usize {
    1
}

/// One attribute of a face as a network gives it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AttributeOutput {
    /// Name of the attribute, such as `mask`.
    pub name: String,
    /// Which output of the network; of [`Reading::Angles`] one for each of `values`.
    #[serde(deserialize_with = "one_or_more")]
    pub output: Vec<OutputRef>,
    /// The first number of the output that belongs to the attribute, counted from 0, where an output holds several
    /// attributes. Without it the output has as many numbers as the attribute.
    pub first: Option<usize>,
    /// How the output is read.
    pub reading: Reading,
    /// What each number of the output stands for. Probabilities of equal values are added: years become groups so.
    #[serde(default)]
    pub values: Vec<String>,
    /// Of [`Reading::Angles`]: degrees between two bins, and of the first bin of each angle.
    pub bins: Option<Bins>,
    /// What logits are divided by, above 0; of probabilities their logarithms. Default 1.
    #[serde(default = "one_f64")]
    pub temperature: f64,
    /// Greatest probability below which the attribute is said to be unknown, 0 to 1. Default 0: never.
    #[serde(default)]
    pub unknown_below: f64,
    /// On what `temperature` and `unknown_below` were fitted, with the error before and after; or why they were not.
    #[serde(default)]
    pub calibration: String,
}

/// An output of a network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "the number of an output, counted from 0, or its name")]
pub enum OutputRef {
    /// By its number in the order of the file, from 0.
    Number(usize),
    /// By its name in the file.
    Name(String),
}

impl std::fmt::Display for OutputRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(at) => write!(f, "output {at}"),
            Self::Name(name) => write!(f, "output '{name}'"),
        }
    }
}

/// Angles by bins: the mean over softmax of bin i's angle, `first + step · i` degrees.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bins {
    /// Degrees from one bin to the next.
    pub step: f64,
    /// Degrees of the first bin, of each angle in the order of `values`.
    pub first: Vec<f64>,
    /// Number of bins of each angle.
    pub count: Vec<usize>,
}

fn one_f64() -> f64 {
    1.0
}

fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<OutputRef>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "the number or the name of an output, or a list of these")]
    enum Written {
        One(OutputRef),
        Each(Vec<OutputRef>),
    }
    Ok(match Written::deserialize(from)? {
        Written::One(output) => vec![output],
        Written::Each(each) => each,
    })
}

/// How the numbers of an output become a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Reading {
    /// A probability for each of `values`.
    Probabilities,
    /// A logit for each of `values`; softmax gives the probabilities.
    Logits,
    /// One number, the probability of the first of two `values`.
    Probability,
    /// One logit, whose sigmoid is the probability of the first of two `values`.
    Sigmoid,
    /// A probability for each of `values`, which are numbers: their mean and standard deviation.
    Mean,
    /// A rotation as six numbers (the first two columns of its matrix) or nine (the matrix): `values` are yaw, pitch and
    /// roll, in degrees.
    #[serde(rename = "rotation-6d")]
    Rotation6d,
    /// A logit for each bin of each of `values`, which are angles, as `bins` says.
    Angles,
    /// The points of a face mesh as MediaPipe numbers them, at least 455 with three numbers each: x to the right and y
    /// down in pixels, z away from the camera. `values` are yaw, pitch and roll of the head.
    Mesh,
}

/// A table `[[check]]` of a manifest: what another runtime gave for the input of a [`crate::Probe`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Check {
    /// Which of the model's weight files; empty where there is one network.
    #[serde(default)]
    pub weights: String,
    /// Shape of the input.
    pub shape: Vec<usize>,
    /// Numbers of each output by its name, as [`crate::Probe`] takes them.
    pub outputs: std::collections::BTreeMap<String, Vec<f32>>,
    /// How far a number may be off, of 1 or of the number where that is larger. Default 0.001.
    #[serde(default = "thousandth")]
    pub tolerance: f32,
    /// Where the numbers are from.
    pub from: String,
}

impl Check {
    /// With the usual tolerance.
    pub(crate) fn new(
        weights: String,
        shape: Vec<usize>,
        outputs: std::collections::BTreeMap<String, Vec<f32>>,
        from: String,
    ) -> Self {
        Self { weights, shape, outputs, tolerance: thousandth(), from }
    }
}

fn thousandth() -> f32 {
    1e-3
}
