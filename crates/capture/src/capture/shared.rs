//! What all sources of a capture share: settings, filters, clocks, and whom to tell.

use std::time::{Duration, Instant};

use image::RgbImage;
use streamface_store::FrameRow;
use streamface_types::FrameId;

use crate::buffers::Buffers;
use crate::filters::{FrameFilter, Measured};
use crate::frame::{CapturedFrame, Notice};
use crate::settings::{Settings, Stop};

/// Reads a kept frame of an earlier run back.
pub(crate) type LoadFrame = Box<dyn Fn(&FrameId) -> Option<RgbImage> + Send>;
/// Hears what a person may want to know.
pub(crate) type Hear = Box<dyn FnMut(Notice) + Send>;

/// What all sources of a capture share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) stop: Stop,
    pub(crate) filter: FrameFilter,
    pub(crate) load: LoadFrame,
    pub(crate) notice: Hear,
    /// Keyframes of a file that are decoded side by side.
    pub(crate) decoders: usize,
    /// Where the memory of pictures comes from.
    pub(crate) buffers: Buffers,
    /// Corrupt keyframes met so far.
    pub(crate) corrupt: u64,
    /// When a live capture ends.
    pub(crate) end: Option<Instant>,
    pub(crate) decode_time: Duration,
    pub(crate) filter_time: Duration,
}

impl Shared {
    /// Judges a picture; one that was measured already is only compared.
    pub(crate) fn judge(
        &mut self,
        row: FrameRow,
        image: RgbImage,
        measured: Option<Measured>,
    ) -> CapturedFrame {
        let start = Instant::now();
        let verdict = match measured {
            Some(measured) => self.filter.decide(measured),
            None => self.filter.judge(&image),
        };
        self.filter_time += start.elapsed();
        CapturedFrame::judged(row, verdict, image, &self.buffers)
    }

    /// The scores of a photo: it is no frame of a stream and never dropped.
    pub(crate) fn score(&mut self, row: FrameRow, image: RgbImage) -> CapturedFrame {
        let start = Instant::now();
        let verdict = FrameFilter::scores(&image);
        self.filter_time += start.elapsed();
        CapturedFrame::judged(row, verdict, image, &self.buffers)
    }

    /// Whether a live capture has run its time.
    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }
}
