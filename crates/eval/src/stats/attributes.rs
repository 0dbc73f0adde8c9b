//! Counts of the attributes that models predicted for faces, and of the people whose they are.

use std::collections::BTreeSet;

use serde::Serialize;
use streamface_types::attributes::{self, VOCABULARY, Value};

use super::expected::Expected;
use super::numbers::{Angles, NumberFigures, Numbers, PoseCell, Poses, Years, YearsCounts};
use crate::person_attributes::{
    AttributeVotes, MAX_LABELS, MAX_OTHERS, PersonAttributes, UNKNOWN, UnknownBelow, Voted, estimate, lasts,
    likeliest, probabilities,
};

/// How often each category was the likeliest, of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Attribute {
    /// A category or probability; those of the [vocabulary](VOCABULARY) come first.
    pub name: String,
    /// The categories, in the order of the model.
    pub categories: Vec<String>,
    /// Faces of each; those that are unknown are of none.
    pub faces: Vec<u64>,
    /// Faces whose likeliest category is less likely than the confidence of the model.
    pub unknown: u64,
    /// Faces of which nothing was said.
    pub none: u64,
    /// Faces of each to expect by the probabilities of all faces, unknown ones included.
    pub expected_faces: Vec<Expected>,
    /// The same as `faces` by channel, in the order of the channels.
    pub by_channel: Vec<Vec<u64>>,
    /// The same as `unknown` by channel.
    pub unknown_by_channel: Vec<u64>,
    /// People; `None` for what changes from one face to the next, such as an expression.
    pub people: Option<PeopleCounts>,
}

/// People by category.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct PeopleCounts {
    /// People of each category, by the vote of their faces; those that are unknown are of none.
    pub people: Vec<u64>,
    /// People who are unknown.
    pub unknown: u64,
    /// People of each to expect by the probabilities of all, unknown ones included.
    pub expected: Vec<Expected>,
}

/// What was counted.
pub(super) struct Counted {
    pub attributes: Vec<Attribute>,
    pub angles: Vec<Angles>,
    pub poses: Vec<PoseCell>,
    pub years: Option<Years>,
    pub numbers: Vec<NumberFigures>,
    votes: AttributeVotes,
}

impl Counted {
    pub fn person(&self, person: u32) -> PersonAttributes {
        self.votes.person(person)
    }
}

#[derive(Debug, Default)]
pub(super) struct Attributes {
    all: Vec<Counts>,
    poses: Poses,
    years: YearsCounts,
    /// Attributes that the vocabulary does not have: at most [`MAX_OTHERS`], since there could be any number.
    others: BTreeSet<String>,
    numbers: Numbers,
    votes: AttributeVotes,
}

#[derive(Debug)]
struct Counts {
    name: String,
    categories: Vec<String>,
    /// Faces of which something was said.
    said: u64,
    faces: Vec<u64>,
    unknown: u64,
    /// Sums of p and of p (1 − p) over faces of no person.
    alone: Vec<(f64, f64)>,
    by_channel: Vec<(Vec<u64>, u64)>,
}

impl Attributes {
    pub fn new(unknown_below: UnknownBelow) -> Self {
        Self { votes: AttributeVotes::new(unknown_below), ..Self::default() }
    }

    /// Counts a face's attributes.
    pub fn add(
        &mut self,
        channel: usize,
        person: Option<u32>,
        quality: Option<f32>,
        said: &streamface_types::Attributes,
    ) {
        for (name, value) in said.in_order() {
            let is_other = attributes::find(name).is_none();
            if is_other && !self.others.contains(name) {
                if self.others.len() >= MAX_OTHERS {
                    continue;
                }
                self.others.insert(name.to_owned());
            }
            if let Some(of) = probabilities(name, value) {
                let of: Vec<(&str, f64)> = of.iter().map(|(label, p)| (&**label, *p)).collect();
                let below = self.votes.unknown_below(name);
                self.counts(name).add(channel, person.is_none(), &of, below);
            } else if is_other {
                self.numbers.add(name, value);
            } else if let Some((mean, deviation)) = estimate(value) {
                self.years.add(mean, deviation);
            } else if let Value::Numbers(angles) = value {
                self.poses.add(angles);
            }
        }
        if let Some(person) = person {
            self.votes.add(person, said, quality);
        }
    }

