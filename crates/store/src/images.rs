//! The three folders of images.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use streamface_types::FrameId;

/// What an image shows, and with that where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageKind {
    /// A kept frame: `frames/{frame}.png`, or as its [`FrameFormat`] says.
    Frame,
    /// A face with its surroundings: `faces/{face}.png`.
    Face,
    /// An upright face: `aligned_faces/{face}.png`.
    AlignedFace,
}

impl ImageKind {
    pub(crate) const ALL: [Self; 3] = [Self::Frame, Self::Face, Self::AlignedFace];

    /// Name of the folder.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Frame => "frames",
            Self::Face => "faces",
            Self::AlignedFace => "aligned_faces",
        }
    }
}

/// How the picture of a kept frame is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FrameFormat {
    /// `frames/{frame}.png`, without loss. Files of schema version 1 know no other.
    #[default]
    Png,
    /// `frames/{frame}.jpg`, with loss.
    Jpeg,
    /// `frames/{frame}.webp`, without loss.
    Webp,
    /// No picture.
    None,
}

impl FrameFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Png, Self::Jpeg, Self::Webp, Self::None];

    /// The word in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::None => "none",
        }
    }

    /// How its files' names end, without a dot; `None` where there is no file.
    #[must_use]
    pub fn extension(self) -> Option<&'static str> {
        match self {
            Self::Png => Some("png"),
            Self::Jpeg => Some("jpg"),
            Self::Webp => Some("webp"),
            Self::None => None,
        }
    }

    /// Name of a frame's file in `frames/`; `None` where there is no file.
    #[must_use]
    pub fn file_name(self, frame: &FrameId) -> Option<String> {
        self.extension().map(|extension| format!("{frame}.{extension}"))
    }

    /// Whether the picture that is read back is the one that was written.
    #[must_use]
    pub fn is_lossless(self) -> bool {
        matches!(self, Self::Png | Self::Webp)
    }
}

impl fmt::Display for FrameFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FrameFormat {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|f| f.name() == s);
        known.ok_or_else(|| format!("unknown format '{s}'; there are png, jpeg, webp and none"))
    }
}
