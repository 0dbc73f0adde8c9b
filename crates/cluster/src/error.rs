//! What can go wrong.

use streamface_types::Metric;

/// Why a clustering was refused. Everything here is the caller's to mend; no error depends on timing
/// or threads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A threshold outside the range of its metric.
    Threshold {
        /// The value given.
        value: f64,
        /// The metric it was given for.
        metric: Metric,
    },
    /// More rows than ids.
    TooManyRows {
        /// Rows given.
        rows: usize,
    },
    /// A constraint, or a temporal link, on a row that is not there.
    NoSuchRow {
        /// The row named.
        row: usize,
        /// Rows there are.
        rows: usize,
    },
    /// Two rows that must not be together are tied by must-links.
    Contradiction {
        /// The first row of the cannot-link.
        a: usize,
        /// The second.
        b: usize,
        /// The rows from `a` to `b`, each must-linked to the next.
        chain: Vec<usize>,
    },
    /// More links than the memory budget holds, where a linkage needs all of them at once.
    TooManyLinks {
        /// The threshold.
        threshold: f64,
        /// Links that fit.
        most: u64,
    },
    /// More links at the very same distance than the memory budget holds, or the quarter of it that one part of a split has.
    Ties {
        /// The distance.
        distance: f64,
        /// Links that fit.
        most: u64,
    },
    /// A link from elsewhere that cannot be one.
    BadLink {
        /// Its place, from 0.
        at: usize,
        /// What it says.
        link: crate::Link,
        /// Rows there are.
        rows: usize,
    },
    /// Parts of joins of different numbers of rows.
    RowCount {
        /// Of the first part.
        rows: usize,
        /// Of another.
        other: usize,
    },
    /// The temporary file for links beyond the memory budget.
    Spill {
        /// What the system said.
        cause: String,
    },
    /// Too many rows for a linkage that needs all distances.
    Dense {
        /// Rows given.
        rows: usize,
        /// Bytes the distances would take.
        bytes: u64,
        /// Bytes allowed.
        memory: u64,
    },
    /// Merges that no run on the old rows can have given.
    History {
        /// The first that is not right, from 0.
        at: usize,
    },
    /// Labels for another number of rows.
    LabelCount {
        /// Labels given.
        labels: usize,
        /// Rows there are.
        rows: usize,
    },
}

impl std::error::Error for Error {}

impl Error {
    pub(crate) fn spill(cause: &std::io::Error) -> Self {
        Self::Spill { cause: cause.to_string() }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Threshold { value, metric: Metric::Cosine } => {
                write!(f, "threshold {value} is out of range: a cosine distance is 0 to 2")
            }
            Self::Threshold { value, metric } => {
                write!(f, "threshold {value} is out of range: a {metric} distance is finite and not negative")
            }
            Self::TooManyRows { rows } => {
                write!(f, "{rows} rows are more than the {} that can be clustered at once", u32::MAX)
            }
            Self::NoSuchRow { row, rows } => {
                write!(f, "a constraint or link names row {row}, but there are {rows} rows, counted from 0")
            }
            Self::Contradiction { a, b, chain } => {
                write!(
                    f,
                    "rows {a} and {b} cannot be linked, yet must-links tie them: {chain:?}; drop one of these"
                )
            }
            Self::Ties { distance, most } => {
                write!(f, "more than {most} pairs are at the distance {distance} exactly: give more memory")
            }
            Self::TooManyLinks { threshold, most } => {
                write!(
                    f,
                    "more than {most} pairs are within {threshold}: give more memory, or a smaller threshold"
                )
            }
            Self::BadLink { at, link, rows } => write!(
                f,
                "link {at} ({}, {}, {}) cannot be one of {rows} rows: i < j, both below {rows}, and a distance ≥ 0",
                link.i, link.j, link.distance
            ),
            Self::RowCount { rows, other } => {
                write!(f, "parts of different joins: one is of {rows} rows, another of {other}")
            }
            Self::Spill { cause } => write!(
                f,
                "links beyond the memory budget go to a temporary file, and that failed: {cause}; \
                 free some disk, set TMPDIR, or give more memory"
            ),
            Self::Dense { rows, bytes, memory } => write!(
                f,
                "this linkage needs all distances of {rows} rows, {} MiB, more than the {} MiB allowed: \
                 use complete or single linkage, fewer rows, or give more memory",
                bytes >> 20,
                memory >> 20
            ),
            Self::History { at } => write!(
                f,
                "merge {at} of the earlier run does not fit its rows and constraints: cluster all rows anew"
            ),
            Self::LabelCount { labels, rows } => write!(f, "{labels} labels for {rows} rows: give one a row"),
        }
    }
}
