//! The end of a review: consecutive labels, the person with the most faces first.
//!
//! `annotations_manual.json` has the labels in the original's format, with attributes and, by label, names; `people.json`
//! has the people by label, with their names, original clusters, and what models say of them. The journal is unchanged: the
//! review can continue.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;

use serde::Serialize;
use streamface_cluster::compat;
use streamface_eval::person_attributes::{AttributeVotes, PersonAttributes, UnknownBelow};
use streamface_store::{Dataset, annotations, files, read_attributes, write_annotations};
use streamface_types::{Attributes, FaceId, Label};

use crate::{Error, People};

/// Name of the file of labels in the folder `metadata/`.
pub const ANNOTATIONS: &str = "annotations_manual.json";

/// Name of the file of people.
pub const PEOPLE: &str = "people.json";

/// The order of two people with the same number of faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbering {
    /// The smaller previous label first.
    #[default]
    Stable,
    /// The order of the original's code, to compare files with its own.
    Compat,
}

/// A finished review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finalized {
    /// Label of each face, in the order of [`People::faces`]; −1 for noise.
    #[serde(skip)]
    pub labels: Vec<i64>,
    /// People by label.
    pub people: Vec<Person>,
}

/// A person of a finished review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The label.
    pub label: i64,
    /// The name, if one was given.
    pub name: Option<String>,
    /// Number of faces.
    pub faces: usize,
    /// The first face.
    pub first: FaceId,
    /// Labels of the original clusters of the faces, ascending.
    pub clusters: Vec<i64>,
}

/// What a review changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Number of faces.
    pub faces: usize,
    /// People before the review: clusters.
    pub before: usize,
    /// People after it.
    pub after: usize,
    /// Clusters that were joined to another one.
    pub merged: usize,
    /// People made only of faces that decisions moved.
    pub pulled_out: usize,
    /// Faces that belong to no one.
    pub noisy: usize,
    /// People with a name.
    pub named: usize,
    /// Pairs of people with the verdict "not sure".
    pub undecided: usize,
    /// Conflicting pairs, which are not applied.
    pub conflicts: usize,
    /// Decisions that name unknown faces.
    pub unknown: usize,
}

impl Finalized {
    /// Numbers people by size. O(n log n).
    #[must_use]
    pub fn new(people: &People, numbering: Numbering) -> Self {
        let under_way = people.labels();
        let mut old: Vec<i64> = under_way.iter().copied().filter(|&l| l >= 0).collect();
        old.sort_unstable();
        let mut sizes: Vec<(i64, usize)> = Vec::new();
        for run in old.chunk_by(|a, b| a == b) {
            sizes.push((run[0], run.len()));
        }
        // Consecutive, in the order of the labels before.
        let at: HashMap<i64, u32> = (0..).zip(&sizes).map(|(at, &(label, _))| (label, at)).collect();
        let rank: Vec<u32> = match numbering {
            Numbering::Stable => {
                let mut order: Vec<u32> = (0..sizes.len() as u32).collect();
                order.sort_by_key(|&at| (Reverse(sizes[at as usize].1), at));
                inverse(&order)
            }
            Numbering::Compat => compat::ranks_by_size(&sizes.iter().map(|&(_, n)| n).collect::<Vec<_>>()),
        };
        let new = |label: &i64| at.get(label).map_or(-1, |&at| rank[at as usize].into());
        let labels: Vec<i64> = under_way.iter().map(new).collect();
        let mut found: Vec<Person> = people
            .people()
            .filter_map(|person| {
                let faces = people.faces_of(person);
                let first = *faces.first()?;
                let mut clusters: Vec<i64> = faces.iter().filter_map(|&f| people.cluster_of(f)).collect();
                clusters.sort_unstable();
                clusters.dedup();
                Some(Person {
                    label: labels[first as usize],
                    name: people.name(person).map(str::to_owned),
                    faces: faces.len(),
                    first: people.faces()[first as usize].clone(),
                    clusters,
                })
            })
            .collect();
        found.sort_by_key(|p| p.label);
        Self { labels, people: found }
    }

