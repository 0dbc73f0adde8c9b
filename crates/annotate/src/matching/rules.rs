//! The lists of pairs, from their distances.

use std::collections::HashSet;

use super::nearest::Entry;
use super::{Rule, Settings};

/// The sure pairs and those to ask about, from all pairs within the largest distance, the nearest first.
/// `ignored`: pairs, the smaller first, that a person said are two people.
pub(super) fn lists(
    mut pairs: Vec<Entry>,
    settings: &Settings,
    clusters: usize,
    ignored: &HashSet<(u32, u32)>,
) -> (Vec<Entry>, Vec<Entry>) {
    let forget = |pairs: &mut Vec<Entry>| pairs.retain(|p| !ignored.contains(&(p.a, p.b)));
    if settings.rule == Rule::Code {
        pairs.retain(|p| p.distance != 0.0);
        // Stable: within a cluster the nearest stays first.
        pairs.sort_by_key(|p| p.a);
        let near = pairs.chunk_by(|p, q| p.a == q.a).filter(|list| list[0].distance < settings.min);
        let mut ask = near.flatten().copied().collect();
        forget(&mut ask);
        return (Vec::new(), ask);
    }
    forget(&mut pairs);
    let mut ask = pairs.split_off(pairs.partition_point(|p| p.distance < settings.min));
    if settings.rule == Rule::Paper {
        let mut sets = Sets::new(clusters);
        for pair in &pairs {
            sets.join(pair.a, pair.b);
        }
        ask.retain(|p| sets.find(p.a) != sets.find(p.b));
    }
    (pairs, ask)
}

/// Disjoint sets of clusters.
pub(super) struct Sets {
    parent: Vec<u32>,
}

impl Sets {
    /// `n` sets of one element.
    pub(super) fn new(n: usize) -> Self {
        Self { parent: (0..n as u32).collect() }
    }

    /// The representative of a set.
    pub(super) fn find(&mut self, mut x: u32) -> u32 {
        while self.parent[x as usize] != x {
            // Path halving.
            let above = self.parent[self.parent[x as usize] as usize];
            self.parent[x as usize] = above;
            x = above;
        }
        x
    }

    /// Joins two sets; the representative is that of `a`.
    pub(super) fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[b as usize] = a;
    }
}
