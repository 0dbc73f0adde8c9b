//! Disjoint sets of rows, each known by its smallest member.

/// Union-find with path halving. The smaller root wins, so that a root is a set's smallest member
/// whatever the order of the unions.
pub(crate) struct UnionFind {
    parent: Vec<u32>,
}

impl UnionFind {
    /// `n` sets of one.
    pub(crate) fn new(n: usize) -> Self {
        Self { parent: (0..n as u32).collect() }
    }

    /// The sets that these are the smallest members of each row's.
    pub(crate) fn of_roots(roots: Vec<u32>) -> Self {
        Self { parent: roots }
    }

    /// The smallest member of the set that holds `x`.
    pub(crate) fn find(&mut self, mut x: u32) -> u32 {
        while self.parent[x as usize] != x {
            let up = self.parent[self.parent[x as usize] as usize];
            self.parent[x as usize] = up;
            x = up;
        }
        x
    }

    /// The same without making the way shorter.
    pub(crate) fn root(&self, mut x: u32) -> u32 {
        while !self.is_root(x) {
            x = self.parent[x as usize];
        }
        x
    }

    /// Whether it is the smallest member of its set.
    pub(crate) fn is_root(&self, x: u32) -> bool {
        self.parent[x as usize] == x
    }

    /// Joins the sets of `a` and `b`.
    pub(crate) fn union(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[a.max(b) as usize] = a.min(b);
    }

    /// The smallest member of each row's set.
    pub(crate) fn roots(&mut self) -> Vec<u32> {
        self.settle();
        self.parent.clone()
    }

    /// The same, for the last time.
    pub(crate) fn into_roots(mut self) -> Vec<u32> {
        self.settle();
        self.parent
    }

    /// Makes all ways as short as can be.
    pub(crate) fn settle(&mut self) {
        // Parents are never larger than their children: one pass in order settles all.
        for x in 0..self.parent.len() {
            self.parent[x] = self.parent[self.parent[x] as usize];
        }
    }
}

/// An order of `count` things in which those of a cluster lie together, the smallest first and what joins it next, at
/// any time of some merges, each of the smallest ones of two clusters; and how many lie in each of the clusters in
/// the end.
pub(crate) fn order(count: usize, merges: impl Iterator<Item = (u32, u32)>) -> (Vec<u32>, Vec<u32>) {
    let mut next = vec![u32::MAX; count];
    let mut last: Vec<u32> = (0..count as u32).collect();
    let mut first = vec![true; count];
    for (a, b) in merges {
        next[last[a as usize] as usize] = b;
        last[a as usize] = last[b as usize];
        first[b as usize] = false;
    }
    let (mut order, mut sizes) = (Vec::with_capacity(count), Vec::new());
    for x in (0..count as u32).filter(|&x| first[x as usize]) {
        let before = order.len();
        let after = |&x: &u32| Some(next[x as usize]).filter(|&x| x != u32::MAX);
        order.extend(std::iter::successors(Some(x), after));
        sizes.push((order.len() - before) as u32);
    }
    (order, sizes)
}
