//! What can go wrong, by cause.

use std::io;
use std::path::{Path, PathBuf};

use streamface_types::{FaceId, Metric};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate. Each names the file and line, the face or the setting, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or created.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file of the dataset.
    #[error(transparent)]
    Store(#[from] streamface_store::Error),
    /// A decision could not be written. The journal is unchanged.
    #[error("{}: not saved: {source} ({})", path.display(), remedy(source))]
    NotSaved {
        /// The journal.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another process writes to the journal.
    #[error("{} is being written by another process; close the other review first", path.display())]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// A line of the journal is not a valid decision.
    #[error("{}, line {line}: {why}; correct or remove it by hand", path.display())]
    Line {
        /// The journal.
        path: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// A decision is longer than a line of the journal may be.
    #[error("a decision of {bytes} bytes exceeds the limit of {most} bytes a line; name fewer faces at once")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// Undo or redo of a decision that does not exist.
    #[error("there is no decision {decision} to undo or redo")]
    NoSuchDecision {
        /// Its id.
        decision: u64,
    },
    /// The number of labels differs from the number of faces.
    #[error("{labels} labels for {faces} faces: give one label a face")]
    LabelCount {
        /// Labels given.
        labels: usize,
        /// Faces given.
        faces: usize,
    },
    /// Faces are not in ascending order, or one is repeated.
    #[error(
        "faces must be in ascending order without repetition; {face} is not greater than the face before it"
    )]
    Order {
        /// The first face out of order.
        face: FaceId,
    },
    /// Invalid thresholds.
    #[error(
        "min {min} and max {max} cannot be thresholds of a {metric} distance: \
         0 <= min <= max, finite, and at most 2 for cosine"
    )]
    Thresholds {
        /// The smaller.
        min: f64,
        /// The larger.
        max: f64,
        /// The metric.
        metric: Metric,
    },
    /// The lists of the original need all pairs, and there are more than may be kept.
    #[error(
        "more than {most} pairs of clusters are within {max}, and this rule needs all of them: \
         give a smaller max or topk, or allow more pairs"
    )]
    TooManyPairs {
        /// Pairs allowed.
        most: usize,
        /// The largest distance.
        max: f64,
    },
    /// The search for pairs of clusters failed.
    #[error(transparent)]
    Cluster(#[from] streamface_cluster::Error),
    /// A file that is not annotations.
    #[error("{}: not annotations: {why}", path.display())]
    Annotations {
        /// The file.
        path: PathBuf,
        /// Where and why.
        why: String,
    },
    /// More faces than 32-bit indices can address.
    #[error("{faces} faces are more than can be reviewed at once")]
    TooMany {
        /// Faces given.
        faces: usize,
    },
    /// A typed answer that the original's interview does not have.
    #[error("'{typed}' is not an answer: type 0, 1, 2, 12, 3 or Enter")]
    UnknownAnswer {
        /// What was typed.
        typed: String,
    },
    /// The number of sizes differs from the number of means.
    #[error("{sizes} sizes for {means} means: give one of each a cluster")]
    MeanCount {
        /// Sizes given.
        sizes: usize,
        /// Means given.
        means: usize,
    },
    /// More clusters or pairs than 31 bits can count.
    #[error("{count} clusters or pairs are too many: lower the largest distance of the matching")]
    TooManyClusters {
        /// Clusters or pairs given.
        count: usize,
    },
    /// A pair, or an answer, names a cluster that does not exist, or the same one twice.
    #[error("clusters {left} and {right} of {clusters}: a pair is of two different ones, counted from 0")]
    ClusterPair {
        /// One of the two.
        left: u32,
        /// The other.
        right: u32,
        /// Number of clusters.
        clusters: usize,
    },
    /// A cosine distance outside 0 to 2.
    #[error("clusters {left} and {right}: {distance} is not a distance from 0 to 2")]
    Distance {
        /// One of the two.
        left: u32,
        /// The other.
        right: u32,
        /// The distance given.
        distance: f64,
    },
    /// An answer that was never given, or is in the wanted state already.
    #[error("answer {answer} cannot be undone or redone: it does not exist, or is in that state already")]
    NoSuchAnswer {
        /// Its number.
        answer: usize,
    },
    /// A setting out of its range.
    #[error("{name} {value}: must be {range}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The range.
        range: &'static str,
    },
    /// A dataset without labels cannot be reviewed.
    #[error("{path} has no labels yet; run streamface cluster {path} first", path = path.display())]
    NoLabels {
        /// The dataset.
        path: PathBuf,
    },
    /// The labels of a review are wanted, and there is none.
    #[error("{path} is not reviewed yet; run streamface review {path}, or take --labels clusters", path = path.display())]
    NotReviewed {
        /// The dataset.
        path: PathBuf,
    },
    /// Embeddings of different lengths.
    #[error("{} has embeddings of different lengths; run streamface analyze again", path.display())]
    MixedEmbeddings {
        /// The dataset.
        path: PathBuf,
    },
    /// Embeddings or means that are not finite.
    #[error("embeddings of the dataset: {why}; run streamface analyze again")]
    Embeddings {
        /// What is wrong.
        why: String,
    },
    /// The index of the review was written and cannot be read back.
    #[error("{}: review.index and review.vectors were written but cannot be read; check the disk", path.display())]
    Index {
        /// The folder.
        path: PathBuf,
    },
    /// A row of `review.vectors` cannot be read.
    #[error("review.vectors: {source}; start the review again")]
    Vectors {
        /// The system's error.
        source: io::Error,
    },
}

fn remedy(e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded => {
            "free some space, then answer again"
        }
        _ => "check that the folder can be written, then answer again",
    }
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
