//! The review of a dataset: journal, people and queue together, as the page needs them.
//!
//! An answer is checked against what is there now, written to the journal and synced, and only then applied: what is
//! acknowledged is on the disk, and what is refused has changed nothing.

mod build_index;
mod decide;
mod face_selection;
mod index;
mod lists;
mod session_queue;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use streamface_store::{Dataset, Error as StoreError, ImageKind};
use streamface_types::FaceId;

use super::view::{self, *};
use crate::{Decision, Journal, People, questions};
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

/// Why a review does not open, or goes no further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The dataset directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal, its decisions, or the matching.
    #[error(transparent)]
    Annotate(#[from] crate::Error),
    /// No one to review.
    #[error("{path} has no labels yet; run streamface cluster {path} first", path = .0.display())]
    NoLabels(PathBuf),
    /// Embeddings of several models.
    #[error("{} has embeddings of different lengths; run streamface analyze anew", _0.display())]
    Mixed(PathBuf),
    /// The index was written and cannot be read.
    #[error("{}: review.index and review.vectors were written but cannot be read; see that the disk is sound", _0.display())]
    Index(PathBuf),
    /// Embeddings that are none.
    #[error("embeddings of the dataset: {0}; run streamface analyze anew")]
    Vectors(String),
    /// The rows beside the index.
    #[error("review.vectors: {0}; start the review again")]
    Rows(#[from] std::io::Error),
    /// Questions.
    #[error(transparent)]
    Questions(#[from] questions::Error),
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

/// Faces of a person that are looked at to choose those that are shown: the best seen of as many parts of their time.
const MAX_POOL: usize = 64;

/// Of these, how many faces of the other are compared with.
const MAX_OTHER_FACES: usize = 16;

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
    /// What the table of attributes says; read when first asked for.
    attributes: Option<std::collections::BTreeMap<FaceId, streamface_types::Attributes>>,
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
        self.session_queue.as_mut().ok_or_else(|| Error::Index(self.data.metadata()))
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

    /// The number of a face.
    fn face_number(&self, face: &FaceId) -> Result<u32, Problem> {
        self.people.index(face).ok_or_else(|| Problem::Unknown("There is no such face.".into()))
    }

    fn face_view(&self, face: u32) -> FaceView {
        let id = self.index.id(face);
        let frame = self.index.frame_of(face);
        let source = frame.source.map(|s| short(&self.index.sources[s as usize]));
        FaceView { when: id.frame.timestamp().map(|t| t.to_readable()), id, source }
    }

    /// A person, with these faces shown.
    fn person_view(&self, person: u32, shown: &[u32]) -> PersonView {
        let faces = self.people.faces_of(person);
        let named = shown.first().or(faces.first()).copied().unwrap_or_default();
        let times = faces.iter().filter_map(|&f| self.index.frame_of(f).id.timestamp());
        let (mut least, mut most) = (None, None);
        for time in times {
            least = Some(least.map_or(time, |l: streamface_types::Timestamp| l.min(time)));
            most = Some(most.map_or(time, |m: streamface_types::Timestamp| m.max(time)));
        }
        PersonView {
            id: self.index.id(named),
            state: state(&faces),
            label: self.people.label(person).unwrap_or(-1),
            name: self.people.name(person).map(str::to_owned),
            faces: faces.len(),
            seen: least.zip(most).map(|(a, b)| [a.to_readable(), b.to_readable()]),
            shown: shown.iter().map(|&f| self.face_view(f)).collect(),
        }
    }

    /// Faces spread over a person's time, the best seen of each part.
    fn pool(&self, person: u32, parts: usize) -> Vec<u32> {
        let faces = self.people.faces_of(person);
        let parts = parts.clamp(1, faces.len().max(1));
        let part = |p: usize| &faces[p * faces.len() / parts..(p + 1) * faces.len() / parts];
        let better = |a, b| if self.index.quality(b) > self.index.quality(a) { b } else { a };
        let best = |part: &[u32]| part.iter().copied().reduce(better);
        (0..parts).filter_map(|p| best(part(p))).collect()
    }

    /// A person with few faces, chosen without looking at embeddings: for lists.
    fn person_small(&self, person: u32) -> PersonView {
        let mut shown = self.pool(person, 4);
        let quality = |&face: &u32| self.index.quality(face);
        shown.sort_by(|a, b| quality(b).total_cmp(&quality(a)).then(a.cmp(b)));
        self.person_view(person, &shown)
    }

    fn read_pool(&mut self, person: u32) -> Result<Vec<(u32, Vec<f32>)>, Error> {
        let pool = self.pool(person, MAX_POOL);
        pool.into_iter().map(|face| Ok((face, self.vectors.row(face)?))).collect()
    }

    fn choose(&self, pool: &[(u32, Vec<f32>)], k: usize, across: &[(u32, Vec<f32>)]) -> Vec<u32> {
        // To find the nearest of the other person, some of it is enough.
        let across: Vec<_> =
            self.samples(across).into_iter().step_by(across.len().div_ceil(MAX_OTHER_FACES).max(1)).collect();
        representative_faces(&self.samples(pool), k, &across).into_iter().map(|at| pool[at].0).collect()
    }

    fn samples<'a>(&self, pool: &'a [(u32, Vec<f32>)]) -> Vec<FaceSample<'a>> {
        pool.iter().map(|(face, vector)| FaceSample { quality: self.index.quality(*face), vector }).collect()
    }

    /// Two people, each shown by what tells most beside the other.
    fn pair_view(&mut self, left: u32, right: u32, shown: usize) -> Result<[PersonView; 2], Error> {
        let (a, b) = (self.read_pool(left)?, self.read_pool(right)?);
        let (l, r) = (self.choose(&a, shown, &b), self.choose(&b, shown, &a));
        Ok([self.person_view(left, &l), self.person_view(right, &r)])
    }

    fn attributes_of(&mut self, face: &FaceId) -> Option<streamface_types::Attributes> {
        let path = self.data.metadata().join("attributes.parquet");
        // Read whole: a table that is too large for that is left alone.
        let all = self.attributes.get_or_insert_with(|| match std::fs::metadata(&path) {
            Ok(about) if about.len() <= 64 << 20 => {
                streamface_store::read_attributes(&self.data.metadata()).unwrap_or_default()
            }
            _ => std::collections::BTreeMap::new(),
        });
        all.get(face).cloned()
    }
}

