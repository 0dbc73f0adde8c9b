//! One TOML file per model, in the folder `models` of the project.

use serde::Deserialize;

use crate::{ModelError, Registry};

const BUILTIN: [(&str, &str); 2] = [
    ("centerface", include_str!("../../../models/centerface.toml")),
    ("mobilefacenet", include_str!("../../../models/mobilefacenet.toml")),
];

/// What a weight file is, where it comes from, how it is fed and read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Short name, unique.
    pub name: String,
    role: Role,
    /// File format.
    pub format: Format,
    /// File name in the cache.
    pub file: String,
    /// Length of the file.
    pub bytes: u64,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// The paper or project the model comes from.
    pub source: String,
    /// Licence as the package states it.
    pub licence: String,
    /// What is not clear about it.
    pub licence_note: String,
    /// The registry package that carries the file.
    pub package: Package,
    /// How pixels become input.
    pub input: Input,
    detector: Option<Detector>,
    embedder: Option<Embedder>,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// Finds faces.
    Detector,
    /// Turns a face into a vector.
    Embedder,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Detector => "detector",
            Self::Embedder => "embedder",
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
}

/// A pinned package of a registry.
#[derive(Debug, Clone, Deserialize)]
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
}

/// input = (pixel − mean) / scale, pixels 0 to 255.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Order of axes.
    pub layout: Layout,
    /// Order of colours.
    pub channels: ChannelOrder,
    /// Taken off each pixel.
    pub mean: f32,
    /// What the rest is divided by.
    pub scale: f32,
}

/// How a detector's output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DetectorDecoder {
    /// Heat map, log sizes, offsets and landmarks at stride 4.
    Centerface,
}

/// The part of a manifest that a detector has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detector {
    /// How its output is read.
    pub decoder: DetectorDecoder,
    /// Recommended long side of the frame as the network sees it, pixels.
    pub size: u32,
    /// Recommended least score, 0 to 1.
    pub score: f32,
    /// Overlap above which the weaker of two boxes is dropped, 0 to 1.
    pub nms_iou: f32,
    /// How these were found.
    pub how: String,
    /// The second look at each face for its landmarks.
    pub second_look: SecondLook,
}

/// The same detector once more on a face's crop, where its landmarks are better.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondLook {
    /// Side of the square crop, in longer sides of the face's box.
    pub context: f32,
    /// Side of the crop as the network sees it, pixels, a multiple of 32.
    pub size: u32,
}

/// How the face is laid into the embedder's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Alignment {
    /// Five landmarks on the usual 112 × 112 template by a similarity transform.
    #[serde(rename = "arcface-112")]
    Arcface112,
}

/// The distance that a model's thresholds are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricName {
    /// 1 − cosine.
    Cosine,
    /// Euclidean.
    Euclidean,
}

/// The part of a manifest that an embedder has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedder {
    /// Side of the square input, pixels.
    pub side: u32,
    /// Faces in one run of the network.
    pub batch: usize,
    /// Numbers in an embedding.
    pub dim: usize,
    /// How the face is laid into the input.
    pub alignment: Alignment,
    /// The distance its thresholds are in.
    pub metric: MetricName,
    /// Recommended threshold of complete linkage.
    pub threshold: f64,
    /// Recommended mean distance below which temporally linked clusters merge.
    pub merging_threshold: f64,
    /// Recommended largest distance from a person's mean, where faces come one by one.
    pub match_threshold: f64,
    /// How these were found.
    pub how: String,
}

impl Manifest {
    /// The manifests that come with StreamFace, in the order of their names.
    ///
    /// # Errors
    /// [`ModelError::Manifest`] where one is broken (a test reads them all).
    pub fn all_builtin() -> Result<Vec<Self>, ModelError> {
        BUILTIN.iter().map(|(name, text)| Self::parse(name, text)).collect()
    }

    /// One of the manifests that come with StreamFace.
    ///
    /// # Errors
    /// [`ModelError::UnknownModel`], which lists the names there are.
    pub fn builtin(name: &str) -> Result<Self, ModelError> {
        let text = BUILTIN.iter().find(|(n, _)| *n == name).ok_or_else(|| ModelError::UnknownModel {
            name: name.to_owned(),
            known: BUILTIN.map(|(n, _)| n).join(", "),
        })?;
        Self::parse(name, text.1)
    }

    fn parse(name: &str, text: &str) -> Result<Self, ModelError> {
        let wrong = |why: String| ModelError::Manifest { name: name.to_owned(), why };
        let m: Self = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        if m.sha256.len() != 64 || !m.sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong("sha256 must be 64 hexadecimal digits".into()));
        }
        if m.file.contains(['/', '\\']) || m.file.is_empty() {
            return Err(wrong("file must be a plain file name".into()));
        }
        match m.role {
            Role::Detector => m.detector().map(drop)?,
            Role::Embedder => m.embedder().map(drop)?,
        }
        Ok(m)
    }

    /// What the model is for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The detector's part.
    ///
    /// # Errors
    /// [`ModelError::Manifest`] where the model is no detector.
    pub fn detector(&self) -> Result<&Detector, ModelError> {
        self.detector.as_ref().ok_or_else(|| self.has_no("detector"))
    }

    /// The embedder's part.
    ///
    /// # Errors
    /// [`ModelError::Manifest`] where the model is no embedder.
    pub fn embedder(&self) -> Result<&Embedder, ModelError> {
        self.embedder.as_ref().ok_or_else(|| self.has_no("embedder"))
    }

    fn has_no(&self, part: &str) -> ModelError {
        ModelError::Manifest { name: self.name.clone(), why: format!("has no section [{part}]") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_manifest_reads() {
        let all = Manifest::all_builtin().unwrap();
        assert_eq!(all.len(), BUILTIN.len());
        for (m, (name, _)) in all.iter().zip(BUILTIN) {
            assert_eq!(m.name, name);
            assert!(m.bytes > 0);
        }
        let unknown = Manifest::builtin("arcface").unwrap_err().to_string();
        assert!(unknown.contains("centerface, mobilefacenet"), "{unknown}");
    }

    #[test]
    fn a_misspelt_key_is_an_error() {
        let text = BUILTIN[0].1.replace("nms_iou", "nms_iuo");
        assert!(Manifest::parse("x", &text).unwrap_err().to_string().contains("nms_iuo"));
    }
}
