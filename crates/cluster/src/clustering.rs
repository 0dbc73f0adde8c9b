//! What clustering returns: merges, and the partition they lead to.

use crate::union_find::UnionFind;
use crate::{Error, labels};

/// Two clusters becoming one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Merge {
    /// The smallest row of one cluster, and from here on of both.
    pub a: u32,
    /// The smallest row of the other, larger than `a`.
    pub b: u32,
    /// The largest distance across them; 0 where rows were must-linked.
    pub distance: f64,
}

impl Merge {
    pub(crate) fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.distance.total_cmp(&other.distance).then((self.a, self.b).cmp(&(other.a, other.b)))
    }
}

/// A partition of the rows, and how it came about.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Clustering {
    /// Each row's cluster, numbered by first appearance.
    pub labels: Vec<u32>,
    /// Number of clusters.
    pub clusters: usize,
    /// All merges, in the order in which they happened: must-links and copies first, then by
    /// distance and the two rows. [`cut`] gives the clusters at any smaller threshold from these.
    pub merges: Vec<Merge>,
    /// Pairs of points, single rows in the first band, that linkage worked on: those within reach of each other, or all of
    /// those that were compared in a matrix.
    pub links: u64,
    /// Bands of the threshold that it took; 1 where all links fitted in memory.
    pub bands: u32,
    /// Parts of the rows that are farther apart than some threshold, where they are known.
    pub parts: Option<Parts>,
}

/// Rows in parts that are all farther apart than a threshold: up to there each part is linked by itself, and so stays
/// what it is when [`append`](crate::append()) adds rows to others.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Parts {
    /// Rows of two parts are farther apart than this, but for the other rows of what they were must-linked with, and those
    /// that a cannot-link keeps apart whatever their distance.
    pub threshold: f64,
    /// The smallest row of each row's part.
    pub(crate) of: Vec<u32>,
}

impl Parts {
    /// Parts that pairs of rows tie together: all that are within `threshold`, in one way or another.
    ///
    /// # Errors
    /// [`Error::NoSuchRow`].
    pub fn tied(
        rows: usize,
        threshold: f64,
        pairs: impl IntoIterator<Item = (u32, u32)>,
    ) -> Result<Self, Error> {
        let mut sets = UnionFind::new(rows);
        for (a, b) in pairs {
            if let Some(&row) = [a, b].iter().find(|row| **row as usize >= rows) {
                return Err(Error::NoSuchRow { row: row as usize, rows });
            }
            sets.union(a, b);
        }
        Ok(Self { threshold, of: sets.into_roots() })
    }

    /// The fewest pairs of rows that tie them together.
    pub fn ties(&self) -> impl Iterator<Item = (u32, u32)> {
        (0_u32..).zip(&self.of).filter(|(row, first)| row != *first).map(|(row, &first)| (first, row))
    }

    /// The same parts of rows that have other numbers among `rows`: `now[row]` ascends. The others are parts of their own.
    ///
    /// # Errors
    /// [`Error::NoSuchRow`] for a row that `now` does not name or that is none of `rows`.
    pub fn renumbered(&self, now: &[u32], rows: usize) -> Result<Self, Error> {
        let number = |row: u32| {
            now.get(row as usize).copied().ok_or(Error::NoSuchRow { row: row as usize, rows: now.len() })
        };
        let pairs = self.ties().map(|(a, b)| Ok((number(a)?, number(b)?)));
        Self::tied(rows, self.threshold, pairs.collect::<Result<Vec<_>, Error>>()?)
    }
}

/// The clusters of `rows` rows after all merges at distance ≤ `threshold`: a label each, numbered by first
/// appearance.
///
/// ```
/// use streamface_cluster::{Constraints, Embeddings, Metric, Settings, complete_linkage, cut};
///
/// let rows = Embeddings::new(vec![0.0, 5.0, 1.0, 7.0], 1)?;
/// let all = complete_linkage(&rows, &Settings::new(Metric::Euclidean, 10.0)?, &Constraints::default())?;
/// assert_eq!(cut(4, &all.merges, 1.5), [0, 1, 0, 2]);
/// assert_eq!(cut(4, &all.merges, 2.0), [0, 1, 0, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn cut(rows: usize, merges: &[Merge], threshold: f64) -> Vec<u32> {
    let mut sets = UnionFind::new(rows);
    for merge in merges.iter().take_while(|m| m.distance <= threshold) {
        sets.union(merge.a, merge.b);
    }
    labels::by_first_appearance(&sets.into_roots())
}

pub(crate) fn of_merges(rows: usize, merges: Vec<Merge>) -> Clustering {
    let labels = cut(rows, &merges, f64::INFINITY);
    Clustering { clusters: labels::sizes(&labels).len(), labels, merges, links: 0, bands: 0, parts: None }
}
