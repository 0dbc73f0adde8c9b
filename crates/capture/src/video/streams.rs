//! Which stream of a file is its video, and what its container says of it.

use std::time::Duration;

use ffmpeg::format::context::Input;
use ffmpeg::format::stream::{Disposition, Stream};
use ffmpeg::{ffi, media};
use ffmpeg_next as ffmpeg;

use super::keyframes::micros;
use crate::error::Error;
use crate::length::of_tag;

/// Whether a stream is a video; cover art and thumbnails are none.
pub(super) fn is_video(stream: &Stream<'_>) -> bool {
    // SAFETY: reads a plain field of an open stream.
    let disposition = unsafe { (*stream.as_ptr()).disposition };
    let still = stream.disposition().contains(Disposition::ATTACHED_PIC)
        || disposition & ffi::AV_DISPOSITION_TIMED_THUMBNAILS != 0;
    stream.parameters().medium() == media::Type::Video && !still
}

pub(super) fn no_video(source: &str, input: &Input) -> Error {
    if input.streams().any(|s| s.parameters().medium() == media::Type::Audio) {
        return Error::NoVideo(source.to_owned());
    }
    Error::Open { what: source.into(), why: "no video stream".to_owned() }
}

/// Microseconds from one frame to the next, for packets without times; a 25th of a second where a stream does not say.
pub(super) fn tick(stream: &Stream<'_>) -> i64 {
    let rates = [stream.avg_frame_rate(), stream.rate()];
    let told = rates.into_iter().map(f64::from).find(|r| (0.01..=1000.0).contains(r));
    (1e6 / told.unwrap_or(25.0)).round() as i64
}

/// How long a stream is, by the index of its file or by the tag that Matroska has.
pub(super) fn own_length(stream: &Stream<'_>) -> Option<Duration> {
    let told = Some(stream.duration()).filter(|&d| d > 0).map(|d| micros(d, stream.time_base()).micros());
    let tag = || stream.metadata().get("DURATION").and_then(of_tag);
    told.and_then(|d| u64::try_from(d).ok()).filter(|&d| d > 0).map(Duration::from_micros).or_else(tag)
}
