//! The old merges once more, beside those that new rows bring.
//!
//! At any time a cluster is *unchanged* if it is one of the old run at that time, with no constraint that this did not
//! have; all others are *changed*. Linkage merges in the order of keys (distance, smaller id, larger id). Two unchanged
//! clusters are both there in the old run as well, at the same distance, so their key is no less than that of
//! the old run's next merge: the old merges are all merges among them. An old merge of A and B happens
//! again if both are unchanged when its key comes. If only A is, then B's place was taken by something changed, and
//! from now on nothing is known of A's distances but that they have larger keys: A becomes changed.
//!
//! Changed clusters have a [`Candidates`] of those nearer than its horizon, with bounds of their distances, and wait in a
//! queue by the least of them, or by the horizon where the list is at its end. What comes to the front has its
//! bound raised, until it is a distance or no longer at the front; a list at its end is rebuilt with a farther
//! horizon. So merges come in the order of their keys, and are all there are.
//!
//! Bounds go on through merges: of D with A ∪ B they are the larger ones of both, and of D ∪ A with B likewise. So
//! where two changed clusters join, nothing is compared again; where one joins an unchanged one, only the latter's rows.
//! A list that was made for an unchanged cluster ahead of time holds lower bounds of what that has become since.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use super::candidates::Candidates;
use super::merge_tree::{MARGIN, MergeTree, horizons};
use super::search::{CandidateRequest, Search};
use super::state::State;
use crate::Merge;

/// How far beyond the front a cluster is compared, in thresholds.
const AHEAD: f64 = 0.05;
/// How much a bound is raised at a time.
const STEP: f64 = 1.15;
/// Clusters that are changed from the start are made ready so many at once.
const FIRST: usize = 2048;
/// A list of fewer than this is soon at its end, one of more than that takes long to make.
const SPARSE: usize = 24;
const DENSE: usize = 96;
/// Most horizons that a list goes on by.
const LONGEST: usize = 16;
/// Clusters are packed again when no more than this part is left.
const PACK: f64 = 0.75;

/// The order of merges; a lower bound of it where the distance is not known.
#[derive(Debug, Clone, Copy, PartialEq)]
struct MergeKey(f64, u32, u32);

impl MergeKey {
    fn new(distance: f64, x: u32, y: u32) -> Self {
        Self(distance, x.min(y), x.max(y))
    }
}

impl Eq for MergeKey {}

impl Ord for MergeKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then((self.1, self.2).cmp(&(other.1, other.2)))
    }
}

impl PartialOrd for MergeKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

struct ChangedCluster {
    list: Candidates,
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
    state: State,
    changed: HashMap<u32, ChangedCluster>,
    queue: BinaryHeap<Reverse<(MergeKey, u32, u64)>>,
    stamps: u64,
    slot: Vec<u32>,
    /// How far lists reach, one after the other; the last one is beyond the threshold.
    horizons: Vec<f64>,
    /// Lists found, but not asked for yet, and the rows that their owners had.
    ready: HashMap<u32, (Candidates, u32)>,
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
    /// Pairs of rows compared at.
    pub(super) compared: u64,
}

impl<'a> Replay<'a> {
    /// Starts from `state`, where the first threshold has been reached, and goes on to the second. Rows that must stay
    /// `apart` are named by the smallest of their set.
    pub(super) fn new(
        search: Search<'a>,
        (reached, threshold): (f64, f64),
        mut state: State,
        apart: impl Iterator<Item = (u32, u32)>,
    ) -> Self {
        let rows = state.unchanged.len();
        let mut others: HashMap<u32, Vec<u32>> = HashMap::new();
        for (a, b) in apart {
            others.entry(a).or_default().push(b);
            others.entry(b).or_default().push(a);
        }
        let start = (0..rows as u32).filter(|&row| state.sets.is_root(row)).count();
        let mut bound: HashMap<u32, Vec<u32>> = HashMap::new();
        others.keys().for_each(|&row| bound.entry(state.sets.find(row)).or_default().push(row));
        Self {
            search,
            threshold,
            state,
            changed: HashMap::new(),
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
            compared: 0,
        }
    }

