//! The index: people by the means of their vectors, and the nearest of them to a vector, exactly.

mod change;
mod people;
mod search;
mod tend;
#[cfg(feature = "ndarray")]
mod views;

use crate::look::kernel::Isa;
use crate::look::{Bytes, Look, Scratch};
use crate::wide::widen;
use crate::{Error, Label, Metric, Settings, check};
pub(crate) use people::{Members, NONE, People};
use search::Query;
use tend::{Tally, Tending};

/// A person that a vector was taken for, and how far it is from the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// The person.
    pub label: Label,
    /// Distance of the vector from the mean.
    pub distance: f64,
}

/// What became of an insert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inserted {
    /// The person it belongs to now.
    pub label: Label,
    /// Whether that is a new person.
    pub new: bool,
    /// Distance from the mean as it was before; 0 for a new person.
    pub distance: f64,
}

/// Whom a vector is added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// The nearest person within the threshold, else a new one.
    Nearest,
    /// This person, whatever the distance.
    Person(Label),
    /// A new person, whoever is near.
    New,
}

/// A person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Its name here, for ever.
    pub label: Label,
    /// Number of vectors.
    pub members: usize,
}

/// What an index holds and how it goes about it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Number of people.
    pub people: usize,
    /// Number of vectors.
    pub members: usize,
    /// Labels given so far, with those of people who are gone.
    pub labels: Label,
    /// Bytes in memory: means and what finds them.
    pub people_bytes: usize,
    /// Bytes in memory: members, with their vectors where they are kept.
    pub member_bytes: usize,
    /// Numbers of the first look, four bits each; 0 where there is none yet.
    pub first_look: usize,
    /// Whether these are along directions that were learnt, or along the axes.
    pub learnt: bool,
    /// Bytes that the first look of a query reads.
    pub bytes_read: usize,
    /// People who passed the first look, per query, since the directions were learnt.
    pub passed: f64,
}

/// People by the means of their vectors.
///
/// A vector is taken for the person with the nearest mean at distance ≤ threshold, where there is one; of several at the
/// same distance the one with the smallest label. That is what measuring all distances in `f64` finds, always; two
/// looks with a proven bound leave only a few to be measured (see the module `look` for the proof).
///
/// Under cosine the mean is that of the members' *directions* and is not made length 1 again, as in the original: a
/// person's members weigh the same, however long their vectors are.
///
/// Labels are numbers from 0 in the order in which people come. A label stays with its person, and is never given again.
///
/// With n people of dimension d a search reads some k/2 + 4 bytes a person, k ≤ d the numbers of the first look (8 to
/// 128 where the vectors' spectrum falls off, else d), and costs O(n k + d k); an insert costs a search and O(d k). Memory
/// is some 9 d + k/2 + 80 bytes a person, and 37 a member besides its vector.
#[derive(Debug)]
pub struct Index {
    settings: Settings,
    pub(crate) people: People,
    pub(crate) members: Members,
    pub(crate) next_label: Label,
    isa: Isa,
    bytes: Bytes,
    look: Option<Look>,
    tending: Tending,
    tally: Tally,
    scratch: Scratch,
}

