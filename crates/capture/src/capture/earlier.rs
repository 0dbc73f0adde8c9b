//! What an earlier run, or this one so far, has of its sources.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use streamface_store::FrameRow;
use streamface_types::{FrameId, StreamTime, Timestamp};

/// What is known of a video or stream.
#[derive(Debug, Default, Clone)]
pub(crate) struct KnownStream {
    /// Stream time of the first keyframe, from which a limit counts.
    pub(crate) first: Option<StreamTime>,
    /// Stream and capture time of the last one.
    pub(crate) last: Option<(StreamTime, Timestamp)>,
    /// Keyframes dealt with: the number of the next one.
    pub(crate) keyframes: u64,
    pub(crate) last_kept: Option<(u64, FrameId)>,
}

/// What is known of the images of folders.
#[derive(Debug, Default)]
pub(crate) struct KnownImages {
    /// By path: the frame, and whether it was kept.
    pub(crate) done: HashMap<String, (FrameId, bool)>,
    /// Names in use.
    pub(crate) taken: HashSet<FrameId>,
    /// The kept frame that the next image of a stream is to be compared with, still to be loaded.
    pub(crate) before: Option<FrameId>,
}

/// What is known of all sources.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    /// By source.
    pub(crate) streams: HashMap<String, KnownStream>,
    /// The source that each name in use belongs to.
    pub(crate) owners: HashMap<String, String>,
    pub(crate) images: KnownImages,
}

impl Earlier {
    /// Adds a row of an earlier run.
    pub(crate) fn add(&mut self, row: &FrameRow) {
        let Some(time) = row.stream_time else {
            self.images.done.insert(row.source.clone(), (row.frame.clone(), row.dropped.is_none()));
            self.images.taken.insert(row.frame.clone());
            return;
        };
        if let Some(name) = row.frame.source() {
            self.owners.insert(name.to_owned(), row.source.clone());
        }
        let e = self.streams.entry(row.source.clone()).or_default();
        e.keyframes = e.keyframes.max(row.keyframe + 1);
        let captured = row.frame.timestamp().unwrap_or_default();
        if e.last.is_none_or(|(_, last)| last <= captured) {
            e.last = Some((time, captured));
        }
        if row.keyframe == 0 || e.first.is_none() {
            e.first = Some(time);
        }
        if row.dropped.is_none() && e.last_kept.as_ref().is_none_or(|(n, _)| *n <= row.keyframe) {
            e.last_kept = Some((row.keyframe, row.frame.clone()));
        }
    }

    /// The name under which an earlier run has this source: `./a.mp4` is `a.mp4`.
    pub(crate) fn known_as(&self, shown: String, is_url: bool) -> String {
        if is_url || self.streams.contains_key(&shown) {
            return shown;
        }
        let Ok(real) = Path::new(&shown).canonicalize() else { return shown };
        let same = |known: &&String| Path::new(known).canonicalize().is_ok_and(|k| k == real);
        let mut others: Vec<&String> = self.streams.keys().filter(same).collect();
        others.sort();
        others.first().map_or(shown, |s| (*s).clone())
    }
}
