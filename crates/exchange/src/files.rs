//! Files put into place, and found.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use crate::Error;

/// Largest text file (JSON, CSV) that is read, bytes.
pub(crate) const MAX_TEXT: u64 = 4 << 30;

/// How an image gets into another folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// A second name for the same file where the file system has that, else a copy.
    #[default]
    Link,
    /// A file of its own.
    Copy,
}

impl Place {
    /// Puts the file `from` at `to`, where nothing is.
    pub(crate) fn put(self, from: &Path, to: &Path) -> Result<(), Error> {
        // A hard link to a symbolic link would point to a wrong place once moved: link the file itself.
        let real =
            if from.is_symlink() { from.canonicalize().map_err(Error::io(from))? } else { from.to_owned() };
        let from = real.as_path();
        if self == Self::Link && fs::hard_link(from, to).is_ok() {
            return Ok(());
        }
        // Written as a new file, without the permissions of the old one, which might forbid to remove it.
        let mut source = File::open(from).map_err(Error::io(from))?;
        let mut target = File::create_new(to).map_err(Error::io(to))?;
        io::copy(&mut source, &mut target).map_err(Error::io(to))?;
        Ok(())
    }
}

/// Opens a file. A pipe or a device, which may never end, is none; to open one may wait for ever.
pub(crate) fn open_file(path: &Path) -> Result<File, Error> {
    if !fs::metadata(path).map_err(Error::io(path))?.is_file() {
        return Err(Error::format(path, "not a file"));
    }
    File::open(path).map_err(Error::io(path))
}

/// Opens a text file of at most `limit` bytes.
pub(crate) fn open_text(path: &Path, limit: u64) -> Result<BufReader<io::Take<File>>, Error> {
    let file = open_file(path)?;
    let meta = file.metadata().map_err(Error::io(path))?;
    if meta.len() > limit {
        return Err(Error::TooLarge { path: path.to_owned(), limit });
    }
    Ok(BufReader::with_capacity(1 << 16, file.take(limit)))
}

/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 32;

/// All files below a folder, ordered by path; hidden ones and links to folders are passed over.
pub(crate) fn walk(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        if depth > MAX_DEPTH {
            let why =
                format!("more than {MAX_DEPTH} folders deep; import a folder within, or move its files up");
            return Err(Error::format(root, why));
        }
        let more = look_into(&folder, &mut files).map_err(Error::io(&folder))?;
        folders.extend(more.into_iter().map(|folder| (folder, depth + 1)));
    }
    files.sort();
    Ok(files)
}

/// Links to folders below a folder, ordered by path, which [`walk`] passes over.
pub(crate) fn linked_folders(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut linked = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Error::io(&folder))?.flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(_) if entry.file_name().as_encoded_bytes().starts_with(b".") => {}
                Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => folders.push((path, depth + 1)),
                Ok(kind) if kind.is_symlink() && path.is_dir() => linked.push(path),
                _ => {}
            }
        }
    }
    linked.sort();
    Ok(linked)
}

/// As [`walk`], but of files at most `most`, and of those deeper than `depth` folders none; what cannot be read is passed
/// over.
pub(crate) fn walk_some(root: &Path, depth: usize, most: usize) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    for _ in 0..=depth {
        let mut within = Vec::new();
        for folder in folders {
            within.extend(look_into(&folder, &mut files).unwrap_or_default());
            if files.len() > most {
                files.truncate(most);
                return files;
            }
        }
        within.sort();
        folders = within;
    }
    files.sort();
    files
}

/// Adds the files of a folder to `files`, and gives its folders.
fn look_into(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => folders.push(path),
            _ if path.is_file() => files.push(path),
            _ => {}
        }
    }
    Ok(folders)
}

/// A part of a path as text. What is not UTF-8 is read as Latin-1, in which such names mostly are: so two names stay two.
pub(crate) fn text(part: &OsStr) -> String {
    match part.to_str() {
        Some(text) => text.to_owned(),
        None => part.as_encoded_bytes().iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// Whether a file is a picture by its name. What it really is, its first bytes say.
pub(crate) fn is_image(path: &Path) -> bool {
    let known = ["png", "jpg", "jpeg", "jpe", "bmp", "gif", "tif", "tiff", "webp", "ppm", "pgm"];
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|e| known.contains(&e.as_str()))
}

/// A file named by another file: below `root` and nowhere else, whatever the name says and whatever links lie
/// there.
///
/// # Errors
/// Why not, in words.
pub(crate) fn named(root: &Path, name: &str) -> Result<PathBuf, String> {
    let short = || name.chars().take(200).collect::<String>();
    let relative = relative(name).ok_or_else(|| format!("'{}' leads out of the folder", short()))?;
    let path = root.join(relative);
    let there = |p: &Path| p.canonicalize().map_err(|e| format!("'{}': {e}", short()));
    let (real, root) = (there(&path)?, there(root)?);
    if !real.starts_with(&root) {
        return Err(format!("'{}' is a link that leads out of the folder", short()));
    }
    if !real.is_file() {
        return Err(format!("'{}' is no file", short()));
    }
    Ok(real)
}

/// Whether a path below `root` is there and, whatever links lie on the way, within it.
pub(crate) fn leads_inside(root: &Path, path: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(root).zip(real(path)).is_some_and(|(root, path)| path.starts_with(root))
}

/// A path of plain names; none for one that is absolute, goes upwards or is empty.
pub(crate) fn relative(name: &str) -> Option<PathBuf> {
    if name.contains(['\\', '\0']) {
        return None;
    }
    let path = Path::new(name);
    let plain = path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    (plain && path.file_name().is_some()).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("in"), dir.path().join("secret.png"));
        fs::create_dir_all(inside.join("a")).unwrap();
        fs::write(inside.join("a/x.png"), "").unwrap();
        fs::write(&outside, "").unwrap();
        assert!(named(&inside, "a/x.png").is_ok());
        assert!(named(&inside, "./a/x.png").is_ok());
        for name in
            ["../secret.png", "a/../../secret.png", outside.to_str().unwrap(), "", ".", "a\\..\\x", "a\0"]
        {
            assert!(named(&inside, name).unwrap_err().contains("leads out"), "{name}");
        }
        assert!(named(&inside, "a").unwrap_err().contains("no file"));
        assert!(named(&inside, "gone.png").is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&outside, inside.join("link.png")).unwrap();
            std::os::unix::fs::symlink(inside.join("a/x.png"), inside.join("fine.png")).unwrap();
            assert!(named(&inside, "link.png").unwrap_err().contains("link that leads out"));
            assert!(named(&inside, "fine.png").is_ok());
            assert_eq!(walk(&inside).unwrap().len(), 3);
        }
    }
}
