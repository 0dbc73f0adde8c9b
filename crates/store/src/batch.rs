//! Rows of several tables that are committed together.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::table;
use crate::{AttributeRow, Error, ExtractionRow, FaceRow, FeatureRow, FrameRow};

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

    /// A folder with a file per table, made under another name: its rename commits all of them.
    pub(crate) fn write(self, metadata: &Path) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        let part = unfinished_batch(metadata);
        remove_dir(&part)?;
        fs::create_dir_all(&part).map_err(Error::io(&part))?;
        table::write(&part, self.frames)?;
        table::write(&part, self.extractions)?;
        table::write(&part, self.faces)?;
        table::write(&part, self.features)?;
        table::write(&part, self.attributes)?;
        let last = table::batches(metadata)?.pop();
        let number = last.and_then(|p| p.file_name()?.to_str()?.parse::<u64>().ok()).map_or(0, |n| n + 1);
        let path = table::batches_dir(metadata).join(format!("{number:08}"));
        fs::rename(&part, &path).map_err(Error::io(&path))?;
        // The rename itself is durable once its folder is.
        let dir = table::batches_dir(metadata);
        File::open(&dir).and_then(|d| d.sync_all()).map_err(Error::io(&dir))
    }
}

pub(crate) fn unfinished_batch(metadata: &Path) -> PathBuf {
    table::batches_dir(metadata).join(".part")
}

/// Removes a folder, if it is there.
pub(crate) fn remove_dir(dir: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(dir)(e)),
        _ => Ok(()),
    }
}
