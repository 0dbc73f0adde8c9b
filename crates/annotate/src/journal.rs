//! The journal of decisions: `metadata/decisions.jsonl`, one JSON object a line, append-only.
//!
//! Writes are durable before [`Journal::append`] returns: a line is written at once and synced, and so is the
//! folder of a new file. If that fails, the part written is cut off and the error says that nothing was
//! saved. A process that dies while writing leaves half a line; the next one that opens the journal moves it
//! to `decisions.jsonl.torn-1` (`-2` …) and continues. Any other invalid line is an error; no line is
//! skipped.
//!
//! The id of a decision is its line number. One process writes at a time; any process may [`load`].

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use streamface_store::{FileLock, files};
use streamface_types::{FaceId, FrameId, Timestamp};

use crate::{Action, Decision, Error};

/// Name of the journal in the folder `metadata/`.
pub const FILE: &str = "decisions.jsonl";

/// Longest line, in bytes: about a million faces in one decision.
pub const MAX_LINE: usize = 64 << 20;

/// Longest journal, in bytes: tens of millions of decisions.
pub const MAX_FILE: u64 = 8 << 30;

/// A journal open for writing. It holds the lock on the file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    log: Log<File>,
    /// Id of the next decision.
    next: u64,
    torn: Option<PathBuf>,
    _lock: FileLock,
}

impl Journal {
    /// Opens or creates a journal and reads it. Time and memory are linear in its size.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process writes to it, [`Error::Line`] for an invalid line, [`Error::Store`] where it is no
    /// regular file or longer than [`MAX_FILE`], [`Error::Io`].
    pub fn open(path: &Path) -> Result<(Self, Vec<Decision>), Error> {
        let fail = || Error::io(path);
        let length = files::length(path)?;
        if let Some(bytes) = length.filter(|&bytes| bytes > MAX_FILE) {
            let limit = MAX_FILE;
            return Err(streamface_store::Error::TooLarge { path: path.to_owned(), bytes, limit }.into());
        }
        let file = files::append(path)?;
        let lock = file.try_clone().and_then(FileLock::take).map_err(fail())?;
        let lock = lock.ok_or_else(|| Error::InUse { path: path.to_owned() })?;
        if length.is_none() {
            sync_folder(path).map_err(fail())?;
        }
        let found = read(path, &file)?;
        let mut journal = Self {
            path: path.to_owned(),
            next: found.decisions.len() as u64 + 1,
            log: Log { sink: file, len: found.whole, dirty: false },
            torn: None,
            _lock: lock,
        };
        match found.tail {
            Tail::None => {}
            Tail::Whole => journal.log.append(b"\n").map_err(|e| journal.not_saved(e))?,
            Tail::Torn => journal.set_aside().map_err(fail())?,
        }
        Ok((journal, found.decisions))
    }

    /// Appends a decision with the current time and returns it with its id. It is durable when this returns.
    ///
    /// Invalid `seconds` are left out.
    ///
    /// # Errors
    /// [`Error::NotSaved`]: the journal is unchanged and the call can be repeated. [`Error::TooLong`],
    /// [`Error::NoSuchDecision`].
    pub fn append(&mut self, who: &str, seconds: Option<f64>, action: Action) -> Result<Decision, Error> {
        self.append_at(now(), who, seconds, action)
    }

    /// Appends a decision with a given time.
    ///
    /// # Errors
    /// Those of [`Self::append`].
    pub fn append_at(
        &mut self,
        at: Timestamp,
        who: &str,
        seconds: Option<f64>,
        action: Action,
    ) -> Result<Decision, Error> {
        let seconds = seconds.filter(|s| s.is_finite() && *s >= 0.0);
        let decision = Decision { id: self.next, at, who: who.to_owned(), seconds, action };
        check_reference(&decision).map_err(|decision| Error::NoSuchDecision { decision })?;
        let mut line = serde_json::to_vec(&decision).map_err(|e| self.not_saved(e.into()))?;
        if line.len() > MAX_LINE {
            return Err(Error::TooLong { bytes: line.len(), most: MAX_LINE });
        }
        line.push(b'\n');
        self.log.append(&line).map_err(|e| self.not_saved(e))?;
        self.next += 1;
        Ok(decision)
    }

