//! What a Parquet file may cost before and while it is read: a short file can describe far more rows than memory holds.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use parquet::basic::Type;
use parquet::column::page::{Page, PageReader as _};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

/// Longest footer: some hundred bytes for each column of each 100,000 rows.
const MAX_FOOTER: u64 = 64 << 20;

/// Most bytes of the texts of one column in one row group, unpacked.
const MAX_TEXTS: u64 = 384 << 20;

/// Most numbers of a row: the longest embedding.
const MAX_NUMBERS: u64 = 1 << 16;

/// Memory that the rows of a batch may take, by what the file says of them.
const BATCH: u64 = 128 << 20;

/// Refuses a file whose footer is longer than any: it is read whole.
pub(crate) fn check_footer(file: &File) -> Result<()> {
    let mut file = file;
    let length = file.seek(SeekFrom::End(0))?;
    let mut end = [0; 8];
    if length >= 12 {
        file.seek(SeekFrom::End(-8))?;
        file.read_exact(&mut end)?;
    }
    let [a, b, c, d, ..] = end;
    let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
    if footer > MAX_FOOTER {
        return Err(ParquetError::General(format!(
            "its footer has {footer} bytes, at most {MAX_FOOTER} are read"
        )));
    }
    Ok(())
}

/// How many rows can be read together, at most `most`.
pub(crate) fn rows_at_once(file: File, metadata: &ParquetMetaData, most: usize) -> Result<usize> {
    let (file, mut largest) = (Arc::new(file), 1);
    for group in metadata.row_groups() {
        let rows = unsigned(group.num_rows())?.max(1);
        let mut row = 0_u64;
        for column in group.columns() {
            row = row.saturating_add(row_bytes(&file, column, rows)?);
        }
        largest = largest.max(row);
    }
    Ok(usize::try_from(BATCH / largest).unwrap_or(most).clamp(1, most))
}

/// Bytes of a column in one row, unpacked.
fn row_bytes(file: &Arc<File>, column: &ColumnChunkMetaData, rows: u64) -> Result<u64> {
    let refuse = |why: String| {
        Err(ParquetError::General(format!("column '{}': {why}", column.column_path().string())))
    };
    let (bytes, values) = (unsigned(column.uncompressed_size())?, unsigned(column.num_values())?);
    if values / rows > MAX_NUMBERS {
        return refuse(format!("{values} values in {rows} rows, at most {MAX_NUMBERS} a row are read"));
    }
    let each = match column.column_type() {
        Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => {
            if bytes > MAX_TEXTS {
                return refuse(format!("{bytes} bytes of text together, at most {MAX_TEXTS} are read"));
            }
            // A text that stands in the file once may belong to many rows.
            longest_of_dictionary(file, column, rows)?
        }
        _ => 16,
    };
    let several = values.div_ceil(rows);
    Ok((bytes / rows).max(each.saturating_mul(several)))
}

/// Length of the longest text in the column's dictionary; 0 where it has none.
fn longest_of_dictionary(file: &Arc<File>, column: &ColumnChunkMetaData, rows: u64) -> Result<u64> {
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    let mut pages = SerializedPageReader::new(Arc::clone(file), column, rows, None)?;
    if !pages.peek_next_page()?.is_some_and(|page| page.is_dict) {
        return Ok(0);
    }
    let Some(Page::DictionaryPage { buf, .. }) = pages.get_next_page()? else { return Ok(0) };
    let (mut rest, mut longest) = (&buf[..], 0);
    while let Some((length, texts)) = rest.split_first_chunk() {
        let length = u32::from_le_bytes(*length);
        longest = longest.max(u64::from(length));
        rest = texts.get(length as usize..).unwrap_or_default();
    }
    Ok(longest)
}

fn unsigned(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| ParquetError::General("a negative number in its footer".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, StringArray};
    use arrow_schema::{DataType, Field};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::file::properties::WriterProperties;

    use crate::Batches;

    fn write(path: &Path, batches: impl IntoIterator<Item = RecordBatch>) {
        let mut batches = batches.into_iter().peekable();
        let schema = batches.peek().unwrap().schema();
        let zstd = Compression::ZSTD(ZstdLevel::default());
        let properties = WriterProperties::builder().set_compression(zstd).build();
        let file = std::fs::File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).unwrap();
        batches.for_each(|batch| writer.write(&batch).unwrap());
        writer.close().unwrap();
        assert!(std::fs::metadata(path).unwrap().len() < 1 << 20, "a short file");
    }

    /// What reading says, and the largest batch in bytes.
    fn read(path: &Path) -> (Option<String>, usize) {
        let mut largest = 0;
        let batches = match Batches::open(path, "table") {
            Ok(batches) => batches,
            Err(e) => return (Some(e.to_string()), 0),
        };
        for batch in batches {
            match batch {
                Ok(batch) => largest = largest.max(batch.get_array_memory_size()),
                Err(e) => return (Some(e.to_string()), largest),
            }
        }
        (None, largest)
    }

    fn texts(rows: usize, length: usize) -> RecordBatch {
        let text = "x".repeat(length);
        let texts = StringArray::from_iter_values(std::iter::repeat_n(text, rows));
        RecordBatch::try_from_iter([("source", Arc::new(texts) as ArrayRef)]).unwrap()
    }

    #[test]
    fn short_files_of_long_texts_stay_within_memory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet");
        // 2 GB of one text of 100 kB: the file holds it once.
        write(&path, (0..20).map(|_| texts(1000, 100_000)));
        let (said, largest) = read(&path);
        assert!(said.unwrap().contains("far more memory"));
        assert!(largest < 400 << 20, "{largest}");
        // 600 MB of texts that are too long for a dictionary.
        write(&path, (0..60).map(|_| texts(5, 2 << 20)));
        let (said, _) = read(&path);
        assert!(said.unwrap().contains("bytes of text together"));
    }

    #[test]
    fn a_row_of_very_many_numbers_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet");
        let numbers = Arc::new(Float32Array::from(vec![0.0; 50_000_000])) as ArrayRef;
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let lists = FixedSizeListArray::new(item, 50_000_000, numbers, None);
        write(&path, [RecordBatch::try_from_iter([("embedding", Arc::new(lists) as ArrayRef)]).unwrap()]);
        let (said, _) = read(&path);
        assert!(said.as_ref().unwrap().contains("column 'embedding"), "{said:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_footer_that_is_longer_than_any_is_not_read() {
        use std::os::unix::fs::FileExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet");
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(1 << 40).unwrap();
        let end = [&(2_u32 << 30).to_le_bytes()[..], b"PAR1"].concat();
        file.write_all_at(&end, (1 << 40) - 8).unwrap();
        let (said, _) = read(&path);
        assert!(said.as_ref().unwrap().contains("footer"), "{said:?}");
    }
}
