//! People that may hold two: which, and their two halves.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use streamface_types::FaceId;
use streamface_types::embedding::dot;

use super::ReviewSession;
use super::index::Index;
use super::person_views::state;
use crate::people::MAX_FACES_PER_SIDE;
use crate::questions::{Halves, Parts, halves};
use crate::server::view::{Half, MixedPerson, Problem, Rows, SHOWN, Window};
use crate::{Action, Error, Verdict};

/// Faces of a person that its two halves are found by.
const MAX_SAMPLE: usize = 64;
/// What two faces of one frame say for two people, in log-odds: a detector rarely finds a face twice.
const SAME_FRAME: f64 = 6.0;
/// What an answer "same" across the halves says against two people, where one answer in fifty is wrong.
const ANSWERED_SAME: f64 = 3.9;
/// The most that times say for two people, and how much less they say where the two are seen by turns.
const TIMES: (f64, f64) = (0.5, 1.5);

/// The best two parts of a cluster, as the index keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct ClusterParts {
    distance: f64,
    /// Faces of either.
    sizes: (u32, u32),
    /// What times say for two people, in log-odds.
    times: f64,
    /// Two faces share a frame.
    one_frame: bool,
}

impl ClusterParts {
    /// `same_frame`: faces of one frame may be one person.
    pub fn parts(&self, same_frame: bool) -> Parts {
        let frame = if self.one_frame && !same_frame { SAME_FRAME } else { 0.0 };
        Parts { distance: self.distance, sizes: self.sizes, evidence: self.times + frame }
    }
}

/// A person in the list of those that may hold two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Suspected {
    person: u32,
    probability: f64,
    /// Log-odds of it: the order.
    odds: f64,
}

/// Faces of a person by which halves are found: spread evenly, and two of one frame where there are such, which are then in
/// two halves.
pub(super) struct Sample {
    /// Ascending.
    pub faces: Vec<u32>,
    apart: Option<(usize, usize)>,
}

impl Sample {
    /// `faces`: all of the person, ascending.
    pub fn new(index: &Index, faces: &[u32]) -> Self {
        let frame = |face: u32| index.faces[face as usize].frame;
        let two = faces.windows(2).find(|two| frame(two[0]) == frame(two[1]));
        let step = faces.len().div_ceil(MAX_SAMPLE).max(1);
        let mut some: Vec<u32> =
            faces.iter().step_by(step).chain(two.into_iter().flatten()).copied().collect();
        some.sort_unstable();
        some.dedup();
        let at = |face: u32| some.binary_search(&face).unwrap_or_default();
        let apart = two.map(|two| (at(two[0]), at(two[1])));
        Self { faces: some, apart }
    }

    /// The halves of the sampled faces, given by their unit vectors.
    pub fn halves(&self, rows: &[&[f32]]) -> Option<Halves> {
        halves(rows, self.apart)
    }

    /// What is kept of the halves; `all`: faces of the whole person.
    pub fn parts(&self, found: &Halves, all: usize) -> ClusterParts {
        let (one, two) = found.sizes();
        let scaled = (two * all / (one + two)).clamp(1, all - 1) as u32;
        // Where faces of the two follow each other by turns, as faces drawn at random would, nothing parts them in time.
        let turns = found.second.windows(2).filter(|w| w[0] != w[1]).count() as f64;
        let random = 2.0 * (one * two) as f64 / (one + two) as f64;
        ClusterParts {
            distance: found.distance,
            sizes: (all as u32 - scaled, scaled),
            times: TIMES.0 - TIMES.1 * (turns / random.max(1.0)).min(1.0),
            one_frame: self.apart.is_some(),
        }
    }
}

