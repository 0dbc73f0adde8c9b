//! Step 1: keyframes of a source into the dataset.

use std::ffi::OsStr;
use std::path::Path;

use streamface_capture::Settings;
use streamface_store::Dataset;

use super::dataset_dir::{find_source, remove_if_fresh};
use super::results::{FrameCounts, Work};
use super::session::{Next, Session, Worked};
use crate::Result;
use crate::event::Context;
use crate::settings::record::record;
use crate::settings::{CaptureSettings, Settings as _};

/// What a capture came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaptureResult {
    /// Frames.
    pub frames: FrameCounts,
    /// How the work went.
    pub work: Work,
}

/// Step 1: keyframes of a source (a video, an image, a folder of them, or a url that ffmpeg opens) that pass the
/// filters, into the dataset directory `out`, which is made where it is missing.
///
/// Stopped, it commits what it has; called again, it goes on from there.
///
/// # Errors
/// What opening, reading and writing meets; [`Error::Mismatch`](crate::Error::Mismatch) where the directory was
/// made with other filters.
pub fn capture(
    source: impl AsRef<OsStr>,
    out: &Path,
    settings: &CaptureSettings,
    context: &Context<'_>,
) -> Result<CaptureResult> {
    settings.check()?;
    let name = settings.frames.name.as_deref();
    let found = find_source(source.as_ref(), name, out)?;
    let data = Dataset::open(out)?;
    let wanted = settings.frames.capture()?;
    record_capture(&data, &wanted)?;
    let next = Next { format: settings.frames.format, ..Next::default() };
    let walked = Session::new(&data, &settings.work, context)?.walk(found, wanted, next);
    let Worked { frames, work, .. } = match walked {
        Ok(worked) => worked,
        Err(e) => {
            remove_if_fresh(data);
            return Err(e);
        }
    };
    data.compact()?;
    Ok(CaptureResult { frames, work })
}

pub(super) fn record_capture(data: &Dataset, settings: &Settings) -> Result<()> {
    let f = settings.filters;
    record(
        data,
        "capture",
        true,
        &[
            ("empty-threshold", f.empty_threshold.to_string()),
            ("blur-threshold", f.blur_threshold.to_string()),
            ("similarity-threshold", f.similarity_threshold.to_string()),
        ],
    )
}
