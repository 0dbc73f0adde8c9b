//! Errors.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Label, Metric};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed. A call that failed has not changed the index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A dimension of 0 or above [`MAX_DIM`](crate::MAX_DIM).
    #[error("vectors of {dim} numbers are not supported; use 1 to {}", crate::MAX_DIM)]
    BadDimension {
        /// The dimension asked for.
        dim: usize,
    },
    /// A directory that holds other things and no index.
    #[error("{} holds other things, such as '{there}', and no index; give a new or an empty directory", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
        /// One of the things in it.
        there: String,
    },
    /// A vector of another length, or rows that are not whole vectors.
    #[error(
        "a vector has {got} numbers, but the index has vectors of {expected}; use the model that the index was built with"
    )]
    Dimension {
        /// Numbers in a vector of the index.
        expected: usize,
        /// Numbers in the given vector.
        got: usize,
    },
    /// A vector with NaN or infinity.
    #[error("vector {row}, number {at} is not finite; remove this vector from the input")]
    NotFinite {
        /// Row of the vector in the input, from 0.
        row: usize,
        /// Index of the first such number, from 0.
        at: usize,
    },
    /// A vector of zeros, where directions are compared.
    #[error("vector {row} is all zeros and has no cosine distance; remove it from the input")]
    ZeroVector {
        /// Row of the vector in the input, from 0.
        row: usize,
    },
    /// A threshold outside the range of its metric.
    #[error("threshold {value} is out of range for {metric} distances; use {}", crate::metric::range(*metric))]
    Threshold {
        /// The value given.
        value: f64,
        /// The metric it was given for.
        metric: Metric,
    },
    /// A vector with this id exists.
    #[error("id {id} is taken; remove that vector first, or use another id")]
    DuplicateId {
        /// The id.
        id: u64,
    },
    /// No vector has this id.
    #[error("no vector has id {id}")]
    UnknownId {
        /// The id.
        id: u64,
    },
    /// No person has this label, or the person was removed.
    #[error("no person has label {label}")]
    UnknownLabel {
        /// The label.
        label: Label,
    },
    /// A merge of a person with the same person.
    #[error("person {label} cannot be merged with itself")]
    SelfMerge {
        /// The label.
        label: Label,
    },
    /// A split that names a vector of another person.
    #[error("id {id} belongs to person {owner}, not to person {label}")]
    NotAMember {
        /// The id.
        id: u64,
        /// The person to split.
        label: Label,
        /// The person that the vector belongs to.
        owner: Label,
    },
    /// A split that names none or all of a person's vectors.
    #[error("a split of person {label} must name some, but not all, of its {members} vectors")]
    EmptySplit {
        /// The label.
        label: Label,
        /// Number of the person's vectors.
        members: usize,
    },
    /// The index does not keep vectors, and the operation needs them.
    #[error(
        "this index does not keep vectors, so none can be removed or returned; build it with keep_vectors"
    )]
    VectorsNotKept,
    /// The index is full.
    #[error("an index holds at most {} people and as many vectors", u32::MAX - 1)]
    Full,
    /// The number of ids differs from the number of vectors.
    #[error("{ids} ids for {vectors} vectors; give one id for each vector")]
    Ids {
        /// Number of ids.
        ids: usize,
        /// Number of vectors.
        vectors: usize,
    },
    /// Entries of a batch that do not fit together.
    #[error("{what}: {got} for {vectors} vectors; give one for each vector")]
    BatchLength {
        /// What there are too many or too few of.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// Number of vectors.
        vectors: usize,
    },
    /// A vector of a batch that is said to be of a person beyond the batch's list of people.
    #[error("vector {row} is of person {person} of the list, which has {people}")]
    NoSuchPerson {
        /// Row of the vector in the batch, from 0.
        row: usize,
        /// Index into the list of people.
        person: usize,
        /// Length of the list.
        people: usize,
    },
    /// A name or key that is empty or too long.
    #[error("a name or key of {bytes} bytes; use 1 to {}", crate::MAX_TEXT)]
    Text {
        /// Its length.
        bytes: usize,
    },
    /// A tree of more people than [`MAX_TREE_PEOPLE`](crate::MAX_TREE_PEOPLE).
    #[error("a tree of {people} people needs too much memory; use at most {most}")]
    TooManyPeople {
        /// Number of people.
        people: usize,
        /// The limit.
        most: usize,
    },
    /// The operating system refused an operation on a file or directory.
    #[error("{path}: {source}")]
    Io {
        /// File or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file that is not of this crate, or of another version, metric, dimension or threshold.
    #[error("{path}: {why}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// A damaged file.
    #[error("{path}: damaged at byte {offset}: {why}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Offset of the damage, in bytes.
        offset: u64,
        /// What is wrong and what to do.
        why: String,
    },
    /// Another process has the directory open for writing.
    #[error("{path} is open for writing in another process; stop that process first")]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// Writing stopped after an earlier error.
    #[error("{path}: writing stopped after an earlier error ({why}); open the index again")]
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

    /// Whether the cause is the caller's vectors, ids, labels or settings, not a file or the machine.
    #[must_use]
    pub fn is_invalid_input(&self) -> bool {
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
