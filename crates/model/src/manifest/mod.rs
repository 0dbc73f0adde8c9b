//! What is known of a model: one TOML file each, in the folder `manifests` of this crate or the user's own.

mod builtin;
mod ensemble;
mod parse;
mod quality;
mod sections;
mod template;

use std::path::{Path, PathBuf};

use streamface_exec::Precision;

pub use ensemble::{EnsembleMode, EnsembleSection, Restored};
pub use quality::{QualitySection, Signal, SignalWeight};
pub use sections::{
    Alignment, AttributeOutput, Bins, ChannelOrder, Check, ClusterDistances, Crop, DetectorSection,
    EmbedderSection, FaceSection, Format, Input, Kind, Layout, OutputRef, Package, Reading, Registry,
    SecondLook, Spread,
};
pub use template::{Draft, like, templates};

use crate::digest::sha256_hex;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// What a model is, where its weights come from, how it is fed and how its outputs are read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Manifest {
    /// Short name, unique.
    pub name: String,
    /// What the model is for.
    pub kind: Kind,
    /// Its weight files, at least one, in the order its implementation expects them.
    pub weights: Vec<Weights>,
    /// The paper or project the model comes from.
    pub source: String,
    /// Licence as the package states it.
    pub licence: String,
    /// What is not clear about the licence.
    pub licence_note: String,
    /// How pixels become input.
    pub input: Input,
    /// In which numbers its networks are computed.
    pub precision: Precision,
    crop: Option<Crop>,
    detector: Option<DetectorSection>,
    embedder: Option<EmbedderSection>,
    face: Option<FaceSection>,
    members: Vec<Self>,
    checks: Vec<Check>,
    settings: String,
    origin: Option<PathBuf>,
    engine: Engine,
}

/// One weight file of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Weights {
    /// What the file is called within the model, such as `pnet`; empty where the model has one file only.
    pub name: String,
    /// File format.
    pub format: Format,
    /// File name in the cache, or beside the manifest where no package carries the file.
    pub file: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// The registry package that carries the file; none for a file the user brings.
    pub package: Option<Package>,
    /// The folder of the manifest, for a file that no package carries.
    folder: Option<PathBuf>,
}

impl Weights {
    /// Where the file lies if not in the cache.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }
}

/// Which model gave a result: what is stored beside embeddings and attributes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelId {
    /// The model's name.
    pub name: String,
    /// The SHA-256 of its weights ([`Manifest::sha256`]).
    pub sha256: String,
    /// The first 16 hexadecimal digits of a SHA-256 of how it is fed and read: the manifest's sections without thresholds
    /// and remarks.
    pub settings: String,
}

/// The folder of the members' copies beside the copy of an ensemble's manifest: `NAME.members` beside `NAME.toml`.
#[must_use]
pub fn members_dir(copy: &Path) -> PathBuf {
    copy.with_extension("members")
}

/// Longest manifest that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

impl Manifest {
    /// The manifests that come with StreamFace, in the order of their names.
    ///
    /// # Errors
    /// [`Error::Manifest`] where one is broken (a test reads them all).
    pub fn all_builtin() -> Result<Vec<Self>> {
        builtin::ALL.iter().map(|(name, text)| Self::parse(text, name, None)).collect()
    }

    /// One of the manifests that come with StreamFace.
    ///
    /// # Errors
    /// [`Error::UnknownModel`], which lists the names there are.
    pub fn builtin(name: &str) -> Result<Self> {
        Self::parse(Self::builtin_text(name)?, name, None)
    }

