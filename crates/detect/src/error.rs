//! What can go wrong, by cause.

use streamface_model::Error as ModelError;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The detector's weights or its network.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A network whose outputs are not those of its kind.
    #[error("model '{model}' gives {found} where {expected} is expected; is it the file the manifest means?")]
    Output {
        /// The model.
        model: String,
        /// Shapes it gave.
        found: String,
        /// Shapes it should give.
        expected: String,
    },
    /// A manifest that describes no detector of the kind it names.
    #[error("model '{model}' cannot be this detector: {why}")]
    Unfit {
        /// The model.
        model: String,
        /// What does not fit.
        why: String,
    },
    /// A setting out of its range.
    #[error("{name} must be {range}, not {value}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it may be.
        range: &'static str,
        /// What it was.
        value: String,
    },
}

pub(crate) fn in_range(
    name: &'static str,
    range: &'static str,
    value: impl std::fmt::Display,
    good: bool,
) -> Result<()> {
    good.then_some(()).ok_or_else(|| Error::Setting { name, range, value: value.to_string() })
}
