//! An index in a directory: nothing acknowledged is lost, and readers go on while one writes.
//!
//! | file | what |
//! |---|---|
//! | `log-{generation}.hri` | the changes since the snapshot of that generation (none for 0) |
//! | `snapshot-{generation}.hri` | all there was when that generation began |
//! | `lock` | held by who writes |
//!
//! A change is written to the log before it is made and before it is acknowledged. When the log has grown beyond the
//! snapshot, a new generation begins: an empty log, then a snapshot; both appear whole or not at all. The generation
//! before stays until the next, so that a damaged snapshot costs nothing: opening takes the newest good one, and all
//! logs from there.

mod files;
mod log;
mod snapshot;
mod wire;

use std::fs::{File, OpenOptions, TryLockError};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{Error, Index, Inserted, Label, Match, Settings, Stats, To};
use files::Files;
use log::{Change, Log, sync_directory};
use wire::{Head, Kind, agree};

/// A log no longer than this begins no new generation of its own.
const SHORT: u64 = 64 << 20;

/// When a change counts as made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When it is on the disk: neither a killed process nor a power cut takes it back. Changes of several threads share
    /// one sync.
    #[default]
    Disk,
    /// When the system has it: a killed process takes nothing back, a power cut what came after the last
    /// [`sync`](Store::sync).
    System,
}

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Recovery {
    /// Changes that were in logs and not in the snapshot.
    pub replayed: u64,
    /// Bytes at the end of the log of a change that was never acknowledged; they are cut off.
    pub torn_bytes: u64,
    /// Snapshots that are damaged, and how. An older one and its log took their place.
    pub bad_snapshots: Vec<String>,
}

/// An [`Index`] that lasts, for many readers and one writer at a time.
///
/// All methods take `&self`. A search holds a read lock for as long as it takes; a change searches under a read lock,
/// is logged and synced without any, and holds the write lock only for the microseconds that it takes to be made. Other
/// threads may see it before it is acknowledged. A new generation (see [`snapshot`](Self::snapshot)) makes writers wait
/// while it is written, readers not.
#[derive(Debug)]
pub struct Store {
    index: RwLock<Index>,
    /// Held by who writes; none for an index in memory.
    log: Mutex<Option<Log>>,
    /// Changes that are on the disk.
    synced: Mutex<u64>,
    durability: Durability,
    directory: PathBuf,
    /// The generation that is to be kept beside the newest, and bytes of the newest snapshot.
    base: Mutex<(u64, u64)>,
    recovery: Recovery,
    _lock: Option<Lock>,
}

/// The lock of who writes. It is unlocked, not only closed: a process that starts another one has its open files twice
/// for a moment.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Where this fails, closing it is what is left.
        let _ = self.0.unlock();
    }
}

/// An index to read from; writers wait as long as it is there.
#[derive(Debug)]
pub struct Reading<'a>(RwLockReadGuard<'a, Index>);

impl Deref for Reading<'_> {
    type Target = Index;
    fn deref(&self) -> &Index {
        &self.0
    }
}

impl Store {
    /// An index in memory, to be shared by threads. Nothing is written anywhere.
    #[must_use]
    pub fn in_memory(index: Index) -> Self {
        Self::of(index, None, PathBuf::new(), 0, 0, Recovery::default(), None)
    }

    fn of(
        index: Index,
        log: Option<Log>,
        directory: PathBuf,
        base: u64,
        bytes: u64,
        recovery: Recovery,
        lock: Option<Lock>,
    ) -> Self {
        let synced = Mutex::new(log.as_ref().map_or(0, |l| l.changes));
        Self {
            index: RwLock::new(index),
            log: Mutex::new(log),
            synced,
            durability: Durability::default(),
            directory,
            base: Mutex::new((base, bytes)),
            recovery,
            _lock: lock,
        }
    }

