//! Lists and reads the files of a directory.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::header::{FileKind, Header, check_settings};
use super::log::{self, read_header};
use super::{Recovery, no_index, snapshot};
use crate::{Error, Index, Result};

/// The files of an index, by generation.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) directory: PathBuf,
    pub(super) logs: Vec<u64>,
    pub(super) snapshots: Vec<u64>,
    /// Files that were not finished.
    pub(super) unfinished: Vec<PathBuf>,
}

/// The index that the files hold.
pub(super) struct Loaded {
    pub(super) index: Index,
    pub(super) recovery: Recovery,
    /// Generation of the snapshot.
    pub(super) base: u64,
    /// Length of the snapshot in bytes.
    pub(super) snapshot_bytes: u64,
    /// Header of the last log.
    pub(super) header: Header,
    pub(super) last_log: log::Replayed,
}

impl Files {
    pub(super) fn list(directory: &Path) -> Result<Self> {
        let io = Error::io(directory);
        let mut files = Self { directory: directory.to_owned(), ..Self::default() };
        let entries = std::fs::read_dir(directory).map_err(|source| {
            let path = directory.to_owned();
            let why = match source.kind() {
                ErrorKind::NotFound => "there is no such directory; build an index there first (hri build)",
                ErrorKind::NotADirectory => "not a directory; give the one that the index was built in",
                _ => return Error::Io { path, source },
            };
            Error::Format { path, why: why.to_owned() }
        })?;
        for entry in entries {
            let entry = entry.map_err(&io)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.ends_with(".part") && (name.starts_with("log-") || name.starts_with("snapshot-")) {
                files.unfinished.push(entry.path());
            }
            let Some(name) = name.strip_suffix(".hri") else { continue };
            let number = |prefix: &str| name.strip_prefix(prefix).and_then(|n| n.parse::<u64>().ok());
            files.logs.extend(number("log-"));
            files.snapshots.extend(number("snapshot-"));
        }
        files.logs.sort_unstable();
        files.snapshots.sort_unstable();
        Ok(files)
    }

    /// Removes files that a process left unfinished. A file that cannot be removed does no harm.
    pub(super) fn remove_unfinished(&self) {
        for path in &self.unfinished {
            let _ = std::fs::remove_file(path);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.snapshots.is_empty()
    }

    pub(super) fn path(&self, kind: FileKind, generation: u64) -> PathBuf {
        self.directory.join(format!("{}-{generation:010}.hri", kind.name()))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (PathBuf, u64)> {
        let logs = self.logs.iter().map(|&g| (self.path(FileKind::Log, g), g));
        logs.chain(self.snapshots.iter().map(|&g| (self.path(FileKind::Snapshot, g), g)))
    }

    /// Reads the newest valid snapshot and all later logs.
    pub(super) fn read(&self) -> Result<Loaded> {
        let mut recovery = Recovery::default();
        let mut first_error = None;
        let mut start = None;
        for &generation in self.snapshots.iter().rev() {
            match snapshot::read(&self.path(FileKind::Snapshot, generation)) {
                Ok((header, index)) => {
                    start = Some((generation, header.length, header.changes, index));
                    break;
                }
                Err(error @ Error::Corrupt { .. }) => {
                    recovery.bad_snapshots.push(error.to_string());
                    first_error.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        let (base, snapshot_bytes, changes, mut index) = match start {
            Some(start) => start,
            // The log of generation 0 has all changes from the beginning.
            None if self.logs.first() == Some(&0) => {
                let header = read_header(&self.path(FileKind::Log, 0), FileKind::Log)?;
                (0, 0, 0, Index::new(header.settings))
            }
            None => {
                let path = self.path(FileKind::Log, 0);
                let missing = || Error::Corrupt {
                    path,
                    offset: 0,
                    why: "the file is missing; restore it from a backup".to_owned(),
                };
                return Err(first_error.unwrap_or_else(missing));
            }
        };
        index.suspend_filters();
        let (mut last_log, mut changes_so_far) = (None, changes);
        let last = self.logs.last().copied().unwrap_or(base).max(base);
        for generation in base..=last {
            let path = self.path(FileKind::Log, generation);
            let corrupt = |why: &str| Error::Corrupt {
                path: path.clone(),
                offset: 0,
                why: format!("{why}; restore it from a backup"),
            };
            if !self.logs.contains(&generation) {
                return Err(corrupt("the file is missing"));
            }
            let header = read_header(&path, FileKind::Log)?;
            check_settings(&path, &header.settings, index.settings())?;
            if header.generation != generation || header.changes != changes_so_far {
                return Err(corrupt("the log does not continue the previous one"));
            }
            let replayed = log::replay(&path, header, &mut index)?;
            if replayed.torn > 0 && generation < last {
                return Err(corrupt("the log is cut short"));
            }
            recovery.replayed += replayed.changes - header.changes;
            recovery.torn_bytes = replayed.torn;
            changes_so_far = replayed.changes;
            last_log = Some((header, replayed));
        }
        index.resume_filters();
        match last_log {
            Some((header, last_log)) => {
                Ok(Loaded { index, recovery, base, snapshot_bytes, header, last_log })
            }
            None => Err(no_index(&self.directory)),
        }
    }
}
