//! What every embedder can do.

use std::fmt::Debug;

use image::RgbImage;
use streamface_model::{Crop, ModelId};
use streamface_types::Metric;

use crate::error::Result;

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
    /// the order of the faces. A face's vector does not depend on the faces beside it.
    ///
    /// # Errors
    /// [`crate::Error::Size`] where a face is not as large as [`Self::crop`] says; [`crate::Error::Model`],
    /// [`crate::Error::Output`].
    fn embed(&self, faces: &[&RgbImage]) -> Result<Vec<Vec<f32>>>;
}
