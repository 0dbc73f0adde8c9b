//! Who is who: what clusters and decisions together say.
//!
//! Action a decision means depends on faces alone, never on numbers of clusters, so it means the same after every
//! new clustering:
//!
//! * A face is where the last decision on it puts it: with no one (`Noise`), in a group that was pulled out
//!   (`Split`), with another person (`Move`); else in its cluster. A cluster less what was pulled out, and each
//!   group, is an *atom*. Where nobody is left of the person that faces were moved to, they are a group of their own.
//! * In a decision on people, faces of which a later decision says where they belong count as not having been
//!   named, and so do faces of no one.
//! * `Same`: the atoms of all faces of both sides are one person. `Different`: no person holds a face of the left
//!   and one of the right side. Two faces of one frame are two people, unless [`People::new`] was told otherwise.
//! * Decisions count in the order in which they were made. One that cannot be followed beside those before it is a
//!   [`Conflict`]: its pair is left out and listed, never silently followed. [`People::check`] tells before a
//!   decision is written down.
//! * A person's name is that of the last decision that names some of its faces.
//! * Undo and redo: of two words on one decision the later counts, if it holds itself.
//!
//! ```
//! use streamface_annotate::{Compared, Decision, People, Verdict, Action};
//! use streamface_types::{FaceId, Timestamp};
//!
//! let faces: Vec<FaceId> = ["a_face_0", "b_face_0", "c_face_0"].map(|f| f.parse().unwrap()).into();
//! let mut people = People::new(faces.clone(), &[0, 0, 1], true)?;
//! let pairs = vec![Compared { left: vec![faces[0].clone()], right: vec![faces[2].clone()], verdict: Verdict::Same }];
//! let action = Action::Compare { pairs };
//! assert!(people.check(&action).is_ok());
//! people.apply(&Decision { id: 1, at: Timestamp::default(), who: "me".into(), seconds: None, action });
//! assert_eq!(people.labels(), [0, 0, 0]);
//! // Action is said of a single face outweighs what was said of people.
//! let action = Action::Split { faces: vec![faces[1].clone()], together: true };
//! people.apply(&Decision { id: 2, at: Timestamp::default(), who: "me".into(), seconds: None, action });
//! assert_eq!(people.labels(), [0, 2, 0]);
//! # Ok::<(), streamface_annotate::Error>(())
//! ```

mod conflict;
mod constraints;
mod decision_index;
mod initial_clusters;
mod proof_forest;
mod state;

use std::collections::HashSet;

use rayon::prelude::*;
use streamface_types::FaceId;

pub use conflict::{Conflict, ConflictReason, MAX_FACES_PER_SIDE, Refusal, Report};

use crate::{Action, Decision, Error, Verdict};
use decision_index::{DecisionIndex, IndexedAction, look_up};
use initial_clusters::InitialClusters;
use state::State;

/// Clusters of faces, and what decisions make of them. Faces are numbered from 0 in their order.
#[derive(Debug, Clone)]
pub struct People {
    clusters: InitialClusters,
    decisions: DecisionIndex,
    state: State,
    /// Action the last check derived anew, of which decision: most often that one is applied next.
    checked: Option<(u64, Action, State)>,
}

/// Action a decision changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// All was derived anew: any face may be elsewhere, and any answer may have gone or come.
    pub rebuilt: bool,
    /// People that are part of another one now: the key that is gone, the key there is. Empty when `rebuilt`.
    pub joined: Vec<(u32, u32)>,
    /// Pairs that this decision says in vain, or when `rebuilt` all such pairs that are new.
    pub conflicts: Vec<Conflict>,
}

impl People {
    /// People as the clusters have them: `labels` by the faces, which ascend; a negative one belongs to no one. Where
    /// `frames_apart`, two faces of one frame are never one person by a decision (clusters are taken as they are).
    ///
    /// Memory: some 13 bytes a face beside the faces themselves, some 30 a cluster, and what decisions name. Time:
    /// O(n log n) for labels.
    ///
    /// # Errors
    /// [`Error::LabelCount`], [`Error::Order`], [`Error::TooMany`].
    pub fn new(faces: Vec<FaceId>, labels: &[i64], separate_within_frame: bool) -> Result<Self, Error> {
        let decisions = DecisionIndex::new(faces.len());
        let clusters = InitialClusters::new(faces, labels, separate_within_frame)?;
        let state = State::derive(&clusters, &decisions);
        Ok(Self { clusters, decisions, state, checked: None })
    }

