//! A folder that is there whole or not at all: made beside its place under another name, then renamed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use streamface_store::{FileLock, files};

use crate::Error;

/// Name of the lock within an unfinished folder.
const LOCK: &str = ".staging";

/// An unfinished folder. Dropped before [`Self::finish`], it is removed.
#[derive(Debug)]
pub(crate) struct Staging {
    target: PathBuf,
    path: PathBuf,
    /// Held while the folder is being made. A folder without the lock was left by a killed process.
    _lock: FileLock,
    finished: bool,
}

/// Refuses a place where something is. An empty folder or file is no obstacle. Nothing is ever replaced: a
/// mistyped name would cost hours of work, and removing a folder is one command.
pub(crate) fn check_free(target: &Path) -> Result<(), Error> {
    let meta = match fs::symlink_metadata(target) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io(target)(e)),
    };
    let empty = if meta.is_dir() {
        fs::read_dir(target).map_err(Error::io(target))?.next().is_none()
    } else {
        meta.is_file() && meta.len() == 0
    };
    if empty { Ok(()) } else { Err(Error::Exists(target.to_owned())) }
}

impl Staging {
    /// Begins a folder that will be `target`; its parents are made.
    pub(crate) fn new(target: &Path) -> Result<Self, Error> {
        check_free(target)?;
        let name =
            target.file_name().ok_or_else(|| Error::format(target, "not a folder that can be made"))?;
        let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(Error::io(parent))?;
        let path = parent.join(format!(".{}.part", name.to_string_lossy()));
        // A link that somebody put there would have what it leads to cleared.
        files::create_folder(&path)?;
        let lock_path = path.join(LOCK);
        let lock = FileLock::take(files::append(&lock_path)?).map_err(Error::io(&lock_path))?;
        let lock = lock.ok_or_else(|| Error::Busy(target.to_owned()))?;
        for entry in fs::read_dir(&path).map_err(Error::io(&path))?.flatten() {
            if entry.file_name() != LOCK {
                let entry = entry.path();
                let is_dir = fs::symlink_metadata(&entry).is_ok_and(|m| m.is_dir());
                if is_dir { fs::remove_dir_all(&entry) } else { fs::remove_file(&entry) }
                    .map_err(Error::io(&entry))?;
            }
        }
        Ok(Self { target: target.to_owned(), path, _lock: lock, finished: false })
    }

    /// The folder as long as it is unfinished.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A folder within, made where it is missing.
    pub(crate) fn folder(&self, name: impl AsRef<Path>) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).map_err(Error::io(&path))?;
        Ok(path)
    }

    /// Gives the folder its name.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let lock = self.path.join(LOCK);
        fs::remove_file(&lock).map_err(Error::io(&lock))?;
        check_free(&self.target)?;
        if self.target.is_file() {
            fs::remove_file(&self.target).map_err(Error::io(&self.target))?;
        }
        // What is in it is on the disk before it has a name that says it is whole.
        files::sync_file_system(&self.path)?;
        fs::rename(&self.path, &self.target).map_err(Error::io(&self.target))?;
        self.finished = true;
        // The rename is durable once its folder is.
        let parent = self.target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|d| d.sync_all()).map_err(Error::io(parent))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.finished {
            // Already on the way out with an error: what is left is found and removed by the next one.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a/out");
        let staging = Staging::new(&target).unwrap();
        fs::write(staging.path().join("x"), "1").unwrap();
        assert!(matches!(Staging::new(&target), Err(Error::Busy(_))));
        assert!(!target.exists());
        drop(staging);
        assert_eq!(fs::read_dir(dir.path().join("a")).unwrap().count(), 0);

        let staging = Staging::new(&target).unwrap();
        fs::write(staging.path().join("x"), "1").unwrap();
        staging.finish().unwrap();
        assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
        assert!(matches!(Staging::new(&target), Err(Error::Exists(_))));
        assert!(target.join("x").exists());
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_an_empty_place_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        fs::create_dir_all(dir.path().join(".out.part/old")).unwrap();
        fs::write(dir.path().join(".out.part/old/y"), "2").unwrap();
        fs::create_dir(&target).unwrap();
        let staging = Staging::new(&target).unwrap();
        staging.folder("new").unwrap();
        staging.finish().unwrap();
        let names: Vec<_> = fs::read_dir(&target).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["new"]);
    }
}
