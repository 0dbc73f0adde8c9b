//! Filling an index: a new one beside its place, renamed when it is whole.

use std::fs;
use std::path::{Path, PathBuf};

use super::log::sync_directory;
use super::{Durability, Files, Lock, Store};
use crate::{Error, Result, Settings};

impl Store {
    /// Fills the index in a directory, or a new one if there is none. `fill` gets the store; changes are synced once, at the
    /// end.
    ///
    /// A new index is made beside its place, as `.NAME.part`, and renamed when `fill` has succeeded and all is on the disk.
    /// So after an error or a kill there is no index, and the next call begins anew. What `fill` adds to an index that is
    /// there is all or nothing if it is one call of [`insert_all`](Store::insert_all).
    ///
    /// # Errors
    /// Those of `fill` and of [`open_or_create`](Self::open_or_create); [`Error::Io`].
    pub fn build<T, E: From<Error>>(
        directory: &Path,
        settings: Settings,
        fill: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        match part_beside(directory)? {
            None => {
                let store = Self::open_or_create(directory, settings)?;
                fill_and_save(&store.durability(Durability::System), fill)
            }
            Some(part) => {
                let (unfinished, lock) = Unfinished::begin(directory, part)?;
                let store = Self::open_locked(&unfinished.path, Some(settings), lock)?;
                let done = fill_and_save(&store.durability(Durability::System), fill)?;
                unfinished.rename(directory)?;
                Ok(done)
            }
        }
    }
}

fn fill_and_save<T, E: From<Error>>(
    store: &Store,
    fill: impl FnOnce(&Store) -> Result<T, E>,
) -> Result<T, E> {
    let done = fill(store)?;
    store.sync()?;
    store.snapshot()?;
    Ok(done)
}

/// Where a new index is made; `None` where there is one, or a directory that holds something else and stays.
fn part_beside(directory: &Path) -> Result<Option<PathBuf>> {
    let Some(name) = directory.file_name() else { return Ok(None) };
    let free = match fs::read_dir(directory) {
        Ok(mut entries) => {
            entries.next().is_none() && !fs::symlink_metadata(directory).is_ok_and(|m| m.is_symlink())
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => true,
        Err(_) => {
            // The reason in words.
            Files::list(directory)?;
            false
        }
    };
    let mut part = std::ffi::OsString::from(".");
    part.push(name);
    part.push(".part");
    Ok(free.then(|| directory.with_file_name(part)))
}

/// A directory that is being filled. Dropped before it is renamed, it is removed.
struct Unfinished {
    path: PathBuf,
    renamed: bool,
}

impl Unfinished {
    /// Makes the directory, locks it, and removes what a killed process left there.
    fn begin(directory: &Path, path: PathBuf) -> Result<(Self, Lock)> {
        fs::create_dir_all(&path).map_err(Error::io(directory))?;
        let lock = Lock::take(&path).map_err(|error| match error {
            Error::Locked { .. } => Error::Locked { path: directory.to_owned() },
            other => other,
        })?;
        let files = Files::list(&path)?;
        files.remove_unfinished();
        for (path, _) in files.all() {
            fs::remove_file(&path).map_err(Error::io(&path))?;
        }
        Ok((Self { path, renamed: false }, lock))
    }

    fn rename(mut self, directory: &Path) -> Result<()> {
        fs::rename(&self.path, directory).map_err(Error::io(directory))?;
        self.renamed = true;
        // The rename is durable once its directory is.
        let parent = directory.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_directory(parent).map_err(Error::io(parent))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.renamed {
            // Already on the way out with an error: what is left is removed by the next build.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
