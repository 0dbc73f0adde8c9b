//! People: the result of clusters and decisions.
//!
//! A decision names faces, never cluster numbers, so it means the same after every new clustering:
//!
//! * The last decision on a face decides where it belongs: to no one (`Noise`), to a group of its own
//!   (`Split`, `Tear`), or to another person (`Move`). Without one it belongs to its cluster. A cluster without the
//!   faces that left it, and each group, is an *atom*. If all faces of the target of a move have left, the
//!   moved faces are a group of their own.
//! * In a decision about people, faces that a later decision moves, and faces that belong to no one, are
//!   ignored.
//! * `Same`: the atoms of all faces of both sides are one person. `Different`: no person has faces of both
//!   sides. Faces of one frame are different people, unless [`People::new`] is told otherwise.
//! * `Tear`: the right side is a group of its own, and `Different` from the left. `Whole` is `Same` for all faces that it
//!   names, and answers whether they are two people ([`People::is_whole`]).
//! * Decisions apply in the order in which they were made. A pair that contradicts earlier decisions is a
//!   [`Conflict`]: it is listed and not applied. [`People::check`] finds conflicts before a decision is
//!   recorded.
//! * A person's name is given by the last decision that names some of its faces; without one it is the name of its
//!   cluster ([`People::with_names`]).
//! * Of several undo and redo decisions on one decision, the last that holds itself counts.
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
//! // A decision about a single face takes precedence over decisions about people.
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
mod name_doubts;
mod opposed_pairs;
mod proof_forest;
mod state;

use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;
use streamface_types::{FaceId, Label};

pub use conflict::{Conflict, ConflictReason, MAX_FACES_PER_SIDE, Refusal, Report};
pub use name_doubts::{NameDoubt, NamedPart};

use crate::{Action, Decision, Error};
use decision_index::{DecisionIndex, IndexedAction, look_up};
use initial_clusters::InitialClusters;
use state::State;

/// Clusters of faces and the decisions about them. Faces are numbered from 0 in ascending order.
#[derive(Debug, Clone)]
pub struct People {
    clusters: InitialClusters,
    decisions: DecisionIndex,
    state: State,
    /// The state that the last check derived, and for which decision: that decision is usually applied next.
    checked: Option<(u64, Action, State)>,
}

/// What a decision changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Everything was derived again: any face may have moved, and any verdict may have changed.
    pub rebuilt: bool,
    /// People that were joined: old key, new key. Empty when `rebuilt`.
    pub joined: Vec<(u32, u32)>,
    /// Conflicts of this decision or, when `rebuilt`, all new conflicts.
    pub conflicts: Vec<Conflict>,
}

impl People {
    /// People as given by the clusters: `labels` of the faces, negative for noise. `faces` ascend. With
    /// `separate_within_frame`, decisions never join two faces of one frame (clusters are kept as they are).
    ///
    /// Memory: about 13 bytes a face beside the face ids, 30 bytes a cluster, and the faces that decisions
    /// name. Time: O(n log n) for labels.
    ///
    /// # Errors
    /// [`Error::LabelCount`], [`Error::Order`], [`Error::TooMany`].
    pub fn new(faces: Vec<FaceId>, labels: &[i64], separate_within_frame: bool) -> Result<Self, Error> {
        let decisions = DecisionIndex::new(faces.len());
        let clusters = InitialClusters::new(faces, labels, separate_within_frame)?;
        let state = State::derive(&clusters, &decisions);
        Ok(Self { clusters, decisions, state, checked: None })
    }

    /// The names that clusters have before any decision, by label: those that came with an import, say.
    #[must_use]
    pub fn with_names(mut self, names: &BTreeMap<Label, String>) -> Self {
        self.clusters.set_names(names);
        self
    }

