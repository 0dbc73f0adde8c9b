//! The last two kept frames of each source, without loss, for a run that goes on: the duplicate filter compares with the
//! last one, and links lead to the last two.

use std::mem::take;

use image::RgbImage;
use streamface_imgproc::{DecodeLimits, decode_image, encode_png};
use streamface_store::{Dataset, FrameFormat, FrameReader};
use streamface_types::FrameId;

use crate::Result;

/// Sources whose last frames are kept: a stream goes on day after day, and of a folder of files only the one under way.
const SOURCES: usize = 4;

/// The last two kept frames of the sources seen last, newest last.
#[derive(Debug, Default)]
pub(super) struct LastFrames(Vec<OfSource>);

#[derive(Debug)]
struct OfSource {
    name: String,
    frames: Vec<FrameId>,
    /// Pictures that are still to be written.
    pictures: Vec<(FrameId, RgbImage)>,
}

impl LastFrames {
    /// Those that an earlier run has left.
    pub(super) fn of(data: &Dataset) -> Result<Self> {
        let mut all = Self::default();
        data.last_frames()?.into_iter().for_each(|frame| all.add(frame, None));
        Ok(all)
    }

    /// Adds a kept frame; with its picture, where `frames/` does not have it without loss.
    pub(super) fn add(&mut self, frame: FrameId, picture: Option<RgbImage>) {
        // A photo is no part of a stream.
        let Some(name) = frame.source().map(str::to_owned) else { return };
        let known = self.0.iter().position(|s| s.name == name).map(|at| self.0.remove(at));
        let mut source = known.unwrap_or(OfSource { name, frames: Vec::new(), pictures: Vec::new() });
        // A killed process may have left it, without its row.
        source.frames.retain(|known| *known != frame);
        source.frames.push(frame.clone());
        source.pictures.extend(picture.map(|picture| (frame, picture)));
        while source.frames.len() > 2 {
            let gone = source.frames.remove(0);
            source.pictures.retain(|(frame, _)| *frame != gone);
        }
        self.0.push(source);
        if self.0.len() > SOURCES {
            self.0.remove(0);
        }
    }

    /// The frames.
    pub(super) fn frames(&self) -> impl Iterator<Item = &FrameId> {
        self.0.iter().flat_map(|source| &source.frames)
    }

    /// Writes the pictures that are not written yet: before their rows are committed.
    pub(super) fn write(&mut self, data: &Dataset) -> Result<()> {
        for (frame, picture) in self.0.iter_mut().flat_map(|source| take(&mut source.pictures)) {
            data.write_last_frame(&frame, &encode_png(&picture)?)?;
        }
        Ok(())
    }

    /// Removes the pictures of earlier frames: after the rows of later ones are committed.
    pub(super) fn forget_earlier(&self, data: &Dataset) -> Result<()> {
        Ok(data.keep_last_frames(&self.frames().collect())?)
    }
}

/// Reads a kept frame back for a run that goes on: as it was captured, where that is there.
pub(super) fn load_last(frames: &FrameReader, frame: &FrameId, format: FrameFormat) -> Option<RgbImage> {
    decode_image(&frames.read_last(frame, format).ok()?, &DecodeLimits::default()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamface_types::Timestamp;

    fn frame(source: &str, second: i64) -> FrameId {
        FrameId::at(source, Timestamp::from_micros(second * 1_000_000)).unwrap()
    }

    #[test]
    fn the_last_two_of_the_last_four_sources_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let data = Dataset::open(dir.path()).unwrap();
        let mut last = LastFrames::of(&data).unwrap();
        let picture = || Some(RgbImage::new(4, 3));
        for second in 0..3 {
            last.add(frame("a", second), picture());
        }
        last.write(&data).unwrap();
        last.forget_earlier(&data).unwrap();
        assert_eq!(data.last_frames().unwrap(), [frame("a", 1), frame("a", 2)]);
        assert!(load_last(&data.frame_reader(), &frame("a", 1), FrameFormat::None).is_some());
        assert!(load_last(&data.frame_reader(), &frame("a", 0), FrameFormat::Jpeg).is_none());
        // A frame that is there without loss takes the place of the earlier one.
        let mut last = LastFrames::of(&data).unwrap();
        last.add(frame("a", 3), None);
        last.write(&data).unwrap();
        last.forget_earlier(&data).unwrap();
        assert_eq!(data.last_frames().unwrap(), [frame("a", 2)]);
        for source in ["b", "c", "d", "e"] {
            last.add(frame(source, 0), picture());
        }
        last.add(FrameId::new("photo").unwrap(), picture());
        last.write(&data).unwrap();
        last.forget_earlier(&data).unwrap();
        assert_eq!(data.last_frames().unwrap(), ["b", "c", "d", "e"].map(|source| frame(source, 0)));
    }
}
