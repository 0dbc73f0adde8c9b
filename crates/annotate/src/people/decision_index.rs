//! The decision index: decisions with faces as numbers, looked up once.

use std::ops::Range;

use streamface_types::FaceId;

use crate::{Action, Verdict};

/// Marks a face that no decision names.
const NO_DECISION: u32 = u32::MAX;

/// All decisions, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct DecisionIndex {
    pub(super) entries: Vec<Entry>,
    /// Faces of all sides, concatenated.
    pool: Vec<u32>,
    /// Position of the first decision that names each face, or [`NO_DECISION`].
    named: Vec<u32>,
    /// Number of atoms that decisions may create, beyond the clusters.
    pub(super) made: u32,
}

/// Range of one side in the pool of faces.
pub(super) type Side = Range<usize>;

/// Two sides and the verdict.
pub(super) type Pair = (Side, Side, Verdict);

/// One decision.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) action: IndexedAction,
    /// Number of unknown faces that it names.
    pub(super) unknown: usize,
}

/// An action with faces as numbers.
#[derive(Debug, Clone)]
pub(super) enum IndexedAction {
    Compare(Vec<Pair>),
    Noise(Side),
    /// First new atom: one for all faces, or one each.
    Split {
        faces: Side,
        first: u32,
        together: bool,
    },
    /// New atom, used if `to` belongs to no one any more.
    Move {
        faces: Side,
        to: Side,
        own: u32,
    },
    /// The pair "different", and the new atom of its right side.
    Tear {
        pair: Pair,
        first: u32,
    },
    /// The faces that are one person on the left, and none on the right, with "same".
    Whole(Pair),
    Skip(Side),
    Name(Side, Option<String>),
    Undo(u64),
    Redo(u64),
}

impl DecisionIndex {
    pub(super) fn new(faces: usize) -> Self {
        Self { named: vec![NO_DECISION; faces], ..Self::default() }
    }

    /// Whether any decision names this face.
    pub(super) fn is_named(&self, face: u32) -> bool {
        self.named[face as usize] != NO_DECISION
    }

    pub(super) fn faces(&self, side: &Side) -> &[u32] {
        &self.pool[side.clone()]
    }

    /// Position of a decision, if it exists.
    pub(super) fn find(&self, id: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&id, |e| e.id).ok()
    }

    /// A pair of the decision at this position.
    pub(super) fn pair(&self, at: u32, pair: u32) -> Option<&Pair> {
        match &self.entries[at as usize].action {
            IndexedAction::Compare(pairs) => pairs.get(pair as usize),
            IndexedAction::Tear { pair: torn, .. } if pair == 0 => Some(torn),
            _ => None,
        }
    }

    /// Whether a side of a decision is the one that it tears off.
    pub(super) fn is_torn_off(&self, at: usize, side: &Side) -> bool {
        matches!(&self.entries[at].action, IndexedAction::Tear { pair: (_, right, _), .. } if right == side)
    }

    /// The faces that a decision moves (noise, split, move or tear).
    pub(super) fn placed(&self, entry: &Entry) -> Option<&[u32]> {
        match &entry.action {
            IndexedAction::Noise(faces)
            | IndexedAction::Split { faces, .. }
            | IndexedAction::Move { faces, .. } => Some(self.faces(faces)),
            IndexedAction::Tear { pair: (_, right, _), .. } => Some(self.faces(right)),
            _ => None,
        }
    }

    /// Appends decision `id`, whose faces were looked up by [`look_up`]. New atoms are numbered upwards from
    /// the clusters whether or not the decision holds, so that undoing another one does not change their
    /// numbers.
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
            Action::Tear { left, right } => {
                self.made += 1;
                IndexedAction::Tear { pair: (side(left), side(right), Verdict::Different), first: own }
            }
            Action::Whole { person } => IndexedAction::Whole((side(person), side(&[]), Verdict::Same)),
            Action::Skip { person } => IndexedAction::Skip(side(person)),
            Action::Name { person, name } => IndexedAction::Name(side(person), name.clone()),
            Action::Undo { decision } => IndexedAction::Undo(*decision),
            Action::Redo { decision } => IndexedAction::Redo(*decision),
        };
        self.entries.push(Entry { id, action, unknown });
    }

    /// Removes the last decision.
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

    /// Which decisions hold: the last undo or redo of each, if it holds itself, decides.
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

/// The number of every face that a decision names, in the order of naming; `None` for unknown faces.
pub(super) fn look_up(action: &Action, faces: &[FaceId]) -> Vec<Option<u32>> {
    let number = |face: &FaceId| faces.binary_search(face).ok().map(|at| at as u32);
    action.sides().into_iter().flatten().map(number).collect()
}

/// A length to return a [`DecisionIndex`] to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pool: usize,
    made: u32,
}