    /// Number of decisions.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.next - 1
    }

    /// Whether there are no decisions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next == 1
    }

    /// Path of the half line that was moved aside on opening, if there was one. It was never acknowledged.
    #[must_use]
    pub fn torn(&self) -> Option<&Path> {
        self.torn.as_deref()
    }

    fn not_saved(&self, source: io::Error) -> Error {
        Error::NotSaved { path: self.path.clone(), source }
    }

    /// Moves everything after the last complete line into a file of its own.
    fn set_aside(&mut self) -> io::Result<()> {
        for n in 1_u32.. {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".torn-{n}"));
            let aside = PathBuf::from(name);
            let mut to = match OpenOptions::new().write(true).create_new(true).open(&aside) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other?,
            };
            let file = &mut self.log.sink;
            file.seek(SeekFrom::Start(self.log.len))?;
            io::copy(file, &mut to)?;
            to.sync_all()?;
            self.torn = Some(aside);
            break;
        }
        self.log.dirty = true;
        self.log.clean()?;
        sync_folder(&self.path)
    }
}

/// The decisions of a journal, without locking or changing it; empty if there is no file. Half a last line,
/// which a writer may be about to finish, is left out.
///
/// # Errors
/// [`Error::Line`] for an invalid line, [`Error::Store`] where it is no regular file or longer than [`MAX_FILE`],
/// [`Error::Io`].
pub fn load(path: &Path) -> Result<Vec<Decision>, Error> {
    match files::find(path, MAX_FILE)? {
        Some(file) => Ok(read(path, &file)?.decisions),
        None => Ok(Vec::new()),
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A new file name is durable once its folder is synced.
fn sync_folder(path: &Path) -> io::Result<()> {
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(dir)?.sync_all() } else { fs::metadata(dir).map(drop) }
}

/// Content of a file.
struct Found {
    decisions: Vec<Decision>,
    /// Bytes up to the end of the last decision, without a missing newline.
    whole: u64,
    tail: Tail,
}

/// What follows the last complete line.
enum Tail {
    None,
    /// A decision without its newline.
    Whole,
    /// Half a line.
    Torn,
}

fn read(path: &Path, file: &File) -> Result<Found, Error> {
    let mut lines = BufReader::with_capacity(1 << 16, file);
    let mut found = Found { decisions: Vec::new(), whole: 0, tail: Tail::None };
    let (mut line, mut frames) = (Vec::new(), HashSet::new());
    for number in 1_u64.. {
        line.clear();
        let most = MAX_LINE as u64 + 1;
        lines.by_ref().take(most).read_until(b'\n', &mut line).map_err(Error::io(path))?;
        if line.is_empty() {
            break;
        }
        let bad = |why: String| Error::Line { path: path.to_owned(), line: number, why };
        let ends = line.last() == Some(&b'\n');
        if !ends && line.len() > MAX_LINE {
            return Err(bad(format!("longer than {MAX_LINE} bytes")));
        }
        match parse(&line, number, &mut frames) {
            Ok(decision) => found.decisions.push(decision),
            Err(why) if ends => return Err(bad(why)),
            Err(_) => {
                found.tail = Tail::Torn;
                break;
            }
        }
        found.whole += line.len() as u64;
        if !ends {
            found.tail = Tail::Whole;
            break;
        }
    }
    Ok(found)
}

fn parse(line: &[u8], number: u64, frames: &mut HashSet<FrameId>) -> Result<Decision, String> {
    let mut decision: Decision = serde_json::from_slice(line).map_err(|e| format!("not a decision: {e}"))?;
    if decision.id != number {
        return Err(format!("decision {} in place of {number}", decision.id));
    }
    check_reference(&decision)
        .map_err(|other| format!("undoes or redoes decision {other}, which is not before it"))?;
    // The same frame is named often: keep it once in memory.
    decision.action.for_each_face(|face| match frames.get(&face.frame) {
        Some(frame) => face.frame = frame.clone(),
        None => drop(frames.insert(face.frame.clone())),
    });
    Ok(decision)
}

/// Undo and redo refer to earlier decisions only, so references are acyclic; otherwise returns the id.
fn check_reference(decision: &Decision) -> Result<(), u64> {
    match decision.action {
        Action::Undo { decision: other } | Action::Redo { decision: other }
            if other == 0 || other >= decision.id =>
        {
            Err(other)
        }
        _ => Ok(()),
    }
}

impl Action {
    /// Calls `each` on every face that is named.
    fn for_each_face(&mut self, mut each: impl FnMut(&mut FaceId)) {
        match self {
            Self::Compare { pairs } => {
                pairs.iter_mut().flat_map(|p| p.left.iter_mut().chain(&mut p.right)).for_each(each);
            }
            Self::Move { faces, to } | Self::Tear { left: faces, right: to } => {
                faces.iter_mut().chain(to).for_each(each);
            }
            Self::Noise { faces: all }
            | Self::Split { faces: all, .. }
            | Self::Skip { person: all }
            | Self::Whole { person: all }
            | Self::Name { person: all, .. } => all.iter_mut().for_each(&mut each),
            Self::Undo { .. } | Self::Redo { .. } => {}
        }
    }
}

/// Destination of lines.
trait Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn cut(&mut self, len: u64) -> io::Result<()>;
}

