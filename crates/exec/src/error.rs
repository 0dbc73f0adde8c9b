//! What can go wrong.

/// Why a plan cannot be made or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer does not fit what it is given.
    #[error("layer '{name}': {why}")]
    Layer {
        /// The layer's name.
        name: String,
        /// What does not fit.
        why: String,
    },
    /// The input has another length than the network's input.
    #[error("the input has {given} numbers, and the network takes {wanted}")]
    Input {
        /// Numbers given.
        given: usize,
        /// Numbers wanted.
        wanted: usize,
    },
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