    /// Forgets what was said before, and takes these decisions in their order.
    ///
    /// Time: O(m log n) for `m` faces named, and that of the smaller of two people for each time that two are joined.
    pub fn replay(&mut self, decisions: &[Decision]) {
        self.checked = None;
        self.decisions = DecisionIndex::new(self.clusters.faces.len());
        let faces = &self.clusters.faces;
        for some in decisions.chunks(4096) {
            // To look faces up is most of it.
            let numbers: Vec<_> = some.par_iter().map(|d| look_up(&d.action, faces)).collect();
            for (decision, numbers) in some.iter().zip(&numbers) {
                self.decisions.push(decision.id, &decision.action, numbers, self.clusters.len());
            }
        }
        self.state = State::derive(&self.clusters, &self.decisions);
    }

    /// One more decision, with a larger id than all before. It is taken as a replay would take it; whether it
    /// contradicts others is for [`Self::check`] to say beforehand.
    ///
    /// Time: that of the faces named, and of the smaller of two people that are joined. Undo, redo, and decisions on
    /// single faces that were named before derive all anew.
    pub fn apply(&mut self, decision: &Decision) -> Change {
        let numbers = look_up(&decision.action, &self.clusters.faces);
        let rederived = self.needs_rederive(&decision.action, &numbers);
        let at = self.decisions.entries.len();
        self.decisions.push(decision.id, &decision.action, &numbers, self.clusters.len());
        let checked =
            self.checked.take().filter(|(id, action, _)| *id == decision.id && *action == decision.action);
        if rederived {
            let state =
                checked.map_or_else(|| State::derive(&self.clusters, &self.decisions), |(.., state)| state);
            let conflicts = new_conflicts(&self.state, &state);
            self.state = state;
            return Change { rebuilt: true, joined: Vec::new(), conflicts };
        }
        self.state.grow(self.clusters.len() + self.decisions.made);
        self.state.holds.push(true);
        let before = self.keys_named(at);
        let conflicts = self.state.conflicts.len();
        match self.decisions.entries[at].action {
            IndexedAction::Noise(_) | IndexedAction::Split { .. } => {
                self.state.put_new(&self.clusters, &self.decisions, at);
            }
            _ => self.state.apply(&self.clusters, &self.decisions, at),
        }
        let now = |key: u32| self.state.root(key).map_or(key, |root| self.state.key(root));
        let joined = before.into_iter().map(|key| (key, now(key))).filter(|(was, is)| was != is).collect();
        Change { rebuilt: false, joined, conflicts: self.state.conflicts[conflicts..].to_vec() }
    }

    /// Whether what follows from one more decision can only be told by going through all of them.
    fn needs_rederive(&self, action: &Action, numbers: &[Option<u32>]) -> bool {
        let was_named = || numbers.iter().flatten().any(|&face| self.decisions.is_named(face));
        match action {
            Action::Undo { .. } | Action::Redo { .. } | Action::Move { .. } => true,
            // A face that is gone may have been what stood against something.
            Action::Noise { .. } | Action::Split { .. } => !self.state.conflicts.is_empty() || was_named(),
            _ => false,
        }
    }

