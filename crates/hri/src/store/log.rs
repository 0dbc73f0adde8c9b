//! The log: every change, in order, before it is acknowledged.
//!
//! After the head, records: length of the body (u32), number of the change (u64), CRC-32 of these twelve bytes, the
//! body, CRC-32 of the body. A body is a byte that tells the change, and what it changes (see [`Change`]).

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::wire::{HEAD, Head, Kind, Reader};
use crate::index::Index;
use crate::{Error, Label};

/// Bytes before the body of a record.
const BEFORE: usize = 16;

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change<'a> {
    /// 1: id (u64), label (u64), vector (f32 each). A label not there yet is a new person.
    Insert(u64, Label, &'a [f32]),
    /// 2: id.
    Remove(u64),
    /// 3: label.
    RemovePerson(Label),
    /// 4: the label that stays, and the one that goes.
    Merge(Label, Label),
    /// 5: label, the new label, and ids.
    Split(Label, Label, &'a [u64]),
}

impl Change<'_> {
    fn write(&self, into: &mut Vec<u8>) {
        let (kind, numbers): (u8, &[u64]) = match self {
            Self::Insert(id, label, _) => (1, &[*id, *label]),
            Self::Remove(id) => (2, &[*id]),
            Self::RemovePerson(label) => (3, &[*label]),
            Self::Merge(stays, goes) => (4, &[*stays, *goes]),
            Self::Split(label, new, _) => (5, &[*label, *new]),
        };
        into.push(kind);
        numbers.iter().for_each(|x| into.extend_from_slice(&x.to_le_bytes()));
        match self {
            Self::Insert(_, _, vector) => {
                vector.iter().for_each(|x| into.extend_from_slice(&x.to_le_bytes()));
            }
            Self::Split(_, _, ids) => ids.iter().for_each(|x| into.extend_from_slice(&x.to_le_bytes())),
            _ => {}
        }
    }
}

/// A log that is written to.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    pub(super) generation: u64,
    /// Changes ever, those of this log among them.
    pub(super) changes: u64,
    pub(super) length: u64,
    /// Why nothing more can be written.
    closed: Option<String>,
    buffer: Vec<u8>,
}

impl Log {
    /// An empty log. It is there whole or not at all.
    pub(super) fn create(path: &Path, head: Head) -> Result<Self, Error> {
        let part = path.with_extension("part");
        let io = Error::io(path);
        let mut file =
            OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&part).map_err(&io)?;
        file.write_all(&head.to_bytes()).map_err(&io)?;
        file.sync_all().map_err(&io)?;
        std::fs::rename(&part, path).map_err(&io)?;
        Ok(Self::of(path, file, head, head.changes, HEAD as u64))
    }

    /// One that was read up to `length`; what is beyond is cut off.
    pub(super) fn resume(path: &Path, head: Head, read: &Replayed) -> Result<Self, Error> {
        let io = Error::io(path);
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(&io)?;
        if read.torn > 0 {
            file.set_len(read.length).map_err(&io)?;
            file.sync_all().map_err(&io)?;
        }
        file.seek(SeekFrom::Start(read.length)).map_err(&io)?;
        Ok(Self::of(path, file, head, read.changes, read.length))
    }

    fn of(path: &Path, file: File, head: Head, changes: u64, length: u64) -> Self {
        Self {
            path: path.to_owned(),
            file: Arc::new(file),
            generation: head.generation,
            changes,
            length,
            closed: None,
            buffer: Vec::new(),
        }
    }

    /// Hands changes to the system, all or none. On an error what was written of them is taken back.
    pub(super) fn append(&mut self, changes: &[Change<'_>]) -> Result<(), Error> {
        self.check()?;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        for (at, change) in changes.iter().enumerate() {
            let start = buffer.len();
            buffer.extend_from_slice(&[0; BEFORE]);
            change.write(&mut buffer);
            let body = &buffer[start + BEFORE..];
            let crc = crc32fast::hash(body);
            let Ok(length) = u32::try_from(body.len()) else {
                return Err(Error::Full);
            };
            let head = &mut buffer[start..start + BEFORE];
            head[..4].copy_from_slice(&length.to_le_bytes());
            head[4..12].copy_from_slice(&(self.changes + at as u64).to_le_bytes());
            let head_crc = crc32fast::hash(&head[..12]);
            head[12..].copy_from_slice(&head_crc.to_le_bytes());
            buffer.extend_from_slice(&crc.to_le_bytes());
        }
        let written = (&*self.file).write_all(&buffer);
        let bytes = buffer.len() as u64;
        self.buffer = buffer;
        if let Err(source) = written {
            let undone = self.file.set_len(self.length).and_then(|()| {
                (&*self.file).seek(SeekFrom::Start(self.length))?;
                Ok(())
            });
            if let Err(undone) = undone {
                self.close(&format!("{source}; and it could not be taken back: {undone}"));
            }
            return Err(Error::Io { path: self.path.clone(), source });
        }
        self.length += bytes;
        self.changes += changes.len() as u64;
        Ok(())
    }

    /// Nothing more is written.
    pub(super) fn close(&mut self, why: &str) {
        self.closed.get_or_insert_with(|| why.to_owned());
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        match &self.closed {
            Some(why) => Err(Error::Closed { path: self.path.clone(), why: why.clone() }),
            None => Ok(()),
        }
    }
}

