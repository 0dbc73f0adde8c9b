//! The connected components at any threshold, without keeping the links.
//!
//! A minimum spanning forest of all pairs within reach, weighed by a lower bound of their distance, has the
//! components of every threshold (Gower and Ross 1969), or coarser ones where the bound is low. Only a few
//! thresholds, the *levels*, are asked for, so an edge between points that are already connected at the least
//! level at or above its weight is redundant; most of a large cluster's are dropped so, before the
//! second stage. The rest is brought down to a forest whenever there are too many: the forest of a forest
//! and more edges is that of all edges. Levels at which components are too large already only get larger ones, and are
//! given up: from then on only pairs within the others' reach are compared for.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rayon::prelude::*;

use crate::exact_distance::ExactDistance;
use crate::panel_blocks::{Blocks, pairs};
use crate::points::Points;
use crate::prefilter::{Panels, Prefilter, Projection, Wanted};
use crate::progress::{Observer, Stage};
use crate::union_find::UnionFind;

/// Levels, as many as fit in a line of cache; from half of the threshold on, since what is connected
/// below is so above.
const LEVELS: usize = 16;
/// Edges that a block may find before it hands them over.
const HELD: usize = 1 << 13;
/// How far the blocks are gone through in one go, as one in so many. Before each all edges are brought down to a forest, to
/// see which levels are left; and before some the prefilter is rebuilt for these: after 1/16 and 1/4.
const PARTS: [(usize, bool); 7] =
    [(64, false), (32, false), (16, false), (8, true), (4, false), (2, true), (1, false)];

#[derive(Clone, Copy)]
struct Edge {
    /// A lower bound of the distance, in the prefilter's measure.
    weight: f32,
    i: u32,
    j: u32,
}

impl Edge {
    /// The order by weight (as `total_cmp`), then by `i` and `j`, as one number: comparing it takes no branch.
    fn key(&self) -> u128 {
        let bits = self.weight.to_bits();
        // Negative numbers have all bits turned, others the sign alone.
        let weight = bits ^ ((bits as i32 >> 31) as u32 | 1 << 31);
        u128::from(weight) << 64 | u128::from(self.i) << 32 | u128::from(self.j)
    }
}

/// Components at each level that is left.
struct Known {
    levels: usize,
    /// At the least level, by which most edges are dropped, of the point at each place of the prefilter.
    least: Vec<u32>,
    of: Vec<[u32; LEVELS]>,
}

impl Known {
    fn nothing() -> Self {
        Self { levels: LEVELS, least: Vec::new(), of: Vec::new() }
    }

    /// Whether the two are connected at the least level that the edge is at or below, and so at all above; or there is
    /// no such.
    fn has(&self, edge: &Edge, weights: &[f32; LEVELS]) -> bool {
        let level = weights[..self.levels].partition_point(|&w| w < edge.weight);
        let (i, j) = (edge.i as usize, edge.j as usize);
        level == self.levels || (!self.of.is_empty() && self.of[i][level] == self.of[j][level])
    }
}

/// The latest.
struct Now(RefCell<Arc<Known>>);

impl Wanted for Now {
    /// Those that are not connected at every level.
    fn among(&self, i: usize, others: Range<usize>, bits: u64) -> u64 {
        let now = self.0.borrow();
        let Some(&own) = now.least.get(i) else { return bits };
        let others = now.least[others].iter().enumerate();
        bits & others.fold(0, |all, (j, &other)| all | u64::from(other != own) << j)
    }
}

/// Edges as they come in.
struct Store {
    edges: Vec<Edge>,
    /// With more edges than this they are reduced to a forest.
    most: usize,
    /// A thread is reducing them.
    busy: bool,
}

/// A minimum spanning forest, up to the largest level at which components have few enough pairs.
pub(crate) struct Forest {
    points: usize,
    /// None where they are too many at each.
    threshold: Option<f64>,
    edges: Vec<Edge>,
}

