//! Which points hang together at any threshold, without keeping their links.
//!
//! A minimum spanning forest of all pairs within reach, weighed by a lower bound of their distance, has the
//! components of every threshold (Gower and Ross 1969), or coarser ones where the bound is low. Edges
//! come by the billion; those between points that smaller edges already tie are dropped on sight, by the
//! components at a few levels of what is known so far, and the rest is brought down to a forest whenever there
//! are too many: the forest of a forest and more edges is that of all edges.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rayon::prelude::*;

use crate::exact::Exact;
use crate::join::{Blocks, pairs};
use crate::points::Points;
use crate::progress::{Observer, Stage};
use crate::sketch::{Sketch, Space};
use crate::union_find::UnionFind;

/// Levels at which components are kept up: as many as fit in a line of cache.
const LEVELS: usize = 16;
/// Thresholds that components can be asked for at.
const STEPS: usize = 64;
/// Edges beyond the forest before it is made anew.
const BUFFER: usize = 1 << 22;
/// Edges that a block may find before it hands them over.
const HELD: usize = 1 << 18;

#[derive(Clone, Copy)]
struct Edge {
    /// A lower bound of the distance, in the sketch's measure.
    weight: f32,
    i: u32,
    j: u32,
}

/// Components at each level: LEVELS numbers a point.
struct Known {
    weights: [f32; LEVELS],
    of: Vec<[u32; LEVELS]>,
}

impl Known {
    /// Whether smaller edges tie the two.
    fn ties(&self, edge: &Edge) -> bool {
        let level = self.weights.partition_point(|&w| w <= edge.weight);
        level > 0 && self.of[edge.i as usize][level - 1] == self.of[edge.j as usize][level - 1]
    }
}

/// A minimum spanning forest.
pub(crate) struct Forest {
    points: usize,
    /// Thresholds, and their weights.
    steps: Vec<(f64, f32)>,
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
        let (reached, wanted) = (thresholds.start, thresholds.end);
        let steps: Vec<(f64, f32)> = (1..=STEPS)
            .map(|s| if s == STEPS { wanted } else { reached + (wanted - reached) * s as f64 / STEPS as f64 })
            .map(|t| (t, (space.reach(exact.metric(), t) as f32).next_up()))
            .collect();
        let weights = std::array::from_fn(|l| steps[(l + 1) * STEPS / LEVELS - 1].1);
        let known = RwLock::new(Arc::new(Known { weights, of: Vec::new() }));
        let sketch = Sketch::new(exact, space, points, wanted);
        let blocks = Blocks::new(&sketch, n);
        let progress = observer.start(Stage::Join, pairs(n));
        let all = Mutex::new((Vec::new(), BUFFER));
        let reach = space.reach(exact.metric(), wanted);
        blocks.all().for_each(|block| {
            let latest = || known.read().unwrap_or_else(PoisonError::into_inner).clone();
            let keep = |own: &mut Vec<Edge>| {
                // As in joins, all of it on this thread.
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                all.0.append(own);
                if all.0.len() > all.1 {
                    let made = reduce(&mut all.0, n, weights);
                    all.1 = 2 * all.0.len() + BUFFER;
                    *known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
                }
            };
            let mut known_now = latest();
            let mut own = Vec::new();
            sketch.candidates(block.from, block.to, reach, |i, others| {
                for &j in others {
                    let weight = sketch.least(exact, space, points, (i, j)) as f32;
                    let edge = Edge { weight: weight.next_down(), i, j };
                    if known_now.of.is_empty() || !known_now.ties(&edge) {
                        own.push(edge);
                    }
                }
                if own.len() >= HELD {
                    keep(&mut own);
                    known_now = latest();
                }
            });
            progress.advance(block.pairs(&sketch, n));
            keep(&mut own);
        });
        let (mut edges, _) = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        reduce(&mut edges, n, weights);
        Self { points: n, steps, edges }
    }

    /// The components, by their smallest points, at the largest threshold at which they have at most `most`
    /// pairs together; none where there is no such or nothing hangs together there.
    pub(crate) fn components(&self, most: u64) -> Option<(Vec<u32>, f64)> {
        let mut sets = UnionFind::new(self.points);
        let mut size = vec![1_u64; self.points];
        let (mut count, mut at) = (0, 0);
        let mut best = None;
        for &(threshold, weight) in &self.steps {
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

/// Leaves a forest, in order, and tells its components. On one thread, as a lock is held meanwhile.
fn reduce(edges: &mut Vec<Edge>, points: usize, weights: [f32; LEVELS]) -> Known {
    edges.sort_unstable_by(|a, b| a.weight.total_cmp(&b.weight).then((a.i, a.j).cmp(&(b.i, b.j))));
    let mut sets = UnionFind::new(points);
    edges.retain(|e| {
        let new = sets.find(e.i) != sets.find(e.j);
        if new {
            sets.union(e.i, e.j);
        }
        new
    });
    edges.shrink_to_fit();
    let mut of = vec![[0; LEVELS]; points];
    let mut sets = UnionFind::new(points);
    let mut at = 0;
    for (level, &weight) in weights.iter().enumerate() {
        while let Some(e) = edges.get(at).filter(|e| e.weight <= weight) {
            sets.union(e.i, e.j);
            at += 1;
        }
        of.iter_mut().zip(sets.roots()).for_each(|(of, root)| of[level] = root);
    }
    Known { weights, of }
}
