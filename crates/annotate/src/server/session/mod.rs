//! The review of a dataset: journal, people and queue together, as the page needs them.
//!
//! An answer is checked against what is there now, written to the journal and synced, and only then applied: what is
//! acknowledged is on the disk, and what is refused has changed nothing.

mod build_index;
mod decide;
mod face_selection;
mod index;
mod lists;
mod person_views;
mod review;
mod session_queue;

use std::time::{Duration, Instant};

use streamface_store::Dataset;
use streamface_types::{Annotations, FaceId};

use super::view::Rest;
use crate::{Decision, Error, Journal, People};
use decide::Reservation;
pub use face_selection::{FaceSample, representative_faces};
use index::{Index, Vectors};
use lists::Lists;
use session_queue::{QueueInput, SessionQueue};

/// Which pairs of people may be asked about at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CandidateLimits {
    /// Largest cosine distance of two means, 0 to 2.
    pub distance: f64,
    /// Most pairs, the nearest first.
    pub pairs: usize,
}

impl Default for CandidateLimits {
    fn default() -> Self {
        Self { distance: 0.8, pairs: 500_000 }
    }
}

/// Action a review goes by.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct SessionSettings {
    /// Who answers, unless the page says otherwise.
    pub who: String,
    /// Which pairs may be asked about.
    pub limits: CandidateLimits,
    /// Two faces of one frame may be one person.
    pub same_frame: bool,
}

/// How often progress is worked out anew, at most.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// A review under way. Holds the dataset's lock and the journal's.
pub struct ReviewSession {
    data: Dataset,
    index: Index,
    vectors: Vectors,
    journal: Journal,
    decisions: Vec<Decision>,
    people: People,
    /// None after a decision that makes it anew, until a question is asked for.
    session_queue: Option<SessionQueue>,
    settings: SessionSettings,
    lists: Lists,
    reservations: Vec<Reservation>,
    /// Action the dataset's annotations.json says beside labels; read when first asked for.
    attributes: Option<Annotations>,
    progress: Option<(Instant, u64, Estimate)>,
    f_at_start: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Estimate {
    f: f64,
    rest: Rest,
}

impl ReviewSession {
    /// Opens the review of a dataset: its index, made anew where the tables have changed, and its journal, replayed.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(data: Dataset, settings: SessionSettings) -> Result<Self, Error> {
        let (index, vectors) = build_index::open(&data, settings.limits)?;
        let (journal, decisions) = Journal::open(&data.metadata().join(crate::journal::FILE))?;
        let ids: Vec<FaceId> = (0..index.faces.len() as u32).map(|face| index.id(face)).collect();
        let labels: Vec<i64> = index.faces.iter().map(|face| face.label).collect();
        let mut people = People::new(ids, &labels, !settings.same_frame)?;
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
            attributes: None,
            progress: None,
            f_at_start: None,
        };
        session.session_queue()?;
        session.current_progress();
        Ok(session)
    }

    /// Where a half line was set aside that the journal ended in: an answer that was never acknowledged.
    #[must_use]
    pub fn torn(&self) -> Option<&std::path::Path> {
        self.journal.torn()
    }

    /// Decisions that cannot be followed as the faces are now clustered, and those that name faces that are gone.
    #[must_use]
    pub fn report(&self) -> crate::Report {
        self.people.report()
    }

    /// Faces that no clustering has seen, or found no one for.
    #[must_use]
    pub fn unclustered(&self) -> usize {
        self.index.faces.iter().filter(|face| face.label < 0).count()
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
            };
            self.session_queue = Some(SessionQueue::new(known)?);
        }
        // Made just now where it was missing.
        self.session_queue.as_mut().ok_or_else(|| Error::Index { path: self.data.metadata() })
    }

    /// How far it is; an estimate that may lag an answer or two behind, or what has to be made anew for it.
    fn current_progress(&mut self) -> Option<Estimate> {
        let revision = self.revision();
        if let Some((when, at, current_progress)) = self.progress
            && (at == revision || when.elapsed() < PROGRESS_INTERVAL || self.session_queue.is_none())
        {
            return Some(current_progress);
        }
        let now = self.session_queue().ok()?.queue.progress();
        let rest = Rest { screens: now.screens_left as f64, seconds: now.seconds_left };
        let current_progress = Estimate { f: now.f, rest };
        self.f_at_start.get_or_insert(now.f);
        self.progress = Some((Instant::now(), revision, current_progress));
        Some(current_progress)
    }
}
