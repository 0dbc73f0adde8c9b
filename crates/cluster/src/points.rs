//! What linkage joins: clusters of rows that stay together from here on, single rows at first.

use std::ops::Range;

use rayon::prelude::*;
use streamface_types::Metric;

use crate::components::Components;
use crate::exact_distance::ExactDistance;

/// Clusters of rows, in the order of their smallest rows by default.
#[derive(Debug, Clone)]
pub(crate) struct Points {
    /// The smallest row of each cluster, which names it.
    id: Vec<u32>,
    /// Where each cluster's rows start; one more at the end.
    start: Vec<u32>,
    /// Rows that stick out first.
    rows: Vec<u32>,
}

impl Points {
    /// The clusters of rows with the same root, the smallest row of each cluster.
    pub(crate) fn new(exact: &ExactDistance, root: &[u32]) -> Self {
        let rows: Vec<u32> = (0..root.len() as u32).collect();
        Self::of_rows(&rows).grouped(exact, root)
    }

    /// Each of `rows`, in ascending order, for itself.
    pub(crate) fn of_rows(rows: &[u32]) -> Self {
        Self { id: rows.to_vec(), start: (0..=rows.len() as u32).collect(), rows: rows.to_vec() }
    }

    /// Points with the same root, the smallest point of each group, become one.
    pub(crate) fn grouped(&self, exact: &ExactDistance, root: &[u32]) -> Self {
        let groups = Components::new(root);
        let mut new = Self { id: Vec::new(), start: vec![0], rows: Vec::with_capacity(self.rows.len()) };
        for (from, to) in groups.ranges() {
            let points = &groups.point_at[from..to];
            new.id.push(self.id[points[0] as usize]);
            points.iter().for_each(|&p| new.rows.extend(self.members(p as usize)));
            new.start.push(new.rows.len() as u32);
        }
        new.put_far_rows_first(exact, |group| {
            let (from, to) = groups.range(group);
            to - from > 1
        });
        new
    }

    /// Some of the points, or all, in a given order.
    pub(crate) fn in_order(&self, points: &[u32]) -> Self {
        let mut new = Self { id: Vec::with_capacity(points.len()), start: vec![0], rows: Vec::new() };
        for &p in points {
            new.id.push(self.id[p as usize]);
            new.rows.extend(self.members(p as usize));
            new.start.push(new.rows.len() as u32);
        }
        new
    }

    /// Pairs of rows that tie those of each cluster together, and clusters with the same root.
    pub(crate) fn tied(&self, root: &[u32]) -> Vec<(u32, u32)> {
        let clusters = self.id.iter().zip(root).map(|(&id, &root)| (self.id(root), id));
        let rows = (0..self.len()).flat_map(|p| self.members(p).iter().map(move |&row| (self.id[p], row)));
        clusters.chain(rows).filter(|(a, b)| a != b).collect()
    }

    /// The smallest row of a cluster.
    pub(crate) fn id(&self, point: u32) -> u32 {
        self.id[point as usize]
    }

    pub(crate) fn ids(&self) -> &[u32] {
        &self.id
    }

    /// Rows of all clusters.
    pub(crate) fn members_in_all(&self) -> usize {
        self.rows.len()
    }

    /// Number of clusters.
    pub(crate) fn len(&self) -> usize {
        self.start.len() - 1
    }

    /// Places of a cluster's rows in the order of all.
    pub(crate) fn range(&self, point: usize) -> Range<usize> {
        self.start[point] as usize..self.start[point + 1] as usize
    }

    /// Rows of a cluster.
    pub(crate) fn members(&self, point: usize) -> &[u32] {
        &self.rows[self.range(point)]
    }

    /// The first row of each of some clusters, in `room` where they do not lie side by side.
    pub(crate) fn firsts<'a>(&'a self, points: Range<usize>, room: &'a mut Vec<u32>) -> &'a [u32] {
        if self.are_rows() {
            return &self.rows[points];
        }
        room.clear();
        room.extend(points.map(|point| self.members(point)[0]));
        room
    }

    /// Whether each cluster is a single row.
    pub(crate) fn are_rows(&self) -> bool {
        self.rows.len() == self.len()
    }

    /// Puts the rows of each cluster that are farthest from its mean first: the largest distance to
    /// another cluster is likely one of theirs, and what is too far is known early.
    fn put_far_rows_first(&mut self, exact: &ExactDistance, is_new: impl Fn(usize) -> bool) {
        let mut rest = &mut self.rows[..];
        let mut lists: Vec<&mut [u32]> = Vec::new();
        for (p, w) in self.start.windows(2).enumerate() {
            let (list, others) = rest.split_at_mut((w[1] - w[0]) as usize);
            rest = others;
            if list.len() > 2 && is_new(p) {
                lists.push(list);
            }
        }
        lists.into_par_iter().for_each(|list| {
            let mut mean = vec![0.0; exact.rows().dim()];
            list.iter().for_each(|&row| add_unit(exact, row, &mut mean));
            let count = list.len() as f64;
            let far =
                |&row: &u32| unit(exact, row).zip(&mean).map(|(x, m)| (x - m / count).powi(2)).sum::<f64>();
            let mut keyed: Vec<(f64, u32)> = list.iter().map(|row| (far(row), *row)).collect();
            keyed.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            list.iter_mut().zip(keyed).for_each(|(slot, (_, row))| *slot = row);
        });
    }
}

/// What a row is multiplied by before means are taken: its inverse length for cosine, where zero rows
/// stay zero.
pub(crate) fn unit_factor(exact: &ExactDistance, row: u32) -> f64 {
    match exact.metric() {
        Metric::Cosine if exact.is_zero(row) => 0.0,
        Metric::Cosine => exact.square(row as usize).sqrt().recip(),
        _ => 1.0,
    }
}

/// A row times that.
pub(crate) fn unit(exact: &ExactDistance<'_>, row: u32) -> impl Iterator<Item = f64> {
    let factor = unit_factor(exact, row);
    exact.rows().row(row as usize).iter().map(move |&x| f64::from(x) * factor)
}

pub(crate) fn add_unit(exact: &ExactDistance, row: u32, sum: &mut [f64]) {
    sum.iter_mut().zip(unit(exact, row)).for_each(|(s, x)| *s += x);
}
