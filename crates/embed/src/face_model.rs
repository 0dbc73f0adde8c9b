//! What every model that says something of a face can do.

use std::fmt::Debug;

use image::RgbImage;
use streamface_model::{Crop, ModelId};
use streamface_types::Attributes;

use crate::error::Result;

/// A network that looks at a face's crop and says something of it: its age, whether it wears a mask. Threads
/// may share it; a call uses one thread.
pub trait FaceModel: Debug + Send + Sync {
    /// Which model it is.
    fn id(&self) -> &ModelId;

    /// How faces are cut for it (`streamface_detect::crop`).
    fn crop(&self) -> Crop;

    /// Names of the attributes that it gives for each face, in their order.
    fn attributes(&self) -> Vec<&str>;

    /// What it says of faces cut as [`Self::crop`] says: for each face, in their order, a value of each of
    /// [`Self::attributes`], with the calibrated probability of every label. What it says of a face does not depend on
    /// the faces beside it.
    ///
    /// # Errors
    /// [`crate::Error::Size`] where a face is not as large as [`Self::crop`] says; [`crate::Error::Model`],
    /// [`crate::Error::Output`].
    fn look(&self, faces: &[&RgbImage]) -> Result<Vec<Attributes>>;
}
