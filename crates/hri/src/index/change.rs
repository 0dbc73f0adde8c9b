//! Taking out, merging and splitting.

use super::{Index, NONE};
use crate::{Error, Label};

impl Index {
    /// Takes a vector out. Whose it was; a person whose last one is gone is no more.
    ///
    /// O(d k).
    ///
    /// # Errors
    /// [`Error::UnknownId`], [`Error::NoVectors`].
    pub fn remove(&mut self, id: u64) -> Result<Label, Error> {
        let (member, place) = self.check_remove(id)?;
        let label = self.people.labels[place];
        self.take_out(member, place);
        self.members.remove(member);
        self.settle(place);
        Ok(label)
    }

    /// The member and its person's place, where it can be taken out.
    pub(crate) fn check_remove(&self, id: u64) -> Result<(u32, usize), Error> {
        let member = self.member(id)?;
        let place = self.members.person[member as usize] as usize;
        if self.people.counts[place] > 1 && !self.settings.keeps_vectors() {
            return Err(Error::NoVectors);
        }
        Ok((member, place))
    }

    /// Takes a person out, with all its vectors. How many there were.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`].
    pub fn remove_person(&mut self, label: Label) -> Result<usize, Error> {
        let place = self.place(label)?;
        let members: Vec<u32> = self.members.of(&self.people, place).collect();
        members.iter().for_each(|&member| self.members.remove(member));
        self.people.reset(place);
        self.settle(place);
        Ok(members.len())
    }

    /// Makes one person of two: all that is `from`'s becomes `into`'s, and the label `from` is no more.
    ///
    /// O(members of `from` + d k).
    ///
    /// # Errors
    /// [`Error::UnknownLabel`], [`Error::Itself`].
    pub fn merge(&mut self, into: Label, from: Label) -> Result<(), Error> {
        let (to, gone) = self.check_merge(into, from)?;
        self.people.pour(to, gone);
        let mut next = self.people.ends[gone].0;
        while next != NONE {
            let member = next;
            next = self.members.next[member as usize];
            self.members.link(&mut self.people, member, to);
        }
        self.people.reset(gone);
        self.settle(gone);
        self.changed(to);
        Ok(())
    }

    /// The places of two people who can be merged.
    pub(crate) fn check_merge(&self, into: Label, from: Label) -> Result<(usize, usize), Error> {
        let (to, gone) = (self.place(into)?, self.place(from)?);
        if to == gone { Err(Error::Itself { label: into }) } else { Ok((to, gone)) }
    }

    /// Makes two people of one: the members named become a new person, whose label is returned.
    ///
    /// O(members named · d).
    ///
    /// # Errors
    /// [`Error::UnknownLabel`], [`Error::UnknownId`], [`Error::NotHers`], [`Error::EmptySplit`], [`Error::NoVectors`].
    pub fn split(&mut self, label: Label, ids: &[u64]) -> Result<Label, Error> {
        let members = self.check_split(label, ids)?;
        let (place, new) = (self.place(label)?, self.next_label);
        let to = self.add_person(new);
        for member in members {
            self.take_out(member, place);
            let (numbers, factor) = self.of_member(member);
            self.people.shift(to, &numbers, factor, 1);
            self.members.link(&mut self.people, member, to);
        }
        self.settle(place);
        self.changed(to);
        Ok(new)
    }

    /// The members to be split off, each once.
    pub(crate) fn check_split(&self, label: Label, ids: &[u64]) -> Result<Vec<u32>, Error> {
        let place = self.place(label)?;
        if !self.settings.keeps_vectors() {
            return Err(Error::NoVectors);
        }
        let mut members = Vec::with_capacity(ids.len());
        for &id in ids {
            let member = self.member(id)?;
            let is = self.members.person[member as usize] as usize;
            if is != place {
                return Err(Error::NotHers { id, label, is: self.people.labels[is] });
            }
            members.push(member);
        }
        members.sort_unstable();
        members.dedup();
        let all = self.people.counts[place] as usize;
        if members.is_empty() || members.len() == all {
            return Err(Error::EmptySplit { label, members: all });
        }
        Ok(members)
    }

    /// Takes a member out of its person's chain and sum.
    fn take_out(&mut self, member: u32, place: usize) {
        self.members.unlink(&mut self.people, member);
        match self.people.counts[place] {
            1 => self.people.reset(place),
            count => {
                let (numbers, factor) = self.of_member(member);
                self.people.shift(place, &numbers, -factor, -1);
                // What is left of one is that one, to the digit.
                if count == 2 {
                    let (numbers, factor) = self.of_member(self.people.ends[place].0);
                    self.people.reset(place);
                    self.people.shift(place, &numbers, factor, 1);
                }
            }
        }
    }

    /// After members were taken out.
    fn settle(&mut self, place: usize) {
        if self.people.is_there(place) {
            self.changed(place);
        } else {
            self.people.remove(place);
            self.gone(place);
        }
    }
}