    fn builtin_text(name: &str) -> Result<&'static str> {
        let found = builtin::ALL.iter().find(|(n, _)| *n == name).ok_or_else(|| Error::UnknownModel {
            name: name.to_owned(),
            known: builtin::ALL.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(", "),
        })?;
        Ok(found.1)
    }

    /// Reads a manifest from a file. Weight files that no package carries are looked for beside it.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Manifest`].
    pub fn read(path: &Path) -> Result<Self> {
        let text = Self::text_of(path)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let read = Self::parse(&text, &path.display().to_string(), Some(folder))?;
        Ok(Self { origin: Some(path.to_owned()), ..read })
    }

    /// The files that a copy of the manifest needs, none where it comes with StreamFace: their names in the folder of the copy, and
    /// their texts. The last one is `NAME.toml`; members of an ensemble that do not come with StreamFace come before, as
    /// `NAME.members/0.toml` for the first member. [`Self::read_copy`] reads them.
    ///
    /// # Errors
    /// [`Error::Io`] where a file that it was read from is gone.
    pub fn copies(&self) -> Result<Vec<(PathBuf, String)>> {
        let Some(own) = self.origin() else { return Ok(Vec::new()) };
        let copy = PathBuf::from(format!("{}.toml", self.name));
        let mut files = Vec::new();
        for (at, member) in self.members.iter().enumerate() {
            if let Some(path) = member.origin() {
                files.push((members_dir(&copy).join(parse::member_file(at)), Self::text_of(path)?));
            }
        }
        files.push((copy, Self::text_of(own)?));
        Ok(files)
    }

    /// Reads a copy that was made of [`Self::copies`]. Of the paths in it none is followed: members that do not come with
    /// StreamFace are those beside it, in [`members_dir`].
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn read_copy(path: &Path) -> Result<Self> {
        let text = Self::text_of(path)?;
        let members = members_dir(path);
        let named = path.display().to_string();
        let read = Self::parse_one(&text, &named, path.parent(), parse::Members::Copies(&members))?;
        Ok(Self { origin: Some(path.to_owned()), ..read })
    }

    fn text_of(path: &Path) -> Result<String> {
        use std::io::Read as _;
        let mut text = String::new();
        // What is no manifest may have no end.
        let file = std::fs::File::open(path).map_err(Error::io(path))?;
        let read = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(Error::io(path))?;
        if read as u64 > MAX_BYTES {
            let what = path.display().to_string();
            return Err(Error::TooLarge { what, limit: MAX_BYTES });
        }
        Ok(text)
    }

    /// The file that it was read from; none where it comes with StreamFace.
    #[must_use]
    pub fn origin(&self) -> Option<&Path> {
        self.origin.as_deref()
    }

    /// What another runtime gave for made-up input.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The SHA-256 that stands for the model: that of its file; of several files, that of their digests in
    /// hexadecimal, one a line, in the manifest's order.
    #[must_use]
    pub fn sha256(&self) -> String {
        match &self.weights[..] {
            [one] => one.sha256.clone(),
            several => {
                let lines: String = several.iter().map(|w| format!("{}\n", w.sha256)).collect();
                sha256_hex(lines)
            }
        }
    }

    /// Whether its files are one network: one file, or a TensorFlow.js graph with those that hold its values. Each file of
    /// other models of several is a network of its own.
    #[must_use]
    pub fn is_one_network(&self) -> bool {
        self.weights.len() == 1
            || (!self.weights.is_empty() && self.weights.iter().all(|w| w.format == Format::Tfjs))
    }

    /// Name and SHA-256.
    #[must_use]
    pub fn id(&self) -> ModelId {
        ModelId { name: self.name.clone(), sha256: self.sha256(), settings: self.settings.clone() }
    }

    /// The manifest itself where it is of the kind that is needed.
    ///
    /// # Errors
    /// [`Error::Kind`].
    pub fn of_kind(self, wanted: Kind) -> Result<Self> {
        if self.kind == wanted {
            return Ok(self);
        }
        Err(Error::Kind { name: self.name, found: self.kind.to_string(), wanted: wanted.to_string() })
    }

    /// The same, its networks run by `engine`. What that cannot do is left to the executor: models in other numbers than
    /// f32, and for ONNX Runtime those that are not in ONNX files. Of an ensemble each member is asked.
    #[must_use]
    pub fn run_by(self, engine: Engine) -> Self {
        let is_onnx = self.weights.iter().all(|w| w.format == Format::Onnx);
        let runs = self.precision == Precision::F32 && (is_onnx || engine == Engine::Tract);
        let members = self.members.into_iter().map(|member| member.run_by(engine)).collect();
        Self { engine: if runs { engine } else { Engine::default() }, members, ..self }
    }

    /// What runs its networks; of an ensemble what runs the first member that the executor does not run.
    #[must_use]
    pub fn engine(&self) -> Engine {
        let others = self.members.iter().map(|member| member.engine);
        others.chain([self.engine]).find(|&engine| engine != Engine::default()).unwrap_or_default()
    }

    /// The manifests of the embedders that an ensemble is made of, in their order; empty of all other models.
    #[must_use]
    pub fn members(&self) -> &[Self] {
        &self.members
    }

    /// How a face is cut for the model's input.
    ///
    /// # Errors
    /// [`Error::Manifest`] where the manifest has no section `[crop]`; embedders and face models always do.
    pub fn crop(&self) -> Result<Crop> {
        self.crop.ok_or_else(|| self.has_no("crop"))
    }

    /// The detector's section.
    ///
    /// # Errors
    /// [`Error::Manifest`] where the model is no detector.
    pub fn detector(&self) -> Result<&DetectorSection> {
        self.detector.as_ref().ok_or_else(|| self.has_no("detector"))
    }

    /// The embedder's section.
    ///
    /// # Errors
    /// [`Error::Manifest`] where the model is no embedder.
    pub fn embedder(&self) -> Result<&EmbedderSection> {
        self.embedder.as_ref().ok_or_else(|| self.has_no("embedder"))
    }

    /// The face model's section.
    ///
    /// # Errors
    /// [`Error::Manifest`] where the model is no face model.
    pub fn face(&self) -> Result<&FaceSection> {
        self.face.as_ref().ok_or_else(|| self.has_no("face"))
    }

    fn has_no(&self, section: &str) -> Error {
        Error::Manifest { name: self.name.clone(), why: format!("has no section [{section}]") }
    }
}