/// A vector, and what is to become of it.
#[derive(Debug)]
pub(crate) struct Planned {
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
            isa: Isa::best(),
            bytes: Bytes::new(settings.dim()),
            look: None,
            tending: Tending::default(),
            tally: Tally::default(),
            scratch: Scratch::default(),
        }
    }

    /// What it was made for.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.by_id.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of people.
    #[must_use]
    pub fn people_count(&self) -> usize {
        self.people.by_label.len()
    }

    /// The nearest person within the threshold.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::NotFinite`], [`Error::ZeroVector`].
    pub fn search(&self, vector: &[f32]) -> Result<Option<Match>, Error> {
        self.check(vector)?;
        Ok(self.find(&self.query(vector, &mut Scratch::default())))
    }

    /// The `k` nearest people, nearest first, whatever the threshold; equal distances by label.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn nearest(&self, vector: &[f32], k: usize) -> Result<Vec<Match>, Error> {
        self.check(vector)?;
        Ok(self.find_several(&self.query(vector, &mut Scratch::default()), k))
    }

    /// [`search`](Self::search) for many vectors, row after row, on all cores; four at a time share what is read.
    ///
    /// # Errors
    /// As [`search`](Self::search), for the first row at fault.
    pub fn search_batch(&self, rows: &[f32]) -> Result<Vec<Option<Match>>, Error> {
        check::rows(rows, self.settings.dim(), self.people.metric)?;
        Ok(self.find_batch(rows))
    }

    /// Adds a vector under an id of the caller's: to the nearest person within the threshold, or as a new person.
    ///
    /// # Errors
    /// As [`search`](Self::search); [`Error::DuplicateId`], [`Error::Full`].
    pub fn insert(&mut self, vector: &[f32], id: u64) -> Result<Inserted, Error> {
        self.insert_to(vector, id, To::Nearest)
    }

    /// Adds a vector to whom it is said.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`Error::UnknownLabel`].
    pub fn insert_to(&mut self, vector: &[f32], id: u64, to: To) -> Result<Inserted, Error> {
        let planned = self.plan(vector, id, to)?;
        let inserted = planned.inserted;
        self.carry_out(&planned, vector, id);
        Ok(inserted)
    }

    /// What [`insert_to`](Self::insert_to) would do.
    pub(crate) fn plan(&self, vector: &[f32], id: u64, to: To) -> Result<Planned, Error> {
        self.check(vector)?;
        if self.members.by_id.contains_key(&id) {
            return Err(Error::DuplicateId { id });
        }
        if self.people.places().max(self.members.ids.len()) >= NONE as usize {
            return Err(Error::Full);
        }
        let query = self.query(vector, &mut Scratch::default());
        let new = Inserted { label: self.next_label, new: true, distance: 0.0 };
        let known = |m: Match| Inserted { label: m.label, new: false, distance: m.distance };
        let inserted = match to {
            To::Nearest => self.find(&query).map_or(new, known),
            To::New => new,
            To::Person(label) => {
                let place = self.place(label)?;
                known(Match { label, distance: self.people.distance(place, &query.numbers, query.square()) })
            }
        };
        Ok(Planned { query, inserted })
    }

    /// Does what was planned. Nothing may have changed since.
    pub(crate) fn carry_out(&mut self, planned: &Planned, vector: &[f32], id: u64) {
        let Inserted { label, new, .. } = planned.inserted;
        self.put(&planned.query.numbers, planned.query.factor, vector, id, label, new);
    }

    /// Adds a vector to a person, new or not, as was once decided.
    pub(crate) fn replay(&mut self, vector: &[f32], id: u64, label: Label) -> Result<(), Error> {
        self.check(vector)?;
        if self.members.by_id.contains_key(&id) {
            return Err(Error::DuplicateId { id });
        }
        let new = !self.people.by_label.contains_key(&label);
        if new && label != self.next_label {
            return Err(Error::UnknownLabel { label });
        }
        let mut numbers = vec![0.0; vector.len()];
        widen(vector, &mut numbers);
        let factor = self.factor(&numbers);
        self.put(&numbers, factor, vector, id, label, new);
        Ok(())
    }

    fn put(&mut self, numbers: &[f64], factor: f64, vector: &[f32], id: u64, label: Label, new: bool) {
        let place = if new { self.add_person(label) } else { self.people.by_label[&label] as usize };
        self.people.shift(place, numbers, factor, 1);
        let vector = self.settings.keeps_vectors().then_some(vector);
        self.members.add(&mut self.people, id, place, vector);
        self.changed(place);
    }

    fn add_person(&mut self, label: Label) -> usize {
        self.next_label = self.next_label.max(label + 1);
        let place = self.people.add(label);
        self.bytes.grow(place + 1);
        place
    }

    /// The person a member belongs to.
    ///
    /// # Errors
    /// [`Error::UnknownId`].
    pub fn label_of(&self, id: u64) -> Result<Label, Error> {
        Ok(self.people.labels[self.members.person[self.member(id)? as usize] as usize])
    }

    /// All people, in the order of their labels.
    pub fn people(&self) -> impl ExactSizeIterator<Item = Person> {
        let mut places: Vec<(Label, u32)> =
            (self.people.by_label.iter()).map(|(&label, &place)| (label, place)).collect();
        places.sort_unstable();
        places
            .into_iter()
            .map(|(label, place)| Person { label, members: self.people.counts[place as usize] as usize })
    }

    /// A person.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`].
    pub fn person(&self, label: Label) -> Result<Person, Error> {
        Ok(Person { label, members: self.people.counts[self.place(label)?] as usize })
    }

    /// The ids of a person's members, in the order they came.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`].
    pub fn members(&self, label: Label) -> Result<impl Iterator<Item = u64>, Error> {
        let place = self.place(label)?;
        Ok(self.members.of(&self.people, place).map(|member| self.members.ids[member as usize]))
    }

    /// The vector of a member, where vectors are kept.
    ///
    /// # Errors
    /// [`Error::UnknownId`], [`Error::NoVectors`].
    pub fn vector(&self, id: u64) -> Result<&[f32], Error> {
        let member = self.member(id)?;
        if !self.settings.keeps_vectors() {
            return Err(Error::NoVectors);
        }
        Ok(self.members.vector(member, self.settings.dim()))
    }

    /// The mean of a person; under cosine that of its members' directions.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`].
    pub fn mean(&self, label: Label) -> Result<Vec<f64>, Error> {
        let place = self.place(label)?;
        let inverse = self.people.inverse(place);
        Ok(self.people.sum(place).iter().map(|x| x * inverse).collect())
    }

    /// What it holds.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let look = self.look.as_ref();
        Stats {
            people: self.people_count(),
            members: self.len(),
            labels: self.next_label,
            people_bytes: self.people.memory() + self.bytes.bytes() + look.map_or(0, Look::bytes),
            member_bytes: self.members.memory(),
            first_look: look.map_or(0, |l| l.space.numbers()),
            learnt: look.is_some_and(|l| l.space.is_turned()),
            bytes_read: look.map_or(0, Look::bytes_read),
            passed: self.tally.passed(),
        }
    }

    pub(crate) fn check(&self, vector: &[f32]) -> Result<(), Error> {
        check::vectors(vector, self.settings.dim(), self.people.metric, 1)
    }

    pub(crate) fn place(&self, label: Label) -> Result<usize, Error> {
        let place = self.people.by_label.get(&label).copied();
        place.map(|place| place as usize).ok_or(Error::UnknownLabel { label })
    }

    pub(crate) fn member(&self, id: u64) -> Result<u32, Error> {
        self.members.by_id.get(&id).copied().ok_or(Error::UnknownId { id })
    }

    fn factor(&self, numbers: &[f64]) -> f64 {
        match self.people.metric {
            Metric::Cosine => 1.0 / crate::wide::dot(numbers, numbers).sqrt(),
            Metric::Euclidean => 1.0,
        }
    }

    fn of_member(&self, member: u32) -> (Vec<f64>, f64) {
        let mut numbers = vec![0.0; self.settings.dim()];
        if self.settings.keeps_vectors() {
            widen(self.members.vector(member, self.settings.dim()), &mut numbers);
        }
        let factor = self.factor(&numbers);
        (numbers, factor)
    }
}
