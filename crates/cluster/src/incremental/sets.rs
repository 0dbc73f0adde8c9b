//! Clusters while they grow.

use crate::union_find::UnionFind;

/// Disjoint sets that know their sizes.
pub(super) struct Sets {
    sets: UnionFind,
    size: Vec<u32>,
}

impl Sets {
    pub(super) fn new(rows: usize) -> Self {
        Self { sets: UnionFind::new(rows), size: vec![1; rows] }
    }

    /// The smallest row of the set that holds `x`.
    pub(super) fn find(&mut self, x: u32) -> u32 {
        self.sets.find(x)
    }

    /// The same, of many at a time.
    pub(super) fn root(&self, x: u32) -> u32 {
        self.sets.root(x)
    }

    /// Makes the ways to the smallest rows as short as can be.
    pub(super) fn settle(&mut self) {
        self.sets.settle();
    }

    pub(super) fn is_root(&self, x: u32) -> bool {
        self.sets.is_root(x)
    }

    /// Rows of the set whose smallest row is `root`.
    pub(super) fn size(&self, root: u32) -> u32 {
        self.size[root as usize]
    }

    /// Joins two sets by their smallest rows; the smaller of these is what comes back.
    pub(super) fn union(&mut self, a: u32, b: u32) -> u32 {
        self.sets.union(a, b);
        self.size[a.min(b) as usize] += self.size[a.max(b) as usize];
        a.min(b)
    }
}
