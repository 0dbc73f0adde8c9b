//! What an earlier run, or this one so far, has of its sources.

use std::collections::{HashMap, HashSet};

use streamface_store::FrameRow;
use streamface_types::{FrameId, StreamTime, Timestamp};

use crate::error::{Error, Result};
use crate::source::{Location, Naming, are_neighbours, path_of_text};

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
    /// Checksum of the first keyframe of a file, where an earlier run noted it.
    pub(crate) first_keyframe: Option<u64>,
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
    /// The first name that each source had.
    pub(crate) names: HashMap<String, String>,
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
            self.names.entry(row.source.clone()).or_insert_with(|| name.to_owned());
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
    pub(crate) fn known_as(&self, location: &Location) -> String {
        let shown = location.shown();
        let Location::File(path) = location else { return shown };
        if self.streams.contains_key(&shown) {
            return shown;
        }
        let Ok(real) = path.canonicalize() else { return shown };
        let same = |known: &&String| path_of_text(known).canonicalize().is_ok_and(|k| k == real);
        let mut others: Vec<&String> = self.streams.keys().filter(same).collect();
        others.sort();
        others.first().map_or(shown, |s| (*s).clone())
    }

    /// The name that the frames of a source carry, as near to `wish` as other sources allow. From now on it is the
    /// source's own.
    ///
    /// # Errors
    /// [`Error::NameTaken`] where another source has it, and `naming` leaves no other.
    pub(crate) fn name_for(&mut self, source: &str, wish: String, naming: Naming) -> Result<String> {
        let other = self.owners.get(&wish).filter(|by| *by != source);
        let earlier = self.names.get(source).filter(|_| naming != Naming::Given);
        let name = match (other, earlier) {
            (_, Some(own)) if naming == Naming::InFolder => own.clone(),
            (None, _) => wish,
            (Some(_), Some(own)) => own.clone(),
            (Some(by), None) => {
                let beside = || are_neighbours(&path_of_text(by), &path_of_text(source));
                if naming == Naming::Given || (naming == Naming::OfFile && !beside()) {
                    return Err(Error::NameTaken { what: source.into(), name: wish, by: by.clone() });
                }
                let free = |name: &String| self.owners.get(name).is_none_or(|by| by == source);
                (1_u64..).map(|n| format!("{wish}-{n}")).find(free).unwrap_or(wish)
            }
        };
        self.owners.insert(name.clone(), source.to_owned());
        self.names.entry(source.to_owned()).or_insert_with(|| name.clone());
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_get_names_of_their_own_and_keep_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        std::fs::create_dir(path("b")).unwrap();
        let mut earlier = Earlier::default();
        let mut name = |file: &str, naming| earlier.name_for(&path(file), "IMG_1".into(), naming).ok();
        assert_eq!(name("IMG_1.mp4", Naming::OfFile).as_deref(), Some("IMG_1"));
        assert_eq!(name("IMG_1.MOV", Naming::OfFile).as_deref(), Some("IMG_1-1"), "beside it");
        assert_eq!(name("IMG_1.MOV", Naming::OfFile).as_deref(), Some("IMG_1-1"));
        assert_eq!(name("IMG_1.mp4", Naming::OfFile).as_deref(), Some("IMG_1"));
        assert_eq!(name("b/IMG_1.mp4", Naming::OfFile), None, "elsewhere");
        assert_eq!(name("b/IMG_1.mp4", Naming::InFolder).as_deref(), Some("IMG_1-2"));
        assert_eq!(name("IMG_1.avi", Naming::Given), None);
    }
}
