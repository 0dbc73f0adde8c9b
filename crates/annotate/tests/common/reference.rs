//! Reference files, where there are any.

use std::path::{Path, PathBuf};

use streamface_types::Embeddings;

/// A file of the reference data; `None`, and said, where it is not there.
pub fn reference(file: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("STREAMFACE_SHARED").map_or(beside, PathBuf::from);
    let path = shared.join("reference").join(file);
    let there = path.exists();
    if !there {
        eprintln!("skipped: {} is not there; set STREAMFACE_SHARED", path.display());
    }
    there.then_some(path)
}

/// Reads an `.npy` matrix, little-endian `f32` in C order, version 1: enough for files that are known.
pub fn read_npy(path: &Path) -> Embeddings {
    let bytes = std::fs::read(path).unwrap();
    let rest = bytes.strip_prefix(b"\x93NUMPY\x01\x00").unwrap();
    let (len, rest) = rest.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u16::from_le_bytes(*len).into());
    let header = std::str::from_utf8(header).unwrap();
    assert!(header.contains("'<f4'") && header.contains("'fortran_order': False"), "{header}");
    let shape = header.split_once('(').unwrap().1.split_once(')').unwrap().0;
    let dim = shape.split(',').nth(1).unwrap().trim().parse().unwrap();
    Embeddings::new(data.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect(), dim).unwrap()
}
