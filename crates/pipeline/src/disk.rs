//! What a run writes, and for how long the disk has room for it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use streamface_capture::{Notice, Source};
use streamface_store::{FrameFormat, FrameRow, FreeSpace};
use streamface_types::StreamTime;

use crate::{Error, Result};

/// A run is not begun, and ends, where less than this is free: its tables, labels and report are still to be written.
const RESERVE: u64 = 32 << 20;
/// What the end of a run writes for each face: the tables anew, the original's files, a part of the report.
const RESERVE_PER_FACE: u64 = 3_000;
/// What the tables and small files take for each face, beside its pictures.
const TABLES_PER_FACE: u64 = 1_500;
/// What is measured is said once it is of so much of the source, and of so many kept frames.
const MEASURED_AFTER: Duration = Duration::from_secs(60);
const MEASURED_FRAMES: u64 = 10;
/// Two keyframes farther apart than this have a gap between them, in which nothing was written.
const LONGEST_STEP_MICROS: i64 = 120 * 1_000_000;
/// An endless stream is warned of when the disk has room for less than this.
const SOON: Duration = Duration::from_secs(3600);

/// What a run writes, and how long the disk has room for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskUse {
    /// Bytes written by this call so far, in whole blocks of the file system.
    pub written: u64,
    /// Bytes free on the disk of the dataset, as of the last batch.
    pub free: u64,
    /// Bytes for an hour of the source. `None` for photos.
    pub per_hour: Option<u64>,
    /// Whether `per_hour` was measured on this source; else it is what television of 1080 lines with a keyframe a second
    /// takes.
    pub measured: bool,
    /// How much more of the source the disk has room for, at `per_hour`.
    pub full_after: Option<Duration>,
    /// Bytes that the rest of the source takes, where its length is known.
    pub needed: Option<u64>,
}

/// Bytes for an hour of 1080p with a keyframe a second: of the demo programme (`docs/disk.md`).
fn expected_per_hour(format: FrameFormat, faces: bool) -> u64 {
    let frames = match format {
        FrameFormat::Png => 3_300_000_000,
        FrameFormat::Jpeg => 620_000_000,
        FrameFormat::Webp => 2_140_000_000,
        FrameFormat::None => 0,
    };
    frames + if faces { 680_000_000 } else { 10_000_000 }
}

/// What is known of the sources beforehand, or heard when they are opened.
#[derive(Debug, Default)]
struct Plan {
    /// Lengths of the videos that were opened and have one, in order.
    lengths: Vec<Duration>,
    /// Videos and streams that are still to be opened.
    unopened: u32,
    /// A stream without an end was opened.
    endless: bool,
    /// Stop after this much of each source.
    limit: Option<Duration>,
    photos: u64,
}

/// What a capture says of its sources, for the meter.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceLengths(Arc<Mutex<Plan>>);

impl SourceLengths {
    pub(crate) fn new(found: &[Source], limit: Option<Duration>) -> Self {
        let mut plan = Plan { limit, ..Plan::default() };
        for source in found {
            match source {
                Source::Images(list) => plan.photos += list.len() as u64,
                _ => plan.unopened += 1,
            }
        }
        Self(Arc::new(Mutex::new(plan)))
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears of a source that was opened.
    pub(crate) fn hear(&self, notice: &Notice) {
        let Notice::Opened { duration, .. } = notice else { return };
        let mut plan = self.plan();
        plan.unopened = plan.unopened.saturating_sub(1);
        match duration {
            Some(length) => {
                let length = plan.limit.map_or(*length, |limit| limit.min(*length));
                plan.lengths.push(length);
            }
            None => plan.endless = true,
        }
    }
}

impl Plan {
    /// How much is still to come after `position` in the source under way, of which this call has seen `seen`.
    fn rest(&self, position: Duration, seen: Duration) -> Option<Duration> {
        if self.endless {
            return self.limit.map(|limit| limit.saturating_sub(seen));
        }
        let length = self.lengths.last()?;
        // A stream's own clock need not begin at 0.
        let done = if position <= *length { position.max(seen) } else { seen };
        let mean = self.lengths.iter().sum::<Duration>() / u32::try_from(self.lengths.len()).ok()?;
        Some(length.saturating_sub(done) + mean.checked_mul(self.unopened)?)
    }
}

/// Adds up what is written, and looks at the disk with each batch.
#[derive(Debug)]
pub(crate) struct DiskMeter {
    root: PathBuf,
    sources: SourceLengths,
    disk: FreeSpace,
    expected: u64,
    written: u64,
    /// Of the source's time, over all sources and of the one under way.
    covered: Duration,
    seen: Duration,
    last: Option<(String, StreamTime)>,
    kept: u64,
    photos: u64,
    faces: u64,
    warned: [bool; 2],
}

impl DiskMeter {
    /// For a dataset with so many faces.
    ///
    /// # Errors
    /// [`Error::DiskFull`].
    pub(crate) fn new(
        root: &Path,
        sources: SourceLengths,
        format: FrameFormat,
        with_faces: bool,
        faces: u64,
    ) -> Result<Self> {
        let disk = FreeSpace::of(root)?;
        let expected = expected_per_hour(format, with_faces);
        let meter = Self {
            root: root.to_owned(),
            sources,
            disk,
            expected,
            written: 0,
            covered: Duration::ZERO,
            seen: Duration::ZERO,
            last: None,
            kept: 0,
            photos: 0,
            faces,
            warned: [false; 2],
        };
        meter.full().map_or(Ok(meter), Err)
    }

