//! Action can go wrong, by cause.

use std::io;
use std::path::{Path, PathBuf};

use streamface_types::{FaceId, Metric};

/// Errors of this crate. Each names the file and line, or the face, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading, or making a file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A file of the dataset.
    #[error(transparent)]
    Store(#[from] streamface_store::Error),
    /// A decision could not be written. The journal is as it was before.
    #[error("{}: not saved: {source} ({})", path.display(), remedy(source))]
    NotSaved {
        /// The journal.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// Another process writes to the journal.
    #[error("{} is being written by another process; close the other review first", path.display())]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// A line that is no decision.
    #[error("{}, line {line}: {why}; mend or remove it by hand", path.display())]
    Line {
        /// The journal.
        path: PathBuf,
        /// Its number, from 1.
        line: u64,
        /// Action is wrong.
        why: String,
    },
    /// A decision that would make a line longer than a reader takes.
    #[error("a decision of {bytes} bytes is longer than the {most} of a line; name fewer faces at once")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest.
        most: usize,
    },
    /// Undo or redo of what was never said.
    #[error("there is no decision {decision} to take back or to renew")]
    NoSuchDecision {
        /// Its id.
        decision: u64,
    },
    /// Labels for another number of faces.
    #[error("{labels} labels for {faces} faces: give one a face")]
    LabelCount {
        /// Labels given.
        labels: usize,
        /// Faces there are.
        faces: usize,
    },
    /// Faces out of order, or one twice.
    #[error("faces must ascend, each once, but {face} does not follow those before it")]
    Order {
        /// The first that does not.
        face: FaceId,
    },
    /// Thresholds that are none.
    #[error(
        "min {min} and max {max} cannot be thresholds of a {metric} distance: \
         0 <= min <= max, finite, and at most 2 for cosine"
    )]
    Thresholds {
        /// The smaller.
        min: f64,
        /// The larger.
        max: f64,
        /// Action they are distances of.
        metric: Metric,
    },
    /// The original's lists need all pairs, and there is no room for them.
    #[error(
        "more than {most} pairs of clusters are within {max}; as the original lists them all are needed: \
         give a smaller max or topk, or allow more pairs"
    )]
    TooManyPairs {
        /// Pairs allowed.
        most: usize,
        /// The largest distance.
        max: f64,
    },
    /// Action the search for pairs of clusters met.
    #[error(transparent)]
    Cluster(#[from] streamface_cluster::Error),
    /// A file that is no annotations.
    #[error("{}: not annotations: {why}", path.display())]
    Annotations {
        /// The file.
        path: PathBuf,
        /// Where and why.
        why: String,
    },
    /// More faces than indices.
    #[error("{faces} faces are more than can be reviewed at once")]
    TooMany {
        /// Faces given.
        faces: usize,
    },
}

fn remedy(e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded => {
            "free some space, then answer again"
        }
        _ => "see that the folder can be written, then answer again",
    }
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
