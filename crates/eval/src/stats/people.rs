//! Who is in datasets, how long, and with whom.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;
use streamface_types::{FaceId, FrameId};

use crate::person_attributes::PersonAttributes;
use crate::presence::{FrameFate, Presence};

/// People who are told one by one, most faces first.
pub const MAX_PEOPLE: usize = 200;
/// Pairs of these who are seen together, most frames first.
pub const MAX_TOGETHER: usize = 200;
/// Faces that stand for a person.
const EXAMPLES: usize = 3;
/// People of one frame whose pairs are counted: a photo of a stadium has millions.
const MAX_IN_FRAME: usize = 200;

/// A person of the datasets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonFigures {
    /// The name, else `Person 3`.
    pub name: String,
    /// The dataset that the person was met in first, from 0.
    pub dataset: usize,
    /// Faces.
    pub faces: u64,
    /// Frames that show the person.
    pub frames: u64,
    /// Seconds on screen: as the bars of a report have them. `None` where no frame has a time.
    pub seconds: Option<f64>,
    /// What models say of the person, by the vote of the faces: a model's guesses about appearance.
    #[serde(skip_serializing_if = "PersonAttributes::is_empty")]
    pub attributes: PersonAttributes,
    /// Some of the faces, spread over all; where qualities are known, the best of each part.
    #[serde(skip)]
    pub examples: Vec<FaceId>,
}

/// Two people whom the same frames show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Together {
    /// One, as a place in [`Stats::people`](super::Stats::people).
    pub a: usize,
    /// The other, further back there.
    pub b: usize,
    /// Frames that show both.
    pub frames: u64,
}

/// What is known of a face.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub person: Option<u32>,
    /// 0 to 1.
    pub quality: Option<f32>,
}

/// People of all datasets so far, and the faces of the present one.
#[derive(Debug, Default)]
pub(super) struct People {
    /// Of this dataset.
    by_label: HashMap<i64, u32>,
    /// Of all datasets.
    by_name: HashMap<(String, u32), u32>,
    /// How many people of this dataset have a name.
    named_here: HashMap<String, u32>,
    all: Vec<PersonFigures>,
    datasets: usize,
    pub in_channel: HashSet<(usize, u32)>,
    pub noise: u64,
    pub labelled: u64,
    /// The faces of this dataset.
    pub of: BTreeMap<FaceId, Known>,
    /// The frames of this dataset with a time, by channel.
    frames: Vec<Vec<(i64, FrameId, FrameFate)>>,
    together: HashMap<(u32, u32), u64>,
}

/// `k` of some faces, spread over all: of as many parts the one of best quality, or the one in the middle where none has a
/// quality. There must be `k`.
fn spread(qualities: &[Option<f32>], k: usize) -> Vec<usize> {
    let n = qualities.len();
    let part = |i: usize| {
        let (from, to) = (i * n / k, (i + 1) * n / k);
        let known = (from..to).filter_map(|at| Some((at, qualities[at]?)));
        let best = known.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or((2 * i + 1) * n / (2 * k), |(at, _)| at)
    };
    (0..k).map(part).collect()
}

impl People {
    /// Faces of each.
    pub fn faces(&self) -> impl Iterator<Item = u64> {
        self.all.iter().map(|person| person.faces)
    }

    /// A frame with a time, microseconds.
    pub fn frame(&mut self, channel: usize, frame: &FrameId, time: i64, fate: FrameFate) {
        if self.frames.len() <= channel {
            self.frames.resize(channel + 1, Vec::new());
        }
        self.frames[channel].push((time, frame.clone(), fate));
    }

    /// The person of a label of this dataset, who has one face more; `None` for a face that it does not have.
    pub fn label(&mut self, face: &FaceId, label: i64, name: Option<&str>) -> Option<u32> {
        let of = self.of.get_mut(face)?;
        let next = self.all.len() as u32;
        let person = match name {
            _ if self.by_label.contains_key(&label) => self.by_label[&label],
            // Two people of one dataset may have one name; the first of them is the first of that name in another.
            Some(name) => {
                let number = self.named_here.entry(name.to_owned()).or_insert(0);
                *number += 1;
                *self.by_name.entry((name.to_owned(), *number)).or_insert(next)
            }
            None => next,
        };
        self.by_label.insert(label, person);
        if person == next {
            self.all.push(PersonFigures {
                name: name.map_or_else(|| format!("Person {label}"), str::to_owned),
                dataset: self.datasets,
                faces: 0,
                frames: 0,
                seconds: None,
                attributes: PersonAttributes::default(),
                examples: Vec::new(),
            });
        }
        self.all[person as usize].faces += 1;
        of.person = Some(person);
        Some(person)
    }

