//! How far a long run has come.

use std::sync::atomic::{AtomicU64, Ordering};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Pairs are compared at: counted in pairs.
    Join,
    /// Clusters are joined: counted in links.
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
}

/// Who wants to hear. Called from any thread, some hundred times in a stage.
#[derive(Clone, Copy, Default)]
pub struct Observer<'a> {
    listener: Option<&'a (dyn Fn(Progress) + Sync)>,
    band: u32,
    reached: f64,
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
        Self { listener: Some(listener), band: 1, reached: 0.0 }
    }

    pub(crate) fn of_band(self, band: u32, reached: f64) -> Self {
        Self { band, reached, ..self }
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
            listener(Progress { stage: self.stage, done, total: self.total, band, reached });
        }
    }
}
