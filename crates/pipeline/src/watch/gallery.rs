//! People by their embeddings: those of a dataset, and new ones as they come.

use std::collections::BTreeMap;

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
    /// A face of the dataset that shows the person well.
    portrait: Option<FaceId>,
}

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

    /// Adds the people of a dataset; faces whose label is negative, or that have none, belong to nobody.
    ///
    /// # Errors
    /// Embeddings of another dimension, or such that have no direction.
    pub fn add(
        &mut self,
        features: &[FeatureRow],
        labels: &BTreeMap<FaceId, i64>,
        names: &BTreeMap<i64, String>,
    ) -> Result<()> {
        let mut of: BTreeMap<u64, Vec<&FeatureRow>> = BTreeMap::new();
        for row in features {
            let label = labels.get(&row.face).and_then(|&l| u64::try_from(l).ok());
            of.entry(label.unwrap_or(u64::MAX)).or_default().push(row);
        }
        of.remove(&u64::MAX);
        for (number, rows) in of {
            // Two datasets may know one person, by one number.
            let known = self.by_number.get(&number).copied();
            let mut to = known.map_or(To::New, |at| To::Person(at as hri::Label));
            for row in &rows {
                let added = self.insert(&row.embedding, to).at(|| row.face.to_string())?;
                to = To::Person(added);
            }
            let To::Person(label) = to else { continue };
            let mean = self.index.mean(label)?;
            let like = |row: &FeatureRow| -> f64 {
                row.embedding.iter().zip(&mean).map(|(&x, m)| f64::from(x) * m).sum()
            };
            let portrait = rows.iter().max_by(|a, b| like(a).total_cmp(&like(b))).map(|r| r.face.clone());
            let name = i64::try_from(number).ok().and_then(|n| names.get(&n).cloned());
            if known.is_none() {
                self.know(label, Known { number, name, portrait });
            }
        }
        Ok(())
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

    /// People, with a face of the dataset that shows them.
    pub fn portraits(&self) -> impl Iterator<Item = (u64, &FaceId)> {
        self.people.iter().filter_map(|p| Some((p.number, p.portrait.as_ref()?)))
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
        gallery.add(&features, &labels, &BTreeMap::from([(7, "Ada".to_owned())])).unwrap();
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
}
