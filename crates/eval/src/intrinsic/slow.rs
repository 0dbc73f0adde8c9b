//! The measures by their definitions, pair by pair: what the fast ones are checked against.

use std::collections::BTreeMap;

use streamface_types::{Embeddings, Metric};

/// Rows of each cluster.
pub fn members(labels: &[i64]) -> BTreeMap<i64, Vec<usize>> {
    let mut members: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (row, &label) in labels.iter().enumerate().filter(|(_, label)| **label >= 0) {
        members.entry(label).or_default().push(row);
    }
    members
}

/// `Metric::distance`, of which what is rounding is taken for 0.
fn distance(embeddings: &Embeddings, metric: Metric, a: usize, b: usize) -> f64 {
    let distance = metric.distance(embeddings.row(a), embeddings.row(b));
    if distance < 1e-14 { 0.0 } else { distance }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (n, sum) = values.fold((0.0, 0.0), |(n, sum), v| (n + 1.0, sum + v));
    if n == 0.0 { 0.0 } else { sum / n }
}

/// (row, a, mean distance from each other cluster, silhouette), by row.
pub fn silhouette(
    embeddings: &Embeddings,
    labels: &[i64],
    metric: Metric,
) -> Vec<(usize, f64, BTreeMap<i64, f64>, f64)> {
    let members = members(labels);
    let mut all = Vec::new();
    for row in (0..labels.len()).filter(|&row| labels[row] >= 0) {
        let from = |label: i64| {
            mean(members[&label].iter().filter(|&&r| r != row).map(|&r| distance(embeddings, metric, row, r)))
        };
        let a = from(labels[row]);
        let others: BTreeMap<i64, f64> =
            members.keys().filter(|&&l| l != labels[row]).map(|&l| (l, from(l))).collect();
        let b = others.values().copied().fold(f64::INFINITY, f64::min);
        let larger = a.max(b);
        let s = if members[&labels[row]].len() == 1 || larger == 0.0 { 0.0 } else { (b - a) / larger };
        all.push((row, a, others, s));
    }
    all
}

pub fn diameter(embeddings: &Embeddings, rows: &[usize], metric: Metric) -> f64 {
    let pairs = rows.iter().flat_map(|&a| rows.iter().map(move |&b| (a, b))).filter(|(a, b)| a < b);
    pairs.map(|(a, b)| metric.distance(embeddings.row(a), embeddings.row(b))).fold(0.0, f64::max)
}

/// Mean of the vectors, for cosine of the unit vectors.
pub fn centre(embeddings: &Embeddings, rows: &[usize], metric: Metric) -> Vec<f64> {
    let mut centre = vec![0.0; embeddings.dim()];
    for &row in rows {
        let vector: Vec<f64> = embeddings.row(row).iter().map(|&v| f64::from(v)).collect();
        let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        let scale = if metric == Metric::Euclidean || norm == 0.0 { 1.0 } else { 1.0 / norm };
        centre.iter_mut().zip(vector).for_each(|(c, v)| *c += v * scale / rows.len() as f64);
    }
    centre
}

/// As `Metric::distance`, in `f64`.
pub fn apart(a: &[f64], b: &[f64], metric: Metric) -> f64 {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    if metric == Metric::Euclidean {
        return a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt();
    }
    if dot(a, a) == 0.0 || dot(b, b) == 0.0 { 1.0 } else { 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt() }
}

pub fn vector(embeddings: &Embeddings, row: usize) -> Vec<f64> {
    embeddings.row(row).iter().map(|&v| f64::from(v)).collect()
}

pub fn davies_bouldin(embeddings: &Embeddings, labels: &[i64]) -> f64 {
    let metric = Metric::Euclidean;
    let clusters: Vec<(Vec<f64>, f64)> = members(labels)
        .values()
        .map(|rows| {
            let centre = centre(embeddings, rows, metric);
            let spread = mean(rows.iter().map(|&r| apart(&vector(embeddings, r), &centre, metric)));
            (centre, spread)
        })
        .collect();
    if clusters.iter().all(|(_, s)| *s <= 1e-8) {
        return 0.0;
    }
    let ratio = |i: usize, j: usize| {
        let d = apart(&clusters[i].0, &clusters[j].0, metric);
        if d < 1e-12 { 0.0 } else { (clusters[i].1 + clusters[j].1) / d }
    };
    let all = 0..clusters.len();
    let worst = |i: usize| all.clone().filter(|&j| j != i).map(|j| ratio(i, j)).fold(0.0, f64::max);
    mean(all.clone().map(worst))
}

pub fn calinski_harabasz(embeddings: &Embeddings, labels: &[i64]) -> f64 {
    let metric = Metric::Euclidean;
    let members = members(labels);
    let all: Vec<usize> = members.values().flatten().copied().collect();
    let overall = centre(embeddings, &all, metric);
    let (mut between, mut within) = (0.0, 0.0);
    for rows in members.values() {
        let centre = centre(embeddings, rows, metric);
        between += rows.len() as f64 * apart(&centre, &overall, metric).powi(2);
        within += rows.iter().map(|&r| apart(&vector(embeddings, r), &centre, metric).powi(2)).sum::<f64>();
    }
    let (n, k) = (all.len() as f64, members.len() as f64);
    if within == 0.0 { 1.0 } else { between * (n - k) / (within * (k - 1.0)) }
}
