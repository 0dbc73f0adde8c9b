//! Which clusters one may join, with lower bounds of their distances.

use super::sets::Sets;

/// A cluster that may be within the list's horizon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// The smallest row of a cluster, perhaps of one that has grown since.
    pub(super) id: u32,
    /// Rows of it that were near; all of them, or it is too far.
    pub(super) count: u32,
    /// Rows of the list's owner, the first ones, whose distances to all of it are in `least`.
    pub(super) done: u32,
}

/// Neighbours of a cluster. Clusters that are not in it are no nearer than the horizon.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) entries: Vec<Entry>,
    /// Lower bounds of their distances.
    pub(super) least: Vec<f64>,
    pub(super) horizon: f64,
}

impl List {
    /// The nearest, as far as is known: of equals the one with the smallest id.
    pub(super) fn nearest(&self) -> Option<(usize, f64)> {
        let least = crate::dense::minimum(&self.least);
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

    pub(super) fn push(&mut self, entry: Entry, least: f64) {
        self.entries.push(entry);
        self.least.push(least);
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.entries.swap_remove(at);
        self.least.swap_remove(at);
    }

    /// Names clusters as they are now, and drops those that are not near as a whole. `slot` holds `u32::MAX` for
    /// each row, before and after.
    pub(super) fn settle(&mut self, owner: u32, sets: &mut Sets, slot: &mut [u32]) {
        let mut kept = 0;
        for at in 0..self.entries.len() {
            let (entry, least) = (self.entries[at], self.least[at]);
            let id = sets.find(entry.id);
            if id == owner {
                continue;
            }
            let place = slot[id as usize];
            if place == u32::MAX {
                slot[id as usize] = kept as u32;
                self.entries[kept] = Entry { id, ..entry };
                self.least[kept] = least;
                kept += 1;
            } else {
                let place = place as usize;
                let same = &mut self.entries[place];
                same.count += entry.count;
                same.done = same.done.min(entry.done);
                self.least[place] = self.least[place].max(least);
            }
        }
        let mut whole = 0;
        for at in 0..kept {
            let (entry, least) = (self.entries[at], self.least[at]);
            slot[entry.id as usize] = u32::MAX;
            if entry.count == sets.size(entry.id) {
                (self.entries[whole], self.least[whole]) = (entry, least);
                whole += 1;
            }
        }
        self.entries.truncate(whole);
        self.least.truncate(whole);
    }

    /// Keeps the `most` nearest; the horizon says what is known of the others.
    pub(super) fn shorten(&mut self, most: usize) {
        if self.entries.len() <= most {
            return;
        }
        let mut sorted = self.least.clone();
        let (_, &mut horizon, _) = sorted.select_nth_unstable_by(most, f64::total_cmp);
        self.horizon = horizon;
        let mut at = 0;
        let least = &self.least;
        self.entries.retain(|_| {
            at += 1;
            least[at - 1] < horizon
        });
        self.least.retain(|&d| d < horizon);
    }
}
