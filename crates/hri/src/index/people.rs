//! People and their members, as tables.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::look::Scaled;
use crate::wide::{add, dot};
use crate::{Label, Metric};

/// Nobody, nothing.
pub(crate) const NONE: u32 = u32::MAX;

/// Spreads ids (Fibonacci hashing); whoever chooses ids to collide slows down his own index.
#[derive(Debug, Default, Clone)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
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

pub(crate) type Ids = HashMap<u64, u32, BuildHasherDefault<Spread>>;

/// People, each at a place that stays its own.
#[derive(Debug, Default)]
pub(crate) struct People {
    pub(crate) dim: usize,
    pub(crate) metric: Metric,
    /// `Label::MAX` where nobody is.
    pub(crate) labels: Vec<Label>,
    pub(crate) counts: Vec<u32>,
    /// Sum of the members' vectors; under cosine of their directions.
    pub(crate) sums: Vec<f64>,
    /// Squared length of the sum.
    pub(crate) squares: Vec<f64>,
    /// First and last member.
    pub(crate) ends: Vec<(u32, u32)>,
    pub(crate) free: Vec<u32>,
    pub(crate) by_label: Ids,
}

/// Members, each at a place that stays its own; those of a person are a chain.
#[derive(Debug, Default)]
pub(crate) struct Members {
    pub(crate) ids: Vec<u64>,
    /// `NONE` where there is no member.
    pub(crate) person: Vec<u32>,
    pub(crate) next: Vec<u32>,
    pub(crate) before: Vec<u32>,
    pub(crate) free: Vec<u32>,
    /// Rows of the vectors as they came, where they are kept.
    pub(crate) vectors: Vec<f32>,
    pub(crate) by_id: Ids,
}

impl People {
    pub(crate) fn new(dim: usize, metric: Metric) -> Self {
        Self { dim, metric, ..Self::default() }
    }

    /// Places, with those where nobody is.
    pub(crate) fn places(&self) -> usize {
        self.labels.len()
    }

    pub(crate) fn is_there(&self, place: usize) -> bool {
        self.counts[place] > 0
    }

    pub(crate) fn sum(&self, place: usize) -> &[f64] {
        &self.sums[place * self.dim..(place + 1) * self.dim]
    }

    /// The mean of a person, for cosine its direction.
    #[inline]
    pub(crate) fn mean(&self, place: usize) -> Option<Scaled<'_>> {
        if self.counts[place] == 0 {
            return None;
        }
        let (factor, length) = match self.metric {
            Metric::Cosine => (1.0 / self.squares[place].sqrt(), 1.0),
            Metric::Euclidean => {
                let inverse = self.inverse(place);
                (inverse, self.squares[place].sqrt() * inverse)
            }
        };
        Some(Scaled { numbers: self.sum(place), factor, length })
    }

    pub(crate) fn inverse(&self, place: usize) -> f64 {
        1.0 / f64::from(self.counts[place])
    }

    /// The distance of a query from a person.
    #[inline]
    pub(crate) fn distance(&self, place: usize, x: &[f64], xx: f64) -> f64 {
        self.metric.distance(x, xx, self.sum(place), self.squares[place], self.inverse(place))
    }

    /// A new person without members.
    pub(crate) fn add(&mut self, label: Label) -> usize {
        let place = self.free.pop().map_or(self.labels.len(), |place| place as usize);
        if place == self.labels.len() {
            self.labels.push(label);
            self.counts.push(0);
            self.squares.push(0.0);
            self.ends.push((NONE, NONE));
            self.sums.resize((place + 1) * self.dim, 0.0);
        }
        self.labels[place] = label;
        self.by_label.insert(label, place as u32);
        place
    }

    /// Adds to a person's sum.
    pub(crate) fn shift(&mut self, place: usize, x: &[f64], factor: f64, count: i64) {
        let sum = &mut self.sums[place * self.dim..(place + 1) * self.dim];
        add(sum, x, factor);
        self.squares[place] = dot(sum, sum);
        self.counts[place] = (i64::from(self.counts[place]) + count) as u32;
    }

    /// Adds all of a person to another.
    pub(crate) fn pour(&mut self, into: usize, from: usize) {
        let all = self.sum(from).to_vec();
        let count = self.counts[from];
        self.shift(into, &all, 1.0, count.into());
    }

    /// Empties a sum.
    pub(crate) fn reset(&mut self, place: usize) {
        self.sums[place * self.dim..(place + 1) * self.dim].fill(0.0);
        self.counts[place] = 0;
        self.squares[place] = 0.0;
    }

    /// Nobody is at a place any more.
    pub(crate) fn remove(&mut self, place: usize) {
        self.reset(place);
        self.by_label.remove(&self.labels[place]);
        self.labels[place] = Label::MAX;
        self.ends[place] = (NONE, NONE);
        self.free.push(place as u32);
    }

    pub(crate) fn memory(&self) -> usize {
        self.labels.capacity() * 8
            + self.counts.capacity() * 4
            + self.sums.capacity() * 8
            + self.squares.capacity() * 8
            + self.ends.capacity() * 8
            + self.by_label.capacity() * 17
    }
}

impl Members {
    /// A member at the end of a person's chain.
    pub(crate) fn add(&mut self, people: &mut People, id: u64, person: usize, vector: Option<&[f32]>) {
        let place = self.free.pop().map_or(self.ids.len(), |place| place as usize);
        if place == self.ids.len() {
            self.ids.push(id);
            self.person.push(NONE);
            self.next.push(NONE);
            self.before.push(NONE);
            if let Some(vector) = vector {
                self.vectors.extend_from_slice(vector);
            }
        } else if let Some(vector) = vector {
            let dim = people.dim;
            self.vectors[place * dim..(place + 1) * dim].copy_from_slice(vector);
        }
        self.ids[place] = id;
        self.by_id.insert(id, place as u32);
        self.link(people, place as u32, person);
    }

    /// Puts a member at the end of a person's chain.
    pub(crate) fn link(&mut self, people: &mut People, member: u32, person: usize) {
        let (first, last) = &mut people.ends[person];
        self.person[member as usize] = person as u32;
        self.before[member as usize] = *last;
        self.next[member as usize] = NONE;
        if *last == NONE {
            *first = member;
        } else {
            self.next[*last as usize] = member;
        }
        *last = member;
    }

    /// Takes a member out of its person's chain.
    pub(crate) fn unlink(&mut self, people: &mut People, member: u32) {
        let at = member as usize;
        let (before, next) = (self.before[at], self.next[at]);
        let (first, last) = &mut people.ends[self.person[at] as usize];
        if before == NONE {
            *first = next;
        } else {
            self.next[before as usize] = next;
        }
        if next == NONE {
            *last = before;
        } else {
            self.before[next as usize] = before;
        }
    }

    /// Forgets a member that is in no chain.
    pub(crate) fn remove(&mut self, member: u32) {
        self.by_id.remove(&self.ids[member as usize]);
        self.person[member as usize] = NONE;
        self.free.push(member);
    }

    /// The members of a person in the order they came.
    pub(crate) fn of(&self, people: &People, person: usize) -> impl Iterator<Item = u32> {
        let first = people.ends[person].0;
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
            + (self.person.capacity() + self.next.capacity() + self.before.capacity()) * 4
            + self.vectors.capacity() * 4
            + self.by_id.capacity() * 13
    }
}
