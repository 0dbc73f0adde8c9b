//! The proof forest: which decisions joined two atoms.

/// A forest whose edges are decisions. The path between two atoms proves that they are one person (R.
/// Nieuwenhuis, A. Oliveras: Proof-producing congruence closure, 2005).
#[derive(Debug, Clone, Default)]
pub(super) struct ProofForest {
    /// Parent of each atom, and the decision of the edge; itself at a root.
    up: Vec<(u32, u32)>,
}

impl ProofForest {
    pub(super) fn grow(&mut self, atoms: u32) {
        self.up.extend((self.up.len() as u32..atoms).map(|a| (a, 0)));
    }

    /// Links the tree of `a` below `b`. If `a` is in the smaller tree, re-rooting costs O(n log n) in total.
    pub(super) fn link(&mut self, a: u32, b: u32, decision: u32) {
        let (mut child, mut parent) = (a, (b, decision));
        loop {
            let old = std::mem::replace(&mut self.up[child as usize], parent);
            if old.0 == child {
                return;
            }
            parent = (child, old.1);
            child = old.0;
        }
    }

    /// The decisions on the path between two atoms of one person.
    pub(super) fn between(&self, a: u32, b: u32) -> Vec<u32> {
        let way = |from: u32| {
            let mut way = vec![(from, 0)];
            let mut at = from;
            while self.up[at as usize].0 != at {
                let (parent, decision) = self.up[at as usize];
                way.push((parent, decision));
                at = parent;
            }
            way
        };
        let (mut a, mut b) = (way(a), way(b));
        // The common end of both paths is not between them.
        while let ([.., a1, _], [.., b1, _]) = (&a[..], &b[..])
            && a1.0 == b1.0
        {
            a.pop();
            b.pop();
        }
        // One may be an ancestor of the other.
        a.iter().skip(1).chain(b.iter().skip(1)).map(|&(_, decision)| decision).collect()
    }
}
