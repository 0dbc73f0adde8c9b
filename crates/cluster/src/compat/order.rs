//! In which order SciPy's `fcluster` numbers the clusters of a cut dendrogram.
//!
//! It walks the dendrogram from the root and numbers each cluster as it meets it. Of two branches it takes
//! the older one first, merges being as old as their height is small; single rows it takes on the way
//! back, after what else hangs on the same merge, by their number. A cluster's height is its diameter, so
//! the branches below the cut are known from diameters, and those above it from complete linkage of the
//! clusters themselves, under the largest distance across them.

use ndarray::{Array2, s};
use rayon::prelude::*;
use streamface_types::{EmbeddingsView, Metric};

/// Rows of a block of distances: 512 KB of them.
const BLOCK: usize = 256;

/// The number that `fcluster` would give each cluster, from 0. `labels` are numbered by first
/// appearance, without gaps.
pub(super) fn of_clusters(
    rows: EmbeddingsView<'_>,
    metric: Metric,
    labels: &[u32],
    clusters: usize,
) -> Vec<u32> {
    if clusters < 2 {
        return vec![0; clusters];
    }
    let mut across = Condensed::new(rows, metric, labels, clusters);
    let mut nodes = leaves(labels, &across.diameter);
    // The merges above the cut, found by chains and sorted by height, as SciPy does.
    let mut merges = chain(&mut across);
    merges.sort_by(|x, y| x.2.total_cmp(&y.2));
    // What each cluster is part of by now, and the two halves of each merge.
    let mut top: Vec<usize> = (0..clusters).collect();
    let mut halves: Vec<(usize, usize)> = Vec::with_capacity(clusters - 1);
    for (a, b, _) in merges {
        let (a, b) = (root(&mut top, a), root(&mut top, b));
        let new = top.len();
        top.push(new);
        (top[a], top[b]) = (new, new);
        halves.push(if nodes[a] < nodes[b] { (a, b) } else { (b, a) });
        nodes.push(Age::Above(new));
    }
    let mut number = vec![0; clusters];
    let (mut next, mut open) = (0, vec![top.len() - 1]);
    while let Some(node) = open.pop() {
        if let Some(inner) = node.checked_sub(clusters) {
            let (left, right) = halves[inner];
            open.extend([right, left]);
        } else {
            number[node] = next;
            next += 1;
        }
    }
    number
}

/// When its branch came to be, and so when the walk takes it: the smaller of two goes first.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum Age {
    /// A merge at or below the cut: its height, and its first row where heights are equal.
    Below(f64, usize),
    /// A merge above the cut, by its place among them.
    Above(usize),
    /// A single row.
    Row(usize),
}

fn leaves(labels: &[u32], diameter: &[f64]) -> Vec<Age> {
    let mut first = vec![usize::MAX; diameter.len()];
    let mut size = vec![0_usize; diameter.len()];
    for (row, &label) in labels.iter().enumerate() {
        size[label as usize] += 1;
        first[label as usize] = first[label as usize].min(row);
    }
    let age = |c: usize| if size[c] == 1 { Age::Row(first[c]) } else { Age::Below(diameter[c], first[c]) };
    (0..diameter.len()).map(age).collect()
}

fn root(top: &mut [usize], mut x: usize) -> usize {
    while top[x] != x {
        top[x] = top[top[x]];
        x = top[x];
    }
    x
}

/// Largest distances between clusters: a triangle without its diagonal, row after row.
struct Condensed {
    clusters: usize,
    largest: Vec<f64>,
    /// Largest distance within each cluster.
    diameter: Vec<f64>,
}

