//! Parquet files of pairs of rows with a distance: links of a join, merges of a clustering.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type};
use arrow_array::{Array, ArrayRef, Float64Array, UInt32Array};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use crate::batches::{About, SCHEMA_VERSION, broken};
use crate::{Batches, Error, parquet_properties, write_atomic};

/// Pairs a row group.
const ROW_GROUP: usize = 1 << 20;

/// Two rows and their distance.
pub type RowPair = (u32, u32, f64);

/// What these files are.
const FILE: &str = "file of pairs";
/// The checksum's name among the metadata.
const CHECKSUM: &str = "checksum";

/// Schema version.
const VERSION: u32 = 1;

/// Pairs whose bytes the checksum takes at once.
const CHUNK: usize = 1 << 12;

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

    /// Of pairs by themselves, to be [added](Self::add) to what comes before them.
    fn of(pairs: &[RowPair]) -> Self {
        let mut sum = crc32fast::Hasher::new();
        let mut bytes = Vec::with_capacity(16 * CHUNK.min(pairs.len()));
        for pairs in pairs.chunks(CHUNK) {
            bytes.clear();
            for &(a, b, distance) in pairs {
                // One number of 16 bytes, so that they are written at once.
                let pair = u128::from(a) | u128::from(b) << 32 | u128::from(distance.to_bits()) << 64;
                bytes.extend_from_slice(&pair.to_le_bytes());
            }
            sum.update(&bytes);
        }
        Self(sum)
    }

    fn add(&mut self, next: &Self) {
        self.0.combine(&next.0);
    }

    fn text(self) -> String {
        format!("{:08x}", self.0.finalize())
    }
}

/// The columns of a file of pairs.
fn schema() -> Arc<Schema> {
    let field = |name: &str, of: DataType| Field::new(name, of, false);
    let (i, j) = (field("i", DataType::UInt32), field("j", DataType::UInt32));
    Arc::new(Schema::new(vec![i, j, field("distance", DataType::Float64)]))
}

/// How they are written: row numbers as differences, which are small where those of one row follow each other;
/// distances as they are, since hardly any two are the same.
fn properties(about: &About) -> WriterProperties {
    let known = about.iter().map(|(k, v)| KeyValue::new(k.clone(), v.clone())).collect();
    let builder = parquet_properties(1).set_dictionary_enabled(false).set_key_value_metadata(Some(known));
    ["i", "j"]
        .into_iter()
        .map(ColumnPath::from)
        .fold(builder, |builder, column| builder.set_column_encoding(column, Encoding::DELTA_BINARY_PACKED))
        .build()
}

/// A row group as it will stand in the file, and its checksum.
struct Encoded {
    columns: Vec<ArrowColumnChunk>,
    sum: Checksum,
}

impl Encoded {
    fn new(
        schema: &Schema,
        writers: Vec<ArrowColumnWriter>,
        pairs: &[RowPair],
    ) -> Result<Self, ParquetError> {
        let columns: [ArrayRef; 3] = [
            Arc::new(UInt32Array::from_iter_values(pairs.iter().map(|pair| pair.0))),
            Arc::new(UInt32Array::from_iter_values(pairs.iter().map(|pair| pair.1))),
            Arc::new(Float64Array::from_iter_values(pairs.iter().map(|pair| pair.2))),
        ];
        let fields = schema.fields().iter().zip(&columns);
        let columns = fields.zip(writers).map(|((field, column), mut writer)| {
            compute_leaves(field, column)?.iter().try_for_each(|leaf| writer.write(leaf))?;
            writer.close()
        });
        Ok(Self { columns: columns.collect::<Result<_, _>>()?, sum: Checksum::of(pairs) })
    }
}

