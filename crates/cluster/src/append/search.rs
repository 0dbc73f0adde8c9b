//! Neighbours of a cluster, by one row of it and one of each other cluster.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use rayon::prelude::*;

use super::list::{Entry, List};
use super::sets::Sets;
use crate::exact::Exact;
use crate::points::{Points, unit_factor};
use crate::sketch::{Field, Sketch, Space};

/// Rows that one thread takes at a time.
const CHUNK: usize = 64;

/// How much is kept; never what is found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Neighbours in a list at first.
    pub(super) most: usize,
    /// Clusters that are searched for together.
    pub(super) together: usize,
    /// Neighbours kept of what is searched for ahead of time.
    pub(super) ahead: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { most: 2048, together: 256, ahead: 2048 }
    }
}

/// The rows, and what has been found in them.
pub(super) struct Search<'a> {
    exact: &'a Exact<'a>,
    space: &'a Space,
    pub(super) limits: Limits,
    threshold: f64,
    reach: f64,
    /// Its points are the rows in `order`; each row's `place` there.
    sketch: Sketch,
    order: Vec<u32>,
    place: Vec<u32>,
    /// A row of each cluster there was when it was made.
    field: Field,
    /// How many each of these rows stands for.
    weight: Vec<u32>,
    /// Pairs that may be the farthest across two clusters.
    may: Vec<(f64, u32, u32)>,
    /// Found, but not asked for yet.
    ready: HashMap<u32, List>,
    /// What will be asked for, and when.
    coming: BinaryHeap<Reverse<(u32, u32)>>,
}

impl<'a> Search<'a> {
    /// `order` is one of all rows in which those of a cluster lie together.
    pub(super) fn new(
        exact: &'a Exact<'a>,
        space: &'a Space,
        threshold: f64,
        sets: &Sets,
        order: Vec<u32>,
        limits: Limits,
    ) -> Self {
        let sketch = Sketch::in_place(exact, space, &Points::of_rows(&order), threshold);
        let mut place = vec![0; order.len()];
        (0_u32..).zip(&order).for_each(|(at, &row)| place[row as usize] = at);
        let mut new = Self {
            exact,
            space,
            limits,
            threshold,
            reach: space.reach(exact.metric(), threshold),
            field: sketch.field(Vec::new()),
            sketch,
            weight: vec![0; order.len()],
            order,
            place,
            may: Vec::new(),
            ready: HashMap::new(),
            coming: BinaryHeap::new(),
        };
        new.pack(sets);
        new
    }

    /// Says that the cluster of this smallest row may be asked for at that time.
    pub(super) fn expect(&mut self, time: u32, row: u32) {
        self.coming.push(Reverse((time, row)));
    }

    /// Leaves only rows that stand for a cluster.
    fn pack(&mut self, sets: &Sets) {
        let rows = 0..self.weight.len() as u32;
        let roots: Vec<u32> = rows.filter(|&row| sets.is_root(row)).collect();
        let far: Vec<u32> = roots.par_iter().with_min_len(256).map(|&root| self.far(root, sets)).collect();
        for (&root, &row) in roots.iter().zip(&far) {
            self.weight[row as usize] = sets.size(root);
        }
        self.field = self.sketch.field(far.iter().map(|&row| self.place[row as usize]).collect());
    }

    /// The row of a cluster that stands for it: as far out as any, so that its distances are near the largest.
    fn far(&self, root: u32, sets: &Sets) -> u32 {
        if sets.size(root) < 3 {
            return root;
        }
        let mut rows: Vec<u32> = sets.rows(root).collect();
        self.far_first(&mut rows);
        rows[0]
    }

    /// Searches for several at once.
    pub(super) fn prepare(&mut self, roots: &[u32], most: usize, sets: &Sets) {
        let find = |roots: &[u32]| {
            let rows: Vec<u32> = roots.iter().map(|&root| self.far(root, sets)).collect();
            self.find(&rows, most)
        };
        let found: Vec<Vec<List>> = roots.par_chunks(CHUNK).map(find).collect();
        self.ready.extend(roots.iter().copied().zip(found.into_iter().flatten()));
    }

