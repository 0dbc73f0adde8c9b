//! What can go wrong.

use std::path::PathBuf;

use streamface_types::Metric;

/// Why clusters were not matched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
        /// What they are distances of.
        metric: Metric,
    },
    /// Labels of other rows.
    #[error("{labels} labels for {rows} rows: give one a row, -1 where it belongs to no one")]
    LabelCount {
        /// Labels given.
        labels: usize,
        /// Rows there are.
        rows: usize,
    },
    /// Names of other rows.
    #[error("{faces} faces for {rows} rows: give one a row")]
    FaceCount {
        /// Faces given.
        faces: usize,
        /// Rows there are.
        rows: usize,
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
    /// What the search for pairs met.
    #[error(transparent)]
    Cluster(#[from] streamface_cluster::Error),
    /// A file that cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is not what it should be.
    #[error("{path}: {why}")]
    Format {
        /// Which.
        path: PathBuf,
        /// Where and why.
        why: String,
    },
}
