//! The header of every file, and a reader for untrusted bytes.

use std::path::Path;

use crate::{Error, Metric, Result, Settings, Threshold};

/// Version of the file format. Files of later versions are rejected.
pub(super) const VERSION: u32 = 2;
/// Length of a header in bytes.
pub(super) const HEADER_BYTES: usize = 96;
/// Written as little-endian; a reader that gets it reversed has the other byte order.
const BYTE_ORDER_MARK: u32 = 0x0A0B_0C0D;

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Log,
    Snapshot,
}

impl FileKind {
    /// Prefix of the file's name, and its name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Snapshot => "snapshot",
        }
    }

    fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Log => b"HRI-LOG\n",
            Self::Snapshot => b"HRI-SNAP",
        }
    }
}

/// The header of a file. All numbers are little-endian.
///
/// | offset | type | content |
/// |---|---|---|
/// | 0 | 8 bytes | `HRI-LOG\n` or `HRI-SNAP` |
/// | 8 | u32 | version |
/// | 12 | u32 | 0x0A0B0C0D |
/// | 16 | u8, u8, u16 | metric (0 cosine, 1 Euclidean), whether vectors are kept, 0 |
/// | 20 | u32 | dimension |
/// | 24 | f64 | threshold |
/// | 32 | u64 | generation |
/// | 40 | u64 | number of changes before this file |
/// | 48 | u64 × 3 | snapshot: next label, people, members |
/// | 72 | u64 | snapshot: length of the file |
/// | 80 | u32 | snapshot: CRC-32 of the table of blocks |
/// | 84 | u64 | snapshot: bytes of the section of texts; 0 in version 1 |
/// | 92 | u32 | CRC-32 of bytes 0 to 91 |
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Header {
    pub(super) kind: FileKind,
    pub(super) settings: Settings,
    pub(super) generation: u64,
    pub(super) changes: u64,
    pub(super) next_label: u64,
    pub(super) people: u64,
    pub(super) members: u64,
    pub(super) length: u64,
    pub(super) table: u32,
    pub(super) texts: u64,
}

impl Header {
    pub(super) fn new(kind: FileKind, settings: Settings, generation: u64, changes: u64) -> Self {
        Self {
            kind,
            settings,
            generation,
            changes,
            next_label: 0,
            people: 0,
            members: 0,
            length: 0,
            table: 0,
            texts: 0,
        }
    }

    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        let threshold = self.settings.threshold();
        put(self.kind.magic());
        put(&VERSION.to_le_bytes());
        put(&BYTE_ORDER_MARK.to_le_bytes());
        let metric = match threshold.metric() {
            Metric::Cosine => 0,
            Metric::Euclidean => 1,
        };
        put(&[metric, self.settings.keeps_vectors().into(), 0, 0]);
        put(&(self.settings.dim() as u32).to_le_bytes());
        put(&threshold.value().to_le_bytes());
        for number in [self.generation, self.changes, self.next_label, self.people, self.members, self.length]
        {
            put(&number.to_le_bytes());
        }
        put(&self.table.to_le_bytes());
        put(&self.texts.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..HEADER_BYTES - 4]);
        bytes[HEADER_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// # Errors
    /// [`Error::Format`] for another kind of file or version, [`Error::Corrupt`] for damage.
    pub(super) fn parse(path: &Path, kind: FileKind, bytes: &[u8]) -> Result<Self> {
        let format = |why: String| Err(Error::Format { path: path.to_owned(), why });
        let corrupt = |offset: u64, why: &str| {
            Err(Error::Corrupt { path: path.to_owned(), offset, why: why.to_owned() })
        };
        let Some(bytes) = bytes.get(..HEADER_BYTES) else {
            return corrupt(
                bytes.len() as u64,
                "the file is shorter than its header; restore it from a backup",
            );
        };
        let mut read = ByteReader::new(bytes);
        let magic = read.take(8).unwrap_or_default();
        let (version, order) = (read.u32().unwrap_or_default(), read.u32().unwrap_or_default());
        let valid = crc32fast::hash(&bytes[..HEADER_BYTES - 4]).to_le_bytes() == bytes[HEADER_BYTES - 4..];
        if !valid {
            // In a valid header of the other byte order the checksum is in that order, too.
            let swapped =
                crc32fast::hash(&bytes[..HEADER_BYTES - 4]).to_be_bytes() == bytes[HEADER_BYTES - 4..];
            if swapped && order == BYTE_ORDER_MARK.swap_bytes() {
                return format(
                    "written on a machine with the other byte order; build the index again on this machine"
                        .to_owned(),
                );
            }
            return corrupt(0, "the checksum of the header is wrong; restore the file from a backup");
        }
        if magic != kind.magic() {
            return format(format!("not a {} of an index", kind.name()));
        }
        if order != BYTE_ORDER_MARK {
            return format(
                "written on a machine with the other byte order; build the index again on this machine"
                    .to_owned(),
            );
        }
        if !(1..=VERSION).contains(&version) {
            return format(format!(
                "the file has format version {version}, this program reads versions 1 to {VERSION}; use the version of hri that wrote it"
            ));
        }
        let fields = read.take(4).and_then(|flags| {
            let [metric, keeps, ..] = *flags else { return None };
            let metric = match metric {
                0 => Metric::Cosine,
                1 => Metric::Euclidean,
                _ => return None,
            };
            let dim = read.u32()? as usize;
            let threshold = Threshold::new(metric, f64::from_bits(read.u64()?)).ok()?;
            let settings = Settings::new(dim, threshold).ok()?.keep_vectors(keeps != 0);
            Some(Self {
                kind,
                settings,
                generation: read.u64()?,
                changes: read.u64()?,
                next_label: read.u64()?,
                people: read.u64()?,
                members: read.u64()?,
                length: read.u64()?,
                table: read.u32()?,
                texts: read.u64()?,
            })
        });
        match fields {
            Some(header) => Ok(header),
            None => corrupt(16, "invalid settings in the header; restore the file from a backup"),
        }
    }
}

/// Reads numbers from bytes. Returns `None` at the end.
pub(super) struct ByteReader<'a>(&'a [u8]);

impl<'a> ByteReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take(8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes)
    }

    /// Number of bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Compares the settings of an index with those that the caller expects.
pub(super) fn check_settings(path: &Path, there: &Settings, wanted: &Settings) -> Result<()> {
    let (a, b) = (there.threshold(), wanted.threshold());
    let why = if a.metric() != b.metric() {
        format!("the index uses {} distances, not {}", a.metric(), b.metric())
    } else if there.dim() != wanted.dim() {
        format!("the index has vectors of {} numbers, not {}", there.dim(), wanted.dim())
    } else if a.value() != b.value() {
        format!("the index has threshold {}, not {}", a.value(), b.value())
    } else if there.keeps_vectors() != wanted.keeps_vectors() {
        let keeps = if there.keeps_vectors() { "keeps" } else { "does not keep" };
        format!("the index {keeps} vectors")
    } else {
        return Ok(());
    };
    Err(Error::Format {
        path: path.to_owned(),
        why: format!("{why}; use the settings of the index, or another directory"),
    })
}
