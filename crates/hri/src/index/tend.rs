//! Keeping the looks as people change, and learning directions anew beside the work.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};

use super::Index;
use crate::look::{Look, Sample};

/// Below this many people all are given the second look at once.
const FEW: usize = 256;
/// Directions are learnt anew when there are so many times more people.
const GROWTH: usize = 4;
/// People moved to a new look with each change.
const A_STEP: usize = 16;
/// Queries before it is asked whether directions still hold.
const ENOUGH: u64 = 1024;

/// What is under way.
#[derive(Debug)]
pub(super) struct Tending {
    learning: Option<JoinHandle<Option<Look>>>,
    /// The next look, and up to where people are in it.
    building: Option<(Look, usize)>,
    /// Whether all looks are left as they are, to be made anew.
    resting: bool,
    /// People when directions were last learnt.
    learnt_at: usize,
    /// Queries after which it is asked again.
    patience: u64,
}

impl Default for Tending {
    fn default() -> Self {
        Self { learning: None, building: None, resting: false, learnt_at: 0, patience: ENOUGH }
    }
}

/// Queries, and people who passed the first look, since directions were learnt.
#[derive(Debug, Default)]
pub(super) struct Tally {
    queries: AtomicU64,
    passed: AtomicU64,
}

impl Tally {
    pub(super) fn count(&self, queries: u64, passed: u64) {
        self.queries.fetch_add(queries, Ordering::Relaxed);
        self.passed.fetch_add(passed, Ordering::Relaxed);
    }

    pub(super) fn passed(&self) -> f64 {
        let queries = self.queries.load(Ordering::Relaxed).max(1);
        self.passed.load(Ordering::Relaxed) as f64 / queries as f64
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Index {
    /// After the mean at a place changed.
    pub(super) fn changed(&mut self, place: usize) {
        if self.tending.resting {
            return;
        }
        if let Some(person) = self.people.mean(place) {
            self.bytes.put(place, person);
            if let Some(look) = &mut self.look {
                look.put(place, person, &mut self.scratch);
            }
            if let Some((look, done)) = &mut self.tending.building
                && place < *done
            {
                look.put(place, person, &mut self.scratch);
            }
        }
        self.tend();
    }

    /// After a person went.
    pub(super) fn gone(&mut self, place: usize) {
        if self.tending.resting {
            return;
        }
        if let Some(look) = &mut self.look {
            look.clear(place);
        }
        if let Some((look, _)) = &mut self.tending.building {
            look.clear(place);
        }
        self.tend();
    }

    fn tend(&mut self) {
        if let Some((look, done)) = &mut self.tending.building {
            let until = (*done + A_STEP).min(self.people.places());
            for place in *done..until {
                if let Some(person) = self.people.mean(place) {
                    look.put(place, person, &mut self.scratch);
                }
            }
            *done = until;
            if until == self.people.places() {
                self.look = self.tending.building.take().map(|(look, _)| look);
                self.tally.reset();
            }
            return;
        }
        if let Some(learning) = self.tending.learning.take() {
            if learning.is_finished() {
                // A thread that failed has taught nothing; what is there goes on.
                let look = learning.join().ok().flatten();
                self.tending.building = look.map(|look| (look, 0));
            } else {
                self.tending.learning = Some(learning);
            }
        } else if self.is_worth_learning() {
            let sample = self.sample();
            self.tending.learning =
                Builder::new().name("hri-learn".to_owned()).spawn(move || sample.learn()).ok();
        }
    }

    fn is_worth_learning(&mut self) -> bool {
        let people = self.people_count();
        if people < FEW {
            return false;
        }
        let Some(look) = &self.look else { return people >= 2 * self.tending.learnt_at };
        if people >= GROWTH * self.tending.learnt_at {
            return true;
        }
        let queries = self.tally.queries.load(Ordering::Relaxed);
        if queries < self.tending.patience || self.tally.passed() < 4.0 * look.expected + 32.0 {
            return false;
        }
        // Where it helped nothing, it is tried ever more seldom.
        self.tending.patience = self.tending.patience.saturating_mul(4);
        true
    }

    fn sample(&mut self) -> Sample {
        self.tending.learnt_at = self.people_count();
        let people = &self.people;
        Sample::take(self.settings.dim(), self.settings.threshold(), people.places(), |place| {
            people.mean(place)
        })
    }

    /// Learns directions from the people there are now and has them at work before it returns, on all cores.
    ///
    /// Not needed: inserts learn them by and by, on a thread of their own. It is for an index that is filled first and
    /// only searched then. O(n d k).
    pub fn refresh(&mut self) {
        self.tending.building = None;
        // What is being learnt is of people as they were.
        self.tending.learning = None;
        if self.people_count() < FEW {
            return;
        }
        if let Some(mut look) = self.sample().learn() {
            look.fill(self.people.places(), |place| self.people.mean(place));
            self.look = Some(look);
            self.tally.reset();
        }
    }

    /// Leaves all looks as they are while many changes are made, or makes them anew after these. Nothing may be
    /// searched meanwhile.
    pub(crate) fn rest(&mut self, resting: bool) {
        self.tending.resting = resting;
        if !resting {
            self.bytes.fill(self.people.places(), |place| self.people.mean(place));
            self.look = None;
            self.refresh();
        }
    }
}
