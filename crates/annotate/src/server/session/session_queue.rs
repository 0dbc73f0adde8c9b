//! The queue of questions over the current people.
//!
//! The queue knows a fixed set of clusters by number: the *atoms* of [`People`] that have faces. Answers
//! about people are recorded in it; a decision that changes atoms (split, move, undo) rebuilds it.

use std::collections::{HashMap, HashSet};

use streamface_types::Embeddings;
use streamface_types::embedding::{cosine, dot};

use super::CandidateLimits;
use super::index::{Index, Vectors};
use super::mixed::Sample;
use crate::Error;
use crate::questions::{
    Answer, AnswerKind, Candidate, Clusters, Parts, Queue, Settings, TimeModel, TimedScreen,
};
use crate::{Action, Decision, People, Verdict};

/// Maximum candidates of a group of faces that was split off.
const NEW_CANDIDATES: usize = 50;

pub(super) struct SessionQueue {
    pub queue: Queue,
    /// The queue's cluster of each atom.
    slots: HashMap<u32, u32>,
    /// The first face of each of the queue's clusters.
    pub first: Vec<u32>,
    /// The decision of each of the queue's answers; 0 for one derived from several.
    pub decisions: Vec<u64>,
}

/// Input of a queue.
pub(super) struct QueueInput<'a> {
    pub index: &'a Index,
    pub vectors: &'a mut Vectors,
    pub people: &'a People,
    pub decisions: &'a [Decision],
    pub limits: CandidateLimits,
    /// Faces of one frame may be one person.
    pub same_frame: bool,
}

impl SessionQueue {
    /// A queue over the current people, with all decisions answered.
    pub fn new(known: QueueInput<'_>) -> Result<Self, Error> {
        let QueueInput { index, vectors, people, decisions, limits, same_frame } = known;
        let atoms = Atoms::of(index, people);
        let slots: HashMap<u32, u32> = (0..).zip(&atoms.kept).map(|(slot, &atom)| (atom, slot)).collect();
        let first = atoms.kept.iter().map(|atom| atoms.faces[atom][0]).collect();
        let sizes = atoms.kept.iter().map(|atom| atoms.faces[atom].len() as u32).collect();
        let means = atoms.means(index, vectors, people)?;
        let changed: Vec<u32> =
            (0..).zip(&atoms.kept).filter(|(_, a)| atoms.changed.contains(a)).map(|(s, _)| s).collect();
        let candidates = candidates(index, &slots, &means, &changed, limits);
        let apart = apart(index, people, &slots, &atoms);
        let parts = parts(index, vectors, &atoms, &looked_at(people, decisions, &atoms), same_frame)?;
        let clusters = Clusters::new(sizes, means, candidates, apart)?.with_parts(parts)?;
        let settings =
            Settings { time_model: TimeModel::default().fitted(&timed(decisions)), ..Settings::default() };
        let queue = Queue::new(clusters, settings)?;
        let mut this = Self { queue, slots, first, decisions: Vec::new() };
        for decision in decisions.iter().filter(|d| people.holds(d.id)) {
            this.answer(people, decision)?;
        }
        this.follow(people, &atoms)?;
        Ok(this)
    }

    /// Records joins of people that no single answer has given to the queue.
    fn follow(&mut self, people: &People, atoms: &Atoms) -> Result<(), Error> {
        let mut of_person: HashMap<u32, u32> = HashMap::new();
        for atom in &atoms.kept {
            let slot = self.slots[atom];
            let Some(person) = people.person_of(atoms.faces[atom][0]) else { continue };
            let before = *of_person.entry(person).or_insert(slot);
            if self.queue.person(before) != self.queue.person(slot) {
                self.say(0, AnswerKind::Same(before, slot).into())?;
            }
        }
        Ok(())
    }

    /// The queue's cluster of a face.
    pub fn slot(&self, people: &People, face: u32) -> Option<u32> {
        self.slots.get(&people.atom_of(face)?).copied()
    }