    fn counts(&mut self, name: &str) -> &mut Counts {
        let at = self.all.iter().position(|counts| counts.name == name).unwrap_or_else(|| {
            let (categories, faces, alone, by_channel) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let name = name.to_owned();
            self.all.push(Counts { name, categories, said: 0, faces, unknown: 0, alone, by_channel });
            self.all.len() - 1
        });
        &mut self.all[at]
    }

    /// The attributes in the order of the vocabulary, then others by name, and the numbers; `place` is the place of each channel
    /// in the result, and there are so many faces and people.
    pub fn finish(self, place: &[usize], faces: u64, people: u32) -> Counted {
        let Self { mut all, poses, years, numbers, votes, .. } = self;
        let order = |name: &str| VOCABULARY.iter().position(|a| a.name == name).unwrap_or(usize::MAX);
        all.sort_by(|a, b| (order(&a.name), &a.name).cmp(&(order(&b.name), &b.name)));
        let mut of_people: Vec<OfPeople> =
            all.iter().map(|counts| OfPeople::new(&counts.categories)).collect();
        let mut ages = Vec::new();
        for person in 0..people {
            let voted = votes.person(person);
            for (counts, of) in all.iter().zip(&mut of_people).filter(|(counts, _)| lasts(&counts.name)) {
                of.add(&counts.categories, voted.get(&counts.name));
            }
            if let Some(Voted::Number(years)) = voted.get("years") {
                ages.push(years.mean);
            }
        }
        let attributes = all.into_iter().zip(of_people);
        let attributes =
            attributes.map(|(counts, people)| counts.finish(place, faces, people, &votes)).collect();
        let (angles, poses) = poses.finish();
        Counted { attributes, angles, poses, years: years.finish(ages), numbers: numbers.finish(), votes }
    }
}

impl Counts {
    /// A face, whose labels have these probabilities.
    fn add(&mut self, channel: usize, alone: bool, of: &[(&str, f64)], below: f64) {
        let Some((best, greatest)) = likeliest(of.iter().map(|(_, p)| *p)) else { return };
        self.said += 1;
        for &(label, p) in of {
            // A model's categories come in its own order, those that no face has included.
            let at = match self.categories.iter().position(|known| known == label) {
                Some(at) => at,
                None if self.categories.len() < MAX_LABELS => {
                    self.categories.push(label.to_owned());
                    self.faces.push(0);
                    self.alone.push((0.0, 0.0));
                    self.categories.len() - 1
                }
                None => continue,
            };
            if alone {
                self.alone[at].0 += p;
                self.alone[at].1 += p * (1.0 - p);
            }
        }
        if self.by_channel.len() <= channel {
            self.by_channel.resize(channel + 1, (Vec::new(), 0));
        }
        let (of_channel, unknown) = &mut self.by_channel[channel];
        if greatest < below {
            self.unknown += 1;
            *unknown += 1;
        } else if let Some(at) = self.categories.iter().position(|known| known == of[best].0) {
            self.faces[at] += 1;
            if of_channel.len() <= at {
                of_channel.resize(at + 1, 0);
            }
            of_channel[at] += 1;
        }
    }

