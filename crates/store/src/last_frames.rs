//! The last kept frames of a source, without loss, where their pictures are stored with loss or not at all: a run that goes
//! on compares its first frames with them, and so finds what it would have found without a break.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use streamface_types::FrameId;

use crate::frame_reader::{LAST_FRAMES, last_frame_path};
use crate::{Dataset, Error, files};

impl Dataset {
    fn last_frames_dir(&self) -> PathBuf {
        self.metadata().join(LAST_FRAMES)
    }

    /// Where the copy of a last frame lies or will lie: `metadata/last_frames/{frame}.png`.
    #[must_use]
    pub fn last_frame_path(&self, frame: &FrameId) -> PathBuf {
        last_frame_path(self.root(), frame)
    }

    /// Writes the copy of a last frame, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_last_frame(&self, frame: &FrameId, png: &[u8]) -> Result<(), Error> {
        files::create_folder(&self.last_frames_dir())?;
        files::write(&self.last_frame_path(frame), |out| out.write_all(png))
    }

    /// The frames there are copies of, in the order of their names.
    ///
    /// # Errors
    /// Those of [`files::entries`].
    pub fn last_frames(&self) -> Result<Vec<FrameId>, Error> {
        let entries = files::entries(&self.last_frames_dir())?;
        let frame = |name: &str| FrameId::new(name.strip_suffix(".png")?).ok();
        let mut frames: Vec<FrameId> = entries.iter().filter_map(|(name, _)| frame(name.to_str()?)).collect();
        frames.sort();
        Ok(frames)
    }

    /// Removes the copies of all other frames than these.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn keep_last_frames(&self, frames: &HashSet<&FrameId>) -> Result<(), Error> {
        let there = self.last_frames()?;
        for frame in there.iter().filter(|frame| !frames.contains(frame)) {
            files::remove(&self.last_frame_path(frame))?;
        }
        if !there.is_empty() && self.last_frames()?.is_empty() {
            // It may hold what is not ours, and then stays.
            let _ = fs::remove_dir(self.last_frames_dir());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_other_frames_go() {
        let dir = tempfile::tempdir().unwrap();
        let data = Dataset::open(dir.path()).unwrap();
        let frames = ["a_frame_20230525100138412614", "a_frame_20230525100139412614"]
            .map(|name| FrameId::new(name).unwrap());
        for frame in &frames {
            data.write_last_frame(frame, b"png").unwrap();
        }
        assert_eq!(data.last_frames().unwrap(), frames);
        data.keep_last_frames(&HashSet::from([&frames[1]])).unwrap();
        assert_eq!(data.last_frames().unwrap(), frames[1..]);
        data.keep_last_frames(&HashSet::new()).unwrap();
        assert!(!data.metadata().join(LAST_FRAMES).exists());
    }
}
