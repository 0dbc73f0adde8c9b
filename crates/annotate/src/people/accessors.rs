//! Accessors of [`People`].

use std::collections::HashSet;

use streamface_types::FaceId;

use super::decision_index::IndexedAction;
use super::{People, Report};
use crate::Verdict;

impl People {
    /// The conflicts, and the decisions that name unknown faces.
    #[must_use]
    pub fn report(&self) -> Report {
        let unknown =
            self.decisions.entries.iter().filter(|e| e.unknown > 0).map(|e| (e.id, e.unknown)).collect();
        Report { conflicts: self.state.conflicts.clone(), unknown, names: self.name_doubts() }
    }

    /// Number of conflicts.
    #[must_use]
    pub fn conflicts(&self) -> usize {
        self.state.conflicts.len()
    }

    /// The id of the decision after the last.
    pub(crate) fn next_decision(&self) -> u64 {
        self.decisions.entries.last().map_or(1, |entry| entry.id + 1)
    }

    /// The faces, in ascending order.
    #[must_use]
    pub fn faces(&self) -> &[FaceId] {
        &self.clusters.faces
    }

    /// The number of a face; `None` for a face that does not exist. O(log n).
    #[must_use]
    pub fn index(&self, face: &FaceId) -> Option<u32> {
        self.clusters.faces.binary_search(face).ok().map(|at| at as u32)
    }

    /// Whether a decision holds: it exists and is not undone.
    #[must_use]
    pub fn holds(&self, decision: u64) -> bool {
        self.decisions.find(decision).is_some_and(|at| self.state.holds[at])
    }

    /// The person of a face, identified by its smallest atom. The key is stable as long as that atom is the
    /// smallest of its person. `None` for noise. Panics for a face that does not exist.
    #[must_use]
    pub fn person_of(&self, face: u32) -> Option<u32> {
        self.state.root_of(&self.clusters, face).map(|root| self.state.key(root))
    }

    /// The atom of a face: the number of its cluster in the order of labels, or a number above these for a
    /// group that was split off. `None` for noise. Panics for a face that does not exist.
    #[must_use]
    pub fn atom_of(&self, face: u32) -> Option<u32> {
        self.state.atom_of(&self.clusters, face)
    }

    /// The key of the person that now has the atom of this key; `None` for a key that never existed.
    #[must_use]
    pub fn current(&self, key: u32) -> Option<u32> {
        self.state.root(key).map(|root| self.state.key(root))
    }

    /// Keys of all people with faces, ascending.
    pub fn people(&self) -> impl Iterator<Item = u32> {
        let state = &self.state;
        (0..state.len()).filter(move |&atom| {
            state.root(atom).is_some_and(|root| state.key(root) == atom && state.size(root) > 0)
        })
    }

    /// Number of faces of a person.
    #[must_use]
    pub fn size(&self, person: u32) -> usize {
        self.state.root(person).map_or(0, |root| self.state.size(root) as usize)
    }

    /// Faces of a person, ascending.
    #[must_use]
    pub fn faces_of(&self, person: u32) -> Vec<u32> {
        let Some(root) = self.state.root(person) else { return Vec::new() };
        let mut faces: Vec<u32> = self.state.faces(&self.clusters, root).collect();
        faces.sort_unstable();
        faces
    }

    /// Faces that belong to no one, ascending.
    #[must_use]
    pub fn noise(&self) -> Vec<u32> {
        let faces = 0..self.clusters.faces.len() as u32;
        faces.filter(|&face| self.state.atom_of(&self.clusters, face).is_none()).collect()
    }

    /// A person's name: by the last decision that names it, else that of its cluster with most faces, on a tie of the
    /// smaller label.
    #[must_use]
    pub fn name(&self, person: u32) -> Option<&str> {
        let root = self.state.root(person)?;
        let Some(at) = self.state.named(root) else { return self.cluster_name(root) };
        match &self.decisions.entries[at as usize].action {
            IndexedAction::Name(_, name) => name.as_deref(),
            _ => None,
        }
    }

    /// The name that a person has without any decision on it.
    fn cluster_name(&self, root: u32) -> Option<&str> {
        if self.clusters.names.is_empty() {
            return None;
        }
        let named = self.state.atoms(root).filter_map(|atom| {
            let faces = self.state.faces_of_atom(&self.clusters, atom).count();
            Some((faces, std::cmp::Reverse(atom), self.clusters.names.get(&atom)?))
        });
        named.filter(|(faces, ..)| *faces > 0).max().map(|(.., name)| name.as_str())
    }

    /// Whether a person was skipped: no more questions about it.
    #[must_use]
    pub fn skipped(&self, person: u32) -> bool {
        self.state.root(person).is_some_and(|root| self.state.skipped.contains(&root))
    }

