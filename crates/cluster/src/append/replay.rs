//! The old merges once more, beside those that new rows bring.
//!
//! At any time a cluster is *clean* if it is one of the old run at that time, with no constraint that this did not
//! have; all others are *dirty*. Linkage merges in the order of keys (distance, smaller id, larger id). Two clean
//! clusters are both there in the old run as well, at the same distance, so their key is no less than that of
//! the old run's next merge: the old merges tell all that happens among them. An old merge of A and B happens
//! again if both are clean when its key comes. If only A is, then B's place was taken by something dirty, and
//! from now on nothing is known of A's distances but that they have larger keys: A becomes dirty.
//!
//! Dirty clusters have a [`List`] of those nearer than its horizon, with bounds of their distances, and wait in a
//! queue by the least of them, or by the horizon where the list is at its end. What comes to the front has its
//! bound raised, until it is a distance or no longer at the front; a list at its end is made anew with a farther
//! horizon. So merges come in the order of their keys, and are all there are.
//!
//! Bounds go on through merges: of D with A ∪ B they are the larger ones of both, and of D ∪ A with B likewise. So
//! where two dirty clusters join, nothing is looked at again; where one joins a clean one, only the latter's rows.
//! A list that was made for a clean cluster ahead of time holds lower bounds of what that has become since.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use super::family::{Family, MARGIN, horizons};
use super::list::List;
use super::search::{Search, Wanted};
use super::world::World;
use crate::Merge;

/// How far beyond the front a cluster is looked at, in thresholds.
const AHEAD: f64 = 0.05;
/// How much a bound is raised at a time.
const STEP: f64 = 1.15;
/// Clusters that are dirty from the start are made ready so many at once.
const FIRST: usize = 2048;
/// A list of fewer than this is soon at its end, one of more than that takes long to make.
const SPARSE: usize = 24;
const DENSE: usize = 96;
/// Most horizons that a list goes on by.
const LONGEST: usize = 16;
/// Clusters are packed anew when no more than this part is left.
const PACK: f64 = 0.75;

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
    list: List,
    /// Neighbours that there were when it was made.
    found: usize,
    /// Neighbours to keep.
    most: usize,
    /// Horizons that the list goes on by.
    stride: usize,
    /// Of its place in the queue; what has another is out of date.
    stamp: u64,
}

/// The state.
pub(super) struct Replay<'a> {
    search: Search<'a>,
    threshold: f64,
    world: World,
    dirty: HashMap<u32, Dirty>,
    queue: BinaryHeap<Reverse<(Key, u32, u64)>>,
    stamps: u64,
    slot: Vec<u32>,
    /// How far lists reach, one after the other; the last one is beyond the threshold.
    horizons: Vec<f64>,
    /// Lists found, but not asked for yet, and the rows that their owners had.
    ready: HashMap<u32, (List, u32)>,
    /// Clusters whose lists have nothing left within their horizon.
    exhausted: Vec<u32>,
    /// How far things have come.
    now: f64,
    /// Clusters at first.
    start: usize,
    /// Rows that must not join a row.
    apart: HashMap<u32, Vec<u32>>,
    /// Rows of a cluster with such.
    bound: HashMap<u32, Vec<u32>>,
    pub(super) merges: Vec<Merge>,
    /// Pairs of rows looked at.
    pub(super) looked: u64,
}

impl<'a> Replay<'a> {
    /// Starts from `world`, where the first threshold has been reached, and goes on to the second. Rows that must stay
    /// `apart` are named by the smallest of their set.
    pub(super) fn new(
        search: Search<'a>,
        (reached, threshold): (f64, f64),
        mut world: World,
        apart: impl Iterator<Item = (u32, u32)>,
    ) -> Self {
        let rows = world.clean.len();
        let mut others: HashMap<u32, Vec<u32>> = HashMap::new();
        for (a, b) in apart {
            others.entry(a).or_default().push(b);
            others.entry(b).or_default().push(a);
        }
        let start = (0..rows as u32).filter(|&row| world.sets.is_root(row)).count();
        let mut bound: HashMap<u32, Vec<u32>> = HashMap::new();
        others.keys().for_each(|&row| bound.entry(world.sets.find(row)).or_default().push(row));
        Self {
            search,
            threshold,
            world,
            dirty: HashMap::new(),
            queue: BinaryHeap::new(),
            stamps: 0,
            slot: vec![u32::MAX; rows],
            horizons: Vec::new(),
            ready: HashMap::new(),
            exhausted: Vec::new(),
            now: reached,
            start,
            apart: others,
            bound,
            merges: Vec::new(),
            looked: 0,
        }
    }