    /// Goes through the old merges, in order.
    pub(super) fn run(&mut self, old: &[Merge]) {
        let rows = self.state.unchanged.len();
        let first: Vec<u32> = (0..rows as u32)
            .filter(|&row| self.state.sets.is_root(row) && !self.state.unchanged[row as usize])
            .collect();
        if first.is_empty() {
            // What was, is.
            self.merges = old.to_vec();
            return;
        }
        self.horizons = horizons(old, self.start, self.search.limits.left, self.threshold);
        let mut merge_tree = MergeTree::new(old, rows);
        self.search.pack(&mut self.state);
        for roots in first.chunks(FIRST) {
            self.find(roots, self.horizons[0]);
            for &row in roots {
                merge_tree.lose_partner(row, 0);
                self.mark_changed(row, &mut merge_tree);
            }
        }
        let mut at = 0;
        loop {
            let next = old.get(at).map(|m| MergeKey(m.distance, m.a, m.b));
            match (self.queue.peek(), next) {
                (None, None) => return,
                // What is changed goes first where keys are equal: then it is the old merge with a row more.
                (Some(Reverse((key, ..))), next) if next.is_none_or(|next| *key <= next) => {
                    self.now = self.now.max(key.0);
                    if let Some(Reverse((_, id, stamp))) = self.queue.pop()
                        && self.changed.get(&id).is_some_and(|d| d.stamp == stamp)
                        && let Some(taken) = self.advance(id, next, &mut merge_tree)
                    {
                        merge_tree.lose_partner(taken, at);
                    }
                }
                _ => {
                    self.now = self.now.max(old[at].distance);
                    self.replay_merge(&old[at], &mut merge_tree);
                    at += 1;
                }
            }
        }
    }

    /// An old merge.
    fn replay_merge(&mut self, merge: &Merge, merge_tree: &mut MergeTree<'_>) {
        match (self.state.is_unchanged(merge.a), self.state.is_unchanged(merge.b)) {
            (true, true) => self.merge(*merge),
            (true, false) => self.mark_changed(merge.a, merge_tree),
            (false, true) => self.mark_changed(merge.b, merge_tree),
            (false, false) => {}
        }
    }

    fn merge(&mut self, merge: Merge) {
        self.state.union(merge.a, merge.b);
        if let Some(rows) = self.bound.remove(&merge.b) {
            self.bound.entry(merge.a).or_default().extend(rows);
        }
        self.merges.push(merge);
    }

    /// Makes a cluster changed.
    fn mark_changed(&mut self, id: u32, merge_tree: &mut MergeTree<'_>) {
        self.state.mark_changed(id);
        let mut changed = ChangedCluster {
            list: Candidates::empty(self.now),
            found: 0,
            most: self.search.limits.most,
            stride: 1,
            stamp: 0,
        };
        if let Some((list, size)) = self.ready.remove(&id) {
            changed.found = list.entries.len();
            changed.list = list;
            changed.list.settle(id, &mut self.state.sets, &mut self.slot);
            if size < self.state.sets.size(id) {
                let members = self.state.members(id);
                self.compared += self.search.raise(&self.state, &mut changed.list, members);
            }
            self.wait(id, changed);
        } else {
            self.changed.insert(id, changed);
            self.rebuild_candidates(id, merge_tree);
        }
    }

    /// Finds lists ahead of time.
    fn find(&mut self, roots: &[u32], horizon: f64) {
        let most = self.search.limits.most;
        let wanted: Vec<CandidateRequest> =
            roots.iter().map(|&id| CandidateRequest { id, horizon, most }).collect();
        self.found(&wanted);
    }

    /// Lists of changed clusters, and of those that will be.
    fn found(&mut self, wanted: &[CandidateRequest]) {
        let lists = self.search.lists(&self.state, wanted);
        for (of, (list, compared)) in wanted.iter().zip(lists) {
            self.compared += compared;
            if let Some(mut changed) = self.changed.remove(&of.id) {
                if list.horizon < of.horizon {
                    // As many as are no farther than this, and some more.
                    changed.most *= 2;
                }
                changed.found = list.entries.len();
                changed.list = list;
                self.wait(of.id, changed);
            } else {
                self.ready.insert(of.id, (list, self.state.sets.size(of.id)));
            }
        }
    }

    /// Makes a changed cluster's list again, with those of others that have or will have none.
    fn rebuild_candidates(&mut self, id: u32, merge_tree: &mut MergeTree<'_>) {
        if (self.start - self.merges.len()) as f64 <= self.search.packed() as f64 * PACK {
            self.search.pack(&mut self.state);
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
            let Some(changed) = self.changed.get_mut(&other) else { continue };
            if other != id && changed.list.horizon >= horizon {
                self.exhausted.push(other);
            } else if other == id || changed.list.front() >= changed.list.horizon {
                // Where there was little, go farther.
                changed.stride = match changed.found {
                    0..SPARSE => (2 * changed.stride).min(LONGEST),
                    SPARSE..DENSE => changed.stride,
                    _ => (changed.stride / 2).max(1),
                };
                let horizon = after(now.max(changed.list.horizon), changed.stride);
                wanted.push(CandidateRequest { id: other, horizon, most: changed.most });
            }
        }
        while let Some(id) = merge_tree.next(horizon) {
            if self.state.is_unchanged(id) && !self.ready.contains_key(&id) {
                wanted.push(CandidateRequest { id, horizon, most });
            }
        }
        // Those that are near each other together.
        let place = |wanted: &CandidateRequest| self.state.place[wanted.id as usize];
        wanted.sort_unstable_by(|a, b| a.horizon.total_cmp(&b.horizon).then(place(a).cmp(&place(b))));
        wanted.dedup_by_key(|wanted| wanted.id);
        self.found(&wanted);
    }

