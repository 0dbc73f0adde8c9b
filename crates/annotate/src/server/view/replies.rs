//! What the server sends.

use serde::Serialize;
use streamface_eval::person_attributes::PersonAttributes;
use streamface_types::{Attributes, FaceId};

use super::{Form, Window};

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rows<T> {
    /// Id of the last decision when the list was made.
    pub revision: u64,
    /// Rows in the list.
    pub total: usize,
    /// Rows before this page.
    pub offset: usize,
    /// The rows of this page.
    pub rows: Vec<T>,
}

impl<T> Rows<T> {
    /// The part of `all` in `window`, converted by `row`.
    pub fn window<A>(revision: u64, all: &[A], window: Window, row: impl FnMut(&A) -> T) -> Self {
        let range = window.of(all.len());
        Self { revision, total: all.len(), offset: range.start, rows: all[range].iter().map(row).collect() }
    }
}

/// Progress of the review.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Overview {
    /// Name of the dataset.
    pub title: String,
    /// Faces in the dataset.
    pub faces: usize,
    /// Number of people.
    pub people: usize,
    /// Faces that belong to no one.
    pub noise: usize,
    /// Id of the last decision, 0 before the first.
    pub revision: u64,
    /// Decisions that hold.
    pub answers: usize,
    /// Pairs answered with "not sure".
    pub undecided: usize,
    /// Author of answers, unless the page names one.
    pub who: String,
    /// Expected pairwise F at the start and now, if known.
    pub f: Option<[f64; 2]>,
    /// Remaining work, if known.
    pub rest: Option<Rest>,
    /// What another minute would gain, if known.
    pub stop: Option<Stop>,
    /// Id of the last decision that `f` and `rest` take into account: they may lag an answer or two behind.
    pub estimated: u64,
    /// Decisions that are not applied because they contradict earlier ones.
    pub conflicts: usize,
}

/// Remaining work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Rest {
    /// Screens.
    pub screens: f64,
    /// Seconds of a person's time.
    pub seconds: f64,
}

/// Whether it is worth stopping.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Stop {
    /// Expected gain in F of a minute spent on the best question.
    pub gain_per_minute: f64,
    /// The gain in F of a minute below which it is worth stopping.
    pub below: f64,
    /// Whether it is.
    pub now: bool,
}

/// A face in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaceView {
    /// Its id.
    pub id: FaceId,
    /// Capture time, `YYYY-mm-dd HH:MM:SS`, if the id has one.
    pub when: Option<String>,
    /// Its source.
    pub source: Option<String>,
    /// How its crop with surroundings lies, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loose: Option<Loose>,
}

/// How a loose face lies in its picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Loose {
    /// Width and height of the picture in pixels.
    pub size: [u32; 2],
    /// Black bars where the square reaches out of the frame: left, top, right, bottom, as parts of the picture's width or
    /// height, 0 to 1.
    pub outside: [f32; 4],
    /// The face's box: left, top, width, height, as parts of the picture's width or height.
    pub face: [f32; 4],
}

/// A person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonView {
    /// A face that identifies the person.
    pub id: FaceId,
    /// Changes when the person's faces change.
    pub state: String,
    /// Its current label.
    pub label: i64,
    /// Its name.
    pub name: Option<String>,
    /// Number of faces.
    pub faces: usize,
    /// First and last capture time.
    pub seen: Option<[String; 2]>,
    /// Representative faces, at most [`SHOWN`](super::SHOWN); in a pair the two nearest to each other come first.
    pub shown: Vec<FaceView>,
}

/// Two people who may be one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// One; [`None`] in a group, where it is the group's person.
    pub left: Option<PersonView>,
    /// The other.
    pub right: PersonView,
    /// Cosine distance.
    pub distance: f64,
    /// Probability that they are one person, 0 to 1.
    pub probability: f64,
}

/// A person that may hold two, in two halves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MixedPerson {
    /// The person, without faces.
    pub person: PersonView,
    /// The two halves, the larger first.
    pub halves: Vec<Half>,
    /// Probability that they are two people, 0 to 1.
    pub probability: f64,
    /// Cosine distance of their means.
    pub distance: f64,
    /// Two faces of the person are in one frame, where that means two people.
    pub one_frame: bool,
}

/// Half of a person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Half {
    /// Number of faces.
    pub faces: usize,
    /// First and last capture time.
    pub seen: Option<[String; 2]>,
    /// Representative faces, at most [`SHOWN`](super::SHOWN); one that was asked for comes first.
    pub shown: Vec<FaceView>,
}

