//! Files that are there whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::Error;

/// What a file is called until it is whole ends so.
const PART: &str = ".part";

/// Writes a file through `write` under another name, syncs it, and renames it to `path`: a reader,
/// or a crash, sees the old file or the new one. What a crash left of an earlier try is removed.
///
/// A link stays one, and what it leads to is written. What is no file, such as a pipe or a terminal, is written as it comes.
/// A file that is there keeps its permissions.
///
/// # Errors
/// [`Error::Io`] with `path`, or with the folder that is not there; what was there before is then still there.
pub fn write_atomic(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), Error> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    folder(&target)?;
    let there = fs::metadata(&target).ok();
    if there.is_some_and(|there| !there.is_file() && !there.is_dir()) {
        let go = || {
            let file = File::options().write(true).open(&target)?;
            let mut out = BufWriter::new(&file);
            write(&mut out)?;
            out.flush()
        };
        return go().map_err(Error::io(path));
    }
    replace(&target, write).map_err(|e| match e {
        Error::Io { source, .. } => Error::io(path)(source),
        other => other,
    })
}

/// Puts a new file into the place of whatever is there, which is not followed.
pub(crate) fn replace(
    target: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), Error> {
    let dir = folder(target)?;
    let go = || {
        let there = fs::symlink_metadata(target).ok();
        if there.as_ref().is_some_and(|there| there.permissions().readonly() && there.is_file()) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
        }
        let file = part(&dir, target)?;
        let mut out = BufWriter::new(file.as_file());
        write(&mut out)?;
        out.flush()?;
        drop(out);
        if let Some(there) = there.filter(fs::Metadata::is_file) {
            file.as_file().set_permissions(there.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(target).map_err(|e| e.error)?;
        Ok(())
    };
    go().map_err(Error::io(target))
}

/// Makes the names in a folder last through a power cut, where the system has a way to.
pub(crate) fn sync_folder(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { fs::metadata(dir).map(drop) }
}

/// Whether [`write_atomic`] has a place to write to: to be asked before long work, not after it.
///
/// # Errors
/// [`Error::Io`] where there is no such folder, or a folder is where the file is to be.
pub fn can_be_written(path: &Path) -> Result<(), Error> {
    folder(path)?;
    if path.is_dir() { Err(Error::io(path)(io::ErrorKind::IsADirectory.into())) } else { Ok(()) }
}

/// The folder that a file is in.
fn folder(path: &Path) -> Result<PathBuf, Error> {
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if dir.is_dir() {
        return Ok(dir.to_owned());
    }
    let why = io::Error::new(io::ErrorKind::NotFound, "there is no such folder; make it first");
    Err(Error::io(dir)(why))
}

/// A new file beside the one that it is to become, locked as long as it is being written.
fn part(dir: &Path, target: &Path) -> io::Result<NamedTempFile> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.");
    clear(dir, &prefix);
    loop {
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(PART);
        // As of any new file; a temporary one would be its owner's alone.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(Permissions::from_mode(0o666));
        }
        // Its error would name the temporary file.
        let file = builder.tempfile_in(dir).map_err(|e| io::Error::from(e.kind()))?;
        file.as_file().lock()?;
        // Another process may have taken it for left over before it was locked.
        if file.path().exists() {
            return Ok(file);
        }
    }
}

/// Removes what was left by processes that are no more. What cannot be removed stays.
fn clear(dir: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(prefix) && name.ends_with(PART)) else {
            continue;
        };
        let path = dir.join(name);
        // Not one of ours where it is no regular file: opening a pipe would wait for ever.
        let regular = entry.file_type().is_ok_and(|kind| kind.is_file());
        if regular && File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &Path, text: &str) -> Result<(), Error> {
        write_atomic(path, |out| out.write_all(text.as_bytes()))
    }

    #[test]
    fn only_what_nobody_writes_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let [path, left, other, held] =
            ["a.csv", ".a.csv.Xy12Zz.part", ".b.csv.Xy12Zz.part", ".a.csv.held.part"]
                .map(|f| dir.path().join(f));
        for path in [&left, &other, &held] {
            fs::write(path, "half").unwrap();
        }
        let writing = File::open(&held).unwrap();
        writing.lock().unwrap();
        text(&path, "whole").unwrap();
        assert_eq!([&path, &left, &other, &held].map(|path| path.exists()), [true, false, true, true]);
        let nested = write_atomic(&path, |out| {
            text(&path, "inner").unwrap();
            out.write_all(b"outer")
        });
        nested.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "outer");
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_permissions_what_they_were() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|f| dir.path().join(f));
        text(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        symlink("file", &link).unwrap();
        text(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        fs::set_permissions(&file, Permissions::from_mode(0o440)).unwrap();
        assert!(text(&file, "newer").unwrap_err().to_string().contains("read-only"));
        // What is no file takes what comes, and stays.
        text(Path::new("/dev/null"), "nothing").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn places_that_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("none/a.csv");
        for refused in
            [text(&missing, ""), can_be_written(&missing), can_be_written(dir.path()), text(dir.path(), "")]
        {
            assert!(matches!(refused, Err(Error::Io { .. })));
        }
        can_be_written(&dir.path().join("a.csv")).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
