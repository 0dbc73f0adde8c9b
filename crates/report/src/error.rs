//! What can go wrong, by cause.

use std::io;

/// Why a page could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A page needs the face of each row.
    #[error("{rows} rows were evaluated but {faces} faces are given: give one for each, noise included")]
    Faces {
        /// Rows evaluated.
        rows: usize,
        /// Faces given.
        faces: usize,
    },
    /// A picture that cannot be made a thumbnail.
    #[error("{name}: {source}")]
    Picture {
        /// The picture.
        name: String,
        /// The decoder's reason.
        source: image::ImageError,
    },
    /// The page could not be written out.
    #[error("writing the report: {0}")]
    Write(#[source] io::Error),
}

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
