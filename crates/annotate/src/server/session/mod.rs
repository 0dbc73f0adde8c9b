//! The review of a dataset: journal, people and question queue.
//!
//! An answer is checked against the current state, written to the journal and synced, then applied: a write
//! is durable before the reply, and a rejected answer changes nothing.

mod build_index;
mod decide;
mod face_selection;
mod index;
mod lists;
mod messages;
mod mixed;
mod person_views;
mod review;
mod same_name;
mod session_queue;
mod timeline;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use streamface_eval::person_attributes::UnknownBelow;
use streamface_store::{Dataset, FrameFormats};
use streamface_types::{Attributes, FaceId};

use super::view::{Rest, Stop};
use crate::{Decision, Error, Journal, People, ReviewOptions};
use decide::Reservation;
pub use face_selection::{FaceSample, representative_faces};
use index::{Index, Vectors};
use lists::Lists;
use session_queue::{QueueInput, SessionQueue};

/// Limits on the pairs of people to ask about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CandidateLimits {
    /// Largest cosine distance of two means, 0 to 2. Default 0.8.
    pub distance: f64,
    /// Maximum number of pairs, the nearest first. Default 500,000.
    pub pairs: usize,
}

impl Default for CandidateLimits {
    fn default() -> Self {
        Self { distance: 0.8, pairs: 500_000 }
    }
}

/// Settings of a review.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct SessionSettings {
    /// Author of answers, unless the page names one.
    pub who: String,
    /// Which pairs may be asked about.
    pub limits: CandidateLimits,
    /// How decisions are applied.
    pub options: ReviewOptions,
    /// Confidence below which an attribute of a face is said to be unknown.
    pub unknown_below: UnknownBelow,
}

/// Minimum time between two estimates of the progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// A review in progress. It holds the locks of the dataset and of the journal.
pub struct ReviewSession {
    data: Dataset,
    index: Index,
    vectors: Vectors,
    journal: Journal,
    decisions: Vec<Decision>,
    people: People,
    /// `None` after a decision that requires rebuilding it, until the next question.
    session_queue: Option<SessionQueue>,
    settings: SessionSettings,
    lists: Lists,
    reservations: Vec<Reservation>,
    /// The best two parts of people that are no whole cluster, by the state of their faces.
    parts: std::collections::HashMap<String, Option<mixed::ClusterParts>>,
    /// People that may hold two, and the decision that they are listed after.
    suspected: Option<(u64, Vec<mixed::Suspected>)>,
    /// Attributes by face, from their table; read when first asked for.
    attributes: Option<std::collections::BTreeMap<FaceId, Attributes>>,
    /// How pictures of frames are stored; read when the first one is shown.
    frame_formats: OnceLock<FrameFormats>,
    progress: Option<(Instant, u64, Estimate)>,
    f_at_start: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Estimate {
    f: f64,
    rest: Rest,
    stop: Stop,
}

impl ReviewSession {
    /// Opens the review of a dataset: reads or rebuilds its index, and replays its journal.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(data: Dataset, settings: SessionSettings) -> Result<Self, Error> {
        let (index, vectors) = build_index::open(&data, settings.limits)?;
        let (journal, decisions) = Journal::open(&data.metadata().join(crate::journal::FILE))?;
        let ids: Vec<FaceId> = (0..index.faces.len() as u32).map(|face| index.id(face)).collect();
        let labels: Vec<i64> = index.faces.iter().map(|face| face.label).collect();
        let names = data.cluster_names()?;
        let mut people = People::new(ids, &labels, !settings.options.same_frame)?.with_names(&names);
        people.replay(&decisions);
        let mut session = Self {
            data,
            index,
            vectors,
            journal,
            decisions,
            people,
            session_queue: None,
            settings,
            lists: Lists::default(),
            reservations: Vec::new(),
            parts: std::collections::HashMap::new(),
            suspected: None,
            attributes: None,
            frame_formats: OnceLock::new(),
            progress: None,
            f_at_start: None,
        };
        session.session_queue()?;
        session.current_progress();
        Ok(session)
    }

    /// Path of the half line that was moved aside when the journal was opened: an answer that was never
    /// acknowledged.
    #[must_use]
    pub fn torn(&self) -> Option<&std::path::Path> {
        self.journal.torn()
    }

    /// Decisions that conflict with the current clusters, and those that name unknown faces.
    #[must_use]
    pub fn report(&self) -> crate::Report {
        self.people.report()
    }

    /// Number of faces in no cluster.
    #[must_use]
    pub fn unclustered(&self) -> usize {
        self.index.faces.iter().filter(|face| face.label < 0).count()
    }

    /// Where the table cannot be read, all are taken for PNG, and are then not on the disk.
    fn frame_formats(&self) -> &FrameFormats {
        self.frame_formats.get_or_init(|| FrameFormats::read(&self.data).unwrap_or_default())
    }

    fn revision(&self) -> u64 {
        self.journal.len()
    }

    fn session_queue(&mut self) -> Result<&mut SessionQueue, Error> {
        if self.session_queue.is_none() {
            let known = QueueInput {
                index: &self.index,
                vectors: &mut self.vectors,
                people: &self.people,
                decisions: &self.decisions,
                limits: self.settings.limits,
                same_frame: self.settings.options.same_frame,
            };
            self.session_queue = Some(SessionQueue::new(known)?);
        }
        // Always present here: rebuilt above if missing.
        self.session_queue.as_mut().ok_or_else(|| Error::Index { path: self.data.metadata() })
    }

    /// Estimated progress. It may lag an answer or two behind.
    fn current_progress(&mut self) -> Option<Estimate> {
        let revision = self.revision();
        if let Some((when, at, current_progress)) = self.progress
            && (at == revision || when.elapsed() < PROGRESS_INTERVAL || self.session_queue.is_none())
        {
            return Some(current_progress);
        }
        let now = self.session_queue().ok()?.queue.progress();
        let rest = Rest { screens: now.screens_left as f64, seconds: now.seconds_left };
        let below = 60.0 * self.session_queue().ok()?.queue.settings().stop;
        let stop = Stop { gain_per_minute: now.gain_per_minute, below, now: now.worth_stopping };
        let current_progress = Estimate { f: now.f, rest, stop };
        self.f_at_start.get_or_insert(now.f);
        self.progress = Some((Instant::now(), revision, current_progress));
        Some(current_progress)
    }
}
