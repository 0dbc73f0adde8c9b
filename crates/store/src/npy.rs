//! NumPy's `.npy` files of vectors.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use streamface_types::Embeddings;

use crate::StoreError;

/// Reads a two-dimensional array of `f4` or `f8`, little-endian, row-major: one vector a row. `f8`
/// is rounded to `f32`.
///
/// # Errors
/// [`StoreError::Io`], [`StoreError::Format`] for anything else; never more memory than the file is
/// long, twice over for `f8`.
pub fn read_npy(path: &Path) -> Result<Embeddings, StoreError> {
    let file = File::open(path).map_err(StoreError::io(path))?;
    let length = file.metadata().map_err(StoreError::io(path))?.len();
    let mut file = BufReader::new(file);
    let bad = |why: &str| StoreError::format(path, format!("not a .npy file of vectors: {why}"));
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(|_| bad("too short"))?;
    if &start[..6] != b"\x93NUMPY" {
        return Err(bad("it does not begin like one"));
    }
    let mut size = [0; 4];
    let size_bytes = if start[6] == 1 { 2 } else { 4 };
    file.read_exact(&mut size[..size_bytes]).map_err(|_| bad("too short"))?;
    let header_len = u32::from_le_bytes(size) as usize;
    if header_len > 65_536 {
        return Err(bad("its header is too long"));
    }
    let mut header = vec![0; header_len];
    file.read_exact(&mut header).map_err(|_| bad("too short"))?;
    let header = String::from_utf8_lossy(&header);
    let value = |key: &str| {
        let rest = &header[header.find(&format!("'{key}'"))? + key.len() + 2..];
        Some(rest.trim_start().strip_prefix(':')?.trim_start())
    };
    if !value("fortran_order").is_some_and(|v| v.starts_with("False")) {
        return Err(bad("it must be in row-major (C) order"));
    }
    let width = match value("descr") {
        Some(v) if v.starts_with("'<f4'") => 4,
        Some(v) if v.starts_with("'<f8'") => 8,
        _ => return Err(bad("its numbers must be little-endian float32 or float64")),
    };
    let shape = || {
        let inside = value("shape")?.strip_prefix('(')?.split_once(')')?.0;
        let sides = inside.split(',').map(str::trim).filter(|s| !s.is_empty());
        sides.map(|s| s.parse::<u64>().ok()).collect::<Option<Vec<_>>>()
    };
    let [rows, dim] = shape().unwrap_or_default()[..] else {
        return Err(bad("it must have two dimensions: vectors and their numbers"));
    };
    let bytes = rows.checked_mul(dim).and_then(|n| n.checked_mul(width));
    let bytes = bytes.filter(|&b| b <= length).ok_or_else(|| bad("it is cut short"))?;
    let mut raw = vec![0; usize::try_from(bytes).map_err(|_| bad("too large"))?];
    file.read_exact(&mut raw).map_err(|_| bad("it is cut short"))?;
    let numbers = if width == 4 {
        raw.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    } else {
        let wide = raw.chunks_exact(8);
        wide.map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32).collect()
    };
    Embeddings::new(numbers, dim as usize).map_err(|e| bad(&e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[u8]) -> Result<Embeddings, StoreError> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.npy");
        std::fs::write(&path, bytes).unwrap();
        read_npy(&path)
    }

    #[test]
    fn both_widths_read_and_all_else_is_refused() {
        let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }\n";
        let two: Vec<u8> = [1.0f32, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(npy(good, &two).unwrap().as_slice(), [1.0, 2.0]);
        let wide: Vec<u8> = [1.0f64, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(npy(&good.replace("f4", "f8"), &wide).unwrap().as_slice(), [1.0, 2.0]);
        let none = "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 8), }\n";
        assert_eq!(npy(none, &[]).unwrap().len(), 0);
        for (header, data) in [
            (good, &two[..7]),
            (&good.replace("2, 1", "9999999999, 9999999999"), &two[..]),
            (&good.replace("False", "True"), &two[..]),
            (&good.replace("2, 1", "2,"), &two[..]),
            (&good.replace("<f4", "|O"), &two[..]),
            ("{'shape'", &two[..]),
        ] {
            assert!(matches!(npy(header, data), Err(StoreError::Format { .. })), "{header}");
        }
        let nan: Vec<u8> = [1.0f32, f32::NAN].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert!(npy(good, &nan).unwrap_err().to_string().contains("row 1"));
    }
}
