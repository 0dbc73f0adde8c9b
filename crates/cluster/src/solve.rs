//! Complete linkage of any number of points in bounded memory: in bands of the threshold, and component by
//! component.
//!
//! Complete linkage is monotone: no merge is nearer than one before it. So its state at a threshold t₁ is
//! one that every run to t ≥ t₁ passes through, and the clusters of that state may be taken as the points of
//! what follows. That gives two ways on from any state:
//!
//! * a *band*: all links of the points up to the largest threshold at which they fit in memory, linked at once;
//! * a *split*: the connected components at some threshold, each brought to that threshold by itself. It
//!   needs no links, only which points hang together ([`Forest`]), and is taken where links are far too
//!   many and components are small beside the whole: then bands need not look at all pairs again and again.
//!
//! Which, and how far, is decided by a sample and by what was found; the result is the same whatever is chosen.

use std::collections::HashSet;

use rayon::prelude::*;

use crate::clustering::Merge;
use crate::components::Components;
use crate::constraints::Groups;
use crate::dense::{self, Square};
use crate::exact::Exact;
use crate::forest::Forest;
use crate::join::{Bounded, join_points, pairs};
use crate::links::Piece;
use crate::points::Points;
use crate::progress::{Observer, Stage};
use crate::sketch::{Space, spread};
use crate::union_find::UnionFind;
use crate::{Error, linkage};

/// Points that must not join, the smaller first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Apart(HashSet<(u32, u32)>);

impl Apart {
    pub(crate) fn new(points: &Points, groups: &Groups) -> Self {
        if groups.apart.is_empty() {
            return Self::default();
        }
        // Rows with constraints are never copies of others, so each is its group's smallest row.
        Self::between(points, groups, |row| row)
    }

    /// The same where groups have become parts of points; `id` is the smallest row of a group's point.
    pub(crate) fn between(points: &Points, groups: &Groups, mut id: impl FnMut(u32) -> u32) -> Self {
        let mut number = |row: u32| {
            let id = id(row);
            points.ids().partition_point(|&of| of < id) as u32
        };
        Self::in_order(groups.apart.iter().map(|&(a, b)| (number(a), number(b))))
    }

    fn in_order(all: impl Iterator<Item = (u32, u32)>) -> Self {
        Self(all.map(|(a, b)| (a.min(b), a.max(b))).collect())
    }

    pub(crate) fn holds(&self, i: u32, j: u32) -> bool {
        !self.0.is_empty() && self.0.contains(&(i, j))
    }

    /// After points have become others: `now` is what each is.
    fn renamed(&self, now: &[u32]) -> Self {
        Self::in_order(self.0.iter().map(|&(a, b)| (now[a as usize], now[b as usize])))
    }
}

/// What came of some points.
#[derive(Debug, Default)]
pub(crate) struct Solved {
    /// Of rows, in order.
    pub(crate) merges: Vec<Merge>,
    pub(crate) links: u64,
    pub(crate) bands: u32,
}

/// Complete linkage with a budget of links.
pub(crate) struct Solver<'a> {
    exact: &'a Exact<'a>,
    space: &'a Space,
    most: u64,
    observer: Observer<'a>,
}

/// Points of which all pairs are looked at without any ado.
const TINY: usize = 64;
/// Looking at all pairs once more is cheap up to this many a link of the budget.
const CHEAP: u64 = 40;
/// A split is worth it where its components have this many times fewer pairs than the whole.
const WORTH: u64 = 16;

impl<'a> Solver<'a> {
    pub(crate) fn new(exact: &'a Exact<'a>, space: &'a Space, most: u64, observer: Observer<'a>) -> Self {
        Self { exact, space, most, observer }
    }

