//! Rows of several tables that are committed together.

use std::fs;
use std::path::{Path, PathBuf};

use crate::staged_images::{self, StagedImage};
use crate::{AttributeRow, Error, ExtractionRow, FaceRow, FeatureRow, FrameRow, files, table};

/// What is committed together.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Keyframes that were looked at.
    pub frames: Vec<FrameRow>,
    /// Frames that were searched for faces.
    pub extractions: Vec<ExtractionRow>,
    /// Faces that were kept.
    pub faces: Vec<FaceRow>,
    /// Faces that were embedded.
    pub features: Vec<FeatureRow>,
    /// What models say of faces.
    pub attributes: Vec<AttributeRow>,
}

impl Batch {
    /// Whether there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { frames, extractions, faces, features, attributes } = self;
        frames.is_empty()
            && extractions.is_empty()
            && faces.is_empty()
            && features.is_empty()
            && attributes.is_empty()
    }

    /// A folder with a file per table, made under another name: its rename commits all of them. `images` are those that
    /// are staged for its rows.
    pub(crate) fn write(self, metadata: &Path, images: &[StagedImage]) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        let last = table::batches(metadata)?.pop();
        let number = last.as_deref().and_then(number_of).map_or(Some(0), |n| n.checked_add(1));
        let Some(number) = number else {
            let last = last.unwrap_or_default();
            return Err(Error::format(&last, "no batch can follow that number; remove the folder"));
        };
        let path = table::batches_dir(metadata).join(format!("{number:08}"));
        let part = self.write_unfinished(metadata, images)?;
        fs::rename(&part, &path).map_err(Error::io(&path))?;
        // The rename itself is durable once its folder is.
        files::sync(&table::batches_dir(metadata))
    }

    /// The folder under its other name, on the disk as a whole.
    pub(crate) fn write_unfinished(self, metadata: &Path, images: &[StagedImage]) -> Result<PathBuf, Error> {
        let part = unfinished_batch(metadata);
        files::remove_folder(&part)?;
        if files::create_folder(&table::batches_dir(metadata))? {
            files::sync(metadata)?;
        }
        files::create_folder(&part)?;
        table::write(&part, self.frames)?;
        table::write(&part, self.extractions)?;
        table::write(&part, self.faces)?;
        table::write(&part, self.features)?;
        table::write(&part, self.attributes)?;
        staged_images::write(&part, images)?;
        files::sync(&part)?;
        Ok(part)
    }
}

/// The number of a committed batch.
pub(crate) fn number_of(batch: &Path) -> Option<u64> {
    batch.file_name()?.to_str()?.parse().ok()
}

pub(crate) fn unfinished_batch(metadata: &Path) -> PathBuf {
    table::batches_dir(metadata).join(".part")
}
