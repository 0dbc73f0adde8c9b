//! Vectors that are inserted together, all or none.

use std::collections::HashSet;
use std::sync::MutexGuard;

use super::log::{Change, Log};
use super::{Store, append};
use crate::index::{Index, Inserted, NONE, PersonInfo, To, Undo, check_text};
use crate::{Error, Label, Result};

/// A person that vectors of a [`Batch`] belong to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownPerson {
    /// The person's label; `None` for a person who is new with this batch.
    pub label: Option<Label>,
    /// What is said of a new person. Not used where there is a label.
    pub info: PersonInfo,
}

/// Vectors for [`Store::insert_all`].
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    rows: &'a [f32],
    ids: &'a [u64],
    keys: Option<&'a [Option<String>]>,
    people: Option<(&'a [KnownPerson], &'a [usize])>,
}

impl<'a> Batch<'a> {
    /// Vectors row by row, and one id for each.
    #[must_use]
    pub fn new(rows: &'a [f32], ids: &'a [u64]) -> Self {
        Self { rows, ids, keys: None, people: None }
    }

    /// The caller's keys, such as ids of faces; one for each vector.
    #[must_use]
    pub fn keys(self, keys: &'a [Option<String>]) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// Whose vectors they are: for each the index of a person in `people`. Without it each goes to the nearest person.
    #[must_use]
    pub fn people(self, people: &'a [KnownPerson], of: &'a [usize]) -> Self {
        Self { people: Some((people, of)), ..self }
    }

    fn key(&self, at: usize) -> Option<&'a str> {
        self.keys.and_then(|keys| keys[at].as_deref())
    }

    /// Checks everything that can be wrong with the batch, without changing anything.
    fn check(&self, index: &Index) -> Result<()> {
        let settings = index.settings();
        let vectors = crate::check::rows(self.rows, settings.dim(), settings.threshold().metric())?;
        if vectors != self.ids.len() {
            return Err(Error::Ids { ids: self.ids.len(), vectors });
        }
        let lengths = [("keys", self.keys.map(<[_]>::len)), ("people", self.people.map(|(_, of)| of.len()))];
        for (what, got) in lengths {
            if let Some(got) = got.filter(|&got| got != vectors) {
                return Err(Error::BatchLength { what, got, vectors });
            }
        }
        let mut seen = HashSet::with_capacity(vectors);
        for &id in self.ids {
            if index.member(id).is_ok() || !seen.insert(id) {
                return Err(Error::DuplicateId { id });
            }
        }
        if index.people.slots().max(index.members.ids.len()).saturating_add(vectors) >= NONE as usize {
            return Err(Error::Full);
        }
        (0..vectors).filter_map(|at| self.key(at)).try_for_each(check_text)?;
        let (people, of) = self.people.unwrap_or_default();
        for person in people {
            person.label.map_or(Ok(0), |label| index.slot(label))?;
            person.info.name.as_deref().map_or(Ok(()), check_text)?;
        }
        match of.iter().position(|&person| person >= people.len()) {
            Some(row) => Err(Error::NoSuchPerson { row, person: of[row], people: people.len() }),
            None => Ok(()),
        }
    }

    /// Number of changes in the log.
    fn changes(&self) -> Result<u32> {
        let keys = (0..self.ids.len()).filter(|&at| self.key(at).is_some()).count();
        let (people, of) = self.people.unwrap_or_default();
        let used: HashSet<usize> = of.iter().copied().collect();
        let described = |&&person: &&usize| people[person].label.is_none() && !people[person].info.is_empty();
        let described = used.iter().filter(described).count();
        u32::try_from(self.ids.len() + keys + described).map_err(|_| Error::Full)
    }
}

impl Store {
    /// Inserts vectors in order, with one sync for all. Either all are inserted or none: an invalid vector, an id that is
    /// taken, a full disk and a killed process leave the index as it was.
    ///
    /// Other threads can see some of the vectors before all are there.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`Error::Ids`], [`Error::BatchLength`], [`Error::NoSuchPerson`],
    /// [`Error::UnknownLabel`], [`Error::Text`].
    pub fn insert_all(&self, batch: &Batch<'_>) -> Result<Vec<Inserted>> {
        let mut log = self.writer()?;
        batch.check(&*self.read()?)?;
        if batch.ids.is_empty() {
            return Ok(Vec::new());
        }
        let start = log.as_ref().map(Log::position);
        let mut undo = Undo::of(&*self.read()?);
        match self.insert_group(&mut log, batch, &mut undo) {
            Ok(inserted) => {
                self.finish(log)?;
                Ok(inserted)
            }
            Err(error) => {
                self.index_mut()?.undo(undo);
                if let (Some(log), Some(start)) = (&mut *log, start) {
                    log.rewind(start);
                }
                Err(error)
            }
        }
    }

    fn insert_group(
        &self,
        log: &mut MutexGuard<'_, Option<Log>>,
        batch: &Batch<'_>,
        undo: &mut Undo,
    ) -> Result<Vec<Inserted>> {
        append(log, &Change::Group(batch.changes()?))?;
        let dim = self.read()?.settings().dim();
        let (people, of) = batch.people.unwrap_or_default();
        let mut labels: Vec<Option<Label>> = people.iter().map(|p| p.label).collect();
        let mut all = Vec::with_capacity(batch.ids.len());
        for (at, (vector, &id)) in batch.rows.chunks_exact(dim).zip(batch.ids).enumerate() {
            let person = of.get(at).copied();
            let to = person.map_or(To::Nearest, |p| labels[p].map_or(To::New, To::Person));
            let planned = self.read()?.plan_insert(vector, id, to)?;
            let inserted = planned.inserted;
            append(log, &Change::Insert(id, inserted.label, vector))?;
            undo.before(&*self.read()?, id, inserted.label);
            self.index_mut()?.apply(&planned, vector, id);
            if let Some(key) = batch.key(at) {
                append(log, &Change::Key(id, key))?;
                self.index_mut()?.set_key(id, key)?;
            }
            if let Some(person) = person.filter(|&p| labels[p].is_none()) {
                labels[person] = Some(inserted.label);
                let info = &people[person].info;
                if !info.is_empty() {
                    append(log, &Change::Describe(inserted.label, info))?;
                    self.index_mut()?.describe(inserted.label, info.clone())?;
                }
            }
            all.push(inserted);
        }
        Ok(all)
    }

    /// [`Index::describe`], logged.
    ///
    /// # Errors
    /// As there; [`Error::Io`].
    pub fn describe(&self, label: Label, info: &PersonInfo) -> Result<()> {
        let mut log = self.writer()?;
        self.read()?.check_describe(label, info)?;
        append(&mut log, &Change::Describe(label, info))?;
        self.index_mut()?.describe(label, info.clone())?;
        self.finish(log)
    }
}
