//! What linkage joins: clusters of rows that stay together from here on, single rows at first.

use std::ops::Range;

use rayon::prelude::*;
use streamface_types::Metric;

use crate::exact::Exact;

/// Clusters of rows, in the order of their smallest rows.
#[derive(Debug, Clone)]
pub(crate) struct Points {
    /// Where each cluster's rows start; one more at the end.
    start: Vec<u32>,
    rows: Vec<u32>,
}

impl Points {
    /// The clusters of rows with the same root, the smallest row of each cluster.
    pub(crate) fn new(root: &[u32]) -> Self {
        let rows = root.len();
        let mut number = vec![0_u32; rows];
        let mut count = 0;
        for (row, &r) in root.iter().enumerate() {
            if r as usize == row {
                number[row] = count;
                count += 1;
            }
        }
        let mut start = vec![0_u32; count as usize + 1];
        for &r in root {
            start[number[r as usize] as usize + 1] += 1;
        }
        for p in 0..count as usize {
            start[p + 1] += start[p];
        }
        let mut end = start.clone();
        let mut members = vec![0; rows];
        for (row, &r) in (0_u32..).zip(root) {
            let at = &mut end[number[r as usize] as usize];
            members[*at as usize] = row;
            *at += 1;
        }
        Self { start, rows: members }
    }

    /// Each of `rows`, in ascending order, for itself.
    pub(crate) fn of_rows(rows: &[u32]) -> Self {
        Self { start: (0..=rows.len() as u32).collect(), rows: rows.to_vec() }
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

    /// The smallest row of each cluster. Only before [`Points::put_far_rows_first`].
    pub(crate) fn first_rows(&self) -> Vec<u32> {
        (0..self.len()).map(|p| self.members(p)[0]).collect()
    }

    /// Puts the rows of each cluster that are farthest from its mean first: the largest distance to
    /// another cluster is likely one of theirs, and what is too far is known early.
    pub(crate) fn put_far_rows_first(&mut self, exact: &Exact) {
        let mut rest = &mut self.rows[..];
        let mut lists: Vec<&mut [u32]> = Vec::new();
        for p in self.start.windows(2) {
            let (list, others) = rest.split_at_mut((p[1] - p[0]) as usize);
            rest = others;
            if list.len() > 2 {
                lists.push(list);
            }
        }
        lists.into_par_iter().for_each(|list| {
            let mut mean = vec![0.0; exact.rows().dim()];
            list.iter().for_each(|&row| add_unit(exact, row, &mut mean));
            let count = list.len() as f64;
            let far = |&row: &u32| {
                let factor = unit_factor(exact, row);
                let of = |(&x, m): (&f32, &f64)| (f64::from(x) * factor - m / count).powi(2);
                exact.rows().row(row as usize).iter().zip(&mean).map(of).sum::<f64>()
            };
            let mut keyed: Vec<(f64, u32)> = list.iter().map(|row| (far(row), *row)).collect();
            keyed.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            list.iter_mut().zip(keyed).for_each(|(slot, (_, row))| *slot = row);
        });
    }
}

/// What a row is multiplied by before means are taken: its inverse length for cosine, where zero rows
/// stay zero.
pub(crate) fn unit_factor(exact: &Exact, row: u32) -> f64 {
    match exact.metric() {
        Metric::Cosine if exact.square(row as usize) > 0.0 => exact.square(row as usize).sqrt().recip(),
        Metric::Cosine => 0.0,
        _ => 1.0,
    }
}

fn add_unit(exact: &Exact, row: u32, sum: &mut [f64]) {
    let factor = unit_factor(exact, row);
    let row = exact.rows().row(row as usize);
    sum.iter_mut().zip(row).for_each(|(s, &x)| *s += f64::from(x) * factor);
}
