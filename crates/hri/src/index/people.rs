//! Tables of people and of their members, column by column.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use streamface_kernels::dot::add_scaled;
use streamface_kernels::dot_f64;

use crate::metric::distance_to_mean;
use crate::prefilter::ScaledVector;
use crate::{Label, Metric};

/// Marks an empty slot and the end of a list.
pub(crate) const NONE: u32 = u32::MAX;

/// Hashes ids (Fibonacci hashing). It is fast; a caller who chooses colliding ids only slows down the caller's own index.
#[derive(Debug, Default, Clone)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&b| self.write_u64(b.into()));
    }
    fn write_u64(&mut self, x: u64) {
        let x = (self.0 ^ x ^ (x >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = x ^ (x >> 29);
    }
}

pub(crate) type Ids = HashMap<u64, u32, BuildHasherDefault<IdHasher>>;

/// People. Each keeps its slot until it is removed.
#[derive(Debug, Default)]
pub(crate) struct People {
    pub(crate) dim: usize,
    pub(crate) metric: Metric,
    /// `Label::MAX` in an empty slot.
    pub(crate) labels: Vec<Label>,
    pub(crate) counts: Vec<u32>,
    /// Sum of the members' vectors; for cosine of their directions.
    pub(crate) sums: Vec<f64>,
    /// Squared length of the sum.
    pub(crate) squares: Vec<f64>,
    /// First and last member of each person's list.
    pub(crate) chains: Vec<(u32, u32)>,
    pub(crate) free: Vec<u32>,
    pub(crate) by_label: Ids,
}

/// Members. Each keeps its slot until it is removed; the members of a person are a doubly linked list.
#[derive(Debug, Default)]
pub(crate) struct Members {
    pub(crate) ids: Vec<u64>,
    /// The person's slot; `NONE` in an empty slot.
    pub(crate) person: Vec<u32>,
    pub(crate) next: Vec<u32>,
    pub(crate) previous: Vec<u32>,
    pub(crate) free: Vec<u32>,
    /// The vectors as given, row by row, if they are kept.
    pub(crate) vectors: Vec<f32>,
    pub(crate) by_id: Ids,
}

impl People {
    pub(crate) fn new(dim: usize, metric: Metric) -> Self {
        Self { dim, metric, ..Self::default() }
    }

    /// Number of slots, empty ones included.
    pub(crate) fn slots(&self) -> usize {
        self.labels.len()
    }

    pub(crate) fn is_occupied(&self, slot: usize) -> bool {
        self.counts[slot] > 0
    }

    pub(crate) fn sum(&self, slot: usize) -> &[f64] {
        &self.sums[slot * self.dim..(slot + 1) * self.dim]
    }

    /// The mean of a person; for cosine the direction of the mean.
    #[inline]
    pub(crate) fn mean(&self, slot: usize) -> Option<ScaledVector<'_>> {
        if self.counts[slot] == 0 {
            return None;
        }
        let (factor, length) = match self.metric {
            Metric::Cosine => (1.0 / self.squares[slot].sqrt(), 1.0),
            Metric::Euclidean => {
                let inverse = self.inverse(slot);
                (inverse, self.squares[slot].sqrt() * inverse)
            }
        };
        Some(ScaledVector { numbers: self.sum(slot), factor, length })
    }

    pub(crate) fn inverse(&self, slot: usize) -> f64 {
        1.0 / f64::from(self.counts[slot])
    }

    /// The distance of a query from a person's mean. `xx` is the squared length of the query.
    #[inline]
    pub(crate) fn distance(&self, slot: usize, x: &[f64], xx: f64) -> f64 {
        distance_to_mean(self.metric, x, xx, self.sum(slot), self.squares[slot], self.inverse(slot))
    }

    /// Adds a person without members. Returns the slot.
    pub(crate) fn add(&mut self, label: Label) -> usize {
        let slot = self.free.pop().map_or(self.labels.len(), |slot| slot as usize);
        if slot == self.labels.len() {
            self.labels.push(label);
            self.counts.push(0);
            self.squares.push(0.0);
            self.chains.push((NONE, NONE));
            self.sums.resize((slot + 1) * self.dim, 0.0);
        }
        self.labels[slot] = label;
        self.by_label.insert(label, slot as u32);
        slot
    }

    /// Adds `x` · `factor` to a person's sum, and `count` to the number of members.
    pub(crate) fn add_to_sum(&mut self, slot: usize, x: &[f64], factor: f64, count: i64) {
        let sum = &mut self.sums[slot * self.dim..(slot + 1) * self.dim];
        add_scaled(sum, x, factor);
        self.squares[slot] = dot_f64(sum, sum);
        self.counts[slot] = (i64::from(self.counts[slot]) + count) as u32;
    }

    /// Adds one person's sum and number of members to those of another.
    pub(crate) fn add_sum_of(&mut self, into: usize, from: usize) {
        let all = self.sum(from).to_vec();
        let count = self.counts[from];
        self.add_to_sum(into, &all, 1.0, count.into());
    }

    /// Sets a person's sum and number of members to 0.
    pub(crate) fn reset(&mut self, slot: usize) {
        self.sums[slot * self.dim..(slot + 1) * self.dim].fill(0.0);
        self.counts[slot] = 0;
        self.squares[slot] = 0.0;
    }

    /// Empties a slot.
    pub(crate) fn remove(&mut self, slot: usize) {
        self.reset(slot);
        self.by_label.remove(&self.labels[slot]);
        self.labels[slot] = Label::MAX;
        self.chains[slot] = (NONE, NONE);
        self.free.push(slot as u32);
    }

    pub(crate) fn memory(&self) -> usize {
        self.labels.capacity() * 8
            + self.counts.capacity() * 4
            + self.sums.capacity() * 8
            + self.squares.capacity() * 8
            + self.chains.capacity() * 8
            + self.by_label.capacity() * 17
    }
}

