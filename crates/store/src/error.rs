//! What can go wrong with a dataset directory, by cause.

use std::io;
use std::path::{Path, PathBuf};

use streamface_types::FrameId;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate. Each names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing.
    #[error("{}: {source}{}", path.display(), hint(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// An output in the place of something that is read.
    #[error("{} would replace {}, which is read; choose another name", output.display(), input.display())]
    Replaces {
        /// The output.
        output: PathBuf,
        /// What is read: a file, or a dataset directory.
        input: PathBuf,
    },
    /// Two outputs in one place.
    #[error("{} and {} are one file; choose another name", output.display(), other.display())]
    OneFile {
        /// One.
        output: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// A file that would come beside an output, where there is another already.
    #[error(
        "{} is there already, and what belongs to {} would replace it; move it, or choose another name",
        beside.display(),
        output.display()
    )]
    Beside {
        /// The output.
        output: PathBuf,
        /// The file beside it.
        beside: PathBuf,
    },
    /// A link inside a dataset directory.
    #[error(
        "{} is a link, and links inside a dataset directory are not followed; put what it leads to in its place, or \
         remove it",
        path.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// Something that is no regular file where one belongs.
    #[error("{} is {what}, and a regular file belongs there; remove it", path.display())]
    NotAFile {
        /// What is no file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Something that is no folder where one belongs.
    #[error("{} is {what}, and a folder belongs there; remove it", path.display())]
    NotAFolder {
        /// What is no folder.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A file that is larger than any of its kind.
    #[error("{} has {bytes} bytes, and at most {limit} are read; is it what its name says?", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The largest length that is read.
        limit: u64,
    },
    /// A change to a dataset that was opened with [`crate::Dataset::read_only`].
    #[error("{} was opened for reading alone", path.display())]
    ReadOnly {
        /// The dataset directory.
        path: PathBuf,
    },
    /// Another process writes here.
    #[error("{} is in use by {holder}; wait until it ends, or end it (a review: Ctrl-C)", path.display())]
    InUse {
        /// The dataset directory.
        path: PathBuf,
        /// Which process, as it wrote it down.
        holder: String,
    },
    /// A file that is not what it should be.
    #[error("{}: {why}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, with row and column where there are any.
        why: String,
    },
    /// A table of a schema version that is not read.
    #[error(
        "{}: schema version {found}, but versions {oldest} to {newest} are read here; {}",
        path.display(),
        remedy(*found, *newest)
    )]
    SchemaVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Oldest version that is read.
        oldest: u32,
        /// Newest version that is read.
        newest: u32,
    },
    /// A table whose rows cannot be taken one after another.
    #[error("{}: {why}", path.display())]
    Unordered {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// A file of more pairs than fit in memory.
    #[error("{}: {pairs} pairs are more than the {most} that fit in memory", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// Pairs in it.
        pairs: u64,
        /// Pairs that fit.
        most: u64,
    },
    /// A frame whose picture was not kept.
    #[error("the picture of {frame} was not kept (--frames none), or was removed by streamface prune")]
    NoPicture {
        /// The frame.
        frame: FrameId,
    },
    /// Embeddings of two models in one matrix: a face of each, and its model.
    #[error("{} was embedded by {}, {} by {}", first.0, first.1, other.0, other.1)]
    MixedModels {
        /// The first row's.
        first: (streamface_types::FaceId, String),
        /// The row that differs.
        other: (streamface_types::FaceId, String),
    },
    /// A name in a table that is none.
    #[error(transparent)]
    Id(#[from] streamface_types::Error),
}

fn remedy(found: u32, newest: u32) -> &'static str {
    if found > newest {
        "a later version wrote it: update streamface"
    } else {
        "an earlier version wrote it: remove the file and run the step again that makes it, or use that version"
    }
}

fn hint(e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::StorageFull => " (free some space, then run the same command again)",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            " (choose a folder you may write to)"
        }
        _ => "",
    }
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn format(path: &Path, why: impl std::fmt::Display) -> Self {
        Self::Format { path: path.to_owned(), why: why.to_string() }
    }
}
