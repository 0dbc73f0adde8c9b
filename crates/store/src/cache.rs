//! Small binary files that can be made again: the index of a review, the state of a clustering.
//!
//! The value is written by `serde` and `bincode` 2 behind a header:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `SFCACHE1` |
//! | 4 + n | length of the kind's name, the name |
//! | 4 | version of the kind |
//! | 4 + n | length of the fingerprint, the fingerprint |
//! | 8 | length of the value |
//! | 4 | CRC-32 of everything else in the file |
//! | n | the value |
//!
//! All numbers are little-endian. A file that does not fit in every respect is a [`CacheMiss`]: its owner makes the
//! value again and writes it. The same value gives the same bytes.

use std::io::{Read, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result, files};

const MAGIC: &[u8] = b"SFCACHE1";

/// A kind of cache file. `MAX_BYTES` bounds the file's length and what is allocated while it is read.
///
/// ```
/// use streamface_store::{CacheKind, CacheMiss};
///
/// const SQUARES: CacheKind<{ 1 << 20 }> = CacheKind::new("squares", 1);
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("squares.cache");
/// SQUARES.write(&path, "up to 3", &vec![0_u32, 1, 4, 9])?;
/// assert_eq!(SQUARES.read::<Vec<u32>>(&path, "up to 3")?, [0, 1, 4, 9]);
/// assert!(matches!(SQUARES.read::<Vec<u32>>(&path, "up to 4"), Err(CacheMiss::Fingerprint)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CacheKind<const MAX_BYTES: usize> {
    name: &'static str,
    version: u32,
}

/// Why a cache file was not used. The remedy is always the same: make the value again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheMiss {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[source] std::io::Error),
    /// Another kind of file.
    #[error("it is another kind of file")]
    Kind,
    /// The same kind in another version.
    #[error("it has version {0}")]
    Version(u32),
    /// It was made from other input.
    #[error("it was made from other input")]
    Fingerprint,
    /// It is longer than the kind allows.
    #[error("it has {0} bytes, which is too long")]
    TooLong(u64),
    /// Cut short, or changed since it was written.
    #[error("it is damaged")]
    Damaged,
}

impl<const MAX_BYTES: usize> CacheKind<MAX_BYTES> {
    /// A kind by its name; `version` changes whenever the type of the value does.
    #[must_use]
    pub const fn new(name: &'static str, version: u32) -> Self {
        Self { name, version }
    }

    /// Writes `value` to `path`. `fingerprint` says what it was made from.
    ///
    /// # Errors
    /// [`crate::Error::Io`]; also where the value cannot be encoded, or is longer than `MAX_BYTES`.
    pub fn write<T: Serialize>(&self, path: &Path, fingerprint: &str, value: &T) -> Result<()> {
        let config = bincode::config::standard();
        files::write(path, |out| {
            let value = bincode::serde::encode_to_vec(value, config).map_err(std::io::Error::other)?;
            let head = self.head(fingerprint);
            if head.len() + value.len() + 12 > MAX_BYTES {
                let length = value.len();
                let why = format!("a {} of {length} bytes; at most {MAX_BYTES} are kept", self.name);
                return Err(std::io::Error::other(why));
            }
            let length = (value.len() as u64).to_le_bytes();
            out.write_all(&head)?;
            out.write_all(&length)?;
            out.write_all(&checksum([&head, &length, &value]))?;
            out.write_all(&value)
        })
    }

    /// Reads what [`Self::write`] wrote with the same fingerprint.
    ///
    /// # Errors
    /// [`CacheMiss`] for anything else.
    pub fn read<T: DeserializeOwned>(&self, path: &Path, fingerprint: &str) -> Result<T, CacheMiss> {
        let mut file = match files::find(path, MAX_BYTES as u64) {
            Ok(found) => found.ok_or(CacheMiss::Missing)?,
            Err(Error::TooLarge { bytes, .. }) => return Err(CacheMiss::TooLong(bytes)),
            Err(Error::Io { source, .. }) => return Err(CacheMiss::Io(source)),
            Err(other) => return Err(CacheMiss::Io(std::io::Error::other(other))),
        };
        let (mut bytes, head) = (Vec::new(), self.head(fingerprint));
        // A long file of something else is not read to its end.
        (&mut file).take(head.len() as u64 + 12).read_to_end(&mut bytes).map_err(CacheMiss::Io)?;
        if bytes.starts_with(&head) {
            file.take(MAX_BYTES as u64).read_to_end(&mut bytes).map_err(CacheMiss::Io)?;
        }
        let value = self.value(&bytes, fingerprint)?;
        let config = bincode::config::standard().with_limit::<MAX_BYTES>();
        match bincode::serde::decode_from_slice(value, config) {
            Ok((read, used)) if used == value.len() => Ok(read),
            _ => Err(CacheMiss::Damaged),
        }
    }

