//! Keeps the filters up to date as people change, and retrains the projection in the background.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};

use super::Index;
use crate::prefilter::{FourBitFilter, TrainingSample};

/// With fewer people than this there is no stage 1: all people go to stage 2.
const MIN_PEOPLE: usize = 256;
/// The projection is retrained when there are this many times more people.
const RETRAIN_GROWTH: usize = 4;
/// People written into a new filter with each change.
const PEOPLE_PER_CHANGE: usize = 16;
/// Queries before the number of candidates is compared with what training expected.
const QUERIES_PER_CHECK: u64 = 1024;

/// The state of background training.
#[derive(Debug)]
pub(super) struct Maintenance {
    training: Option<JoinHandle<Option<FourBitFilter>>>,
    /// The next filter, and the number of slots that are written into it.
    building: Option<(FourBitFilter, usize)>,
    /// Whether the filters are not updated, because they will be rebuilt.
    suspended: bool,
    /// Number of people at the last training.
    trained_people: usize,
    /// Queries before the next check.
    next_check: u64,
}

impl Default for Maintenance {
    fn default() -> Self {
        Self {
            training: None,
            building: None,
            suspended: false,
            trained_people: 0,
            next_check: QUERIES_PER_CHECK,
        }
    }
}

/// Number of queries, and of candidates of stage 1, since the filter was made.
#[derive(Debug, Default)]
pub(super) struct QueryCounts {
    queries: AtomicU64,
    candidates: AtomicU64,
}

impl QueryCounts {
    pub(super) fn add(&self, queries: u64, candidates: u64) {
        self.queries.fetch_add(queries, Ordering::Relaxed);
        self.candidates.fetch_add(candidates, Ordering::Relaxed);
    }

    fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    /// Mean number of candidates a query.
    pub(super) fn mean_candidates(&self) -> f64 {
        let queries = self.queries().max(1);
        self.candidates.load(Ordering::Relaxed) as f64 / queries as f64
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Index {
    /// Updates the filters after the mean in a slot changed.
    pub(super) fn mean_changed(&mut self, slot: usize) {
        if self.maintenance.suspended {
            return;
        }
        if let Some(person) = self.people.mean(slot) {
            self.byte_filter.put(slot, person);
            if let Some(filter) = &mut self.four_bit_filter {
                filter.put(slot, person, &mut self.scratch);
            }
            if let Some((filter, done)) = &mut self.maintenance.building
                && slot < *done
            {
                filter.put(slot, person, &mut self.scratch);
            }
        }
        self.advance();
    }

    /// Updates the filters after a person was removed.
    pub(super) fn person_removed(&mut self, slot: usize) {
        if self.maintenance.suspended {
            return;
        }
        if let Some(filter) = &mut self.four_bit_filter {
            filter.clear(slot);
        }
        if let Some((filter, _)) = &mut self.maintenance.building {
            filter.clear(slot);
        }
        self.advance();
    }

    /// Does the next piece of background work: starts training, takes its result, or writes some people into the new
    /// filter.
    fn advance(&mut self) {
        if let Some((filter, done)) = &mut self.maintenance.building {
            let until = (*done + PEOPLE_PER_CHANGE).min(self.people.slots());
            for slot in *done..until {
                if let Some(person) = self.people.mean(slot) {
                    filter.put(slot, person, &mut self.scratch);
                }
            }
            *done = until;
            if until == self.people.slots() {
                self.four_bit_filter = self.maintenance.building.take().map(|(filter, _)| filter);
                self.query_counts.reset();
            }
            return;
        }
        if let Some(training) = self.maintenance.training.take() {
            if training.is_finished() {
                // If the thread panicked, the filter in use stays.
                let filter = training.join().ok().flatten();
                self.maintenance.building = filter.map(|filter| (filter, 0));
            } else {
                self.maintenance.training = Some(training);
            }
        } else if self.should_train() {
            let sample = self.training_sample();
            self.maintenance.training =
                Builder::new().name("hri-train".to_owned()).spawn(move || sample.train()).ok();
        }
    }

    fn should_train(&mut self) -> bool {
        let people = self.people_count();
        if people < MIN_PEOPLE {
            return false;
        }
        let Some(filter) = &self.four_bit_filter else {
            return people >= 2 * self.maintenance.trained_people;
        };
        if people >= RETRAIN_GROWTH * self.maintenance.trained_people {
            return true;
        }
        let queries = self.query_counts.queries();
        if queries < self.maintenance.next_check
            || self.query_counts.mean_candidates() < 4.0 * filter.expected_candidates + 32.0
        {
            return false;
        }
        // If retraining does not help, the next check comes later each time.
        self.maintenance.next_check = self.maintenance.next_check.saturating_mul(4);
        true
    }

    fn training_sample(&mut self) -> TrainingSample {
        self.maintenance.trained_people = self.people_count();
        let people = &self.people;
        TrainingSample::take(self.settings.dim(), self.settings.threshold(), people.slots(), |slot| {
            people.mean(slot)
        })
    }

    /// Trains the projection on the current people and rebuilds stage 1, on all cores, before it returns.
    ///
    /// This is optional: inserts train it step by step, on a background thread. It is for an index that is filled first and
    /// only searched afterwards. Answers do not change. O(n d k).
    pub fn refresh(&mut self) {
        self.maintenance.building = None;
        // Training that is under way uses older people.
        self.maintenance.training = None;
        if self.people_count() < MIN_PEOPLE {
            return;
        }
        if let Some(mut filter) = self.training_sample().train() {
            filter.fill(self.people.slots(), |slot| self.people.mean(slot));
            self.four_bit_filter = Some(filter);
            self.query_counts.reset();
        }
    }

    /// Stops updating the filters, for many changes in a row. The index must not be searched until
    /// [`resume_filters`](Self::resume_filters).
    pub(crate) fn suspend_filters(&mut self) {
        self.maintenance.suspended = true;
    }

    /// Rebuilds the filters, and updates them from now on.
    pub(crate) fn resume_filters(&mut self) {
        self.maintenance.suspended = false;
        self.byte_filter.fill(self.people.slots(), |slot| self.people.mean(slot));
        self.four_bit_filter = None;
        self.refresh();
    }
}
