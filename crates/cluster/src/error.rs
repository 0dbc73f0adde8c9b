//! What can go wrong.

use streamface_types::Metric;

/// What functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a clustering was refused. The caller can mend each cause; no error depends on timing or threads.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A threshold outside the range of its metric.
    #[error("threshold {value} is out of range: {}", range(*.metric))]
    Threshold {
        /// The value given.
        value: f64,
        /// The metric it was given for.
        metric: Metric,
    },
    /// More rows than ids.
    #[error("{rows} rows are more than the {} that can be clustered at once", u32::MAX)]
    TooManyRows {
        /// Rows given.
        rows: usize,
    },
    /// A constraint, or a temporal link, on a row that is not there.
    #[error("a constraint or link names row {row}, but there are {rows} rows, counted from 0")]
    NoSuchRow {
        /// The row named.
        row: usize,
        /// Rows there are.
        rows: usize,
    },
    /// Two rows that must not be together are tied by must-links.
    #[error("rows {a} and {b} cannot be linked, yet must-links tie them: {chain:?}; drop one of these")]
    Contradiction {
        /// The first row of the cannot-link.
        a: usize,
        /// The second.
        b: usize,
        /// The rows from `a` to `b`, each must-linked to the next.
        chain: Vec<usize>,
    },
    /// More links than the memory budget holds, where a linkage needs all of them at once.
    #[error("more than {most} pairs are within {threshold}: give more memory, or a smaller threshold")]
    TooManyLinks {
        /// The threshold.
        threshold: f64,
        /// Links that fit.
        most: u64,
    },
    /// More links at the very same distance than the memory budget holds, or the quarter of it that one part of a split has.
    #[error("more than {most} pairs are at the distance {distance} exactly: give more memory")]
    Ties {
        /// The distance.
        distance: f64,
        /// Links that fit.
        most: u64,
    },
    /// A link from elsewhere that cannot be one.
    #[error("link {at} ({}, {}, {}) cannot be one of {rows} rows: i < j, both below {rows}, and a distance ≥ 0",
        .link.i, .link.j, .link.distance)]
    BadLink {
        /// Its place, from 0.
        at: usize,
        /// What it says.
        link: crate::Link,
        /// Rows there are.
        rows: usize,
    },
    /// Parts of joins of different numbers of rows.
    #[error("parts of different joins: one is of {rows} rows, another of {other}")]
    RowCount {
        /// Of the first part.
        rows: usize,
        /// Of another.
        other: usize,
    },
    /// The temporary file for links beyond the memory budget.
    #[error(
        "links beyond the memory budget go to a temporary file, and that failed: {cause}; free some disk, set TMPDIR, \
         or give more memory"
    )]
    Spill {
        /// What the system said.
        cause: String,
    },
    /// Too many rows for a linkage that needs all distances.
    #[error("this linkage needs all distances of {rows} rows, {} MiB, more than the {} MiB allowed: use complete or single \
         linkage, fewer rows, or give more memory",
        bytes >> 20,
        memory >> 20)]
    Dense {
        /// Rows given.
        rows: usize,
        /// Bytes the distances would take.
        bytes: u64,
        /// Bytes allowed.
        memory: u64,
    },
    /// Merges that no run on the old rows can have given.
    #[error(
        "merge {at} of the earlier run does not fit its rows and constraints: cluster all rows from scratch"
    )]
    History {
        /// The first that is not right, from 0.
        at: usize,
    },
    /// Labels for another number of rows.
    #[error("{labels} labels for {rows} rows: give one a row")]
    LabelCount {
        /// Labels given.
        labels: usize,
        /// Rows there are.
        rows: usize,
    },
}

impl Error {
    pub(crate) fn spill(cause: &std::io::Error) -> Self {
        Self::Spill { cause: cause.to_string() }
    }
}

/// The range of a metric's distances, in words.
fn range(metric: Metric) -> &'static str {
    match metric {
        Metric::Cosine => "a cosine distance is 0 to 2",
        Metric::Euclidean => "a euclidean distance is finite and not negative",
    }
}