    fn finish(self, place: &[usize], of_all: u64, people: OfPeople, votes: &AttributeVotes) -> Attribute {
        let Self { name, categories, said, faces, unknown, alone, by_channel: channels } = self;
        let mut by_channel = vec![vec![0; categories.len()]; place.len()];
        let mut unknown_by_channel = vec![0; place.len()];
        for (channel, (counts, unknown)) in channels.into_iter().enumerate() {
            by_channel[place[channel]][..counts.len()].copy_from_slice(&counts);
            unknown_by_channel[place[channel]] = unknown;
        }
        let all = (faces.iter().sum::<u64>() + unknown) as f64;
        let of_people = votes.expected_faces(&name, &categories);
        let expected = of_people.iter().zip(&alone);
        let expected = expected.map(|(of, alone)| Expected::normal(of.0 + alone.0, of.1 + alone.1, all));
        Attribute {
            people: lasts(&name).then(|| people.finish()),
            name,
            faces,
            unknown,
            none: of_all.saturating_sub(said),
            expected_faces: expected.collect(),
            by_channel,
            unknown_by_channel,
            categories,
        }
    }
}

/// The people of each category, with their probabilities.
struct OfPeople {
    people: Vec<u64>,
    unknown: u64,
    probabilities: Vec<Vec<f64>>,
}

impl OfPeople {
    fn new(categories: &[String]) -> Self {
        Self {
            people: vec![0; categories.len()],
            unknown: 0,
            probabilities: vec![Vec::new(); categories.len()],
        }
    }

    fn add(&mut self, categories: &[String], voted: Option<&Voted>) {
        let Some(Voted::Label(voted)) = voted else { return };
        if voted.label == UNKNOWN {
            self.unknown += 1;
        }
        for (at, category) in categories.iter().enumerate() {
            self.people[at] += u64::from(voted.label == *category);
            self.probabilities[at].push(voted.probabilities.get(category).copied().unwrap_or(0.0));
        }
    }

    fn finish(self) -> PeopleCounts {
        let expected = self.probabilities.iter().map(|p| Expected::of(p)).collect();
        PeopleCounts { people: self.people, unknown: self.unknown, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(text: &str) -> streamface_types::Attributes {
        serde_json::from_str::<streamface_types::Annotation>(text).unwrap().attributes
    }

    #[test]
    fn the_likeliest_counts() {
        let mut all = Attributes::default();
        let one = r#"{"label": 0, "mask": 0.7, "attributes": {"age": {"0-2": 0.1, "3-9": 0.6, "70+": 0.6}, "gender": null,
            "race": null, "expression": null, "pose": {"yaw": -10.0, "pitch": 200, "roll": -0.5}}}"#;
        all.add(1, None, None, &face(one));
        let two =
            r#"{"label": 0, "attributes": {"age": {"0-2": 0.9}, "gender": {"Male": 0.5, "Female": 0.5}}}"#;
        all.add(0, None, None, &face(two));
        all.add(1, None, None, &face(r#"{"label": 0}"#));
        let Counted { attributes, angles, .. } = all.finish(&[1, 0], 4, 0);
        assert_eq!(attributes.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["age", "gender", "mask"]);
        assert_eq!(attributes[0].categories, ["0-2", "3-9", "70+"]);
        assert_eq!(attributes[0].faces, [1, 1, 0]);
        assert_eq!(attributes.iter().map(|a| a.none).collect::<Vec<_>>(), [2, 3, 3]);
        assert_eq!(attributes[0].by_channel, [[0, 1, 0], [1, 0, 0]]);
        assert_eq!((&attributes[1].faces[..], &attributes[2].faces[..]), (&[1, 0][..], &[1, 0][..]));
        let filled = |a: &Angles| a.faces.iter().position(|&n| n == 1).unwrap();
        assert_eq!(
            angles.iter().map(|a| (a.name.as_str(), filled(a))).collect::<Vec<_>>(),
            [("yaw", 8), ("pitch", 17), ("roll", 8)]
        );
    }

    #[test]
    fn what_is_unknown_is_of_no_category_and_still_expected() {
        let mut all = Attributes::new([("gender".to_owned(), 0.8), ("mask".to_owned(), 0.9)].into());
        let gender = |p: f64| {
            let text = format!(
                r#"{{"label": 0, "mask": 0.99, "attributes": {{"gender": {{"Male": {p}, "Female": {}}}}}}}"#,
                1.0 - p
            );
            face(&text)
        };
        // Two faces of one person, one of another, one of no one.
        for (channel, person, p) in [(0, Some(0), 0.9), (0, Some(0), 0.9), (1, Some(1), 0.6), (1, None, 0.25)]
        {
            all.add(channel, person, None, &gender(p));
        }
        let found = all.finish(&[0, 1], 4, 2).attributes;
        let [gender, mask] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&gender.faces[..], gender.unknown), (&[2, 0][..], 2));
        assert_eq!((&gender.by_channel[0][..], &gender.by_channel[1][..]), (&[2, 0][..], &[0, 0][..]));
        assert_eq!(gender.unknown_by_channel, [0, 2]);
        let expected = gender.expected_faces[0];
        assert!((expected.expected - 2.65).abs() < 1e-9, "{expected:?}");
        // Two faces of one person err together: 1.7 times the variance of two.
        let variance = 1.7 * 2.0 * 0.09 + 0.24 + 0.1875;
        let half = 1.96 * f64::sqrt(variance);
        assert!(
            (expected.to - (2.65 + half).min(4.0)).abs() < 1e-3
                && (expected.from - (2.65 - half)).abs() < 1e-3
        );
        let people = gender.people.as_ref().unwrap();
        assert_eq!((&people.people[..], people.unknown), (&[1, 0][..], 1));
        assert!(people.expected[0].expected > 1.5 && people.expected[0].to == 2.0, "{people:?}");
        assert_eq!((mask.people.is_none(), &mask.faces[..], mask.unknown), (true, &[4, 0][..], 0));
    }

