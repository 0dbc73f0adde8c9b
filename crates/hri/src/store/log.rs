//! The log: every change in order, written before it is acknowledged.
//!
//! After the header come records: length of the body (u32), number of the change (u64), CRC-32 of these twelve bytes, the
//! body, CRC-32 of the body. A body is one byte for the kind of change, and the change itself (see [`Change`]).

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::header::{ByteReader, FileKind, HEADER_BYTES, Header};
use crate::index::{Index, PersonInfo};
use crate::{Error, Label, Result};

/// Bytes of a record before its body.
const PREFIX_BYTES: usize = 16;

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change<'a> {
    /// 1: id (u64), label (u64), vector (f32 each). A label that does not exist yet is a new person.
    Insert(u64, Label, &'a [f32]),
    /// 2: id.
    Remove(u64),
    /// 3: label.
    RemovePerson(Label),
    /// 4: the label that stays, the label that is removed.
    Merge(Label, Label),
    /// 5: the label, the new label, the ids.
    Split(Label, Label, &'a [u64]),
    /// 6: a number (u32). So many changes after this one count only together.
    Group(u32),
    /// 7: id, the caller's key of the vector (UTF-8).
    Key(u64, &'a str),
    /// 8: label, what is there (u8: 1 a number, 2 a name), number (i64; 0 for none), name (UTF-8).
    Describe(Label, &'a PersonInfo),
}

impl Change<'_> {
    fn write(&self, into: &mut Vec<u8>) {
        let (kind, numbers): (u8, &[u64]) = match self {
            Self::Insert(id, label, _) => (1, &[*id, *label]),
            Self::Remove(id) => (2, &[*id]),
            Self::RemovePerson(label) => (3, &[*label]),
            Self::Merge(stays, removed) => (4, &[*stays, *removed]),
            Self::Split(label, new, _) => (5, &[*label, *new]),
            Self::Group(_) => (6, &[]),
            Self::Key(id, _) => (7, &[*id]),
            Self::Describe(label, _) => (8, &[*label]),
        };
        into.push(kind);
        numbers.iter().for_each(|x| into.extend_from_slice(&x.to_le_bytes()));
        match self {
            Self::Insert(_, _, vector) => {
                vector.iter().for_each(|x| into.extend_from_slice(&x.to_le_bytes()));
            }
            Self::Split(_, _, ids) => ids.iter().for_each(|x| into.extend_from_slice(&x.to_le_bytes())),
            Self::Group(count) => into.extend_from_slice(&count.to_le_bytes()),
            Self::Key(_, key) => into.extend_from_slice(key.as_bytes()),
            Self::Describe(_, info) => write_info(info, into),
            _ => {}
        }
    }
}

pub(super) fn write_info(info: &PersonInfo, into: &mut Vec<u8>) {
    into.push(u8::from(info.number.is_some()) | u8::from(info.name.is_some()) << 1);
    into.extend_from_slice(&info.number.unwrap_or_default().to_le_bytes());
    into.extend_from_slice(info.name.as_deref().unwrap_or_default().as_bytes());
}

pub(super) fn read_info(read: &mut ByteReader<'_>) -> Option<PersonInfo> {
    let there = read.u8()?;
    let number = read.u64()?.cast_signed();
    let name = text(read)?;
    Some(PersonInfo { number: (there & 1 != 0).then_some(number), name: (there & 2 != 0).then_some(name) })
}

/// All bytes that are left.
pub(super) fn text(read: &mut ByteReader<'_>) -> Option<String> {
    let bytes = read.take(read.left())?;
    String::from_utf8(bytes.to_vec()).ok()
}

/// A log that is open for writing.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    pub(super) generation: u64,
    /// Number of changes since the index was made, including those in this log.
    pub(super) changes: u64,
    pub(super) length: u64,
    /// Why writing stopped.
    closed: Option<String>,
    buffer: Vec<u8>,
}

impl Log {
    /// Creates an empty log. It appears complete or not at all.
    pub(super) fn create(path: &Path, header: Header) -> Result<Self> {
        let part = path.with_extension("part");
        let io = Error::io(path);
        let mut file =
            OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&part).map_err(&io)?;
        file.write_all(&header.to_bytes()).map_err(&io)?;
        file.sync_all().map_err(&io)?;
        std::fs::rename(&part, path).map_err(&io)?;
        Ok(Self::of(path, file, header, header.changes, HEADER_BYTES as u64))
    }

    /// Opens a log that was read, and cuts off an unfinished record at its end.
    pub(super) fn resume(path: &Path, header: Header, read: &Replayed) -> Result<Self> {
        let io = Error::io(path);
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(&io)?;
        if read.torn > 0 {
            file.set_len(read.length).map_err(&io)?;
            file.sync_all().map_err(&io)?;
        }
        file.seek(SeekFrom::Start(read.length)).map_err(&io)?;
        Ok(Self::of(path, file, header, read.changes, read.length))
    }

    fn of(path: &Path, file: File, header: Header, changes: u64, length: u64) -> Self {
        Self {
            path: path.to_owned(),
            file: Arc::new(file),
            generation: header.generation,
            changes,
            length,
            closed: None,
            buffer: Vec::new(),
        }
    }

    /// Writes changes to the file, all or none. After an error the file has its previous length.
    pub(super) fn append(&mut self, changes: &[Change<'_>]) -> Result<()> {
        self.check()?;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        for (at, change) in changes.iter().enumerate() {
            let start = buffer.len();
            buffer.extend_from_slice(&[0; PREFIX_BYTES]);
            change.write(&mut buffer);
            let body = &buffer[start + PREFIX_BYTES..];
            let crc = crc32fast::hash(body);
            let Ok(length) = u32::try_from(body.len()) else {
                return Err(Error::Full);
            };
            let prefix = &mut buffer[start..start + PREFIX_BYTES];
            prefix[..4].copy_from_slice(&length.to_le_bytes());
            prefix[4..12].copy_from_slice(&(self.changes + at as u64).to_le_bytes());
            let prefix_crc = crc32fast::hash(&prefix[..12]);
            prefix[12..].copy_from_slice(&prefix_crc.to_le_bytes());
            buffer.extend_from_slice(&crc.to_le_bytes());
        }
        let written = (&*self.file).write_all(&buffer);
        let bytes = buffer.len() as u64;
        self.buffer = buffer;
        if let Err(source) = written {
            self.truncate(&source.to_string());
            return Err(Error::Io { path: self.path.clone(), source });
        }
        self.length += bytes;
        self.changes += changes.len() as u64;
        Ok(())
    }

    /// Where the next change will stand: bytes before it, and changes before it.
    pub(super) fn position(&self) -> (u64, u64) {
        (self.length, self.changes)
    }

    /// Cuts off all changes after a position.
    pub(super) fn rewind(&mut self, (length, changes): (u64, u64)) {
        (self.length, self.changes) = (length, changes);
        self.truncate("a batch was given up");
    }

    /// Cuts the file to the length that it should have; closes the log if that fails.
    fn truncate(&mut self, why: &str) {
        let truncated = self.file.set_len(self.length).and_then(|()| {
            (&*self.file).seek(SeekFrom::Start(self.length))?;
            Ok(())
        });
        if let Err(error) = truncated {
            self.close(&format!("{why}; the file could not be truncated either: {error}"));
        }
    }

    /// Stops writing.
    pub(super) fn close(&mut self, why: &str) {
        self.closed.get_or_insert_with(|| why.to_owned());
    }

    pub(super) fn check(&self) -> Result<()> {
        match &self.closed {
            Some(why) => Err(Error::Closed { path: self.path.clone(), why: why.clone() }),
            None => Ok(()),
        }
    }
}

/// The result of reading a log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replayed {
    /// Number of changes since the index was made, including those in this log.
    pub(super) changes: u64,
    /// Length of the valid bytes.
    pub(super) length: u64,
    /// Number of bytes after these: the beginning of a change that was never acknowledged.
    pub(super) torn: u64,
}

