//! Going through sources: resuming, naming, filtering.

use std::collections::VecDeque;
use std::time::Duration;

use super::earlier::Earlier;
use super::images::Images;
use super::shared::Shared;
use super::stream::Stream;
use crate::buffers::Buffers;
use crate::error::{Error, Result};
use crate::frame::CapturedFrame;
use crate::source::{Location, Naming, Source};

/// A walk through sources, keyframe by keyframe: an iterator of frames, kept or not. What fails is an item,
/// and the walk goes on: after an image that cannot be read with the next image, after a video or stream
/// that ends in an error with the next source. It ends when all sources are done, the limit is reached or
/// the stop flag is set.
pub struct Capture {
    pub(super) waiting: VecDeque<Source>,
    pub(super) active: Option<Active>,
    pub(super) shared: Shared,
    pub(super) earlier: Earlier,
}

/// The source under way.
pub(super) enum Active {
    Video(Box<Stream>),
    Images(Images),
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl Capture {
    /// Time spent on reading and decoding (waiting for a live stream included), and on the filters.
    #[must_use]
    pub fn times(&self) -> (Duration, Duration) {
        (self.shared.decode_time, self.shared.filter_time)
    }

    /// Corrupt keyframes met so far.
    #[must_use]
    pub fn corrupt(&self) -> u64 {
        self.shared.corrupt
    }

    /// Takes pictures that are done with, so that later ones need no fresh memory.
    #[must_use]
    pub fn buffers(&self) -> Buffers {
        self.shared.buffers.clone()
    }

    fn start(&mut self, source: Source) -> Result<Active> {
        let (location, wish, naming) = match source {
            Source::Images(list) => {
                self.shared.filter.set_last_kept(None);
                return Ok(Active::Images(Images::new(list)));
            }
            Source::Video { path, name, naming } => (Location::File(path), name, naming),
            Source::Url { url, name } => (Location::Url(url), name, Naming::Given),
        };
        let shown = self.earlier.known_as(&location);
        let name = self.earlier.name_for(&shown, wish, naming)?;
        let at = self.earlier.streams.get(&shown).cloned().unwrap_or_default();
        let last = at.last_kept.as_ref().and_then(|(_, frame)| (self.shared.load)(frame));
        self.shared.filter.set_last_kept(last.as_ref());
        Ok(Active::Video(Box::new(Stream::new(location, shown, name, at))))
    }
}

impl Iterator for Capture {
    type Item = Result<CapturedFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.shared.stop.is_set() {
                return None;
            }
            let Some(mut active) = self.active.take() else {
                let source = self.waiting.pop_front()?;
                match self.start(source) {
                    Ok(active) => self.active = Some(active),
                    Err(e) => return Some(Err(e)),
                }
                continue;
            };
            let step = match &mut active {
                Active::Video(stream) => stream.next(&mut self.shared),
                Active::Images(images) => images.next(&mut self.shared, &mut self.earlier.images),
            };
            match step {
                Ok(Some(frame)) => {
                    self.active = Some(active);
                    return Some(Ok(frame));
                }
                Ok(None) => {}
                Err(Error::Stopped) => return None,
                Err(e) => {
                    // One image that fails says nothing of the next; a video or stream is over.
                    self.active = Some(active).filter(|a| matches!(a, Active::Images(_)));
                    return Some(Err(e));
                }
            }
        }
    }
}
