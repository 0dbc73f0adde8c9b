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

mod accessors;
mod conflict;
mod conflict_check;
mod constraints;
mod decision_index;
mod initial_clusters;
mod opposed_pairs;
mod proof_forest;
mod state;

use std::collections::HashSet;

use rayon::prelude::*;
use streamface_types::FaceId;

pub use conflict::{Conflict, ConflictReason, MAX_FACES_PER_SIDE, Refusal, Report};

use crate::{Action, Decision, Error};
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
}

/// Conflicts after that were none before.
fn new_conflicts(before: &State, after: &State) -> Vec<Conflict> {
    let old: HashSet<_> = before.conflicts.iter().map(|c| (c.decision, c.pair)).collect();
    after.conflicts.iter().filter(|c| !old.contains(&(c.decision, c.pair))).cloned().collect()
}
