//! Complete linkage from rows to clusters, and from links.

use rayon::prelude::*;
use streamface_types::Embeddings;

use crate::constraints::{Constraints, Groups};
use crate::exact::Exact;
use crate::found::Link;
use crate::links::{Links, Piece};
use crate::points::Points;
use crate::progress::Observer;
use crate::sketch::{Space, Tuning};
use crate::solve::{Apart, Solver};
use crate::union_find::UnionFind;
use crate::{Error, Settings, labels, linkage};

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
    /// those that were looked at as a square.
    pub links: u64,
    /// Bands of the threshold that it took; 1 where all links fitted in memory.
    pub bands: u32,
    /// Parts of the rows that have nothing to do with each other up to some threshold, where they are known.
    pub parts: Option<Parts>,
}

/// Rows in parts that are all farther apart than a threshold: up to there each part is linked by itself, and so stays
/// what it is when [`append`](crate::append) adds rows to others.
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

/// Clusters rows by complete linkage cut at the threshold.
///
/// In a cluster of the result all distances are ≤ threshold, except among rows that were must-linked;
/// no cluster holds a cannot-linked pair.
///
/// # Errors
/// [`Error::NoSuchRow`] and [`Error::Contradiction`] for constraints; [`Error::TooManyRows`];
/// [`Error::Ties`] where more pairs than fit in memory are at one and the same distance.
pub fn complete_linkage(
    rows: &Embeddings,
    settings: &Settings,
    constraints: &Constraints,
) -> Result<Clustering, Error> {
    complete_linkage_observed(rows, settings, constraints, Observer::none())
}

/// [`complete_linkage`] that says how far it has come.
///
/// # Errors
/// Those of [`complete_linkage`].
pub fn complete_linkage_observed(
    rows: &Embeddings,
    settings: &Settings,
    constraints: &Constraints,
    observer: Observer<'_>,
) -> Result<Clustering, Error> {
    complete_linkage_with(rows, settings, constraints, observer, Tuning::default())
}

pub(crate) fn complete_linkage_with(
    rows: &Embeddings,
    settings: &Settings,
    constraints: &Constraints,
    observer: Observer<'_>,
    tuning: Tuning,
) -> Result<Clustering, Error> {
    // Before the work, not after.
    let groups = constraints.close(rows.len())?;
    let exact = Exact::new(rows, settings.metric())?;
    let space = Space::new(&exact, &(0..rows.len() as u32).collect::<Vec<_>>(), tuning);
    let mut merges = must_links(&groups);
    let copies = copies(&exact, &merges, &groups, |_| true);
    let order = without_copies(&copies, rows.len());
    merges.extend(copies);
    let place = |row: &u32| order.partition_point(|other| other < &groups.first[*row as usize]) as u32;
    let points = Points::of_rows(&order);
    let points = if groups.any_must() {
        points.grouped(&exact, &order.iter().map(place).collect::<Vec<_>>())
    } else {
        points
    };
    let apart = Apart::new(&points, &groups);
    let solver = Solver::new(&exact, &space, settings.most_links(), observer);
    let solved = solver.solve(points, apart, settings.threshold())?;
    let (ties, threshold) = solved.parts;
    let ties = ties.into_iter().chain(merges.iter().map(|m| (m.a, m.b)));
    // One part of all rows says nothing.
    let parts =
        Some(Parts::tied(rows.len(), threshold, ties)?).filter(|parts| parts.of.iter().any(|&of| of > 0));
    merges.extend(solved.merges);
    let (links, bands) = (solved.links, solved.bands);
    Ok(Clustering { links, bands, parts, ..of_merges(rows.len(), merges) })
}