/// A screen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Question {
    /// Its form.
    pub form: Form,
    /// Id of the last decision when the screen was made.
    pub revision: u64,
    /// The person of a group.
    pub person: Option<PersonView>,
    /// The pairs to compare: one in a pair, several in a group or a sweep.
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
    /// When it is seen in each source; those with most of its faces, in the order of the sources.
    pub timeline: Vec<Lane>,
    /// Sources in which it is seen at a known time; the timeline may have fewer.
    pub sources: usize,
    /// People with the same name who may be the same person.
    pub same_name: Vec<PersonView>,
    /// What models say of the person, by the vote of all faces: guesses about appearance.
    pub attributes: PersonAttributes,
}

/// A source on a person's timeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lane {
    /// The source.
    pub source: Option<String>,
    /// First and last time of a face of anyone in it.
    pub ends: [String; 2],
    /// When the person is seen, in order.
    pub spans: Vec<Span>,
}

/// A time during which a person is seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Span {
    /// Its start and end, as parts of the lane's time, 0 to 1.
    pub at: [f64; 2],
    /// Its first and last time.
    pub ends: [String; 2],
    /// Faces of the person in it.
    pub faces: usize,
    /// Position of the first of them among all the person's faces.
    pub first: usize,
}

/// Details of a face.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaceDetail {
    /// The face.
    pub face: FaceView,
    /// Its person; [`None`] for noise.
    pub person: Option<PersonView>,
    /// Left, top, width, height in pixels of the frame.
    pub bbox: Option<[f32; 4]>,
    /// Width and height of the frame.
    pub frame_size: Option<[u32; 2]>,
    /// Time in the stream, `h:mm:ss.mmm`.
    pub stream_time: Option<String>,
    /// The detector's score.
    pub score: Option<f32>,
    /// Variance of the Laplacian.
    pub blur: Option<f32>,
    /// Attributes by models, with all their probabilities.
    pub attributes: Option<Attributes>,
    /// What they say in short.
    pub said: PersonAttributes,
}

/// A decision as the history shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its id.
    pub id: u64,
    /// Time, `YYYY-mm-dd HH:MM:SS` UTC.
    pub at: String,
    /// Author.
    pub who: String,
    /// Seconds that the answer took.
    pub seconds: Option<f64>,
    /// `compare`, `noise`, …
    pub kind: &'static str,
    /// Whether it is applied: not undone, and without conflict.
    pub holds: bool,
    /// Whether it was undone.
    pub undone: bool,
    /// Probability that it is wrong, 0 to 1, if it is doubtful.
    pub doubt: Option<f64>,
    /// The first comparisons.
    pub pairs: Vec<EntryPair>,
    /// The first faces, for other kinds.
    pub faces: Vec<FaceView>,
    /// Number of comparisons or faces.
    pub count: usize,
    /// The name given, or the decision undone or redone, as text.
    pub detail: Option<String>,
    /// Where the faces of a name are now, if they are no longer one person of that name.
    pub elsewhere: Option<String>,
}

/// A comparison in the history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntryPair {
    /// Some faces of one.
    pub left: Vec<FaceView>,
    /// Some faces of the other.
    pub right: Vec<FaceView>,
    /// `same`, `different`, `not_sure`.
    pub verdict: crate::Verdict,
}

/// Reply to an answer that was saved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decided {
    /// The decision's id.
    pub decision: u64,
    /// A message for the user.
    pub message: String,
    /// Progress of the review.
    pub overview: Overview,
    /// The questions that the answer asked for.
    pub questions: Vec<Question>,
    /// After a name: other people with this name who may be the same person.
    pub same_name: Vec<PersonView>,
}

/// Reply to finalizing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finalized {
    /// The file, relative to the dataset directory.
    pub file: String,
    /// People in it.
    pub people: usize,
    /// Faces of these people.
    pub faces: usize,
    /// Faces that belong to no one.
    pub noise: usize,
}

/// Why a request failed. Each has its own status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// 404: no such face.
    #[error("{0}")]
    Unknown(String),
    /// 409: the people on the screen have changed, or were answered by someone else.
    #[error("{0}")]
    Stale(String),
    /// 409: it contradicts earlier decisions, or joins two faces of one frame.
    #[error("{0}")]
    Conflict(String),
    /// 422: an invalid answer.
    #[error("{0}")]
    Refused(String),
    /// 507: the disk is full; nothing was saved.
    #[error("{0}")]
    DiskFull(String),
    /// 500: nothing was saved.
    #[error("{0}")]
    NotSaved(String),
}
