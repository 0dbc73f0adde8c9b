//! Which points hang together at any threshold, without keeping their links.
//!
//! A minimum spanning forest of all pairs within reach, weighed by a lower bound of their distance, has the
//! components of every threshold (Gower and Ross 1969), or coarser ones where the bound is low. Only a few
//! thresholds, the *levels*, are asked for, so an edge between points that already hang together at the least
//! level at or above its weight tells nothing; most of a large person's are dropped so on sight, without a
//! second look at them. The rest is brought down to a forest whenever there are too many: the forest of a forest
//! and more edges is that of all edges.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rayon::prelude::*;

use crate::exact::Exact;
use crate::join::{Blocks, pairs};
use crate::points::Points;
use crate::progress::{Observer, Stage};
use crate::sketch::{Panels, Sketch, Space, Wanted};
use crate::union_find::UnionFind;

/// Levels, as many as fit in a line of cache; from half of the threshold on, since what hangs together
/// below does so without another look.
const LEVELS: usize = 16;
/// Edges beyond the forest before it is made anew.
const BUFFER: usize = 1 << 18;
/// Edges that a block may find before it hands them over.
const HELD: usize = 1 << 13;

#[derive(Clone, Copy)]
struct Edge {
    /// A lower bound of the distance, in the sketch's measure.
    weight: f32,
    i: u32,
    j: u32,
}

/// Components at each level.
struct Known {
    /// At the least level, by which most edges are dropped, of what stands at each place of the sketch.
    least: Vec<u32>,
    of: Vec<[u32; LEVELS]>,
}

impl Known {
    fn nothing() -> Self {
        Self { least: Vec::new(), of: Vec::new() }
    }

    /// Whether the two hang together at the least level that the edge is at or below, and so at all above.
    fn has(&self, edge: &Edge, weights: &[f32; LEVELS]) -> bool {
        let level = weights.partition_point(|&w| w < edge.weight);
        let (i, j) = (edge.i as usize, edge.j as usize);
        level == LEVELS || (!self.of.is_empty() && self.of[i][level] == self.of[j][level])
    }
}

/// The latest.
struct Now(RefCell<Arc<Known>>);

impl Wanted for Now {
    /// Those that do not hang together at every level.
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
    /// So many make it worth to bring them down to a forest.
    most: usize,
    /// A thread is at it.
    busy: bool,
}

/// A minimum spanning forest.
pub(crate) struct Forest {
    points: usize,
    thresholds: [f64; LEVELS],
    weights: [f32; LEVELS],
    /// In order of weight.
    edges: Vec<Edge>,
}

