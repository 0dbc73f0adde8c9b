//! What the merges of the old run predict.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Merge;

/// A horizon is at least this much beyond what has been reached.
pub(super) const MARGIN: f64 = 1.02;

/// How far lists reach, one after the other: where so large a part of the clusters is left each time in the old run.
pub(super) fn horizons(old: &[Merge], start: usize, left: f64, threshold: f64) -> Vec<f64> {
    let mut horizons: Vec<f64> = Vec::new();
    let mut live = start as f64;
    loop {
        live *= left;
        let Some(merge) = old.get(start - live as usize) else { break };
        let last = horizons.last().copied().unwrap_or(0.0);
        if live < 1.0 {
            break;
        }
        if merge.distance > last * MARGIN && merge.distance < threshold {
            horizons.push(merge.distance);
        }
    }
    horizons.push(threshold.next_up());
    horizons
}

/// The merges of the old run as a tree, to predict which clusters change.
pub(super) struct MergeTree<'a> {
    old: &'a [Merge],
    /// Where the merges of each row's clusters start in `of`.
    start: Vec<usize>,
    of: Vec<u32>,
    /// Merges that will not happen again.
    lost: Vec<bool>,
    /// What will become changed, and when.
    coming: BinaryHeap<Reverse<(u32, u32)>>,
}

impl<'a> MergeTree<'a> {
    pub(super) fn new(old: &'a [Merge], rows: usize) -> Self {
        let mut start = vec![0_usize; rows + 2];
        for row in old.iter().flat_map(|m| [m.a, m.b]) {
            start[row as usize + 2] += 1;
        }
        for row in 2..start.len() {
            start[row] += start[row - 1];
        }
        let mut of = vec![0; 2 * old.len()];
        for (at, merge) in (0_u32..).zip(old) {
            for row in [merge.a, merge.b] {
                let to = &mut start[row as usize + 1];
                of[*to] = at;
                *to += 1;
            }
        }
        Self { old, start, of, lost: vec![false; old.len()], coming: BinaryHeap::new() }
    }

    /// The old cluster of this smallest row, as it is just before merge `from`, is no more: those that would
    /// have joined it and what comes of it lose their partner.
    pub(super) fn lose_partner(&mut self, row: u32, from: usize) {
        let (mut row, mut from) = (row, from as u32);
        loop {
            let all = &self.of[self.start[row as usize]..self.start[row as usize + 1]];
            let Some(&at) = all.get(all.partition_point(|&at| at < from)) else { return };
            if std::mem::replace(&mut self.lost[at as usize], true) {
                return;
            }
            let merge = &self.old[at as usize];
            self.coming.push(Reverse((at, if row == merge.a { merge.b } else { merge.a })));
            (row, from) = (merge.a, at + 1);
        }
    }

    /// What becomes changed next, if it does before `horizon`.
    pub(super) fn next(&mut self, horizon: f64) -> Option<u32> {
        let Reverse((at, row)) = *self.coming.peek()?;
        (self.old[at as usize].distance < horizon).then(|| {
            self.coming.pop();
            row
        })
    }
}
