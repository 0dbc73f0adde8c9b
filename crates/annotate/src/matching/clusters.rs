//! Rows by cluster, and the points that represent a cluster.

use std::cmp::Reverse;

use rayon::prelude::*;
use streamface_types::{Embeddings, Metric};

use super::farthest::farthest;
use super::{Rule, Settings};
use crate::Error;

/// Clusters with more rows than this are searched one after another, each on all threads and with a copy of
/// its rows; smaller ones are searched in parallel.
const PARALLEL_MAX_ROWS: usize = 4096;

/// The clusters that are compared, by label.
pub(super) struct Clusters {
    pub labels: Vec<i64>,
    /// Start of each cluster in `rows`, and the end of the last.
    start: Vec<u32>,
    /// Ascending within a cluster.
    rows: Vec<u32>,
}

impl Clusters {
    /// All clusters with a label of 0 or more.
    pub(super) fn new(rows: &Embeddings, labels: &[i64]) -> Result<Self, Error> {
        if labels.len() != rows.len() {
            return Err(Error::LabelCount { labels: labels.len(), faces: rows.len() });
        }
        if u32::try_from(rows.len()).is_err() {
            return Err(streamface_cluster::Error::TooManyRows { rows: rows.len() }.into());
        }
        let mut order: Vec<u32> = (0..rows.len() as u32).filter(|&row| labels[row as usize] >= 0).collect();
        order.par_sort_by_key(|&row| labels[row as usize]);
        let mut new = Self { labels: Vec::new(), start: vec![0], rows: Vec::new() };
        for (row, &at) in (1..).zip(&order) {
            let label = labels[at as usize];
            if new.labels.last() == Some(&label) {
                new.start.pop();
            } else {
                new.labels.push(label);
            }
            new.start.push(row);
        }
        new.rows = order;
        Ok(new)
    }

    /// The clusters that the settings select.
    pub(super) fn wanted(self, settings: &Settings) -> Self {
        let Some(top) = settings.top() else { return self };
        let mut kept: Vec<usize> = (0..self.len()).collect();
        if settings.rule == Rule::Code {
            kept.retain(|&c| self.labels[c].cast_unsigned() <= top);
        } else {
            kept.sort_by_key(|&c| (Reverse(self.rows(c).len()), c));
            kept.truncate(usize::try_from(top).unwrap_or(usize::MAX));
            kept.sort_unstable();
        }
        let mut new = Self { labels: Vec::new(), start: vec![0], rows: Vec::new() };
        for c in kept {
            new.labels.push(self.labels[c]);
            new.rows.extend(self.rows(c));
            new.start.push(new.rows.len() as u32);
        }
        new
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn rows(&self, cluster: usize) -> &[u32] {
        &self.rows[self.start[cluster] as usize..self.start[cluster + 1] as usize]
    }

    /// Number of rows in all clusters.
    pub(super) fn members(&self) -> usize {
        self.rows.len()
    }

    /// The index of the cluster with this label.
    pub(super) fn find(&self, label: i64) -> Option<u32> {
        self.labels.binary_search(&label).ok().map(|c| c as u32)
    }

    /// Rows in ascending order, and the cluster of every row: `u32::MAX` for rows in no cluster.
    pub(super) fn of_rows(&self, all: usize) -> (Vec<u32>, Vec<u32>) {
        let mut of = vec![u32::MAX; all];
        for c in 0..self.len() {
            self.rows(c).iter().for_each(|&row| of[row as usize] = c as u32);
        }
        let mut rows = self.rows.clone();
        rows.par_sort_unstable();
        (rows, of)
    }

    /// The mean row of each cluster, not normalised, summed in `f64` and stored as `f32`.
    pub(super) fn means(&self, rows: &Embeddings) -> Embeddings {
        let means = (0..self.len()).into_par_iter().map(|c| mean(rows, self.rows(c)));
        points(means.flatten_iter().collect(), rows.dim())
    }

    /// The mean of each cluster and its two farthest rows, without repetition, and the cluster of each of
    /// these points. `done` is called with numbers of rows processed.
    pub(super) fn triplets(
        &self,
        rows: &Embeddings,
        metric: Metric,
        done: impl Fn(usize) + Sync,
    ) -> (Embeddings, Vec<u32>) {
        let search = |c: usize| {
            let found = farthest(rows, self.rows(c), metric);
            done(self.rows(c).len());
            found
        };
        let few = |c: usize| self.rows(c).len() <= PARALLEL_MAX_ROWS;
        let mut ends: Vec<Option<(u32, u32)>> =
            (0..self.len()).into_par_iter().map(|c| few(c).then(|| search(c))).collect();
        for (c, ends) in ends.iter_mut().enumerate() {
            ends.get_or_insert_with(|| search(c));
        }
        let (mut data, mut of) = (Vec::new(), Vec::new());
        for (c, (a, b)) in ends.into_iter().flatten().enumerate() {
            let mut add = |point: &[f32]| {
                data.extend_from_slice(point);
                of.push(c as u32);
            };
            let members = self.rows(c);
            if members.len() > 1 {
                add(&mean(rows, members));
            }
            add(rows.row(a as usize));
            if a != b {
                add(rows.row(b as usize));
            }
        }
        (points(data, rows.dim()), of)
    }
}

pub(super) fn mean(rows: &Embeddings, members: &[u32]) -> Vec<f32> {
    let own = members.iter().map(|&row| rows.row(row as usize));
    streamface_kernels::means::mean(own, rows.dim()).into_iter().map(|x| x as f32).collect()
}

/// Rows or means of rows; means are finite since rows are.
fn points(data: Vec<f32>, dim: usize) -> Embeddings {
    Embeddings::new(data, dim).unwrap_or_else(|e| unreachable!("whole rows of finite numbers: {e}"))
}
