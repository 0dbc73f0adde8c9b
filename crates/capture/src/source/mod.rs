//! What a path or url holds.

mod folder;
mod kinds;
mod location;
mod names;
mod percent;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

pub use folder::is_dataset;
pub(crate) use location::{FIND_STREAM, host_of, scheme_of, without_secrets};
pub use location::{Location, shown};
pub(crate) use names::{path_of_text, path_text};

use kinds::Kind;
use names::{clean, stem_of, url_name};

/// One thing to go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A video file.
    Video {
        /// The file.
        path: PathBuf,
        /// Name its frames carry.
        name: String,
        /// Where the name comes from.
        naming: Naming,
    },
    /// A url.
    Url {
        /// The url.
        url: String,
        /// Name its frames carry.
        name: String,
    },
    /// Images, in order; each with the stem its frame will carry.
    Images(Vec<(PathBuf, String)>),
}

/// Where the name of a video comes from, which decides what happens when another source has it already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// A person chose it: it stands, or is refused.
    Given,
    /// It is that of the file: a file of the same name in the same folder gets a number, one elsewhere is refused.
    OfFile,
    /// It was made for one file of a folder: an earlier name of the same file, or a number, takes its place.
    InFolder,
}

/// What a path or url holds: what can be gone through, and what cannot.
#[derive(Debug, Default)]
pub struct Sources {
    /// What can be gone through.
    pub list: Vec<Source>,
    /// What else is in the folder: paths from there, each with a word where it is no ordinary file.
    pub passed_over: Vec<String>,
    /// Folders that cannot be read.
    pub unreadable: Vec<Error>,
}

impl Sources {
    fn one(source: Source) -> Self {
        Self { list: vec![source], ..Self::default() }
    }

    /// Whether this is a single video, url or image.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.unreadable.is_empty()
            && matches!(&self.list[..], [s] if !matches!(s, Source::Images(list) if list.len() > 1))
    }

    /// What was passed over, in one line; none where nothing was. At most ten files are named.
    #[must_use]
    pub fn passed_over_line(&self) -> Option<String> {
        const NAMED: usize = 10;
        let all = &self.passed_over;
        let files = match all.len() {
            0 => return None,
            1 => "1 file that is no video and no picture".to_owned(),
            n => format!("{n} files that are no videos and no pictures"),
        };
        let more = all.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = all[..all.len().min(NAMED)].join(", ");
        // A name may hold what a terminal would obey.
        let named: String = named.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        Some(format!("{files}: {named}{more}"))
    }
}

impl From<Sources> for Vec<Source> {
    fn from(found: Sources) -> Self {
        found.list
    }
}

/// Finds what `spec` holds: a url, a video or image file, or a folder of them (with its subfolders,
/// in the order of their paths). `name` takes the place of the file's or host's own name.
///
/// Files of a folder are told by their endings, those with other endings by their first bytes; what is neither a video
/// nor a picture is listed. A name that is not UTF-8 is taken as it is.
///
/// # Errors
/// [`Error::NotFound`], [`Error::NothingInFolder`], [`Error::IsDataset`], [`Error::NotAFile`], [`Error::Protocol`],
/// [`Error::WebPage`], [`Error::Io`].
pub fn sources(spec: impl AsRef<OsStr>, name: Option<&str>) -> Result<Sources> {
    let path = match Location::parse(spec.as_ref())? {
        Location::Url(url) => {
            let name = name.map_or_else(|| url_name(&url), clean);
            return Ok(Sources::one(Source::Url { url, name }));
        }
        Location::File(path) => path,
    };
    let meta = match fs::metadata(&path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(Error::NotFound(path)),
        Err(source) => return Err(Error::Io { path, source }),
    };
    if meta.is_dir() {
        return folder::sources(&path, name);
    }
    if let Some(kind) = kinds::unusual(&meta).filter(|kind| *kind != kinds::PIPE) {
        return Err(Error::NotAFile { path, kind });
    }
    Ok(Sources::one(file(path, meta.is_file(), name)))
}

/// A file by itself.
fn file(path: PathBuf, regular: bool, name: Option<&str>) -> Source {
    let stem = clean(&stem_of(&path));
    // A pipe is read once, so it is left to ffmpeg as a whole.
    if regular && kinds::of_file(&path) == Some(Kind::Image) {
        return Source::Images(vec![(path, stem)]);
    }
    let naming = if name.is_some() { Naming::Given } else { Naming::OfFile };
    Source::Video { path, name: name.map_or(stem, clean), naming }
}

/// Whether two files lie in one folder.
pub(crate) fn are_neighbours(a: &Path, b: &Path) -> bool {
    let folder = |path: &Path| {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        parent.canonicalize().ok()
    };
    folder(a).is_some_and(|a| folder(b) == Some(a))
}
