//! What the caller fills in.

use std::time::Duration;

use streamface_eval::person_attributes::PersonAttributes;
use streamface_types::{FaceId, FrameId, Label, StreamTime, Timestamp};

/// What a report shows. Fill in what there is: sections without content are left out.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Heading and title of the page.
    pub title: String,
    /// What was watched, in a line: file, folder or url.
    pub source: String,
    /// Settings by name, in the order to show them.
    pub settings: Vec<(String, String)>,
    /// The models that were used.
    pub models: Vec<Model>,
    /// What each stage took.
    pub stages: Vec<Stage>,
    /// All frames that were looked at, in any order; they give the faces their times.
    pub frames: Vec<Frame>,
    /// Faces found but not kept, by reason.
    pub dropped_faces: Vec<(String, u64)>,
    /// The people, in any order: shown by number of faces. One with [`Label::NOISE`] is shown last
    /// and counts as nobody.
    pub people: Vec<Person>,
    /// Folder of the face images, relative to the page and with `/` between its parts (`faces`);
    /// thumbnails lead there. Empty for no links.
    pub faces_folder: String,
    /// How much of it is shown.
    pub limits: Limits,
}

/// A model that was used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// What it did: `detector`, `embedder`.
    pub role: String,
    /// SHA-256 of its weights, hexadecimal.
    pub sha256: String,
    /// Its licence, or that it is unclear.
    pub licence: String,
}

/// What one stage took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Time it was at work, over all threads.
    pub busy: Duration,
    /// Frames or faces it went through.
    pub items: u64,
    /// What these are: `frame`, `face`.
    pub unit: String,
}

/// A frame that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Its name.
    pub id: FrameId,
    /// Short name of its source; each source has a strip of its own.
    pub source: String,
    /// Where it stands in its stream; `None` for a photo.
    pub stream_time: Option<StreamTime>,
    /// When it was captured. A time in January 1970 counts from the beginning of a file that does not tell, and is
    /// shown as such.
    pub captured_at: Option<Timestamp>,
    /// Why it was dropped, in a word: `empty`, `blurred`, `duplicate`. `None` for a kept one.
    pub dropped: Option<String>,
    /// Share of pixels that are on no edge, 0 to 1.
    pub empty: Option<f64>,
    /// Variance of the Laplacian.
    pub blur: Option<f64>,
    /// Similarity with the last kept frame, up to 1.
    pub similarity: Option<f64>,
    /// Its picture: a path relative to the page, with `/` between its parts (`frames/a.png`). `None` for no link.
    pub picture: Option<String>,
    /// The video or photo that it came from: such a path, or an address that begins with `http://` or `https://`. `None` for
    /// no link.
    pub origin: Option<String>,
}

/// One person.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// The number.
    pub label: Label,
    /// The name, where someone gave one.
    pub name: Option<String>,
    /// The faces, in any order.
    pub faces: Vec<Face>,
    /// What models say of the person; empty where nothing is said.
    pub attributes: PersonAttributes,
}

/// One face. Its frame is found by [`FaceId::frame`] among [`Report::frames`].
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// Its name.
    pub id: FaceId,
    /// The detector's score, 0 to 1.
    pub score: f32,
    /// Variance of the Laplacian of the aligned face.
    pub blur: Option<f64>,
    /// How usable it is, 0 to 1; `None` where that is not known.
    pub quality: Option<f32>,
    /// Where it is in its frame: left, top, width and height as shares of the frame's, 0 to 1. `None` where that is not
    /// known.
    pub place: Option<[f32; 4]>,
}

/// How much is shown; what is left out is said on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Thumbnails in the page, over all people (a few kB each). Default 5,000.
    pub thumbnails: usize,
    /// Thumbnails in a person's row, spread evenly over its faces; where qualities are known, the best of each part. Default 12.
    pub row: usize,
    /// Further faces of a person that are listed, folded away. Default 500.
    pub listed: usize,
    /// People that are shown. Default 3,000.
    pub people: usize,
    /// Rows of the table of dropped frames. Default 500.
    pub dropped_frames: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { thumbnails: 5_000, row: 12, listed: 500, people: 3_000, dropped_frames: 500 }
    }
}
