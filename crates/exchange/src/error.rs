//! What can go wrong, by cause.

use std::io;
use std::path::{Path, PathBuf};

use streamface_store::Error as StoreError;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate. Each names the file and says what to do. A broken row or image among whole ones is no
/// error but a [`Problem`](crate::Problems).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The dataset directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something is where the result should go.
    #[error("{} is there already and is not empty; give another --out, or remove it first", .0.display())]
    Exists(PathBuf),
    /// Another process is writing there.
    #[error("{} is being written by another process; wait for it", .0.display())]
    Busy(PathBuf),
    /// A file that is not what it should be.
    #[error("{}: {why}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        why: String,
    },
    /// A file larger than what is read.
    #[error("{} is larger than {limit} bytes; split it", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read, bytes.
        limit: u64,
    },
    /// A pickle that holds what a features file does not, or is broken.
    #[error("{}: byte {at}: {why}", path.display())]
    Pickle {
        /// The file.
        path: PathBuf,
        /// Where the opcode begins, from 0.
        at: u64,
        /// What is wrong.
        why: String,
    },
    /// Nothing that could be taken.
    #[error("{}: {why}{first}", path.display())]
    Nothing {
        /// The file or folder.
        path: PathBuf,
        /// What was looked for.
        why: String,
        /// The first thing that was wrong, if any, with a separator before it.
        first: String,
    },
    /// The format does not go this way.
    #[error("{}: {format} {why}; choose another format", path.display())]
    Unsupported {
        /// What was to be written or read.
        path: PathBuf,
        /// Name of the format.
        format: &'static str,
        /// Which way it goes.
        why: &'static str,
    },
    /// The dataset has not what the format is made of.
    #[error("{}: {why}", path.display())]
    Lacks {
        /// The dataset directory.
        path: PathBuf,
        /// What it lacks, and how to get it.
        why: String,
    },
}

impl Error {
    pub(crate) fn unsupported(path: &Path, format: &'static str, why: &'static str) -> Self {
        Self::Unsupported { path: path.to_owned(), format, why }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn format(path: &Path, why: impl std::fmt::Display) -> Self {
        Self::Format { path: path.to_owned(), why: why.to_string() }
    }

    pub(crate) fn lacks(path: &Path, why: impl std::fmt::Display) -> Self {
        Self::Lacks { path: path.to_owned(), why: why.to_string() }
    }
}