/// Reads only the header.
pub(super) fn read_header(path: &Path, kind: FileKind) -> Result<Header> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Error::io(path))?;
    file.take(HEADER_BYTES as u64).read_to_end(&mut bytes).map_err(Error::io(path))?;
    Header::parse(path, kind, &bytes)
}

/// Applies all changes of a log to an index.
///
/// # Errors
/// [`Error::Corrupt`] for damaged bytes. A record that is cut short at the end is not damage: it was never acknowledged.
pub(super) fn replay(path: &Path, header: Header, index: &mut Index) -> Result<Replayed> {
    let io = Error::io(path);
    let file = File::open(path).map_err(&io)?;
    let whole = file.metadata().map_err(&io)?.len();
    let mut input = BufReader::with_capacity(1 << 20, file);
    input.seek(SeekFrom::Start(HEADER_BYTES as u64)).map_err(&io)?;
    let mut read = Replayed { changes: header.changes, length: HEADER_BYTES as u64, torn: 0 };
    let mut body = Vec::new();
    loop {
        let left = whole.saturating_sub(read.length);
        let corrupt = |why: &str| Error::Corrupt {
            path: path.to_owned(),
            offset: read.length,
            why: format!("{why}; restore the directory from a backup"),
        };
        let mut prefix = [0; PREFIX_BYTES];
        if left < PREFIX_BYTES as u64 {
            return Ok(Replayed { torn: left, ..read });
        }
        input.read_exact(&mut prefix).map_err(&io)?;
        let mut fields = ByteReader::new(&prefix);
        let (length, change, crc) = (fields.u32(), fields.u64(), fields.u32());
        if crc != Some(crc32fast::hash(&prefix[..12])) {
            return Err(corrupt("the checksum of a record's length is wrong"));
        }
        if change != Some(read.changes) {
            return Err(corrupt("changes are missing"));
        }
        let length = u64::from(length.unwrap_or_default());
        if left < PREFIX_BYTES as u64 + length + 4 {
            return Ok(Replayed { torn: left, ..read });
        }
        body.resize(length as usize + 4, 0);
        input.read_exact(&mut body).map_err(&io)?;
        let (bytes, sum) = body.split_at(length as usize);
        if crc32fast::hash(bytes).to_le_bytes() != sum {
            return Err(corrupt("the checksum of a change is wrong"));
        }
        if let Some(count) = group_length(bytes) {
            let after = left - (PREFIX_BYTES as u64 + length + 4);
            if !is_whole(&mut input, count, after).map_err(&io)? {
                return Ok(Replayed { torn: left, ..read });
            }
        }
        match apply(index, bytes) {
            Some(Ok(())) => {}
            None => return Err(corrupt("a change of an unknown kind")),
            Some(Err(why)) => return Err(corrupt(&format!("a change that cannot be applied ({why})"))),
        }
        read.changes += 1;
        read.length += PREFIX_BYTES as u64 + length + 4;
    }
}

