//! A reader of `.npy` matrices, little-endian `f32` or `f64` in C order, version 1: enough for files
//! that are known.

use std::path::Path;

use streamface_types::Embeddings;

/// Reads a matrix; `None` where it is not one of those.
pub fn read_npy(path: &Path) -> Option<Embeddings> {
    let bytes = std::fs::read(path).ok()?;
    let rest = bytes.strip_prefix(b"\x93NUMPY\x01\x00")?;
    let (len, rest) = rest.split_first_chunk()?;
    let (header, data) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
    let header = std::str::from_utf8(header).ok()?;
    if !header.contains("'fortran_order': False") {
        return None;
    }
    let dim = header.split_once('(')?.1.split_once(')')?.0.split(',').nth(1)?.trim().parse().ok()?;
    let numbers = if header.contains("'<f4'") {
        data.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
    } else if header.contains("'<f8'") {
        data.as_chunks::<8>().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect()
    } else {
        return None;
    };
    Embeddings::new(numbers, dim).ok()
}
