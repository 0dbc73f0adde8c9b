//! Complete linkage cut at a threshold, from links alone.
//!
//! A pair that is not linked is infinitely far, and so is any pair of clusters that holds one. When two
//! clusters join, the new one's neighbours are therefore the *common* neighbours of both, at the larger
//! of the two distances: lists of neighbours only shrink, and live in the memory of the first ones.
//!
//! Merges happen in order of (distance, smaller id, larger id) of the two clusters, a cluster's id
//! being its smallest point. A greedy queue of pairs would do that; nearest-neighbour chains (Murtagh,
//! *A survey of recent advances in hierarchical clustering algorithms*, 1983) need none and give the
//! same, ties included. Their proof asks that keys are strictly ordered, which ids see to, and that no
//! merge brings a cluster nearer to a third: key(A∪B, C) ≥ min(key(A, C), key(B, C)). Where the two
//! distances differ, the new one is the larger, and so is its key; where they are equal, the new pair
//! has the smaller of both ids, and so the smaller of both keys itself. Then two clusters that are each
//! other's nearest stay so whatever else merges, and may merge at once.
//!
//! Time: lists are scanned once for each step of a chain, of which there are at most three a point, so
//! O(n · longest list) a component, and O(links) where most of a component is linked; there a square
//! [matrix](crate::dense) is smaller than the lists, and faster. Memory: 24 bytes a link beside the links' own
//! 16, which are let go as they are read, and as much again for the largest components that are matrices.

use rayon::prelude::*;

use crate::components::{self, Components};
use crate::dense::{self, Square};
use crate::links::Piece;
use crate::{Error, Merge};

/// All merges of `points` points from the links among them, in order of (distance, smaller id, larger id),
/// a cluster's id being its smallest point.
pub(crate) fn merges(pieces: Vec<Piece>, points: usize) -> Result<Vec<Merge>, Error> {
    let (roots, pieces) = components::of_pieces(pieces, points)?;
    let order = Components::new(&roots);
    let place = |point: u32| order.place[point as usize] as usize;

    let mut offset = vec![0_usize; points + 1];
    for piece in &pieces {
        for l in piece.iter() {
            offset[place(l.i) + 1] += 1;
            offset[place(l.j) + 1] += 1;
        }
    }
    for p in 0..points {
        offset[p + 1] += offset[p];
    }
    let total = offset[points];
    let (mut near, mut distance) = (vec![0_u32; total], vec![0_f64; total]);
    let mut end = offset.clone();
    for piece in pieces {
        for l in piece.into_iter() {
            let (i, j) = (place(l.i), place(l.j));
            // Within a component, places are in the order of points.
            let first = order.first(roots[l.i as usize]) as u32;
            for (own, other) in [(i, j), (j, i)] {
                let at = &mut end[own];
                near[*at] = other as u32 - first;
                distance[*at] = l.distance;
                *at += 1;
            }
        }
    }
    drop(end);

    let mut tasks = Vec::new();
    let (mut near, mut distance) = (&mut near[..], &mut distance[..]);
    for (from, to) in order.ranges() {
        let size = offset[to] - offset[from];
        let (near, distance) = (
            near.split_off_mut(..size).unwrap_or_default(),
            distance.split_off_mut(..size).unwrap_or_default(),
        );
        if size > 0 {
            tasks.push((from, Component { offset: &offset[from..=to], near, distance }));
        }
    }
    // The largest first, so that none of them is left to one thread at the end.
    tasks.sort_by_key(|(from, task)| (std::cmp::Reverse(task.near.len()), *from));
    let mut merges: Vec<Merge> = tasks
        .into_par_iter()
        .with_max_len(1)
        .flat_map_iter(|(from, task)| {
            let points = &order.point_at[from..];
            let point = |local: u32| points[local as usize];
            task.link().into_iter().map(move |m| Merge { a: point(m.a), b: point(m.b), ..m })
        })
        .collect();
    merges.par_sort_unstable_by(Merge::order);
    Ok(merges)
}

/// One connected component: a list of neighbours for each of its clusters, in order of their ids, which
/// count from 0 within the component. A neighbour that is one no more stays as an infinite distance.
struct Component<'a> {
    /// Where lists start, and the end of the last; counted from any number.
    offset: &'a [usize],
    near: &'a mut [u32],
    distance: &'a mut [f64],
}

/// What is known of a cluster's list.
#[derive(Clone, Copy)]
struct List {
    len: usize,
    /// Neighbours that are some still.
    live: usize,
}

