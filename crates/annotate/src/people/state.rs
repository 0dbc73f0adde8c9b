//! The state derived from decisions: which faces are one person.
//!
//! Faces belong to *atoms*: a cluster without the faces that left it, or a group that was split off. A person
//! is a set of atoms joined by decisions.

use std::collections::{HashMap, HashSet};

use super::conflict::Conflict;
use super::decision_index::{DecisionIndex, IndexedAction, Pair, Side};
use super::initial_clusters::{InitialClusters, NO_CLUSTER};
use super::opposed_pairs::OpposedPairs;
use super::proof_forest::ProofForest;
use crate::Verdict;

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// Which decisions hold.
    pub(super) holds: Vec<bool>,
    /// One bit a face: whether a decision moves it. Rarely set.
    placed: Vec<u64>,
    /// The last decision that moves each such face.
    last: HashMap<u32, u32>,
    /// The atom that this decision moves it to, or none.
    place: HashMap<u32, Option<u32>>,
    /// Faces added to each atom.
    added: HashMap<u32, Vec<u32>>,
    /// Root of each atom's person: an atom of it, that of the larger part when two were joined.
    pub(super) root: Vec<u32>,
    /// Next atom of the same person, cyclic.
    next: Vec<u32>,
    /// Of each person, at its root: number of atoms, number of faces, smallest atom.
    atoms: Vec<u32>,
    faces: Vec<u32>,
    smallest: Vec<u32>,
    pub(super) proof: ProofForest,
    /// Pairs with the verdict "different".
    pub(super) different_pairs: OpposedPairs,
    /// Pairs with the verdict "not sure".
    pub(super) not_sure_pairs: OpposedPairs,
    /// The last decision on each person's name.
    names: HashMap<u32, u32>,
    /// People that were skipped.
    pub(super) skipped: HashSet<u32>,
    pub(super) conflicts: Vec<Conflict>,
}

impl State {
    /// Derives the state from all decisions.
    pub(super) fn derive(clusters: &InitialClusters, decisions: &DecisionIndex) -> Self {
        let placed = vec![0; clusters.faces.len() / 64 + 1];
        let mut state = Self { holds: decisions.holding(), placed, ..Self::default() };
        let count = clusters.len();
        state.grow(count + decisions.made);
        for cluster in 0..count {
            state.faces[cluster as usize] = clusters.members(cluster).len() as u32;
        }
        let holding: Vec<usize> = (0..decisions.entries.len()).filter(|&at| state.holds[at]).collect();
        for &at in &holding {
            for &face in decisions.placed(&decisions.entries[at]).unwrap_or_default() {
                state.set_last(face, at as u32);
            }
        }
        holding.iter().for_each(|&at| state.put(clusters, decisions, at));
        holding.iter().for_each(|&at| state.apply(clusters, decisions, at));
        state
    }

    /// Makes room for this many atoms.
    pub(super) fn grow(&mut self, atoms: u32) {
        let new = self.root.len() as u32..atoms;
        self.root.extend(new.clone());
        self.next.extend(new.clone());
        self.smallest.extend(new);
        self.atoms.resize(atoms as usize, 1);
        self.faces.resize(atoms as usize, 0);
        self.proof.grow(atoms);
    }

    /// Moves the faces of a decision.
    fn put(&mut self, clusters: &InitialClusters, decisions: &DecisionIndex, at: usize) {
        let entry = &decisions.entries[at];
        let Some(faces) = decisions.placed(entry) else { return };
        let target = match &entry.action {
            IndexedAction::Move { to, own, .. } => {
                let mut people = self.atoms_of(clusters, decisions, to, at);
                Some(people.next().map_or(*own, |(_, atom)| atom))
            }
            _ => None,
        };
        for (k, &face) in (0_u32..).zip(faces) {
            if self.last.get(&face) != Some(&(at as u32)) {
                continue;
            }
            let atom = match entry.action {
                IndexedAction::Split { first, together: true, .. } => Some(first),
                IndexedAction::Split { first, .. } => Some(first + k),
                IndexedAction::Tear { first, .. } => Some(first),
                IndexedAction::Move { .. } => target,
                _ => None,
            };
            self.place_face(clusters, face, atom);
        }
    }

