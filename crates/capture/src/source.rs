//! What a path or url holds.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use streamface_types::FrameId;

use crate::error::{Error, Result};

const VIDEOS: [&str; 16] = [
    "mp4", "mkv", "mov", "avi", "webm", "ts", "m2ts", "mts", "mpg", "mpeg", "flv", "wmv", "m4v", "ogv",
    "3gp", "vob",
];
const IMAGES: [&str; 3] = ["png", "jpg", "jpeg"];

/// One thing to go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A video file.
    Video {
        /// The file.
        path: PathBuf,
        /// Name its frames carry.
        name: String,
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

/// Finds what `spec` holds: a url, a video or image file, or a folder of them (with its subfolders,
/// in the order of their paths). `name` takes the place of the file's or host's own name.
///
/// # Errors
/// [`Error::NotFound`], [`Error::NothingInFolder`], [`Error::Io`].
pub fn sources(spec: &str, name: Option<&str>) -> Result<Vec<Source>> {
    if let Some((scheme, rest)) = spec.split_once("://")
        && scheme.len() > 1
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+')
    {
        let name = name.map_or_else(|| url_name(rest), clean);
        return Ok(vec![Source::Url { url: spec.to_owned(), name }]);
    }
    let path = Path::new(spec);
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::NotFound(path.into()));
        }
        Err(source) => return Err(Error::Io { path: path.into(), source }),
    };
    if !meta.is_dir() {
        let stem = clean(&path.file_stem().unwrap_or_default().to_string_lossy());
        if ends_in(path, &IMAGES) {
            return Ok(vec![Source::Images(vec![(path.into(), stem)])]);
        }
        return Ok(vec![Source::Video { path: path.into(), name: name.map_or(stem, clean) }]);
    }
    let mut files = Vec::new();
    walk(path, &mut HashSet::new(), &mut files)?;
    files.sort();
    let of_kind = |known: &[&str]| files.iter().filter(|f| ends_in(f, known)).cloned().collect::<Vec<_>>();
    let prefixed = |own: String| name.map_or_else(|| own.clone(), |n| clean(&format!("{n}_{own}")));
    let mut found: Vec<_> = named(path, of_kind(&VIDEOS))
        .into_iter()
        .map(|(path, own)| Source::Video { path, name: prefixed(own) })
        .collect();
    let images = named(path, of_kind(&IMAGES));
    if !images.is_empty() {
        found.push(Source::Images(images));
    }
    if found.is_empty() {
        let known = VIDEOS.iter().chain(&IMAGES).copied().collect::<Vec<_>>().join(", ");
        return Err(Error::NothingInFolder { path: path.into(), known });
    }
    Ok(found)
}

/// Each file with a name of its own: its stem, or, where two in `root` share one, its path from there;
/// where that is not enough (`x.png` beside `x.jpg`), a number after it.
fn named(root: &Path, files: Vec<PathBuf>) -> Vec<(PathBuf, String)> {
    let stem = |file: &Path| {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        // The original's names stay as they are, however long.
        let original = FrameId::new(&stem).is_ok_and(|f| f.timestamp().is_some());
        if original { stem.into_owned() } else { clean(&stem) }
    };
    let mut stems: HashMap<String, usize> = HashMap::new();
    for file in &files {
        *stems.entry(stem(file)).or_default() += 1;
    }
    let mut taken = HashSet::new();
    let mut name = |file: &Path| {
        let short = stem(file);
        let inside = file.strip_prefix(root).unwrap_or(file).with_extension("");
        let long = || clean(&inside.to_string_lossy().replace(['/', '\\'], "_"));
        let wish = if stems[&short] == 1 { short } else { long() };
        let free = (0_u32..).map(|n| if n == 0 { wish.clone() } else { format!("{wish}-{n}") });
        let mut free = free.skip_while(|name| taken.contains(name));
        let name = free.next().unwrap_or_default();
        taken.insert(name.clone());
        name
    };
    files.into_iter().map(|file| (file.clone(), name(&file))).collect()
}

/// Finds the files below `dir`. A folder reached by two ways (links) is visited once; a dataset
/// directory is a result, not a source.
fn walk(dir: &Path, visited: &mut HashSet<PathBuf>, into: &mut Vec<PathBuf>) -> Result<()> {
    let io = |source| Error::Io { path: dir.to_owned(), source };
    if !visited.insert(dir.canonicalize().map_err(io)?) {
        return Ok(());
    }
    for entry in fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            if !(path.join(".lock").is_file() && path.join("metadata").is_dir()) {
                walk(&path, visited, into)?;
            }
        } else {
            into.push(path);
        }
    }
    Ok(())
}

fn ends_in(path: &Path, known: &[&str]) -> bool {
    path.extension().is_some_and(|e| known.iter().any(|k| e.eq_ignore_ascii_case(k)))
}

/// Longest name of a source; a frame adds its time to it, a face its number.
const MAX_NAME: usize = 120;

/// Makes a text fit to be part of a file name.
fn clean(text: &str) -> String {
    let keep = |c: char| if c.is_control() || "/\\:*?\"<>|".contains(c) { '_' } else { c };
    let mut name = String::new();
    for c in text.trim().chars().map(keep) {
        if name.len() + c.len_utf8() > MAX_NAME {
            break;
        }
        name.push(c);
    }
    let dots = name.chars().all(|c| c == '.');
    if dots { "video".into() } else { name }
}

/// A source as it may be shown and stored: a url without user, password and query, which may hold
/// secrets; a path as it is.
#[must_use]
pub fn shown(spec: &str) -> String {
    let Some((scheme, rest)) = spec.split_once("://") else { return spec.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.find('/').map_or((rest, ""), |i| rest.split_at(i));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// `127.0.0.1:8080/sky/live.m3u8?key=…` → `127.0.0.1`; a channel's host says more than its playlist.
fn url_name(rest: &str) -> String {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Neither a password nor a port belongs into file names.
    let host = authority.rsplit('@').next().unwrap_or_default();
    clean(host.split(':').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_videos_and_images_in_order_under_names_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["b.mp4", "a.MKV", "sub/b.mp4", "x.png", "sub/x.jpg", "notes.txt", ".hidden.png"] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        let found = sources(dir.path().to_str().unwrap(), None).unwrap();
        let names: Vec<_> = found
            .iter()
            .flat_map(|s| match s {
                Source::Video { name, .. } | Source::Url { name, .. } => vec![name.as_str()],
                Source::Images(list) => list.iter().map(|(_, stem)| stem.as_str()).collect(),
            })
            .collect();
        assert_eq!(names, ["a", "b", "sub_b", "sub_x", "x"], "{found:?}");
    }

    #[test]
    fn urls_are_named_by_their_host_without_secrets() {
        let name = |url: &str, name| match &sources(url, name).unwrap()[..] {
            [Source::Url { name, .. }] => name.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(name("http://user:pw@news.example:80/live.m3u8?token=1", None), "news.example");
        assert_eq!(name("rtsp://10.0.0.1/1", Some("door/cam")), "door_cam");
        assert_eq!(
            shown("http://user:pw@news.example:80/live.m3u8?token=1"),
            "http://news.example:80/live.m3u8"
        );
        assert_eq!(shown("a@b?.mp4"), "a@b?.mp4");
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert!(matches!(sources("no/such.mp4", None), Err(Error::NotFound(_))));
        let dir = tempfile::tempdir().unwrap();
        let empty = sources(dir.path().to_str().unwrap(), None);
        assert!(matches!(empty, Err(Error::NothingInFolder { .. })));
    }
}
