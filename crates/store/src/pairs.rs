//! Parquet files of pairs of rows with a distance: links of a join, merges of a clustering.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type};
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::batches::broken;
use crate::{Batches, StoreError, write_atomic};

/// Pairs a row group.
const ROW_GROUP: usize = 1 << 20;

/// Two rows and their distance.
pub type RowPair = (u32, u32, f64);

/// What a file of pairs says of itself, by name: the metric, the threshold, what it is of.
pub type About = BTreeMap<String, String>;

/// What these files are.
const FILE: &str = "file of pairs";
/// The checksum's name among the metadata.
const CHECKSUM: &str = "checksum";

/// Of all that a file of pairs says.
struct Checksum(crc32fast::Hasher);

impl Checksum {
    fn new(about: &About) -> Self {
        let mut sum = crc32fast::Hasher::new();
        // With their lengths, so that no two texts run together.
        for text in about.iter().flat_map(|(key, value)| [key, value]) {
            sum.update(&(text.len() as u64).to_le_bytes());
            sum.update(text.as_bytes());
        }
        Self(sum)
    }

    fn add(&mut self, (a, b, distance): RowPair) {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&a.to_le_bytes());
        bytes[4..8].copy_from_slice(&b.to_le_bytes());
        bytes[8..].copy_from_slice(&distance.to_le_bytes());
        self.0.update(&bytes);
    }

    fn text(self) -> String {
        format!("{:08x}", self.0.finalize())
    }
}

/// Writes pairs as the columns `i`, `j` (u32) and `distance` (f64), with `about` among the file's own
/// metadata, and a checksum (CRC-32) of all that. The same pairs give the same bytes.
///
/// # Errors
/// [`StoreError::Io`]; what was there before is then still there. An error of `pairs` is passed on as one.
pub fn write_pairs<E: std::error::Error + Send + Sync + 'static>(
    path: &Path,
    about: &About,
    pairs: impl Iterator<Item = Result<RowPair, E>>,
) -> Result<(), StoreError> {
    let field = |name: &str, of: DataType| Field::new(name, of, false);
    let fields = vec![
        field("i", DataType::UInt32),
        field("j", DataType::UInt32),
        field("distance", DataType::Float64),
    ];
    let schema = Arc::new(Schema::new(fields));
    let known = about.iter().map(|(k, v)| KeyValue::new(k.clone(), v.clone())).collect();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_created_by("streamface".to_owned())
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_key_value_metadata(Some(known))
        .build();
    let mut sum = Checksum::new(about);
    write_atomic(path, |out| {
        let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
        let mut pairs = pairs.peekable();
        while pairs.peek().is_some() {
            let (mut i, mut j, mut distance) = (Vec::new(), Vec::new(), Vec::new());
            for pair in pairs.by_ref().take(ROW_GROUP) {
                let (a, b, d) = pair.map_err(std::io::Error::other)?;
                sum.add((a, b, d));
                i.push(a);
                j.push(b);
                distance.push(d);
            }
            let columns: Vec<ArrayRef> = vec![
                Arc::new(UInt32Array::from(i)),
                Arc::new(UInt32Array::from(j)),
                Arc::new(Float64Array::from(distance)),
            ];
            writer
                .write(&RecordBatch::try_new(Arc::clone(&schema), columns).map_err(std::io::Error::other)?)?;
        }
        writer.append_key_value_metadata(KeyValue::new(CHECKSUM.to_owned(), sum.text()));
        writer.close()?;
        Ok(())
    })
}

/// Reads what [`write_pairs`] wrote, or any Parquet file with these columns; at most `most` pairs.
///
/// # Errors
/// [`StoreError::Io`], or [`StoreError::Format`] for another kind of file, nulls, or one that is not as it was written;
/// [`StoreError::TooMany`] for more pairs than that.
pub fn read_pairs(path: &Path, most: u64) -> Result<(About, Vec<RowPair>), StoreError> {
    let batches = Batches::open(path, FILE)?;
    let broken = |why: &dyn std::fmt::Display| broken(path, FILE, why);
    let mut about = batches.about().clone();
    let checksum = about.remove(CHECKSUM);
    if batches.rows() > most {
        return Err(StoreError::TooMany { path: path.to_owned(), pairs: batches.rows(), most });
    }
    let mut pairs = Vec::new();
    for batch in batches {
        let batch = batch?;
        let column = |name: &str| {
            let column = batch.column_by_name(name).filter(|c| c.null_count() == 0);
            column.ok_or_else(|| broken(&format!("column '{name}' is missing or has nulls")))
        };
        let other = |name: &str| broken(&format!("column '{name}' has another type"));
        let (i, j, d) = (column("i")?, column("j")?, column("distance")?);
        let i = i.as_primitive_opt::<UInt32Type>().ok_or_else(|| other("i"))?;
        let j = j.as_primitive_opt::<UInt32Type>().ok_or_else(|| other("j"))?;
        let d = d.as_primitive_opt::<Float64Type>().ok_or_else(|| other("distance"))?;
        pairs.extend((0..batch.num_rows()).map(|at| (i.value(at), j.value(at), d.value(at))));
    }
    // Files of others, and of earlier versions, have none.
    if let Some(checksum) = checksum {
        let mut sum = Checksum::new(&about);
        pairs.iter().for_each(|&pair| sum.add(pair));
        if sum.text() != checksum {
            return Err(broken(&"it is not as it was written, so damaged; make it again"));
        }
    }
    Ok((about, pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("links.parquet");
        let about = About::from([("rows".to_owned(), "7".to_owned())]);
        for count in [0_u32, 1, 3000] {
            let pairs: Vec<RowPair> = (0..count).map(|i| (i, i + 1, f64::from(i) / 7.0)).collect();
            let each = || pairs.iter().map(|&p| Ok::<_, std::io::Error>(p));
            write_pairs(&path, &about, each()).unwrap();
            assert_eq!(read_pairs(&path, 3000).unwrap(), (about.clone(), pairs.clone()));
            let bytes = std::fs::read(&path).unwrap();
            write_pairs(&path, &about, each()).unwrap();
            assert_eq!(bytes, std::fs::read(&path).unwrap());
        }
        assert!(read_pairs(&path, 2999).unwrap_err().to_string().contains("2999"));
    }

    /// Whatever bit is damaged, it is noticed or changes nothing.
    #[test]
    fn damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("links.parquet");
        let about = About::from([("rows".to_owned(), "400".to_owned())]);
        let pairs: Vec<RowPair> = (0..300_u32).map(|i| (i, i + 1, f64::from(i * i % 91) / 7.0)).collect();
        write_pairs(&path, &about, pairs.iter().map(|&p| Ok::<_, std::io::Error>(p))).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(3) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at / 3 % 8);
            std::fs::write(&path, damaged).unwrap();
            if let Ok((told, read)) = read_pairs(&path, 300) {
                // The checksum's own name may be what is damaged.
                assert!(read == pairs && told.get("rows") == about.get("rows"), "{at}");
            }
        }
    }

    #[test]
    fn anything_else_is_refused_and_an_error_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("links.parquet");
        let broken = [Ok((1, 2, 0.5)), Err(std::io::Error::other("no"))];
        assert!(write_pairs(&path, &About::new(), broken.into_iter()).is_err());
        assert!(!path.exists());
        std::fs::write(&path, "PAR1 and nothing else").unwrap();
        assert!(matches!(read_pairs(&path, 10), Err(StoreError::Format { .. })));
    }
}
