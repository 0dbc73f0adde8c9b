//! Decisions with faces as numbers, looked up once.

use std::ops::Range;

use streamface_types::FaceId;

use crate::{Action, Verdict};

/// No decision's place.
const NO_DECISION: u32 = u32::MAX;

/// All decisions.
#[derive(Debug, Clone, Default)]
pub(super) struct DecisionIndex {
    pub(super) entries: Vec<Entry>,
    /// Faces of all sides, one after the other.
    pool: Vec<u32>,
    /// The place of the first decision that names each face, or [`NO_DECISION`].
    named: Vec<u32>,
    /// Atoms that decisions may make, beyond the clusters.
    pub(super) made: u32,
}

/// Faces of one side.
pub(super) type Side = Range<usize>;

/// Two sides, and what was said of them.
pub(super) type Pair = (Side, Side, Verdict);

/// One decision.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) action: IndexedAction,
    /// Times that it names a face that is not there.
    pub(super) unknown: usize,
}

/// Action was said, by numbers.
#[derive(Debug, Clone)]
pub(super) enum IndexedAction {
    Compare(Vec<Pair>),
    Noise(Side),
    /// Atoms from this one on are theirs: one for all, or one each.
    Split {
        faces: Side,
        first: u32,
        together: bool,
    },
    /// The atom is theirs where `to` is no one any more.
    Move {
        faces: Side,
        to: Side,
        own: u32,
    },
    Skip(Side),
    Name(Side, Option<String>),
    Undo(u64),
    Redo(u64),
}

impl DecisionIndex {
    pub(super) fn new(faces: usize) -> Self {
        Self { named: vec![NO_DECISION; faces], ..Self::default() }
    }

    /// Whether some decision names a face.
    pub(super) fn is_named(&self, face: u32) -> bool {
        self.named[face as usize] != NO_DECISION
    }

    pub(super) fn faces(&self, side: &Side) -> &[u32] {
        &self.pool[side.clone()]
    }

    /// Place of a decision, if it is there.
    pub(super) fn find(&self, id: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&id, |e| e.id).ok()
    }

    /// A pair of the decision at this place.
    pub(super) fn pair(&self, at: u32, pair: u32) -> Option<&Pair> {
        let IndexedAction::Compare(pairs) = &self.entries[at as usize].action else { return None };
        pairs.get(pair as usize)
    }

    /// The faces of a decision that say where single faces belong.
    pub(super) fn placed(&self, entry: &Entry) -> Option<&[u32]> {
        match &entry.action {
            IndexedAction::Noise(faces)
            | IndexedAction::Split { faces, .. }
            | IndexedAction::Move { faces, .. } => Some(self.faces(faces)),
            _ => None,
        }
    }

    /// Adds what decision `id` says; every face that it names was looked up ([`look_up`]). Atoms are numbered on
    /// from the clusters, whether or not the decision holds, so that taking another one back leaves their numbers
    /// alone.
    pub(super) fn push(&mut self, id: u64, action: &Action, numbers: &[Option<u32>], clusters: u32) {
        let unknown = numbers.iter().filter(|n| n.is_none()).count();
        let mut numbers = numbers.iter();
        let at = self.entries.len() as u32;
        let mut side = |named: &[FaceId]| {
            let from = self.pool.len();
            self.pool.extend(numbers.by_ref().take(named.len()).flatten());
            for &face in &self.pool[from..] {
                let first = &mut self.named[face as usize];
                *first = at.min(*first);
            }
            from..self.pool.len()
        };
        let own = clusters + self.made;
        let action = match action {
            Action::Compare { pairs } => IndexedAction::Compare(
                pairs.iter().map(|p| (side(&p.left), side(&p.right), p.verdict)).collect(),
            ),
            Action::Noise { faces } => IndexedAction::Noise(side(faces)),
            Action::Split { faces, together } => {
                let faces = side(faces);
                self.made += if *together { 1 } else { faces.len() as u32 };
                IndexedAction::Split { faces, first: own, together: *together }
            }
            Action::Move { faces, to } => {
                self.made += 1;
                IndexedAction::Move { faces: side(faces), to: side(to), own }
            }
            Action::Skip { person } => IndexedAction::Skip(side(person)),
            Action::Name { person, name } => IndexedAction::Name(side(person), name.clone()),
            Action::Undo { decision } => IndexedAction::Undo(*decision),
            Action::Redo { decision } => IndexedAction::Redo(*decision),
        };
        self.entries.push(Entry { id, action, unknown });
    }

    /// Takes the last decision away again.
    pub(super) fn pop(&mut self, before: Mark) {
        self.entries.pop();
        let at = self.entries.len() as u32;
        for face in self.pool.drain(before.pool..) {
            let first = &mut self.named[face as usize];
            if *first == at {
                *first = NO_DECISION;
            }
        }
        self.made = before.made;
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { pool: self.pool.len(), made: self.made }
    }

    /// Which decisions hold: the last word on each that itself holds.
    pub(super) fn holding(&self) -> Vec<bool> {
        let mut word: Vec<Option<bool>> = vec![None; self.entries.len()];
        for at in (0..self.entries.len()).rev() {
            let (id, says) = match self.entries[at].action {
                IndexedAction::Undo(id) => (id, false),
                IndexedAction::Redo(id) => (id, true),
                _ => continue,
            };
            if word[at] != Some(false)
                && let Some(other) = self.find(id).filter(|&other| other < at)
            {
                word[other].get_or_insert(says);
            }
        }
        word.into_iter().map(|w| w.unwrap_or(true)).collect()
    }
}

/// The number of every face that a decision names, in the order of naming; none of a face that is not there.
pub(super) fn look_up(action: &Action, faces: &[FaceId]) -> Vec<Option<u32>> {
    let number = |face: &FaceId| faces.binary_search(face).ok().map(|at| at as u32);
    action.sides().into_iter().flatten().map(number).collect()
}

/// Where a [`DecisionIndex`] ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pool: usize,
    made: u32,
}
