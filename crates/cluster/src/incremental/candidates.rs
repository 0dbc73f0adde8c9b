//! Which clusters one may join, with bounds of their distances.

use super::sets::Sets;

/// A cluster that may be within the list's horizon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// The smallest row of a cluster, perhaps of one that has grown since.
    pub(super) id: u32,
    /// Rows of it that were near; all of them, or it is too far.
    pub(super) count: u32,
}

/// Neighbours of a cluster. Clusters that are not in it are no nearer than the horizon.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub(super) entries: Vec<Candidate>,
    /// Lower and upper bounds of their distances; what is known has both the same.
    pub(super) least: Vec<f64>,
    pub(super) most: Vec<f64>,
    pub(super) horizon: f64,
}

impl Candidates {
    /// With nobody in it.
    pub(super) fn empty(horizon: f64) -> Self {
        Self { horizon, ..Self::default() }
    }

    /// The nearest, as far as is known: of equals the one with the smallest id.
    pub(super) fn nearest(&self) -> Option<(usize, f64)> {
        let least = crate::distance_matrix::minimum(&self.least);
        // Passes that take several at once, and one by one only where there are equals.
        let equals = self.least.iter().map(|&d| u64::from(d == least)).sum::<u64>();
        let at = if equals > 1 {
            let all = self.least.iter().enumerate().filter(|(_, d)| **d == least).map(|(at, _)| at);
            all.min_by_key(|&at| self.entries[at].id)
        } else {
            self.least.iter().position(|&d| d == least)
        };
        at.map(|at| (at, least))
    }

    /// The least bound, or the horizon where that is no farther.
    pub(super) fn front(&self) -> f64 {
        crate::distance_matrix::minimum(&self.least).min(self.horizon)
    }

    pub(super) fn push(&mut self, entry: Candidate, (least, most): (f64, f64)) {
        self.entries.push(entry);
        self.least.push(least);
        self.most.push(most);
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.entries.swap_remove(at);
        self.least.swap_remove(at);
        self.most.swap_remove(at);
    }

    fn put(&mut self, to: usize, from: usize) {
        self.entries[to] = self.entries[from];
        self.least[to] = self.least[from];
        self.most[to] = self.most[from];
    }

    fn truncate(&mut self, count: usize) {
        self.entries.truncate(count);
        self.least.truncate(count);
        self.most.truncate(count);
    }

    /// Keeps what `keep` accepts, with the bounds that it makes of those there are.
    fn retain(&mut self, mut keep: impl FnMut(Candidate, &mut f64, &mut f64) -> bool) {
        let mut kept = 0;
        for at in 0..self.entries.len() {
            if keep(self.entries[at], &mut self.least[at], &mut self.most[at]) {
                self.put(kept, at);
                kept += 1;
            }
        }
        self.truncate(kept);
    }

    /// Names clusters as they are now, and drops those that are not near as a whole. `slot` holds `u32::MAX` for
    /// each row, before and after.
    pub(super) fn settle(&mut self, owner: u32, sets: &mut Sets, slot: &mut [u32]) {
        let mut kept = 0;
        for at in 0..self.entries.len() {
            let entry = self.entries[at];
            let id = sets.find(entry.id);
            if id == owner {
                continue;
            }
            let place = slot[id as usize];
            if place == u32::MAX {
                slot[id as usize] = kept as u32;
                self.put(kept, at);
                self.entries[kept].id = id;
                kept += 1;
            } else {
                let place = place as usize;
                self.entries[place].count += entry.count;
                self.least[place] = self.least[place].max(self.least[at]);
                self.most[place] = self.most[place].max(self.most[at]);
            }
        }
        self.truncate(kept);
        let horizon = self.horizon;
        self.retain(|entry, least, _| {
            slot[entry.id as usize] = u32::MAX;
            entry.count == sets.size(entry.id) && *least < horizon
        });
    }

    /// That of two clusters that become one, from the lists of both as they are now: the one with the farther
    /// horizon names all that count.
    pub(super) fn join(mut self, mut other: Self, slot: &mut [u32]) -> Self {
        if self.horizon < other.horizon {
            std::mem::swap(&mut self, &mut other);
        }
        (0_u32..).zip(&other.entries).for_each(|(at, entry)| slot[entry.id as usize] = at);
        let horizon = self.horizon;
        self.retain(|entry, least, most| {
            let place = slot[entry.id as usize] as usize;
            let (of_other, most_of_other) = match other.least.get(place) {
                Some(&least) => (least, other.most[place]),
                None => (other.horizon, f64::INFINITY),
            };
            (*least, *most) = (least.max(of_other), most.max(most_of_other));
            *least < horizon
        });
        other.entries.iter().for_each(|entry| slot[entry.id as usize] = u32::MAX);
        self
    }

    /// Raises all bounds to what `bounds` gives for a cluster; what is none goes.
    pub(super) fn raise(&mut self, mut bounds: impl FnMut(u32) -> Option<(f64, f64)>) {
        self.retain(|entry, least, most| {
            let Some(raised) = bounds(entry.id) else { return false };
            (*least, *most) = (least.max(raised.0), most.max(raised.1));
            true
        });
    }

    /// Keeps the `most` nearest; the horizon says what is known of the others.
    pub(super) fn shorten(&mut self, most: usize) {
        if self.entries.len() <= most {
            return;
        }
        let mut sorted = self.least.clone();
        let (_, &mut horizon, _) = sorted.select_nth_unstable_by(most, f64::total_cmp);
        self.horizon = horizon;
        self.retain(|_, least, _| *least < horizon);
    }
}
