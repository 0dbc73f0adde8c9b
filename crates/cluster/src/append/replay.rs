//! The old merges once more, beside those that new rows bring.
//!
//! At any time a cluster is *clean* if it is one of the old run at that time, with no constraint that this did not
//! have; all others are *dirty*. Linkage merges in the order of keys (distance, smaller id, larger id). Two clean
//! clusters are both there in the old run as well, at the same distance, so their key is no less than that of
//! the old run's next merge: the old merges tell all that happens among them. An old merge of A and B happens
//! again if both are clean when its key comes. If only A is, then B's place was taken by something dirty, and
//! from now on nothing is known of A's distances but that they have larger keys: A becomes dirty.
//!
//! Dirty clusters have a [`List`] of those that may be near, with lower bounds of their distances, and wait in a
//! queue by the least of them. What comes to the front has its bound raised, until it is a distance or no longer at
//! the front. So merges come in the order of their keys, and are all there are.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use super::list::List;
use super::search::Search;
use super::sets::Sets;
use crate::Merge;

/// How far beyond the front a cluster is looked at, in thresholds.
const AHEAD: f64 = 0.05;
/// Rows of each of two clusters that are looked at before all.
const PROBE: usize = 3;
/// How much a bound is raised at a time.
const STEP: f64 = 1.15;
/// Clusters that are dirty from the start are made ready so many at once.
const FIRST: usize = 1024;

/// What merges go by; for what is not known in full, no more than that.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Key(f64, u32, u32);

impl Key {
    fn new(distance: f64, x: u32, y: u32) -> Self {
        Self(distance, x.min(y), x.max(y))
    }
}

impl Eq for Key {}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then((self.1, self.2).cmp(&(other.1, other.2)))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

struct Dirty {
    /// Its rows; new ones come last.
    rows: Vec<u32>,
    list: List,
    /// Neighbours to keep.
    most: usize,
    /// Of its place in the queue; what has another is out of date.
    stamp: u64,
}

/// The state.
pub(super) struct Replay<'a> {
    search: Search<'a>,
    threshold: f64,
    pub(super) sets: Sets,
    clean: Vec<bool>,
    dirty: HashMap<u32, Dirty>,
    queue: BinaryHeap<Reverse<(Key, u32, u64)>>,
    stamps: u64,
    slot: Vec<u32>,
    /// Rows of clean clusters, those that stick out first.
    order: HashMap<u32, Vec<u32>>,
    /// Clusters at first.
    start: usize,
    /// Rows that must not join a row.
    apart: HashMap<u32, Vec<u32>>,
    /// Rows of a cluster with such.
    bound: HashMap<u32, Vec<u32>>,
    pub(super) merges: Vec<Merge>,
    /// Distances that were asked for.
    pub(super) looked: u64,
}

impl<'a> Replay<'a> {
    /// Starts from `sets`, of which those are known from the old run that are `clean`. Rows that must stay `apart` are
    /// named by the smallest of their set.
    pub(super) fn new(
        search: Search<'a>,
        threshold: f64,
        mut sets: Sets,
        clean: Vec<bool>,
        apart: impl Iterator<Item = (u32, u32)>,
    ) -> Self {
        let rows = clean.len();
        let mut others: HashMap<u32, Vec<u32>> = HashMap::new();
        for (a, b) in apart {
            others.entry(a).or_default().push(b);
            others.entry(b).or_default().push(a);
        }
        let start = (0..rows as u32).filter(|&row| sets.is_root(row)).count();
        let bound = others.keys().map(|&row| (sets.find(row), vec![row])).collect();
        Self {
            search,
            threshold,
            sets,
            clean,
            dirty: HashMap::new(),
            queue: BinaryHeap::new(),
            stamps: 0,
            slot: vec![u32::MAX; rows],
            order: HashMap::new(),
            start,
            apart: others,
            bound,
            merges: Vec::new(),
            looked: 0,
        }
    }

    /// Goes through the old merges, in order.
    pub(super) fn run(&mut self, old: &[Merge]) {
        let first: Vec<u32> = (0..self.clean.len() as u32)
            .filter(|&row| self.sets.is_root(row) && !self.clean[row as usize])
            .collect();
        let mut family = Family::new(old, self.clean.len());
        for rows in first.chunks(FIRST) {
            self.search.prepare(rows, self.search.limits.most, &self.sets);
            for &row in rows {
                family.lose(row, 0, &mut self.search);
                self.soil(row);
            }
        }
        let mut at = 0;
        loop {
            let next = old.get(at).map(|m| Key(m.distance, m.a, m.b));
            match (self.queue.peek(), next) {
                (None, None) => return,
                // What is dirty goes first where keys are equal: then it is the old merge with a row more.
                (Some(Reverse((key, ..))), next) if next.is_none_or(|next| *key <= next) => {
                    if let Some(Reverse((_, id, stamp))) = self.queue.pop()
                        && self.dirty.get(&id).is_some_and(|d| d.stamp == stamp)
                        && let Some(taken) = self.advance(id, next)
                    {
                        family.lose(taken, at, &mut self.search);
                    }
                }
                _ => {
                    self.again(&old[at]);
                    at += 1;
                }
            }
        }
    }

