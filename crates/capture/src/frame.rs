//! What a capture gives, and what it reports on the way.

use std::time::Duration;

use image::RgbImage;
use streamface_store::FrameRow;
use streamface_types::Timestamp;

use crate::buffers::Buffers;
use crate::clock::now;
use crate::filters::Verdict;

/// A keyframe that was looked at; with its picture, where it was kept.
#[derive(Debug)]
pub struct CapturedFrame {
    /// What the table `frames` says of it.
    pub row: FrameRow,
    /// The picture of a kept frame.
    pub image: Option<RgbImage>,
    /// When it was read, by the clock on the wall. The name of a live stream's frame has the stream's own time, which may be
    /// ahead of this where several came in one burst.
    pub read_at: Timestamp,
}

impl CapturedFrame {
    /// The frame of `row` with the filters' verdict on its picture.
    pub(crate) fn judged(mut row: FrameRow, verdict: Verdict, image: RgbImage, buffers: &Buffers) -> Self {
        (row.width, row.height) = image.dimensions();
        row.empty = Some(verdict.empty);
        row.blur = verdict.blur;
        row.similarity = verdict.similarity;
        row.dropped = verdict.dropped;
        let image = match row.dropped {
            None => Some(image),
            Some(_) => {
                buffers.give_back(image);
                None
            }
        };
        Self { row, image, read_at: now() }
    }
}

/// What a person may want to know while a capture runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A source was opened.
    Opened {
        /// File or url.
        source: String,
        /// Its length, where it has one.
        duration: Option<Duration>,
    },
    /// The connection ended; the next attempt comes after a pause.
    Reconnecting {
        /// The url.
        source: String,
        /// Why.
        why: String,
        /// The pause.
        pause: Duration,
    },
    /// Something is not as its file promises, and the capture went on.
    Warning(String),
    /// Frames of a source are missing, and why: it is damaged, cut short, or a part of it could not be fetched. What there is
    /// was taken.
    Incomplete(String),
    /// The first keyframe of a file, by which the same file is known again.
    FirstKeyframe {
        /// The file, or its url.
        source: String,
        /// Checksum of the compressed bytes.
        checksum: u64,
    },
}