    /// Records a decision that holds. Returns `false` if the queue must be rebuilt for it.
    pub fn answer(&mut self, people: &People, decision: &Decision) -> Result<bool, Error> {
        let kind: Vec<AnswerKind> = match &decision.action {
            // One that tears apart rebuilds the queue, which then answers it again.
            Action::Compare { .. } | Action::Tear { .. } => {
                let pairs = people.compared(decision.id);
                pairs.filter_map(|pair| self.compared(people, pair)).collect()
            }
            Action::Skip { person } => {
                let slot = person.iter().find_map(|face| self.slot(people, people.index(face)?));
                slot.map(AnswerKind::Skip).into_iter().collect()
            }
            Action::Name { .. } => Vec::new(),

            Action::Noise { .. }
            | Action::Split { .. }
            | Action::Whole { .. }
            | Action::Move { .. }
            | Action::Undo { .. }
            | Action::Redo { .. } => {
                return Ok(false);
            }
        };
        let relative_time = self.relative_time(decision);
        kind.into_iter().try_for_each(|kind| self.say(decision.id, Answer { kind, relative_time }))?;
        Ok(true)
    }

    /// A comparison as an answer about the queue's clusters, if it still holds.
    fn compared(
        &self,
        people: &People,
        (left, right, verdict): (&[u32], &[u32], Verdict),
    ) -> Option<AnswerKind> {
        // Faces that were moved since do not count.
        let stands = |a: u32, b: u32| match (people.person_of(a), people.person_of(b)) {
            (Some(a), Some(b)) => match verdict {
                Verdict::Same => a == b,
                Verdict::Different => people.different(a, b),
                Verdict::NotSure => a != b,
            },
            _ => false,
        };
        let (a, b) = left.iter().find_map(|&a| right.iter().find(|&&b| stands(a, b)).map(|&b| (a, b)))?;
        let (a, b) = (self.slot(people, a)?, self.slot(people, b)?);
        let kind = match verdict {
            Verdict::Same => AnswerKind::Same(a, b),
            Verdict::Different => AnswerKind::Different(a, b),
            Verdict::NotSure => AnswerKind::NotSure(a, b),
        };
        (a != b).then_some(kind)
    }

    /// Records that whole people became noise.
    pub fn noise(&mut self, decision: u64, slots: &[u32]) -> Result<(), Error> {
        slots.iter().try_for_each(|&slot| self.say(decision, AnswerKind::Noise(slot).into()))
    }

    /// Records an answer, and the decision that it comes from.
    fn say(&mut self, decision: u64, answer: Answer) -> Result<(), Error> {
        self.queue.answer(answer)?;
        self.decisions.push(decision);
        Ok(())
    }

    fn relative_time(&self, decision: &Decision) -> Option<f64> {
        let screen = screen(decision)?;
        Some(
            screen.seconds
                / self.queue.settings().time_model.of(screen.people as usize, f64::from(screen.marks)),
        )
    }
}

/// Duration and content of a comparison's screen.
fn screen(decision: &Decision) -> Option<TimedScreen> {
    let Action::Compare { pairs } = &decision.action else { return None };
    let group = pairs.len() > 1 && pairs.iter().all(|p| p.left == pairs[0].left);
    let people = pairs.len() as u32 + if group { 1 } else { pairs.len() as u32 };
    let same = pairs.iter().filter(|p| p.verdict == Verdict::Same).count() as u32;
    let marks = match pairs.len() {
        1 => 0,
        _ if group => same,
        all => all as u32 - same,
    };
    Some(TimedScreen { people, marks, seconds: decision.seconds? })
}

fn timed(decisions: &[Decision]) -> Vec<TimedScreen> {
    decisions.iter().filter_map(screen).collect()
}

/// Atoms with faces.
struct Atoms {
    kept: Vec<u32>,
    faces: HashMap<u32, Vec<u32>>,
    /// Atoms that are not exactly a cluster.
    changed: HashSet<u32>,
    /// Faces that left their cluster.
    lost: HashMap<u32, Vec<u32>>,
}

