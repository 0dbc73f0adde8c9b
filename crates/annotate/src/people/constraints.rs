//! Constraints of decisions on the next clustering.

use std::collections::BTreeMap;

use streamface_types::FaceId;

use super::People;
use super::decision_index::IndexedAction;
use super::initial_clusters::NO_CLUSTER;
use crate::{Error, Verdict};

/// Up to this many pairs all faces of two people are kept apart; beyond it only those that were compared.
const MAX_FULL_PAIRS: usize = 4_000_000;

impl People {
    /// Decisions alone, without a clustering: each face is a cluster of its own.
    ///
    /// # Errors
    /// Those of [`People::new`].
    pub fn unclustered(faces: Vec<FaceId>, separate_within_frame: bool) -> Result<Self, Error> {
        let labels: Vec<i64> = (0..).take(faces.len()).collect();
        Self::new(faces, &labels, separate_within_frame)
    }

    /// Pairs of faces that must not be in one cluster, since decisions would conflict: the smaller first,
    /// ascending. Call it on [`People::unclustered`], so that the pairs depend on decisions only.
    ///
    /// `Different` separates all known faces of one person from all known faces of the other. Where faces of
    /// one frame are different people, a face that shares a frame with a face of a person is separated from
    /// all faces of that person (pairs within a frame are not listed). Faces that a decision moves are left
    /// out: they leave whatever cluster they come to.
    ///
    /// Beyond 4,000,000 pairs, only the compared faces of the largest people are separated.
    #[must_use]
    pub fn constraints(&self) -> Vec<(u32, u32)> {
        let (state, clusters) = (&self.state, &self.clusters);
        let free = |face: &u32| !state.is_placed(*face);
        // For each two people who are different, the decisions that say so.
        let mut apart: BTreeMap<(u32, u32), Vec<(u32, u32)>> = BTreeMap::new();
        for &(at, pair) in &state.different_pairs.of {
            let [left, right] = self.people_of(at, pair);
            for p in left {
                for &q in &right {
                    apart.entry((p.min(q), p.max(q))).or_default().push((at, pair));
                }
            }
        }
        let known = |root: u32| state.faces(clusters, root).filter(free).collect::<Vec<u32>>();
        let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for &root in apart.keys().flat_map(|(p, q)| [p, q]) {
            groups.entry(root).or_insert_with(|| known(root));
        }
        let mut pairs = Vec::new();
        let mut by_size: Vec<_> =
            apart.iter().map(|(two, why)| (groups[&two.0].len() * groups[&two.1].len(), two, why)).collect();
        by_size.sort();
        let mut room = MAX_FULL_PAIRS;
        for (size, (p, q), why) in by_size {
            if size <= room {
                room -= size;
                pairs.extend(groups[p].iter().flat_map(|&a| groups[q].iter().map(move |&b| (a, b))));
                continue;
            }
            for &(at, pair) in why {
                let Some((left, right, _)) = self.decisions.pair(at, pair) else { continue };
                let faces = |side| {
                    let faces = state.atoms_of(clusters, &self.decisions, side, at as usize);
                    faces.map(|(face, _)| face).filter(free)
                };
                let right: Vec<u32> = faces(right).collect();
                pairs.extend(faces(left).flat_map(|a| right.iter().map(move |&b| (a, b))));
            }
        }
        let mut people: Vec<Vec<u32>> = (0..state.len())
            .filter(|&atom| state.root(atom) == Some(atom) && state.size(atom) > 1)
            .map(known)
            .filter(|faces| faces.len() > 1)
            .collect();
        people.sort_by_key(|faces| (faces.len(), faces.first().copied()));
        for faces in people {
            let beside = faces.iter().flat_map(|&face| clusters.beside(face).map(move |other| (face, other)));
            let beside: Vec<(u32, u32)> = beside.filter(|(_, other)| free(other)).collect();
            let size = beside.len() * faces.len();
            if size > room {
                break;
            }
            room -= size;
            for (face, other) in beside {
                pairs.extend(faces.iter().filter(|&&f| f != face && f != other).map(|&f| (f, other)));
            }
        }
        for (a, b) in &mut pairs {
            (*a, *b) = ((*a).min(*b), (*a).max(*b));
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// The atom of a face's original cluster; `None` for noise. Panics for a face that does not exist.
    #[must_use]
    pub fn home_of(&self, face: u32) -> Option<u32> {
        Some(self.clusters.cluster[face as usize]).filter(|&cluster| cluster != NO_CLUSTER)
    }

    /// The pairs of a comparison, or the halves of one that was torn apart: known faces of both sides, and the verdict.
    pub fn compared(&self, decision: u64) -> impl Iterator<Item = (&[u32], &[u32], Verdict)> {
        let pairs = match self.decisions.find(decision).map(|at| &self.decisions.entries[at].action) {
            Some(IndexedAction::Compare(pairs)) => &pairs[..],
            Some(IndexedAction::Tear { pair, .. }) => std::slice::from_ref(pair),
            _ => &[],
        };
        pairs
            .iter()
            .map(|(left, right, verdict)| (self.decisions.faces(left), self.decisions.faces(right), *verdict))
    }

    /// The roots of the people on both sides of a pair.
    pub(super) fn people_of(&self, at: u32, pair: u32) -> [Vec<u32>; 2] {
        let pair = self.decisions.pair(at, pair);
        pair.map(|pair| self.state.sides(&self.clusters, &self.decisions, at as usize, pair))
            .unwrap_or_default()
    }
}