/// Clusters the rows that `links` were found among by complete linkage: all links at once, in memory, 64
/// bytes each. [`complete_linkage`] on the rows themselves has no such limit.
///
/// # Errors
/// [`Error::NoSuchRow`] and [`Error::Contradiction`] for constraints; [`Error::Spill`].
pub fn link(links: Links, constraints: &Constraints) -> Result<Clustering, Error> {
    let groups = constraints.close(links.rows())?;
    let (rows, count) = (links.rows(), links.len());
    let pieces = between_groups(links, &groups)?;
    let mut merges = must_links(&groups);
    merges.extend(linkage::merges(pieces, rows)?);
    Ok(Clustering { links: count, bands: 1, ..of_merges(rows, merges) })
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

/// Merges of must-linked rows.
pub(crate) fn must_links(groups: &Groups) -> Vec<Merge> {
    let rows = (0_u32..).zip(&groups.first).filter(|(row, first)| row != *first);
    rows.map(|(b, &a)| Merge { a, b, distance: 0.0 }).collect()
}

/// Equal rows are at distance 0 of each other and the same from all else, so they join first whatever
/// comes, and a still picture does not make a link of every two of its copies. Rows with constraints stay as
/// they are: what these allow, linkage finds out.
pub(crate) fn copies(
    exact: &Exact,
    must: &[Merge],
    groups: &Groups,
    among: impl Fn(u32) -> bool + Sync,
) -> Vec<Merge> {
    let rows = exact.rows();
    let mut free = vec![true; rows.len()];
    let constrained = must.iter().flat_map(|m| [m.a, m.b]);
    for row in constrained.chain(groups.apart.iter().flat_map(|&(a, b)| [a, b])) {
        free[row as usize] = false;
    }
    let mut hashed: Vec<(u64, u32)> = (0..rows.len() as u32)
        .into_par_iter()
        .with_min_len(1024)
        .filter(|&row| free[row as usize] && among(row) && !exact.is_zero(row))
        .map(|row| (hash(rows.row(row as usize)), row))
        .collect();
    hashed.par_sort_unstable();
    let mut merges = Vec::new();
    for same in hashed.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
        let mut left: Vec<u32> = same.iter().map(|(_, row)| *row).collect();
        // One round unless hashes collide.
        while let Some(&a) = left.first() {
            let own = rows.row(a as usize);
            let equal = |&row: &u32| rows.row(row as usize).iter().zip(own).all(|(x, y)| x == y);
            merges.extend(left[1..].iter().filter(|row| equal(row)).map(|&b| Merge { a, b, distance: 0.0 }));
            left.retain(|row| !equal(row));
        }
    }
    merges.sort_unstable_by(Merge::order);
    merges
}

/// The rows that are no copies, in order: one of equal rows speaks for all of them.
pub(crate) fn without_copies(copies: &[Merge], rows: usize) -> Vec<u32> {
    let mut left = vec![true; rows];
    copies.iter().for_each(|m| left[m.b as usize] = false);
    (0..rows as u32).filter(|&row| left[row as usize]).collect()
}

/// Of a row's numbers; 0 and −0 alike, as they are equal.
fn hash(row: &[f32]) -> u64 {
    let add = |hash: u64, x: u64| (hash.rotate_left(5) ^ x).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // Four that do not wait for each other.
    let mut hashes = [0xCBF2_9CE4_8422_2325_u64; 4];
    let mut add_to = |at: usize, x: f32| hashes[at] = add(hashes[at], (x + 0.0).to_bits().into());
    let (full, rest) = row.as_chunks::<4>();
    full.iter().for_each(|numbers| (0..4).for_each(|at| add_to(at, numbers[at])));
    rest.iter().enumerate().for_each(|(at, &x)| add_to(at, x));
    hashes.into_iter().fold(0, add)
}

/// Links between the clusters that linkage starts from, each known by its smallest row: two groups are
/// linked where all pairs across them are, at the largest distance, unless they must stay apart.
fn between_groups(links: Links, groups: &Groups) -> Result<Vec<Piece>, Error> {
    if !groups.any_must() && groups.apart.is_empty() {
        return Ok(links.into_pieces());
    }
    let apart = |p: u32, q: u32| groups.apart.contains(&(p, q));
    // Each with the rows that it is of.
    let mut all: Vec<(Link, (u32, u32))> = Vec::new();
    for piece in links.into_pieces() {
        all.extend(piece.read()?.into_iter().filter_map(|l| {
            let (p, q) = (groups.first[l.i as usize], groups.first[l.j as usize]);
            let (i, j) = (p.min(q), p.max(q));
            (i != j && !apart(i, j)).then_some((Link { i, j, distance: l.distance }, (l.i, l.j)))
        }));
    }
    if !groups.any_must() {
        return Ok(vec![Piece::Plain(all.into_iter().map(|(link, _)| link).collect())]);
    }
    // A part that was joined twice counts once.
    all.par_sort_unstable_by_key(|(link, rows)| (link.i, link.j, *rows));
    all.dedup_by_key(|(_, rows)| *rows);
    let whole = |of: &[(Link, (u32, u32))]| {
        let first = of[0].0;
        let pairs = u64::from(groups.size(first.i)) * u64::from(groups.size(first.j));
        let distance = of.iter().map(|(link, _)| link.distance).fold(0.0, f64::max);
        (of.len() as u64 == pairs).then_some(Link { distance, ..first })
    };
    let same = |a: &(Link, (u32, u32)), b: &(Link, (u32, u32))| (a.0.i, a.0.j) == (b.0.i, b.0.j);
    Ok(vec![Piece::Plain(all.chunk_by(same).filter_map(whole).collect())])
}
