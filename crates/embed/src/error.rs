//! What can go wrong, by cause.

use streamface_model::Error as ModelError;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model's manifest, its weights or its network.
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
    /// A manifest that describes no model of the kind it names.
    #[error("model '{model}' cannot be used: {why}")]
    Unfit {
        /// The model.
        model: String,
        /// What does not fit.
        why: String,
    },
    /// A network whose outputs are not those that its manifest promises.
    #[error("model '{model}' gives {found} where {expected} is expected; is it the file the manifest means?")]
    Output {
        /// The model.
        model: String,
        /// Shapes it gave.
        found: String,
        /// Shape it should give.
        expected: String,
    },
    /// Outputs for a face that mean nothing: they are infinite, or the points of a mesh fall together.
    #[error("model '{model}' gives numbers of which nothing can be made")]
    Meaningless {
        /// The model.
        model: String,
    },
}

impl Error {
    /// Whether it is about the faces that were given: with others the model may work.
    #[must_use]
    pub fn is_of_faces(&self) -> bool {
        matches!(self, Self::Meaningless { .. } | Self::Model(ModelError::NoNumbers { .. }))
    }
}
