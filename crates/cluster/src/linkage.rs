//! Complete linkage cut at a threshold, from links alone.
//!
//! A pair that is not linked is infinitely far, and so is any pair of clusters that holds one. When two
//! clusters join, the new one's neighbours are therefore the *common* neighbours of both, at the larger
//! of the two distances: lists of neighbours only shrink, and live in the memory of the first ones.
//!
//! Merges happen in order of (distance, smaller id, larger id) of the two clusters, a cluster's id
//! being its smallest row. A greedy queue of pairs would do that; nearest-neighbour chains (Murtagh,
//! *A survey of recent advances in hierarchical clustering algorithms*, 1983) need none and give the
//! same, ties included. Their proof asks that keys are strictly ordered, which ids see to, and that no
//! merge brings a cluster nearer to a third: key(A∪B, C) ≥ min(key(A, C), key(B, C)). Where the two
//! distances differ, the new one is the larger, and so is its key; where they are equal, the new pair
//! has the smaller of both ids, and so the smaller of both keys itself. Then two clusters that are each
//! other's nearest stay so whatever else merges, and may merge at once.
//!
//! Time: lists are scanned once for each step of a chain, of which there are at most three a row, so
//! O(n · longest list) a component, and O(links) where most of a component is linked. Memory: 24 bytes a
//! link beside the links' own 16, which are let go as they are read.

use rayon::prelude::*;
use streamface_types::Embeddings;

use crate::constraints::{Constraints, Groups};
use crate::join::{Link, Links, join};
use crate::{Error, Settings, components, labels};

/// A partition of the rows, and what it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Clustering {
    /// Each row's cluster, numbered by first appearance.
    pub labels: Vec<u32>,
    /// Number of clusters.
    pub clusters: usize,
    /// Pairs of rows at distance ≤ threshold.
    pub links: u64,
    /// Connected components of what could join: of the links that no constraint forbids, must-linked
    /// rows taken as one.
    pub components: usize,
    /// Rows in the largest component.
    pub largest_component: usize,
}

/// Clusters rows by complete linkage cut at the threshold: [`join`](fn@join), then [`link`].
///
/// In a cluster of the result all distances are ≤ threshold, except among rows that were must-linked;
/// no cluster holds a cannot-linked pair.
///
/// # Errors
/// [`Error::NoSuchRow`] and [`Error::Contradiction`] for constraints; [`Error::TooManyRows`].
pub fn complete_linkage(
    rows: &Embeddings,
    settings: &Settings,
    constraints: &Constraints,
) -> Result<Clustering, Error> {
    // Before the work, not after.
    let groups = constraints.close(rows.len())?;
    Ok(link_groups(join(rows, settings)?, &groups))
}

/// Clusters the rows that `links` were found among.
///
/// # Errors
/// [`Error::NoSuchRow`] and [`Error::Contradiction`] for constraints.
pub fn link(links: Links, constraints: &Constraints) -> Result<Clustering, Error> {
    let groups = constraints.close(links.rows())?;
    Ok(link_groups(links, &groups))
}

fn link_groups(links: Links, groups: &Groups) -> Clustering {
    let (rows, count) = (links.rows(), links.len());
    let links = between_groups(links, groups);
    let component = components::roots(&links);
    let is_point = |&row: &usize| groups.first[row] as usize == row;
    let mut members = vec![0_usize; rows];
    for row in 0..rows {
        members[component[groups.first[row] as usize] as usize] += 1;
    }
    let components = (0..rows).filter(is_point).filter(|&row| component[row] as usize == row).count();
    let root = link_components(links, &component);
    let of_rows: Vec<u32> = groups.first.iter().map(|&point| root[point as usize]).collect();
    let labels = labels::by_first_appearance(&of_rows);
    Clustering {
        clusters: labels::sizes(&labels).len(),
        labels,
        links: count,
        components,
        largest_component: members.into_iter().max().unwrap_or(0),
    }
}

/// Links between the clusters that linkage starts from, each known by its smallest row: two groups are
/// linked where all pairs across them are, at the largest distance, unless they must stay apart.
fn between_groups(links: Links, groups: &Groups) -> Links {
    if !groups.any_must() && groups.apart.is_empty() {
        return links;
    }
    let rows = links.rows();
    let apart = |p: u32, q: u32| groups.apart.contains(&(p, q));
    let mut pieces = links.into_pieces();
    if !groups.any_must() {
        pieces.par_iter_mut().for_each(|piece| piece.retain(|l| !apart(l.i, l.j)));
        return Links::from_pieces(rows, pieces);
    }
    let mut all: Vec<Link> = Vec::with_capacity(pieces.iter().map(Vec::len).sum());
    for piece in pieces {
        all.extend(piece.into_iter().filter_map(|l| {
            let (p, q) = (groups.first[l.i as usize], groups.first[l.j as usize]);
            let (i, j) = (p.min(q), p.max(q));
            (i != j && !apart(i, j)).then_some(Link { i, j, distance: l.distance })
        }));
    }
    all.par_sort_unstable_by_key(|l| (l.i, l.j));
    let whole = |of: &[Link]| {
        let pairs = u64::from(groups.size(of[0].i)) * u64::from(groups.size(of[0].j));
        let distance = of.iter().map(|l| l.distance).fold(0.0, f64::max);
        (of.len() as u64 == pairs).then_some(Link { distance, ..of[0] })
    };
    let kept = all.chunk_by(|a, b| (a.i, a.j) == (b.i, b.j)).filter_map(whole).collect();
    Links::from_pieces(rows, vec![kept])
}

