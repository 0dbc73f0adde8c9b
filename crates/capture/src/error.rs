//! What can go wrong with a source, by cause.

use std::io;
use std::path::PathBuf;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate. Each names the file or url and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such file or folder.
    #[error("{}: no such file or folder", .0.display())]
    NotFound(PathBuf),
    /// A folder without a video or image.
    #[error("{}: holds no video and no image: {there} (looked for {known})", path.display())]
    NothingInFolder {
        /// The folder.
        path: PathBuf,
        /// Endings that were looked for.
        known: String,
        /// What is there.
        there: String,
    },
    /// A dataset directory where a source was asked for.
    #[error(
        "{dir}: a dataset directory, which is a result and no source; give the video, url or folder that it comes \
         from, or search its own frames with `streamface extract {dir}`", dir = .0.display()
    )]
    IsDataset(PathBuf),
    /// A device or socket where a file was asked for.
    #[error("{}: {kind}, not a video; give a file, a folder, a named pipe or a url", path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A url whose scheme is not opened.
    #[error("{what}: {scheme}:// is not opened; a source is a file, a folder, or a url of {known}")]
    Protocol {
        /// The url.
        what: Box<str>,
        /// Its scheme.
        scheme: String,
        /// Schemes that are opened.
        known: String,
    },
    /// A page in the place of a stream.
    #[error("{what}: {why}")]
    WebPage {
        /// The url.
        what: Box<str>,
        /// What to do.
        why: String,
    },
    /// A playlist that must not be followed.
    #[error("{what}: {why}")]
    Playlist {
        /// The file or url.
        what: Box<str>,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// A file of no bytes.
    #[error("{0}: the file is empty")]
    Empty(String),
    /// ffmpeg cannot open it.
    #[error("{what}: {why}")]
    Open {
        /// File or url.
        what: Box<str>,
        /// What ffmpeg said, and what that mostly means.
        why: String,
    },
    /// Opened, but no moving pictures in it. Cover art is none.
    #[error("{0}: no video stream (sound only)")]
    NoVideo(String),
    /// Opened, but not a single keyframe could be decoded.
    #[error("{what}: not one keyframe could be decoded: {why}")]
    NothingDecoded {
        /// File or url.
        what: Box<str>,
        /// What was met.
        why: String,
    },
    /// A picture larger than is allowed.
    #[error("{what}: pictures of {width} x {height} are beyond the limit of {limit} pixels a side")]
    TooLarge {
        /// File or url.
        what: Box<str>,
        /// Width.
        width: u32,
        /// Height.
        height: u32,
        /// The limit.
        limit: u32,
    },
    /// The connection failed or fell silent.
    #[error("{what}: {why}")]
    Connection {
        /// The url.
        what: Box<str>,
        /// What happened.
        why: String,
    },
    /// An image that cannot be decoded.
    #[error("{what}: {why}")]
    Image {
        /// The file.
        what: Box<str>,
        /// Why.
        why: String,
    },
    /// Another source's frames carry this name.
    #[error("frames named '{name}' are those of {by}; give {what} another --name, or another --out")]
    NameTaken {
        /// The source.
        what: Box<str>,
        /// The name.
        name: String,
        /// The source that has it.
        by: String,
    },
    /// Another file lies where an earlier run's was.
    #[error(
        "{0}: another file than the one whose frames are here under this name (its first keyframe differs), so it is not gone \
         on with; give it another file name, or another --out"
    )]
    AnotherFile(String),
    /// Reading a file or folder.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system reports.
        source: io::Error,
    },
    /// A setting out of its range.
    #[error("{name} must be {range}, not {value}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it may be.
        range: &'static str,
        /// What it was.
        value: String,
    },
    /// A source whose name cannot be part of a file name.
    #[error(transparent)]
    Id(#[from] streamface_types::Error),
    /// Asked to stop.
    #[error("stopped")]
    Stopped,
}