    #[test]
    fn attributes_that_the_vocabulary_does_not_have_are_counted_after_those_it_has() {
        let mut all = Attributes::new([("beard".to_owned(), 0.6)].into());
        for (height, full) in [(1.5, 0.75), (2.5, 0.25), (2.0, 0.5)] {
            let text = format!(
                r#"{{"label": 0, "attributes": {{"beard": {{"none": {}, "full": {full}}}, "a scar": {{"yes": 1.0}},
                    "height": {height}, "mask": null, "gender": {{"Male": 1.0}}}}}}"#,
                1.0 - full
            );
            all.add(0, None, None, &face(&text));
        }
        let found = all.finish(&[0], 4, 0);
        let names: Vec<&str> = found.attributes.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["gender", "a scar", "beard"]);
        let beard = &found.attributes[2];
        assert_eq!((&beard.faces[..], beard.unknown, beard.none), (&[1, 1][..], 1, 1));
        assert_eq!(
            (beard.categories.as_slice(), beard.people.is_none()),
            (&["none", "full"].map(String::from)[..], true)
        );
        assert!((beard.expected_faces[1].expected - 1.5).abs() < 1e-9, "{beard:?}");
        let [height] = &found.numbers[..] else { panic!("{:?}", found.numbers) };
        assert_eq!(
            (height.name.as_str(), height.faces, height.mean, height.deviation),
            ("height", 3, 2.0, Some(0.5))
        );
    }

    #[test]
    fn hostile_names_are_not_kept() {
        let mut all = Attributes::default();
        for i in 0..1000 {
            let text = format!(r#"{{"label": 0, "attributes": {{"a {i}": {{"x": 1.0}}, "b {i}": 3.5}}}}"#);
            all.add(0, None, None, &face(&text));
        }
        let found = all.finish(&[0], 1000, 0);
        assert_eq!(found.attributes.len() + found.numbers.len(), MAX_OTHERS);
    }

    #[test]
    fn hostile_categories_are_not_kept() {
        let mut all = Attributes::default();
        for i in 0..1000 {
            let text =
                format!(r#"{{"label": 0, "attributes": {{"age": {{"{i}": 1.0}}, "pose": {{"{i}": 1.0}}}}}}"#);
            all.add(0, None, None, &face(&text));
        }
        let found = all.finish(&[0], 1000, 0);
        assert_eq!((found.attributes[0].categories.len(), found.angles.len()), (MAX_LABELS, 3));
    }
}