/// The smallest row of each row's cluster.
fn link_components(links: Links, component: &[u32]) -> Vec<u32> {
    let rows = links.rows();
    // Rows in order of component, then of row: a component's lists lie together, and the order of rows
    // within it, which ties are decided by, stays.
    let mut first = vec![0_usize; rows + 1];
    for &c in component {
        first[c as usize + 1] += 1;
    }
    for c in 0..rows {
        first[c + 1] += first[c];
    }
    let mut fill = first.clone();
    let mut row_at = vec![0_u32; rows];
    let mut local = vec![0_u32; rows];
    for (row, &c) in (0_u32..).zip(component) {
        let at = &mut fill[c as usize];
        row_at[*at] = row;
        local[row as usize] = (*at - first[c as usize]) as u32;
        *at += 1;
    }
    let place = |row: u32| first[component[row as usize] as usize] + local[row as usize] as usize;

    let mut offset = vec![0_usize; rows + 1];
    for l in links.iter() {
        offset[place(l.i) + 1] += 1;
        offset[place(l.j) + 1] += 1;
    }
    for p in 0..rows {
        offset[p + 1] += offset[p];
    }
    let total = offset[rows];
    let (mut near, mut distance) = (vec![0_u32; total], vec![0_f64; total]);
    let mut end = offset.clone();
    // Links come in order of (i, j), so each list gets its smaller neighbours first, in order, and then
    // its larger ones.
    for piece in links.into_pieces() {
        for l in piece {
            for (own, other) in [(l.i, l.j), (l.j, l.i)] {
                let at = &mut end[place(own)];
                near[*at] = local[other as usize];
                distance[*at] = l.distance;
                *at += 1;
            }
        }
    }

    let mut root = vec![0_u32; rows];
    let mut tasks = Vec::new();
    let (mut near, mut distance, mut out) = (&mut near[..], &mut distance[..], &mut root[..]);
    for c in 0..rows {
        let (from, to) = (first[c], first[c + 1]);
        if from == to {
            continue;
        }
        let size = offset[to] - offset[from];
        let task = Component {
            offset: &offset[from..=to],
            near: near.split_off_mut(..size).unwrap_or_default(),
            distance: distance.split_off_mut(..size).unwrap_or_default(),
            root: out.split_off_mut(..to - from).unwrap_or_default(),
        };
        task.root.fill_with({
            let mut next = 0;
            move || {
                next += 1;
                next - 1
            }
        });
        if size > 0 {
            tasks.push(task);
        }
    }
    // The largest first, so that none of them is left to one thread at the end.
    tasks.sort_by_key(|task| std::cmp::Reverse(task.near.len()));
    tasks.into_par_iter().with_max_len(1).for_each(Component::link);

    let mut of_rows = vec![0; rows];
    for (at, &row) in row_at.iter().enumerate() {
        let c = first[component[row as usize] as usize];
        of_rows[row as usize] = row_at[c + root[at] as usize];
    }
    of_rows
}

/// One connected component: a list of neighbours for each of its clusters, in order of their ids, which
/// count from 0 within the component. A neighbour that is one no more stays as an infinite distance.
struct Component<'a> {
    /// Where lists start, and the end of the last; counted from any number.
    offset: &'a [usize],
    near: &'a mut [u32],
    distance: &'a mut [f64],
    /// A smaller member of the same cluster, or the cluster itself.
    root: &'a mut [u32],
}

/// What is known of a cluster's list.
#[derive(Clone, Copy)]
struct List {
    len: usize,
    /// Neighbours that are some still.
    live: usize,
}

impl Component<'_> {
    fn link(mut self) {
        let lens = self.offset.windows(2).map(|w| w[1] - w[0]);
        let mut lists: Vec<List> = lens.map(|len| List { len, live: len }).collect();
        let mut chain: Vec<u32> = Vec::new();
        for start in 0..lists.len() {
            // What comes before `start` is merged away or has no neighbour left, and gets none again.
            while lists[start].live > 0 {
                chain.push(start as u32);
                while let Some(&top) = chain.last() {
                    let Some((nearest, _)) = self.nearest(&mut lists, top) else {
                        chain.pop();
                        continue;
                    };
                    if chain.len() > 1 && chain[chain.len() - 2] == nearest {
                        chain.truncate(chain.len() - 2);
                        self.merge(&mut lists, top.min(nearest), top.max(nearest));
                    } else {
                        chain.push(nearest);
                    }
                }
            }
        }
        // Roots are smaller than what they are roots of: settled in order.
        for x in 0..self.root.len() {
            self.root[x] = self.root[self.root[x] as usize];
        }
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
        let least = minimum(distances);
        let at = distances.iter().position(|&d| d == least)?;
        Some((self.near[start + at], least))
    }

    /// Joins `b` into `a`, a < b.
    fn merge(&mut self, lists: &mut [List], a: u32, b: u32) {
        self.root[b as usize] = a;
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

/// The least of the distances, infinite where there is none.
fn minimum(distances: &[f64]) -> f64 {
    // Eight at once: a single running minimum would wait for itself.
    let (eights, rest) = distances.as_chunks::<8>();
    let mut least = [f64::INFINITY; 8];
    for eight in eights {
        for (l, &d) in least.iter_mut().zip(eight) {
            *l = if d < *l { d } else { *l };
        }
    }
    least.iter().chain(rest).copied().fold(f64::INFINITY, f64::min)
}
