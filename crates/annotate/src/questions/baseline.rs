//! Baselines: orders of questions to compare with. Pair by pair, at the initial distances.

use super::Clusters;

/// The order of the original StreamFace: cluster by cluster, each with its candidates of greater number in
/// order of distance. A cluster that was merged is not asked about again. Distances are never updated, and
/// questions that follow from other answers are asked all the same.
#[derive(Debug, Clone)]
pub struct CompatOrder {
    /// Pairs (x, y) in the order of the original's list.
    pairs: Vec<(u32, u32)>,
    at: usize,
    merged: Vec<bool>,
    skip_after: Option<u32>,
    /// Consecutive answers "different" for the same x.
    refused: u32,
}

impl CompatOrder {
    /// `min_threshold`: a cluster's candidates are asked about only if the nearest is nearer than this;
    /// infinite for all. `skip_after`: the rest of a cluster's list is skipped after this many consecutive
    /// answers "different"; `None` asks to its end.
    #[must_use]
    pub fn new(clusters: &Clusters, min_threshold: f64, skip_after: Option<u32>) -> Self {
        let mut pairs = Vec::new();
        for list in clusters.candidates.chunk_by(|a, b| a.left == b.left) {
            let mut list: Vec<_> = list.iter().filter(|c| !clusters.cannot_link(c.left, c.right)).collect();
            list.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.right.cmp(&b.right)));
            if list.first().is_some_and(|c| c.distance < min_threshold) {
                pairs.extend(list.into_iter().map(|c| (c.left, c.right)));
            }
        }
        Self { pairs, at: 0, merged: vec![false; clusters.len()], skip_after, refused: 0 }
    }

    /// The pair to ask about.
    pub fn next_pair(&mut self) -> Option<(u32, u32)> {
        while let Some(&(x, y)) = self.pairs.get(self.at) {
            if !self.merged[x as usize] && !self.merged[y as usize] {
                return Some((x, y));
            }
            self.advance(x);
        }
        None
    }

    /// Answers it.
    pub fn answer(&mut self, same: bool) {
        let Some((x, y)) = self.next_pair() else { return };
        self.advance(x);
        if same {
            self.merged[y as usize] = true;
            self.refused = 0;
            return;
        }
        self.refused += 1;
        if self.skip_after.is_some_and(|most| self.refused >= most) {
            while self.pairs.get(self.at).is_some_and(|p| p.0 == x) {
                self.advance(x);
            }
        }
    }

    fn advance(&mut self, x: u32) {
        self.at += 1;
        if self.pairs.get(self.at).is_none_or(|p| p.0 != x) {
            self.refused = 0;
        }
    }
}

/// All candidates in order of distance; questions that follow from earlier answers are not asked.
#[derive(Debug, Clone)]
pub struct ByDistance {
    pairs: Vec<(u32, u32)>,
    at: usize,
    parent: Vec<u32>,
    /// Pairs of people known to be different.
    different: std::collections::HashSet<(u32, u32)>,
    /// For each person, those known to be different.
    not: Vec<Vec<u32>>,
}

impl ByDistance {
    /// No answers yet.
    #[must_use]
    pub fn new(clusters: &Clusters) -> Self {
        let mut order: Vec<_> = clusters.candidates.iter().collect();
        order.sort_by(|a, b| {
            a.distance.total_cmp(&b.distance).then((a.left, a.right).cmp(&(b.left, b.right)))
        });
        let mut new = Self {
            pairs: order.into_iter().map(|c| (c.left, c.right)).collect(),
            at: 0,
            parent: (0..clusters.len() as u32).collect(),
            different: std::collections::HashSet::new(),
            not: vec![Vec::new(); clusters.len()],
        };
        for &(a, b) in &clusters.cannot_link {
            new.set_different(a, b);
        }
        new
    }

    /// The pair to ask about.
    pub fn next_pair(&mut self) -> Option<(u32, u32)> {
        while let Some(&(a, b)) = self.pairs.get(self.at) {
            let (x, y) = (self.find(a), self.find(b));
            if x != y && !self.different.contains(&(x.min(y), x.max(y))) {
                return Some((a, b));
            }
            self.at += 1;
        }
        None
    }

    /// Answers it.
    pub fn answer(&mut self, same: bool) {
        let Some((a, b)) = self.next_pair() else { return };
        self.at += 1;
        let (x, y) = (self.find(a), self.find(b));
        if !same {
            self.set_different(x, y);
            return;
        }
        let (root, other) = (x.min(y), x.max(y));
        self.parent[other as usize] = root;
        for third in std::mem::take(&mut self.not[other as usize]) {
            let third = self.find(third);
            self.set_different(root, third);
        }
    }

    fn set_different(&mut self, a: u32, b: u32) {
        if self.different.insert((a.min(b), a.max(b))) {
            self.not[a as usize].push(b);
            self.not[b as usize].push(a);
        }
    }

    fn find(&self, mut x: u32) -> u32 {
        while self.parent[x as usize] != x {
            x = self.parent[x as usize];
        }
        x
    }
}