/// Writes pairs as the columns `i`, `j` (u32) and `distance` (f64), with `about` among the file's own
/// metadata, and a checksum (CRC-32) of all that. The same pairs give the same bytes.
///
/// Row groups are encoded in parallel while the next pairs are produced; some 100 MB of memory for each thread.
///
/// # Errors
/// [`Error::Io`]; what was there before is then still there. An error of `pairs` is passed on as one.
pub fn write_pairs<E: std::error::Error + Send + Sync + 'static>(
    path: &Path,
    about: &About,
    mut pairs: impl Iterator<Item = Result<RowPair, E>> + Send,
) -> Result<(), Error> {
    let schema = schema();
    let mut sum = Checksum::new(about);
    let mut next = || row_groups(&mut pairs).map_err(std::io::Error::other);
    write_atomic(path, |out| {
        let writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties(about)))?;
        let (mut writer, columns) = writer.into_serialized_writer()?;
        let mut groups = next()?;
        while !groups.is_empty() {
            let first = writer.flushed_row_groups().len();
            let encode = |(at, pairs): (usize, &Vec<RowPair>)| {
                Encoded::new(&schema, columns.create_column_writers(first + at)?, pairs)
            };
            let all = || groups.par_iter().enumerate().map(encode).collect::<Result<Vec<_>, _>>();
            let (encoded, following) = rayon::join(all, &mut next);
            for group in encoded? {
                let mut to = writer.next_row_group()?;
                for column in group.columns {
                    column.append_to_row_group(&mut to)?;
                }
                to.close()?;
                sum.add(&group.sum);
            }
            groups = following?;
        }
        writer.append_key_value_metadata(KeyValue::new(SCHEMA_VERSION.to_owned(), VERSION.to_string()));
        writer.append_key_value_metadata(KeyValue::new(CHECKSUM.to_owned(), sum.text()));
        writer.close()?;
        Ok(())
    })
}

/// The next row groups, one for each thread; fewer at the end.
fn row_groups<E>(pairs: &mut impl Iterator<Item = Result<RowPair, E>>) -> Result<Vec<Vec<RowPair>>, E> {
    let mut groups = Vec::new();
    for _ in 0..rayon::current_num_threads() {
        let mut group = Vec::new();
        for pair in pairs.by_ref().take(ROW_GROUP) {
            group.push(pair?);
        }
        if group.is_empty() {
            break;
        }
        groups.push(group);
    }
    Ok(groups)
}

/// Reads what [`write_pairs`] wrote, or any Parquet file with these columns; at most `most` pairs.
///
/// # Errors
/// [`Error::Io`], or [`Error::Format`] for another kind of file, nulls, or one that is not as it was written;
/// [`Error::TooMany`] for more pairs than that.
pub fn read_pairs(path: &Path, most: u64) -> Result<(About, Vec<RowPair>), Error> {
    let batches = Batches::open(path, FILE)?;
    batches.schema_version(VERSION, VERSION)?;
    let broken = |why: &dyn std::fmt::Display| broken(path, FILE, why);
    let mut about = batches.about().clone();
    let checksum = about.remove(CHECKSUM);
    if batches.rows() > most {
        return Err(Error::TooMany { path: path.to_owned(), pairs: batches.rows(), most });
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
        let parts: Vec<Checksum> = pairs.par_chunks(ROW_GROUP).map(Checksum::of).collect();
        parts.iter().for_each(|part| sum.add(part));
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

    #[test]
    fn many_threads_write_what_one_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("links.parquet");
        let about = About::from([("rows".to_owned(), "7".to_owned())]);
        // Three row groups, the last one small.
        let count = 2 * ROW_GROUP as u32 + 5;
        let pair = |i: u32| (i / 9, i / 9 + i % 9 + 1, f64::from(i.wrapping_mul(0x9E37_79B9)) / 7.0);
        let written = [1, 2, 5].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let pairs = (0..count).map(|i| Ok::<_, std::io::Error>(pair(i)));
            pool.install(|| write_pairs(&path, &about, pairs)).unwrap();
            std::fs::read(&path).unwrap()
        });
        assert!(written.iter().all(|bytes| *bytes == written[0]));
        let (_, read) = read_pairs(&path, count.into()).unwrap();
        assert!(read.into_iter().eq((0..count).map(pair)));
        // What goes wrong late leaves what was there.
        let late =
            (0..count).map(|i| if i + 1 < count { Ok(pair(i)) } else { Err(std::io::Error::other("no")) });
        assert!(write_pairs(&path, &about, late).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), written[0]);
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
        assert!(matches!(read_pairs(&path, 10), Err(Error::Format { .. })));
    }
}
