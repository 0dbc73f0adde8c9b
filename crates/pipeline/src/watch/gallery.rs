//! People by their embeddings: those of a dataset, and new ones as they come.

use std::collections::{BTreeMap, BTreeSet};

use hri::{Index, Settings, Threshold, To};
use streamface_store::FeatureRow;
use streamface_types::{FaceId, Metric};

use crate::Result;
use crate::error::At as _;

/// What is known of a person beside vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    number: u64,
    name: Option<String>,
    /// A face that shows the person well, and the number of the dataset that it is of.
    portrait: Option<(usize, FaceId)>,
}

/// The people of a dataset.
#[derive(Debug, Clone, Copy)]
pub struct Set<'a> {
    /// Embeddings.
    pub features: &'a [FeatureRow],
    /// Whose each face is. One whose label is negative, or that has none, belongs to nobody.
    pub labels: &'a BTreeMap<FaceId, i64>,
    /// Names of people, by label.
    pub names: &'a BTreeMap<i64, String>,
}

/// The numbers that people of a dataset have in a gallery, by their label.
pub type Numbers = BTreeMap<u64, u64>;

/// A person of a set that is being added.
struct Newcomer<'a> {
    label: u64,
    name: Option<&'a String>,
    rows: Vec<&'a FeatureRow>,
    mean: Vec<f32>,
    /// Who of the gallery that is, by the index's label.
    is: Option<usize>,
}

/// Known people that are looked at as perhaps the same as a newcomer, the nearest first.
const CANDIDATES: usize = 32;

/// Whose a face is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The person's number.
    pub person: u64,
    /// Whether a new one.
    pub new: bool,
    /// Distance to the person's mean; 0 for a new one.
    pub distance: f64,
}

/// People, found by the nearest of their means within a threshold.
#[derive(Debug)]
pub struct Gallery {
    index: Index,
    /// By the index's label.
    people: Vec<Known>,
    by_number: BTreeMap<u64, usize>,
    /// Vectors so far: each has a number of its own.
    vectors: u64,
}

impl Gallery {
    /// A gallery without people.
    ///
    /// # Errors
    /// A threshold outside 0 to 2, or no dimension.
    pub fn new(dim: usize, metric: Metric, threshold: f64) -> Result<Self> {
        let metric = match metric {
            Metric::Euclidean => hri::Metric::Euclidean,
            _ => hri::Metric::Cosine,
        };
        // Means are all that is asked for.
        let settings = Settings::new(dim, Threshold::new(metric, threshold)?)?.keep_vectors(false);
        Ok(Self { index: Index::new(settings), people: Vec::new(), by_number: BTreeMap::new(), vectors: 0 })
    }

    /// Adds the people of a dataset; `at` is its number, which [`portraits`](Self::portraits) gives back. Labels of two
    /// datasets say nothing of each other: someone is known already by a name that both have once, or by a mean within the
    /// threshold, where no two names speak against it. Whoever is not known keeps the label as number where it is free.
    ///
    /// # Errors
    /// Embeddings of another dimension, or such that have no direction.
    pub fn add(&mut self, at: usize, set: Set<'_>) -> Result<Numbers> {
        let mut newcomers = newcomers(set);
        self.join_by_name(&mut newcomers);
        self.join_by_distance(&mut newcomers)?;
        self.take_in(Some(at), newcomers)
    }