impl Component<'_> {
    fn link(mut self) -> Vec<Merge> {
        let points = self.offset.len() - 1;
        // A matrix takes 8 bytes a pair of points, lists 24 a link.
        if points * points <= self.near.len() * 3 {
            return self.link_square();
        }
        let mut lists = self.sort_lists();
        let mut merges = Vec::new();
        let mut chain: Vec<u32> = Vec::new();
        for start in 0..points {
            // What comes before `start` is merged away or has no neighbour left, and gets none again.
            while lists[start].live > 0 {
                chain.push(start as u32);
                while let Some(&top) = chain.last() {
                    let Some((nearest, distance)) = self.nearest(&mut lists, top) else {
                        chain.pop();
                        continue;
                    };
                    if chain.len() > 1 && chain[chain.len() - 2] == nearest {
                        chain.truncate(chain.len() - 2);
                        let (a, b) = (top.min(nearest), top.max(nearest));
                        merges.push(Merge { a, b, distance });
                        self.merge(&mut lists, a, b);
                    } else {
                        chain.push(nearest);
                    }
                }
            }
        }
        merges
    }

    /// Puts each list in the order of its neighbours' ids, each of them once.
    fn sort_lists(&mut self) -> Vec<List> {
        let mut keyed = Vec::new();
        (0..self.offset.len() - 1)
            .map(|x| {
                let (from, to) = (self.offset[x] - self.offset[0], self.offset[x + 1] - self.offset[0]);
                let (near, distance) = (&mut self.near[from..to], &mut self.distance[from..to]);
                let mut len = to - from;
                if !near.is_sorted_by(|a, b| a < b) {
                    keyed.clear();
                    keyed.extend(near.iter().copied().zip(distance.iter().copied()));
                    keyed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
                    keyed.dedup_by_key(|k| k.0);
                    len = keyed.len();
                    for (k, &(id, d)) in keyed.iter().enumerate() {
                        (near[k], distance[k]) = (id, d);
                    }
                }
                List { len, live: len }
            })
            .collect()
    }

    fn link_square(&self) -> Vec<Merge> {
        let mut square = Square::new(self.offset.len() - 1);
        for (x, w) in self.offset.windows(2).enumerate() {
            for k in w[0] - self.offset[0]..w[1] - self.offset[0] {
                square.set(x, self.near[k] as usize, self.distance[k]);
            }
        }
        dense::chain(square, |left, right, _, _| left.max(right))
    }

    fn start(&self, x: u32) -> usize {
        self.offset[x as usize] - self.offset[0]
    }

    /// The neighbour with the least key: of the nearest ones the first, as a smaller other id makes
    /// the smaller pair on either side of `x`.
    fn nearest(&mut self, lists: &mut [List], x: u32) -> Option<(u32, f64)> {
        let (start, list) = (self.start(x), &mut lists[x as usize]);
        if list.live == 0 {
            return None;
        }
        if list.live * 2 < list.len {
            let mut to = start;
            for from in start..start + list.len {
                if self.distance[from].is_finite() {
                    (self.near[to], self.distance[to]) = (self.near[from], self.distance[from]);
                    to += 1;
                }
            }
            list.len = list.live;
        }
        let distances = &self.distance[start..start + list.len];
        let least = dense::minimum(distances);
        let at = distances.iter().position(|&d| d == least)?;
        Some((self.near[start + at], least))
    }

    /// Joins `b` into `a`, a < b.
    fn merge(&mut self, lists: &mut [List], a: u32, b: u32) {
        let (mut p, mut q) = (self.start(a), self.start(b));
        let (end_p, end_q) = (p + lists[a as usize].len, q + lists[b as usize].len);
        let mut to = p;
        loop {
            // Past the end stands an id larger than any.
            let c = if p < end_p { self.near[p] } else { u32::MAX };
            let d = if q < end_q { self.near[q] } else { u32::MAX };
            if c == u32::MAX && d == u32::MAX {
                break;
            }
            let (left, right) = (
                if c <= d { self.distance[p] } else { f64::INFINITY },
                if d <= c { self.distance[q] } else { f64::INFINITY },
            );
            let other = c.min(d);
            p += usize::from(c <= d);
            q += usize::from(d <= c);
            if other == a || other == b {
                continue;
            }
            let both = left.max(right);
            if both.is_finite() {
                (self.near[to], self.distance[to]) = (other, both);
                to += 1;
                if right > left {
                    self.set(lists, other, a, both);
                }
                self.set(lists, other, b, f64::INFINITY);
            } else if left.is_finite() {
                self.set(lists, other, a, f64::INFINITY);
            } else if right.is_finite() {
                self.set(lists, other, b, f64::INFINITY);
            }
        }
        let len = to - self.start(a);
        lists[a as usize] = List { len, live: len };
        lists[b as usize] = List { len: 0, live: 0 };
    }

    /// Sets the distance of `x`'s live neighbour `y`.
    fn set(&mut self, lists: &mut [List], x: u32, y: u32, distance: f64) {
        let (start, list) = (self.start(x), &mut lists[x as usize]);
        if let Ok(at) = self.near[start..start + list.len].binary_search(&y) {
            self.distance[start + at] = distance;
            list.live -= usize::from(distance.is_infinite());
        }
    }
}