impl Members {
    /// Adds a member at the end of a person's list.
    pub(crate) fn add(&mut self, people: &mut People, id: u64, person: usize, vector: Option<&[f32]>) {
        let slot = self.free.pop().map_or(self.ids.len(), |slot| slot as usize);
        if slot == self.ids.len() {
            self.ids.push(id);
            self.person.push(NONE);
            self.next.push(NONE);
            self.previous.push(NONE);
            if let Some(vector) = vector {
                self.vectors.extend_from_slice(vector);
            }
        } else if let Some(vector) = vector {
            let dim = people.dim;
            self.vectors[slot * dim..(slot + 1) * dim].copy_from_slice(vector);
        }
        self.ids[slot] = id;
        self.by_id.insert(id, slot as u32);
        self.link(people, slot as u32, person);
    }

    /// Links a member at the end of a person's list.
    pub(crate) fn link(&mut self, people: &mut People, member: u32, person: usize) {
        let (first, last) = &mut people.chains[person];
        self.person[member as usize] = person as u32;
        self.previous[member as usize] = *last;
        self.next[member as usize] = NONE;
        if *last == NONE {
            *first = member;
        } else {
            self.next[*last as usize] = member;
        }
        *last = member;
    }

    /// Unlinks a member from its person's list.
    pub(crate) fn unlink(&mut self, people: &mut People, member: u32) {
        let at = member as usize;
        let (previous, next) = (self.previous[at], self.next[at]);
        let (first, last) = &mut people.chains[self.person[at] as usize];
        if previous == NONE {
            *first = next;
        } else {
            self.next[previous as usize] = next;
        }
        if next == NONE {
            *last = previous;
        } else {
            self.previous[next as usize] = previous;
        }
    }

    /// Removes a member that is in no list.
    pub(crate) fn remove(&mut self, member: u32) {
        self.by_id.remove(&self.ids[member as usize]);
        self.person[member as usize] = NONE;
        self.free.push(member);
    }

    /// The members of a person in the order of their insertion.
    pub(crate) fn of_person(&self, people: &People, person: usize) -> impl Iterator<Item = u32> {
        let first = people.chains[person].0;
        std::iter::successors((first != NONE).then_some(first), |&m| {
            let next = self.next[m as usize];
            (next != NONE).then_some(next)
        })
    }

    pub(crate) fn vector(&self, member: u32, dim: usize) -> &[f32] {
        &self.vectors[member as usize * dim..(member as usize + 1) * dim]
    }

    pub(crate) fn memory(&self) -> usize {
        self.ids.capacity() * 8
            + (self.person.capacity() + self.next.capacity() + self.previous.capacity()) * 4
            + self.vectors.capacity() * 4
            + self.by_id.capacity() * 13
    }
}