/// What reading a log came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replayed {
    /// Changes ever, after it.
    pub(super) changes: u64,
    /// Bytes that are good.
    pub(super) length: u64,
    /// Bytes after these: the start of a change that was never acknowledged.
    pub(super) torn: u64,
}

/// Reads only the head.
pub(super) fn read_head(path: &Path, kind: Kind) -> Result<Head, Error> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Error::io(path))?;
    file.take(HEAD as u64).read_to_end(&mut bytes).map_err(Error::io(path))?;
    Head::parse(path, kind, &bytes)
}

/// Makes all changes of a log to an index.
///
/// # Errors
/// [`Error::Corrupt`] for bytes that are not what was written. A record that is cut short at the end is none: whoever
/// was writing it never said it was there.
pub(super) fn replay(path: &Path, head: Head, index: &mut Index) -> Result<Replayed, Error> {
    let io = Error::io(path);
    let file = File::open(path).map_err(&io)?;
    let whole = file.metadata().map_err(&io)?.len();
    let mut input = BufReader::with_capacity(1 << 20, file);
    input.seek(SeekFrom::Start(HEAD as u64)).map_err(&io)?;
    let mut read = Replayed { changes: head.changes, length: HEAD as u64, torn: 0 };
    let mut body = Vec::new();
    loop {
        let left = whole.saturating_sub(read.length);
        let corrupt = |why: &str| Error::Corrupt {
            path: path.to_owned(),
            offset: read.length,
            why: format!("{why}; restore the directory from a copy"),
        };
        let mut before = [0; BEFORE];
        if left < BEFORE as u64 {
            return Ok(Replayed { torn: left, ..read });
        }
        input.read_exact(&mut before).map_err(&io)?;
        let mut parts = Reader::new(&before);
        let (length, change, crc) = (parts.u32(), parts.u64(), parts.u32());
        if crc != Some(crc32fast::hash(&before[..12])) {
            return Err(corrupt("the head of a change is not what was written"));
        }
        if change != Some(read.changes) {
            return Err(corrupt("changes are missing"));
        }
        let length = u64::from(length.unwrap_or_default());
        if left < BEFORE as u64 + length + 4 {
            return Ok(Replayed { torn: left, ..read });
        }
        body.resize(length as usize + 4, 0);
        input.read_exact(&mut body).map_err(&io)?;
        let (bytes, sum) = body.split_at(length as usize);
        if crc32fast::hash(bytes).to_le_bytes() != sum {
            return Err(corrupt("a change is not what was written"));
        }
        match make(index, bytes) {
            Some(Ok(())) => {}
            None => return Err(corrupt("a change of a kind not known")),
            Some(Err(why)) => return Err(corrupt(&format!("a change that cannot be made ({why})"))),
        }
        read.changes += 1;
        read.length += BEFORE as u64 + length + 4;
    }
}

fn make(index: &mut Index, bytes: &[u8]) -> Option<Result<(), Error>> {
    let mut read = Reader::new(bytes);
    let made = match read.u8()? {
        1 => {
            let (id, label) = (read.u64()?, read.u64()?);
            let vector = numbers(&mut read, index.settings().dim())?;
            index.replay(&vector, id, label)
        }
        2 => index.remove(read.u64()?).map(|_| ()),
        3 => index.remove_person(read.u64()?).map(|_| ()),
        4 => index.merge(read.u64()?, read.u64()?),
        5 => {
            let (label, new) = (read.u64()?, read.u64()?);
            let mut ids = Vec::new();
            while !read.is_empty() {
                ids.push(read.u64()?);
            }
            match index.split(label, &ids) {
                Ok(got) if got != new => return None,
                made => made.map(|_| ()),
            }
        }
        _ => return None,
    };
    read.is_empty().then_some(made)
}

fn numbers(read: &mut Reader<'_>, count: usize) -> Option<Vec<f32>> {
    let bytes = read.take(4 * count)?;
    Some(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

/// Makes the names in a directory last.
pub(super) fn sync_directory(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}
