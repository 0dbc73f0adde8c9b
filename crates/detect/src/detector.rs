//! What every detector can do.

use std::fmt::Debug;

use image::RgbImage;
use streamface_model::ModelId;
use streamface_types::{Detection, Landmarks};

use crate::error::Result;

/// A face detector. Threads may share it; a call uses one thread, and its result depends on its arguments
/// alone.
pub trait Detector: Debug + Send + Sync {
    /// Which model it is.
    fn id(&self) -> &ModelId;

    /// The faces of a frame, best first, in its pixels.
    ///
    /// # Errors
    /// [`crate::Error::Model`], [`crate::Error::Output`].
    fn detect(&self, frame: &RgbImage) -> Result<Vec<Detection>>;

    /// The landmarks of a face that [`Self::detect`] found in `frame`, better placed where the detector can:
    /// those it has already, unless an implementation takes a second look.
    ///
    /// # Errors
    /// [`crate::Error::Model`], [`crate::Error::Output`].
    fn refine(&self, frame: &RgbImage, face: &Detection) -> Result<Landmarks> {
        let _ = frame;
        Ok(face.landmarks)
    }
}
