//! The whole way from rows to clusters, in bands of the threshold.
//!
//! Complete linkage is monotone: no merge is nearer than one before it. So its state at a threshold t₁ is
//! one that every run to t ≥ t₁ passes through, and the clusters of that state may be taken as the points of
//! what follows. A *band* joins all pairs of points up to the largest threshold at which the links fit in
//! memory, links them, and hands its clusters to the next. At a small threshold there are few links among
//! very many rows; at a large one few points. Memory is that of the rows and the budget, whatever t.

use std::collections::HashSet;

use rayon::prelude::*;
use streamface_types::Embeddings;

use crate::constraints::{Constraints, Groups};
use crate::exact::Exact;
use crate::join::{join_points, pairs};
use crate::links::{Link, Links, Piece};
use crate::points::Points;
use crate::progress::{Observer, Stage};
use crate::sketch::{Space, Tuning, spread};
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
    /// Pairs of points, single rows in the first band, that were within reach of each other.
    pub links: u64,
    /// Bands of the threshold that it took; 1 where all links fitted in memory.
    pub bands: u32,
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
    let mut state = State::new(&exact, groups);
    let space = Space::new(&exact, &(0..rows.len() as u32).collect::<Vec<_>>(), tuning);
    let (mut reached, mut bands, mut links) = (0.0, 0, 0);
    let most = settings.most_links();
    loop {
        bands += 1;
        let observer = observer.of_band(bands, reached);
        let mut wanted = state.guess(&exact, reached..settings.threshold(), most);
        let found = loop {
            let range = reached..wanted;
            let found = join_points(&exact, &space, &state.points, &state.apart, range, most, observer);
            // Pairs at distance 0 are none in a later band, but may be all there is in the first.
            if found.threshold > reached || (bands == 1 && found.fits) {
                break found;
            }
            // Not even the first step fits: look closer.
            wanted = reached + (wanted - reached) / 1024.0;
            if wanted <= reached.next_up() {
                return Err(Error::Ties { distance: wanted, most });
            }
        };
        let count: u64 = found.pieces.iter().map(|p| p.len() as u64).sum();
        links += count;
        let counter = observer.start(Stage::Link, count);
        let pieces = found.pieces.into_iter().map(Piece::Memory).collect();
        let merges = linkage::merges(pieces, state.points.len())?;
        counter.advance(count);
        state.merge(&exact, &merges);
        reached = found.threshold;
        if reached >= settings.threshold() {
            return Ok(state.finish(links, bands));
        }
    }
}

/// Clusters the rows that `links` were found among by complete linkage: all links at once, in memory, 40
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
    Clustering { clusters: labels::sizes(&labels).len(), labels, merges, links: 0, bands: 0 }
}

/// Merges of must-linked rows.
pub(crate) fn must_links(groups: &Groups) -> Vec<Merge> {
    let rows = (0_u32..).zip(&groups.first).filter(|(row, first)| row != *first);
    rows.map(|(b, &a)| Merge { a, b, distance: 0.0 }).collect()
}

/// Where linkage stands between two bands.
struct State {
    sets: UnionFind,
    points: Points,
    /// The smallest row of each point, which names it.
    first: Vec<u32>,
    /// Points that must not join, the smaller first.
    apart: HashSet<(u32, u32)>,
    merges: Vec<Merge>,
}

impl State {
    fn new(exact: &Exact, groups: Groups) -> Self {
        let merges = must_links(&groups);
        let mut state = Self {
            sets: UnionFind::new(groups.first.len()),
            points: Points::new(&groups.first),
            first: Vec::new(),
            apart: HashSet::new(),
            merges,
        };
        for merge in &state.merges {
            state.sets.union(merge.a, merge.b);
        }
        // Named by rows until the points are known.
        state.apart = groups.apart;
        state.merge_copies(exact);
        let apart = std::mem::take(&mut state.apart);
        state.points = Points::new(&state.sets.roots());
        state.first = state.points.first_rows();
        let number = state.numbers();
        state.apart =
            apart.iter().map(|&(a, b)| (number[a as usize], number[b as usize])).map(in_order).collect();
        state.points.put_far_rows_first(exact);
        state
    }

    /// The point of each row.
    fn numbers(&self) -> Vec<u32> {
        let mut number = vec![0; self.points.members_in_all()];
        for p in 0..self.points.len() {
            self.points.members(p).iter().for_each(|&row| number[row as usize] = p as u32);
        }
        number
    }