    /// The least key that the cluster may have; none if there is no such.
    fn key(&self, id: u32, changed: &ChangedCluster) -> Option<MergeKey> {
        let horizon = changed.list.horizon;
        match changed.list.nearest() {
            Some((at, least)) if least < horizon => {
                (least <= self.threshold).then(|| MergeKey::new(least, id, changed.list.entries[at].id))
            }
            _ => (horizon <= self.threshold).then_some(MergeKey(horizon, 0, 0)),
        }
    }

    /// Puts a cluster in the queue.
    fn wait(&mut self, id: u32, mut changed: ChangedCluster) {
        self.stamps += 1;
        changed.stamp = self.stamps;
        match self.key(id, &changed) {
            Some(key) => {
                if (key.1, key.2) == (0, 0) {
                    self.exhausted.push(id);
                }
                self.queue.push(Reverse((key, id, changed.stamp)));
            }
            // Nothing is near, nor will be.
            None => changed.list = Candidates::empty(f64::INFINITY),
        }
        self.changed.insert(id, changed);
    }

    /// Learns who is nearest to the cluster at the front; merges them if nothing else is nearer. Comes back with a
    /// unchanged cluster that was taken.
    fn advance(&mut self, id: u32, next: Option<MergeKey>, merge_tree: &mut MergeTree<'_>) -> Option<u32> {
        let mut changed = self.changed.remove(&id)?;
        // The nearest whose distance is known.
        let mut known = f64::INFINITY;
        // Raising the bound a little further saves returns to the queue.
        let other = self.queue.peek().map(|Reverse((key, ..))| *key);
        let first = [next, other].into_iter().flatten().min();
        let ahead = first.map_or(f64::INFINITY, |key| key.0 + self.threshold * AHEAD);
        loop {
            let horizon = changed.list.horizon;
            let (at, least) = match changed.list.nearest() {
                Some(nearest) if nearest.1 < horizon.min(self.threshold.next_up()) => nearest,
                _ if horizon > self.threshold || first.is_some_and(|first| first.0 < horizon) => break,
                _ => {
                    self.changed.insert(id, changed);
                    self.rebuild_candidates(id, merge_tree);
                    return None;
                }
            };
            let entry = changed.list.entries[at];
            if !self.state.sets.is_root(entry.id) || self.state.sets.size(entry.id) != entry.count {
                changed.list.settle(id, &mut self.state.sets, &mut self.slot);
                known = f64::INFINITY;
                continue;
            }
            if least < changed.list.most[at] {
                if least > ahead {
                    break;
                }
                // The distance of a cluster that is farther than another is not needed.
                let enough = known.min(self.threshold).min(least * STEP);
                let (own, others) = (self.state.members(id), self.state.members(entry.id));
                self.compared += (own.len() * others.len()) as u64;
                let (from, to) = self.search.distance(&self.state, own, others, enough);
                changed.list.least[at] = changed.list.least[at].max(from);
                if to < f64::INFINITY {
                    (changed.list.least[at], changed.list.most[at]) = (to, to);
                    known = known.min(to);
                }
                continue;
            }
            let key = MergeKey::new(least, id, entry.id);
            if first.is_some_and(|first| first < key) {
                break;
            }
            if self.are_apart(id, entry.id) {
                changed.list.remove(at);
                known = f64::INFINITY;
                continue;
            }
            let taken = Some(entry.id).filter(|&id| self.state.unchanged[id as usize]);
            self.absorb(id, changed, entry.id, least);
            return taken;
        }
        self.wait(id, changed);
        None
    }

    /// Whether the two must not join.
    fn are_apart(&mut self, a: u32, b: u32) -> bool {
        let (Some(of_a), Some(of_b)) = (self.bound.get(&a), self.bound.get(&b)) else { return false };
        let (few, other) = if of_a.len() <= of_b.len() { (of_a, b) } else { (of_b, a) };
        let (apart, sets) = (&self.apart, &mut self.state.sets);
        few.iter().filter_map(|row| apart.get(row)).flatten().any(|&row| sets.find(row) == other)
    }

    /// Joins a changed cluster with another one.
    fn absorb(&mut self, id: u32, mut changed: ChangedCluster, other: u32, distance: f64) {
        let second = self.changed.remove(&other);
        // Of an unchanged one nothing is known yet.
        let fresh = if second.is_none() { self.state.members(other).to_vec() } else { Vec::new() };
        let merge = Merge { a: id.min(other), b: id.max(other), distance };
        self.merge(merge);
        changed.list.settle(merge.a, &mut self.state.sets, &mut self.slot);
        if let Some(mut second) = second {
            second.list.settle(merge.a, &mut self.state.sets, &mut self.slot);
            changed.list = changed.list.join(second.list, &mut self.slot);
            changed.most = changed.most.max(second.most);
            changed.found = changed.found.max(second.found);
        } else {
            self.compared += self.search.raise(&self.state, &mut changed.list, &fresh);
        }
        self.wait(merge.a, changed);
    }
}
