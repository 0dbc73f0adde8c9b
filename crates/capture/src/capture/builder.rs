//! How a capture is set up.

use std::time::Duration;

use image::RgbImage;
use streamface_store::FrameRow;
use streamface_types::FrameId;

use super::earlier::Earlier;
use super::shared::{Hear, LoadFrame, Shared};
use super::walk::Capture;
use crate::buffers::Buffers;
use crate::error::Result;
use crate::filters::FrameFilter;
use crate::frame::Notice;
use crate::settings::{Settings, Stop};
use crate::source::Source;

/// Sets up a [`Capture`].
#[must_use]
pub struct CaptureBuilder {
    sources: Vec<Source>,
    settings: Settings,
    stop: Stop,
    earlier: Earlier,
    load: LoadFrame,
    notice: Hear,
    decoders: usize,
}

impl std::fmt::Debug for CaptureBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptureBuilder").field("sources", &self.sources).finish_non_exhaustive()
    }
}

impl Capture {
    /// A walk through `sources` in their order.
    pub fn builder(sources: impl Into<Vec<Source>>) -> CaptureBuilder {
        CaptureBuilder {
            sources: sources.into(),
            settings: Settings::default(),
            stop: Stop::new(),
            earlier: Earlier::default(),
            load: Box::new(|_| None),
            notice: Box::new(drop),
            decoders: 1,
        }
    }
}

impl CaptureBuilder {
    /// How sources are gone through. Default: [`Settings::default`].
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// A flag that ends the walk. Default: one that nobody sets.
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Goes on after an earlier run: `rows` are all it has, and `load` reads one of its kept frames back, for
    /// the duplicate filter to compare with; none where that is not possible. Default: no earlier run.
    pub fn resume(
        mut self,
        rows: &[FrameRow],
        load: impl Fn(&FrameId) -> Option<RgbImage> + Send + 'static,
    ) -> Self {
        self.earlier = Earlier::default();
        rows.iter().for_each(|row| self.earlier.add(row));
        self.load = Box::new(load);
        self
    }

    /// What [`Notice::FirstKeyframe`] said of files in an earlier run, by source: another file of the same name is then refused.
    /// To be called after [`Self::resume`].
    pub fn first_keyframes(mut self, checksums: impl IntoIterator<Item = (String, u64)>) -> Self {
        for (source, checksum) in checksums {
            if let Some(known) = self.earlier.streams.get_mut(&source) {
                known.first_keyframe = Some(checksum);
            }
        }
        self
    }

    /// Hears what a person may want to know. Default: nobody.
    pub fn notice(mut self, hear: impl FnMut(Notice) + Send + 'static) -> Self {
        self.notice = Box::new(hear);
        self
    }

    /// How many keyframes of a video file are decoded and measured side by side, on as many threads, ahead of the frame that
    /// is asked for. Frames are the same with any number of them. Default: 1.
    pub fn decoders(mut self, decoders: usize) -> Self {
        self.decoders = decoders;
        self
    }

    /// The capture. Nothing is opened before the first frame is asked for.
    ///
    /// # Errors
    /// [`crate::Error::Setting`].
    pub fn build(self) -> Result<Capture> {
        let Self { sources, settings, stop, earlier, load, notice, decoders } = self;
        settings.check()?;
        let shared = Shared {
            filter: FrameFilter::new(settings.filters),
            settings,
            stop,
            load,
            notice,
            decoders,
            buffers: Buffers::default(),
            corrupt: 0,
            end: None,
            decode_time: Duration::ZERO,
            filter_time: Duration::ZERO,
        };
        Ok(Capture { waiting: sources.into(), active: None, shared, earlier })
    }
}