    /// Moves a face to an atom, or to no one.
    fn place_face(&mut self, clusters: &InitialClusters, face: u32, atom: Option<u32>) {
        let was = self.atom_of(clusters, face);
        if let Some(was) = was {
            self.faces[self.root[was as usize] as usize] -= 1;
            if let Some(added) = self.added.get_mut(&was) {
                added.retain(|&f| f != face);
            }
        }
        if let Some(atom) = atom {
            self.faces[self.root[atom as usize] as usize] += 1;
            self.added.entry(atom).or_default().push(face);
        }
        self.place.insert(face, atom);
    }

    /// Moves the faces of the last decision, if none before it names them.
    pub(super) fn put_new(&mut self, clusters: &InitialClusters, decisions: &DecisionIndex, at: usize) {
        for &face in decisions.placed(&decisions.entries[at]).unwrap_or_default() {
            self.set_last(face, at as u32);
        }
        self.put(clusters, decisions, at);
    }

    fn set_last(&mut self, face: u32, at: u32) {
        self.placed[face as usize / 64] |= 1 << (face % 64);
        self.last.insert(face, at);
    }

    /// The atom of a face.
    pub(super) fn atom_of(&self, clusters: &InitialClusters, face: u32) -> Option<u32> {
        let decided = if self.is_placed(face) { self.place.get(&face) } else { None };
        match decided {
            Some(place) => *place,
            None => Some(clusters.cluster[face as usize]).filter(|&c| c != NO_CLUSTER),
        }
    }

    /// Whether a decision moves this face.
    pub(super) fn is_placed(&self, face: u32) -> bool {
        self.placed[face as usize / 64] >> (face % 64) & 1 == 1
    }

    /// The root of a face's person.
    pub(super) fn root_of(&self, clusters: &InitialClusters, face: u32) -> Option<u32> {
        self.atom_of(clusters, face).map(|atom| self.root[atom as usize])
    }

    /// The root of an atom's person; `None` for an atom that does not exist.
    pub(super) fn root(&self, atom: u32) -> Option<u32> {
        self.root.get(atom as usize).copied()
    }

    /// The smallest atom of the person with this root.
    pub(super) fn key(&self, root: u32) -> u32 {
        self.smallest[root as usize]
    }

    /// Number of faces of the person with this root.
    pub(super) fn size(&self, root: u32) -> u32 {
        self.faces[root as usize]
    }

    /// Number of atoms.
    pub(super) fn len(&self) -> u32 {
        self.root.len() as u32
    }

