//! The queue of questions over who is who at present.
//!
//! The queue knows clusters by number and cannot lose or gain any. Its clusters are the *atoms* of [`People`] that
//! have faces: an answer on people is given to it as it comes; what changes atoms (split, move, undo) makes it anew.

use std::collections::{HashMap, HashSet};

use streamface_types::{Embeddings, Metric};

use super::index::{Index, Vectors};
use super::{Error, Reach};
use crate::questions::{Answer, Candidate, Clusters, Pace, Prior, Queue, Said, Settings, Timed};
use crate::{Compared, Decision, People, Verdict, What};

/// Candidates that a group which was pulled out is given.
const NEW_CANDIDATES: usize = 50;

pub(super) struct Asking {
    pub queue: Queue,
    /// The queue's number of each atom.
    slots: HashMap<u32, u32>,
    /// The first face of each of the queue's clusters.
    pub first: Vec<u32>,
    /// The decision that each of the queue's answers is from; 0 for what follows from several.
    pub decisions: Vec<u64>,
}

/// What is to be asked about, and what there is to know.
pub(super) struct Known<'a> {
    pub index: &'a Index,
    pub vectors: &'a mut Vectors,
    pub people: &'a People,
    pub decisions: &'a [Decision],
    pub reach: Reach,
}

impl Asking {
    /// A queue over the people as they are, all decisions answered.
    pub fn new(known: Known<'_>) -> Result<Self, Error> {
        let Known { index, vectors, people, decisions, reach } = known;
        let atoms = Atoms::of(index, people);
        let slots: HashMap<u32, u32> = (0..).zip(&atoms.kept).map(|(slot, &atom)| (atom, slot)).collect();
        let first = atoms.kept.iter().map(|atom| atoms.faces[atom][0]).collect();
        let sizes = atoms.kept.iter().map(|atom| atoms.faces[atom].len() as u32).collect();
        let means = atoms.means(index, vectors)?;
        let changed: Vec<u32> =
            (0..).zip(&atoms.kept).filter(|(_, a)| atoms.changed.contains(a)).map(|(s, _)| s).collect();
        let candidates = candidates(index, &slots, &means, &changed, reach);
        let apart = apart(index, people, &slots, &atoms);
        let clusters = Clusters::new(sizes, means, candidates, apart)?;
        let settings = Settings { pace: Pace::default().fitted(&timed(decisions)), ..Settings::default() };
        let queue = Queue::new(clusters, &Prior::default(), settings)?;
        let mut this = Self { queue, slots, first, decisions: Vec::new() };
        for decision in decisions.iter().filter(|d| people.holds(d.id)) {
            this.answer(people, decision)?;
        }
        this.follow(people, &atoms.kept, &atoms)?;
        Ok(this)
    }

    /// What holds among people and has not come to the queue by an answer of its own.
    fn follow(&mut self, people: &People, kept: &[u32], atoms: &Atoms) -> Result<(), Error> {
        let mut of_person: HashMap<u32, u32> = HashMap::new();
        for atom in kept {
            let slot = self.slots[atom];
            let Some(person) = people.person_of(atoms.faces[atom][0]) else { continue };
            let before = *of_person.entry(person).or_insert(slot);
            if self.queue.person(before) != self.queue.person(slot) {
                self.queue.answer(Said::Same(before, slot).into())?;
                self.decisions.push(0);
            }
        }
        Ok(())
    }

    /// The queue's cluster of a face.
    pub fn slot(&self, people: &People, face: u32) -> Option<u32> {
        self.slots.get(&people.atom_of(face)?).copied()
    }

