//! How far one gets part by part.
//!
//! Up to the threshold of the old run's [`Parts`] each of them is linked by itself. Rows that are new, or that constraints
//! have come to or gone from, tie those together that they are near; what none of them is near is as it was, and the
//! others are linked again, which for a dense part is a matrix and not a search for each merge.

use rayon::prelude::*;

use super::search::Search;
use crate::banded::BandedLinkage;
use crate::cannot_links::CannotLinks;
use crate::clustering::Parts;
use crate::constraints::Groups;
use crate::exact_distance::ExactDistance;
use crate::panel_blocks::pairs;
use crate::points::Points;
use crate::union_find::UnionFind;
use crate::{Error, Merge};

/// How far one got.
pub(super) struct PartsResult {
    /// The parts of all rows.
    pub(super) parts: Parts,
    /// All merges up to their threshold, and how many links that took; none where it would be as much work as all.
    pub(super) linked: Option<(Vec<Merge>, u64)>,
}

/// Where things start from.
pub(super) struct PartsInput<'a> {
    pub(super) exact: &'a ExactDistance<'a>,
    pub(super) search: &'a Search<'a>,
    /// The rows in the search's order.
    pub(super) order: &'a [u32],
    pub(super) groups: &'a Groups,
    /// The smallest row of what each is merged with at first.
    pub(super) roots: &'a [u32],
    /// Rows that are new, or whose constraints changed.
    pub(super) fresh: &'a [u32],
}

impl PartsInput<'_> {
    /// Up to `threshold`, at most that of the old parts; `below` are the old merges up to there.
    pub(super) fn begin(
        &self,
        below: &[Merge],
        parts: &Parts,
        threshold: f64,
        solver: &BandedLinkage<'_>,
    ) -> Result<PartsResult, Error> {
        let n = self.roots.len();
        let mut sets = UnionFind::new(n);
        let merged = (0_u32..).zip(self.roots).map(|(row, &root)| (root, row));
        parts.ties().chain(merged).for_each(|(a, b)| sets.union(a, b));
        let before = sets.roots();
        for (a, b) in self.search.near(self.order, self.fresh, &before, threshold) {
            sets.union(a, b);
        }
        let roots = sets.into_roots();
        let mut touched = vec![false; n];
        self.fresh.iter().for_each(|&row| touched[roots[row as usize] as usize] = true);
        let rows: Vec<u32> = (0..n as u32).filter(|&row| touched[roots[row as usize] as usize]).collect();
        let mut sizes = vec![0_usize; n];
        rows.iter().for_each(|&row| sizes[roots[row as usize] as usize] += 1);
        if sizes.iter().map(|&size| pairs(size)).sum::<u64>()
            > pairs(n) / self.search.limits.min_pair_reduction
        {
            return Ok(PartsResult { parts: Parts { threshold, of: roots }, linked: None });
        }
        let place = |row: u32| rows.partition_point(|&other| other < row) as u32;
        let mut points = Points::of_rows(&rows);
        if rows.iter().any(|&row| self.roots[row as usize] != row) {
            let merged: Vec<u32> = rows.iter().map(|&row| place(self.roots[row as usize])).collect();
            points = points.grouped(self.exact, &merged);
        }
        // A part's smallest row is that of what it is merged with at first, and so names a point.
        let point = |row: u32| points.ids().partition_point(|&id| id < row) as u32;
        let of_point: Vec<u32> = points.ids().iter().map(|&id| point(roots[id as usize])).collect();
        let apart = CannotLinks::between(&points, self.groups, |row| self.roots[row as usize]);
        let (merges, links) = solver.parts(&points, &apart, &of_point, threshold)?;
        let named = merges.into_iter().map(|m| Merge { a: points.id(m.a), b: points.id(m.b), ..m });
        let again = below.iter().filter(|m| !touched[roots[m.a as usize] as usize]).copied();
        let mut merges: Vec<Merge> = named.chain(again).collect();
        merges.par_sort_unstable_by(Merge::order);
        Ok(PartsResult { parts: Parts { threshold, of: roots }, linked: Some((merges, links)) })
    }
}