impl Forest {
    /// Of all pairs that may be within the end of `thresholds`, as far as components have at most `most` pairs together.
    pub(crate) fn new(
        exact: &ExactDistance,
        space: &Projection,
        points: &Points,
        thresholds: Range<f64>,
        most: u64,
        observer: Observer<'_>,
    ) -> Self {
        let n = points.len();
        let Range { start: reached, end: wanted } = thresholds;
        let half = reached.max(wanted / 2.0);
        let thresholds: [f64; LEVELS] = std::array::from_fn(|l| match l + 1 {
            LEVELS => wanted,
            l => half + (wanted - half) * l as f64 / LEVELS as f64,
        });
        let reach = thresholds.map(|t| space.reach(exact.metric(), t));
        let weights = reach.map(|reach| (reach as f32).next_up());
        let buffer = space.tuning.edges;
        let known = RwLock::new(Arc::new(Known::nothing()));
        let mut prefilter = Prefilter::new(exact, space, points, wanted);
        let blocks = Blocks::new(&prefilter);
        let progress = observer.start(Stage::Join, pairs(n));
        let store = Mutex::new(Store { edges: Vec::new(), most: buffer, busy: false });
        let lock = || store.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = || known.read().unwrap_or_else(PoisonError::into_inner).clone();
        // Without the lock, and on this thread alone: one that waits for its share of a parallel sort may take up another
        // block meanwhile.
        let bring_down = |prefilter: &Prefilter, mut edges: Vec<Edge>| {
            let mut made = reduce(&mut edges, n, &weights[..latest().levels], most);
            made.least = (0..n as u32).map(|place| made.of[prefilter.point(place) as usize][0]).collect();
            *known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
            let mut store = lock();
            store.most = edges.len() + edges.len() / 2 + buffer;
            store.edges.append(&mut edges);
            store.busy = false;
        };
        let keep = |prefilter: &Prefilter, own: &mut Vec<Edge>| {
            let edges = {
                let mut store = lock();
                store.edges.append(own);
                if store.busy || store.edges.len() <= store.most {
                    return;
                }
                store.busy = true;
                std::mem::take(&mut store.edges)
            };
            bring_down(prefilter, edges);
        };
        let bring_all_down = |prefilter: &Prefilter| {
            let edges = std::mem::take(&mut lock().edges);
            bring_down(prefilter, edges);
        };
        let look = |prefilter: &Prefilter, panels: Panels, reach: f64| {
            let now = Now(RefCell::new(latest()));
            let mut own = Vec::new();
            prefilter.candidates((exact, space), panels, reach, Some(&now), |p, q, least| {
                let edge =
                    Edge { weight: (least as f32).next_down(), i: prefilter.point(p), j: prefilter.point(q) };
                if !now.0.borrow().has(&edge, &weights) {
                    own.push(edge);
                }
                if own.len() >= HELD {
                    keep(prefilter, &mut own);
                    now.0.replace(latest());
                }
            });
            keep(prefilter, &mut own);
        };
        // Neighbours in the order first: they are mostly connected, and need not be compared again.
        (0..prefilter.panels()).into_par_iter().with_min_len(16).for_each(|from| {
            look(&prefilter, Panels { from, to: from + 1, last: from + 1 }, reach[LEVELS - 1]);
        });
        // The reach of the search changes between parts of the blocks only, by all edges that there are then: which
        // pairs a bound takes for nearer than they are depends on that, and so may not depend on what thread was first.
        let (count, mut done, mut made_for) = (blocks.all().len(), 0, LEVELS);
        for (part, again) in PARTS {
            bring_all_down(&prefilter);
            let left = latest().levels;
            let Some((&threshold, &reach)) = thresholds[..left].last().zip(reach[..left].last()) else {
                break;
            };
            if again && left < made_for {
                prefilter = prefilter.again(exact, space, threshold);
                made_for = left;
            }
            let until = count / part;
            blocks.all().take(until).skip(done).for_each(|block| {
                look(&prefilter, block.panels, reach);
                progress.advance(block.pairs(&prefilter));
            });
            done = until;
        }
        bring_all_down(&prefilter);
        let levels = latest().levels;
        let edges = store.into_inner().unwrap_or_else(PoisonError::into_inner).edges;
        Self { points: n, threshold: thresholds[..levels].last().copied(), edges }
    }

