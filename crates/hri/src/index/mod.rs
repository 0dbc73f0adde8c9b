//! The index: people by the means of their vectors, and exact search for the nearest mean.

mod change;
mod info;
mod maintenance;
mod people;
mod search;
mod undo;
#[cfg(feature = "ndarray")]
mod views;

use std::collections::BTreeMap;

use streamface_kernels::dot::to_f64;
use streamface_kernels::{Isa, dot_f64};

use crate::prefilter::{ByteFilter, FourBitFilter, Scratch};
use crate::{Error, Label, Metric, Result, Settings, check};
pub(crate) use info::check_text;
pub use info::{MAX_TEXT, PersonInfo};
use maintenance::{Maintenance, QueryCounts};
pub(crate) use people::{Members, NONE, People};
use search::Query;
pub(crate) use undo::Undo;

/// The person that a vector was matched to, and the distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// The person.
    pub label: Label,
    /// Distance of the vector from the person's mean.
    pub distance: f64,
}

/// The result of an insert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inserted {
    /// The person that the vector belongs to now.
    pub label: Label,
    /// Whether the person is new.
    pub new: bool,
    /// Distance from the person's mean before the insert; 0 for a new person.
    pub distance: f64,
}

/// Where a vector is inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Into the nearest person within the threshold, or into a new person if there is none.
    Nearest,
    /// Into this person, at any distance.
    Person(Label),
    /// Into a new person.
    New,
}

/// A person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// The person's label; it never changes.
    pub label: Label,
    /// Number of vectors.
    pub members: usize,
}

/// The contents of an index, and the state of its filters.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Number of people.
    pub people: usize,
    /// Number of vectors.
    pub members: usize,
    /// Number of labels given so far, including those of removed people.
    pub labels: Label,
    /// Memory of means and filters, in bytes.
    pub people_bytes: usize,
    /// Memory of members, including their vectors if they are kept, in bytes.
    pub member_bytes: usize,
    /// Coordinates of filter stage 1, four bits each; 0 while there are too few people for it.
    pub filter_coordinates: usize,
    /// Whether these coordinates are along trained directions, not along the axes.
    pub filter_trained: bool,
    /// Bytes that filter stage 1 reads for one query.
    pub filter_bytes: usize,
    /// Mean number of people a query that pass filter stage 1, since the last training.
    pub candidates: f64,
}

/// People by the means of their vectors.
///
/// A vector matches the person with the nearest mean, if the distance is at most the threshold. Of several people at the
/// same distance, the one with the smallest label matches. The result is always that of computing all distances in `f64`.
/// Two filter stages with proven bounds rule out most people first (the proof is in `src/prefilter/mod.rs`).
///
/// For cosine the mean is the mean of the members' *directions*, and it is not normalised again. So all members have the
/// same weight, however long their vectors are. The tree of the StreamFace paper does the same.
///
/// Labels are numbers from 0 in the order of insertion. A label belongs to one person and is never given again.
///
/// With n people of dimension d a search reads about k/2 + 4 bytes for each person and takes O(n k + d k). Here k ≤ d is
/// the number of coordinates of stage 1: 8 to 128 if most of the variance lies in a few directions, else d. An insert takes
/// a search and O(d k). Memory is about 9 d + k/2 + 80 bytes for each person, and 37 bytes for each member besides its
/// vector.
#[derive(Debug)]
pub struct Index {
    settings: Settings,
    pub(crate) people: People,
    pub(crate) members: Members,
    pub(crate) next_label: Label,
    /// What is said of people, by label, where anything is.
    pub(crate) info: BTreeMap<Label, PersonInfo>,
    /// Keys of vectors, by id, of those that have one.
    pub(crate) keys: BTreeMap<u64, Box<str>>,
    isa: Isa,
    byte_filter: ByteFilter,
    four_bit_filter: Option<FourBitFilter>,
    maintenance: Maintenance,
    query_counts: QueryCounts,
    scratch: Scratch,
}

/// An insert that is checked and not yet done.
#[derive(Debug)]
pub(crate) struct PlannedInsert {
    query: Query,
    pub(crate) inserted: Inserted,
}