    /// Adds whom an earlier watch met, by the numbers of that time. A number that is another person's now is not theirs any
    /// more: they are known by distance, or get another one.
    ///
    /// # Errors
    /// Those of [`Self::add`].
    pub fn add_earlier(&mut self, set: Set<'_>) -> Result<Numbers> {
        let mut newcomers = newcomers(set);
        for newcomer in &mut newcomers {
            let Some(&at) = self.by_number.get(&newcomer.label) else { continue };
            let same_name = newcomer.name.is_some() && newcomer.name == self.people[at].name.as_ref();
            let near = || -> Result<bool> {
                Ok(self.near(&newcomer.mean, self.people.len())?.iter().any(|&(_, who)| who == at))
            };
            newcomer.is = (same_name || near()?).then_some(at);
        }
        let (mut others, mut known): (Vec<_>, Vec<_>) =
            newcomers.into_iter().partition(|n| n.is.is_none() && self.by_number.contains_key(&n.label));
        let taken: BTreeSet<usize> = known.iter().filter_map(|n| n.is).collect();
        self.join_by_distance(&mut others)?;
        others.iter_mut().for_each(|n| n.is = n.is.filter(|at| !taken.contains(at)));
        known.extend(others);
        known.sort_by_key(|n| n.label);
        self.take_in(None, known)
    }

