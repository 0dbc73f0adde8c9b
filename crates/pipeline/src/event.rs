//! What happens while a step runs, and how it is stopped.

use std::time::Duration;

use streamface_capture::{Notice, Stop};
use streamface_model::{Cache, Engine};
use streamface_store::DropReason;

use crate::disk::DiskUse;
use crate::sighting::Sighting;

/// Is told what happens while a step runs. Events come from several threads, one at a time from each.
pub trait Observer: Sync {
    /// Something happened. It should return soon: the step waits for it.
    fn event(&self, event: &Event);
}

impl<F: Fn(&Event) + Sync> Observer for F {
    fn event(&self, event: &Event) {
        self(event);
    }
}

/// An observer that ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event) {}
}

/// Something that happens while a step runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A source was opened.
    Opened {
        /// File or url, without passwords.
        source: String,
        /// Its length; none for a live stream.
        duration: Option<Duration>,
    },
    /// The connection to a live stream ended; the next attempt comes after a pause.
    Reconnecting {
        /// File or url, without passwords.
        source: String,
        /// Why it ended.
        why: String,
        /// The pause.
        pause: Duration,
    },
    /// Something is not as it should be, and the step goes on.
    Warning(String),
    /// One file could not be read: it is counted, and the step goes on.
    Skipped(String),
    /// The counts so far, after each frame.
    Counts(Counts),
    /// What is known of the room on the disk: before the first frame, and when it is first measured.
    Disk(DiskUse),
    /// How far a part of the work is.
    Phase {
        /// What is being done.
        what: String,
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
    },
    /// The counts or phases so far are the last ones of this part of the work.
    Ended,
    /// A watch begins.
    Watching {
        /// The address of its page, where there is one.
        page: Option<String>,
        /// People who are known.
        known: usize,
        /// Distance from the mean of a person's faces within which a face is hers.
        threshold: f64,
    },
    /// What a watch sees.
    Seen(Sighting),
    /// Weights are being fetched.
    Fetching {
        /// The model.
        model: String,
        /// A package of a registry, or a path.
        from: String,
    },
    /// What a step is about to do, where that takes long and has no phases.
    Note(String),
}

impl From<Notice> for Event {
    fn from(notice: Notice) -> Self {
        match notice {
            Notice::Opened { source, duration } => Self::Opened { source, duration },
            Notice::Reconnecting { source, why, pause } => Self::Reconnecting { source, why, pause },
            Notice::Warning(text) | Notice::Incomplete(text) => Self::Warning(text),
            other => Self::Note(format!("{other:?}")),
        }
    }
}

/// Counts of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Keyframes.
    pub frames: u64,
    /// Of these, dropped, in the order of [`DropReason::ALL`].
    pub dropped: [u64; DropReason::ALL.len()],
    /// Frames searched for faces.
    pub searched: u64,
    /// Faces found with at least the wanted score.
    pub detected: u64,
    /// Of these, too small.
    pub small: u64,
    /// Of these, blurred.
    pub blurred: u64,
    /// Faces kept.
    pub faces: u64,
    /// Faces embedded.
    pub embedded: u64,
    /// Faces of which a face model says something.
    pub analyzed: u64,
    /// People so far, as of the last time they were counted; 0 where they are not.
    pub people: u64,
    /// How far the source has come, on its own clock.
    pub stream: Duration,
    /// What is written, and how long the disk has room; `None` for steps that go through no source.
    pub disk: Option<DiskUse>,
}

impl Counts {
    /// Keyframes kept.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.frames.saturating_sub(self.dropped.iter().sum())
    }
}

/// What every step is given beside its settings: who is told, what stops it, and where models are.
#[derive(Clone)]
pub struct Context<'a> {
    /// Is told what happens.
    pub observer: &'a dyn Observer,
    /// Ends a step early, with what is done by then kept. A caller, or a signal handler, sets it; a step on a
    /// source that fails sets it, too, since the source may be waiting for a live stream.
    pub stop: &'a Stop,
    /// Where the weights of models are.
    pub models: Cache,
    /// What runs networks: a step that has a setting for it sets it.
    pub(crate) engine: Engine,
}

impl<'a> Context<'a> {
    /// With the models of the user's own cache, [`Cache::of_user`].
    #[must_use]
    pub fn new(observer: &'a dyn Observer, stop: &'a Stop) -> Self {
        Self { observer, stop, models: Cache::of_user(), engine: Engine::default() }
    }

    /// With models from elsewhere.
    #[must_use]
    pub fn with_models(self, models: Cache) -> Self {
        Self { models, ..self }
    }

    /// The same, networks run by `engine`.
    pub(crate) fn running_by(&self, engine: Engine) -> Self {
        Self { engine, ..self.clone() }
    }

    pub(crate) fn event(&self, event: &Event) {
        self.observer.event(event);
    }

    pub(crate) fn warn(&self, text: impl Into<String>) {
        self.event(&Event::Warning(text.into()));
    }

    pub(crate) fn phase(&self, what: impl Into<String>, done: u64, total: u64) {
        self.event(&Event::Phase { what: what.into(), done, total });
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("stop", self.stop)
            .field("models", &self.models)
            .finish_non_exhaustive()
    }
}
