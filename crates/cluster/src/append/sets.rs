//! Clusters while they grow.

/// Disjoint sets that know their sizes.
pub(super) struct Sets {
    parent: Vec<u32>,
    size: Vec<u32>,
}

impl Sets {
    pub(super) fn new(rows: usize) -> Self {
        Self { parent: (0..rows as u32).collect(), size: vec![1; rows] }
    }

    /// The smallest row of the set that holds `x`.
    pub(super) fn find(&mut self, mut x: u32) -> u32 {
        while self.parent[x as usize] != x {
            let up = self.parent[self.parent[x as usize] as usize];
            self.parent[x as usize] = up;
            x = up;
        }
        x
    }

    /// The same, of many at a time.
    pub(super) fn root(&self, mut x: u32) -> u32 {
        while self.parent[x as usize] != x {
            x = self.parent[x as usize];
        }
        x
    }

    /// Makes the ways to the smallest rows as short as can be.
    pub(super) fn settle(&mut self) {
        for x in 0..self.parent.len() {
            self.parent[x] = self.parent[self.parent[x] as usize];
        }
    }

    pub(super) fn is_root(&self, x: u32) -> bool {
        self.parent[x as usize] == x
    }

    /// Rows of the set whose smallest row is `root`.
    pub(super) fn size(&self, root: u32) -> u32 {
        self.size[root as usize]
    }

    /// Joins two sets by their smallest rows; the smaller of these is what comes back.
    pub(super) fn union(&mut self, a: u32, b: u32) -> u32 {
        let (a, b) = (a.min(b), a.max(b));
        self.parent[b as usize] = a;
        self.size[a as usize] += self.size[b as usize];
        a
    }
}
