//! Parquet files of pairs of rows with a distance: links of a join, merges of a clustering.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type};
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::{StoreError, write_atomic};

/// Pairs a row group.
const ROW_GROUP: usize = 1 << 20;

/// Two rows and their distance.
pub type RowPair = (u32, u32, f64);

/// What a file of pairs says of itself, by name: the metric, the threshold, what it is of.
pub type About = BTreeMap<String, String>;

/// Writes pairs as the columns `i`, `j` (u32) and `distance` (f64), with `about` among the file's own
/// metadata. The same pairs give the same bytes.
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
    write_atomic(path, |out| {
        let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
        let mut pairs = pairs.peekable();
        while pairs.peek().is_some() {
            let (mut i, mut j, mut distance) = (Vec::new(), Vec::new(), Vec::new());
            for pair in pairs.by_ref().take(ROW_GROUP) {
                let (a, b, d) = pair.map_err(std::io::Error::other)?;
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
        writer.close()?;
        Ok(())
    })
}

/// Reads what [`write_pairs`] wrote, or any Parquet file with these columns; at most `most` pairs.
///
/// # Errors
/// [`StoreError::Io`], or [`StoreError::Format`] for another kind of file, nulls, or more pairs than that.
pub fn read_pairs(path: &Path, most: u64) -> Result<(About, Vec<RowPair>), StoreError> {
    let broken =
        |e: &dyn std::fmt::Display| StoreError::format(path, format!("not a readable file of pairs: {e}"));
    let file = File::open(path).map_err(StoreError::io(path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| broken(&e))?;
    let known = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    // The writer's own word beside ours.
    let known = known.into_iter().filter(|kv| kv.key != "ARROW:schema");
    let about = known.filter_map(|kv| Some((kv.key, kv.value?))).collect();
    let rows = reader.metadata().file_metadata().num_rows();
    if u64::try_from(rows).map_or(true, |rows| rows > most) {
        return Err(StoreError::format(
            path,
            format!("{rows} pairs are more than the {most} that fit in memory"),
        ));
    }
    let mut pairs = Vec::new();
    for batch in reader.with_batch_size(65_536).build().map_err(|e| broken(&e))? {
        let batch = batch.map_err(|e| broken(&e))?;
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
