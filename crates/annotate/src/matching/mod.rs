//! Step 7: which clusters may be one person.
//!
//! | module | what |
//! |---|---|
//! | `clusters`, `farthest` | the points that represent a cluster: its mean, its rows, the two farthest apart |
//! | `nearest` | the smallest distance of each pair of clusters, from a stream of distances |
//! | `rules` | the lists: the default ones, and the original's two |
//! | `join_sure` | pairs already answered, and sure pairs joined by decisions: [`answered_pairs`], [`join_sure`] |
//! | `possible` | what cannot be one person leaves the lists: [`keep_possible`] |
//! | `file` | `cluster_evals.json`: [`write`](Matches::write), [`read_ignored`] |
//!
//! No distance matrix is made: the pairs within `max` come from [`streamface_cluster::join_each`] over means,
//! rows, or three points of each cluster, and only the nearest are kept. Distances are those of
//! [`Metric::distance`]; results do not depend on the number of threads.
//!
//! ```
//! use streamface_annotate::matching::{Mode, Pair, Settings, matches};
//! use streamface_types::{Embeddings, Metric};
//!
//! // Three clusters on a line, and a face that belongs to no one.
//! let rows = Embeddings::new(vec![0.0, 1.0, 2.0, 3.0, 9.0, 2.0], 1)?;
//! let labels = [0, 0, 1, 1, 2, -1];
//! let settings = |mode| Settings::new(Metric::Euclidean, mode, 1.5, 7.0);
//!
//! // From mean to mean it is 2, 6.5 and 8.5.
//! let found = matches(&rows, &labels, &settings(Mode::Average)?)?;
//! assert_eq!(found.sure, []);
//! assert_eq!(found.ask, [Pair { a: 0, b: 1, distance: 2.0 }, Pair { a: 1, b: 2, distance: 6.5 }]);
//! // From face to face 1, 6 and 8.
//! let found = matches(&rows, &labels, &settings(Mode::Single)?)?;
//! assert_eq!(found.sure, [Pair { a: 0, b: 1, distance: 1.0 }]);
//! assert_eq!(found.ask, [Pair { a: 1, b: 2, distance: 6.0 }]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clusters;
mod farthest;
mod file;
mod join_sure;
mod nearest;
mod possible;
mod rules;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use streamface_cluster::{Link, Observer, join_each};
use streamface_types::{Embeddings, Metric};

use crate::Error;
use clusters::Clusters;
pub use file::read_ignored;
pub use join_sure::{Joined, answered_pairs, join_sure};
use nearest::{Entry, Nearest};
pub use possible::keep_possible;

/// Distance of two clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Distance of their means; of the rows as given, not of unit vectors.
    #[default]
    Average,
    /// Smallest distance of a row of one from a row of the other.
    Single,
    /// Smallest distance of three points of one from three of the other: the mean and the two rows farthest
    /// apart, on a tie the pair with the smaller rows.
    Triplet,
}

/// How pairs are assigned to the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rule {
    /// Pairs below min are sure, pairs up to max are asked about; both lists complete, the nearest first.
    #[default]
    Lists,
    /// As in the original's code: all pairs are asked about, cluster by cluster in the order of labels, the
    /// nearest first. A pair is in the list of its smaller label. Removed are exact zeros, then the lists of
    /// clusters whose nearest is not below min, then ignored pairs.
    Code,
    /// As in the original's publication: pairs below min are joined without asking; pairs up to max are asked
    /// about unless these joins have made the two one.
    Paper,
}

/// Validated settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    metric: Metric,
    mode: Mode,
    min: f64,
    max: f64,
    rule: Rule,
    top: Option<u64>,
    most: Option<usize>,
}

impl Settings {
    /// Default maximum of pairs, except for [`Rule::Code`].
    pub const DEFAULT_MAX_PAIRS: usize = 1_000_000;
    /// Default maximum for [`Rule::Code`], which needs all pairs of its 10,001 clusters.
    pub const DEFAULT_MAX_PAIRS_CODE: usize = 64_000_000;
    /// Default largest label for [`Rule::Code`].
    pub const DEFAULT_TOP_CODE: u64 = 10_000;

    /// Pairs below `min` are sure, pairs beyond `max` are left out. Both depend on the model that made the
    /// embeddings, so there is no default. (The original uses 0.35 and 0.5 for its models.)
    ///
    /// # Errors
    /// [`Error::Thresholds`] unless 0 ≤ min ≤ max, finite, and ≤ 2 for cosine.
    pub fn new(metric: Metric, mode: Mode, min: f64, max: f64) -> Result<Self, Error> {
        if !(min >= 0.0 && min <= max) || streamface_cluster::Settings::new(metric, max).is_err() {
            return Err(Error::Thresholds { min, max, metric });
        }
        Ok(Self { metric, mode, min, max, rule: Rule::default(), top: None, most: None })
    }

    /// Uses another rule.
    #[must_use]
    pub fn rule(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }

    /// Only this many clusters, the largest, on a tie those with the smaller labels; default all. For
    /// [`Rule::Code`] the clusters with labels from 0 to this one, included; default
    /// [`DEFAULT_TOP_CODE`](Self::DEFAULT_TOP_CODE).
    #[must_use]
    pub fn topk(self, top: u64) -> Self {
        Self { top: Some(top), ..self }
    }

    /// Only this many pairs, the nearest, on a tie those with the smaller labels; at least 1. Default
    /// [`DEFAULT_MAX_PAIRS`](Self::DEFAULT_MAX_PAIRS) or
    /// [`DEFAULT_MAX_PAIRS_CODE`](Self::DEFAULT_MAX_PAIRS_CODE). Each takes up to 56 bytes.
    #[must_use]
    pub fn max_pairs(self, pairs: usize) -> Self {
        Self { most: Some(pairs.max(1)), ..self }
    }