    /// Keys of the people compared in decision `at`, ascending.
    fn keys_named(&self, at: usize) -> Vec<u32> {
        let IndexedAction::Compare(pairs) = &self.decisions.entries[at].action else { return Vec::new() };
        let sides = pairs.iter().flat_map(|(left, right, _)| [left, right]);
        let faces = sides.flat_map(|side| self.decisions.faces(side));
        let mut keys: Vec<u32> = faces.filter_map(|&face| self.person_of(face)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Whether a decision could be followed now: nothing that it says contradicts what holds, itself included, and
    /// nothing that held before would be left out because of it. It changes nothing.
    ///
    /// Time: that of [`Self::apply`].
    ///
    /// # Errors
    /// [`Refusal`], which names the faces, and the decisions in the way.
    pub fn check(&mut self, action: &Action) -> Result<(), Refusal> {
        self.check_named(action)?;
        let id = self.decisions.entries.last().map_or(1, |e| e.id + 1);
        let (at, mark) = (self.decisions.entries.len(), self.decisions.mark());
        let numbers = look_up(action, &self.clusters.faces);
        let derives = self.needs_rederive(action, &numbers);
        self.decisions.push(id, action, &numbers, self.clusters.len());
        let (clusters, decisions, state) = (&self.clusters, &self.decisions, &self.state);
        let mut after = None;
        let mut rederive =
            || new_conflicts(state, after.insert(State::derive(clusters, decisions))).into_iter().next();
        let found = match &decisions.entries[at].action {
            IndexedAction::Name(..) | IndexedAction::Skip(_) => None,
            // Faces of which nothing was said take nothing with them.
            IndexedAction::Noise(_) | IndexedAction::Split { .. } if !derives => None,
            IndexedAction::Compare(pairs) => match &pairs[..] {
                [pair] => state.conflict_with(clusters, decisions, at, pair),
                _ => {
                    let mut after = state.clone();
                    after.apply(clusters, decisions, at);
                    after.conflicts.get(state.conflicts.len()).cloned()
                }
            },
            IndexedAction::Move { faces, to, .. } => {
                rederive().or_else(|| state.conflict_with_move(clusters, decisions, at, (faces, to)))
            }
            _ => rederive(),
        };
        self.checked = after.map(|after| (id, action.clone(), after));
        self.decisions.pop(mark);
        found.map_or(Ok(()), |conflict| Err(Refusal::Conflict(conflict)))
    }

    fn check_named(&self, action: &Action) -> Result<(), Refusal> {
        let known = |named: &[FaceId]| -> Result<Vec<u32>, Refusal> {
            if named.is_empty() {
                return Err(Refusal::Empty);
            }
            let find = |face: &FaceId| self.index(face).ok_or_else(|| Refusal::Unknown(face.clone()));
            named.iter().map(find).collect()
        };
        let someone = |named: &[FaceId]| {
            let faces = known(named)?;
            let no_one = faces.iter().all(|&face| self.person_of(face).is_none());
            if no_one { Err(Refusal::NoOne(named[0].clone())) } else { Ok(()) }
        };
        let place = |id: u64| self.decisions.find(id).ok_or(Refusal::NoSuchDecision(id));
        match action {
            Action::Compare { pairs } if pairs.is_empty() => Err(Refusal::Empty),
            Action::Compare { pairs } => {
                pairs.iter().flat_map(|p| [&p.left, &p.right]).try_for_each(|side| match side.len() {
                    faces if faces > MAX_FACES_PER_SIDE => Err(Refusal::TooMany { faces }),
                    _ => someone(side),
                })
            }
            Action::Noise { faces } | Action::Split { faces, .. } => known(faces).map(drop),
            Action::Move { faces, to } => {
                known(faces)?;
                let stay: Vec<FaceId> = to.iter().filter(|face| !faces.contains(face)).cloned().collect();
                someone(&stay)
            }
            Action::Skip { person } | Action::Name { person, .. } => someone(person),
            Action::Undo { decision } => {
                if self.state.holds[place(*decision)?] {
                    Ok(())
                } else {
                    Err(Refusal::Undone(*decision))
                }
            }
            Action::Redo { decision } => {
                if self.state.holds[place(*decision)?] {
                    Err(Refusal::Holds(*decision))
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Action of the decisions cannot be followed here.
    #[must_use]
    pub fn report(&self) -> Report {
        let unknown =
            self.decisions.entries.iter().filter(|e| e.unknown > 0).map(|e| (e.id, e.unknown)).collect();
        Report { conflicts: self.state.conflicts.clone(), unknown }
    }

    /// The faces, in their order.
    #[must_use]
    pub fn faces(&self) -> &[FaceId] {
        &self.clusters.faces
    }

    /// The number of a face. O(log n).
    #[must_use]
    pub fn index(&self, face: &FaceId) -> Option<u32> {
        self.clusters.faces.binary_search(face).ok().map(|at| at as u32)
    }

    /// Whether a decision holds: it was made, and is not undone.
    #[must_use]
    pub fn holds(&self, decision: u64) -> bool {
        self.decisions.find(decision).is_some_and(|at| self.state.holds[at])
    }

    /// The person of a face, by its smallest atom: a key that stays as long as that atom is the smallest of its
    /// person. None for a face of no one. Panics where there is no such face.
    #[must_use]
    pub fn person_of(&self, face: u32) -> Option<u32> {
        self.state.root_of(&self.clusters, face).map(|root| self.state.key(root))
    }

    /// The atom of a face: the number of its cluster in the order of labels, or above these a group that was pulled
    /// out. None for a face of no one. Panics where there is no such face.
    #[must_use]
    pub fn atom_of(&self, face: u32) -> Option<u32> {
        self.state.atom_of(&self.clusters, face)
    }

    /// The key of the person that now holds what this key stood for; none where there never was such a key.
    #[must_use]
    pub fn current(&self, key: u32) -> Option<u32> {
        self.state.root(key).map(|root| self.state.key(root))
    }

    /// Keys of all people who have a face, ascending.
    pub fn people(&self) -> impl Iterator<Item = u32> {
        let state = &self.state;
        (0..state.len()).filter(move |&atom| {
            state.root(atom).is_some_and(|root| state.key(root) == atom && state.size(root) > 0)
        })
    }

    /// Faces of a person, by number.
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

    /// Faces of no one, ascending.
    #[must_use]
    pub fn noise(&self) -> Vec<u32> {
        let faces = 0..self.clusters.faces.len() as u32;
        faces.filter(|&face| self.state.atom_of(&self.clusters, face).is_none()).collect()
    }

    /// A person's name.
    #[must_use]
    pub fn name(&self, person: u32) -> Option<&str> {
        let at = self.state.named(self.state.root(person)?)?;
        match &self.decisions.entries[at as usize].action {
            IndexedAction::Name(_, name) => name.as_deref(),
            _ => None,
        }
    }

    /// Whether nobody is to be asked about a person any more.
    #[must_use]
    pub fn skipped(&self, person: u32) -> bool {
        self.state.root(person).is_some_and(|root| self.state.skipped.contains(&root))
    }

    /// Whether two people were said to be different.
    #[must_use]
    pub fn different(&self, a: u32, b: u32) -> bool {
        self.verdict_between(a, b) == Some(Verdict::Different)
    }

    /// Action was said of two people, if they are still two: that they are different, or that nobody can tell.
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

    /// Pairs of people of whom somebody could not tell whether they are one, and who still are two without any
    /// word on it: keys, the smaller first, ascending.
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

    /// The label of the cluster that a face came in; none where it was no one's. Panics where there is no such face.
    #[must_use]
    pub fn cluster_of(&self, face: u32) -> Option<i64> {
        self.clusters.label.get(self.clusters.cluster[face as usize] as usize).copied()
    }

    /// Whether a decision says where this very face belongs.
    #[must_use]
    pub fn is_placed(&self, face: u32) -> bool {
        self.state.is_placed(face)
    }

    /// Whether two people were seen in one frame. O(faces of the smaller).
    #[must_use]
    pub fn in_one_frame(&self, a: u32, b: u32) -> bool {
        match (self.state.root(a), self.state.root(b)) {
            (Some(a), Some(b)) if a != b => self.state.in_one_frame(&self.clusters, a, b).is_some(),
            _ => false,
        }
    }

    /// A person's label while the review is under way: the smallest of its clusters, or one above all of these where
    /// only faces are left that were pulled out.
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

    /// Each face's [label](Self::label), −1 for those of no one. O(n).
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

/// Conflicts after that were none before.
fn new_conflicts(before: &State, after: &State) -> Vec<Conflict> {
    let old: HashSet<_> = before.conflicts.iter().map(|c| (c.decision, c.pair)).collect();
    after.conflicts.iter().filter(|c| !old.contains(&(c.decision, c.pair))).cloned().collect()
}