    /// All merges of `points` at distance ≤ `threshold`.
    pub(crate) fn solve(&self, points: Points, apart: Apart, threshold: f64) -> Result<Solved, Error> {
        let mut solved = Solved::default();
        let (mut points, mut apart, mut reached) = (points, apart, None);
        loop {
            solved.bands += 1;
            let observer = self.observer.of_band(solved.bands, reached.unwrap_or(0.0));
            let (merges, links, now) = self.step(&points, &apart, reached, threshold, observer)?;
            solved.links += links;
            let mut sets = UnionFind::new(points.len());
            merges.iter().for_each(|m| sets.union(m.a, m.b));
            solved.merges.extend(merges.iter().map(|m| Merge { a: points.id(m.a), b: points.id(m.b), ..*m }));
            if now >= threshold {
                return Ok(solved);
            }
            reached = Some(now);
            let roots = sets.into_roots();
            if !merges.is_empty() {
                points = points.grouped(self.exact, &roots);
                apart = apart.renamed(&numbers(&roots));
            }
        }
    }

    /// Merges of points, up to the threshold that comes back; how many links it took.
    fn step(
        &self,
        points: &Points,
        apart: &Apart,
        reached: Option<f64>,
        threshold: f64,
        observer: Observer<'_>,
    ) -> Result<(Vec<Merge>, u64, f64), Error> {
        if points.len() <= TINY {
            let (merges, links) = self.tiny(points, apart, threshold);
            return Ok((merges, links, threshold));
        }
        let guess = self.guess(points, reached.unwrap_or(0.0), threshold);
        if guess < threshold && pairs(points.len()) / CHEAP > self.most {
            if let Some(split) = self.split(points, apart, reached, threshold, observer)? {
                return Ok(split);
            }
        }
        let found = self.join(points, apart, reached, guess, observer)?;
        let links = found.pieces.iter().map(|p| p.len() as u64).sum();
        let counter = observer.start(Stage::Link, links);
        let pieces = found.pieces.into_iter().map(Piece::Memory).collect();
        let merges = linkage::merges(pieces, points.len())?;
        counter.advance(links);
        Ok((merges, links, found.threshold))
    }

    /// All links up to `wanted`, or as far as they fit.
    fn join(
        &self,
        points: &Points,
        apart: &Apart,
        reached: Option<f64>,
        wanted: f64,
        observer: Observer<'_>,
    ) -> Result<Bounded, Error> {
        let start = reached.unwrap_or(0.0);
        let mut wanted = wanted;
        loop {
            let found =
                join_points(self.exact, self.space, points, apart, start..wanted, self.most, observer);
            // Pairs at distance 0 are none in a later band, but may be all there is in the first.
            if found.threshold > start || (reached.is_none() && found.fits) {
                return Ok(found);
            }
            // Not even the first step fits: look closer.
            wanted = start + (wanted - start) / 1024.0;
            if wanted <= start.next_up() {
                return Err(Error::Ties { distance: wanted, most: self.most });
            }
        }
    }

    fn tiny(&self, points: &Points, apart: &Apart, threshold: f64) -> (Vec<Merge>, u64) {
        let n = points.len();
        let mut square = Square::new(n);
        let mut links = 0;
        for i in 0..n {
            for j in i + 1..n {
                if apart.holds(i as u32, j as u32) {
                    continue;
                }
                if let Some(d) = self.exact.complete(points.members(i), points.members(j), threshold) {
                    square.set(i, j, d);
                    square.set(j, i, d);
                    links += 1;
                }
            }
        }
        let mut merges = dense::chain(square, |left, right, _, _| left.max(right));
        merges.sort_unstable_by(Merge::order);
        (merges, links)
    }