    /// Goes through the old merges, in order.
    pub(super) fn run(&mut self, old: &[Merge]) {
        let rows = self.world.clean.len();
        let first: Vec<u32> = (0..rows as u32)
            .filter(|&row| self.world.sets.is_root(row) && !self.world.clean[row as usize])
            .collect();
        if first.is_empty() {
            // What was, is.
            self.merges = old.to_vec();
            return;
        }
        self.horizons = horizons(old, self.start, self.search.limits.left, self.threshold);
        let mut family = Family::new(old, rows);
        self.search.pack(&mut self.world);
        for roots in first.chunks(FIRST) {
            self.find(roots, self.horizons[0]);
            for &row in roots {
                family.lose(row, 0);
                self.soil(row, &mut family);
            }
        }
        let mut at = 0;
        loop {
            let next = old.get(at).map(|m| Key(m.distance, m.a, m.b));
            match (self.queue.peek(), next) {
                (None, None) => return,
                // What is dirty goes first where keys are equal: then it is the old merge with a row more.
                (Some(Reverse((key, ..))), next) if next.is_none_or(|next| *key <= next) => {
                    self.now = self.now.max(key.0);
                    if let Some(Reverse((_, id, stamp))) = self.queue.pop()
                        && self.dirty.get(&id).is_some_and(|d| d.stamp == stamp)
                        && let Some(taken) = self.advance(id, next, &mut family)
                    {
                        family.lose(taken, at);
                    }
                }
                _ => {
                    self.now = self.now.max(old[at].distance);
                    self.again(&old[at], &mut family);
                    at += 1;
                }
            }
        }
    }

    /// An old merge.
    fn again(&mut self, merge: &Merge, family: &mut Family<'_>) {
        match (self.world.is_clean(merge.a), self.world.is_clean(merge.b)) {
            (true, true) => self.merge(*merge),
            (true, false) => self.soil(merge.a, family),
            (false, true) => self.soil(merge.b, family),
            (false, false) => {}
        }
    }

    fn merge(&mut self, merge: Merge) {
        self.world.union(merge.a, merge.b);
        if let Some(rows) = self.bound.remove(&merge.b) {
            self.bound.entry(merge.a).or_default().extend(rows);
        }
        self.merges.push(merge);
    }

    /// Makes a cluster dirty.
    fn soil(&mut self, id: u32, family: &mut Family<'_>) {
        self.world.soil(id);
        let mut dirty = Dirty {
            list: List::empty(self.now),
            found: 0,
            most: self.search.limits.most,
            stride: 1,
            stamp: 0,
        };
        if let Some((list, size)) = self.ready.remove(&id) {
            dirty.found = list.entries.len();
            dirty.list = list;
            dirty.list.settle(id, &mut self.world.sets, &mut self.slot);
            if size < self.world.sets.size(id) {
                let members = self.world.members(id);
                self.looked += self.search.raise(&self.world, &mut dirty.list, members);
            }
            self.wait(id, dirty);
        } else {
            self.dirty.insert(id, dirty);
            self.look_around(id, family);
        }
    }

    /// Finds lists ahead of time.
    fn find(&mut self, roots: &[u32], horizon: f64) {
        let most = self.search.limits.most;
        let wanted: Vec<Wanted> = roots.iter().map(|&id| Wanted { id, horizon, most }).collect();
        self.found(&wanted);
    }

    /// Lists of dirty clusters, and of those that will be.
    fn found(&mut self, wanted: &[Wanted]) {
        let lists = self.search.lists(&self.world, wanted);
        for (of, (list, looked)) in wanted.iter().zip(lists) {
            self.looked += looked;
            if let Some(mut dirty) = self.dirty.remove(&of.id) {
                if list.horizon < of.horizon {
                    // As many as are no farther than this, and some more.
                    dirty.most *= 2;
                }
                dirty.found = list.entries.len();
                dirty.list = list;
                self.wait(of.id, dirty);
            } else {
                self.ready.insert(of.id, (list, self.world.sets.size(of.id)));
            }
        }
    }

    /// Makes a dirty cluster's list anew, with those of others that have or will have none.
    fn look_around(&mut self, id: u32, family: &mut Family<'_>) {
        if (self.start - self.merges.len()) as f64 <= self.search.packed() as f64 * PACK {
            self.search.pack(&mut self.world);
        }
        let (horizons, now, most) = (&self.horizons, self.now, self.search.limits.most);
        let after = |h: f64, stride: usize| {
            let next = horizons.partition_point(|&g| g <= h * MARGIN) + stride - 1;
            horizons[next.min(horizons.len() - 1)]
        };
        let horizon = after(now, 1);
        self.exhausted.push(id);
        let mut exhausted = std::mem::take(&mut self.exhausted);
        exhausted.sort_unstable();
        exhausted.dedup();
        let mut wanted = Vec::new();
        for other in exhausted {
            let Some(dirty) = self.dirty.get_mut(&other) else { continue };
            if other != id && dirty.list.horizon >= horizon {
                self.exhausted.push(other);
            } else if other == id || dirty.list.front() >= dirty.list.horizon {
                // Where there was little, go farther.
                dirty.stride = match dirty.found {
                    0..SPARSE => (2 * dirty.stride).min(LONGEST),
                    SPARSE..DENSE => dirty.stride,
                    _ => (dirty.stride / 2).max(1),
                };
                let horizon = after(now.max(dirty.list.horizon), dirty.stride);
                wanted.push(Wanted { id: other, horizon, most: dirty.most });
            }
        }
        while let Some(id) = family.next(horizon) {
            if self.world.is_clean(id) && !self.ready.contains_key(&id) {
                wanted.push(Wanted { id, horizon, most });
            }
        }
        // Those that are near each other together.
        let place = |wanted: &Wanted| self.world.place[wanted.id as usize];
        wanted.sort_unstable_by(|a, b| a.horizon.total_cmp(&b.horizon).then(place(a).cmp(&place(b))));
        wanted.dedup_by_key(|wanted| wanted.id);
        self.found(&wanted);
    }