/// The end of a long source.
fn short(source: &str) -> String {
    let name = source.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(source);
    // A url may hold a key to the stream behind its name.
    name.split(['?', '#']).next().unwrap_or(name).chars().take(80).collect()
}

/// Action changes when the faces of a person do, whatever their order.
fn state(faces: &[u32]) -> String {
    let mix = |face: u32| {
        // SplitMix64 (Steele, Lea and Flood 2014).
        let mut z = u64::from(face).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let sum = faces.iter().fold(0_u64, |sum, &face| sum.wrapping_add(mix(face)));
    format!("{}-{sum:016x}", faces.len())
}

impl From<Error> for Problem {
    fn from(e: Error) -> Self {
        let full = match &e {
            Error::Annotate(crate::Error::NotSaved { source, .. }) => {
                source.kind() == std::io::ErrorKind::StorageFull
            }
            Error::Store(StoreError::Io { source, .. })
            | Error::Annotate(crate::Error::Store(StoreError::Io { source, .. })) => {
                source.kind() == std::io::ErrorKind::StorageFull
            }
            _ => false,
        };
        if full { Self::DiskFull(e.to_string()) } else { Self::NotSaved(e.to_string()) }
    }
}

impl Review for ReviewSession {
    fn overview(&mut self) -> Overview {
        let progress = self.current_progress();
        let listed = self.listed();
        let (people, noise) = (listed.people.len(), listed.noise);
        let undecided = self.undecided_pairs().len();
        Overview {
            title: self.data.root().file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            faces: self.index.faces.len(),
            people,
            noise,
            revision: self.revision(),
            answers: self.answers(),
            undecided,
            who: self.settings.who.clone(),
            f: self.f_at_start.zip(progress).map(|(start, now)| [start, now.f]),
            rest: progress.map(|p| p.rest),
            conflicts: self.people.report().conflicts.len(),
        }
    }

    fn questions(&mut self, ask: Ask) -> Result<Vec<Question>, Problem> {
        Ok(self.ask(ask)?)
    }

    fn people(&mut self, search: &Search, window: Window) -> Result<Rows<PersonView>, Problem> {
        self.search(search, window)
    }

    fn person(&mut self, face: &FaceId, window: Window) -> Result<PersonFaces, Problem> {
        let number = self.face_number(face)?;
        let person = self.people.person_of(number);
        let person = person.ok_or_else(|| Problem::Unknown("This face belongs to no one now.".into()))?;
        let pool = self.read_pool(person)?;
        let mut shown = self.choose(&pool, view::SHOWN, &[]);
        // The face that was asked for names the person, so that its address stays.
        shown.retain(|&f| f != number);
        shown.insert(0, number);
        shown.truncate(view::SHOWN);
        let faces = self.people.faces_of(person);
        let rows = Rows::window(&faces, window, |&f| self.face_view(f));
        Ok(PersonFaces { revision: self.revision(), person: self.person_view(person, &shown), faces: rows })
    }

    fn noise(&mut self, window: Window) -> Rows<FaceView> {
        Rows::window(&self.people.noise(), window, |&f| self.face_view(f))
    }

    fn undecided(&mut self, window: Window) -> Rows<Question> {
        self.undecided_view(window)
    }

    fn face(&mut self, id: &FaceId) -> Result<FaceDetail, Problem> {
        let number = self.face_number(id)?;
        let attributes = self.attributes_of(id);
        let face = self.index.faces[number as usize];
        let frame = self.index.frame_of(number);
        Ok(FaceDetail {
            person: self.people.person_of(number).map(|p| self.person_small(p)),
            face: self.face_view(number),
            bbox: face.found.map(|(b, ..)| [b.x, b.y, b.w, b.h]),
            frame_size: frame.size,
            stream_time: frame.stream_time.map(|t| t.to_string()),
            score: face.found.map(|(_, score, _)| score),
            blur: face.found.map(|(.., blur)| blur),
            attributes,
        })
    }

    fn history(&mut self, doubtful: bool, window: Window) -> Rows<Entry> {
        self.entries(doubtful, window)
    }

    fn decide(&mut self, answer: &Answer) -> Result<Decided, Problem> {
        self.take(answer)
    }

    fn finalize(&mut self) -> Result<Finalized, Problem> {
        self.write_result()
    }

    fn settle(&mut self) {
        // Where this fails, the next question says why.
        let _ = self.session_queue();
    }

    fn image(&self, kind: Picture, face: &FaceId) -> Result<Image, Problem> {
        self.face_number(face)?;
        let path = match kind {
            Picture::Face => self.data.image_path(ImageKind::Face, face),
            Picture::Aligned => self.data.image_path(ImageKind::AlignedFace, face),
            Picture::Frame => self.data.image_path(ImageKind::Frame, &face.frame),
        };
        Ok(Image { root: self.data.root().to_owned(), path })
    }
}
