//! Whether a decision contradicts earlier ones.

use streamface_types::FaceId;

use super::conflict::{Conflict, ConflictReason};
use super::decision_index::{DecisionIndex, Pair, Side};
use super::initial_clusters::InitialClusters;
use super::state::State;
use crate::Verdict;

impl State {
    /// The conflict of a pair of decision `at`, if there is one.
    pub(super) fn conflict_with(
        &self,
        clusters: &InitialClusters,
        decisions: &DecisionIndex,
        at: usize,
        (left, right, verdict): &Pair,
    ) -> Option<Conflict> {
        match verdict {
            Verdict::Same => self.conflict_with_same(clusters, decisions, at, (left, right)),
            Verdict::Different => self.conflict_with_different(clusters, decisions, at, (left, right)),
            Verdict::NotSure => None,
        }
    }

    /// The conflict of a verdict "same".
    fn conflict_with_same(
        &self,
        clusters: &InitialClusters,
        decisions: &DecisionIndex,
        at: usize,
        (left, right): (&Side, &Side),
    ) -> Option<Conflict> {
        let decision = decisions.entries[at].id;
        // One face of each person that is named, in the order of naming.
        let mut people: Vec<(u32, u32)> = Vec::new();
        for (face, atom) in
            self.atoms_of(clusters, decisions, left, at).chain(self.atoms_of(clusters, decisions, right, at))
        {
            let root = self.root[atom as usize];
            if people.iter().all(|&(_, other)| other != root) {
                people.push((face, root));
            }
        }
        let two =
            people.iter().enumerate().flat_map(|(k, &(_, p))| people[..k].iter().map(move |&(_, q)| (q, p)));
        let told = two.clone().find_map(|(p, q)| self.said_different(clusters, decisions, p, q));
        let name = |face: u32| clusters.faces[face as usize].clone();
        let seen = || {
            let (a, b) = two.clone().find_map(|(p, q)| self.in_one_frame(clusters, p, q))?;
            Some(((name(a), name(b)), ConflictReason::SameFrame))
        };
        let (faces, reason) = told.or_else(seen)?;
        Some(Conflict { decision, pair: 0, faces, reason })
    }

    /// The decision that says two people are different, and two faces that it names.
    fn said_different(
        &self,
        clusters: &InitialClusters,
        decisions: &DecisionIndex,
        p: u32,
        q: u32,
    ) -> Option<((FaceId, FaceId), ConflictReason)> {
        let (mark, swapped) = self.different_pairs.first_opposed(p, q)?;
        let (at, pair) = self.different_pairs.of[mark as usize];
        let (left, right, _) = decisions.pair(at, pair)?;
        let (of_p, of_q) = if swapped { (right, left) } else { (left, right) };
        let face = |side: &Side, root: u32| {
            let mut faces = self.atoms_of(clusters, decisions, side, at as usize);
            let (face, _) = faces.find(|&(_, atom)| self.root[atom as usize] == root)?;
            Some(clusters.faces[face as usize].clone())
        };
        Some((
            (face(of_p, p)?, face(of_q, q)?),
            ConflictReason::Different { decision: decisions.entries[at as usize].id },
        ))
    }

    /// The first two faces of two people that share a frame, found by the faces of the smaller person.
    pub(super) fn in_one_frame(&self, clusters: &InitialClusters, p: u32, q: u32) -> Option<(u32, u32)> {
        let few_first = self.size(p) <= self.size(q);
        let (few, many) = if few_first { (p, q) } else { (q, p) };
        let beside = |face: u32| {
            clusters
                .beside(face)
                .find(|&other| self.root_of(clusters, other) == Some(many))
                .map(|other| (face, other))
        };
        let found = self.faces(clusters, few).filter_map(beside).min()?;
        Some(if few_first { found } else { (found.1, found.0) })
    }

    /// The conflict of a verdict "different".
    fn conflict_with_different(
        &self,
        clusters: &InitialClusters,
        decisions: &DecisionIndex,
        at: usize,
        (left, right): (&Side, &Side),
    ) -> Option<Conflict> {
        let rights: Vec<(u32, u32)> = self.atoms_of(clusters, decisions, right, at).collect();
        for (l, a) in self.atoms_of(clusters, decisions, left, at) {
            let root = self.root[a as usize];
            if let Some(&(r, b)) = rights.iter().find(|(_, b)| self.root[*b as usize] == root) {
                let mut between: Vec<u64> = self
                    .proof
                    .between(a, b)
                    .into_iter()
                    .map(|at| decisions.entries[at as usize].id)
                    .collect();
                between.sort_unstable();
                between.dedup();
                let reason = if between.is_empty() {
                    ConflictReason::OneCluster
                } else {
                    ConflictReason::Same { decisions: between }
                };
                let faces = (clusters.faces[l as usize].clone(), clusters.faces[r as usize].clone());
                return Some(Conflict { decision: decisions.entries[at].id, pair: 0, faces, reason });
            }
        }
        None
    }

    /// The conflict of a move: a moved face shares a frame with the target person.
    pub(super) fn conflict_with_move(
        &self,
        clusters: &InitialClusters,
        decisions: &DecisionIndex,
        at: usize,
        (faces, to): (&Side, &Side),
    ) -> Option<Conflict> {
        let moved = decisions.faces(faces);
        let stay = |face: &u32| !moved.contains(face);
        let (_, atom) = self.atoms_of(clusters, decisions, to, at).find(|(face, _)| stay(face))?;
        let root = self.root[atom as usize];
        let there = |face: u32| {
            let with = |&other: &u32| moved.contains(&other) || self.root_of(clusters, other) == Some(root);
            clusters.beside(face).find(with).map(|other| (face, other))
        };
        let (a, b) = moved.iter().find_map(|&face| there(face))?;
        let faces = (clusters.faces[a as usize].clone(), clusters.faces[b as usize].clone());
        Some(Conflict {
            decision: decisions.entries[at].id,
            pair: 0,
            faces,
            reason: ConflictReason::SameFrame,
        })
    }
}