/// The number of changes that follow, if a change is the beginning of a group.
fn group_length(bytes: &[u8]) -> Option<u32> {
    let mut read = ByteReader::new(bytes);
    (read.u8()? == 6).then(|| read.u32()).flatten()
}

/// Whether so many records are there, of which the last one ends within `left` bytes; reads on where it was. Damage is
/// found when the records are read.
fn is_whole(input: &mut BufReader<File>, count: u32, left: u64) -> io::Result<bool> {
    let (mut at, mut whole) = (0, true);
    for _ in 0..count {
        if left - at < PREFIX_BYTES as u64 {
            whole = false;
            break;
        }
        let mut prefix = [0; PREFIX_BYTES];
        input.read_exact(&mut prefix)?;
        let body = u64::from(ByteReader::new(&prefix).u32().unwrap_or_default()) + 4;
        at += PREFIX_BYTES as u64;
        if left - at < body {
            whole = false;
            break;
        }
        input.seek_relative(body as i64)?;
        at += body;
    }
    // Below 2^63, as the length of a file.
    input.seek_relative(-(at as i64))?;
    Ok(whole)
}

fn apply(index: &mut Index, bytes: &[u8]) -> Option<Result<()>> {
    let mut read = ByteReader::new(bytes);
    let applied = match read.u8()? {
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
                split => split.map(|_| ()),
            }
        }
        6 => {
            read.u32()?;
            Ok(())
        }
        7 => {
            let id = read.u64()?;
            let key = text(&mut read)?;
            index.set_key(id, &key)
        }
        8 => {
            let label = read.u64()?;
            let info = read_info(&mut read)?;
            index.describe(label, info)
        }
        _ => return None,
    };
    read.is_empty().then_some(applied)
}

fn numbers(read: &mut ByteReader<'_>, count: usize) -> Option<Vec<f32>> {
    let bytes = read.take(4 * count)?;
    Some(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

/// Syncs the names in a directory to the disk.
pub(super) fn sync_directory(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}