    fn top(&self) -> Option<u64> {
        self.top.or((self.rule == Rule::Code).then_some(Self::DEFAULT_TOP_CODE))
    }

    fn pair_limit(&self) -> usize {
        self.most.unwrap_or(if self.rule == Rule::Code {
            Self::DEFAULT_MAX_PAIRS_CODE
        } else {
            Self::DEFAULT_MAX_PAIRS
        })
    }

    /// The metric.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Pairs nearer than this are sure.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.min
    }

    /// Pairs beyond this are left out.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.max
    }
}

/// Two clusters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The smaller label.
    pub a: i64,
    /// The larger label.
    pub b: i64,
    /// Their distance.
    pub distance: f64,
}

/// Pairs of clusters that may be one person.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Matches {
    /// Below min, the nearest first, on a tie those with the smaller labels.
    pub sure: Vec<Pair>,
    /// From min to max, in the order to ask.
    pub ask: Vec<Pair>,
    /// Clusters that were compared.
    pub clusters: usize,
    /// The rule of the lists.
    pub rule: Rule,
    /// If there were more pairs than the maximum: the distance of the last one kept.
    pub reached: Option<f64>,
}

/// A stage of the search, for progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Searching the two farthest rows of each cluster; counted in rows.
    Extremes,
    /// Comparing points; counted in pairs.
    Compare,
}

/// All pairs of clusters within `max`. `labels`: one a row, below 0 for a row in no cluster.
///
/// For k clusters of n rows with d numbers, most pairs ruled out in blocks (see
/// [`streamface_cluster::join()`]): average O(n·d + k²·d) in the worst case; triplet nine times that and the
/// search of the farthest rows; single O(n²·d). Memory: that of the join, about d + 40 bytes a point; 4d
/// bytes a point except for single; the pairs kept.
///
/// # Errors
/// [`Error::LabelCount`]; [`Error::TooManyPairs`] for [`Rule::Code`]; [`Error::Cluster`].
pub fn matches(rows: &Embeddings, labels: &[i64], settings: &Settings) -> Result<Matches, Error> {
    matches_observed(rows, labels, &[], settings, &|_, _, _| {})
}

/// Like [`matches()`], without the pairs of labels in `ignored`, which a person said are two people.
/// `observer` is called with the stage, the amount done and the total, from any thread.
///
/// # Errors
/// Those of [`matches()`].
pub fn matches_observed(
    rows: &Embeddings,
    labels: &[i64],
    ignored: &[(i64, i64)],
    settings: &Settings,
    observer: &(dyn Fn(Stage, u64, u64) + Sync),
) -> Result<Matches, Error> {
    let clusters = Clusters::new(rows, labels)?.wanted(settings);
    let nearest = Nearest::new(settings.pair_limit());
    let listen = |p: streamface_cluster::Progress| observer(Stage::Compare, p.done, p.total);
    let search = Search { settings, nearest: &nearest, observer: Observer::new(&listen) };
    match settings.mode {
        Mode::Average => {
            let of: Vec<u32> = (0..clusters.len() as u32).collect();
            search.points(&clusters.means(rows), &of, &of)?;
        }
        Mode::Single => {
            let (among, of) = clusters.of_rows(rows.len());
            search.points(rows, &among, &of)?;
        }
        Mode::Triplet => {
            let (total, seen) = (clusters.members() as u64, AtomicU64::new(0));
            let done = |rows: usize| {
                let rows = rows as u64;
                observer(Stage::Extremes, seen.fetch_add(rows, Relaxed) + rows, total);
            };
            let (points, of) = clusters.triplets(rows, settings.metric, done);
            search.points(&points, &(0..of.len() as u32).collect::<Vec<_>>(), &of)?;
        }
    }
    let (pairs, dropped) = nearest.finish();
    if dropped && settings.rule == Rule::Code {
        return Err(Error::TooManyPairs { most: settings.pair_limit(), max: settings.max });
    }
    let ignored: HashSet<(u32, u32)> = ignored
        .iter()
        .filter_map(|&(a, b)| Some((clusters.find(a.min(b))?, clusters.find(a.max(b))?)))
        .collect();
    let reached = pairs.last().map(|p| p.distance).filter(|_| dropped);
    let (sure, ask) = rules::lists(pairs, settings, clusters.len(), &ignored);
    let pair = |e: Entry| Pair {
        a: clusters.labels[e.a as usize],
        b: clusters.labels[e.b as usize],
        distance: e.distance,
    };
    Ok(Matches {
        sure: sure.into_iter().map(pair).collect(),
        ask: ask.into_iter().map(pair).collect(),
        clusters: clusters.len(),
        rule: settings.rule,
        reached,
    })
}

/// Joins points and collects pairs of clusters.
struct Search<'a> {
    settings: &'a Settings,
    nearest: &'a Nearest,
    observer: Observer<'a>,
}

impl Search<'_> {
    /// `of`: the cluster of each point.
    fn points(&self, points: &Embeddings, among: &[u32], of: &[u32]) -> Result<(), Error> {
        let of = |point: u32| of[point as usize];
        let settings = streamface_cluster::Settings::new(self.settings.metric, self.settings.max)?;
        let add = |part: Vec<Link>| {
            let entry = |l: Link| {
                let (a, b) = (of(l.i), of(l.j));
                Entry { distance: l.distance, a: a.min(b), b: a.max(b) }
            };
            self.nearest.add(part.into_iter().map(entry).collect());
            Ok(())
        };
        join_each(points, &settings, among, |p, q| of(p) != of(q), self.observer, add)?;
        Ok(())
    }
}
