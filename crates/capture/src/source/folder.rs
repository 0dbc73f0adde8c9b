//! Videos and pictures of a folder.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use streamface_types::FrameId;

use super::kinds::{self, IMAGES, Kind, VIDEOS};
use super::names::{clean, path_text, readable, stem_of};
use super::{Naming, Source, Sources};
use crate::error::{Error, Result};

/// Folders below each other that are gone through; deeper ones are listed.
const MAX_DEPTH: usize = 64;

/// What a folder and its subfolders hold.
pub(super) fn sources(root: &Path, name: Option<&str>) -> Result<Sources> {
    if is_dataset(root) {
        return Err(Error::IsDataset(root.to_owned()));
    }
    let mut walk = Walk { root: root.to_owned(), ..Walk::default() };
    // A folder that cannot be read ends nothing, but for the one that was asked for.
    walk.folder(root, 0)?;
    let Walk { videos, images, passed_over, unreadable, .. } = walk;
    let prefixed = |own: String| name.map_or_else(|| own.clone(), |n| clean(&format!("{n}_{own}")));
    let video = |(path, own)| Source::Video { path, name: prefixed(own), naming: Naming::InFolder };
    let mut list: Vec<_> = named(root, videos).into_iter().map(video).collect();
    let images = named(root, images);
    if !images.is_empty() {
        list.push(Source::Images(images));
    }
    let found = Sources { list, passed_over, unreadable };
    if found.list.is_empty() {
        let known = VIDEOS.iter().chain(&IMAGES).copied().collect::<Vec<_>>().join(", ");
        let mut there: Vec<String> = found.unreadable.iter().map(ToString::to_string).collect();
        there.extend(found.passed_over_line());
        let there = if there.is_empty() { "it is empty".to_owned() } else { there.join("; ") };
        return Err(Error::NothingInFolder { path: root.to_owned(), known, there });
    }
    Ok(found)
}

/// Whether a folder is a dataset directory: a result, not a source.
#[must_use]
pub fn is_dataset(dir: &Path) -> bool {
    let metadata = dir.join("metadata");
    let settings = ["settings.json", "frames.parquet", "faces.parquet", "annotations.json", "batches"];
    metadata.is_dir()
        && (dir.join(".lock").is_file()
            || dir.join("aligned_faces").is_dir()
            || settings.iter().any(|file| metadata.join(file).exists()))
}

#[derive(Default)]
struct Walk {
    root: PathBuf,
    /// Folders seen, so that one reached by two ways (links) is gone through once.
    visited: HashSet<PathBuf>,
    videos: Vec<PathBuf>,
    images: Vec<PathBuf>,
    passed_over: Vec<String>,
    unreadable: Vec<Error>,
}

impl Walk {
    fn folder(&mut self, dir: &Path, depth: usize) -> Result<()> {
        let io = |source| Error::Io { path: dir.to_owned(), source };
        if !self.visited.insert(dir.canonicalize().map_err(io)?) {
            return Ok(());
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir).map_err(io)? {
            entries.push(entry.map_err(io)?.path());
        }
        entries.sort();
        for path in entries {
            if path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b".")) {
                continue;
            }
            self.entry(path, depth);
        }
        if depth == 0 {
            self.videos.sort();
            self.images.sort();
        }
        Ok(())
    }

    fn entry(&mut self, path: PathBuf, depth: usize) {
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            Err(_) => return self.pass_over(&path, Some("a broken link")),
        };
        if !meta.is_dir() {
            let kind = kinds::unusual(&meta);
            match kind.map_or_else(|| kinds::of_file(&path), |_| None) {
                Some(Kind::Video) => self.videos.push(path),
                Some(Kind::Image) => self.images.push(path),
                None => self.pass_over(&path, kind),
            }
        } else if is_dataset(&path) {
            self.pass_over(&path, Some("a dataset directory"));
        } else if depth >= MAX_DEPTH {
            self.pass_over(&path, Some("too deep"));
        } else if let Err(e) = self.folder(&path, depth + 1) {
            self.unreadable.push(e);
        }
    }

    fn pass_over(&mut self, path: &Path, why: Option<&str>) {
        let inside = path_text(path.strip_prefix(&self.root).unwrap_or(path));
        self.passed_over.push(why.map_or_else(|| inside.clone(), |why| format!("{inside} ({why})")));
    }
}

