//! Removing, merging and splitting people.

use super::{Index, NONE};
use crate::{Error, Label, Result};

impl Index {
    /// Removes a vector, and its person if that was the last vector. Returns the person's label.
    ///
    /// O(d k).
    ///
    /// # Errors
    /// [`Error::UnknownId`], [`Error::VectorsNotKept`].
    pub fn remove(&mut self, id: u64) -> Result<Label> {
        let (member, slot) = self.check_remove(id)?;
        let label = self.people.labels[slot];
        self.detach(member, slot);
        self.members.remove(member);
        self.keys.remove(&id);
        self.after_removal(slot);
        Ok(label)
    }

    /// The member and its person's slot, if the member can be removed.
    pub(crate) fn check_remove(&self, id: u64) -> Result<(u32, usize)> {
        let member = self.member(id)?;
        let slot = self.members.person[member as usize] as usize;
        if self.people.counts[slot] > 1 && !self.settings.keeps_vectors() {
            return Err(Error::VectorsNotKept);
        }
        Ok((member, slot))
    }

    /// Removes a person with all vectors. Returns the number of vectors.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`].
    pub fn remove_person(&mut self, label: Label) -> Result<usize> {
        let slot = self.slot(label)?;
        let members: Vec<u32> = self.members.of_person(&self.people, slot).collect();
        for &member in &members {
            self.keys.remove(&self.members.ids[member as usize]);
            self.members.remove(member);
        }
        self.people.reset(slot);
        self.after_removal(slot);
        Ok(members.len())
    }

    /// Merges two people: all vectors of `from` become vectors of `into`, and the label `from` is removed. The number and
    /// name of `into` stay; what it lacks of these it takes from `from`.
    ///
    /// O(members of `from` + d k).
    ///
    /// # Errors
    /// [`Error::UnknownLabel`], [`Error::SelfMerge`].
    pub fn merge(&mut self, into: Label, from: Label) -> Result<()> {
        let (to, removed) = self.check_merge(into, from)?;
        self.people.add_sum_of(to, removed);
        let mut next = self.people.chains[removed].0;
        while next != NONE {
            let member = next;
            next = self.members.next[member as usize];
            self.members.link(&mut self.people, member, to);
        }
        self.merge_info(into, from);
        self.people.reset(removed);
        self.after_removal(removed);
        self.mean_changed(to);
        Ok(())
    }

    /// The slots of two people who can be merged.
    pub(crate) fn check_merge(&self, into: Label, from: Label) -> Result<(usize, usize)> {
        let (to, removed) = (self.slot(into)?, self.slot(from)?);
        if to == removed { Err(Error::SelfMerge { label: into }) } else { Ok((to, removed)) }
    }

    /// Splits a person: the given members become a new person. Returns the new person's label.
    ///
    /// O(given members · d).
    ///
    /// # Errors
    /// [`Error::UnknownLabel`], [`Error::UnknownId`], [`Error::NotAMember`], [`Error::EmptySplit`],
    /// [`Error::VectorsNotKept`].
    pub fn split(&mut self, label: Label, ids: &[u64]) -> Result<Label> {
        let members = self.check_split(label, ids)?;
        let (slot, new) = (self.slot(label)?, self.next_label);
        let to = self.add_person(new);
        for member in members {
            self.detach(member, slot);
            let (numbers, factor) = self.member_numbers(member);
            self.people.add_to_sum(to, &numbers, factor, 1);
            self.members.link(&mut self.people, member, to);
        }
        self.after_removal(slot);
        self.mean_changed(to);
        Ok(new)
    }

    /// The members to be split off, without duplicates.
    pub(crate) fn check_split(&self, label: Label, ids: &[u64]) -> Result<Vec<u32>> {
        let slot = self.slot(label)?;
        if !self.settings.keeps_vectors() {
            return Err(Error::VectorsNotKept);
        }
        let mut members = Vec::with_capacity(ids.len());
        for &id in ids {
            let member = self.member(id)?;
            let owner = self.members.person[member as usize] as usize;
            if owner != slot {
                return Err(Error::NotAMember { id, label, owner: self.people.labels[owner] });
            }
            members.push(member);
        }
        members.sort_unstable();
        members.dedup();
        let all = self.people.counts[slot] as usize;
        if members.is_empty() || members.len() == all {
            return Err(Error::EmptySplit { label, members: all });
        }
        Ok(members)
    }

    /// Removes a member from its person's list and sum.
    fn detach(&mut self, member: u32, slot: usize) {
        self.members.unlink(&mut self.people, member);
        match self.people.counts[slot] {
            1 => self.people.reset(slot),
            count => {
                let (numbers, factor) = self.member_numbers(member);
                self.people.add_to_sum(slot, &numbers, -factor, -1);
                // A sum of one vector is exactly that vector, without rounding left over from the others.
                if count == 2 {
                    let (numbers, factor) = self.member_numbers(self.people.chains[slot].0);
                    self.people.reset(slot);
                    self.people.add_to_sum(slot, &numbers, factor, 1);
                }
            }
        }
    }

    /// Updates the filters, or removes the person, after members were detached.
    pub(super) fn after_removal(&mut self, slot: usize) {
        if self.people.is_occupied(slot) {
            self.mean_changed(slot);
        } else {
            self.info.remove(&self.people.labels[slot]);
            self.people.remove(slot);
            self.person_removed(slot);
        }
    }
}
