//! Reading images back.

use std::path::{Path, PathBuf};

use streamface_types::FrameId;

use crate::{Error, FrameFormat, ImageKind, files};

/// Largest image file that is read back, in bytes.
pub const MAX_IMAGE_BYTES: u64 = 256 << 20;

/// Suffix of a staged image.
pub(crate) const STAGED: &str = ".part";

/// Folder of the copies of last frames, in that of the tables.
pub(crate) const LAST_FRAMES: &str = "last_frames";

/// Reads pictures of frames without the open dataset: for another thread. Made by [`crate::Dataset::frame_reader`].
#[derive(Debug, Clone)]
pub struct FrameReader {
    pub(crate) root: PathBuf,
}

impl FrameReader {
    /// The bytes of a frame's picture, at most [`MAX_IMAGE_BYTES`].
    ///
    /// # Errors
    /// [`Error::NoPicture`] for [`FrameFormat::None`]; those of [`files::open`].
    pub fn read(&self, frame: &FrameId, format: FrameFormat) -> Result<Vec<u8>, Error> {
        let file = format.file_name(frame).ok_or_else(|| Error::NoPicture { frame: frame.clone() })?;
        read_image_file(&self.root, ImageKind::Frame, &file)
    }

    /// The bytes of a frame as it was captured, for a run that goes on: where its picture is stored with loss or not at all,
    /// those of the copy of a last frame, as long as there is one.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn read_last(&self, frame: &FrameId, format: FrameFormat) -> Result<Vec<u8>, Error> {
        let path = last_frame_path(&self.root, frame);
        if !format.is_lossless() && files::is_there(&path)? {
            return files::read(&path, MAX_IMAGE_BYTES);
        }
        self.read(frame, format)
    }
}

pub(crate) fn last_frame_path(root: &Path, frame: &FrameId) -> PathBuf {
    root.join("metadata").join(LAST_FRAMES).join(format!("{frame}.png"))
}

pub(crate) fn image_file(root: &Path, kind: ImageKind, file: &str) -> PathBuf {
    root.join(kind.folder()).join(file)
}

pub(crate) fn staged_file(root: &Path, kind: ImageKind, file: &str) -> PathBuf {
    root.join(kind.folder()).join(format!(".{file}{STAGED}"))
}

/// Reads an image, or the one that is staged for its place.
pub(crate) fn read_image_file(root: &Path, kind: ImageKind, file: &str) -> Result<Vec<u8>, Error> {
    let (path, staged) = (image_file(root, kind, file), staged_file(root, kind, file));
    let place = if !files::is_there(&path)? && files::is_there(&staged)? { staged } else { path };
    files::read(&place, MAX_IMAGE_BYTES)
}
