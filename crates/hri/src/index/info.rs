//! What a caller says of people and vectors: numbers and names of people, keys of vectors. Searches do not use it.

use super::Index;
use crate::{Error, Label, Result};

/// Longest name of a person or key of a vector, in bytes.
pub const MAX_TEXT: usize = 4096;

/// What a caller says of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonInfo {
    /// The number of the person in the caller's own table, which the index numbers anew.
    pub number: Option<i64>,
    /// The person's name.
    pub name: Option<String>,
}

impl PersonInfo {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.number.is_none() && self.name.is_none()
    }
}

/// # Errors
/// [`Error::Text`] for a text of no bytes or more than [`MAX_TEXT`].
pub(crate) fn check_text(text: &str) -> Result<()> {
    if (1..=MAX_TEXT).contains(&text.len()) { Ok(()) } else { Err(Error::Text { bytes: text.len() }) }
}

impl Index {
    /// What was said of a person; `None` where nothing was, or there is no such person.
    #[must_use]
    pub fn info(&self, label: Label) -> Option<&PersonInfo> {
        self.info.get(&label)
    }

    /// The name of a person.
    #[must_use]
    pub fn name(&self, label: Label) -> Option<&str> {
        self.info.get(&label)?.name.as_deref()
    }

    /// Whether anything is said of any person.
    #[must_use]
    pub fn has_info(&self) -> bool {
        !self.info.is_empty()
    }

    /// The person of a name; of several the one with the smallest label.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Label> {
        self.info.iter().find(|(_, info)| info.name.as_deref() == Some(name)).map(|(&label, _)| label)
    }

    /// Says something of a person, in place of what was said before.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`], [`Error::Text`].
    pub fn describe(&mut self, label: Label, info: PersonInfo) -> Result<()> {
        self.check_describe(label, &info)?;
        if info.is_empty() {
            self.info.remove(&label);
        } else {
            self.info.insert(label, info);
        }
        Ok(())
    }

    pub(crate) fn check_describe(&self, label: Label, info: &PersonInfo) -> Result<()> {
        self.slot(label)?;
        info.name.as_deref().map_or(Ok(()), check_text)
    }

    /// The caller's key of a vector, such as the id of a face; `None` where it has none, or there is no such vector.
    #[must_use]
    pub fn key(&self, id: u64) -> Option<&str> {
        self.keys.get(&id).map(|key| &**key)
    }

    /// All keys, by id.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = (u64, &str)> {
        self.keys.iter().map(|(&id, key)| (id, &**key))
    }

    /// Gives a vector a key.
    ///
    /// # Errors
    /// [`Error::UnknownId`], [`Error::Text`].
    pub(crate) fn set_key(&mut self, id: u64, key: &str) -> Result<()> {
        self.member(id)?;
        check_text(key)?;
        self.keys.insert(id, key.into());
        Ok(())
    }

    /// The person that stays after a merge takes what is not said of it from the one that goes.
    pub(super) fn merge_info(&mut self, into: Label, from: Label) {
        let Some(other) = self.info.remove(&from) else { return };
        let info = self.info.entry(into).or_default();
        info.number = info.number.or(other.number);
        info.name = info.name.take().or(other.name);
    }
}
