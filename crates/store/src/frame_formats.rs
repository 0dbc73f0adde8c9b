//! How the pictures of frames are stored, for those who have a frame's name and not its row.

use std::collections::HashMap;

use streamface_types::FrameId;

use crate::{Dataset, Error, FrameFormat, FrameRow};

/// How the pictures of a dataset's frames are stored, by frame. Takes memory for those alone that are not PNG.
#[derive(Debug, Clone, Default)]
pub struct FrameFormats(HashMap<FrameId, FrameFormat>);

impl FrameFormats {
    /// What the table of frames says.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`].
    pub fn read(data: &Dataset) -> Result<Self, Error> {
        let mut all = Self::default();
        data.each(|row: FrameRow| all.add(&row))?;
        Ok(all)
    }

    /// Adds what a row says.
    pub fn add(&mut self, row: &FrameRow) {
        if row.format != FrameFormat::Png {
            self.0.insert(row.frame.clone(), row.format);
        }
    }

    /// How a frame's picture is stored; PNG where no row is known.
    #[must_use]
    pub fn of(&self, frame: &FrameId) -> FrameFormat {
        self.0.get(frame).copied().unwrap_or_default()
    }
}
