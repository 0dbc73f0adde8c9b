//! What can go wrong, by cause.

use streamface_model::ModelError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The embedder's weights or its network.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A face of the wrong size.
    #[error("a face of {width} x {height} was given to a model that takes {side} x {side}")]
    Size {
        /// Width given.
        width: u32,
        /// Height given.
        height: u32,
        /// Side wanted.
        side: u32,
    },
    /// A network whose output is not an embedding.
    #[error("model '{model}' gives {found} where {expected} is expected; is it the file the manifest means?")]
    Output {
        /// The model.
        model: String,
        /// Shapes it gave.
        found: String,
        /// Shape it should give.
        expected: String,
    },
}
