//! Merges, tree by tree: what lies between the means of the two clusters of each.

use std::collections::HashMap;

use rayon::prelude::*;
use streamface_kernels::dot_f64;
use streamface_types::{EmbeddingsView, Metric};

use super::Merge;

/// What lies between the two clusters of a merge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Between {
    /// The angle of their means for cosine, the distance of these otherwise.
    pub(super) apart: f64,
    /// Their numbers of rows.
    pub(super) sizes: (u32, u32),
}

/// All merges.
#[derive(Debug, Clone)]
pub(super) struct Forest {
    /// One a merge.
    pub(super) between: Vec<Between>,
    /// The smallest row of each row's tree.
    pub(super) root: Vec<u32>,
}

impl Forest {
    /// Each tree is gone through by itself, so that only the sums of its clusters are in memory, on as many threads as there are.
    pub(super) fn new(rows: EmbeddingsView<'_>, merges: &[Merge], metric: Metric) -> Self {
        let root = roots(rows.len(), merges);
        let mut of_tree: HashMap<u32, Vec<usize>> = HashMap::new();
        for (number, merge) in merges.iter().enumerate() {
            of_tree.entry(root[merge.0 as usize]).or_default().push(number);
        }
        let mut trees: Vec<(u32, Vec<usize>)> = of_tree.into_iter().collect();
        trees.sort_unstable_by_key(|(root, _)| *root);
        let parts: Vec<Vec<(usize, Between)>> =
            trees.into_par_iter().map(|(_, numbers)| of_one(rows, merges, &numbers, metric)).collect();
        let nothing = Between { apart: 0.0, sizes: (1, 1) };
        let mut between = vec![nothing; merges.len()];
        parts.into_iter().flatten().for_each(|(number, found)| between[number] = found);
        Self { between, root }
    }
}

/// The smallest row of each row's cluster after `merges`.
pub(super) fn roots(rows: usize, merges: &[Merge]) -> Vec<u32> {
    let mut root: Vec<u32> = (0..rows as u32).collect();
    // A row's parent is smaller than the row, so one pass in order finds the roots.
    for &(a, b, _) in merges {
        root[b as usize] = a;
    }
    for row in 0..rows {
        root[row] = root[root[row] as usize];
    }
    root
}

/// A cluster: the sum of its rows, of length 1 each for cosine, and their number.
pub(super) struct Sum {
    pub(super) sum: Vec<f64>,
    pub(super) rows: u32,
}

impl Sum {
    pub(super) fn of(row: &[f32], metric: Metric) -> Self {
        let mut sum: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
        if metric == Metric::Cosine {
            unit(&mut sum);
        }
        Self { sum, rows: 1 }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.sum.iter_mut().zip(&other.sum).for_each(|(a, b)| *a += b);
        self.rows += other.rows;
    }

    fn apart(&self, other: &Self, metric: Metric) -> f64 {
        match metric {
            Metric::Cosine => {
                let length = (dot_f64(&self.sum, &self.sum) * dot_f64(&other.sum, &other.sum)).sqrt();
                let cosine = if length > 0.0 { dot_f64(&self.sum, &other.sum) / length } else { 0.0 };
                cosine.clamp(-1.0, 1.0).acos()
            }
            _ => {
                let (a, b) = (f64::from(self.rows), f64::from(other.rows));
                let squares = self.sum.iter().zip(&other.sum).map(|(x, y)| (x / a - y / b).powi(2));
                squares.sum::<f64>().sqrt()
            }
        }
    }
}

/// Makes a vector's length 1; one of length 0 stays.
pub(super) fn unit(vector: &mut [f64]) {
    let length = dot_f64(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}

/// The merges of one tree, in order.
fn of_one(
    rows: EmbeddingsView<'_>,
    merges: &[Merge],
    numbers: &[usize],
    metric: Metric,
) -> Vec<(usize, Between)> {
    let mut clusters: HashMap<u32, Sum> = HashMap::new();
    let take = |clusters: &mut HashMap<u32, Sum>, row: u32| {
        clusters.remove(&row).unwrap_or_else(|| Sum::of(rows.row(row as usize), metric))
    };
    let one = |&number: &usize| {
        let (a, b, _) = merges[number];
        let (mut first, second) = (take(&mut clusters, a), take(&mut clusters, b));
        let between = Between { apart: first.apart(&second, metric), sizes: (first.rows, second.rows) };
        first.add(&second);
        clusters.insert(a, first);
        (number, between)
    };
    numbers.iter().map(one).collect()
}
