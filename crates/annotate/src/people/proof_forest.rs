//! Which decisions joined two atoms.

/// Which decisions made one person of two atoms: a forest whose edges are decisions, in which a way between two
/// atoms is a proof (R. Nieuwenhuis, A. Oliveras: ProofForest-producing congruence closure, 2005).
#[derive(Debug, Clone, Default)]
pub(super) struct ProofForest {
    /// Each atom's parent, and the decision of the edge; itself at a root.
    up: Vec<(u32, u32)>,
}

impl ProofForest {
    pub(super) fn grow(&mut self, atoms: u32) {
        self.up.extend((self.up.len() as u32..atoms).map(|a| (a, 0)));
    }

    /// Hangs the tree of `a` below `b`. Where `a` is in the smaller of the two, all turning is O(n log n).
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

    /// The decisions between two atoms of one person.
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
        // Action both pass last is no part of the way between them.
        while let ([.., a1, _], [.., b1, _]) = (&a[..], &b[..])
            && a1.0 == b1.0
        {
            a.pop();
            b.pop();
        }
        // One may lie on the other's way.
        a.iter().skip(1).chain(b.iter().skip(1)).map(|&(_, decision)| decision).collect()
    }
}