    /// An old merge.
    fn again(&mut self, merge: &Merge) {
        let clean = |row: u32| self.sets.is_root(row) && self.clean[row as usize];
        match (clean(merge.a), clean(merge.b)) {
            (true, true) => self.merge(*merge),
            (true, false) => self.soil(merge.a),
            (false, true) => self.soil(merge.b),
            (false, false) => {}
        }
    }

    fn merge(&mut self, merge: Merge) {
        self.sets.union(merge.a, merge.b);
        self.order.remove(&merge.b);
        if let Some(rows) = self.bound.remove(&merge.b) {
            self.bound.entry(merge.a).or_default().extend(rows);
        }
        self.merges.push(merge);
    }

    /// Makes a cluster dirty.
    fn soil(&mut self, id: u32) {
        self.clean[id as usize] = false;
        let mut rows: Vec<u32> = self.sets.rows(id).collect();
        self.search.far_first(&mut rows);
        let mut dirty = Dirty { rows, list: List::default(), most: self.search.limits.most, stamp: 0 };
        self.look_around(id, &mut dirty);
        self.wait(id, dirty);
    }

    /// Makes the list anew.
    fn look_around(&mut self, id: u32, dirty: &mut Dirty) {
        let live = self.start - self.merges.len();
        let (sets, clean) = (&self.sets, &self.clean);
        let wanted = |row: u32| sets.is_root(row) && clean[row as usize];
        dirty.list = self.search.near(id, dirty.most, sets, live, wanted);
        dirty.list.settle(id, &mut self.sets, &mut self.slot);
        dirty.list.shorten(dirty.most);
    }

    /// The least key that the cluster may have.
    fn key(&self, id: u32, dirty: &Dirty) -> Option<Key> {
        let horizon = dirty.list.horizon;
        match dirty.list.nearest() {
            Some((at, least)) if least < horizon => {
                (least <= self.threshold).then(|| Key::new(least, id, dirty.list.entries[at].id))
            }
            _ => (horizon <= self.threshold).then_some(Key(horizon, 0, 0)),
        }
    }

    /// Puts a cluster in the queue.
    fn wait(&mut self, id: u32, mut dirty: Dirty) {
        self.stamps += 1;
        dirty.stamp = self.stamps;
        match self.key(id, &dirty) {
            Some(key) => self.queue.push(Reverse((key, id, dirty.stamp))),
            // Nothing is near, nor will be.
            None => dirty.list = List { horizon: f64::INFINITY, ..List::default() },
        }
        self.dirty.insert(id, dirty);
    }

    /// Learns who is nearest to the cluster at the front; merges them if nothing else is nearer. Comes back with a
    /// clean cluster that was taken.
    fn advance(&mut self, id: u32, next: Option<Key>) -> Option<u32> {
        let mut dirty = self.dirty.remove(&id)?;
        // The nearest whose distance is known.
        let mut known = f64::INFINITY;
        // Looking a little ahead spares ways to the front and back.
        let other = self.queue.peek().map(|Reverse((key, ..))| *key);
        let first = [next, other].into_iter().flatten().min();
        let ahead = first.map_or(f64::INFINITY, |key| key.0 + self.threshold * AHEAD);
        loop {
            let (at, least) = match dirty.list.nearest() {
                Some(nearest) if nearest.1 < dirty.list.horizon.min(self.threshold.next_up()) => nearest,
                _ if dirty.list.horizon > self.threshold => break,
                _ => {
                    // As many as are no farther than this, and some more.
                    dirty.most *= 2;
                    self.look_around(id, &mut dirty);
                    known = f64::INFINITY;
                    continue;
                }
            };
            let entry = dirty.list.entries[at];
            if !self.sets.is_root(entry.id) || self.sets.size(entry.id) != entry.count {
                dirty.list.settle(id, &mut self.sets, &mut self.slot);
                known = f64::INFINITY;
                continue;
            }
            if (entry.done as usize) < dirty.rows.len() {
                if least > ahead {
                    break;
                }
                // What is farther than another one need not be known.
                if self.measure(&mut dirty, at, known.min(self.threshold).min(least * STEP)) {
                    known = known.min(dirty.list.least[at]);
                }
                continue;
            }
            let key = Key::new(least, id, entry.id);
            if first.is_some_and(|first| first < key) {
                break;
            }
            if self.are_apart(id, entry.id) {
                dirty.list.remove(at);
                known = f64::INFINITY;
                continue;
            }
            let taken = Some(entry.id).filter(|&id| self.clean[id as usize]);
            self.absorb(id, dirty, entry.id, least);
            return taken;
        }
        self.wait(id, dirty);
        None
    }

