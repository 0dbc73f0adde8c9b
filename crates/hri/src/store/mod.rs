//! An index in a directory. Acknowledged changes are durable, and readers continue during writes.
//!
//! | file | content |
//! |---|---|
//! | `log-{generation}.hri` | the changes since the snapshot of that generation (generation 0 has no snapshot) |
//! | `snapshot-{generation}.hri` | the whole index at the start of that generation |
//! | `lock` | locked by the process that writes |
//!
//! A change is written to the log before it is applied and before it is acknowledged. When the log is longer than the
//! snapshot, a new generation starts: first an empty log, then a snapshot. Both appear complete or not at all. The previous
//! generation is kept until the next one, so that a damaged snapshot loses nothing: opening reads the newest valid snapshot
//! and all later logs.

mod batch;
mod build;
mod files;
mod header;
mod log;
mod snapshot;
mod texts;

use std::fs::{File, OpenOptions, TryLockError};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{Error, Index, Inserted, Label, Match, Result, Settings, Stats, To};
pub use batch::{Batch, KnownPerson};
use files::Files;
use header::{FileKind, Header, check_settings};
use log::{Change, Log, sync_directory};

/// A log of at most this many bytes does not start a new generation.
const MIN_GENERATION_BYTES: u64 = 64 << 20;

/// When a change is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// After it is synced to the disk. It survives a killed process and a power cut. Changes of several threads share one
    /// sync.
    #[default]
    Disk,
    /// After it is written to the operating system. It survives a killed process. A power cut can lose the changes since
    /// the last [`sync`](Store::sync).
    System,
}

/// What opening an index found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Recovery {
    /// Number of changes read from logs, not from the snapshot.
    pub replayed: u64,
    /// Number of bytes at the end of the log that belong to an unfinished change. They are cut off; the change was never
    /// acknowledged.
    pub torn_bytes: u64,
    /// Messages about damaged snapshots. An older snapshot and its log were used instead.
    pub bad_snapshots: Vec<String>,
}

/// A durable [`Index`] in a directory, for many readers and one writer at a time.
///
/// All methods take `&self`. A search holds a read lock. A change searches under a read lock, is logged and synced without a
/// lock, and holds the write lock only while it is applied, for some microseconds. Other threads can see a change before it
/// is acknowledged. While a new generation is written (see [`snapshot`](Self::snapshot)), writers wait and readers do not.
#[derive(Debug)]
pub struct Store {
    index: RwLock<Index>,
    /// Locked by the thread that writes. `None` for an index in memory.
    log: Mutex<Option<Log>>,
    /// Number of changes that are synced to the disk.
    synced: Mutex<u64>,
    durability: Durability,
    directory: PathBuf,
    /// The previous generation, which is kept, and the length of the newest snapshot in bytes.
    base: Mutex<(u64, u64)>,
    recovery: Recovery,
    _lock: Option<Lock>,
}

/// Refuses a directory with other things in it and no index: its files would lie among them. Hidden files are no obstacle.
fn check_place(directory: &Path) -> Result<()> {
    if !Files::list(directory)?.is_empty() {
        return Ok(());
    }
    let entries = std::fs::read_dir(directory).map_err(Error::io(directory))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let other = |name: &String| {
        let own = name == "lock" || name.starts_with("log-") || name.starts_with("snapshot-");
        !own && !name.starts_with('.') && name != "lost+found"
    };
    match names.filter(other).min() {
        None => Ok(()),
        Some(there) => Err(Error::Occupied { path: directory.to_owned(), there }),
    }
}

/// The lock of the directory. It is unlocked explicitly: while this process starts another one, the file is open in both,
/// and closing it here would not release the lock.
#[derive(Debug)]
struct Lock(File);

impl Lock {
    fn take(directory: &Path) -> Result<Self> {
        let path = directory.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::io(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self(lock)),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { path: directory.to_owned() }),
            Err(TryLockError::Error(source)) => Err(Error::Io { path, source }),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // If this fails, closing the file is all that can be done.
        let _ = self.0.unlock();
    }
}

/// Read access to the index of a [`Store`]. Writers wait until it is dropped.
#[derive(Debug)]
pub struct ReadGuard<'a>(RwLockReadGuard<'a, Index>);

impl Deref for ReadGuard<'_> {
    type Target = Index;
    fn deref(&self) -> &Index {
        &self.0
    }
}

