//! Who is who: what clusters and decisions together say.
//!
//! What a decision means depends on faces alone, never on numbers of clusters, so it means the same after every
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
//! use streamface_annotate::{Compared, Decision, People, Verdict, What};
//! use streamface_types::{FaceId, Timestamp};
//!
//! let faces: Vec<FaceId> = ["a_face_0", "b_face_0", "c_face_0"].map(|f| f.parse().unwrap()).into();
//! let mut people = People::new(faces.clone(), &[0, 0, 1], true)?;
//! let pairs = vec![Compared { left: vec![faces[0].clone()], right: vec![faces[2].clone()], verdict: Verdict::Same }];
//! let what = What::Compare { pairs };
//! assert!(people.check(&what).is_ok());
//! people.apply(&Decision { id: 1, at: Timestamp::default(), who: "me".into(), seconds: None, what });
//! assert_eq!(people.labels(), [0, 0, 0]);
//! // What is said of a single face outweighs what was said of people.
//! let what = What::Split { faces: vec![faces[1].clone()], together: true };
//! people.apply(&Decision { id: 2, at: Timestamp::default(), who: "me".into(), seconds: None, what });
//! assert_eq!(people.labels(), [0, 2, 0]);
//! # Ok::<(), streamface_annotate::Error>(())
//! ```

mod base;
mod conflict;
mod links;
mod said;
mod state;
mod ties;

use std::collections::HashSet;

use rayon::prelude::*;
use streamface_types::FaceId;

pub use conflict::{Because, Conflict, MOST_NAMED, Refusal, Report};

use crate::{Decision, Error, Verdict, What};
use base::Base;
use said::{Meant, Said, look_up};
use state::State;

/// Clusters of faces, and what decisions make of them. Faces are numbered from 0 in their order.
#[derive(Debug, Clone)]
pub struct People {
    base: Base,
    said: Said,
    state: State,
    /// What the last check derived anew, of which decision: most often that one is applied next.
    tried: Option<(u64, What, State)>,
}

