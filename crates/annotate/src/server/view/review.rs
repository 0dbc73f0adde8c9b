//! The trait that a review implements.

use std::path::PathBuf;

use streamface_types::FaceId;

use super::{
    Answer, Ask, Decided, Entry, FaceDetail, FaceView, Finalized, MixedPerson, Overview, PersonFaces,
    PersonView, Problem, Question, Rows, Search, Window,
};

/// A review, as the API needs it. Calls come one at a time.
pub trait Review: Send + 'static {
    /// Progress of the review.
    fn overview(&mut self) -> Overview;
    /// The next questions; empty if there is nothing to ask.
    ///
    /// # Errors
    /// [`Problem::NotSaved`] if embeddings cannot be read.
    fn questions(&mut self, ask: Ask) -> Result<Vec<Question>, Problem>;
    /// A page of the list of people.
    ///
    /// # Errors
    /// [`Problem::Refused`] for an invalid time.
    fn people(&mut self, search: &Search, window: Window) -> Result<Rows<PersonView>, Problem>;
    /// A person and its faces.
    ///
    /// # Errors
    /// [`Problem::Unknown`].
    fn person(&mut self, face: &FaceId, window: Window) -> Result<PersonFaces, Problem>;
    /// The question whether the people of two given faces are one.
    ///
    /// # Errors
    /// [`Problem::Unknown`]; [`Problem::Stale`] where they are one person already.
    fn compare(&mut self, left: &FaceId, right: &FaceId) -> Result<Question, Problem>;
    /// The names given so far, without repetition, in order.
    fn names(&mut self) -> Vec<String>;
    /// A page of the people that may hold two, the most likely first, without those that were looked at as a whole; with a
    /// face, its person alone.
    ///
    /// # Errors
    /// [`Problem::Unknown`] for the face; [`Problem::NotSaved`] if embeddings cannot be read.
    fn mixed(&mut self, face: Option<&FaceId>, window: Window) -> Result<Rows<MixedPerson>, Problem>;
    /// A page of the faces that belong to no one.
    fn noise(&mut self, window: Window) -> Rows<FaceView>;
    /// A page of the pairs answered with "not sure".
    fn undecided(&mut self, window: Window) -> Rows<Question>;
    /// Details of a face.
    ///
    /// # Errors
    /// [`Problem::Unknown`].
    fn face(&mut self, face: &FaceId) -> Result<FaceDetail, Problem>;
    /// A page of the decisions: the last first, or the most doubtful first.
    fn history(&mut self, doubtful: bool, window: Window) -> Rows<Entry>;
    /// Checks, saves and applies an answer, in this order.
    ///
    /// # Errors
    /// Any [`Problem`]; nothing has changed then.
    fn decide(&mut self, answer: &Answer) -> Result<Decided, Problem>;
    /// Prepares the next question after a reply is sent.
    fn settle(&mut self) {}
    /// Writes the labels.
    ///
    /// # Errors
    /// [`Problem::DiskFull`], [`Problem::NotSaved`].
    fn finalize(&mut self) -> Result<Finalized, Problem>;
    /// The path of an image of a known face, or of its frame. The file need not exist.
    ///
    /// # Errors
    /// [`Problem::Unknown`].
    fn image(&self, kind: Picture, face: &FaceId) -> Result<Image, Problem>;
}

/// Which image of a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// The crop with its surroundings.
    Face,
    /// The aligned face.
    Aligned,
    /// The whole frame.
    Frame,
}

/// The path of an image, and the directory that must contain it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The dataset directory.
    pub root: PathBuf,
    /// The file.
    pub path: PathBuf,
}
