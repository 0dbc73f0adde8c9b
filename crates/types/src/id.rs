//! Names of frames and faces, as the original StreamFace writes them.
//!
//! A frame is `{source}_frame_{YYYYmmddHHMMSSffffff}`, a face `{frame}_face_{i}` with `i` counted
//! from 0 in the order of detection. A frame read from a folder may have any other stem.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Error, Timestamp};

/// The stem of a frame's file name. Cheap to clone; ordered by its text, which for frames of one
/// source is the order of time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameId(Arc<str>);

/// Longest stem accepted, in bytes: file names end at 255 on common file systems, and a face adds
/// a suffix and an extension.
pub const MAX_STEM: usize = 200;

impl FrameId {
    /// Takes a file stem.
    ///
    /// # Errors
    /// [`Error::FrameId`] where the text could not be a file name of its own.
    pub fn new(stem: impl AsRef<str>) -> Result<Self, Error> {
        let stem = stem.as_ref();
        let bad = stem.is_empty()
            || stem.len() > MAX_STEM
            || stem == "."
            || stem == ".."
            || stem.chars().any(|c| c == '/' || c == '\\' || c.is_control());
        if bad {
            return Err(Error::FrameId(stem.chars().take(MAX_STEM).collect()));
        }
        Ok(Self(stem.into()))
    }

    /// `{source}_frame_{time}`.
    ///
    /// # Errors
    /// [`Error::FrameId`] where `source` cannot be part of a file name.
    pub fn at(source: &str, time: Timestamp) -> Result<Self, Error> {
        Self::new(format!("{source}_frame_{time}"))
    }

    /// The stem.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The source's name, where the stem has the original's form.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.parts().map(|(source, _)| source)
    }

    /// The capture time in the name, where the stem has the original's form.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.parts().map(|(_, time)| time)
    }

    fn parts(&self) -> Option<(&str, Timestamp)> {
        let (source, digits) = self.0.rsplit_once("_frame_")?;
        Some((source, Timestamp::parse_compact(digits)?))
    }
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameId({})", self.0)
    }
}

impl FromStr for FrameId {
    type Err = Error;
    fn from_str(s: &str) -> Result<Self, Error> {
        Self::new(s)
    }
}

/// One face of one frame. Ordered by frame, then by number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaceId {
    /// The frame the face was found in.
    pub frame: FrameId,
    /// Its number in that frame, from 0 in the order of detection.
    pub index: u32,
}

impl FaceId {
    /// Face `index` of `frame`.
    #[must_use]
    pub fn new(frame: FrameId, index: u32) -> Self {
        Self { frame, index }
    }
}

impl fmt::Display for FaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_face_{}", self.frame, self.index)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for FaceId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for FaceId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for FaceId {
    type Err = Error;

    /// Accepts a stem, or a file name ending in `.png`.
    fn from_str(s: &str) -> Result<Self, Error> {
        let stem = s.strip_suffix(".png").unwrap_or(s);
        let wrong = || Error::FaceId(s.chars().take(MAX_STEM).collect());
        let (frame, index) = stem.rsplit_once("_face_").ok_or_else(wrong)?;
        // One spelling per number, so that the text and the id are the same thing.
        if index.len() > 1 && index.starts_with('0') || !index.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let index = index.parse().map_err(|_| wrong())?;
        Ok(Self::new(FrameId::new(frame)?, index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_name_reads_back_as_itself() {
        for name in ["a_frame_20230525100138412614_face_0", "photo_face_12", "x_face_1_face_2"] {
            assert_eq!(name.parse::<FaceId>().unwrap().to_string(), name);
            assert_eq!(format!("{name}.png").parse::<FaceId>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn names_that_cannot_be_files_are_refused() {
        for name in ["", ".", "..", "a/b", "a\\b", "a\0b", "a\nb", &"x".repeat(MAX_STEM + 1)] {
            assert!(FrameId::new(name).is_err(), "{name:?}");
        }
        for name in ["photo", "photo_face_", "photo_face_x", "photo_face_01", "photo_face_-1", "_face_0"] {
            assert!(name.parse::<FaceId>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn faces_sort_by_number_not_by_text() {
        let face = |i| FaceId::new(FrameId::new("f").unwrap(), i);
        assert!(face(2) < face(10));
    }
}
