//! How a detector looks.

use streamface_model::{Manifest, SecondLook};

use crate::error::{Result, in_range};

/// How a detector looks. The model's manifest has recommended values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectSettings {
    /// Long side of the frame as the network sees it, pixels; sides are rounded up to multiples of
    /// 32, small frames are not enlarged. 64 to 4096.
    pub size: u32,
    /// Least score, 0 to 1.
    pub score: f32,
    /// Overlap above which the weaker of two boxes is dropped, 0 to 1.
    pub nms_iou: f32,
    /// The second look at each face for its landmarks; none to take those of the first.
    pub second_look: Option<SecondLook>,
}

impl DetectSettings {
    /// What the manifest recommends.
    ///
    /// # Errors
    /// [`crate::Error::Model`] where the model is no detector.
    pub fn recommended(model: &Manifest) -> Result<Self> {
        let d = model.detector()?;
        Ok(Self { size: d.size, score: d.score, nms_iou: d.nms_iou, second_look: d.second_look })
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for the first that is out of its range.
    pub fn check(&self) -> Result<()> {
        in_range("detect-size", "64 to 4096", self.size, (64..=4096).contains(&self.size))?;
        in_range("score", "0 to 1", self.score, (0.0..=1.0).contains(&self.score))?;
        in_range("nms-iou", "0 to 1", self.nms_iou, (0.0..=1.0).contains(&self.nms_iou))?;
        let Some(look) = self.second_look else { return Ok(()) };
        let sizes = look.size.is_multiple_of(32) && (32..=512).contains(&look.size);
        in_range("second look size", "a multiple of 32, 32 to 512", look.size, sizes)?;
        in_range("second look context", "1 to 4", look.context, (1.0..=4.0).contains(&look.context))
    }
}