    /// What the review changed. O(n log n).
    #[must_use]
    pub fn summary(&self, people: &People) -> Summary {
        let report = people.report();
        let faces = || (0_u32..).zip(&self.labels);
        let stayed = faces().filter(|&(face, &label)| label >= 0 && !people.is_placed(face));
        let mut parts: Vec<(i64, Option<i64>)> =
            stayed.map(|(face, &label)| (label, people.cluster_of(face))).collect();
        parts.sort_unstable();
        parts.dedup();
        let of_clusters = parts.chunk_by(|a, b| a.0 == b.0).count();
        let mut clusters: Vec<i64> = faces().filter_map(|(face, _)| people.cluster_of(face)).collect();
        clusters.sort_unstable();
        clusters.dedup();
        Summary {
            faces: self.labels.len(),
            before: clusters.len(),
            after: self.people.len(),
            merged: parts.len() - of_clusters,
            pulled_out: self.people.len() - of_clusters,
            noisy: self.labels.iter().filter(|&&l| l < 0).count(),
            named: self.people.iter().filter(|p| p.name.is_some()).count(),
            undecided: people.not_sure().len(),
            conflicts: report.conflicts.len(),
            unknown: report.unknown.len(),
        }
    }

    /// Names by label, of those who have one.
    #[must_use]
    pub fn names(&self) -> BTreeMap<Label, String> {
        self.people.iter().filter_map(|p| Some((Label(p.label), p.name.clone()?))).collect()
    }

    /// Writes `annotations_manual.json` and `people.json` into the folder of the tables, each whole or not at all. Attributes
    /// are those of the table of attributes; in `people.json` stands what each person's faces say together, and that an
    /// attribute is unknown where its likeliest label is less likely than `unknown_below` says.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn write(&self, data: &Dataset, people: &People, unknown_below: &UnknownBelow) -> Result<(), Error> {
        let metadata = data.metadata();
        let mut attributes = read_attributes(&metadata)?;
        let labels = || people.faces().iter().zip(self.labels.iter().map(|&label| Label(label)));
        let votes = votes(data, labels(), &attributes, unknown_below)?;
        let mut file = annotations(labels(), |face| attributes.remove(face).unwrap_or_default());
        file.names = self.names().into_iter().map(|(label, name)| (label.0, name)).collect();
        write_annotations(&metadata.join(ANNOTATIONS), &file)?;
        drop(file);
        let described = |person| Described { person, attributes: votes.person(person.label as u32) };
        let described: Vec<Described<'_>> = self.people.iter().map(described).collect();
        files::write(&metadata.join(PEOPLE), |out| {
            serde_json::to_writer_pretty(&mut *out, &serde_json::json!({ "people": described }))?;
            writeln!(out)
        })?;
        Ok(())
    }
}

/// A person as `people.json` has it.
#[derive(Serialize)]
struct Described<'a> {
    #[serde(flatten)]
    person: &'a Person,
    #[serde(skip_serializing_if = "PersonAttributes::is_empty")]
    attributes: PersonAttributes,
}

/// What faces say of their people, by label.
fn votes<'f>(
    data: &Dataset,
    labels: impl Iterator<Item = (&'f FaceId, Label)>,
    attributes: &BTreeMap<FaceId, Attributes>,
    unknown_below: &UnknownBelow,
) -> Result<AttributeVotes, Error> {
    let mut votes = AttributeVotes::new(unknown_below.clone());
    if attributes.is_empty() {
        return Ok(votes);
    }
    let qualities = data.qualities()?;
    for (face, label) in labels {
        if let (Some(said), Ok(person)) = (attributes.get(face), u32::try_from(label.0)) {
            votes.add(person, said, qualities.get(face).copied());
        }
    }
    Ok(votes)
}

/// The inverse of a permutation.
fn inverse(order: &[u32]) -> Vec<u32> {
    let mut place = vec![0; order.len()];
    for (at, &number) in (0..).zip(order) {
        place[number as usize] = at;
    }
    place
}
