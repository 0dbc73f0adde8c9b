//! How far a long run has come.

use std::sync::atomic::{AtomicU64, Ordering};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Pairs are compared at: counted in pairs.
    Join,
    /// Clusters are joined: counted in links, or in pairs of points.
    Link,
}

/// A word from a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// How much of it, up to `total`.
    pub done: u64,
    /// How much there is.
    pub total: u64,
    /// Which band this is, from 1.
    pub band: u32,
    /// The distance up to which all clusters have been joined.
    pub reached: f64,
    /// How much of the whole run is done, from 0 to 1: an estimate, as the number of bands is not known before. Threads come
    /// by in any order, and a band may begin anew: show the largest so far.
    pub whole: f64,
}

/// Who wants to hear. Called from any thread, some hundred times in a stage.
#[derive(Clone, Copy)]
pub struct Observer<'a> {
    listener: Option<&'a (dyn Fn(Progress) + Sync)>,
    band: u32,
    reached: f64,
    /// The part of the whole run that is under way.
    part: (f64, f64),
    /// How much of that part is comparing.
    compared: f64,
}

impl Default for Observer<'_> {
    fn default() -> Self {
        Self { listener: None, band: 1, reached: 0.0, part: (0.0, 1.0), compared: 1.0 }
    }
}

impl std::fmt::Debug for Observer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").field("listener", &self.listener.is_some()).finish_non_exhaustive()
    }
}

impl<'a> Observer<'a> {
    /// Nobody.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// `listener`.
    #[must_use]
    pub fn new(listener: &'a (dyn Fn(Progress) + Sync)) -> Self {
        Self { listener: Some(listener), ..Self::default() }
    }

    pub(crate) fn of_band(self, band: u32, reached: f64) -> Self {
        Self { band, reached, ..self }
    }

    /// For what comes after a part of this one's: `from` is how much of the whole that was.
    pub(crate) fn going_on(self, from: f64) -> Self {
        Self { part: (from, self.part.1), ..self }
    }

    /// For the first part of this one's, after which `later` times as much work comes.
    pub(crate) fn before(self, later: f64) -> Self {
        let (from, to) = self.part;
        Self { part: (from, from + (to - from) / (1.0 + later)), ..self }
    }

    /// For a part that first compares and then joins clusters; comparing is `compared` of the work.
    pub(crate) fn comparing(self, compared: f64) -> Self {
        Self { compared, ..self }
    }

    /// How much of the whole is done when this one's part is.
    pub(crate) fn end(&self) -> f64 {
        self.part.1
    }

    fn whole(&self, stage: Stage, share: f64) -> f64 {
        let (from, to) = self.part;
        let within = match stage {
            Stage::Join => self.compared * share,
            Stage::Link => self.compared + (1.0 - self.compared) * share,
        };
        from + (to - from) * within
    }

    pub(crate) fn start(self, stage: Stage, total: u64) -> Counter<'a> {
        let counter = Counter { observer: self, stage, total, done: AtomicU64::new(0) };
        counter.advance(0);
        counter
    }
}

/// Counts one stage.
pub(crate) struct Counter<'a> {
    observer: Observer<'a>,
    stage: Stage,
    total: u64,
    done: AtomicU64,
}

impl Counter<'_> {
    pub(crate) fn advance(&self, by: u64) {
        let done = self.done.fetch_add(by, Ordering::Relaxed) + by;
        if let Some(listener) = self.observer.listener {
            let Observer { band, reached, .. } = self.observer;
            let share = if self.total == 0 { 1.0 } else { done as f64 / self.total as f64 };
            let whole = self.observer.whole(self.stage, share);
            listener(Progress { stage: self.stage, done, total: self.total, band, reached, whole });
        }
    }
}