    /// Ends a dataset: what is known of its frames goes to the people.
    pub fn end_dataset(&mut self) {
        let of = std::mem::take(&mut self.of);
        let mut places: HashMap<&FrameId, (usize, usize)> = HashMap::new();
        let mut frames = std::mem::take(&mut self.frames);
        let mut channels = Vec::with_capacity(frames.len());
        for (channel, frames) in frames.iter_mut().enumerate() {
            frames.sort_unstable_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
            channels.push(Presence::new(frames.iter().map(|f| (f.0 as f64 / 1e6, f.2))));
            places.extend(frames.iter().enumerate().map(|(at, f)| (&f.1, (channel, at))));
        }
        /// The faces of a person, and the channels and places of the frames that they are in.
        type Seen<'a> = (Vec<(&'a FaceId, Option<f32>)>, Vec<(usize, usize)>);
        let mut seen: BTreeMap<u32, Seen<'_>> = BTreeMap::new();
        let faces: Vec<(&FaceId, Known)> = of.iter().map(|(face, known)| (face, *known)).collect();
        for faces in faces.chunk_by(|a, b| a.0.frame == b.0.frame) {
            let place = places.get(&faces[0].0.frame);
            let mut people: Vec<u32> = faces.iter().filter_map(|f| f.1.person).collect();
            people.sort_unstable();
            people.dedup();
            for &person in &people {
                self.all[person as usize].frames += 1;
                let (_, at) = seen.entry(person).or_default();
                at.extend(place);
            }
            for &(face, Known { person, quality }) in faces {
                if let Some(person) = person {
                    seen.entry(person).or_default().0.push((face, quality));
                }
            }
            people.truncate(MAX_IN_FRAME);
            for (at, &b) in people.iter().enumerate() {
                people[..at].iter().for_each(|&a| *self.together.entry((a, b)).or_default() += 1);
            }
        }
        for (person, (faces, mut at)) in seen {
            let person = &mut self.all[person as usize];
            let shown = faces.len().min(EXAMPLES.saturating_sub(person.examples.len()));
            let qualities: Vec<Option<f32>> = faces.iter().map(|(_, quality)| *quality).collect();
            person.examples.extend(spread(&qualities, shown).into_iter().map(|at| faces[at].0.clone()));
            at.sort_unstable();
            for at in at.chunk_by(|a, b| a.0 == b.0) {
                let frames: Vec<usize> = at.iter().map(|at| at.1).collect();
                let channel = &channels[at[0].0];
                *person.seconds.get_or_insert(0.0) += channel.length(&channel.stretches(&frames));
            }
        }
        self.by_label.clear();
        self.named_here.clear();
        self.datasets += 1;
    }

    /// People with most faces, and who of them are seen together; `attributes` are those of a person.
    pub fn finish(self, attributes: impl Fn(u32) -> PersonAttributes) -> (Vec<PersonFigures>, Vec<Together>) {
        let mut order: Vec<u32> = (0..self.all.len() as u32).collect();
        order.sort_by_key(|&p| (std::cmp::Reverse(self.all[p as usize].faces), p));
        order.truncate(MAX_PEOPLE);
        let place: HashMap<u32, usize> = order.iter().copied().zip(0..).collect();
        let pair = |(&(a, b), &frames): (&(u32, u32), &u64)| {
            let (a, b) = (*place.get(&a)?, *place.get(&b)?);
            Some(Together { a: a.min(b), b: a.max(b), frames })
        };
        let mut together: Vec<Together> = self.together.iter().filter_map(pair).collect();
        together.sort_unstable_by(|x, y| y.frames.cmp(&x.frames).then((x.a, x.b).cmp(&(y.a, y.b))));
        together.truncate(MAX_TOGETHER);
        let person = |p: u32| PersonFigures { attributes: attributes(p), ..self.all[p as usize].clone() };
        (order.into_iter().map(person).collect(), together)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_each_part_is_shown_and_the_middle_where_none_is_known() {
        assert_eq!(spread(&[None; 9], 3), [1, 4, 7]);
        let some = [Some(0.1), Some(0.9), Some(0.9), Some(0.2), None, Some(0.3), None, None, None];
        assert_eq!(spread(&some, 3), [1, 5, 7]);
        assert_eq!(spread(&[None, Some(0.5)], 2), [0, 1]);
        assert!(spread(&[], 0).is_empty());
    }
}