/// The best two parts of each cluster of two or more faces. `members`: its faces, ascending; `row`: the unit vector of a face.
pub(super) fn all_parts<'a>(
    index: &Index,
    members: &[Vec<u32>],
    row: impl Fn(u32) -> &'a [f32] + Sync,
) -> Vec<Option<ClusterParts>> {
    let parts = |faces: &Vec<u32>| {
        let sample = Sample::new(index, faces);
        let rows: Vec<&[f32]> = sample.faces.iter().map(|&face| row(face)).collect();
        sample.halves(&rows).map(|found| sample.parts(&found, faces.len()))
    };
    members.par_iter().map(parts).collect()
}

/// The faces that halves were found by, their vectors, and the halves.
type ReadParts = (Sample, Vec<Vec<f32>>, Halves);

/// A person's faces in two.
struct Torn {
    /// The larger half first; faces ascending.
    sides: [Vec<u32>; 2],
    parts: ClusterParts,
}

impl ReviewSession {
    /// The parts of any set of faces, by their rows on disk.
    fn read_parts(&mut self, faces: &[u32]) -> Result<Option<ReadParts>, Error> {
        let sample = Sample::new(&self.index, faces);
        let rows = sample.faces.iter().map(|&face| self.vectors.row(face)).collect::<Result<Vec<_>, _>>()?;
        let found = sample.halves(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
        Ok(found.map(|found| (sample, rows, found)))
    }

    /// A person in two halves; [`None`] for one face.
    fn in_two(&mut self, person: u32) -> Result<Option<Torn>, Error> {
        let faces = self.people.faces_of(person);
        let Some((sample, rows, found)) = self.read_parts(&faces)? else { return Ok(None) };
        let parts = sample.parts(&found, faces.len());
        let mut sides = [Vec::new(), Vec::new()];
        let mut sums = [false, true].map(|_| vec![0.0_f32; self.index.dim]);
        for (row, &second) in rows.iter().zip(&found.second) {
            sums[usize::from(second)].iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        let lengths = sums.each_ref().map(|sum| dot(sum, sum).sqrt().max(f64::MIN_POSITIVE));
        for &face in &faces {
            let second = match sample.faces.binary_search(&face) {
                Ok(at) => found.second[at],
                Err(_) => {
                    let row = self.vectors.row(face)?;
                    dot(&sums[1], &row) / lengths[1] > dot(&sums[0], &row) / lengths[0]
                }
            };
            sides[usize::from(second)].push(face);
        }
        if sides[1].len() > sides[0].len() {
            sides.swap(0, 1);
        }
        Ok(Some(Torn { sides, parts }))
    }

    /// The parts of each person of several faces. Those of whole clusters are in the index.
    fn parts_of_people(&mut self) -> Result<Vec<(u32, ClusterParts)>, Error> {
        let mut faces_of_cluster: HashMap<u32, usize> = HashMap::new();
        for face in 0..self.index.faces.len() as u32 {
            if let Some(cluster) = self.people.home_of(face) {
                *faces_of_cluster.entry(cluster).or_default() += 1;
            }
        }
        let people: Vec<u32> = self.people.people().filter(|&p| self.people.size(p) > 1).collect();
        let mut found = Vec::with_capacity(people.len());
        for person in people {
            let faces = self.people.faces_of(person);
            let home = self.people.home_of(faces[0]);
            let whole = home.is_some_and(|cluster| {
                faces_of_cluster.get(&cluster) == Some(&faces.len())
                    && faces.iter().all(|&f| self.people.home_of(f) == home)
            });
            let known = home.filter(|_| whole).map(|cluster| self.index.parts[cluster as usize]);
            let parts = match known {
                Some(parts) => parts,
                None => {
                    let key = state(&faces);
                    match self.parts.get(&key) {
                        Some(parts) => *parts,
                        None => {
                            let read = self.read_parts(&faces)?;
                            let parts = read.map(|(sample, _, halves)| sample.parts(&halves, faces.len()));
                            self.parts.insert(key, parts);
                            parts
                        }
                    }
                }
            };
            found.extend(parts.map(|parts| (person, parts)));
        }
        Ok(found)
    }

    /// All people of several faces, those first that most likely hold two; without those that were looked at as a whole.
    pub(super) fn suspected(&mut self) -> Result<Vec<Suspected>, Error> {
        let revision = self.revision();
        if let Some((at, list)) = &self.suspected
            && *at == revision
        {
            return Ok(list.clone());
        }
        let answered = self.answered_about();
        let same_frame = self.settings.options.same_frame;
        let mut list = Vec::new();
        for (person, parts) in self.parts_of_people()? {
            let mut parts = parts.parts(same_frame);
            if answered.contains(&person)
                && let Some(torn) = self.in_two(person)?
            {
                let [left, right] = &torn.sides;
                if self.people.is_whole(left, right) {
                    continue;
                }
                parts.evidence -= ANSWERED_SAME * self.answers_across(left, right) as f64;
            }
            let queue = &self.session_queue()?.queue;
            let (probability, odds) = (queue.mixed(&parts), queue.mixed_log_odds(&parts));
            list.push(Suspected { person, probability, odds });
        }
        let people = &self.people;
        list.sort_by(|a, b| {
            let size = |s: &Suspected| people.size(s.person);
            b.odds.total_cmp(&a.odds).then(size(b).cmp(&size(a))).then(a.person.cmp(&b.person))
        });
        self.suspected = Some((revision, list.clone()));
        Ok(list)
    }

    /// People about whom an answer that holds says that they are one person.
    fn answered_about(&self) -> HashSet<u32> {
        let mut people = HashSet::new();
        for decision in self.decisions.iter().filter(|d| self.people.holds(d.id)) {
            let sides: Vec<&FaceId> = match &decision.action {
                Action::Whole { person } => person.iter().collect(),
                Action::Compare { pairs } => {
                    pairs.iter().filter(|p| p.verdict == Verdict::Same).flat_map(|p| &p.left).collect()
                }
                _ => continue,
            };
            people.extend(sides.into_iter().filter_map(|f| self.people.person_of(self.people.index(f)?)));
        }
        people
    }

    /// Answers "same" with one side in one half and the other in the other, by most of their faces.
    fn answers_across(&self, left: &[u32], right: &[u32]) -> usize {
        let mostly = |named: &[u32], half: &[u32]| {
            2 * named.iter().filter(|f| half.binary_search(f).is_ok()).count() > named.len()
        };
        let same = self.decisions.iter().filter(|d| self.people.holds(d.id));
        same.flat_map(|d| self.people.compared(d.id))
            .filter(|(a, b, verdict)| {
                *verdict == Verdict::Same
                    && (mostly(a, left) && mostly(b, right) || mostly(a, right) && mostly(b, left))
            })
            .count()
    }

    /// A page of the people that may hold two or, with a face, the person of that face.
    pub(super) fn mixed_people(
        &mut self,
        face: Option<&FaceId>,
        window: Window,
    ) -> Result<Rows<MixedPerson>, Problem> {
        let mut list = self.suspected()?;
        let mut first = None;
        if let Some(face) = face {
            let number = self.face_number(face)?;
            let person = self.people.person_of(number);
            let person = person.ok_or_else(|| Problem::Unknown("This face belongs to no one now.".into()))?;
            first = Some(number);
            list.retain(|s| s.person == person);
            if list.is_empty() {
                // It was looked at as a whole, or has one face.
                list.push(Suspected { person, probability: 0.0, odds: f64::NEG_INFINITY });
            }
        }
        let range = window.of(list.len());
        let (total, offset) = (list.len(), range.start);
        let mut rows = Vec::with_capacity(range.len());
        for suspected in &list[range] {
            if let Some(torn) = self.in_two(suspected.person)? {
                rows.push(self.mixed_person(suspected, &torn, first)?);
            }
        }
        Ok(Rows { revision: self.revision(), total, offset, rows })
    }

    fn mixed_person(
        &mut self,
        suspected: &Suspected,
        torn: &Torn,
        first: Option<u32>,
    ) -> Result<MixedPerson, Error> {
        let mut pools = Vec::with_capacity(2);
        for side in &torn.sides {
            let some = side
                .iter()
                .step_by(side.len().div_ceil(MAX_SAMPLE).max(1))
                .copied()
                .chain(first.filter(|f| side.contains(f)));
            let rows =
                some.map(|face| Ok((face, self.vectors.row(face)?))).collect::<Result<Vec<_>, Error>>()?;
            pools.push(rows);
        }
        let mut sides = Vec::with_capacity(2);
        for (at, side) in torn.sides.iter().enumerate() {
            let mut shown = self.choose(&pools[at], SHOWN, &[]);
            if let Some(first) = first.filter(|f| side.contains(f)) {
                shown.retain(|&f| f != first);
                shown.insert(0, first);
                shown.truncate(SHOWN);
            }
            sides.push(Half {
                faces: side.len(),
                seen: self.seen(side),
                shown: shown.iter().map(|&f| self.face_view(f)).collect(),
            });
        }
        let one_frame = torn.parts.one_frame && !self.settings.options.same_frame;
        Ok(MixedPerson {
            person: self.person_view(suspected.person, &[]),
            halves: sides,
            probability: suspected.probability,
            distance: torn.parts.distance,
            one_frame,
        })
    }

    /// Adds the faces that were not shown to the answer about a person: to the half that most of those named are of, or to the
    /// person as a whole.
    pub(super) fn complete_halves(&mut self, action: &mut Action) -> Result<(), Problem> {
        let numbers = |session: &Self, faces: &[FaceId]| {
            faces.iter().map(|face| session.face_number(face)).collect::<Result<Vec<u32>, Problem>>()
        };
        match action {
            Action::Whole { person } => {
                let named = numbers(self, person)?;
                let people: HashSet<u32> = named.iter().filter_map(|&f| self.people.person_of(f)).collect();
                let mut all: Vec<u32> = people.iter().flat_map(|&p| self.people.faces_of(p)).collect();
                all.sort_unstable();
                *person = all.iter().map(|&f| self.index.id(f)).collect();
            }
            Action::Tear { left, right } => {
                let (l, r) = (numbers(self, left)?, numbers(self, right)?);
                let Some(person) = l.first().and_then(|&f| self.people.person_of(f)) else { return Ok(()) };
                if l.iter().chain(&r).any(|&f| self.people.person_of(f) != Some(person)) {
                    return Err(Problem::Refused("NOT saved: the two halves are not of one person.".into()));
                }
                let Some(torn) = self.in_two(person)? else { return Ok(()) };
                let [mut stay, mut leave] = torn.sides;
                let there = |named: &[u32], side: &[u32]| {
                    named.iter().filter(|f| side.binary_search(f).is_ok()).count()
                };
                if there(&l, &leave) + there(&r, &stay) > there(&l, &stay) + there(&r, &leave) {
                    std::mem::swap(&mut stay, &mut leave);
                }
                let named: HashSet<u32> = l.iter().chain(&r).copied().collect();
                let all = |named_here: Vec<u32>, side: Vec<u32>| -> Vec<u32> {
                    let hidden = side.into_iter().filter(|f| !named.contains(f));
                    named_here.into_iter().chain(hidden).collect()
                };
                let (mut stay, mut leave) = (all(l, stay), all(r, leave));
                // The name stays with the larger half.
                if leave.len() > stay.len() {
                    std::mem::swap(&mut stay, &mut leave);
                }
                stay.truncate(MAX_FACES_PER_SIDE);
                let ids = |faces: Vec<u32>| faces.into_iter().map(|f| self.index.id(f)).collect();
                (*left, *right) = (ids(stay), ids(leave));
            }
            _ => {}
        }
        Ok(())
    }
}