    /// Opens the index in a directory for reading and writing, or makes an empty one where there is none.
    ///
    /// # Errors
    /// [`Error::Locked`] where another has it open; [`Error::Format`] for an index of other settings or of another
    /// version; [`Error::Corrupt`] for damage that no older snapshot makes up for; [`Error::Io`].
    pub fn open_or_create(directory: &Path, settings: Settings) -> Result<Self, Error> {
        std::fs::create_dir_all(directory).map_err(Error::io(directory))?;
        Self::open_with(directory, Some(settings))
    }

    /// Opens the index in a directory for reading and writing.
    ///
    /// # Errors
    /// As [`open_or_create`](Self::open_or_create); [`Error::Format`] where there is no index.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        Self::open_with(directory, None)
    }

    fn open_with(directory: &Path, wanted: Option<Settings>) -> Result<Self, Error> {
        let path = directory.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::io(&path))?;
        let lock = match lock.try_lock() {
            Ok(()) => Lock(lock),
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { path: directory.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(Error::Io { path, source }),
        };
        let files = Files::list(directory)?;
        files.tidy();
        if files.is_empty() {
            let Some(settings) = wanted else { return Err(none(directory)) };
            let head = Head::new(Kind::Log, settings, 0, 0);
            let log = Log::create(&files.path(Kind::Log, 0), head)?;
            sync_directory(directory).map_err(Error::io(directory))?;
            let index = Index::new(settings);
            return Ok(Self::of(
                index,
                Some(log),
                directory.to_owned(),
                0,
                0,
                Recovery::default(),
                Some(lock),
            ));
        }
        let read = files.read()?;
        if let Some(wanted) = wanted {
            agree(directory, read.index.settings(), &wanted)?;
        }
        let path = files.path(Kind::Log, read.head.generation);
        let log = Log::resume(&path, read.head, &read.last)?;
        let (base, bytes) = (read.base, read.bytes);
        Ok(Self::of(read.index, Some(log), directory.to_owned(), base, bytes, read.recovery, Some(lock)))
    }

    /// Reads the index in a directory as it is now, without a lock: someone may be writing to it. What is not yet
    /// acknowledged may be missing.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for [`Error::Locked`].
    pub fn load(directory: &Path) -> Result<(Index, Recovery), Error> {
        let mut tries = 0;
        loop {
            let files = Files::list(directory)?;
            if files.is_empty() {
                return Err(none(directory));
            }
            match files.read() {
                Ok(read) => return Ok((read.index, read.recovery)),
                // A new generation began meanwhile and took files away.
                Err(Error::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound && tries < 5 => {}
                Err(error) => return Err(error),
            }
            tries += 1;
        }
    }

    /// When changes count as made; [`Durability::Disk`] unless said otherwise.
    #[must_use]
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// What opening found.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// The index, to read from. Writers wait until it is given back.
    ///
    /// # Errors
    /// [`Error::Closed`] after a panic in the middle of a change.
    pub fn read(&self) -> Result<Reading<'_>, Error> {
        self.index.read().map(Reading).map_err(|_| self.panicked())
    }

    /// [`Index::search`].
    ///
    /// # Errors
    /// As there; [`Error::Closed`].
    pub fn search(&self, vector: &[f32]) -> Result<Option<Match>, Error> {
        self.read()?.search(vector)
    }

    /// [`Index::nearest`].
    ///
    /// # Errors
    /// As there; [`Error::Closed`].
    pub fn nearest(&self, vector: &[f32], k: usize) -> Result<Vec<Match>, Error> {
        self.read()?.nearest(vector, k)
    }

    /// [`Index::search_batch`].
    ///
    /// # Errors
    /// As there; [`Error::Closed`].
    pub fn search_batch(&self, rows: &[f32]) -> Result<Vec<Option<Match>>, Error> {
        self.read()?.search_batch(rows)
    }

    /// [`Index::stats`].
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn stats(&self) -> Result<Stats, Error> {
        Ok(self.read()?.stats())
    }

    /// [`Index::insert`], logged.
    ///
    /// # Errors
    /// As there; [`Error::Io`] where it could not be logged, on a full disk for one: then it was not made, either.
    pub fn insert(&self, vector: &[f32], id: u64) -> Result<Inserted, Error> {
        self.insert_to(vector, id, To::Nearest)
    }

    /// [`Index::insert_to`], logged.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`Error::UnknownLabel`].
    pub fn insert_to(&self, vector: &[f32], id: u64, to: To) -> Result<Inserted, Error> {
        let mut log = self.writer()?;
        let inserted = self.insert_logged(&mut log, vector, id, to)?;
        self.finish(log)?;
        Ok(inserted)
    }

    /// Inserts vectors, row after row, with one sync for all. On an error those before the one at fault are there, and
    /// acknowledged by nobody.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`Error::Ids`].
    pub fn insert_batch(&self, rows: &[f32], ids: &[u64]) -> Result<Vec<Inserted>, Error> {
        let mut log = self.writer()?;
        let (dim, metric) = {
            let index = self.read()?;
            (index.settings().dim(), index.settings().threshold().metric())
        };
        let vectors = crate::check::rows(rows, dim, metric)?;
        if vectors != ids.len() {
            return Err(Error::Ids { ids: ids.len(), vectors });
        }
        let each = rows.chunks_exact(dim).zip(ids);
        let inserted: Result<Vec<_>, Error> =
            each.map(|(row, &id)| self.insert_logged(&mut log, row, id, To::Nearest)).collect();
        self.finish(log)?;
        inserted
    }

    fn insert_logged(
        &self,
        log: &mut Option<Log>,
        vector: &[f32],
        id: u64,
        to: To,
    ) -> Result<Inserted, Error> {
        let planned = self.read()?.plan(vector, id, to)?;
        let inserted = planned.inserted;
        append(log, &Change::Insert(id, inserted.label, vector))?;
        self.change()?.carry_out(&planned, vector, id);
        Ok(inserted)
    }

    /// [`Index::remove`], logged.
    ///
    /// # Errors
    /// As there; [`Error::Io`].
    pub fn remove(&self, id: u64) -> Result<Label, Error> {
        let mut log = self.writer()?;
        self.read()?.check_remove(id)?;
        append(&mut log, &Change::Remove(id))?;
        let label = self.change()?.remove(id)?;
        self.finish(log)?;
        Ok(label)
    }

    /// [`Index::remove_person`], logged.
    ///
    /// # Errors
    /// As there; [`Error::Io`].
    pub fn remove_person(&self, label: Label) -> Result<usize, Error> {
        let mut log = self.writer()?;
        self.read()?.place(label)?;
        append(&mut log, &Change::RemovePerson(label))?;
        let gone = self.change()?.remove_person(label)?;
        self.finish(log)?;
        Ok(gone)
    }

    /// [`Index::merge`], logged.
    ///
    /// # Errors
    /// As there; [`Error::Io`].
    pub fn merge(&self, into: Label, from: Label) -> Result<(), Error> {
        let mut log = self.writer()?;
        self.read()?.check_merge(into, from)?;
        append(&mut log, &Change::Merge(into, from))?;
        self.change()?.merge(into, from)?;
        self.finish(log)
    }

    /// [`Index::split`], logged.
    ///
    /// # Errors
    /// As there; [`Error::Io`].
    pub fn split(&self, label: Label, ids: &[u64]) -> Result<Label, Error> {
        let mut log = self.writer()?;
        let new = {
            let index = self.read()?;
            index.check_split(label, ids)?;
            index.next_label
        };
        append(&mut log, &Change::Split(label, new, ids))?;
        let new = self.change()?.split(label, ids)?;
        self.finish(log)?;
        Ok(new)
    }

    /// [`Index::refresh`]. Not logged: it changes no answer.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn refresh(&self) -> Result<(), Error> {
        self.change()?.refresh();
        Ok(())
    }

    /// Returns when all changes so far are on the disk.
    ///
    /// # Errors
    /// [`Error::Io`]; nothing more is written after that, as what the system has forgotten is not known.
    pub fn sync(&self) -> Result<(), Error> {
        let changes = self.writer()?.as_ref().map_or(0, |l| l.changes);
        self.sync_to(changes)
    }

    /// Begins a new generation: writes all there is into one file, and empties the log. Done by itself when the log
    /// has grown beyond the snapshot, and beyond 64 MiB.
    ///
    /// # Errors
    /// [`Error::Io`]; the generation before then goes on.
    pub fn snapshot(&self) -> Result<(), Error> {
        let mut log = self.writer()?;
        self.next_generation(&mut log)
    }

    fn next_generation(&self, log: &mut Option<Log>) -> Result<(), Error> {
        let Some(old) = log else { return Ok(()) };
        old.check()?;
        if let Err(source) = old.file.sync_all() {
            old.close(&source.to_string());
            return Err(Error::Io { path: old.path.clone(), source });
        }
        let files = Files { directory: self.directory.clone(), ..Files::default() };
        let (generation, changes) = (old.generation + 1, old.changes);
        let index = self.read()?;
        let head = Head::new(Kind::Log, *index.settings(), generation, changes);
        // In this order a snapshot always has its log. A log without one goes on where the one before ends.
        let path = files.path(Kind::Log, generation);
        let new = Log::create(&path, head)?;
        *log = Some(new);
        let bytes = snapshot::write(&files.path(Kind::Snapshot, generation), &index, generation, changes)?;
        drop(index);
        sync_directory(&self.directory).map_err(Error::io(&self.directory))?;
        let mut base = self.base.lock().map_err(|_| self.panicked())?;
        let keep = base.0;
        *base = (generation, bytes);
        drop(base);
        // What cannot be taken away is only in the way.
        for (path, of) in Files::list(&self.directory)?.all() {
            if of < keep {
                let _ = std::fs::remove_file(path);
            }
        }
        Ok(())
    }

    /// Who may write now; others wait.
    fn writer(&self) -> Result<MutexGuard<'_, Option<Log>>, Error> {
        let log = self.log.lock().map_err(|_| self.panicked())?;
        if let Some(log) = &*log {
            log.check()?;
        }
        Ok(log)
    }

    fn change(&self) -> Result<RwLockWriteGuard<'_, Index>, Error> {
        self.index.write().map_err(|_| self.panicked())
    }

    fn panicked(&self) -> Error {
        Error::Closed { path: self.directory.clone(), why: "a panic in the middle of a change".to_owned() }
    }

    /// After changes: a new generation where it is time, and the acknowledgement.
    fn finish(&self, mut log: MutexGuard<'_, Option<Log>>) -> Result<(), Error> {
        let Some(writing) = &*log else { return Ok(()) };
        let changes = writing.changes;
        let snapshot = self.base.lock().map_err(|_| self.panicked())?.1;
        if writing.length > SHORT.max(snapshot) {
            // The change is made and logged whatever becomes of this. Without it the log only grows on.
            match self.next_generation(&mut log) {
                Ok(()) | Err(Error::Io { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        drop(log);
        if self.durability == Durability::Disk { self.sync_to(changes) } else { Ok(()) }
    }

    /// Returns when so many changes are on the disk. Whoever comes while another syncs waits, and mostly finds that his
    /// are there, too.
    fn sync_to(&self, changes: u64) -> Result<(), Error> {
        let mut synced = self.synced.lock().map_err(|_| self.panicked())?;
        if *synced >= changes {
            return Ok(());
        }
        let (file, written) = {
            let log = self.writer()?;
            let Some(log) = &*log else { return Ok(()) };
            // A log before this one was synced when this one began.
            (log.file.clone(), log.changes)
        };
        if let Err(source) = file.sync_data() {
            let mut path = self.directory.clone();
            if let Ok(mut log) = self.log.lock()
                && let Some(log) = &mut *log
            {
                log.close(&source.to_string());
                path.clone_from(&log.path);
            }
            return Err(Error::Io { path, source });
        }
        *synced = written;
        Ok(())
    }
}

fn append(log: &mut Option<Log>, change: &Change<'_>) -> Result<(), Error> {
    match log {
        Some(log) => log.append(std::slice::from_ref(change)),
        None => Ok(()),
    }
}

fn none(directory: &Path) -> Error {
    Error::Format { path: directory.to_owned(), why: "no index here; build one first".to_owned() }
}