impl Store {
    /// A store in memory, shared by threads. It writes no files.
    #[must_use]
    pub fn in_memory(index: Index) -> Self {
        Self::new(index, None, PathBuf::new(), 0, 0, Recovery::default(), None)
    }

    fn new(
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

    /// Opens the index in a directory for reading and writing, or creates an empty one if there is none.
    ///
    /// # Errors
    /// [`Error::Occupied`] for a directory that holds other things and no index; [`Error::Locked`] if it is open elsewhere; [`Error::Format`] for an index with other settings or of another version;
    /// [`Error::Corrupt`] for damage that no older snapshot repairs; [`Error::Io`].
    pub fn open_or_create(directory: &Path, settings: Settings) -> Result<Self> {
        std::fs::create_dir_all(directory).map_err(Error::io(directory))?;
        check_place(directory)?;
        Self::open_with(directory, Some(settings))
    }

    /// Opens the index in a directory for reading and writing.
    ///
    /// # Errors
    /// As [`open_or_create`](Self::open_or_create); [`Error::Format`] if there is no index.
    pub fn open(directory: &Path) -> Result<Self> {
        Self::open_with(directory, None)
    }

    fn open_with(directory: &Path, wanted: Option<Settings>) -> Result<Self> {
        // Without an index nothing is written where a wrong directory was named.
        if wanted.is_none() && Files::list(directory)?.is_empty() {
            return Err(no_index(directory));
        }
        let lock = Lock::take(directory)?;
        Self::open_locked(directory, wanted, lock)
    }

    fn open_locked(directory: &Path, wanted: Option<Settings>, lock: Lock) -> Result<Self> {
        let files = Files::list(directory)?;
        files.remove_unfinished();
        if files.is_empty() {
            let Some(settings) = wanted else { return Err(no_index(directory)) };
            let header = Header::new(FileKind::Log, settings, 0, 0);
            let log = Log::create(&files.path(FileKind::Log, 0), header)?;
            sync_directory(directory).map_err(Error::io(directory))?;
            let index = Index::new(settings);
            return Ok(Self::new(
                index,
                Some(log),
                directory.to_owned(),
                0,
                0,
                Recovery::default(),
                Some(lock),
            ));
        }
        let loaded = files.read()?;
        if let Some(wanted) = wanted {
            check_settings(directory, loaded.index.settings(), &wanted)?;
        }
        let path = files.path(FileKind::Log, loaded.header.generation);
        let log = Log::resume(&path, loaded.header, &loaded.last_log)?;
        let (base, bytes) = (loaded.base, loaded.snapshot_bytes);
        Ok(Self::new(loaded.index, Some(log), directory.to_owned(), base, bytes, loaded.recovery, Some(lock)))
    }

    /// Reads the current index in a directory without a lock, even while another process writes to it. Changes that are not
    /// yet acknowledged can be missing.
    ///
    /// # Errors
    /// As [`open`](Self::open), except [`Error::Locked`].
    pub fn load(directory: &Path) -> Result<(Index, Recovery)> {
        let mut tries = 0;
        loop {
            let files = Files::list(directory)?;
            if files.is_empty() {
                return Err(no_index(directory));
            }
            match files.read() {
                Ok(loaded) => return Ok((loaded.index, loaded.recovery)),
                // A new generation started meanwhile and removed files.
                Err(Error::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound && tries < 5 => {}
                Err(error) => return Err(error),
            }
            tries += 1;
        }
    }

    /// The settings of the index in a directory; `None` where there is none, or no such directory.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`], [`Error::Corrupt`].
    pub fn settings_of(directory: &Path) -> Result<Option<Settings>> {
        if std::fs::metadata(directory).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
            return Ok(None);
        }
        let files = Files::list(directory)?;
        let newest = |of: &[u64], kind| of.last().map(|&generation| (files.path(kind, generation), kind));
        let newest = newest(&files.logs, FileKind::Log).or(newest(&files.snapshots, FileKind::Snapshot));
        newest.map(|(path, kind)| Ok(log::read_header(&path, kind)?.settings)).transpose()
    }

    /// Sets when changes are acknowledged. The default is [`Durability::Disk`].
    #[must_use]
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// What opening the index found.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Read access to the index. Writers wait until it is dropped.
    ///
    /// # Errors
    /// [`Error::Closed`] if an earlier change panicked.
    pub fn read(&self) -> Result<ReadGuard<'_>> {
        self.index.read().map(ReadGuard).map_err(|_| self.panicked())
    }