impl Sink for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

/// Writes complete lines or nothing.
#[derive(Debug)]
struct Log<S> {
    sink: S,
    /// Bytes acknowledged.
    len: u64,
    /// Whether the file may be longer than that.
    dirty: bool,
}

impl<S: Sink> Log<S> {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.clean()?;
        self.dirty = true;
        if let Err(e) = self.sink.write(line).and_then(|()| self.sink.sync()) {
            // If this fails too, the next call tries again before it writes.
            let _ = self.clean();
            return Err(e);
        }
        self.len += line.len() as u64;
        self.dirty = false;
        Ok(())
    }

    /// Cuts off what was not acknowledged.
    fn clean(&mut self) -> io::Result<()> {
        if self.dirty {
            self.sink.cut(self.len)?;
            self.sink.sync()?;
            self.dirty = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with limited space, some of whose calls fail.
    #[derive(Default)]
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
        sync_fails: bool,
        cut_fails: bool,
    }

    impl Sink for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
            let fits = bytes.len().min(self.room - self.bytes.len());
            self.bytes.extend_from_slice(&bytes[..fits]);
            if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
        fn sync(&mut self) -> io::Result<()> {
            if self.sync_fails { Err(io::Error::other("sync")) } else { Ok(()) }
        }
        fn cut(&mut self, len: u64) -> io::Result<()> {
            if self.cut_fails {
                return Err(io::Error::other("cut"));
            }
            self.bytes.truncate(len as usize);
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_leaves_whole_lines_only() {
        let mut log = Log { sink: Disk { room: 10, ..Disk::default() }, len: 0, dirty: false };
        log.append(b"1234\n").unwrap();
        assert_eq!(log.append(b"567890\n").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(log.sink.bytes, b"1234\n");
        log.append(b"567\n").unwrap();
        assert_eq!(log.sink.bytes, b"1234\n567\n");
    }

    #[test]
    fn what_could_not_be_cut_is_cut_before_the_next_line() {
        let mut log =
            Log { sink: Disk { room: 8, cut_fails: true, ..Disk::default() }, len: 0, dirty: false };
        log.append(b"12\n").unwrap();
        assert!(log.append(b"3456789\n").is_err());
        assert_eq!(log.sink.bytes, b"12\n34567");
        // Nothing may follow half a line.
        log.sink.room = 100;
        assert!(log.append(b"3\n").is_err());
        assert_eq!(log.sink.bytes, b"12\n34567");
        log.sink.cut_fails = false;
        log.append(b"3\n").unwrap();
        assert_eq!(log.sink.bytes, b"12\n3\n");
    }

    #[test]
    fn a_line_that_did_not_reach_the_disk_is_not_there() {
        let mut log =
            Log { sink: Disk { room: 100, sync_fails: true, ..Disk::default() }, len: 0, dirty: false };
        assert!(log.append(b"1\n").is_err());
        assert_eq!(log.sink.bytes, b"");
        log.sink.sync_fails = false;
        log.append(b"2\n").unwrap();
        assert_eq!(log.sink.bytes, b"2\n");
    }
}
