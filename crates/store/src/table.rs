//! Tables: Parquet with zstd, one writer for all of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::columns::Columns;
use crate::{Batches, Error, write_atomic};

/// A row of a table. Rows are ordered by their key, and of two rows with one key the later stands.
pub trait Row: Sized + Clone {
    /// Name of the table: `metadata/{NAME}.parquet`.
    const NAME: &'static str;
    /// What makes a row itself.
    type Key: Ord;
    /// This row's key.
    fn key(&self) -> Self::Key;
    /// The columns, documented in the project's `docs/tables.md`.
    fn fields(rows: &[Self]) -> Vec<Field>;
    /// The rows as columns, in the order of the fields.
    fn columns(rows: &[Self]) -> Vec<arrow_array::ArrayRef>;
    /// Reads one row.
    ///
    /// # Errors
    /// A message that names the column.
    fn read(columns: &Columns<'_>, row: usize) -> Result<Self, String>;
}

/// More rows than this in a row group, and a reader pages.
const ROW_GROUP: usize = 100_000;

pub(crate) fn table_path<R: Row>(metadata: &Path) -> PathBuf {
    metadata.join(format!("{}.parquet", R::NAME))
}

/// The folder of committed batches, each a folder with a file per table.
pub(crate) fn batches_dir(metadata: &Path) -> PathBuf {
    metadata.join("batches")
}

/// Committed batches, oldest first.
pub(crate) fn batches(metadata: &Path) -> Result<Vec<PathBuf>, Error> {
    let dir = batches_dir(metadata);
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(&dir)(e)),
    };
    let numbered = |p: &PathBuf| p.file_name().is_some_and(|n| n.to_string_lossy().parse::<u64>().is_ok());
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(numbered).collect();
    paths.sort();
    Ok(paths)
}

/// All rows, ordered by key.
pub(crate) fn read<R: Row>(metadata: &Path) -> Result<Vec<R>, Error> {
    let mut rows = BTreeMap::new();
    let in_batches = batches(metadata)?.into_iter().map(|dir| table_path::<R>(&dir));
    for path in std::iter::once(table_path::<R>(metadata)).chain(in_batches) {
        if path.exists() {
            read_table::<R>(&path, |row| drop(rows.insert(row.key(), row)))?;
        }
    }
    Ok(rows.into_values().collect())
}

/// Writes a table, ordered by key. An empty one is written only over one that is there.
pub(crate) fn write<R: Row>(dir: &Path, mut rows: Vec<R>) -> Result<(), Error> {
    let path = table_path::<R>(dir);
    if rows.is_empty() && !path.exists() {
        return Ok(());
    }
    rows.sort_by_key(Row::key);
    write_table(&path, &rows)
}

fn write_table<R: Row>(path: &Path, rows: &[R]) -> Result<(), Error> {
    let schema = Arc::new(Schema::new(R::fields(rows)));
    // The same rows give the same bytes: no version string of the writer, fixed level.
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .set_created_by("streamface".to_owned())
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .build();
    write_atomic(path, |out| {
        let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
        for chunk in rows.chunks(ROW_GROUP) {
            let batch = RecordBatch::try_new(Arc::clone(&schema), R::columns(chunk));
            writer.write(&batch.map_err(std::io::Error::other)?)?;
        }
        writer.close()?;
        Ok(())
    })
}

/// Rows as they stand in one file.
pub(crate) fn read_table<R: Row>(path: &Path, mut each: impl FnMut(R)) -> Result<(), Error> {
    let mut at = 0;
    for batch in Batches::open(path, "table")? {
        let batch = batch?;
        let columns = Columns(&batch);
        for i in 0..batch.num_rows() {
            let row = R::read(&columns, i);
            each(row.map_err(|why| Error::format(path, format!("row {at}: {why}")))?);
            at += 1;
        }
    }
    Ok(())
}