    /// Discards all decisions and applies these, in order.
    ///
    /// Time: O(m log n) for `m` faces named, and the size of the smaller person for each join.
    pub fn replay(&mut self, decisions: &[Decision]) {
        self.checked = None;
        self.decisions = DecisionIndex::new(self.clusters.faces.len());
        let faces = &self.clusters.faces;
        for some in decisions.chunks(4096) {
            // Looking up faces dominates.
            let numbers: Vec<_> = some.par_iter().map(|d| look_up(&d.action, faces)).collect();
            for (decision, numbers) in some.iter().zip(&numbers) {
                self.decisions.push(decision.id, &decision.action, numbers, self.clusters.len());
            }
        }
        self.state = State::derive(&self.clusters, &self.decisions);
    }

    /// Applies one more decision, with a larger id than all before. Conflicting pairs are left out as in a
    /// replay; call [`Self::check`] first to reject such a decision.
    ///
    /// Time: the faces named, and the smaller of two people that are joined. Undo, redo, and decisions on
    /// single faces that were named before derive everything again.
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

    /// Whether one more decision requires deriving everything again.
    fn needs_rederive(&self, action: &Action, numbers: &[Option<u32>]) -> bool {
        let was_named = || numbers.iter().flatten().any(|&face| self.decisions.is_named(face));
        match action {
            Action::Undo { .. } | Action::Redo { .. } | Action::Move { .. } | Action::Tear { .. } => true,
            // A moved face may have been the cause of a conflict.
            Action::Noise { .. } | Action::Split { .. } => !self.state.conflicts.is_empty() || was_named(),
            _ => false,
        }
    }

    /// Keys of the people compared in decision `at`, ascending.
    fn keys_named(&self, at: usize) -> Vec<u32> {
        let pairs = match &self.decisions.entries[at].action {
            IndexedAction::Compare(pairs) => &pairs[..],
            IndexedAction::Whole(pair) => std::slice::from_ref(pair),
            _ => return Vec::new(),
        };
        let sides = pairs.iter().flat_map(|(left, right, _)| [left, right]);
        let faces = sides.flat_map(|side| self.decisions.faces(side));
        let mut keys: Vec<u32> = faces.filter_map(|&face| self.person_of(face)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Whether a decision can be applied: it contradicts neither itself nor earlier decisions, and no earlier
    /// decision would conflict because of it. Changes nothing.
    ///
    /// Time: that of [`Self::apply`].
    ///
    /// # Errors
    /// [`Refusal`], which names the faces and the conflicting decisions.
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
            IndexedAction::Whole(pair) => state.conflict_with(clusters, decisions, at, pair),
            // Moving faces that no decision names cannot cause a conflict.
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
        match found {
            None => Ok(()),
            // One that holds now; otherwise it is this decision, or one that is to hold again.
            Some(conflict) if self.holds(conflict.decision) => Err(Refusal::Breaks(conflict)),
            Some(conflict) => Err(Refusal::Conflict(conflict)),
        }
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
            Action::Tear { left, right } => {
                known(right)?;
                let stay: Vec<FaceId> = left.iter().filter(|face| !right.contains(face)).cloned().collect();
                match stay.len() {
                    faces if faces < left.len() => Err(Refusal::BothSides(both(left, right))),
                    faces if faces > MAX_FACES_PER_SIDE => Err(Refusal::TooMany { faces }),
                    _ => someone(&stay),
                }
            }
            Action::Skip { person } | Action::Whole { person } | Action::Name { person, .. } => {
                someone(person)
            }
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

/// A face that is in both sides; they have one.
fn both(left: &[FaceId], right: &[FaceId]) -> FaceId {
    left.iter().find(|face| right.contains(face)).unwrap_or(&left[0]).clone()
}

/// Conflicts in `after` that were not in `before`.
fn new_conflicts(before: &State, after: &State) -> Vec<Conflict> {
    let old: HashSet<_> = before.conflicts.iter().map(|c| (c.decision, c.pair)).collect();
    after.conflicts.iter().filter(|c| !old.contains(&(c.decision, c.pair))).cloned().collect()
}