/// What a decision changed.
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
    pub fn new(faces: Vec<FaceId>, labels: &[i64], frames_apart: bool) -> Result<Self, Error> {
        let said = Said::new(faces.len());
        let base = Base::new(faces, labels, frames_apart)?;
        let state = State::derive(&base, &said);
        Ok(Self { base, said, state, tried: None })
    }

    /// Forgets what was said before, and takes these decisions in their order.
    ///
    /// Time: O(m log n) for `m` faces named, and that of the smaller of two people for each time that two are joined.
    pub fn replay(&mut self, decisions: &[Decision]) {
        self.tried = None;
        self.said = Said::new(self.base.faces.len());
        let faces = &self.base.faces;
        for some in decisions.chunks(4096) {
            // To look faces up is most of it.
            let numbers: Vec<_> = some.par_iter().map(|d| look_up(&d.what, faces)).collect();
            for (decision, numbers) in some.iter().zip(&numbers) {
                self.said.push(decision.id, &decision.what, numbers, self.base.clusters());
            }
        }
        self.state = State::derive(&self.base, &self.said);
    }

    /// One more decision, with a larger id than all before. It is taken as a replay would take it; whether it
    /// contradicts others is for [`Self::check`] to say beforehand.
    ///
    /// Time: that of the faces named, and of the smaller of two people that are joined. Undo, redo, and decisions on
    /// single faces that were named before derive all anew.
    pub fn apply(&mut self, decision: &Decision) -> Change {
        let numbers = look_up(&decision.what, &self.base.faces);
        let anew = self.derives_anew(&decision.what, &numbers);
        let at = self.said.entries.len();
        self.said.push(decision.id, &decision.what, &numbers, self.base.clusters());
        let tried = self.tried.take().filter(|(id, what, _)| *id == decision.id && *what == decision.what);
        if anew {
            let state = tried.map_or_else(|| State::derive(&self.base, &self.said), |(.., state)| state);
            let conflicts = news(&self.state, &state);
            self.state = state;
            return Change { rebuilt: true, joined: Vec::new(), conflicts };
        }
        self.state.grow(self.base.clusters() + self.said.made);
        self.state.holds.push(true);
        let before = self.keys_named(at);
        let conflicts = self.state.conflicts.len();
        match self.said.entries[at].what {
            Meant::Noise(_) | Meant::Split { .. } => self.state.put_new(&self.base, &self.said, at),
            _ => self.state.say(&self.base, &self.said, at),
        }
        let now = |key: u32| self.state.root(key).map_or(key, |root| self.state.key(root));
        let joined = before.into_iter().map(|key| (key, now(key))).filter(|(was, is)| was != is).collect();
        Change { rebuilt: false, joined, conflicts: self.state.conflicts[conflicts..].to_vec() }
    }

    /// Whether what follows from one more decision can only be told by going through all of them.
    fn derives_anew(&self, what: &What, numbers: &[Option<u32>]) -> bool {
        let was_named = || numbers.iter().flatten().any(|&face| self.said.is_named(face));
        match what {
            What::Undo { .. } | What::Redo { .. } | What::Move { .. } => true,
            // A face that is gone may have been what stood against something.
            What::Noise { .. } | What::Split { .. } => !self.state.conflicts.is_empty() || was_named(),
            _ => false,
        }
    }

    /// Keys of the people compared in decision `at`, ascending.
    fn keys_named(&self, at: usize) -> Vec<u32> {
        let Meant::Compare(pairs) = &self.said.entries[at].what else { return Vec::new() };
        let sides = pairs.iter().flat_map(|(left, right, _)| [left, right]);
        let faces = sides.flat_map(|side| self.said.faces(side));
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
    pub fn check(&mut self, what: &What) -> Result<(), Refusal> {
        self.check_named(what)?;
        let id = self.said.entries.last().map_or(1, |e| e.id + 1);
        let (at, mark) = (self.said.entries.len(), self.said.mark());
        let numbers = look_up(what, &self.base.faces);
        let derives = self.derives_anew(what, &numbers);
        self.said.push(id, what, &numbers, self.base.clusters());
        let (base, said, state) = (&self.base, &self.said, &self.state);
        let mut after = None;
        let mut anew = || news(state, after.insert(State::derive(base, said))).into_iter().next();
        let found = match &said.entries[at].what {
            Meant::Name(..) | Meant::Skip(_) => None,
            // Faces of which nothing was said take nothing with them.
            Meant::Noise(_) | Meant::Split { .. } if !derives => None,
            Meant::Compare(pairs) => match &pairs[..] {
                [pair] => state.against(base, said, at, pair),
                _ => {
                    let mut after = state.clone();
                    after.say(base, said, at);
                    after.conflicts.get(state.conflicts.len()).cloned()
                }
            },
            Meant::Move { faces, to, .. } => {
                anew().or_else(|| state.against_move(base, said, at, (faces, to)))
            }
            _ => anew(),
        };
        self.tried = after.map(|after| (id, what.clone(), after));
        self.said.pop(mark);
        found.map_or(Ok(()), |conflict| Err(Refusal::Conflict(conflict)))
    }

    fn check_named(&self, what: &What) -> Result<(), Refusal> {
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
        let place = |id: u64| self.said.find(id).ok_or(Refusal::NoSuchDecision(id));
        match what {
            What::Compare { pairs } if pairs.is_empty() => Err(Refusal::Empty),
            What::Compare { pairs } => {
                pairs.iter().flat_map(|p| [&p.left, &p.right]).try_for_each(|side| match side.len() {
                    faces if faces > MOST_NAMED => Err(Refusal::TooMany { faces }),
                    _ => someone(side),
                })
            }
            What::Noise { faces } | What::Split { faces, .. } => known(faces).map(drop),
            What::Move { faces, to } => {
                known(faces)?;
                let stay: Vec<FaceId> = to.iter().filter(|face| !faces.contains(face)).cloned().collect();
                someone(&stay)
            }
            What::Skip { person } | What::Name { person, .. } => someone(person),
            What::Undo { decision } => {
                if self.state.holds[place(*decision)?] {
                    Ok(())
                } else {
                    Err(Refusal::Undone(*decision))
                }
            }
            What::Redo { decision } => {
                if self.state.holds[place(*decision)?] {
                    Err(Refusal::Holds(*decision))
                } else {
                    Ok(())
                }
            }
        }
    }

    /// What of the decisions cannot be followed here.
    #[must_use]
    pub fn report(&self) -> Report {
        let unknown = self.said.entries.iter().filter(|e| e.unknown > 0).map(|e| (e.id, e.unknown)).collect();
        Report { conflicts: self.state.conflicts.clone(), unknown }
    }

    /// The faces, in their order.
    #[must_use]
    pub fn faces(&self) -> &[FaceId] {
        &self.base.faces
    }

    /// The number of a face. O(log n).
    #[must_use]
    pub fn index(&self, face: &FaceId) -> Option<u32> {
        self.base.faces.binary_search(face).ok().map(|at| at as u32)
    }

    /// Whether a decision holds: it was made, and is not undone.
    #[must_use]
    pub fn holds(&self, decision: u64) -> bool {
        self.said.find(decision).is_some_and(|at| self.state.holds[at])
    }

    /// The person of a face, by its smallest atom: a key that stays as long as that atom is the smallest of its
    /// person. None for a face of no one. Panics where there is no such face.
    #[must_use]
    pub fn person_of(&self, face: u32) -> Option<u32> {
        self.state.root_of(&self.base, face).map(|root| self.state.key(root))
    }

    /// The atom of a face: the number of its cluster in the order of labels, or above these a group that was pulled
    /// out. None for a face of no one. Panics where there is no such face.
    #[must_use]
    pub fn atom_of(&self, face: u32) -> Option<u32> {
        self.state.atom_of(&self.base, face)
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
        let mut faces: Vec<u32> = self.state.faces(&self.base, root).collect();
        faces.sort_unstable();
        faces
    }

    /// Faces of no one, ascending.
    #[must_use]
    pub fn noise(&self) -> Vec<u32> {
        let faces = 0..self.base.faces.len() as u32;
        faces.filter(|&face| self.state.atom_of(&self.base, face).is_none()).collect()
    }

    /// A person's name.
    #[must_use]
    pub fn name(&self, person: u32) -> Option<&str> {
        let at = self.state.named(self.state.root(person)?)?;
        match &self.said.entries[at as usize].what {
            Meant::Name(_, name) => name.as_deref(),
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
        self.asked(a, b) == Some(Verdict::Different)
    }

    /// What was said of two people, if they are still two: that they are different, or that nobody can tell.
    #[must_use]
    pub fn asked(&self, a: u32, b: u32) -> Option<Verdict> {
        let (a, b) = (self.state.root(a)?, self.state.root(b)?);
        if a == b {
            None
        } else if self.state.different(a, b) {
            Some(Verdict::Different)
        } else {
            self.state.unsure(a, b).then_some(Verdict::NotSure)
        }
    }

    /// Pairs of people of whom somebody could not tell whether they are one, and who still are two without any
    /// word on it: keys, the smaller first, ascending.
    #[must_use]
    pub fn not_sure(&self) -> Vec<(u32, u32)> {
        let mut pairs = Vec::new();
        for &(at, pair) in &self.state.unsure.of {
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
        self.base.label.get(self.base.cluster[face as usize] as usize).copied()
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
            (Some(a), Some(b)) if a != b => self.state.in_one_frame(&self.base, a, b).is_some(),
            _ => false,
        }
    }

    /// A person's label while the review is under way: the smallest of its clusters, or one above all of these where
    /// only faces are left that were pulled out.
    #[must_use]
    pub fn label(&self, person: u32) -> Option<i64> {
        let root = self.state.root(person)?;
        let peopled = |&atom: &u32| self.state.faces_of_atom(&self.base, atom).next().is_some();
        let atom = self.state.atoms(root).filter(peopled).min()?;
        Some(self.label_of_atom(atom))
    }

    fn label_of_atom(&self, atom: u32) -> i64 {
        let above = || {
            let largest = self.base.label.last().copied().unwrap_or(-1);
            largest.saturating_add(1).saturating_add((atom - self.base.clusters()).into())
        };
        self.base.label.get(atom as usize).copied().unwrap_or_else(above)
    }

    /// Each face's [label](Self::label), −1 for those of no one. O(n).
    #[must_use]
    pub fn labels(&self) -> Vec<i64> {
        let atoms: Vec<Option<u32>> =
            (0..self.base.faces.len() as u32).map(|face| self.state.atom_of(&self.base, face)).collect();
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
fn news(before: &State, after: &State) -> Vec<Conflict> {
    let old: HashSet<_> = before.conflicts.iter().map(|c| (c.decision, c.pair)).collect();
    after.conflicts.iter().filter(|c| !old.contains(&(c.decision, c.pair))).cloned().collect()
}
