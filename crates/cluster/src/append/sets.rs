//! Clusters while they grow.

/// Disjoint sets that know their sizes and can be gone through.
pub(super) struct Sets {
    parent: Vec<u32>,
    size: Vec<u32>,
    /// The next row of a set, the first one's after the last.
    next: Vec<u32>,
}

impl Sets {
    pub(super) fn new(rows: usize) -> Self {
        let own: Vec<u32> = (0..rows as u32).collect();
        Self { parent: own.clone(), size: vec![1; rows], next: own }
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
        self.next.swap(a as usize, b as usize);
        a
    }

    /// The rows of a set.
    pub(super) fn rows(&self, root: u32) -> impl Iterator<Item = u32> + '_ {
        let after = move |&x: &u32| Some(self.next[x as usize]).filter(|&x| x != root);
        std::iter::successors(Some(root), after)
    }
}