    fn find(&self, rows: &[u32], most: usize) -> Vec<List> {
        let empty = || List { horizon: self.threshold.next_up(), ..List::default() };
        let mut lists: Vec<List> = rows.iter().map(|_| empty()).collect();
        let metric = self.exact.metric();
        let places: Vec<u32> = rows.iter().map(|&row| self.place[row as usize]).collect();
        self.sketch.near(&self.field, &places, self.reach, |at, place, square| {
            let id = self.order[place as usize];
            let least = if self.sketch.has_bounds() {
                self.space.distances(metric, (square, square)).0
            } else {
                self.exact.distance(rows[at], id)
            };
            if least < lists[at].horizon {
                lists[at].push(Entry { id, count: self.weight[id as usize], done: 0 }, least);
                // Not at each one more.
                if lists[at].entries.len() >= 4 * most {
                    lists[at].shorten(most);
                }
            }
        });
        lists.iter_mut().for_each(|list| list.shorten(most));
        lists
    }

    /// What may be near the cluster of this smallest row: at least `most` neighbours, if there are as many.
    /// `wanted` says whether to search for what is said to come, too.
    pub(super) fn near(
        &mut self,
        row: u32,
        most: usize,
        sets: &Sets,
        live: usize,
        wanted: impl Fn(u32) -> bool,
    ) -> List {
        if let Some(list) = self.ready.remove(&row) {
            return list;
        }
        if live * 10 < self.field.len() * 7 {
            self.pack(sets);
        }
        let mut rows = vec![row];
        while rows.len() < self.limits.together
            && let Some(Reverse((_, row))) = self.coming.pop()
        {
            if wanted(row) && !self.ready.contains_key(&row) && row != rows[0] {
                rows.push(row);
            }
        }
        rows[1..].sort_unstable();
        rows.dedup();
        self.prepare(&rows, most.max(self.limits.ahead), sets);
        self.ready.remove(&row).unwrap_or_default()
    }

    /// The largest distance across two lists of rows, and at least `least`: right if it is not above `enough`, else
    /// perhaps less than it is.
    pub(super) fn farthest(&mut self, rows: &[u32], others: &[u32], least: f64, enough: f64) -> f64 {
        let metric = self.exact.metric();
        let reach = self.space.reach(metric, enough);
        self.may.clear();
        let below = self.space.surely(metric, least);
        let mut below = match self.sketch.farthest(rows, others, &self.place, reach, below, &mut self.may) {
            Ok(below) => below,
            Err(beyond) => {
                // Above `enough`, whatever the rounding on the way back.
                return self.space.distances(metric, (beyond, beyond)).0.max(enough.next_up()).max(least);
            }
        };
        // The largest is likely the one that may be.
        self.may.retain(|(to, ..)| *to >= below);
        self.may.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut largest = least;
        for &(to, row, other) in &self.may {
            if to < below {
                break;
            }
            let distance = self.exact.distance(row, other);
            if distance > largest {
                largest = distance;
                below = below.max(self.space.surely(metric, largest));
                if largest > enough {
                    break;
                }
            }
        }
        largest
    }

    /// Puts rows that are far from the mean of all first.
    pub(super) fn far_first(&self, rows: &mut [u32]) {
        if rows.len() < 3 {
            return;
        }
        let all = self.exact.rows();
        let mut mean = vec![0.0_f32; all.dim()];
        for &row in &*rows {
            let factor = unit_factor(self.exact, row) as f32;
            mean.iter_mut().zip(all.row(row as usize)).for_each(|(m, x)| *m += factor * x);
        }
        let count = rows.len() as f32;
        mean.iter_mut().for_each(|m| *m /= count);
        let far = |&row: &u32| {
            let factor = unit_factor(self.exact, row) as f32;
            let mut sums = [0.0_f32; 8];
            let (x, m) = (all.row(row as usize).as_chunks::<8>(), mean.as_chunks::<8>());
            for (x, m) in x.0.iter().zip(m.0) {
                for k in 0..8 {
                    sums[k] += (factor * x[k] - m[k]) * (factor * x[k] - m[k]);
                }
            }
            let rest: f32 = x.1.iter().zip(m.1).map(|(x, m)| (factor * x - m).powi(2)).sum();
            sums.iter().sum::<f32>() + rest
        };
        let mut keyed: Vec<(f32, u32)> = rows.iter().map(|row| (far(row), *row)).collect();
        keyed.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        rows.iter_mut().zip(keyed).for_each(|(slot, (_, row))| *slot = row);
    }
}
