//! A reader of plain `.npy` matrices: little-endian `f32` or `f64`, C order. Enough for files that are
//! known; not for foreign ones.

use std::path::Path;

use streamface_cluster::Embeddings;

/// Reads a matrix; says what is wrong otherwise.
pub fn read_npy(path: &Path) -> Result<Embeddings, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    parse(&bytes).ok_or_else(|| format!("{}: not a C-ordered matrix of <f4 or <f8", path.display()))
}

fn parse(bytes: &[u8]) -> Option<Embeddings> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    // Version 1 has two bytes for the header's length, later ones four.
    let (len, rest) = match rest.first()? {
        1 => (u16::from_le_bytes(rest.get(2..4)?.try_into().ok()?).into(), &rest[4..]),
        _ => (u32::from_le_bytes(rest.get(2..6)?.try_into().ok()?) as usize, &rest[6..]),
    };
    let header = std::str::from_utf8(rest.get(..len)?).ok()?;
    let data = &rest[len..];
    let shape = header.split_once('(')?.1.split_once(')')?.0;
    let dim = shape.split(',').nth(1)?.trim().parse().ok()?;
    if header.contains("'fortran_order': True") {
        return None;
    }
    let numbers = if header.contains("<f4") {
        data.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
    } else if header.contains("<f8") {
        data.as_chunks::<8>().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect()
    } else {
        return None;
    };
    Embeddings::new(numbers, dim).ok()
}
