//! When a call into ffmpeg is broken off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::settings::Stop;

/// What interrupts a call into ffmpeg: a deadline, or the wish to stop.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) stop: Stop,
    /// Milliseconds after `epoch`.
    deadline: Arc<AtomicU64>,
    epoch: Instant,
    /// When all is to end.
    end: Option<Instant>,
    /// Whether `end` no longer counts.
    lifted: Arc<AtomicBool>,
}

impl Watch {
    /// No deadline yet; at `end`, where there is one, all is over.
    pub(crate) fn new(stop: Stop, end: Option<Instant>) -> Self {
        Self {
            stop,
            deadline: Arc::new(AtomicU64::new(u64::MAX)),
            epoch: Instant::now(),
            end,
            lifted: Arc::default(),
        }
    }

    /// Lifts the end.
    pub(crate) fn lift_end(&self) {
        self.lifted.store(true, Ordering::Relaxed);
    }

    /// Allows whatever is called next so much time.
    pub(crate) fn allow(&self, time: Duration) {
        let at = self.epoch.elapsed().saturating_add(time).as_millis();
        self.deadline.store(u64::try_from(at).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether the time allowed, or all time, is over.
    pub(crate) fn is_late(&self) -> bool {
        let late = self.epoch.elapsed().as_millis() > u128::from(self.deadline.load(Ordering::Relaxed));
        late || self.is_over()
    }

    /// Whether all time is over.
    pub(crate) fn is_over(&self) -> bool {
        !self.lifted.load(Ordering::Relaxed) && self.end.is_some_and(|end| Instant::now() >= end)
    }
}
