//! Models that look at one face: an [`Embedder`] turns it into a vector, near for one person and far for two;
//! a [`FaceModel`] says something of it, such as whether it wears a mask.
//!
//! Both take faces cut as their [`Crop`] says (`streamface_detect::crop`). Which distances mean one person belongs
//! to the model: its manifest says.
//!
//! ```
//! use streamface_embed::from_manifest;
//! use streamface_model::{Cache, Error as ModelError, Manifest};
//!
//! let model = Manifest::builtin("mobilefacenet")?;
//! assert_eq!((model.embedder()?.dim, model.crop()?.size), (192, 112));
//! // The weights come from a cache; where they are missing, the error says how to get them.
//! let missing = from_manifest(&model, &Cache::at("no-such-folder")).unwrap_err();
//! assert!(missing.to_string().contains("streamface models pull"));
//! # Ok::<(), ModelError>(())
//! ```

mod embedder;
mod embedders;
mod error;
mod face_model;
mod face_models;
mod face_network;
pub mod quality;

pub use embedder::{Embedded, Embedder, FaceCrop};
pub use embedders::{EnsembleEmbedder, NetworkEmbedder, builtin, from_manifest};
pub use error::{Error, Result};
pub use face_model::FaceModel;
pub use face_models::{OutputsModel, face_model_from_manifest};
pub use image;
pub use streamface_model::{Crop, ModelId};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