impl Condensed {
    /// Distances as SciPy takes them: from unit vectors in `f64` for cosine. Only their order matters
    /// here, so that it is not [`Metric::distance`] to the last bit does no harm.
    fn new(rows: EmbeddingsView<'_>, metric: Metric, labels: &[u32], clusters: usize) -> Self {
        // Rows sorted by cluster: those of one lie together.
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&row| labels[row]);
        let (mut data, mut squares) = (Vec::with_capacity(rows.as_slice().len()), Vec::new());
        for &row in &order {
            let row = rows.row(row).iter().map(|&x| f64::from(x));
            let square: f64 = row.clone().map(|x| x * x).sum();
            let scale = if metric == Metric::Cosine && square > 0.0 { square.sqrt().recip() } else { 1.0 };
            data.extend(row.map(|x| x * scale));
            squares.push(square);
        }
        let unit = Array2::from_shape_vec((rows.len(), rows.dim()), data)
            .unwrap_or_else(|e| unreachable!("as many numbers as the rows have: {e}"));
        let of: Vec<usize> = order.iter().map(|&row| labels[row] as usize).collect();
        let first: Vec<usize> = (0..=clusters).map(|c| of.partition_point(|&o| o < c)).collect();
        let distance = |i: usize, j: usize, dot: f64| match metric {
            Metric::Euclidean => (squares[i] + squares[j] - 2.0 * dot).max(0.0).sqrt(),
            _ => (1.0 - dot).clamp(0.0, 2.0),
        };
        // Whole clusters side by side until they fill a block.
        let mut tasks = vec![0];
        for c in 1..clusters {
            if tasks.last().is_some_and(|&from| first[c] - first[from] >= BLOCK) {
                tasks.push(c);
            }
        }
        tasks.push(clusters);
        let lines: Vec<Vec<f64>> = tasks
            .par_windows(2)
            .with_max_len(1)
            .flat_map_iter(|task| {
                // Each cluster's largest distances to itself and those after it.
                let mut lines: Vec<_> = (task[0]..task[1]).map(|c| vec![0.0_f64; clusters - c]).collect();
                let (from, to) = (first[task[0]], first[task[1]]);
                for i in (from..to).step_by(BLOCK) {
                    let own = unit.slice(s![i..(i + BLOCK).min(to), ..]);
                    for j in (i..unit.nrows()).step_by(BLOCK) {
                        let others = unit.slice(s![j..(j + BLOCK).min(unit.nrows()), ..]);
                        let dots = own.dot(&others.t());
                        for ((p, q), &dot) in dots.indexed_iter().filter(|((p, q), _)| i + p < j + q) {
                            let (c, d) = (of[i + p], of[j + q]);
                            let largest = &mut lines[c - task[0]][d - c];
                            *largest = largest.max(distance(i + p, j + q, dot));
                        }
                    }
                }
                lines
            })
            .collect();
        let mut largest = Vec::with_capacity(clusters * (clusters - 1) / 2);
        let mut diameter = Vec::with_capacity(clusters);
        for line in lines {
            diameter.push(line[0]);
            largest.extend_from_slice(&line[1..]);
        }
        Self { clusters, largest, diameter }
    }

    fn at(&self, a: usize, b: usize) -> usize {
        let (a, b) = (a.min(b), a.max(b));
        a * self.clusters - a * (a + 1) / 2 + b - a - 1
    }
}

/// Complete linkage to the end by nearest-neighbour chains: (smaller, larger, height) of each merge, the
/// merged cluster going on under the larger number, as SciPy's own does. O(clusters²).
fn chain(across: &mut Condensed) -> Vec<(usize, usize, f64)> {
    let mut alive = vec![true; across.clusters];
    let (mut chain, mut merges) = (Vec::new(), Vec::with_capacity(across.clusters - 1));
    let mut start = 0;
    while merges.len() + 1 < across.clusters {
        if chain.is_empty() {
            while !alive[start] {
                start += 1;
            }
            chain.push(start);
        }
        let Some(&x) = chain.last() else { continue };
        // The one before is preferred where others are as near.
        let before = chain.len().checked_sub(2).map(|at| chain[at]);
        let mut nearest =
            before.map_or((f64::INFINITY, usize::MAX), |y| (across.largest[across.at(x, y)], y));
        for y in (0..across.clusters).filter(|&y| alive[y] && y != x) {
            let distance = across.largest[across.at(x, y)];
            if distance < nearest.0 {
                nearest = (distance, y);
            }
        }
        let (height, y) = nearest;
        if before != Some(y) {
            chain.push(y);
            continue;
        }
        chain.truncate(chain.len() - 2);
        let (gone, kept) = (x.min(y), x.max(y));
        alive[gone] = false;
        merges.push((gone, kept, height));
        for z in (0..across.clusters).filter(|&z| alive[z] && z != kept) {
            let (from, to) = (across.at(z, gone), across.at(z, kept));
            across.largest[to] = across.largest[to].max(across.largest[from]);
        }
    }
    merges
}

#[cfg(test)]
mod tests {
    use streamface_types::Embeddings;

    use super::*;

    /// Points on a line, numbered as by SciPy 1.17: `fcluster(linkage(x, "complete"), t,
    /// "distance") - 1`.
    #[test]
    fn numbered_as_scipy_numbers() {
        let check = |x: &[f32], labels: &[u32], want: &[u32]| {
            let rows = Embeddings::new(x.to_vec(), 1).unwrap();
            let clusters = *labels.iter().max().unwrap() as usize + 1;
            assert_eq!(of_clusters(rows.view(), Metric::Euclidean, labels, clusters), want);
        };
        check(&[0.0, 9.0, 1.0, 20.0, 8.5, 13.0], &[0, 1, 0, 2, 1, 3], &[0, 1, 3, 2]);
        check(&[5.0, 0.0, 40.0, 6.5, 1.0, 41.0, 20.0], &[0, 1, 2, 0, 1, 2, 3], &[2, 1, 0, 3]);
    }
}
