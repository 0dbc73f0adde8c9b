//! What can be wrong with numbers and names.

use crate::id::MAX_STEM;

/// Numbers that make no matrix, and names that name nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The length is not a multiple of the dimension.
    #[error("{len} numbers are not whole rows of {dim}")]
    Ragged {
        /// Numbers given.
        len: usize,
        /// Numbers a row should have.
        dim: usize,
    },
    /// NaN or infinity.
    #[error("row {row}, column {column} is not a finite number")]
    NotFinite {
        /// Row of the first such number, from 0.
        row: usize,
        /// Its column, from 0.
        column: usize,
    },
    /// A view of an array whose numbers do not lie row after row, without gaps.
    #[error("the rows of the array are not contiguous: copy it to row-major order first")]
    NotContiguous,
    /// A frame's name that is empty, too long, or has a character that a file stem cannot hold.
    #[error(
        "'{0}' cannot name a frame: 1 to {MAX_STEM} bytes, no '/', '\\', NUL or control characters, not '.' or '..'"
    )]
    FrameId(String),
    /// A face's name that does not end in `_face_<number>`.
    #[error("'{0}' does not name a face: expected {{frame}}_face_{{number}}")]
    FaceId(String),
}