    /// Equal rows are at distance 0 of each other and the same from all else, so they join first whatever
    /// comes, and a still picture does not make a link of every two of its copies. Rows with constraints
    /// stay as they are: what these allow, linkage finds out.
    fn merge_copies(&mut self, exact: &Exact) {
        let rows = exact.rows();
        let mut free = vec![true; rows.len()];
        let constrained = self.merges.iter().flat_map(|m| [m.a, m.b]);
        for row in constrained.chain(self.apart.iter().flat_map(|&(a, b)| [a, b])) {
            free[row as usize] = false;
        }
        // Zero rows are at distance 1 of each other under cosine.
        let zero = |row: u32| {
            exact.metric() == streamface_types::Metric::Cosine && exact.square(row as usize) == 0.0
        };
        let mut hashed: Vec<(u64, u32)> = (0..rows.len() as u32)
            .into_par_iter()
            .with_min_len(1024)
            .filter(|&row| free[row as usize] && !zero(row))
            .map(|row| (hash(rows.row(row as usize)), row))
            .collect();
        hashed.par_sort_unstable();
        let before = self.merges.len();
        for same in hashed.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
            let mut left: Vec<u32> = same.iter().map(|(_, row)| *row).collect();
            // One round unless hashes collide.
            while let Some(&a) = left.first() {
                let own = rows.row(a as usize);
                let equal = |&row: &u32| rows.row(row as usize).iter().zip(own).all(|(x, y)| x == y);
                for &b in left[1..].iter().filter(|row| equal(row)) {
                    self.sets.union(a, b);
                    self.merges.push(Merge { a, b, distance: 0.0 });
                }
                left.retain(|row| !equal(row));
            }
        }
        self.merges[before..].sort_unstable_by(Merge::order);
    }

    /// A threshold, no larger than the end of `range`, up to which the links should fit: from a sample of
    /// pairs. Wrong guesses cost time only.
    fn guess(&self, exact: &Exact, range: std::ops::Range<f64>, most: u64) -> f64 {
        let total = pairs(self.points.len());
        if total <= most {
            return range.end;
        }
        let left: Vec<usize> = spread(self.points.len(), 256).collect();
        let right: Vec<usize> = spread(self.points.len(), 1024).collect();
        let mut distances: Vec<f64> = left
            .par_iter()
            .flat_map_iter(|&i| {
                right.iter().filter(move |&&j| i != j).filter_map(move |&j| {
                    exact.complete(self.points.members(i), self.points.members(j), range.end)
                })
            })
            .collect();
        let sampled = (left.len() * right.len()) as f64;
        let fit = (most as f64 * 0.8 / (total as f64 / sampled)) as usize;
        if distances.len() <= fit {
            return range.end;
        }
        distances.par_sort_unstable_by(f64::total_cmp);
        // With few of them the guess is rough: a little more is asked for, as the join falls back by itself.
        let guess = distances[(fit + 4).min(distances.len() - 1)];
        if guess > range.start { guess } else { range.end }
    }

    /// Takes a band's merges, which name points.
    fn merge(&mut self, exact: &Exact, merges: &[Merge]) {
        for m in merges {
            let (a, b) = (self.first[m.a as usize], self.first[m.b as usize]);
            self.sets.union(a, b);
            self.merges.push(Merge { a, b, ..*m });
        }
        let old = std::mem::take(&mut self.first);
        self.points = Points::new(&self.sets.roots());
        self.first = self.points.first_rows();
        if !self.apart.is_empty() {
            let number = self.numbers();
            let now = |p: u32| number[old[p as usize] as usize];
            self.apart = self.apart.iter().map(|&(a, b)| in_order((now(a), now(b)))).collect();
        }
        self.points.put_far_rows_first(exact);
    }

    fn finish(mut self, links: u64, bands: u32) -> Clustering {
        let labels = labels::by_first_appearance(&self.sets.roots());
        Clustering { clusters: self.points.len(), labels, merges: self.merges, links, bands }
    }
}

fn in_order((a, b): (u32, u32)) -> (u32, u32) {
    (a.min(b), a.max(b))
}

/// Of a row's numbers; 0 and −0 alike, as they are equal.
fn hash(row: &[f32]) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for x in row {
        hash = (hash.rotate_left(5) ^ u64::from((x + 0.0).to_bits())).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    hash
}

/// Links between the clusters that linkage starts from, each known by its smallest row: two groups are
/// linked where all pairs across them are, at the largest distance, unless they must stay apart.
fn between_groups(links: Links, groups: &Groups) -> Result<Vec<Piece>, Error> {
    if !groups.any_must() && groups.apart.is_empty() {
        return Ok(links.into_pieces());
    }
    let apart = |p: u32, q: u32| groups.apart.contains(&(p, q));
    let mut all: Vec<Link> = Vec::new();
    for piece in links.into_pieces() {
        all.extend(piece.read()?.into_iter().filter_map(|l| {
            let (p, q) = (groups.first[l.i as usize], groups.first[l.j as usize]);
            let (i, j) = (p.min(q), p.max(q));
            (i != j && !apart(i, j)).then_some(Link { i, j, distance: l.distance })
        }));
    }
    if groups.any_must() {
        all.par_sort_unstable_by_key(|l| (l.i, l.j));
        let whole = |of: &[Link]| {
            let pairs = u64::from(groups.size(of[0].i)) * u64::from(groups.size(of[0].j));
            let distance = of.iter().map(|l| l.distance).fold(0.0, f64::max);
            (of.len() as u64 == pairs).then_some(Link { distance, ..of[0] })
        };
        all = all.chunk_by(|a, b| (a.i, a.j) == (b.i, b.j)).filter_map(whole).collect();
    }
    Ok(vec![Piece::Memory(all)])
}
