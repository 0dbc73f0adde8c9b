//! The three folders of images.

/// What an image shows, and with that where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageKind {
    /// A kept frame: `frames/{frame}.png`.
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
