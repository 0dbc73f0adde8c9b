//! The section of a snapshot with numbers and names of people and keys of vectors.
//!
//! Number of people (u64), for each label (u64), length (u32) and bytes as in the log; number of keys (u64), for each id
//! (u64), length (u32) and UTF-8. Empty where there is neither.

use super::header::ByteReader;
use super::log::{read_info, text, write_info};
use crate::index::Index;

pub(super) fn write(index: &Index) -> Vec<u8> {
    let mut bytes = Vec::new();
    if index.info.is_empty() && index.keys.is_empty() {
        return bytes;
    }
    let mut own = Vec::new();
    let put = |number: u64, own: &[u8], into: &mut Vec<u8>| {
        into.extend_from_slice(&number.to_le_bytes());
        // At most MAX_TEXT and a few.
        into.extend_from_slice(&(own.len() as u32).to_le_bytes());
        into.extend_from_slice(own);
    };
    bytes.extend_from_slice(&(index.info.len() as u64).to_le_bytes());
    for (&label, info) in &index.info {
        own.clear();
        write_info(info, &mut own);
        put(label, &own, &mut bytes);
    }
    bytes.extend_from_slice(&(index.keys.len() as u64).to_le_bytes());
    for (&id, key) in &index.keys {
        put(id, key.as_bytes(), &mut bytes);
    }
    bytes
}

/// Reads the section into an index that has its people and vectors; `None` for one that contradicts them.
pub(super) fn read(bytes: &[u8], index: &mut Index) -> Option<()> {
    if bytes.is_empty() {
        return Some(());
    }
    let mut read = ByteReader::new(bytes);
    for _ in 0..read.u64()? {
        let label = read.u64()?;
        let length = read.u32()? as usize;
        let info = read_info(&mut ByteReader::new(read.take(length)?))?;
        index.describe(label, info).ok()?;
    }
    for _ in 0..read.u64()? {
        let id = read.u64()?;
        let length = read.u32()? as usize;
        let key = text(&mut ByteReader::new(read.take(length)?))?;
        index.set_key(id, &key).ok()?;
    }
    read.is_empty().then_some(())
}
