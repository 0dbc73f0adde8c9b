//! What every embedder can do.

use std::fmt::Debug;

use image::RgbImage;
use streamface_model::{Crop, ModelId};
use streamface_types::{Detection, Metric};

use crate::error::Result;

/// A face as an embedder gets it.
#[derive(Debug, Clone, Copy)]
pub struct FaceCrop<'a> {
    /// The face, cut as [`Embedder::crop`] says.
    pub image: &'a RgbImage,
    /// Where it was found, in pixels of its frame; none of a picture that came without. Only its quality depends on it.
    pub detection: Option<Detection>,
}

impl<'a> From<&'a RgbImage> for FaceCrop<'a> {
    fn from(image: &'a RgbImage) -> Self {
        Self { image, detection: None }
    }
}

/// What an embedder makes of a face.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// The embedding, of length 1.
    pub vector: Vec<f32>,
    /// How far it can be relied on, 0 to 1; none where that is not known of the model.
    pub quality: Option<f32>,
}

/// A face embedder. Threads may share it; a call uses one thread.
pub trait Embedder: Debug + Send + Sync {
    /// Which model it is.
    fn id(&self) -> &ModelId;

    /// How faces are cut for it (`streamface_detect::crop`).
    fn crop(&self) -> Crop;

    /// Numbers in an embedding.
    fn dim(&self) -> usize;

    /// The distance in which its embeddings are compared.
    fn metric(&self) -> Metric;

    /// The embeddings of faces cut as [`Self::crop`] says: vectors of length 1 and [`Self::dim`] numbers, in
    /// the order of the faces. What it makes of a face does not depend on the faces beside it.
    ///
    /// # Errors
    /// [`crate::Error::Size`] where a face is not as large as [`Self::crop`] says; [`crate::Error::Model`],
    /// [`crate::Error::Output`].
    fn embed(&self, faces: &[FaceCrop<'_>]) -> Result<Vec<Embedded>>;
}
