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
//! Time: lists are read once for each step of a chain, of which there are at most three a point, so
//! O(n · longest list) a component, and O(links) where most of a component is linked; there a square
//! matrix is smaller than the lists, and faster. Memory: 32 bytes a link beside the links' own
//! 16, which are let go as they are read, and as much again for the largest components that are matrices.

use rayon::prelude::*;

use crate::Error;
use crate::clustering::Merge;
use crate::components::{self, Components};
use crate::distance_matrix::{self, DistanceMatrix};
use crate::links::Piece;
use crate::union_find::UnionFind;

/// All merges of `points` points from the links among them, in order of (distance, smaller id, larger id),
/// a cluster's id being its smallest point.
pub(crate) fn merges(pieces: Vec<Piece>, points: usize) -> Result<Vec<Merge>, Error> {
    Ok(merges_of(pieces, points)?.0)
}

/// The same with the components: the smallest point of each point's component.
pub(crate) fn merges_of(pieces: Vec<Piece>, points: usize) -> Result<(Vec<Merge>, Vec<u32>), Error> {
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
    let mut near = vec![Near { distance: 0.0, point: 0, points: 1 }; total];
    let mut end = offset.clone();
    for piece in pieces {
        for l in piece {
            let (i, j) = (place(l.i), place(l.j));
            // Within a component, places are in the order of points.
            let first = order.first(roots[l.i as usize]) as u32;
            for (own, other) in [(i, j), (j, i)] {
                let near = &mut near[end[own]];
                (near.point, near.distance) = (other as u32 - first, l.distance);
                end[own] += 1;
            }
        }
    }
    drop(end);

    let mut tasks = Vec::new();
    let mut near = &mut near[..];
    for (from, to) in order.ranges() {
        let near = near.split_off_mut(..offset[to] - offset[from]).unwrap_or_default();
        if !near.is_empty() {
            tasks.push((from, Component { offset: &offset[from..=to], near }));
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
    Ok((merges, roots))
}

/// A neighbour of a cluster as it was when it was written down.
#[derive(Debug, Clone, Copy)]
struct Near {
    /// No more than the distance now: what a cluster grows by can only be farther.
    distance: f64,
    /// A point of the cluster.
    point: u32,
    /// Points it had.
    points: u32,
}

/// One connected component: a list of neighbours for each of its clusters, whose ids are points that count from
/// 0 within the component.
///
/// Lists are brought up to date when they are read, not when others merge: of the entries that have become
/// one cluster, all of its points must be there, or it is no neighbour; then their largest distance is its own.
struct Component<'a> {
    /// Where lists start, and the end of the last; counted from any number.
    offset: &'a [usize],
    near: &'a mut [Near],
}

/// What has merged so far, and room to bring lists up to date.
struct Merged {
    sets: UnionFind,
    /// Points of each cluster, by its id; 0 for those that are part of another.
    size: Vec<u32>,
    /// Of the clusters met in a list: points, and the largest distance. All 0 between lists.
    met: Vec<(u32, f64)>,
}

impl Component<'_> {
    fn link(mut self) -> Vec<Merge> {
        let points = self.offset.len() - 1;
        // A matrix takes 8 bytes for each two points, which here is no more than the lists' 32 a link.
        if points * points <= self.near.len() * 2 {
            return self.link_square();
        }
        let mut merged =
            Merged { sets: UnionFind::new(points), size: vec![1; points], met: vec![(0, 0.0); points] };
        let mut len = self.once(&mut merged);
        let mut merges = Vec::new();
        let mut chain: Vec<u32> = Vec::new();
        for start in 0..points as u32 {
            // What comes before `start` is merged away or has no neighbour left, and gets none again.
            loop {
                let Some(&top) = chain.last() else {
                    if merged.size[start as usize] == 0
                        || self.nearest(&mut merged, &mut len, start).is_none()
                    {
                        break;
                    }
                    chain.push(start);
                    continue;
                };
                let Some((nearest, distance)) = self.nearest(&mut merged, &mut len, top) else {
                    chain.pop();
                    continue;
                };
                if chain.len() > 1 && chain[chain.len() - 2] == nearest {
                    chain.truncate(chain.len() - 2);
                    let (a, b) = (top.min(nearest), top.max(nearest));
                    merges.push(Merge { a, b, distance });
                    self.merge(&mut merged, &mut len, a, b);
                } else {
                    chain.push(nearest);
                }
            }
        }
        merges
    }

    fn link_square(&self) -> Vec<Merge> {
        let mut square = DistanceMatrix::new(self.offset.len() - 1);
        for (x, w) in self.offset.windows(2).enumerate() {
            for near in &self.near[w[0] - self.offset[0]..w[1] - self.offset[0]] {
                square.set(x, near.point as usize, near.distance);
            }
        }
        distance_matrix::chain(square, |left, right, _, _| left.max(right))
    }

    /// Lengths of the lists, each neighbour left in them once.
    fn once(&mut self, merged: &mut Merged) -> Vec<u32> {
        let list = |(x, w): (usize, &[usize])| {
            let list = &mut self.near[w[0] - self.offset[0]..w[1] - self.offset[0]];
            let mut to = 0;
            for k in 0..list.len() {
                // Marked by the list it was met in.
                let met = &mut merged.met[list[k].point as usize].0;
                if *met != x as u32 + 1 {
                    *met = x as u32 + 1;
                    list[to] = list[k];
                    to += 1;
                }
            }
            to as u32
        };
        let len = self.offset.windows(2).enumerate().map(list).collect();
        merged.met.fill((0, 0.0));
        len
    }

    fn list(&mut self, x: u32, len: &[u32]) -> &mut [Near] {
        let start = self.offset[x as usize] - self.offset[0];
        &mut self.near[start..start + len[x as usize] as usize]
    }

    /// The neighbour with the least key: of the nearest ones the one with the least id, as a smaller other id
    /// makes the smaller pair on either side of `x`.
    fn nearest(&mut self, merged: &mut Merged, len: &mut [u32], x: u32) -> Option<(u32, f64)> {
        let list = self.list(x, len);
        if list.iter().any(|near| merged.size[near.point as usize] != near.points) {
            len[x as usize] = merged.update(list);
        }
        let list = self.list(x, len);
        let first = list.first()?;
        let mut best = (first.point, first.distance);
        for near in &list[1..] {
            if near.distance < best.1 || (near.distance == best.1 && near.point < best.0) {
                best = (near.point, near.distance);
            }
        }
        Some(best)
    }

    /// Joins `b` into `a`, a < b.
    fn merge(&mut self, merged: &mut Merged, len: &mut [u32], a: u32, b: u32) {
        for x in [a, b] {
            len[x as usize] = merged.update(self.list(x, len));
        }
        // The neighbours of both are those of one that the other has as well.
        for near in &*self.list(b, len) {
            merged.met[near.point as usize] = (near.points, near.distance);
        }
        let own = self.list(a, len);
        let mut to = 0;
        for k in 0..own.len() {
            let (points, distance) = merged.met[own[k].point as usize];
            if points > 0 {
                own[to] = Near { distance: own[k].distance.max(distance), ..own[k] };
                to += 1;
            }
        }
        for near in &*self.list(b, len) {
            merged.met[near.point as usize] = (0, 0.0);
        }
        len[a as usize] = to as u32;
        len[b as usize] = 0;
        merged.sets.union(a, b);
        merged.size[a as usize] += std::mem::take(&mut merged.size[b as usize]);
    }
}

impl Merged {
    /// Brings a list up to date; its new length.
    fn update(&mut self, list: &mut [Near]) -> u32 {
        for near in list.iter_mut() {
            near.point = self.sets.find(near.point);
            let met = &mut self.met[near.point as usize];
            *met = (met.0 + near.points, met.1.max(near.distance));
        }
        let mut to = 0;
        for k in 0..list.len() {
            let point = list[k].point;
            let (points, distance) = std::mem::take(&mut self.met[point as usize]);
            if points == self.size[point as usize] {
                list[to] = Near { distance, point, points };
                to += 1;
            }
        }
        to as u32
    }
}