/// Each file with a name of its own: its stem, or, where two in `root` share one, its path from there;
/// where that is not enough (`x.png` beside `x.jpg`), a number after it.
fn named(root: &Path, files: Vec<PathBuf>) -> Vec<(PathBuf, String)> {
    let stem = |file: &Path| {
        let stem = stem_of(file);
        // The original's names stay as they are, however long.
        let original = FrameId::new(&stem).is_ok_and(|f| f.timestamp().is_some());
        if original { stem } else { clean(&stem) }
    };
    let mut stems: HashMap<String, usize> = HashMap::new();
    for file in &files {
        *stems.entry(stem(file)).or_default() += 1;
    }
    let mut taken = HashSet::new();
    let mut name = |file: &Path| {
        let short = stem(file);
        let inside = file.strip_prefix(root).unwrap_or(file).with_extension("");
        let long = || clean(&readable(&inside).replace(['/', '\\'], "_"));
        let wish = if stems[&short] == 1 { short } else { long() };
        let free = (0_u32..).map(|n| if n == 0 { wish.clone() } else { format!("{wish}-{n}") });
        let mut free = free.skip_while(|name| taken.contains(name));
        let name = free.next().unwrap_or_default();
        taken.insert(name.clone());
        name
    };
    files.into_iter().map(|file| (file.clone(), name(&file))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources;

    fn write(dir: &Path, file: &str, bytes: &[u8]) {
        let path = dir.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn names(found: &Sources) -> Vec<&str> {
        let all = found.list.iter().flat_map(|source| match source {
            Source::Video { name, .. } | Source::Url { name, .. } => vec![name.as_str()],
            Source::Images(list) => list.iter().map(|(_, stem)| stem.as_str()).collect(),
        });
        all.collect()
    }

    #[test]
    fn a_folder_gives_its_videos_and_images_in_order_under_names_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["b.mp4", "a.MKV", "sub/b.mp4", "x.png", "sub/x.jpg", "notes.txt", ".hidden.png"] {
            write(dir.path(), file, b"");
        }
        let found = sources(dir.path(), None).unwrap();
        assert_eq!(names(&found), ["a", "b", "sub_b", "sub_x", "x"], "{found:?}");
        assert_eq!(found.passed_over, ["notes.txt"]);
    }

    #[test]
    fn every_kind_is_taken_and_the_rest_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let taken =
            ["a.JPG", "b.webp", "c.bmp", "d.tiff", "e.jfif", "f.jpe", "g.gif", "h.mxf", "i.m2v", "j.TIF"];
        for file in taken {
            write(dir.path(), file, b"x");
        }
        write(dir.path(), "no_ending", b"\x1a\x45\xdf\xa3\x01");
        write(dir.path(), "photo.orig", b"\xff\xd8\xff\xe0");
        for file in ["n.txt", "o.json", "sub/p.mp3", "q"] {
            write(dir.path(), file, b"some text that is longer than a few bytes");
        }
        fs::create_dir_all(dir.path().join("result/metadata")).unwrap();
        write(dir.path(), "result/.lock", b"");
        write(dir.path(), "result/frames/x.png", b"");
        let found = sources(dir.path(), None).unwrap();
        assert_eq!(names(&found).len(), taken.len() + 2, "{found:?}");
        assert_eq!(found.passed_over, ["n.txt", "o.json", "q", "result (a dataset directory)", "sub/p.mp3"]);
        let line = found.passed_over_line().unwrap();
        assert!(line.starts_with("5 files that are no videos and no pictures: n.txt, o.json"), "{line}");
    }

    #[cfg(unix)]
    #[test]
    fn pipes_links_to_nowhere_and_folders_of_others_are_passed_over_with_a_word() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "a.mp4", b"x");
        let made = std::process::Command::new("mkfifo").arg(dir.path().join("b.mp4")).status().unwrap();
        assert!(made.success());
        std::os::unix::net::UnixListener::bind(dir.path().join("c.ts")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("d.png")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", dir.path().join("e.png")).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).unwrap();
        let found = sources(dir.path(), None).unwrap();
        assert_eq!(names(&found), ["a"]);
        let words = ["b.mp4 (a named pipe)", "c.ts (a socket)", "d.png (a broken link)", "e.png (a device)"];
        assert_eq!(found.passed_over, words);
        assert!(matches!(sources("/dev/zero", None), Err(Error::NotAFile { kind: "a device", .. })));
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf8_are_told_apart() {
        use std::os::unix::ffi::OsStrExt as _;
        let dir = tempfile::tempdir().unwrap();
        for name in [&b"caf\xe9.mp4"[..], b"caf\xe8.mp4", b"\xff.png"] {
            fs::write(dir.path().join(std::ffi::OsStr::from_bytes(name)), b"x").unwrap();
        }
        let found = sources(dir.path(), None).unwrap();
        assert_eq!(names(&found), ["cafè", "café", "ÿ"], "{found:?}");
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert!(matches!(sources("no/such.mp4", None), Err(Error::NotFound(_))));
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "notes.txt", b"x");
        let said = sources(dir.path(), None).unwrap_err().to_string();
        assert!(said.contains("holds no video and no image") && said.contains("notes.txt"), "{said}");
        fs::create_dir(dir.path().join("metadata")).unwrap();
        assert!(matches!(sources(dir.path(), None), Err(Error::NothingInFolder { .. })));
        write(dir.path(), "metadata/settings.json", b"{}");
        let said = sources(dir.path(), None).unwrap_err().to_string();
        assert!(said.contains("dataset directory") && said.contains("streamface extract"), "{said}");
    }
}
