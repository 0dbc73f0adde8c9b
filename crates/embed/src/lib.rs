//! Aligned faces into vectors: near for one person, far for two.
//!
//! An [`Embedder`] takes faces laid into its template (`streamface_detect::align`) and gives vectors of
//! length 1. Which distances mean what belongs to the model: its manifest says.
//!
//! ```
//! use streamface_embed::{EmbedError, Embedder};
//! use streamface_model::{Manifest, ModelError};
//!
//! let model = Manifest::builtin("mobilefacenet")?;
//! assert_eq!(model.embedder()?.dim, 192);
//! // Weights that are none are told of at once.
//! let broken = Embedder::new(model, b"not weights");
//! assert!(matches!(broken, Err(EmbedError::Model(ModelError::Network { .. }))));
//! # Ok::<(), ModelError>(())
//! ```

mod embedder;
mod error;

pub use embedder::Embedder;
pub use error::EmbedError;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
