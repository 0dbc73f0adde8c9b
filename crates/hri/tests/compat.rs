//! The original's tree, compared with the original's labels and depths, and with a slow version of its rules.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Random, Spectrum, faces, read_npy_f8};
use hri::{CompatTree, Metric, Threshold};
use streamface_testing::reference;

#[test]
fn labels_and_depths_are_the_originals() {
    let (Some(vectors), Some(table)) = (reference("synthetic_3000x64.npy"), reference("hri_synthetic.csv"))
    else {
        return;
    };
    let (numbers, dim) = read_npy_f8(&vectors);
    assert_eq!(dim, 64);
    let text = std::fs::read_to_string(table).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<u32>> = lines.map(|l| l.split(',').map(|x| x.parse().unwrap()).collect()).collect();
    let mut compared = 0;
    for (column, name) in header.iter().enumerate() {
        let Some(rest) = name.strip_prefix("label_") else { continue };
        let (metric, threshold) = rest.split_once('_').unwrap();
        let threshold = Threshold::new(metric.parse().unwrap(), threshold.parse().unwrap()).unwrap();
        let mut tree = CompatTree::new(dim, threshold).unwrap();
        for row in 0..rows.len() {
            tree.insert(&numbers[row * dim..(row + 1) * dim]).unwrap();
        }
        let labels: Vec<u32> = tree.labels().iter().map(|&l| l as u32).collect();
        assert_eq!(labels, rows.iter().map(|r| r[column]).collect::<Vec<_>>(), "{name}");
        assert_eq!(header[column + 1], format!("depth_{rest}"));
        assert_eq!(tree.depths(), rows.iter().map(|r| r[column + 1]).collect::<Vec<_>>(), "{name}");
        compared += 1;
    }
    assert_eq!(compared, 3);
}

/// The rules written plainly: nodes own their children, and everything is recomputed.
enum Node {
    Internal(Vec<Node>),
    End(usize, Vec<(usize, Vec<f64>)>),
}

struct Reference {
    root: Vec<Node>,
    metric: Metric,
    threshold: f64,
    labels: usize,
}

impl Node {
    fn count(&self) -> f64 {
        match self {
            Node::Internal(children) => children.iter().map(Node::count).sum(),
            Node::End(_, leaves) => leaves.len() as f64,
        }
    }

    fn value(&self) -> Vec<f64> {
        let parts: Vec<(f64, Vec<f64>)> = match self {
            Node::Internal(children) => children.iter().map(|c| (c.count(), c.value())).collect(),
            Node::End(_, leaves) => leaves.iter().map(|(_, v)| (1.0, v.clone())).collect(),
        };
        let total: f64 = parts.iter().map(|p| p.0).sum();
        (0..parts[0].1.len()).map(|k| parts.iter().map(|p| p.0 * p.1[k]).sum::<f64>() / total).collect()
    }

    fn depths(&self, depth: u32, into: &mut Vec<(usize, u32)>) {
        match self {
            Node::Internal(children) => children.iter().for_each(|c| c.depths(depth + 1, into)),
            Node::End(_, leaves) => into.extend(leaves.iter().map(|(at, _)| (*at, depth + 1))),
        }
    }
}

impl Reference {
    fn distance(&self, a: &[f64], b: &[f64]) -> f64 {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        match self.metric {
            Metric::Euclidean => a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt(),
            _ => {
                // Equal directions have distance 0, without rounding errors.
                let d = (1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).clamp(0.0, 2.0);
                if d < 1e-14 { 0.0 } else { d }
            }
        }
    }

    /// The path of child indices from the root to the nearest end node.
    fn search(&self, q: &[f64]) -> Option<(Vec<usize>, f64)> {
        let (mut path, mut children, mut distance) = (Vec::new(), &self.root, 0.0);
        loop {
            let distances: Vec<f64> = children.iter().map(|c| self.distance(q, &c.value())).collect();
            let (at, _) = distances.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1))?;
            path.push(at);
            distance = distances[at].max(0.0 * distance);
            match &children[at] {
                Node::Internal(next) => children = next,
                Node::End(..) => return Some((path, distance)),
            }
        }
    }

    fn insert(&mut self, at: usize, q: Vec<f64>) -> usize {
        let found = self.search(&q);
        let Some((path, distance)) = found else {
            self.root.push(Node::End(0, vec![(at, q)]));
            self.labels = 1;
            return 0;
        };
        let (last, steps) = path.split_last().unwrap();
        let fresh = self.labels;
        let margin = {
            let mut siblings = &self.root;
            for &step in steps {
                let Node::Internal(next) = &siblings[step] else { unreachable!() };
                siblings = next;
            }
            let own = siblings[*last].value();
            let others = siblings.iter().enumerate().filter(|(i, _)| i != last);
            let others: Vec<f64> = others.map(|(_, s)| self.distance(&own, &s.value())).collect();
            if others.is_empty() {
                0.0
            } else {
                others.into_iter().filter(|&d| d != 0.0).fold(f64::INFINITY, f64::min)
            }
        };
        let mut siblings = &mut self.root;
        for &step in steps {
            let Node::Internal(next) = &mut siblings[step] else { unreachable!() };
            siblings = next;
        }
        if distance <= self.threshold {
            let Node::End(label, leaves) = &mut siblings[*last] else { unreachable!() };
            leaves.push((at, q));
            return *label;
        }
        self.labels += 1;
        let new = Node::End(fresh, vec![(at, q)]);
        if distance < margin {
            let near = siblings.remove(*last);
            siblings.push(Node::Internal(vec![new, near]));
        } else {
            siblings.push(new);
        }
        fresh
    }
}

#[test]
fn the_tree_follows_the_original_rules() {
    for seed in 0..24 {
        let mut random = Random(seed);
        let (metric, threshold) = match seed % 4 {
            0 => (Metric::Cosine, 0.3),
            1 => (Metric::Euclidean, 0.8),
            2 => (Metric::Cosine, 0.02),
            _ => (Metric::Euclidean, 0.0),
        };
        let dim = [2, 3, 16, 33][seed as usize / 4 % 4];
        let n = 160;
        let mut rows = faces(&mut random, n, dim, 30, 0.5, Spectrum::Flat);
        if seed % 3 != 0 {
            // Duplicates and distances that tie exactly: few values, small whole numbers.
            for row in rows.chunks_exact_mut(dim) {
                row.iter_mut().for_each(|x| *x = (*x * 2.0).round());
                if row.iter().all(|&x| x == 0.0) {
                    row[0] = 1.0;
                }
            }
        }
        let mut tree = CompatTree::new(dim, Threshold::new(metric, threshold).unwrap()).unwrap();
        let mut slow = Reference { root: Vec::new(), metric, threshold, labels: 0 };
        let mut depths = Vec::new();
        for (at, row) in rows.chunks_exact(dim).enumerate() {
            let want = slow.insert(at, row.iter().map(|&x| f64::from(x)).collect());
            assert_eq!(tree.insert(row).unwrap().0, want as u64, "seed {seed}, row {at}");
        }
        slow.root.iter().for_each(|node| node.depths(1, &mut depths));
        depths.sort_unstable();
        assert_eq!(tree.depths(), depths.iter().map(|d| d.1).collect::<Vec<_>>(), "seed {seed}");
        tree.reset();
        assert!(tree.labels().is_empty() && tree.search(&rows[..dim]).unwrap().is_none());
    }
}