impl Atoms {
    fn of(index: &Index, people: &People) -> Self {
        let mut faces: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut lost: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut changed = HashSet::new();
        for at in 0..index.faces.len() as u32 {
            let (cluster, atom) = (people.home_of(at), people.atom_of(at));
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
        Self { kept, faces, changed, lost }
    }

    /// Means of the atoms: stored for whole clusters, computed from rows for others.
    fn means(&self, index: &Index, vectors: &mut Vectors, people: &People) -> Result<Embeddings, Error> {
        let mut means = Vec::with_capacity(self.kept.len() * index.dim);
        for atom in &self.kept {
            let base = |atom: u32| &index.means[atom as usize * index.dim..][..index.dim];
            if !self.changed.contains(atom) {
                means.extend_from_slice(base(*atom));
                continue;
            }
            let (faces, none) = (&self.faces[atom], Vec::new());
            let lost = self.lost.get(atom).unwrap_or(&none);
            // Reads whichever rows are fewer: those that remain, or those that left. If faces were added, all
            // rows are read.
            let whole = faces.len() + lost.len();
            let only_lost = faces.iter().all(|&face| people.home_of(face) == Some(*atom));
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
        Embeddings::new(means, index.dim).map_err(|e| Error::Embeddings { why: e.to_string() })
    }
}

fn candidates(
    index: &Index,
    slots: &HashMap<u32, u32>,
    means: &Embeddings,
    changed: &[u32],
    limits: CandidateLimits,
) -> Vec<Candidate> {
    let is_changed: HashSet<u32> = changed.iter().copied().collect();
    let mut all: Vec<Candidate> = index
        .candidates
        .iter()
        .filter_map(|c| Some(Candidate { left: *slots.get(&c.left)?, right: *slots.get(&c.right)?, ..*c }))
        .filter(|c| !is_changed.contains(&c.left) && !is_changed.contains(&c.right))
        .collect();
    // Computed once, not for each distance.
    let squares: Vec<f64> = match changed {
        [] => Vec::new(),
        _ => means.rows().map(|row| dot(row, row)).collect(),
    };
    let distance = |a: u32, b: u32| {
        let (a, b) = (a as usize, b as usize);
        cosine(dot(means.row(a), means.row(b)), squares[a], squares[b])
    };
    for &slot in changed {
        let others = (0..means.len() as u32).filter(|&other| other != slot);
        let mut near: Vec<Candidate> = others
            .map(|other| Candidate {
                left: slot.min(other),
                right: slot.max(other),
                distance: distance(slot, other),
            })
            .filter(|c| c.distance <= limits.distance)
            .collect();
        near.sort_by(|a, b| {
            a.distance.total_cmp(&b.distance).then((a.left, a.right).cmp(&(b.left, b.right)))
        });
        near.truncate(NEW_CANDIDATES);
        all.extend(near);
    }
    all
}

/// Atoms that were looked at as a whole: most of their faces were said to be one person.
fn looked_at(people: &People, decisions: &[Decision], atoms: &Atoms) -> HashSet<u32> {
    let mut found = HashSet::new();
    for decision in decisions.iter().filter(|d| people.holds(d.id)) {
        let Action::Whole { person } = &decision.action else { continue };
        let mut named: HashMap<u32, usize> = HashMap::new();
        for atom in person.iter().filter_map(|face| people.atom_of(people.index(face)?)) {
            *named.entry(atom).or_default() += 1;
        }
        let most = |atom: &u32, n: usize| atoms.faces.get(atom).is_some_and(|faces| 2 * n > faces.len());
        found.extend(named.into_iter().filter(|(atom, n)| most(atom, *n)).map(|(atom, _)| atom));
    }
    found
}

/// Log-odds of what is certain.
const CERTAIN: f64 = 30.0;

/// The best two parts of each of the queue's clusters: stored for whole clusters, computed from rows for others.
fn parts(
    index: &Index,
    vectors: &mut Vectors,
    atoms: &Atoms,
    looked_at: &HashSet<u32>,
    same_frame: bool,
) -> Result<Vec<(u32, Parts)>, Error> {
    let mut found = Vec::new();
    for (slot, atom) in (0..).zip(&atoms.kept) {
        let parts = if atoms.changed.contains(atom) {
            let faces = &atoms.faces[atom];
            let sample = Sample::new(index, faces);
            let rows = sample.faces.iter().map(|&face| vectors.row(face)).collect::<Result<Vec<_>, _>>()?;
            let halves = sample.halves(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
            halves.map(|halves| sample.parts(&halves, faces.len()))
        } else {
            index.parts[*atom as usize]
        };
        let Some(mut parts) = parts.map(|parts| parts.parts(same_frame)) else { continue };
        // One person for certain, whose two parts say how far apart those of one person may be.
        if looked_at.contains(atom) {
            parts.evidence = -CERTAIN;
        }
        found.push((slot, parts));
    }
    Ok(found)
}

/// Pairs of atoms that share a frame.
fn apart(index: &Index, people: &People, slots: &HashMap<u32, u32>, atoms: &Atoms) -> Vec<(u32, u32)> {
    let whole = |a: &u32| !atoms.changed.contains(a);
    let mut apart: Vec<(u32, u32)> = index
        .cannot_link
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

#[cfg(test)]
mod tests {
    use streamface_types::{FrameId, Timestamp};

    use super::super::index::{self, Face, Frame};
    use super::*;

    /// Moved faces are a person of their own once their target is noise.
    #[test]
    fn a_mean_is_of_the_faces_that_are_there() {
        let rows = [[1.0_f32, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]];
        let frames = (0..6).map(|f| Frame::new(FrameId::new(format!("f{f}")).unwrap(), None, None, None));
        // One face, then five.
        let label = |f: u32| i64::from(f > 0);
        let mean = |faces: &[usize]| -> Vec<f32> {
            (0..2).map(|k| faces.iter().map(|&f| rows[f][k]).sum::<f32>() / faces.len() as f32).collect()
        };
        let index = Index {
            frames: frames.collect(),
            faces: (0..6)
                .map(|f| Face { frame: f, number: 0, label: label(f), detection: None, rating: None })
                .collect(),
            dim: 2,
            means: [mean(&[0]), mean(&[1, 2, 3, 4, 5])].concat(),
            parts: vec![None; 2],
            ..Index::default()
        };
        let (dir, mark) = (tempfile::tempdir().unwrap(), "0".repeat(64));
        index::write(dir.path(), &mark, &index, &rows.each_ref().map(|row| &row[..])).unwrap();
        let (_, mut vectors) = index::read(dir.path(), &mark).unwrap();
        let ids: Vec<_> = (0..6).map(|face| index.id(face)).collect();
        let labels: Vec<i64> = (0..6).map(label).collect();
        let mut people = People::new(ids.clone(), &labels, true).unwrap();
        let steps = [
            (
                Action::Move { faces: ids[1..3].to_vec(), to: vec![ids[0].clone()] },
                [vec![0, 1, 2], vec![3, 4, 5]],
            ),
            (Action::Noise { faces: vec![ids[0].clone()] }, [vec![3, 4, 5], vec![1, 2]]),
            (Action::Noise { faces: vec![ids[5].clone()] }, [vec![3, 4], vec![1, 2]]),
        ];
        for (id, (action, there)) in (1..).zip(steps) {
            let at = Timestamp::default();
            people.apply(&Decision { id, at, who: "me".into(), seconds: None, action });
            let means = Atoms::of(&index, &people).means(&index, &mut vectors, &people).unwrap();
            for (row, faces) in means.rows().zip(there) {
                let want = mean(&faces);
                let near = row.iter().zip(&want).all(|(x, y)| (x - y).abs() < 1e-6);
                assert!(near, "{faces:?}: {row:?}, not {want:?}");
            }
        }
    }
}
