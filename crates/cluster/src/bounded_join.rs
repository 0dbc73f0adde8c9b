//! The join with a bound on the number of links: the threshold falls until they fit.

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::cannot_links::CannotLinks;
use crate::exact_distance::ExactDistance;
use crate::link_sink::{Link, LinkList, LinkSink};
use crate::panel_blocks::{Blocks, MAX_LINKS_HELD, pairs};
use crate::points::Points;
use crate::prefilter::{Prefilter, Projection, Scratch};
use crate::progress::{Observer, Stage};

/// What a bounded join found.
pub(crate) struct Bounded {
    /// All pairs of points at distance ≤ `threshold`, in an order that only depends on the points.
    pub(crate) pieces: Vec<Vec<Link>>,
    /// The largest threshold, no larger than the one wanted, up to which the links fit.
    pub(crate) threshold: f64,
    /// Whether they do: not if there are too many at the least step.
    pub(crate) fits: bool,
}

/// Thresholds between the one reached and the one wanted that a join may fall back to.
const STEPS: usize = 4096;

/// Links of a bounded join as they come in. The threshold only ever falls to the largest step at which
/// what was found so far fits; so in the end it is the largest one at which *all* fits, whatever the order
/// in which threads come by.
struct LinkStore {
    reached: f64,
    wanted: f64,
    most: u64,
    /// Of each block.
    pieces: Vec<Vec<Vec<Link>>>,
    /// Links by the least step that holds them.
    counts: Vec<u64>,
    step: usize,
    /// Links at or below the step, and links in memory.
    within: u64,
    stored: u64,
}

impl LinkStore {
    fn threshold(&self, step: usize) -> f64 {
        if step == STEPS {
            self.wanted
        } else {
            self.reached + (self.wanted - self.reached) * (step as f64 / STEPS as f64)
        }
    }

    fn step_of(&self, distance: f64) -> usize {
        let guess = (distance - self.reached) / (self.wanted - self.reached) * STEPS as f64;
        let mut step = (guess as usize).min(STEPS);
        while step > 0 && distance <= self.threshold(step - 1) {
            step -= 1;
        }
        while step < STEPS && distance > self.threshold(step) {
            step += 1;
        }
        step
    }

    /// Takes more links of a block. What runs under a lock must stay on its thread: one that waits for
    /// others' share of the work takes up another block meanwhile, and would wait for the lock it holds.
    fn push(&mut self, block: usize, mut piece: Vec<Link>) {
        for link in &piece {
            let step = self.step_of(link.distance);
            self.counts[step] += 1;
            self.within += u64::from(step <= self.step);
        }
        while self.within > self.most && self.step > 0 {
            self.within -= self.counts[self.step];
            self.step -= 1;
        }
        let threshold = self.threshold(self.step);
        piece.retain(|l| l.distance <= threshold);
        if self.within > self.most {
            // They do not fit whatever the threshold; what is there is of no use.
            piece.clear();
        }
        piece.shrink_to_fit();
        self.stored += piece.len() as u64;
        if !piece.is_empty() {
            self.pieces[block].push(piece);
        }
        // Now and then, so that a threshold that falls step by step does not cost a pass each.
        if self.stored > self.within + self.most / 4 {
            self.compact();
        }
    }

    fn compact(&mut self) {
        let threshold = self.threshold(self.step);
        for piece in self.pieces.iter_mut().flatten() {
            let before = piece.len();
            piece.retain(|l| l.distance <= threshold);
            if piece.len() < before {
                piece.shrink_to_fit();
            }
        }
        self.stored = self.within;
    }
}

/// All pairs of points that are complete within a threshold: the wanted one, or the largest at which at
/// most `most` are. Points that must stay `apart`, the smaller first, are no pair.
pub(crate) fn join_points(
    exact: &ExactDistance,
    space: &Projection,
    points: &Points,
    apart: &CannotLinks,
    thresholds: Range<f64>,
    most: u64,
    observer: Observer<'_>,
) -> Bounded {
    let Range { start: reached, end: wanted } = thresholds;
    let prefilter = Prefilter::new(exact, space, points, wanted);
    let blocks = Blocks::new(&prefilter);
    let progress = observer.start(Stage::Join, pairs(points.len()));
    let now = AtomicU64::new(wanted.to_bits());
    let store = Mutex::new(LinkStore {
        reached,
        wanted,
        most,
        pieces: vec![Vec::new(); blocks.count()],
        counts: vec![0; STEPS + 1],
        step: STEPS,
        within: 0,
        stored: 0,
    });
    let names: Arc<[u32]> = prefilter.order().into();
    blocks.all().for_each(|block| {
        // What falls meanwhile only spares work.
        let threshold = Cell::new(f64::from_bits(now.load(Ordering::Relaxed)));
        let keep = |found: LinkList| {
            let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
            store.push(block.number, found.links);
            threshold.set(store.threshold(store.step));
            now.store(threshold.get().to_bits(), Ordering::Relaxed);
        };
        let reach = space.reach(exact.metric(), threshold.get());
        let wanted =
            (!apart.is_empty()).then(|| prefilter.only(|i: u32, j: u32| !apart.holds(i.min(j), i.max(j))));
        let (mut found, mut room) = (LinkList::new(&names, prefilter.isa.f64_block().1), Scratch::default());
        let within = (threshold.get(), reach);
        let complete = |p, q| prefilter.complete(exact, (p, q), (threshold.get(), reach), &mut room);
        let full = |found: &mut LinkList| {
            if found.len() >= MAX_LINKS_HELD {
                keep(found.take(0));
            }
        };
        prefilter.links(exact, block.panels, within, wanted.as_ref(), complete, (&mut found, full));
        progress.advance(block.pairs(&prefilter));
        keep(found);
    });
    let mut store = store.into_inner().unwrap_or_else(PoisonError::into_inner);
    store.compact();
    let (threshold, fits) = (store.threshold(store.step), store.within <= most);
    Bounded { threshold, fits, pieces: store.pieces.into_iter().flatten().collect() }
}
