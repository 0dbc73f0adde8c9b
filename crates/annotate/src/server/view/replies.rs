//! What the server sends.

use serde::Serialize;
use streamface_types::{Attributes, FaceId};

use super::{Form, Window};

/// Rows of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rows<T> {
    /// Rows there are.
    pub total: usize,
    /// Rows before these.
    pub offset: usize,
    /// These.
    pub rows: Vec<T>,
}

impl<T> Rows<T> {
    /// The part of `all` in `window`, each row made by `row`.
    pub fn window<A>(all: &[A], window: Window, row: impl FnMut(&A) -> T) -> Self {
        let range = window.of(all.len());
        Self { total: all.len(), offset: range.start, rows: all[range].iter().map(row).collect() }
    }
}

/// How far the review is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Overview {
    /// Action is reviewed.
    pub title: String,
    /// Faces of the dataset.
    pub faces: usize,
    /// People at present.
    pub people: usize,
    /// Faces that belong to no one.
    pub noise: usize,
    /// Id of the last decision, 0 before the first.
    pub revision: u64,
    /// Decisions that hold.
    pub answers: usize,
    /// Pairs that could not be told.
    pub undecided: usize,
    /// Who answers, unless the page says otherwise.
    pub who: String,
    /// Expected pairwise F at the start and now, where it can be told.
    pub f: Option<[f64; 2]>,
    /// Questions still worth asking, in screens, and the seconds that they take.
    pub rest: Option<Rest>,
    /// Decisions that could not be applied after a new clustering.
    pub conflicts: usize,
}

/// Action is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Rest {
    /// Screens.
    pub screens: f64,
    /// Seconds of a person's time.
    pub seconds: f64,
}

/// A face, small.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaceView {
    /// Its name.
    pub id: FaceId,
    /// When it was captured, `YYYY-mm-dd HH:MM:SS`, where the name says.
    pub when: Option<String>,
    /// Action it was captured from.
    pub source: Option<String>,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonView {
    /// The face that stands for it.
    pub id: FaceId,
    /// Changes when its faces do.
    pub state: String,
    /// Its label at present.
    pub label: i64,
    /// Its name.
    pub name: Option<String>,
    /// How many faces.
    pub faces: usize,
    /// First and last time seen.
    pub seen: Option<[String; 2]>,
    /// Faces that tell most, at most [`SHOWN`]; in a pair the two nearest to each other come first.
    pub shown: Vec<FaceView>,
}

/// Two who may be one person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// One; [`None`] in a group, where it is the group's person.
    pub left: Option<PersonView>,
    /// The other.
    pub right: PersonView,
    /// Distance of the two, as the dataset's metric has it.
    pub distance: f64,
    /// That they are one person, 0 to 1.
    pub probability: f64,
}

/// A screen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Question {
    /// How it asks.
    pub form: Form,
    /// Id of the last decision when it was made.
    pub revision: u64,
    /// The person of a group.
    pub person: Option<PersonView>,
    /// Action is to be compared: one in a pair, several in a group or a sweep.
    pub pairs: Vec<Candidate>,
}

/// A person and some of its faces.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonFaces {
    /// Id of the last decision.
    pub revision: u64,
    /// The person.
    pub person: PersonView,
    /// Its faces in order of time.
    pub faces: Rows<FaceView>,
}

/// All there is to know of a face.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaceDetail {
    /// The face.
    pub face: FaceView,
    /// Whose it is; [`None`] for noise.
    pub person: Option<PersonView>,
    /// Left, top, width, height in pixels of the frame.
    pub bbox: Option<[f32; 4]>,
    /// Width and height of the frame.
    pub frame_size: Option<[u32; 2]>,
    /// Place in the stream, `h:mm:ss.mmm`.
    pub stream_time: Option<String>,
    /// The detector's score.
    pub score: Option<f32>,
    /// Variance of the Laplacian.
    pub blur: Option<f32>,
    /// Action attribute models said.
    pub attributes: Option<Attributes>,
}

/// A decision as the history shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its id.
    pub id: u64,
    /// When, `YYYY-mm-dd HH:MM:SS` UTC.
    pub at: String,
    /// Who.
    pub who: String,
    /// How long it took.
    pub seconds: Option<f64>,
    /// `compare`, `noise`, …
    pub kind: &'static str,
    /// Whether it holds: it may be undone, or stand against others.
    pub holds: bool,
    /// Whether it was undone.
    pub undone: bool,
    /// Why it is worth a second look, and how much (0 to 1, surprise).
    pub doubt: Option<f64>,
    /// Action was compared, some of it.
    pub pairs: Vec<EntryPair>,
    /// The faces of anything else, some of them.
    pub faces: Vec<FaceView>,
    /// How many of these there are in all.
    pub count: usize,
    /// The name given, or the decision undone or redone, in words.
    pub detail: Option<String>,
}

/// A comparison of a past decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntryPair {
    /// Some faces of one.
    pub left: Vec<FaceView>,
    /// Some faces of the other.
    pub right: Vec<FaceView>,
    /// `same`, `different`, `not_sure`.
    pub verdict: crate::Verdict,
}

/// That an answer was saved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decided {
    /// The decision's id.
    pub decision: u64,
    /// Action became of it, for people.
    pub message: String,
    /// How far the review is now.
    pub overview: Overview,
    /// Action was wanted next.
    pub questions: Vec<Question>,
}

/// Action finalizing wrote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finalized {
    /// The file, below the dataset directory.
    pub file: String,
    /// People in it.
    pub people: usize,
    /// Faces of these.
    pub faces: usize,
    /// Faces that belong to no one.
    pub noise: usize,
}

/// Why there is no reply as wanted. Each has its own status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// 404: no such face.
    #[error("{0}")]
    Unknown(String),
    /// 409: the people on the screen have changed since, or were answered by someone else.
    #[error("{0}")]
    Stale(String),
    /// 409: it contradicts what was said before, or two faces of one frame.
    #[error("{0}")]
    Conflict(String),
    /// 422: not an answer.
    #[error("{0}")]
    Refused(String),
    /// 507: no room left on the disk; nothing was saved.
    #[error("{0}")]
    DiskFull(String),
    /// 500: nothing was saved.
    #[error("{0}")]
    NotSaved(String),
}