    /// Gives the queue a decision that holds. False where it needs to be made anew for it.
    pub fn answer(&mut self, people: &People, decision: &Decision) -> Result<bool, Error> {
        let index = |faces: &[streamface_types::FaceId]| -> Vec<u32> {
            faces.iter().filter_map(|face| people.index(face)).collect()
        };
        let tempo = self.tempo(decision);
        let mut say = |said: Said| -> Result<(), Error> {
            self.queue.answer(Answer { said, tempo })?;
            self.decisions.push(decision.id);
            Ok(())
        };
        match &decision.what {
            What::Compare { pairs } => {
                for Compared { left, right, verdict } in pairs {
                    let (left, right) = (index(left), index(right));
                    // Faces that were put elsewhere since are no part of what was said.
                    let stands = |a: u32, b: u32| match (people.person_of(a), people.person_of(b)) {
                        (Some(a), Some(b)) => match verdict {
                            Verdict::Same => a == b,
                            Verdict::Different => people.different(a, b),
                            Verdict::NotSure => a != b,
                        },
                        _ => false,
                    };
                    let two =
                        left.iter().find_map(|&a| right.iter().find(|&&b| stands(a, b)).map(|&b| (a, b)));
                    let slot = |face| self.slots.get(&people.atom_of(face)?).copied();
                    if let Some((a, b)) = two.and_then(|(a, b)| slot(a).zip(slot(b))).filter(|(a, b)| a != b)
                    {
                        say(match verdict {
                            Verdict::Same => Said::Same(a, b),
                            Verdict::Different => Said::Different(a, b),
                            Verdict::NotSure => Said::NotSure(a, b),
                        })?;
                    }
                }
            }
            What::Skip { person } => {
                let slot =
                    index(person).into_iter().find_map(|f| self.slots.get(&people.atom_of(f)?).copied());
                if let Some(slot) = slot {
                    say(Said::Skip(slot))?;
                }
            }
            What::Name { .. } => {}
            What::Noise { .. }
            | What::Split { .. }
            | What::Move { .. }
            | What::Undo { .. }
            | What::Redo { .. } => {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whole people become noise: their clusters are no one's.
    pub fn noise(&mut self, decision: u64, slots: &[u32]) -> Result<(), Error> {
        for &slot in slots {
            self.queue.answer(Said::Noise(slot).into())?;
            self.decisions.push(decision);
        }
        Ok(())
    }

    fn tempo(&self, decision: &Decision) -> Option<f64> {
        let screen = screen(decision)?;
        Some(screen.seconds / self.queue.settings().pace.of(screen.looks as usize, f64::from(screen.marks)))
    }
}

/// How long a comparison took, and what was on its screen.
fn screen(decision: &Decision) -> Option<Timed> {
    let What::Compare { pairs } = &decision.what else { return None };
    let group = pairs.len() > 1 && pairs.iter().all(|p| p.left == pairs[0].left);
    let looks = pairs.len() as u32 + if group { 1 } else { pairs.len() as u32 };
    let same = pairs.iter().filter(|p| p.verdict == Verdict::Same).count() as u32;
    let marks = match pairs.len() {
        1 => 0,
        _ if group => same,
        all => all as u32 - same,
    };
    Some(Timed { looks, marks, seconds: decision.seconds? })
}

fn timed(decisions: &[Decision]) -> Vec<Timed> {
    decisions.iter().filter_map(screen).collect()
}

/// Atoms that have faces.
struct Atoms {
    kept: Vec<u32>,
    faces: HashMap<u32, Vec<u32>>,
    /// Those that are not a whole cluster.
    changed: HashSet<u32>,
    /// Faces that their cluster has lost.
    lost: HashMap<u32, Vec<u32>>,
    clusters: u32,
}

impl Atoms {
    fn of(index: &Index, people: &People) -> Self {
        let labels = index.labels();
        let mut faces: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut lost: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut changed = HashSet::new();
        for (at, face) in (0..).zip(&index.faces) {
            let cluster = labels.binary_search(&face.label).ok().map(|c| c as u32);
            let atom = people.atom_of(at);
            if let Some(atom) = atom {
                faces.entry(atom).or_default().push(at);
            }
            if atom != cluster {
                changed.extend(atom.into_iter().chain(cluster));
                if let Some(cluster) = cluster {
                    lost.entry(cluster).or_default().push(at);
                }
            }
        }
        let mut kept: Vec<u32> = faces.keys().copied().collect();
        kept.sort_unstable();
        Self { kept, faces, changed, lost, clusters: labels.len() as u32 }
    }

    /// Means of the atoms: those of whole clusters as they are, others from their rows.
    fn means(&self, index: &Index, vectors: &mut Vectors) -> Result<Embeddings, Error> {
        let mut means = Vec::with_capacity(self.kept.len() * index.dim);
        for atom in &self.kept {
            let base = |atom: u32| &index.means[atom as usize * index.dim..][..index.dim];
            if !self.changed.contains(atom) {
                means.extend_from_slice(base(*atom));
                continue;
            }
            let (faces, none) = (&self.faces[atom], Vec::new());
            let lost = self.lost.get(atom).unwrap_or(&none);
            // Whichever are fewer rows to read: those that are there, or those that are gone. Faces may have come too:
            // then all are read.
            let whole = faces.len() + lost.len();
            let only_lost = *atom < self.clusters
                && faces
                    .iter()
                    .all(|&f| index.faces[f as usize].label == index.faces[faces[0] as usize].label);
            let mut sum = vec![0.0_f64; index.dim];
            let mut add = |face: u32, sign: f64| -> Result<(), Error> {
                let row = vectors.row(face)?;
                sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += sign * f64::from(x));
                Ok(())
            };
            if only_lost && lost.len() < faces.len() {
                lost.iter().try_for_each(|&face| add(face, -1.0))?;
                sum.iter_mut().zip(base(*atom)).for_each(|(sum, &x)| *sum += f64::from(x) * whole as f64);
            } else {
                faces.iter().try_for_each(|&face| add(face, 1.0))?;
            }
            means.extend(sum.iter().map(|s| (s / faces.len() as f64) as f32));
        }
        Embeddings::new(means, index.dim).map_err(|e| Error::Vectors(e.to_string()))
    }
}

fn candidates(
    index: &Index,
    slots: &HashMap<u32, u32>,
    means: &Embeddings,
    changed: &[u32],
    reach: Reach,
) -> Vec<Candidate> {
    let is_changed: HashSet<u32> = changed.iter().copied().collect();
    let distance = |a: u32, b: u32| Metric::Cosine.distance(means.row(a as usize), means.row(b as usize));
    let mut all: Vec<Candidate> = index
        .candidates
        .iter()
        .filter_map(|c| Some(Candidate { left: *slots.get(&c.left)?, right: *slots.get(&c.right)?, ..*c }))
        .filter(|c| !is_changed.contains(&c.left) && !is_changed.contains(&c.right))
        .collect();
    for &slot in changed {
        let others = (0..means.len() as u32).filter(|&other| other != slot);
        let mut near: Vec<Candidate> = others
            .map(|other| Candidate {
                left: slot.min(other),
                right: slot.max(other),
                distance: distance(slot, other),
            })
            .filter(|c| c.distance <= reach.distance)
            .collect();
        near.sort_by(|a, b| {
            a.distance.total_cmp(&b.distance).then((a.left, a.right).cmp(&(b.left, b.right)))
        });
        near.truncate(NEW_CANDIDATES);
        all.extend(near);
    }
    all
}

/// Atoms of one frame.
fn apart(index: &Index, people: &People, slots: &HashMap<u32, u32>, atoms: &Atoms) -> Vec<(u32, u32)> {
    let whole = |a: &u32| !atoms.changed.contains(a);
    let mut apart: Vec<(u32, u32)> = index
        .apart
        .iter()
        .filter(|(a, b)| whole(a) && whole(b))
        .filter_map(|(a, b)| Some((*slots.get(a)?, *slots.get(b)?)))
        .collect();
    for atom in atoms.kept.iter().filter(|a| !whole(a)) {
        for &face in &atoms.faces[atom] {
            let frame = index.faces[face as usize].frame;
            let same = |f: &u32| index.faces.get(*f as usize).is_some_and(|f| f.frame == frame);
            let before = (0..face).rev().take_while(same);
            let after = (face + 1..).take_while(same);
            let others = before.chain(after).filter_map(|f| people.atom_of(f)).filter(|other| other != atom);
            apart.extend(others.filter_map(|other| Some((*slots.get(atom)?, *slots.get(&other)?))));
        }
    }
    apart
}