impl Forest {
    /// Of all pairs that may be within the end of `thresholds`.
    pub(crate) fn new(
        exact: &Exact,
        space: &Space,
        points: &Points,
        thresholds: Range<f64>,
        observer: Observer<'_>,
    ) -> Self {
        let n = points.len();
        let Range { start: reached, end: wanted } = thresholds;
        let half = reached.max(wanted / 2.0);
        let thresholds: [f64; LEVELS] = std::array::from_fn(|l| match l + 1 {
            LEVELS => wanted,
            l => half + (wanted - half) * l as f64 / LEVELS as f64,
        });
        let weights = thresholds.map(|t| (space.reach(exact.metric(), t) as f32).next_up());
        let known = RwLock::new(Arc::new(Known::nothing()));
        let sketch = Sketch::new(exact, space, points, wanted);
        let blocks = Blocks::new(&sketch);
        let progress = observer.start(Stage::Join, pairs(n));
        let store = Mutex::new(Store { edges: Vec::new(), most: BUFFER, busy: false });
        let lock = || store.lock().unwrap_or_else(PoisonError::into_inner);
        let reach = space.reach(exact.metric(), wanted);
        let keep = |own: &mut Vec<Edge>| {
            let mut edges = {
                let mut store = lock();
                store.edges.append(own);
                if store.busy || store.edges.len() <= store.most {
                    return;
                }
                store.busy = true;
                std::mem::take(&mut store.edges)
            };
            // Without the lock, and on this thread alone: one that waits for its share of a parallel sort may
            // take up another block meanwhile.
            let mut made = reduce(&mut edges, n, &weights);
            made.least = (0..n as u32).map(|place| made.of[sketch.point(place) as usize][0]).collect();
            *known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
            let mut store = lock();
            store.most = edges.len() + edges.len() / 2 + BUFFER;
            store.edges.append(&mut edges);
            store.busy = false;
        };
        let latest = || known.read().unwrap_or_else(PoisonError::into_inner).clone();
        let look = |panels: Panels| {
            let now = Now(RefCell::new(latest()));
            let mut own = Vec::new();
            sketch.candidates(panels, reach, Some(&now), |p, others| {
                for &q in others {
                    let weight = (sketch.least(exact, space, (p, q)) as f32).next_down();
                    let edge = Edge { weight, i: sketch.point(p), j: sketch.point(q) };
                    if !now.0.borrow().has(&edge, &weights) {
                        own.push(edge);
                    }
                }
                if own.len() >= HELD {
                    keep(&mut own);
                    now.0.replace(latest());
                }
            });
            keep(&mut own);
        };
        // What stands close together first: that mostly hangs together, and need not be looked at again.
        (0..sketch.panels()).into_par_iter().with_min_len(16).for_each(|from| {
            look(Panels { from, to: from + 1, last: from + 1 });
        });
        blocks.all().for_each(|block| {
            look(block.panels);
            progress.advance(block.pairs(&sketch));
        });
        let mut edges = store.into_inner().unwrap_or_else(PoisonError::into_inner).edges;
        reduce(&mut edges, n, &weights);
        Self { points: n, thresholds, weights, edges }
    }

    /// The components, by their smallest points, at the largest level at which they have at most `most`
    /// pairs together; none where there is no such or nothing hangs together there.
    pub(crate) fn components(&self, most: u64) -> Option<(Vec<u32>, f64)> {
        let mut sets = UnionFind::new(self.points);
        let mut size = vec![1_u64; self.points];
        let (mut count, mut at) = (0, 0);
        let mut best = None;
        for (&threshold, &weight) in self.thresholds.iter().zip(&self.weights) {
            while let Some(edge) = self.edges.get(at).filter(|e| e.weight <= weight) {
                let (i, j) = (sets.find(edge.i) as usize, sets.find(edge.j) as usize);
                count += size[i] * size[j];
                size[i.min(j)] = size[i] + size[j];
                sets.union(edge.i, edge.j);
                at += 1;
            }
            if count > most {
                break;
            }
            if at > 0 {
                best = Some((at, threshold));
            }
        }
        let (at, threshold) = best?;
        let mut sets = UnionFind::new(self.points);
        self.edges[..at].iter().for_each(|e| sets.union(e.i, e.j));
        Some((sets.into_roots(), threshold))
    }
}

/// Leaves a forest, in order, and tells its components.
fn reduce(edges: &mut Vec<Edge>, points: usize, weights: &[f32; LEVELS]) -> Known {
    edges.sort_unstable_by(|a, b| a.weight.total_cmp(&b.weight).then((a.i, a.j).cmp(&(b.i, b.j))));
    let mut of = vec![[0; LEVELS]; points];
    let mut sets = UnionFind::new(points);
    let (mut at, mut kept) = (0, 0);
    for (level, &weight) in weights.iter().enumerate() {
        while let Some(&edge) = edges.get(at).filter(|e| e.weight <= weight) {
            if sets.find(edge.i) != sets.find(edge.j) {
                sets.union(edge.i, edge.j);
                edges[kept] = edge;
                kept += 1;
            }
            at += 1;
        }
        of.iter_mut().zip(sets.roots()).for_each(|(of, root)| of[level] = root);
    }
    // What is above the last level is beyond reach.
    edges.truncate(kept);
    edges.shrink_to_fit();
    Known { least: Vec::new(), of }
}
