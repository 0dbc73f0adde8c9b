//! The review as the page needs it.

use std::path::PathBuf;

use streamface_types::FaceId;

use super::{
    Answer, Ask, Decided, Entry, FaceDetail, FaceView, Finalized, Overview, PersonFaces, PersonView, Problem,
    Question, Rows, Search, Window,
};

/// The review, as the page needs it. Calls come one at a time.
pub trait Review: Send + 'static {
    /// How far it is.
    fn overview(&mut self) -> Overview;
    /// The next questions; none when nothing is left to ask.
    ///
    /// # Errors
    /// [`Problem::NotSaved`] where embeddings cannot be read.
    fn questions(&mut self, ask: Ask) -> Result<Vec<Question>, Problem>;
    /// People.
    ///
    /// # Errors
    /// [`Problem::Refused`] for a time that is none.
    fn people(&mut self, search: &Search, window: Window) -> Result<Rows<PersonView>, Problem>;
    /// A person and its faces.
    ///
    /// # Errors
    /// [`Problem::Unknown`].
    fn person(&mut self, face: &FaceId, window: Window) -> Result<PersonFaces, Problem>;
    /// Faces that belong to no one.
    fn noise(&mut self, window: Window) -> Rows<FaceView>;
    /// Pairs that could not be told.
    fn undecided(&mut self, window: Window) -> Rows<Question>;
    /// A face.
    ///
    /// # Errors
    /// [`Problem::Unknown`].
    fn face(&mut self, face: &FaceId) -> Result<FaceDetail, Problem>;
    /// Decisions: the last first, or those most worth a second look first.
    fn history(&mut self, doubtful: bool, window: Window) -> Rows<Entry>;
    /// Takes an answer: checked, saved, applied, in this order.
    ///
    /// # Errors
    /// Any [`Problem`]; nothing has changed then.
    fn decide(&mut self, answer: &Answer) -> Result<Decided, Problem>;
    /// Makes ready what an answer has left to do, once its reply is out and before anyone waits for it.
    fn settle(&mut self) {}
    /// Writes the result.
    ///
    /// # Errors
    /// [`Problem::DiskFull`], [`Problem::NotSaved`].
    fn finalize(&mut self) -> Result<Finalized, Problem>;
    /// The file of an image: of a face that is in the tables, or of its frame. It need not exist.
    ///
    /// # Errors
    /// [`Problem::Unknown`].
    fn image(&self, kind: Picture, face: &FaceId) -> Result<Image, Problem>;
}

/// Which image of a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// With its surroundings.
    Face,
    /// Upright.
    Aligned,
    /// The frame it is in.
    Frame,
}

/// Where an image lies, and the directory that it must be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The dataset directory.
    pub root: PathBuf,
    /// The file.
    pub path: PathBuf,
}