    /// The least key that the cluster may have; none if there is no such.
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
            Some(key) => {
                if (key.1, key.2) == (0, 0) {
                    self.exhausted.push(id);
                }
                self.queue.push(Reverse((key, id, dirty.stamp)));
            }
            // Nothing is near, nor will be.
            None => dirty.list = List::empty(f64::INFINITY),
        }
        self.dirty.insert(id, dirty);
    }

    /// Learns who is nearest to the cluster at the front; merges them if nothing else is nearer. Comes back with a
    /// clean cluster that was taken.
    fn advance(&mut self, id: u32, next: Option<Key>, family: &mut Family<'_>) -> Option<u32> {
        let mut dirty = self.dirty.remove(&id)?;
        // The nearest whose distance is known.
        let mut known = f64::INFINITY;
        // Looking a little ahead spares ways to the front and back.
        let other = self.queue.peek().map(|Reverse((key, ..))| *key);
        let first = [next, other].into_iter().flatten().min();
        let ahead = first.map_or(f64::INFINITY, |key| key.0 + self.threshold * AHEAD);
        loop {
            let horizon = dirty.list.horizon;
            let (at, least) = match dirty.list.nearest() {
                Some(nearest) if nearest.1 < horizon.min(self.threshold.next_up()) => nearest,
                _ if horizon > self.threshold || first.is_some_and(|first| first.0 < horizon) => break,
                _ => {
                    self.dirty.insert(id, dirty);
                    self.look_around(id, family);
                    return None;
                }
            };
            let entry = dirty.list.entries[at];
            if !self.world.sets.is_root(entry.id) || self.world.sets.size(entry.id) != entry.count {
                dirty.list.settle(id, &mut self.world.sets, &mut self.slot);
                known = f64::INFINITY;
                continue;
            }
            if least < dirty.list.most[at] {
                if least > ahead {
                    break;
                }
                // What is farther than another one need not be known.
                let enough = known.min(self.threshold).min(least * STEP);
                let (own, others) = (self.world.members(id), self.world.members(entry.id));
                self.looked += (own.len() * others.len()) as u64;
                let (from, to) = self.search.distance(&self.world, own, others, enough);
                dirty.list.least[at] = dirty.list.least[at].max(from);
                if to < f64::INFINITY {
                    (dirty.list.least[at], dirty.list.most[at]) = (to, to);
                    known = known.min(to);
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
            let taken = Some(entry.id).filter(|&id| self.world.clean[id as usize]);
            self.absorb(id, dirty, entry.id, least);
            return taken;
        }
        self.wait(id, dirty);
        None
    }

    /// Whether the two must not join.
    fn are_apart(&mut self, a: u32, b: u32) -> bool {
        let (Some(of_a), Some(of_b)) = (self.bound.get(&a), self.bound.get(&b)) else { return false };
        let (few, other) = if of_a.len() <= of_b.len() { (of_a, b) } else { (of_b, a) };
        let (apart, sets) = (&self.apart, &mut self.world.sets);
        few.iter().filter_map(|row| apart.get(row)).flatten().any(|&row| sets.find(row) == other)
    }

    /// Joins a dirty cluster with another one.
    fn absorb(&mut self, id: u32, mut dirty: Dirty, other: u32, distance: f64) {
        let second = self.dirty.remove(&other);
        // Of a clean one nothing is known yet.
        let fresh = if second.is_none() { self.world.members(other).to_vec() } else { Vec::new() };
        let merge = Merge { a: id.min(other), b: id.max(other), distance };
        self.merge(merge);
        dirty.list.settle(merge.a, &mut self.world.sets, &mut self.slot);
        if let Some(mut second) = second {
            second.list.settle(merge.a, &mut self.world.sets, &mut self.slot);
            dirty.list = dirty.list.join(second.list, &mut self.slot);
            dirty.most = dirty.most.max(second.most);
            dirty.found = dirty.found.max(second.found);
        } else {
            self.looked += self.search.raise(&self.world, &mut dirty.list, &fresh);
        }
        self.wait(merge.a, dirty);
    }
}