    /// Whether two groups of faces were said to be one person as a whole ([`Action::Whole`](crate::Action::Whole)): a decision
    /// that holds names at least a tenth of either, and no later one moves these.
    ///
    /// O(faces that such decisions name).
    #[must_use]
    pub fn is_whole(&self, left: &[u32], right: &[u32]) -> bool {
        let entries = self.decisions.entries.iter().enumerate().filter(|(at, _)| self.state.holds[*at]);
        let mut said = entries.filter_map(|(at, entry)| match &entry.action {
            IndexedAction::Whole((faces, ..)) => Some((at, faces)),
            _ => None,
        });
        said.any(|(at, faces)| {
            let named: HashSet<u32> = self
                .state
                .atoms_of(&self.clusters, &self.decisions, faces, at)
                .map(|(face, _)| face)
                .collect();
            let enough = |side: &[u32]| 10 * side.iter().filter(|f| named.contains(f)).count() >= side.len();
            !left.is_empty() && !right.is_empty() && enough(left) && enough(right)
        })
    }

    /// Whether two people were said to be different.
    #[must_use]
    pub fn different(&self, a: u32, b: u32) -> bool {
        self.verdict_between(a, b) == Some(Verdict::Different)
    }

    /// The verdict between two people: different or not sure; `None` without a verdict, or if they are one
    /// person.
    #[must_use]
    pub fn verdict_between(&self, a: u32, b: u32) -> Option<Verdict> {
        let (a, b) = (self.state.root(a)?, self.state.root(b)?);
        if a == b {
            None
        } else if self.state.different(a, b) {
            Some(Verdict::Different)
        } else {
            self.state.not_sure(a, b).then_some(Verdict::NotSure)
        }
    }

    /// Pairs of people with the verdict "not sure" and no later one: keys, the smaller first, ascending.
    #[must_use]
    pub fn not_sure(&self) -> Vec<(u32, u32)> {
        let mut pairs = Vec::new();
        for &(at, pair) in &self.state.not_sure_pairs.of {
            let [left, right] = self.people_of(at, pair);
            for a in left {
                for &b in right.iter().filter(|&&b| b != a && !self.state.different(a, b)) {
                    let (a, b) = (self.state.key(a), self.state.key(b));
                    pairs.push((a.min(b), a.max(b)));
                }
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// The label of a face's original cluster; `None` for noise. Panics for a face that does not exist.
    #[must_use]
    pub fn cluster_of(&self, face: u32) -> Option<i64> {
        self.clusters.label.get(self.clusters.cluster[face as usize] as usize).copied()
    }

    /// Whether a decision moves this very face (noise, split or move).
    #[must_use]
    pub fn is_placed(&self, face: u32) -> bool {
        self.state.is_placed(face)
    }

    /// Whether two people share a frame. O(faces of the smaller person).
    #[must_use]
    pub fn in_one_frame(&self, a: u32, b: u32) -> bool {
        match (self.state.root(a), self.state.root(b)) {
            (Some(a), Some(b)) if a != b => self.state.in_one_frame(&self.clusters, a, b).is_some(),
            _ => false,
        }
    }

    /// A person's label during the review: the smallest label of its clusters or, for a person made of
    /// split-off faces only, a label above all clusters.
    #[must_use]
    pub fn label(&self, person: u32) -> Option<i64> {
        let root = self.state.root(person)?;
        let peopled = |&atom: &u32| self.state.faces_of_atom(&self.clusters, atom).next().is_some();
        let atom = self.state.atoms(root).filter(peopled).min()?;
        Some(self.label_of_atom(atom))
    }

    fn label_of_atom(&self, atom: u32) -> i64 {
        let above = || {
            let largest = self.clusters.label.last().copied().unwrap_or(-1);
            largest.saturating_add(1).saturating_add((atom - self.clusters.len()).into())
        };
        self.clusters.label.get(atom as usize).copied().unwrap_or_else(above)
    }

    /// The [label](Self::label) of each face, −1 for noise. O(n).
    #[must_use]
    pub fn labels(&self) -> Vec<i64> {
        let atoms: Vec<Option<u32>> = (0..self.clusters.faces.len() as u32)
            .map(|face| self.state.atom_of(&self.clusters, face))
            .collect();
        let mut smallest = vec![u32::MAX; self.state.len() as usize];
        let root = |atom: u32| self.state.root(atom).unwrap_or(atom) as usize;
        for &atom in atoms.iter().flatten() {
            let least = &mut smallest[root(atom)];
            *least = atom.min(*least);
        }
        atoms.into_iter().map(|a| a.map_or(-1, |atom| self.label_of_atom(smallest[root(atom)]))).collect()
    }
}
