//! Linkage on a square matrix of distances, by nearest-neighbour chains; see [`linkage`](crate::linkage)
//! for the rule and its proof.

use rayon::prelude::*;

use crate::Merge;

/// Points whose distances one thread computes.
const FEW: usize = 64;

/// Bytes that chains on so many points take at most: the matrix, and the half by half one that follows.
pub(crate) fn bytes(points: usize) -> u64 {
    (points as u64).saturating_mul(points as u64).saturating_mul(10)
}

/// Distances of points, both halves, infinite where there is none.
pub(crate) struct DistanceMatrix {
    points: usize,
    distance: Vec<f64>,
}

impl DistanceMatrix {
    /// `points` points with no distances.
    pub(crate) fn new(points: usize) -> Self {
        Self { points, distance: vec![f64::INFINITY; points * points] }
    }

    /// Of all pairs `x < y` that have a distance, each asked for once; and how many have.
    pub(crate) fn of_pairs(
        points: usize,
        distance: impl Fn(usize, usize) -> Option<f64> + Sync,
    ) -> (Self, u64) {
        let mut square = Self::new(points);
        let fill = |(x, row): (usize, &mut [f64])| {
            let slots = row.iter_mut().enumerate().skip(x + 1);
            let there = slots.filter_map(|(y, slot)| Some((slot, distance(x, y)?)));
            there.map(|(slot, distance)| *slot = distance).count() as u64
        };
        let rows = square.rows_mut().enumerate();
        let count = if points <= FEW { rows.map(fill).sum() } else { rows.par_bridge().map(fill).sum() };
        for x in 0..points {
            for y in x + 1..points {
                square.distance[y * points + x] = square.distance[x * points + y];
            }
        }
        (square, count)
    }

    /// One half; the other is set likewise.
    pub(crate) fn set(&mut self, x: usize, y: usize, distance: f64) {
        self.distance[x * self.points + y] = distance;
    }

    fn rows_mut(&mut self) -> std::slice::ChunksExactMut<'_, f64> {
        self.distance.chunks_exact_mut(self.points.max(1))
    }

    fn row(&self, x: usize) -> &[f64] {
        &self.distance[x * self.points..(x + 1) * self.points]
    }

    /// The nearest of `x`, the first of equals.
    fn nearest(&self, x: usize) -> Option<(usize, f64)> {
        let row = self.row(x);
        let least = minimum(row);
        // The first place of an infinite one means nothing.
        let at = row.iter().position(|&d| d == least).filter(|_| least.is_finite())?;
        Some((at, least))
    }
}

/// Merges all points that have a finite distance. `update(from a, from b, rows of a, rows of b)` is the
/// distance of what a and b become, from their distances to a third; it must not be less than both.
pub(crate) fn chain(square: DistanceMatrix, update: impl Fn(f64, f64, f64, f64) -> f64) -> Vec<Merge> {
    let sizes = vec![1.0; square.points];
    chain_of(square, sizes, update)
}

/// The same for points of several rows.
pub(crate) fn chain_of(
    mut square: DistanceMatrix,
    mut sizes: Vec<f64>,
    update: impl Fn(f64, f64, f64, f64) -> f64,
) -> Vec<Merge> {
    let mut ids: Vec<u32> = (0..square.points as u32).collect();
    let mut merges = Vec::new();
    let mut chain: Vec<usize> = Vec::new();
    let (mut start, mut merged) = (0, 0);
    loop {
        if chain.is_empty() {
            // Half of the rows are gone: the matrix shrinks to those that are left.
            if merged * 2 > square.points {
                (square, ids, sizes) = shrunk(&square, &ids, &sizes);
                (start, merged) = (0, 0);
            }
            while start < square.points && (sizes[start] == 0.0 || square.nearest(start).is_none()) {
                start += 1;
            }
            if start == square.points {
                return merges;
            }
            chain.push(start);
        }
        let top = chain[chain.len() - 1];
        let Some((nearest, distance)) = square.nearest(top) else {
            chain.pop();
            continue;
        };
        if chain.len() < 2 || chain[chain.len() - 2] != nearest {
            chain.push(nearest);
            continue;
        }
        chain.truncate(chain.len() - 2);
        let (a, b) = (top.min(nearest), top.max(nearest));
        merges.push(Merge { a: ids[a], b: ids[b], distance });
        let n = square.points;
        for c in 0..n {
            let (left, right) = (square.distance[a * n + c], square.distance[b * n + c]);
            if left.is_finite() || right.is_finite() {
                let joined =
                    if c == a || c == b { f64::INFINITY } else { update(left, right, sizes[a], sizes[b]) };
                square.distance[a * n + c] = joined;
                square.distance[c * n + a] = joined;
                square.distance[b * n + c] = f64::INFINITY;
                square.distance[c * n + b] = f64::INFINITY;
            }
        }
        sizes[a] += sizes[b];
        sizes[b] = 0.0;
        merged += 1;
    }
}

fn shrunk(square: &DistanceMatrix, ids: &[u32], sizes: &[f64]) -> (DistanceMatrix, Vec<u32>, Vec<f64>) {
    let left: Vec<usize> = (0..square.points).filter(|&x| sizes[x] > 0.0).collect();
    let distance = left.iter().flat_map(|&x| left.iter().map(move |&y| square.row(x)[y])).collect();
    (
        DistanceMatrix { points: left.len(), distance },
        left.iter().map(|&x| ids[x]).collect(),
        left.iter().map(|&x| sizes[x]).collect(),
    )
}

/// The least of the distances, infinite where there is none.
pub(crate) fn minimum(distances: &[f64]) -> f64 {
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