    /// Raises a bound above `enough`, or to the distance; whether it is that.
    fn measure(&mut self, dirty: &mut Dirty, at: usize, enough: f64) -> bool {
        let entry = &mut dirty.list.entries[at];
        let least = &mut dirty.list.least[at];
        let own = &dirty.rows[entry.done as usize..];
        let others = match self.dirty.get(&entry.id) {
            Some(other) => &other.rows,
            None => {
                let order = self.order.entry(entry.id).or_default();
                if order.len() < entry.count as usize {
                    *order = self.sets.rows(entry.id).collect();
                    self.search.far_first(order);
                }
                &*order
            }
        };
        // A few that stick out often say enough.
        if own.len() * others.len() > 4 * PROBE * PROBE {
            let (few, some) = (&own[..own.len().min(PROBE)], &others[..others.len().min(PROBE)]);
            self.looked += (few.len() * some.len()) as u64;
            *least = self.search.farthest(few, some, *least, enough);
            if *least > enough {
                return false;
            }
        }
        self.looked += (own.len() * others.len()) as u64;
        *least = self.search.farthest(own, others, *least, enough);
        if *least > enough {
            return false;
        }
        entry.done = dirty.rows.len() as u32;
        true
    }

    /// Whether the two must not join.
    fn are_apart(&mut self, a: u32, b: u32) -> bool {
        let (Some(of_a), Some(of_b)) = (self.bound.get(&a), self.bound.get(&b)) else { return false };
        let (few, other) = if of_a.len() <= of_b.len() { (of_a, b) } else { (of_b, a) };
        let (apart, sets) = (&self.apart, &mut self.sets);
        few.iter().filter_map(|row| apart.get(row)).flatten().any(|&row| sets.find(row) == other)
    }

    /// Joins a dirty cluster with another one.
    fn absorb(&mut self, id: u32, mut dirty: Dirty, other: u32, distance: f64) {
        match self.dirty.remove(&other) {
            // The one with more behind it goes on; either list holds all that is near to both.
            Some(mut second) if second.rows.len() > dirty.rows.len() => {
                second.rows.append(&mut dirty.rows);
                dirty = second;
            }
            Some(mut second) => dirty.rows.append(&mut second.rows),
            None => {
                let mut rows: Vec<u32> = self.sets.rows(other).collect();
                self.search.far_first(&mut rows);
                dirty.rows.append(&mut rows);
            }
        }
        let merge = Merge { a: id.min(other), b: id.max(other), distance };
        self.merge(merge);
        self.clean[merge.a as usize] = false;
        self.wait(merge.a, dirty);
    }
}

/// Who merges with whom in the old run, to foresee what becomes dirty.
struct Family<'a> {
    old: &'a [Merge],
    /// Where the merges of each row's clusters start in `of`.
    start: Vec<u32>,
    of: Vec<u32>,
    /// Merges that will not happen again.
    lost: Vec<bool>,
}

impl<'a> Family<'a> {
    fn new(old: &'a [Merge], rows: usize) -> Self {
        let mut start = vec![0_u32; rows + 2];
        for row in old.iter().flat_map(|m| [m.a, m.b]) {
            start[row as usize + 2] += 1;
        }
        for row in 2..start.len() {
            start[row] += start[row - 1];
        }
        let mut of = vec![0; 2 * old.len()];
        for (at, merge) in (0_u32..).zip(old) {
            for row in [merge.a, merge.b] {
                let to = &mut start[row as usize + 1];
                of[*to as usize] = at;
                *to += 1;
            }
        }
        Self { old, start, of, lost: vec![false; old.len()] }
    }

    /// The old cluster of this smallest row, as it is just before merge `from`, is no more: those that would
    /// have joined it and what comes of it lose their partner.
    fn lose(&mut self, row: u32, from: usize, search: &mut Search<'_>) {
        let (mut row, mut from) = (row, from as u32);
        loop {
            let all = &self.of[self.start[row as usize] as usize..self.start[row as usize + 1] as usize];
            let Some(&at) = all.get(all.partition_point(|&at| at < from)) else { return };
            if std::mem::replace(&mut self.lost[at as usize], true) {
                return;
            }
            let merge = &self.old[at as usize];
            search.expect(at, if row == merge.a { merge.b } else { merge.a });
            (row, from) = (merge.a, at + 1);
        }
    }
}
