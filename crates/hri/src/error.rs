//! What can go wrong.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Label, Metric};

/// Why something was refused. Nothing has changed in an index that returned one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A dimension of 0, or beyond what sums of bytes hold.
    #[error("vectors of {dim} numbers; an index takes 1 to {}", crate::MAX_DIM)]
    BadDimension {
        /// The dimension asked for.
        dim: usize,
    },
    /// A vector, or rows of vectors, of another length.
    #[error("{got} numbers where vectors have {expected}; was it made by another model?")]
    Dimension {
        /// Numbers in a vector of this index.
        expected: usize,
        /// Numbers given.
        got: usize,
    },
    /// NaN or infinity.
    #[error("vector {row}, number {at} is not finite; leave such vectors out")]
    NotFinite {
        /// Row of the vector among those given, from 0.
        row: usize,
        /// Place of the first such number, from 0.
        at: usize,
    },
    /// A vector without direction, where directions are compared.
    #[error("vector {row} is all zeros, which has no cosine distance; leave it out")]
    ZeroVector {
        /// Row of the vector among those given, from 0.
        row: usize,
    },
    /// A threshold outside the range of its metric.
    #[error("threshold {value} for {metric} distances; it must lie within {}", metric.range())]
    Threshold {
        /// The value given.
        value: f64,
        /// The metric it was given for.
        metric: Metric,
    },
    /// A member under this id is there already.
    #[error("id {id} is taken; remove it first, or give another")]
    DuplicateId {
        /// The id.
        id: u64,
    },
    /// No member under this id.
    #[error("no member has id {id}")]
    UnknownId {
        /// The id.
        id: u64,
    },
    /// No person under this label, or no more.
    #[error("no person has label {label}")]
    UnknownLabel {
        /// The label.
        label: Label,
    },
    /// A merge of a person with itself.
    #[error("person {label} cannot be merged with itself")]
    Itself {
        /// The label.
        label: Label,
    },
    /// A split by a member of someone else.
    #[error("id {id} belongs to person {is}, not {label}")]
    NotHers {
        /// The id.
        id: u64,
        /// The person to be split.
        label: Label,
        /// The person it belongs to.
        is: Label,
    },
    /// A split that would leave nobody on one side.
    #[error("a split of person {label} must name some of its {members} members, but not all")]
    EmptySplit {
        /// The label.
        label: Label,
        /// Its members.
        members: usize,
    },
    /// The vectors of members were not kept, which taking one out needs.
    #[error(
        "vectors of members are not kept here, so none can be taken out; make the index with keep_vectors"
    )]
    NoVectors,
    /// More people or members than places.
    #[error("an index holds at most {} people and members", u32::MAX - 1)]
    Full,
    /// As many ids as vectors are needed.
    #[error("{ids} ids for {vectors} vectors")]
    Ids {
        /// Ids given.
        ids: usize,
        /// Vectors given.
        vectors: usize,
    },
    /// More than a view of people can be made of.
    #[error("a tree of {people} people needs too much memory; take at most {most}")]
    TooManyPeople {
        /// People asked for.
        people: usize,
        /// Most that are taken.
        most: usize,
    },
    /// The system's word.
    #[error("{path}: {source}")]
    Io {
        /// File or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Not a file of this crate, or of another version, metric, dimension or threshold.
    #[error("{path}: {why}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// Bytes that are not what was written.
    #[error("{path}: damaged at byte {offset}: {why}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where the damaged part begins.
        offset: u64,
        /// What is wrong and what to do.
        why: String,
    },
    /// Someone else writes to this directory.
    #[error("{path} is in use by another process; stop it first")]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// A write went wrong before, and what is on disk could not be put right.
    #[error("{path}: no more is written since an earlier error ({why}); open it anew")]
    Closed {
        /// The log.
        path: PathBuf,
        /// The earlier error.
        why: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    /// Whether the vectors, ids, labels or settings given are at fault, and not the machine or a file.
    #[must_use]
    pub fn is_callers(&self) -> bool {
        !matches!(
            self,
            Self::Io { .. }
                | Self::Format { .. }
                | Self::Corrupt { .. }
                | Self::Locked { .. }
                | Self::Closed { .. }
        )
    }
}