    fn head(&self, fingerprint: &str) -> Vec<u8> {
        let mut head = MAGIC.to_vec();
        put_text(&mut head, self.name);
        head.extend(self.version.to_le_bytes());
        put_text(&mut head, fingerprint);
        head
    }

    /// The value's bytes, once everything before them fits.
    fn value<'b>(&self, bytes: &'b [u8], fingerprint: &str) -> Result<&'b [u8], CacheMiss> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(CacheMiss::Kind)?;
        if take_text(&mut rest)? != self.name.as_bytes() {
            return Err(CacheMiss::Kind);
        }
        let version = u32::from_le_bytes(take(&mut rest)?);
        if version != self.version {
            return Err(CacheMiss::Version(version));
        }
        if take_text(&mut rest)? != fingerprint.as_bytes() {
            return Err(CacheMiss::Fingerprint);
        }
        let head = &bytes[..bytes.len() - rest.len()];
        let length: [u8; 8] = take(&mut rest)?;
        let sum: [u8; 4] = take(&mut rest)?;
        let whole = u64::from_le_bytes(length) == rest.len() as u64;
        if whole && checksum([head, &length, rest]) == sum { Ok(rest) } else { Err(CacheMiss::Damaged) }
    }
}

fn checksum(parts: [&[u8]; 3]) -> [u8; 4] {
    let mut sum = crc32fast::Hasher::new();
    parts.iter().for_each(|part| sum.update(part));
    sum.finalize().to_le_bytes()
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    // A name or a hash: far shorter than the 4 GiB that the length can say.
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], CacheMiss> {
    let (taken, left) = rest.split_first_chunk().ok_or(CacheMiss::Damaged)?;
    *rest = left;
    Ok(*taken)
}

fn take_text<'b>(rest: &mut &'b [u8]) -> Result<&'b [u8], CacheMiss> {
    let length = u32::from_le_bytes(take(rest)?) as usize;
    let (text, left) = rest.split_at_checked(length).ok_or(CacheMiss::Damaged)?;
    *rest = left;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: CacheKind<4096> = CacheKind::new("test", 2);

    fn value() -> (Vec<(u32, f32)>, String) {
        ((0..20).map(|i| (i * 1000, i as f32 / 3.0)).collect(), "a text".to_owned())
    }

    #[test]
    fn a_value_reads_back_and_has_the_same_bytes_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        KIND.write(&path, "f", &value()).unwrap();
        assert_eq!(KIND.read::<(Vec<(u32, f32)>, String)>(&path, "f").unwrap(), value());
        let bytes = std::fs::read(&path).unwrap();
        KIND.write(&path, "f", &value()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn what_does_not_fit_is_a_miss() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let read = |kind: CacheKind<4096>, fingerprint| kind.read::<String>(&path, fingerprint).unwrap_err();
        assert!(matches!(read(KIND, "f"), CacheMiss::Missing));
        KIND.write(&path, "f", &"text".to_owned()).unwrap();
        assert!(matches!(read(KIND, "g"), CacheMiss::Fingerprint));
        assert!(matches!(read(CacheKind::new("test", 3), "f"), CacheMiss::Version(2)));
        assert!(matches!(read(CacheKind::new("other", 2), "f"), CacheMiss::Kind));
        std::fs::write(&path, vec![0; 5000]).unwrap();
        assert!(matches!(read(KIND, "f"), CacheMiss::TooLong(5000)));
        let error = KIND.write(&path, "f", &vec![1_u8; 5000]).unwrap_err().to_string();
        assert!(error.contains("at most 4096"), "{error}");
    }

    #[test]
    fn every_damaged_bit_and_every_cut_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        KIND.write(&path, "f", &value()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, damaged).unwrap();
            assert!(KIND.read::<(Vec<(u32, f32)>, String)>(&path, "f").is_err(), "{bit}");
        }
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(KIND.read::<(Vec<(u32, f32)>, String)>(&path, "f").is_err(), "{length}");
        }
    }

    #[test]
    fn a_length_that_lies_allocates_nothing_and_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        // The largest length that a text can claim, behind a checksum that is right.
        let lie = bincode::serde::encode_to_vec(u64::MAX, bincode::config::standard()).unwrap();
        let (head, length) = (KIND.head("f"), (lie.len() as u64).to_le_bytes());
        let sum = checksum([&head, &length, &lie]);
        std::fs::write(&path, [head, length.into(), sum.into(), lie].concat()).unwrap();
        assert!(matches!(KIND.read::<String>(&path, "f"), Err(CacheMiss::Damaged)));
        assert!(matches!(KIND.read::<Vec<u64>>(&path, "f"), Err(CacheMiss::Damaged)));
    }
}