impl Index {
    /// An empty index.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            people: People::new(settings.dim(), settings.threshold().metric()),
            members: Members::default(),
            next_label: 0,
            info: BTreeMap::new(),
            keys: BTreeMap::new(),
            isa: Isa::detect(),
            byte_filter: ByteFilter::new(settings.dim()),
            four_bit_filter: None,
            maintenance: Maintenance::default(),
            query_counts: QueryCounts::default(),
            scratch: Scratch::default(),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.by_id.len()
    }

    /// Whether there are no vectors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of people.
    #[must_use]
    pub fn people_count(&self) -> usize {
        self.people.by_label.len()
    }

    /// The nearest person within the threshold, or `None`.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::NotFinite`], [`Error::ZeroVector`].
    pub fn search(&self, vector: &[f32]) -> Result<Option<Match>> {
        self.check(vector)?;
        Ok(self.find(&self.query(vector, &mut Scratch::default())))
    }

    /// The `k` nearest people at any distance, nearest first; equal distances in the order of labels.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn nearest(&self, vector: &[f32], k: usize) -> Result<Vec<Match>> {
        self.check(vector)?;
        Ok(self.find_k(&self.query(vector, &mut Scratch::default()), k))
    }

    /// [`search`](Self::search) for many vectors, row by row, on all cores. It is faster than single searches, because four
    /// queries share each read of the filter.
    ///
    /// # Errors
    /// As [`search`](Self::search), for the first invalid row.
    pub fn search_batch(&self, rows: &[f32]) -> Result<Vec<Option<Match>>> {
        check::rows(rows, self.settings.dim(), self.people.metric)?;
        Ok(self.find_batch(rows))
    }

    /// Inserts a vector into the nearest person within the threshold, or into a new person if there is none. `id` is the
    /// caller's number for the vector.
    ///
    /// # Errors
    /// As [`search`](Self::search); [`Error::DuplicateId`], [`Error::Full`].
    pub fn insert(&mut self, vector: &[f32], id: u64) -> Result<Inserted> {
        self.insert_to(vector, id, To::Nearest)
    }

    /// Inserts a vector where `to` says.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`Error::UnknownLabel`].
    pub fn insert_to(&mut self, vector: &[f32], id: u64, to: To) -> Result<Inserted> {
        let planned = self.plan_insert(vector, id, to)?;
        let inserted = planned.inserted;
        self.apply(&planned, vector, id);
        Ok(inserted)
    }

    /// Checks an insert and finds its person, without changing anything.
    pub(crate) fn plan_insert(&self, vector: &[f32], id: u64, to: To) -> Result<PlannedInsert> {
        self.check(vector)?;
        if self.members.by_id.contains_key(&id) {
            return Err(Error::DuplicateId { id });
        }
        if self.people.slots().max(self.members.ids.len()) >= NONE as usize {
            return Err(Error::Full);
        }
        let query = self.query(vector, &mut Scratch::default());
        let new = Inserted { label: self.next_label, new: true, distance: 0.0 };
        let known = |m: Match| Inserted { label: m.label, new: false, distance: m.distance };
        let inserted = match to {
            To::Nearest => self.find(&query).map_or(new, known),
            To::New => new,
            To::Person(label) => {
                let slot = self.slot(label)?;
                known(Match { label, distance: self.people.distance(slot, &query.numbers, query.square()) })
            }
        };
        Ok(PlannedInsert { query, inserted })
    }

    /// Does a planned insert. The index must not have changed since.
    pub(crate) fn apply(&mut self, planned: &PlannedInsert, vector: &[f32], id: u64) {
        let Inserted { label, new, .. } = planned.inserted;
        self.add_member(&planned.query.numbers, planned.query.factor, vector, id, label, new);
    }

    /// Repeats an insert from a log, with the label that it had.
    pub(crate) fn replay(&mut self, vector: &[f32], id: u64, label: Label) -> Result<()> {
        self.check(vector)?;
        if self.members.by_id.contains_key(&id) {
            return Err(Error::DuplicateId { id });
        }
        let new = !self.people.by_label.contains_key(&label);
        if new && label != self.next_label {
            return Err(Error::UnknownLabel { label });
        }
        let mut numbers = vec![0.0; vector.len()];
        to_f64(vector, &mut numbers);
        let factor = self.factor(&numbers);
        self.add_member(&numbers, factor, vector, id, label, new);
        Ok(())
    }

    fn add_member(&mut self, numbers: &[f64], factor: f64, vector: &[f32], id: u64, label: Label, new: bool) {
        let slot = if new { self.add_person(label) } else { self.people.by_label[&label] as usize };
        self.people.add_to_sum(slot, numbers, factor, 1);
        let vector = self.settings.keeps_vectors().then_some(vector);
        self.members.add(&mut self.people, id, slot, vector);
        self.mean_changed(slot);
    }

    fn add_person(&mut self, label: Label) -> usize {
        self.next_label = self.next_label.max(label + 1);
        let slot = self.people.add(label);
        self.byte_filter.grow(slot + 1);
        slot
    }

    /// The label of the person that a vector belongs to.
    ///
    /// # Errors
    /// [`Error::UnknownId`].
    pub fn label_of(&self, id: u64) -> Result<Label> {
        Ok(self.people.labels[self.members.person[self.member(id)? as usize] as usize])
    }

    /// All people, in the order of labels.
    pub fn people(&self) -> impl ExactSizeIterator<Item = Person> {
        let mut slots: Vec<(Label, u32)> =
            (self.people.by_label.iter()).map(|(&label, &slot)| (label, slot)).collect();
        slots.sort_unstable();
        slots
            .into_iter()
            .map(|(label, slot)| Person { label, members: self.people.counts[slot as usize] as usize })
    }

    /// One person.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`].
    pub fn person(&self, label: Label) -> Result<Person> {
        Ok(Person { label, members: self.people.counts[self.slot(label)?] as usize })
    }

    /// The ids of a person's vectors, in the order of insertion.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`].
    pub fn members(&self, label: Label) -> Result<impl Iterator<Item = u64>> {
        let slot = self.slot(label)?;
        Ok(self.members.of_person(&self.people, slot).map(|member| self.members.ids[member as usize]))
    }

    /// A vector, if vectors are kept.
    ///
    /// # Errors
    /// [`Error::UnknownId`], [`Error::VectorsNotKept`].
    pub fn vector(&self, id: u64) -> Result<&[f32]> {
        let member = self.member(id)?;
        if !self.settings.keeps_vectors() {
            return Err(Error::VectorsNotKept);
        }
        Ok(self.members.vector(member, self.settings.dim()))
    }

    /// The mean of a person's vectors; for cosine the mean of their directions.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`].
    pub fn mean(&self, label: Label) -> Result<Vec<f64>> {
        let slot = self.slot(label)?;
        let inverse = self.people.inverse(slot);
        Ok(self.people.sum(slot).iter().map(|x| x * inverse).collect())
    }

    /// The contents of the index, and the state of its filters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let filter = self.four_bit_filter.as_ref();
        Stats {
            people: self.people_count(),
            members: self.len(),
            labels: self.next_label,
            people_bytes: self.people.memory()
                + self.byte_filter.bytes()
                + filter.map_or(0, FourBitFilter::bytes),
            member_bytes: self.members.memory(),
            filter_coordinates: filter.map_or(0, |f| f.projection.coordinates()),
            filter_trained: filter.is_some_and(|f| f.projection.is_trained()),
            filter_bytes: filter.map_or(0, FourBitFilter::bytes_read),
            candidates: self.query_counts.mean_candidates(),
        }
    }

    pub(crate) fn check(&self, vector: &[f32]) -> Result<()> {
        check::vectors(vector, self.settings.dim(), self.people.metric, 1)
    }

    /// The slot of a person.
    pub(crate) fn slot(&self, label: Label) -> Result<usize> {
        let slot = self.people.by_label.get(&label).copied();
        slot.map(|slot| slot as usize).ok_or(Error::UnknownLabel { label })
    }

    /// The slot of a member.
    pub(crate) fn member(&self, id: u64) -> Result<u32> {
        self.members.by_id.get(&id).copied().ok_or(Error::UnknownId { id })
    }

    /// What a vector is multiplied by before it is added to a sum: for cosine one over its length.
    fn factor(&self, numbers: &[f64]) -> f64 {
        match self.people.metric {
            Metric::Cosine => 1.0 / dot_f64(numbers, numbers).sqrt(),
            Metric::Euclidean => 1.0,
        }
    }

    /// A member's vector and its factor.
    fn member_numbers(&self, member: u32) -> (Vec<f64>, f64) {
        let mut numbers = vec![0.0; self.settings.dim()];
        if self.settings.keeps_vectors() {
            to_f64(self.members.vector(member, self.settings.dim()), &mut numbers);
        }
        let factor = self.factor(&numbers);
        (numbers, factor)
    }
}
