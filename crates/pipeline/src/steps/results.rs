//! What several steps have in their results.

use std::time::Duration;

use streamface_store::DropReason;

use crate::disk::DiskUse;
use crate::event::Counts;

/// Frames of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameCounts {
    /// Keyframes seen.
    pub seen: u64,
    /// Of these, kept.
    pub kept: u64,
    /// Of these, dropped, in the order of [`DropReason::ALL`].
    pub dropped: [u64; DropReason::ALL.len()],
    /// Keyframes that could not be decoded.
    pub corrupt: u64,
}

impl FrameCounts {
    pub(crate) fn of(counts: &Counts, corrupt: u64) -> Self {
        Self { seen: counts.frames, kept: counts.kept(), dropped: counts.dropped, corrupt }
    }
}

/// Faces of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaceCounts {
    /// Found with at least the wanted score.
    pub detected: u64,
    /// Of these, too small.
    pub small: u64,
    /// Of these, blurred.
    pub blurred: u64,
    /// Of these, kept.
    pub kept: u64,
    /// Embedded.
    pub embedded: u64,
    /// Of which a face model says something.
    pub analyzed: u64,
    /// Of both, those whose frame is not there, or does not say where their landmarks are.
    pub crops: CropCounts,
}

/// Faces that were looked at in a picture of them, not in their frame by their landmarks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CropCounts {
    /// Cut by the landmarks, or the box, that the table of faces has.
    pub known: u64,
    /// Cut by landmarks that the detector found in the picture.
    pub found: u64,
    /// Taken as they are: no landmarks are known, and none were found. Nothing is said of their attributes.
    pub as_they_are: u64,
    /// Of all these, faces of which a network wanted more than the picture shows, and got black.
    pub cut_off: u64,
}

impl CropCounts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.known + self.found + self.as_they_are
    }

    fn add(&mut self, more: Self) {
        self.known += more.known;
        self.found += more.found;
        self.as_they_are += more.as_they_are;
        self.cut_off += more.cut_off;
    }
}

impl FaceCounts {
    pub(crate) fn of(c: &Counts) -> Self {
        Self {
            detected: c.detected,
            small: c.small,
            blurred: c.blurred,
            kept: c.faces,
            embedded: c.embedded,
            analyzed: c.analyzed,
            crops: CropCounts::default(),
        }
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.detected += more.detected;
        self.small += more.small;
        self.blurred += more.blurred;
        self.kept += more.kept;
        self.embedded += more.embedded;
        self.analyzed += more.analyzed;
        self.crops.add(more.crops);
    }
}

/// What became of an attribute in one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttributeCount {
    /// Its name.
    pub name: String,
    /// The model that gives it.
    pub model: String,
    /// Faces that got it.
    pub faces: u64,
    /// Whether it took the place of what another model, or an import, had said.
    pub replaced: bool,
    /// Whether faces kept what an import says.
    pub imported: bool,
}

/// How the work on frames went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Work {
    /// Time at work by stage, over all threads, in the order of the work.
    pub stages: Vec<(&'static str, Duration)>,
    /// Time from start to end.
    pub wall: Duration,
    /// Sources and images that could not be read, and why.
    pub failures: Vec<String>,
    /// Files of the source's folder that are neither videos nor pictures: paths from there.
    pub passed_over: Vec<String>,
    /// Whether it was stopped before its end. What was done by then is kept.
    pub stopped: bool,
    /// What was written, and how long the disk has room; `None` for steps that go through no source.
    pub disk: Option<DiskUse>,
}

impl Work {
    pub(crate) fn add(&mut self, more: Self) {
        for (name, time) in more.stages {
            match self.stages.iter_mut().find(|(n, _)| *n == name) {
                Some((_, all)) => *all += time,
                None => self.stages.push((name, time)),
            }
        }
        self.failures.extend(more.failures);
        self.passed_over.extend(more.passed_over);
    }
}