    /// People of the same name, where each side has it once.
    fn join_by_name(&self, newcomers: &mut [Newcomer<'_>]) {
        let once = |all: Vec<(&String, usize)>| {
            let mut by_name: BTreeMap<String, Option<usize>> = BTreeMap::new();
            for (name, at) in all {
                by_name.entry(name.clone()).and_modify(|known| *known = None).or_insert(Some(at));
            }
            by_name
        };
        let here =
            once(self.people.iter().enumerate().filter_map(|(at, p)| Some((p.name.as_ref()?, at))).collect());
        let there = once(newcomers.iter().enumerate().filter_map(|(at, n)| Some((n.name?, at))).collect());
        for (name, at) in there {
            if let (Some(at), Some(&Some(known))) = (at, here.get(&name)) {
                newcomers[at].is = Some(known);
            }
        }
    }

    /// The nearest pairs first, nobody twice.
    fn join_by_distance(&self, newcomers: &mut [Newcomer<'_>]) -> Result<()> {
        let mut taken: BTreeSet<usize> = newcomers.iter().filter_map(|n| n.is).collect();
        let mut pairs = Vec::new();
        for (at, newcomer) in newcomers.iter().enumerate().filter(|(_, n)| n.is.is_none()) {
            for (distance, known) in self.near(&newcomer.mean, CANDIDATES)? {
                let two_names =
                    newcomer.name.zip(self.people[known].name.as_ref()).is_some_and(|(a, b)| a != b);
                if !two_names {
                    pairs.push((distance, at, known));
                }
            }
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        for (_, at, known) in pairs {
            if newcomers[at].is.is_none() && taken.insert(known) {
                newcomers[at].is = Some(known);
            }
        }
        Ok(())
    }

    /// People within the threshold of a mean, at most `most`: the distance, and the index's label.
    fn near(&self, mean: &[f32], most: usize) -> Result<Vec<(f64, usize)>> {
        // What has no direction is near nobody.
        if self.people.is_empty() || mean.iter().all(|&x| x == 0.0) {
            return Ok(Vec::new());
        }
        let within = self.index.settings().threshold().value();
        let near = self.index.nearest(mean, most.min(self.people.len()))?;
        Ok(near.into_iter().filter(|m| m.distance <= within).map(|m| (m.distance, at(m.label))).collect())
    }

    fn take_in(&mut self, set: Option<usize>, newcomers: Vec<Newcomer<'_>>) -> Result<Numbers> {
        let highest = newcomers.iter().map(|n| n.label).chain(self.by_number.keys().copied()).max();
        let mut next = highest.map_or(0, |n| n.saturating_add(1));
        let mut numbers = Numbers::new();
        for Newcomer { label, name, rows, is, .. } in newcomers {
            let mut to = is.map_or(To::New, |at| To::Person(at as hri::Label));
            for row in &rows {
                let added = self.insert(&row.embedding, to).at(|| row.face.to_string())?;
                to = To::Person(added);
            }
            let To::Person(person) = to else { continue };
            if let Some(at) = is {
                let known = &mut self.people[at];
                known.name = known.name.take().or_else(|| name.cloned());
                numbers.insert(label, known.number);
                continue;
            }
            let number = if self.by_number.contains_key(&label) {
                next += 1;
                next - 1
            } else {
                label
            };
            let portrait = set.zip(self.portrait(person, &rows)?);
            self.know(person, Known { number, name: name.cloned(), portrait });
            numbers.insert(label, number);
        }
        Ok(numbers)
    }

    /// The face that is nearest to the mean.
    fn portrait(&self, person: hri::Label, rows: &[&FeatureRow]) -> Result<Option<FaceId>> {
        let mean = self.index.mean(person)?;
        let like = |row: &FeatureRow| -> f64 {
            row.embedding.iter().zip(&mean).map(|(&x, m)| f64::from(x) * m).sum()
        };
        Ok(rows.iter().max_by(|a, b| like(a).total_cmp(&like(b))).map(|row| row.face.clone()))
    }

    /// People so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// A person's name.
    #[must_use]
    pub fn name(&self, person: u64) -> Option<&str> {
        self.by_number.get(&person).and_then(|&at| self.people[at].name.as_deref())
    }

    /// Names by number, of those who have one.
    #[must_use]
    pub fn names(&self) -> BTreeMap<u64, String> {
        self.people.iter().filter_map(|p| Some((p.number, p.name.clone()?))).collect()
    }

    /// People, with the number of a dataset and a face of it that shows them.
    pub fn portraits(&self) -> impl Iterator<Item = (u64, usize, &FaceId)> {
        self.people.iter().filter_map(|p| p.portrait.as_ref().map(|(set, face)| (p.number, *set, face)))
    }

    /// Whose the faces of one frame are: no two of them the same person's. The nearest pair goes first.
    ///
    /// # Errors
    /// Embeddings of another dimension, or such that have no direction.
    pub fn frame(&mut self, vectors: &[&[f32]]) -> Result<Vec<Found>> {
        let within = self.index.settings().threshold().value();
        let mut pairs = Vec::new();
        for (face, vector) in vectors.iter().enumerate() {
            // Others may take the nearest ones, as many as there are.
            let near = self.index.nearest(vector, vectors.len())?;
            pairs.extend(
                near.into_iter().filter(|m| m.distance <= within).map(|m| (m.distance, face, m.label)),
            );
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut of: Vec<Option<(hri::Label, f64)>> = vec![None; vectors.len()];
        for (distance, face, label) in pairs {
            if of[face].is_none() && !of.iter().flatten().any(|(taken, _)| *taken == label) {
                of[face] = Some((label, distance));
            }
        }
        let mut found = Vec::with_capacity(vectors.len());
        for (vector, of) in vectors.iter().zip(of) {
            let label = self.insert(vector, of.map_or(To::New, |(label, _)| To::Person(label)))?;
            if of.is_none() {
                let number = self.by_number.last_key_value().map_or(0, |(n, _)| n + 1);
                self.know(label, Known { number, name: None, portrait: None });
            }
            let person = self.people.get(at(label)).map_or(u64::MAX, |p| p.number);
            found.push(Found { person, new: of.is_none(), distance: of.map_or(0.0, |(_, d)| d) });
        }
        Ok(found)
    }

    fn insert(&mut self, vector: &[f32], to: To) -> Result<hri::Label> {
        self.vectors += 1;
        Ok(self.index.insert_to(vector, self.vectors, to)?.label)
    }

    /// Labels come in order, as nobody is ever removed.
    fn know(&mut self, label: hri::Label, known: Known) {
        debug_assert_eq!(at(label), self.people.len());
        self.by_number.insert(known.number, self.people.len());
        self.people.push(known);
    }
}

/// The people of a set by label, each with the mean of the unit vectors.
fn newcomers<'a>(set: Set<'a>) -> Vec<Newcomer<'a>> {
    let mut of: BTreeMap<u64, Vec<&'a FeatureRow>> = BTreeMap::new();
    for row in set.features {
        if let Some(label) = set.labels.get(&row.face).and_then(|&label| u64::try_from(label).ok()) {
            of.entry(label).or_default().push(row);
        }
    }
    let newcomer = |(label, rows): (u64, Vec<&'a FeatureRow>)| {
        let name = i64::try_from(label).ok().and_then(|label| set.names.get(&label));
        Newcomer { label, name, mean: mean(&rows), rows, is: None }
    };
    of.into_iter().map(newcomer).collect()
}

fn mean(rows: &[&FeatureRow]) -> Vec<f32> {
    let mut sum = vec![0.0_f64; rows.first().map_or(0, |row| row.embedding.len())];
    for row in rows {
        sum.iter_mut().zip(&row.embedding).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    sum.into_iter().map(|sum| (sum / rows.len() as f64) as f32).collect()
}

fn at(label: hri::Label) -> usize {
    usize::try_from(label).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(face: &str, embedding: [f32; 2]) -> FeatureRow {
        let face: FaceId = face.parse().unwrap();
        FeatureRow::new(face, "m", "", embedding.to_vec())
    }

    #[test]
    fn known_people_keep_their_numbers_and_names_and_new_ones_follow() {
        let features = [
            feature("a_face_0", [1.0, 0.0]),
            feature("a_face_1", [0.0, 1.0]),
            feature("b_face_0", [0.9, 0.1]),
            feature("c_face_0", [-1.0, 0.0]),
        ];
        let labels = [("a_face_0", 7), ("a_face_1", 2), ("b_face_0", 7), ("c_face_0", -1)];
        let labels = labels.map(|(face, label)| (face.parse().unwrap(), label)).into();
        let mut gallery = Gallery::new(2, Metric::Cosine, 0.3).unwrap();
        let names = BTreeMap::from([(7, "Ada".to_owned())]);
        gallery.add(0, Set { features: &features, labels: &labels, names: &names }).unwrap();
        assert_eq!((gallery.len(), gallery.name(7), gallery.name(2)), (2, Some("Ada"), None));
        assert_eq!(gallery.portraits().count(), 2);
        let found = gallery.frame(&[&[0.95, 0.05], &[-1.0, -0.1]]).unwrap();
        assert_eq!((found[0].person, found[0].new), (7, false));
        assert_eq!((found[1].person, found[1].new), (8, true), "what was nobody's is a new person");
        assert_eq!(gallery.frame(&[&[-1.0, 0.0]]).unwrap()[0].person, 8);
    }

    #[test]
    fn nobody_is_twice_on_one_frame() {
        let mut gallery = Gallery::new(2, Metric::Cosine, 0.3).unwrap();
        gallery.frame(&[&[1.0, 0.0]]).unwrap();
        let found = gallery.frame(&[&[0.9, 0.2], &[1.0, 0.01]]).unwrap();
        assert_eq!((found[1].person, found[1].new), (0, false), "the nearer one");
        assert_eq!((found[0].person, found[0].new), (1, true));
    }

    /// A dataset of one face a person, of these labels, directions in degrees and names.
    fn set(
        prefix: &str,
        people: &[(i64, f64, Option<&str>)],
    ) -> (Vec<FeatureRow>, BTreeMap<FaceId, i64>, BTreeMap<i64, String>) {
        let mut set = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for (i, &(label, degrees, name)) in people.iter().enumerate() {
            let (y, x) = degrees.to_radians().sin_cos();
            let row = feature(&format!("{prefix}_face_{i}"), [x as f32, y as f32]);
            set.1.insert(row.face.clone(), label);
            set.2.extend(name.map(|name| (label, name.to_owned())));
            set.0.push(row);
        }
        set
    }

    fn add(gallery: &mut Gallery, at: usize, people: &[(i64, f64, Option<&str>)]) -> Vec<(u64, u64)> {
        let (features, labels, names) = set(&format!("set{at}"), people);
        let numbers = gallery.add(at, Set { features: &features, labels: &labels, names: &names }).unwrap();
        numbers.into_iter().collect()
    }

    fn add_earlier(gallery: &mut Gallery, people: &[(i64, f64, Option<&str>)]) -> Vec<(u64, u64)> {
        let (features, labels, names) = set("earlier", people);
        let numbers =
            gallery.add_earlier(Set { features: &features, labels: &labels, names: &names }).unwrap();
        numbers.into_iter().collect()
    }

    #[test]
    fn equal_labels_of_two_datasets_are_two_people() {
        let mut gallery = Gallery::new(2, Metric::Cosine, 0.01).unwrap();
        assert_eq!(add(&mut gallery, 0, &[(0, 0.0, None), (1, 40.0, None)]), [(0, 0), (1, 1)]);
        assert_eq!(
            add(&mut gallery, 1, &[(0, 90.0, None), (1, 140.0, None), (2, 200.0, None)]),
            [(0, 3), (1, 4), (2, 2)]
        );
        assert_eq!(gallery.len(), 5);
        // Each is found by the own number, and shown by a face of the own dataset.
        let find = |gallery: &mut Gallery, degrees: f64| {
            let (y, x) = degrees.to_radians().sin_cos();
            gallery.frame(&[&[x as f32, y as f32]]).unwrap()[0].person
        };
        assert_eq!([0.0, 40.0, 90.0, 140.0, 200.0].map(|d| find(&mut gallery, d)), [0, 1, 3, 4, 2]);
        let portraits: Vec<_> =
            gallery.portraits().map(|(n, set, face)| (n, set, face.to_string())).collect();
        assert_eq!(portraits[0], (0, 0, "set0_face_0".to_owned()));
        assert_eq!(portraits[2], (3, 1, "set1_face_0".to_owned()));
    }

    #[test]
    fn people_of_two_datasets_are_joined_by_name_or_distance() {
        let mut gallery = Gallery::new(2, Metric::Cosine, 0.01).unwrap();
        add(
            &mut gallery,
            0,
            &[(0, 0.0, Some("Ada")), (1, 40.0, None), (2, 80.0, Some("Bob")), (3, 120.0, Some("Eve"))],
        );
        let numbers = add(
            &mut gallery,
            1,
            &[
                // By name, though far; by distance, and the name comes along; near, but of another name; a new one.
                (0, 300.0, Some("Ada")),
                (1, 41.0, Some("Ann")),
                (2, 80.0, Some("Rob")),
                (3, 220.0, None),
                // Two of one name: distance decides, and nobody is joined twice.
                (4, 121.0, Some("Eve")),
                (5, 123.0, Some("Eve")),
            ],
        );
        assert_eq!(numbers, [(0, 0), (1, 1), (2, 6), (3, 7), (4, 3), (5, 5)]);
        assert_eq!(gallery.name(1), Some("Ann"));
        assert_eq!((gallery.name(2), gallery.name(6)), (Some("Bob"), Some("Rob")));
        assert_eq!(gallery.len(), 7);
    }

    #[test]
    fn whom_an_earlier_watch_met_is_nobody_else() {
        let mut gallery = Gallery::new(2, Metric::Cosine, 0.01).unwrap();
        add(&mut gallery, 0, &[(0, 0.0, None), (1, 40.0, None)]);
        add(&mut gallery, 1, &[(2, 90.0, Some("Ann")), (3, 140.0, None)]);
        let earlier = [
            // Person 1 again; a new one of that time, whose number is another's now; one whose number is free; one that
            // is known by now.
            (1, 41.0, None),
            (2, 250.0, None),
            (9, 300.0, None),
            (3, 90.0, None),
        ];
        assert_eq!(add_earlier(&mut gallery, &earlier), [(1, 1), (2, 10), (3, 2), (9, 9)]);
        assert_eq!((gallery.len(), gallery.name(2), gallery.name(10)), (6, Some("Ann"), None));
    }
}
