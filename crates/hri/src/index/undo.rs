//! Taking back the inserts of a batch that could not be finished.

use std::collections::BTreeMap;

use super::Index;
use crate::Label;

/// The people that inserts have changed, as they were before.
#[derive(Debug)]
pub(crate) struct Undo {
    next_label: Label,
    /// Sum and count by label.
    people: BTreeMap<Label, (Vec<f64>, u32)>,
    ids: Vec<u64>,
}

impl Undo {
    pub(crate) fn of(index: &Index) -> Self {
        Self { next_label: index.next_label, people: BTreeMap::new(), ids: Vec::new() }
    }

    /// Notes an insert that comes next.
    pub(crate) fn before(&mut self, index: &Index, id: u64, label: Label) {
        self.ids.push(id);
        if label < self.next_label
            && let Ok(slot) = index.slot(label)
        {
            let state = || (index.people.sum(slot).to_vec(), index.people.counts[slot]);
            self.people.entry(label).or_insert_with(state);
        }
    }
}

impl Index {
    /// Takes back the inserts that were noted. Sums are as they were, to the last bit.
    pub(crate) fn undo(&mut self, undo: Undo) {
        for id in undo.ids.into_iter().rev() {
            let Ok(member) = self.member(id) else { continue };
            let slot = self.members.person[member as usize] as usize;
            self.members.unlink(&mut self.people, member);
            self.members.remove(member);
            self.keys.remove(&id);
            if self.people.labels[slot] >= undo.next_label {
                self.people.counts[slot] -= 1;
                if self.people.counts[slot] == 0 {
                    self.after_removal(slot);
                }
            }
        }
        for (label, (sum, count)) in undo.people {
            let Ok(slot) = self.slot(label) else { continue };
            self.people.reset(slot);
            self.people.add_to_sum(slot, &sum, 1.0, count.into());
            self.mean_changed(slot);
        }
        self.next_label = undo.next_label;
    }
}
