//! The files of a directory, and what they come to.

use std::path::{Path, PathBuf};

use super::log::{self, read_head};
use super::wire::{Head, Kind, agree};
use super::{Recovery, none, snapshot};
use crate::{Error, Index};

/// The files of an index, by generation.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) directory: PathBuf,
    pub(super) logs: Vec<u64>,
    pub(super) snapshots: Vec<u64>,
    /// Unfinished ones.
    pub(super) parts: Vec<PathBuf>,
}

/// What reading them came to.
pub(super) struct Read {
    pub(super) index: Index,
    pub(super) recovery: Recovery,
    pub(super) base: u64,
    pub(super) bytes: u64,
    /// Of the last log.
    pub(super) head: Head,
    pub(super) last: log::Replayed,
}

impl Files {
    pub(super) fn list(directory: &Path) -> Result<Self, Error> {
        let io = Error::io(directory);
        let mut files = Self { directory: directory.to_owned(), ..Self::default() };
        for entry in std::fs::read_dir(directory).map_err(&io)? {
            let entry = entry.map_err(&io)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.ends_with(".part") && (name.starts_with("log-") || name.starts_with("snapshot-")) {
                files.parts.push(entry.path());
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

    /// Takes away what was being written when a process ended. What cannot be taken away is only in the way.
    pub(super) fn tidy(&self) {
        for path in &self.parts {
            let _ = std::fs::remove_file(path);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.snapshots.is_empty()
    }

    pub(super) fn path(&self, kind: Kind, generation: u64) -> PathBuf {
        let name = if kind == Kind::Log { "log" } else { "snapshot" };
        self.directory.join(format!("{name}-{generation:010}.hri"))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (PathBuf, u64)> {
        let logs = self.logs.iter().map(|&g| (self.path(Kind::Log, g), g));
        logs.chain(self.snapshots.iter().map(|&g| (self.path(Kind::Snapshot, g), g)))
    }

    /// The newest good snapshot, and all logs from there.
    pub(super) fn read(&self) -> Result<Read, Error> {
        let mut recovery = Recovery::default();
        let mut first = None;
        let mut start = None;
        for &generation in self.snapshots.iter().rev() {
            match snapshot::read(&self.path(Kind::Snapshot, generation)) {
                Ok((head, index)) => {
                    start = Some((generation, head.length, head.changes, index));
                    break;
                }
                Err(error @ Error::Corrupt { .. }) => {
                    recovery.bad_snapshots.push(error.to_string());
                    first.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        let (base, bytes, changes, mut index) = match start {
            Some(start) => start,
            // Without a snapshot the first log has everything.
            None if self.logs.first() == Some(&0) => {
                let head = read_head(&self.path(Kind::Log, 0), Kind::Log)?;
                (0, 0, 0, Index::new(head.settings))
            }
            None => {
                let path = self.path(Kind::Log, 0);
                let lost = || Error::Corrupt {
                    path,
                    offset: 0,
                    why: "is missing; restore it from a copy".to_owned(),
                };
                return Err(first.unwrap_or_else(lost));
            }
        };
        index.rest(true);
        let (mut read, mut changes_so_far) = (None, changes);
        let last = self.logs.last().copied().unwrap_or(base).max(base);
        for generation in base..=last {
            let path = self.path(Kind::Log, generation);
            let corrupt = |why: &str| Error::Corrupt {
                path: path.clone(),
                offset: 0,
                why: format!("{why}; restore it from a copy"),
            };
            if !self.logs.contains(&generation) {
                return Err(corrupt("is missing"));
            }
            let head = read_head(&path, Kind::Log)?;
            agree(&path, &head.settings, index.settings())?;
            if head.generation != generation || head.changes != changes_so_far {
                return Err(corrupt("does not go on where the one before ends"));
            }
            let replayed = log::replay(&path, head, &mut index)?;
            if replayed.torn > 0 && generation < last {
                return Err(corrupt("cut short"));
            }
            recovery.replayed += replayed.changes - head.changes;
            recovery.torn_bytes = replayed.torn;
            changes_so_far = replayed.changes;
            read = Some((head, replayed));
        }
        index.rest(false);
        match read {
            Some((head, last)) => Ok(Read { index, recovery, base, bytes, head, last }),
            None => Err(none(&self.directory)),
        }
    }
}