    /// [`Index::search`].
    ///
    /// # Errors
    /// As there; [`Error::Closed`].
    pub fn search(&self, vector: &[f32]) -> Result<Option<Match>> {
        self.read()?.search(vector)
    }

    /// [`Index::nearest`].
    ///
    /// # Errors
    /// As there; [`Error::Closed`].
    pub fn nearest(&self, vector: &[f32], k: usize) -> Result<Vec<Match>> {
        self.read()?.nearest(vector, k)
    }

    /// [`Index::search_batch`].
    ///
    /// # Errors
    /// As there; [`Error::Closed`].
    pub fn search_batch(&self, rows: &[f32]) -> Result<Vec<Option<Match>>> {
        self.read()?.search_batch(rows)
    }

    /// [`Index::stats`].
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn stats(&self) -> Result<Stats> {
        Ok(self.read()?.stats())
    }

    /// [`Index::insert`], logged.
    ///
    /// # Errors
    /// As there; [`Error::Io`] if it could not be logged, for example on a full disk. Then the change was not applied.
    pub fn insert(&self, vector: &[f32], id: u64) -> Result<Inserted> {
        self.insert_to(vector, id, To::Nearest)
    }

    /// [`Index::insert_to`], logged.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`Error::UnknownLabel`].
    pub fn insert_to(&self, vector: &[f32], id: u64, to: To) -> Result<Inserted> {
        let mut log = self.writer()?;
        let inserted = self.insert_logged(&mut log, vector, id, to)?;
        self.finish(log)?;
        Ok(inserted)
    }