    /// The components, by their smallest points, and at which threshold; none where they are too large at each, or nothing
    /// is connected.
    pub(crate) fn components(&self) -> Option<(Vec<u32>, f64)> {
        let threshold = self.threshold.filter(|_| !self.edges.is_empty())?;
        let mut sets = UnionFind::new(self.points);
        self.edges.iter().for_each(|e| sets.union(e.i, e.j));
        Some((sets.into_roots(), threshold))
    }
}

/// Leaves a forest, in order, up to the largest level left at which components have at most `most` pairs, and returns them.
/// Of levels that were given up edges are gone, so that they cannot be had back.
fn reduce(edges: &mut Vec<Edge>, points: usize, weights: &[f32], most: u64) -> Known {
    edges.sort_unstable_by_key(Edge::key);
    let mut of = vec![[0; LEVELS]; points];
    let mut sets = UnionFind::new(points);
    let mut size = vec![1_u64; points];
    let (mut at, mut kept, mut within, mut levels, mut pairs) = (0, 0, 0, 0, 0);
    for &weight in weights {
        while let Some(&edge) = edges.get(at).filter(|e| e.weight <= weight) {
            let (i, j) = (sets.find(edge.i) as usize, sets.find(edge.j) as usize);
            if i != j {
                pairs += size[i] * size[j];
                size[i.min(j)] = size[i] + size[j];
                sets.union(edge.i, edge.j);
                edges[kept] = edge;
                kept += 1;
            }
            at += 1;
        }
        if pairs > most {
            break;
        }
        of.iter_mut().zip(sets.roots()).for_each(|(of, root)| of[levels] = root);
        (levels, within) = (levels + 1, kept);
    }
    // What is above the last level left is beyond reach.
    edges.truncate(within);
    edges.shrink_to_fit();
    Known { levels, least: Vec::new(), of }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefilter::Tuning;
    use crate::{Embeddings, Metric};
    use streamface_kernels::SplitMix64;

    /// However often edges are brought down to a forest meanwhile, with levels given up at any time.
    #[test]
    fn a_forest_of_forests_is_that_of_all_edges() {
        let mut random = SplitMix64::new(5);
        let centres: Vec<f32> = (0..40 * 40).map(|_| random.uniform() as f32 - 0.5).collect();
        let numbers = (0..1500 * 40).map(|at| {
            let centre = centres[at / 40 * 7 % 40 * 40 + at % 40];
            centre + (0.3 + (at / 40 % 5) as f32 * 0.2) * (random.uniform() as f32 - 0.5)
        });
        let rows = Embeddings::new(numbers.collect(), 40).unwrap();
        let order: Vec<u32> = (0..1500).collect();
        let points = Points::of_rows(&order);
        let exact = ExactDistance::new(&rows, Metric::Cosine).unwrap();
        let mut seen = Vec::new();
        for most in [0, 5_000, 10_000, 20_000, 28_000, 100_000, 300_000, u64::MAX] {
            let of = |edges: usize| {
                let tuning = Tuning { few: 2, edges, ..Tuning::default() };
                let space = Projection::new(&exact, &order, tuning);
                Forest::new(&exact, &space, &points, 0.0..0.6, most, Observer::none()).components()
            };
            let at_once = of(usize::MAX / 2);
            for edges in [0, 50, 1000] {
                assert!(of(edges) == at_once, "{most} {edges}");
            }
            let Some((roots, threshold)) = at_once else { continue };
            let mut size = [0_u64; 1500];
            roots.iter().for_each(|&root| size[root as usize] += 1);
            assert!(size.iter().map(|n| n * n.saturating_sub(1) / 2).sum::<u64>() <= most);
            for i in 0..1500_u32 {
                exact.distances(i, &order[i as usize + 1..], |j, distance| {
                    assert!(distance > threshold || roots[i as usize] == roots[j as usize]);
                    true
                });
            }
            seen.push(threshold);
        }
        seen.dedup();
        assert!(seen.len() > 3 && seen.is_sorted(), "{seen:?}");
    }
}
