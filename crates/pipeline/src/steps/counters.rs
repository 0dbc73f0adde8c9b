//! Counts and times of one call, which several threads add to.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use streamface_store::DropReason;

use crate::event::Counts;

/// Running counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) frames: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
    pub(crate) searched: AtomicU64,
    pub(crate) detected: AtomicU64,
    pub(crate) small: AtomicU64,
    pub(crate) blurred: AtomicU64,
    pub(crate) faces: AtomicU64,
    pub(crate) embedded: AtomicU64,
    pub(crate) analyzed: AtomicU64,
    pub(crate) people: AtomicU64,
    /// Microseconds of the source.
    pub(crate) stream: AtomicU64,
}

impl Counters {
    /// Counts a keyframe.
    pub(crate) fn count_frame(&self, dropped: Option<DropReason>) {
        self.frames.fetch_add(1, Relaxed);
        if let Some(at) = dropped.and_then(|d| DropReason::ALL.iter().position(|r| *r == d)) {
            self.dropped[at].fetch_add(1, Relaxed);
        }
    }

    /// The counts now.
    pub(crate) fn counts(&self) -> Counts {
        let n = |v: &AtomicU64| v.load(Relaxed);
        Counts {
            frames: n(&self.frames),
            dropped: self.dropped.each_ref().map(n),
            searched: n(&self.searched),
            detected: n(&self.detected),
            small: n(&self.small),
            blurred: n(&self.blurred),
            faces: n(&self.faces),
            embedded: n(&self.embedded),
            analyzed: n(&self.analyzed),
            people: n(&self.people),
            stream: Duration::from_micros(n(&self.stream)),
            disk: None,
        }
    }
}

/// Time at work by stage, over all threads, microseconds.
#[derive(Debug, Default)]
pub(crate) struct StageTimes {
    /// Decoding keyframes, waiting for a live stream included.
    pub(crate) decode: AtomicU64,
    /// Frame filters.
    pub(crate) filters: AtomicU64,
    /// Encoding and writing pictures, and reading them back.
    pub(crate) images: AtomicU64,
    /// The detector's first look.
    pub(crate) detect: AtomicU64,
    /// The second look and the crops.
    pub(crate) crops: AtomicU64,
    /// Embedding.
    pub(crate) embed: AtomicU64,
    /// Face models.
    pub(crate) attributes: AtomicU64,
}

impl StageTimes {
    /// Runs `work` on the clock of a stage.
    pub(crate) fn on<T>(stage: &AtomicU64, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        Self::add(stage, start.elapsed());
        result
    }

    /// Adds to a stage.
    pub(crate) fn add(stage: &AtomicU64, time: Duration) {
        stage.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Name and time of each stage that took any, in the order of the work.
    pub(crate) fn all(&self) -> Vec<(&'static str, Duration)> {
        let all = [
            ("decode", &self.decode),
            ("filters", &self.filters),
            ("images", &self.images),
            ("detect", &self.detect),
            ("crops", &self.crops),
            ("embed", &self.embed),
            ("attributes", &self.attributes),
        ];
        let times = all.into_iter().map(|(name, v)| (name, Duration::from_micros(v.load(Relaxed))));
        times.filter(|(_, time)| *time > Duration::ZERO).collect()
    }
}