    /// Inserts vectors, row by row, each into the nearest person within the threshold or into a new one. All or none; see
    /// [`insert_all`](Self::insert_all).
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`Error::Ids`].
    pub fn insert_batch(&self, rows: &[f32], ids: &[u64]) -> Result<Vec<Inserted>> {
        self.insert_all(&Batch::new(rows, ids))
    }

    fn insert_logged(&self, log: &mut Option<Log>, vector: &[f32], id: u64, to: To) -> Result<Inserted> {
        let planned = self.read()?.plan_insert(vector, id, to)?;
        let inserted = planned.inserted;
        append(log, &Change::Insert(id, inserted.label, vector))?;
        self.index_mut()?.apply(&planned, vector, id);
        Ok(inserted)
    }

    /// [`Index::remove`], logged.
    ///
    /// # Errors
    /// As there; [`Error::Io`].
    pub fn remove(&self, id: u64) -> Result<Label> {
        let mut log = self.writer()?;
        self.read()?.check_remove(id)?;
        append(&mut log, &Change::Remove(id))?;
        let label = self.index_mut()?.remove(id)?;
        self.finish(log)?;
        Ok(label)
    }

    /// [`Index::remove_person`], logged.
    ///
    /// # Errors
    /// As there; [`Error::Io`].
    pub fn remove_person(&self, label: Label) -> Result<usize> {
        let mut log = self.writer()?;
        self.read()?.slot(label)?;
        append(&mut log, &Change::RemovePerson(label))?;
        let removed = self.index_mut()?.remove_person(label)?;
        self.finish(log)?;
        Ok(removed)
    }

    /// [`Index::merge`], logged.
    ///
    /// # Errors
    /// As there; [`Error::Io`].
    pub fn merge(&self, into: Label, from: Label) -> Result<()> {
        let mut log = self.writer()?;
        self.read()?.check_merge(into, from)?;
        append(&mut log, &Change::Merge(into, from))?;
        self.index_mut()?.merge(into, from)?;
        self.finish(log)
    }

    /// [`Index::split`], logged.
    ///
    /// # Errors
    /// As there; [`Error::Io`].
    pub fn split(&self, label: Label, ids: &[u64]) -> Result<Label> {
        let mut log = self.writer()?;
        let new = {
            let index = self.read()?;
            index.check_split(label, ids)?;
            index.next_label
        };
        append(&mut log, &Change::Split(label, new, ids))?;
        let new = self.index_mut()?.split(label, ids)?;
        self.finish(log)?;
        Ok(new)
    }

    /// [`Index::refresh`]. It is not logged, because it does not change answers.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn refresh(&self) -> Result<()> {
        self.index_mut()?.refresh();
        Ok(())
    }

    /// Syncs all changes so far to the disk.
    ///
    /// # Errors
    /// [`Error::Io`]. After that the store accepts no more changes, because it is unknown which bytes reached the disk.
    pub fn sync(&self) -> Result<()> {
        let changes = self.writer()?.as_ref().map_or(0, |l| l.changes);
        self.sync_to(changes)
    }

    /// Starts a new generation: writes the whole index into one file, and starts an empty log. This happens automatically
    /// when the log is longer than the snapshot and than 64 MiB.
    ///
    /// # Errors
    /// [`Error::Io`]; then the previous generation stays in use.
    pub fn snapshot(&self) -> Result<()> {
        let mut log = self.writer()?;
        self.next_generation(&mut log)
    }

    fn next_generation(&self, log: &mut Option<Log>) -> Result<()> {
        let Some(old) = log else { return Ok(()) };
        old.check()?;
        if let Err(source) = old.file.sync_all() {
            old.close(&source.to_string());
            return Err(Error::Io { path: old.path.clone(), source });
        }
        let files = Files { directory: self.directory.clone(), ..Files::default() };
        let (generation, changes) = (old.generation + 1, old.changes);
        let index = self.read()?;
        let header = Header::new(FileKind::Log, *index.settings(), generation, changes);
        // In this order every snapshot has its log. A log without a snapshot continues the previous log.
        let path = files.path(FileKind::Log, generation);
        let new = Log::create(&path, header)?;
        *log = Some(new);
        let bytes =
            snapshot::write(&files.path(FileKind::Snapshot, generation), &index, generation, changes)?;
        drop(index);
        sync_directory(&self.directory).map_err(Error::io(&self.directory))?;
        let mut base = self.base.lock().map_err(|_| self.panicked())?;
        let keep = base.0;
        *base = (generation, bytes);
        drop(base);
        // A file that cannot be removed does no harm.
        for (path, generation) in Files::list(&self.directory)?.all() {
            if generation < keep {
                let _ = std::fs::remove_file(path);
            }
        }
        Ok(())
    }

    /// Waits for the right to write.
    fn writer(&self) -> Result<MutexGuard<'_, Option<Log>>> {
        let log = self.log.lock().map_err(|_| self.panicked())?;
        if let Some(log) = &*log {
            log.check()?;
        }
        Ok(log)
    }

    fn index_mut(&self) -> Result<RwLockWriteGuard<'_, Index>> {
        self.index.write().map_err(|_| self.panicked())
    }

    fn panicked(&self) -> Error {
        Error::Closed { path: self.directory.clone(), why: "a change panicked".to_owned() }
    }

    /// Ends a change: starts a new generation if it is due, and syncs.
    fn finish(&self, mut log: MutexGuard<'_, Option<Log>>) -> Result<()> {
        let Some(writing) = &*log else { return Ok(()) };
        let changes = writing.changes;
        let snapshot = self.base.lock().map_err(|_| self.panicked())?.1;
        if writing.length > MIN_GENERATION_BYTES.max(snapshot) {
            // The change is applied and logged in any case. Without a new generation the log only grows.
            match self.next_generation(&mut log) {
                Ok(()) | Err(Error::Io { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        drop(log);
        if self.durability == Durability::Disk { self.sync_to(changes) } else { Ok(()) }
    }

    /// Syncs until this number of changes is on the disk. A thread that waits for the sync of another usually finds its own
    /// changes synced, too.
    fn sync_to(&self, changes: u64) -> Result<()> {
        let mut synced = self.synced.lock().map_err(|_| self.panicked())?;
        if *synced >= changes {
            return Ok(());
        }
        let (file, written) = {
            let log = self.writer()?;
            let Some(log) = &*log else { return Ok(()) };
            // Earlier logs were synced when this one started.
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

fn append(log: &mut Option<Log>, change: &Change<'_>) -> Result<()> {
    match log {
        Some(log) => log.append(std::slice::from_ref(change)),
        None => Ok(()),
    }
}

fn no_index(directory: &Path) -> Error {
    Error::Format { path: directory.to_owned(), why: "no index here; build one first (hri build)".to_owned() }
}