    /// Components by themselves, up to the largest threshold at which they are small; none where that does
    /// not help.
    fn split(
        &self,
        points: &Points,
        apart: &Apart,
        reached: Option<f64>,
        threshold: f64,
        observer: Observer<'_>,
    ) -> Result<Option<(Vec<Merge>, u64, f64)>, Error> {
        let start = reached.unwrap_or(0.0);
        let forest = Forest::new(self.exact, self.space, points, start..threshold, observer);
        let Some((roots, now)) = forest.components(pairs(points.len()) / WORTH) else { return Ok(None) };
        drop(forest);
        let components = Components::new(&roots);
        let mut parts: Vec<&[u32]> = components
            .ranges()
            .filter(|(from, to)| to - from > 1)
            .map(|(from, to)| &components.point_at[from..to])
            .collect();
        parts.sort_by_key(|part| (std::cmp::Reverse(part.len()), part[0]));
        // What may fill the budget goes one by one, the rest side by side.
        let side = self.most / rayon::current_num_threads() as u64;
        let large = parts.partition_point(|part| pairs(part.len()) > side);
        let part_of = |part: &&[u32]| self.part(points, apart, part, now);
        let total: u64 = parts.iter().map(|part| part.len() as u64).sum();
        let counter = observer.start(Stage::Link, total);
        let mut solved = Vec::new();
        for part in &parts[..large] {
            solved.push(part_of(part)?);
            counter.advance(part.len() as u64);
        }
        let rest: Result<Vec<Solved>, Error> = parts[large..]
            .par_iter()
            .map(|part| {
                let solved = part_of(part);
                counter.advance(part.len() as u64);
                solved
            })
            .collect();
        solved.extend(rest?);
        let links = solved.iter().map(|s| s.links).sum();
        // Named by rows; here by points.
        let number = |row: u32| points.ids().partition_point(|&id| id < row) as u32;
        let named = |m: Merge| Merge { a: number(m.a), b: number(m.b), ..m };
        let mut merges: Vec<Merge> = solved.into_iter().flat_map(|s| s.merges).map(named).collect();
        merges.par_sort_unstable_by(Merge::order);
        Ok(Some((merges, links, now)))
    }

    fn part(&self, points: &Points, apart: &Apart, part: &[u32], threshold: f64) -> Result<Solved, Error> {
        let within = if apart.0.is_empty() {
            Apart::default()
        } else {
            // Few have constraints; of each pair both must be here.
            let place = |p: &u32| part.binary_search(p).ok().map(|at| at as u32);
            let mut all = HashSet::new();
            if part.len() < apart.0.len() {
                let number = |at: usize| part[at];
                for i in 0..part.len() {
                    for j in (i + 1..part.len()).take_while(|_| part.len() <= 1000) {
                        if apart.holds(number(i), number(j)) {
                            all.insert((i as u32, j as u32));
                        }
                    }
                }
            }
            if part.len() >= apart.0.len() || part.len() > 1000 {
                all.extend(apart.0.iter().filter_map(|(a, b)| Some((place(a)?, place(b)?))));
            }
            Apart(all)
        };
        let solver = Solver { observer: Observer::none(), ..*self };
        solver.solve(points.subset(part), within, threshold)
    }

    /// A threshold, no larger than the one wanted, up to which the links should fit: from a sample of
    /// pairs. Wrong guesses cost time only.
    fn guess(&self, points: &Points, reached: f64, threshold: f64) -> f64 {
        let total = pairs(points.len());
        if total <= self.most {
            return threshold;
        }
        let left: Vec<usize> = spread(points.len(), 256).collect();
        let right: Vec<usize> = spread(points.len(), 1024).collect();
        let near = |i: usize, j: usize| self.exact.complete(points.members(i), points.members(j), threshold);
        let mut distances: Vec<f64> = left
            .par_iter()
            .flat_map_iter(|&i| right.iter().filter(move |&&j| i != j).filter_map(move |&j| near(i, j)))
            .collect();
        let sampled = (left.len() * right.len()) as f64;
        let fit = (self.most as f64 * 0.8 / (total as f64 / sampled)) as usize;
        if distances.len() <= fit {
            return threshold;
        }
        distances.par_sort_unstable_by(f64::total_cmp);
        // With few of them the guess is rough: a little more is asked for, as the join falls back by itself.
        let guess = distances[(fit + 4).min(distances.len() - 1)];
        if guess > reached { guess } else { threshold }
    }
}

/// The number of each point's group, groups counted in the order of their smallest points.
fn numbers(roots: &[u32]) -> Vec<u32> {
    let mut number = vec![0; roots.len()];
    let mut next = 0;
    for (point, &root) in roots.iter().enumerate() {
        if root as usize == point {
            number[point] = next;
            next += 1;
        } else {
            number[point] = number[root as usize];
        }
    }
    number
}