    /// Atoms of a person, starting with its root.
    pub(super) fn atoms(&self, root: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(root), move |&a| Some(self.next[a as usize]).filter(|&n| n != root))
    }

    /// Faces of an atom, unordered.
    pub(super) fn faces_of_atom<'a>(
        &'a self,
        clusters: &'a InitialClusters,
        atom: u32,
    ) -> impl Iterator<Item = u32> + 'a {
        let stayed = clusters.members(atom).iter().filter(|face| !self.is_placed(**face));
        stayed.chain(self.added.get(&atom).into_iter().flatten()).copied()
    }

    /// Faces of the person with this root, unordered.
    pub(super) fn faces<'a>(
        &'a self,
        clusters: &'a InitialClusters,
        root: u32,
    ) -> impl Iterator<Item = u32> + 'a {
        self.atoms(root).flat_map(move |atom| self.faces_of_atom(clusters, atom))
    }

    /// The last decision on a person's name.
    pub(super) fn named(&self, root: u32) -> Option<u32> {
        self.names.get(&root).copied()
    }

    pub(super) fn not_sure(&self, a: u32, b: u32) -> bool {
        self.not_sure_pairs.first_opposed(a, b).is_some()
    }

    /// Whether two people have the verdict "different".
    pub(super) fn different(&self, a: u32, b: u32) -> bool {
        self.different_pairs.first_opposed(a, b).is_some()
    }

    /// The faces of a side of decision `at` that count, with their atoms: without those that a later decision
    /// moves, and without noise.
    pub(super) fn atoms_of<'a>(
        &'a self,
        clusters: &'a InitialClusters,
        decisions: &'a DecisionIndex,
        side: &Side,
        at: usize,
    ) -> impl Iterator<Item = (u32, u32)> + 'a {
        // The faces that a decision tears off are where it put them.
        let from = at + usize::from(decisions.is_torn_off(at, side));
        let last_before = move |face: &u32| self.last.get(face).is_none_or(|&last| (last as usize) < from);
        let counts = move |face: &&u32| !self.is_placed(**face) || last_before(face);
        let faces = decisions.faces(side).iter().filter(counts);
        faces.filter_map(move |&face| Some((face, self.atom_of(clusters, face)?)))
    }

    /// Applies what decision `at` says about people.
    pub(super) fn apply(&mut self, clusters: &InitialClusters, decisions: &DecisionIndex, at: usize) {
        match &decisions.entries[at].action {
            IndexedAction::Compare(pairs) => {
                for (pair, compared) in pairs.iter().enumerate() {
                    self.compare(clusters, decisions, (at, pair), compared);
                }
            }
            IndexedAction::Tear { pair, .. } | IndexedAction::Whole(pair) => {
                self.compare(clusters, decisions, (at, 0), pair);
            }
            IndexedAction::Name(person, _) => {
                for root in self.roots(clusters, decisions, person, at) {
                    self.names.insert(root, at as u32);
                }
            }
            IndexedAction::Skip(person) => {
                let roots = self.roots(clusters, decisions, person, at);
                self.skipped.extend(roots);
            }
            _ => {}
        }
    }

    /// Applies one pair of a decision, unless it contradicts earlier ones.
    fn compare(
        &mut self,
        clusters: &InitialClusters,
        decisions: &DecisionIndex,
        (at, pair): (usize, usize),
        compared: &Pair,
    ) {
        if let Some(conflict) = self.conflict_with(clusters, decisions, at, compared) {
            self.conflicts.push(Conflict { pair, ..conflict });
            return;
        }
        let mark = (at as u32, pair as u32);
        match compared.2 {
            Verdict::Same => self.join(clusters, decisions, at, compared),
            Verdict::Different => {
                let sides = self.sides(clusters, decisions, at, compared);
                self.different_pairs.add(mark, sides);
            }
            Verdict::NotSure => {
                let sides = self.sides(clusters, decisions, at, compared);
                self.not_sure_pairs.add(mark, sides);
            }
        }
    }

    /// The roots of a side's people, ascending, without repetition.
    fn roots(
        &self,
        clusters: &InitialClusters,
        decisions: &DecisionIndex,
        side: &Side,
        at: usize,
    ) -> Vec<u32> {
        let mut roots: Vec<u32> =
            self.atoms_of(clusters, decisions, side, at).map(|(_, a)| self.root[a as usize]).collect();
        roots.sort_unstable();
        roots.dedup();
        roots
    }

    /// The roots of both sides of a pair.
    pub(super) fn sides(
        &self,
        clusters: &InitialClusters,
        decisions: &DecisionIndex,
        at: usize,
        (left, right, _): &Pair,
    ) -> [Vec<u32>; 2] {
        [left, right].map(|side| self.roots(clusters, decisions, side, at))
    }

    /// Joins all people named in a pair.
    fn join(
        &mut self,
        clusters: &InitialClusters,
        decisions: &DecisionIndex,
        at: usize,
        (left, right, _): &Pair,
    ) {
        let both =
            self.atoms_of(clusters, decisions, left, at).chain(self.atoms_of(clusters, decisions, right, at));
        let atoms: Vec<u32> = both.map(|(_, atom)| atom).collect();
        for two in atoms.windows(2) {
            self.unite(two[0], two[1], at as u32);
        }
    }

    /// Joins the people of two atoms, because of decision `at`.
    fn unite(&mut self, a: u32, b: u32, at: u32) {
        let (p, q) = (self.root[a as usize], self.root[b as usize]);
        if p == q {
            return;
        }
        let (into, from, end, other) =
            if self.atoms[p as usize] >= self.atoms[q as usize] { (p, q, b, a) } else { (q, p, a, b) };
        self.proof.link(end, other, at);
        let moved: Vec<u32> = self.atoms(from).collect();
        for atom in moved {
            self.root[atom as usize] = into;
        }
        self.next.swap(into as usize, from as usize);
        let (i, f) = (into as usize, from as usize);
        self.atoms[i] += self.atoms[f];
        self.faces[i] += std::mem::take(&mut self.faces[f]);
        self.smallest[i] = self.smallest[i].min(self.smallest[f]);
        self.different_pairs.join(into, from);
        self.not_sure_pairs.join(into, from);
        if let Some(name) = self.names.remove(&from) {
            let of = self.names.entry(into).or_insert(name);
            *of = name.max(*of);
        }
        if self.skipped.remove(&from) {
            self.skipped.insert(into);
        }
    }
}