    /// Adds a frame: its files have so many bytes, its tables rows for so many faces.
    pub(crate) fn add(&mut self, frame: &FrameRow, files: &[u64], faces: u64) {
        self.written += files.iter().map(|&bytes| self.disk.taken(bytes)).sum::<u64>();
        self.written += faces * TABLES_PER_FACE;
        self.faces += faces;
        self.kept += u64::from(frame.dropped.is_none());
        let Some(time) = frame.stream_time else {
            self.photos += 1;
            return;
        };
        let last = self.last.replace((frame.source.clone(), time));
        match last.filter(|(source, _)| *source == frame.source) {
            Some((_, last)) => {
                let step = time.micros().saturating_sub(last.micros());
                if (0..=LONGEST_STEP_MICROS).contains(&step) {
                    let step = Duration::from_micros(step.unsigned_abs());
                    self.covered += step;
                    self.seen += step;
                }
            }
            None => self.seen = Duration::ZERO,
        }
    }

    /// What was written so far, and what is to come.
    pub(crate) fn now(&self) -> DiskUse {
        let room = self.disk.free.saturating_sub(self.reserve());
        let measured = self.covered >= MEASURED_AFTER && self.kept >= MEASURED_FRAMES;
        let plan = self.sources.plan();
        let photos = plan.photos > 0 && plan.lengths.is_empty() && plan.unopened == 0 && !plan.endless;
        if photos {
            let needed = (self.photos >= MEASURED_FRAMES)
                .then(|| self.written / self.photos * plan.photos.saturating_sub(self.photos));
            return DiskUse {
                written: self.written,
                free: self.disk.free,
                measured: needed.is_some(),
                needed,
                ..DiskUse::default()
            };
        }
        let per_hour = if measured {
            (self.written as f64 / self.covered.as_secs_f64() * 3600.0) as u64
        } else {
            self.expected
        };
        let hours = room as f64 / per_hour.max(1) as f64;
        let position = self.last.as_ref().map_or(0, |(_, t)| u64::try_from(t.micros()).unwrap_or(0));
        let rest = plan.rest(Duration::from_micros(position), self.seen);
        DiskUse {
            written: self.written,
            free: self.disk.free,
            per_hour: Some(per_hour),
            measured,
            full_after: Duration::try_from_secs_f64(hours * 3600.0).ok(),
            needed: rest.map(|rest| (rest.as_secs_f64() / 3600.0 * per_hour as f64) as u64),
        }
    }

    /// Looks at the disk. Says what a person should know, each thing once: that there is not enough room.
    ///
    /// # Errors
    /// [`Error::DiskFull`] where the run should end.
    pub(crate) fn check(&mut self) -> Result<Option<String>> {
        self.disk = FreeSpace::of(&self.root)?;
        self.full().map_or(Ok(()), Err)?;
        Ok(self.warning())
    }

    fn warning(&mut self) -> Option<String> {
        let now = self.now();
        let room = now.free.saturating_sub(self.reserve());
        let at = usize::from(now.measured);
        let soon = now.measured && now.needed.is_none() && now.full_after.is_some_and(|after| after < SOON);
        if self.warned[at] || !(soon || now.needed.is_some_and(|needed| needed > room)) {
            return None;
        }
        self.warned[at] = true;
        let full = now.full_after.map_or_else(String::new, |after| {
            format!(" it is full after {} more of the source;", Hours(after))
        });
        let needed = now.needed.map_or_else(String::new, |needed| {
            let about = if now.measured { "" } else { "some " };
            format!(", and the rest takes {about}{}", Size(needed))
        });
        Some(format!(
            "{}: {} free on its disk{needed};{full} free some space, or write less (--frames jpeg, --frames none, \
             streamface prune); the run ends by itself before nothing is left",
            self.root.display(),
            Size(now.free)
        ))
    }

    fn reserve(&self) -> u64 {
        RESERVE + RESERVE_PER_FACE * self.faces
    }

    fn full(&self) -> Option<Error> {
        let reserve = self.reserve();
        (self.disk.free < reserve).then(|| Error::DiskFull {
            dir: self.root.clone(),
            free: Size(self.disk.free).to_string(),
            reserve: Size(reserve).to_string(),
        })
    }
}

/// A number of bytes as people read it: `1.5 GB`, of powers of ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        let (scale, unit) = match self.0 {
            0..1_000_000 => (1e3, "kB"),
            1_000_000..1_000_000_000 => (1e6, "MB"),
            1_000_000_000..1_000_000_000_000 => (1e9, "GB"),
            _ => (1e12, "TB"),
        };
        let value = bytes / scale;
        write!(f, "{value:.*} {unit}", usize::from(value < 10.0))
    }
}

/// A time as people read it: `40 min`, `9 h`, `12 days`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours(pub Duration);

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.as_secs() / 60;
        match minutes {
            0..120 => write!(f, "{minutes} min"),
            120..5_760 => write!(f, "{} h", minutes / 60),
            _ => write!(f, "{} days", minutes / 1440),
        }
    }
}

#[cfg(test)]
mod tests;
