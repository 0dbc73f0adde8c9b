//! Tables: Parquet with zstd, one reader and one writer for all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};

use crate::batches::{ROWS, SCHEMA_VERSION};
use crate::cells::{Cells, Unknown};
use crate::columns::Columns;
use crate::{Error, Result, files};

pub(crate) mod row_stream;

use row_stream::{FileRows, Rows};

/// How Parquet is written: compressed by zstd at a fixed level, and without the version of the writer, so that the same rows
/// give the same bytes.
#[must_use]
pub fn parquet_properties(zstd: i32) -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(zstd).unwrap_or_default()))
        .set_created_by("streamface".to_owned())
}

/// A row of a table. Rows are ordered by their key; of two rows with one key the later one counts.
///
/// Implemented by the declarations in `rows.rs` alone.
pub trait Row: Sized + Clone {
    /// Name of the table: `metadata/{NAME}.parquet`.
    const NAME: &'static str;
    /// Schema version that is written.
    const VERSION: u32;
    /// Oldest schema version that is read. A file without a version has version 1.
    const OLDEST: u32;
    /// Whether a key may have several rows in one file. Those of a later file then replace them together.
    const MANY: bool;
    /// What identifies a row.
    type Key: Ord;
    /// This row's key.
    fn key(&self) -> Self::Key;
    /// The table's description.
    fn table() -> Table;
    /// The columns as Arrow names them, in order.
    fn fields(rows: &[Self]) -> Vec<Field>;
    /// The rows as columns, in the order of the fields.
    fn arrays(rows: &[Self]) -> Vec<ArrayRef>;
    /// Reads one row.
    ///
    /// # Errors
    /// A message that names the column.
    fn read(columns: &Columns<'_>, row: usize) -> Result<Self, String>;
}

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// Its name: `metadata/{name}.parquet`.
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    /// Schema version that is written.
    pub version: u32,
    /// The columns in order.
    pub columns: Vec<Column>,
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type, with `null` where it may be unknown.
    pub kind: &'static str,
    /// What it means, with the unit.
    pub meaning: &'static str,
    /// First schema version that has it; 0 for all.
    pub since: u32,
}

impl Column {
    pub(crate) fn of<T: Cells>(name: &'static str, meaning: &'static str, since: u32) -> Self {
        Self { name, kind: T::TYPE, meaning, since }
    }
}

pub(crate) fn field<T: Cells>(name: &str, first: Option<&T>) -> Field {
    Field::new(name, T::data_type(first), T::NULLABLE)
}

pub(crate) fn arrays<R, T: Cells>(rows: &[R], get: fn(&R) -> &T) -> Vec<ArrayRef> {
    T::arrays(&rows.iter().map(get).collect::<Vec<_>>())
}

pub(crate) fn derived<R, T: Cells>(rows: &[R], get: fn(&R) -> T) -> Vec<ArrayRef> {
    let values: Vec<T> = rows.iter().map(get).collect();
    T::arrays(&values.iter().collect::<Vec<_>>())
}

/// A field that files before version `since` do not have.
pub(crate) fn since<T: Cells + Unknown>(
    columns: &Columns<'_>,
    since: u32,
    names: &[&str],
    row: usize,
) -> Result<T, String> {
    if columns.version() < since { Ok(T::unknown()) } else { T::read(columns, names, row) }
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
pub(crate) fn batches(metadata: &Path) -> Result<Vec<PathBuf>> {
    let dir = batches_dir(metadata);
    let numbered = |name: &std::ffi::OsStr| name.to_string_lossy().parse::<u64>().is_ok();
    let all = files::entries(&dir)?.into_iter().filter(|(name, _)| numbered(name));
    let mut paths: Vec<PathBuf> = all.map(|(name, _)| dir.join(name)).collect();
    for path in &paths {
        files::is_folder(path)?;
    }
    paths.sort();
    Ok(paths)
}

/// How often a table is read before a reader gives up on a writer that always comes in between.
const TRIES: usize = 10;

/// All rows, ordered by key. A writer may commit and compact meanwhile: no row is missed.
pub(crate) fn read<R: Row>(metadata: &Path) -> Result<Vec<R>> {
    let identities =
        |paths: &[PathBuf]| paths.iter().map(|path| files::identity(path)).collect::<Result<Vec<_>>>();
    for _ in 0..TRIES {
        // Compacting writes the table anew and then removes the batches, whose numbers are used again. Where the table is
        // the same file before and after, it has all rows of every batch that went meanwhile; and where the batches that
        // were read are the same, none of them is a later one with the number of an earlier one.
        let table = files::identity(&table_path::<R>(metadata))?;
        let batches = batches(metadata)?;
        let of_batches = identities(&batches)?;
        let rows = read_once::<R>(metadata, &batches)?;
        if files::identity(&table_path::<R>(metadata))? == table && identities(&batches)? == of_batches {
            return Ok(rows);
        }
    }
    Err(Error::InUse { path: metadata.to_owned(), holder: "a process that keeps changing it".to_owned() })
}

fn read_once<R: Row>(metadata: &Path, batches: &[PathBuf]) -> Result<Vec<R>> {
    let mut rows: BTreeMap<R::Key, (usize, Vec<R>)> = BTreeMap::new();
    let in_batches = batches.iter().map(|dir| table_path::<R>(dir));
    for (file, path) in std::iter::once(table_path::<R>(metadata)).chain(in_batches).enumerate() {
        read_table::<R>(&path, |row| {
            let (last, of_key) = rows.entry(row.key()).or_default();
            if !R::MANY || *last != file {
                of_key.clear();
            }
            *last = file;
            of_key.push(row);
        })?;
    }
    Ok(rows.into_values().flat_map(|(_, rows)| rows).collect())
}

/// Gives the rows to `each`, ordered by key; without holding them, where there are no batches.
pub(crate) fn each<R: Row>(metadata: &Path, mut each: impl FnMut(R)) -> Result<()> {
    if !batches(metadata)?.is_empty() {
        read::<R>(metadata)?.into_iter().for_each(each);
        return Ok(());
    }
    read_table(&table_path::<R>(metadata), &mut each)
}

/// Writes a table, ordered by key. An empty one is written only over one that is there.
pub(crate) fn write<R: Row>(dir: &Path, mut rows: Vec<R>) -> Result<()> {
    // Stable: rows of one key stay in their order.
    rows.sort_by_cached_key(Row::key);
    write_in_order(&table_path::<R>(dir), rows.into_iter().map(Ok))
}

/// Makes one file of a table's file and those of all batches, holding few rows at a time.
pub(crate) fn compact<R: Row>(metadata: &Path, batches: &[PathBuf]) -> Result<()> {
    let mut any = false;
    for dir in batches {
        any |= files::is_there(&table_path::<R>(dir))?;
    }
    if !any {
        return Ok(());
    }
    match write_in_order(&table_path::<R>(metadata), Rows::<R>::open(metadata)?) {
        Err(Error::Unordered { .. }) => write(metadata, read::<R>(metadata)?),
        done => done,
    }
}

/// Rows that are encoded together: a multiple of the number that `parquet` takes at a time, so that a table's bytes do
/// not depend on it.
const ENCODED: usize = 8192;

/// Writes rows as they come. None are written only over a table that is there.
pub(crate) fn write_in_order<R: Row>(path: &Path, rows: impl IntoIterator<Item = Result<R>>) -> Result<()> {
    let mut rows = rows.into_iter();
    let mut chunk = rows.by_ref().take(ENCODED).collect::<Result<Vec<R>>>()?;
    if chunk.is_empty() && !files::is_there(path)? {
        return Ok(());
    }
    let schema = Arc::new(Schema::new(R::fields(&chunk)));
    let version = KeyValue::new(SCHEMA_VERSION.to_owned(), R::VERSION.to_string());
    let properties = parquet_properties(3)
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_key_value_metadata(Some(vec![version]))
        .build();
    let mut wrong = None;
    let written = files::write(path, |out| {
        let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
        while !chunk.is_empty() {
            let batch = RecordBatch::try_new(Arc::clone(&schema), R::arrays(&chunk));
            writer.write(&batch.map_err(std::io::Error::other)?)?;
            chunk.clear();
            for row in rows.by_ref().take(ENCODED) {
                chunk.push(row.map_err(|e| {
                    wrong = Some(e);
                    std::io::Error::other("its rows cannot be read")
                })?);
            }
        }
        writer.close()?;
        Ok(())
    });
    // Why there are no more rows says more than that the file could not be written.
    wrong.map_or(written, Err)
}

/// Rows as they stand in one file; none where there is no file.
pub(crate) fn read_table<R: Row>(path: &Path, mut each: impl FnMut(R)) -> Result<()> {
    let Some(mut rows) = FileRows::open(path, ROWS)? else { return Ok(()) };
    while let Some(row) = rows.next()? {
        each(row);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::declare::table;
    use streamface_types::FrameId;

    table! {
        /// As a table may have begun.
        First in "things", version 1, reads 1, one row of FrameId = |r| r.frame.clone();
        "A thing."
        given { frame: FrameId { "frame": "id" } }
        rest { count: u32 { "count": "how many" } }
    }

    table! {
        /// With a column that was added.
        Second in "things", version 2, reads 1, one row of FrameId = |r| r.frame.clone();
        "A thing."
        given { frame: FrameId { "frame": "id" } }
        rest { count: u32 { "count": "how many" }; colour: Option<String>, since 2 { "colour": "its colour" } }
    }

    table! {
        /// With a break.
        Third in "things", version 3, reads 2, many rows of FrameId = |r| r.frame.clone();
        "A thing."
        given { frame: FrameId { "frame": "id" } }
        rest { count: u32 { "count": "how many" }; colour: Option<String> { "colour": "its colour" } }
    }

    fn frame(name: &str) -> FrameId {
        FrameId::new(name).unwrap()
    }

    #[test]
    fn an_older_file_opens_and_what_it_lacks_is_unknown() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), vec![First { frame: frame("a"), count: 7 }]).unwrap();
        let expected = [Second { frame: frame("a"), count: 7, colour: None }];
        assert_eq!(read::<Second>(dir.path()).unwrap(), expected);
        let mut row = Second::new(frame("a"));
        row.colour = Some("red".to_owned());
        write(dir.path(), vec![row.clone()]).unwrap();
        assert_eq!(read::<Second>(dir.path()).unwrap(), [row]);
    }

    #[test]
    fn a_version_that_cannot_be_read_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), vec![First::new(frame("a"))]).unwrap();
        let older = read::<Third>(dir.path()).unwrap_err();
        assert!(matches!(older, Error::SchemaVersion { found: 1, oldest: 2, newest: 3, .. }), "{older:?}");
        let said = older.to_string();
        assert!(said.contains("things.parquet") && said.contains("run the step again"), "{said}");
        write(dir.path(), vec![Third::new(frame("a"))]).unwrap();
        let newer = read::<Second>(dir.path()).unwrap_err();
        assert!(matches!(newer, Error::SchemaVersion { found: 3, oldest: 1, newest: 2, .. }), "{newer:?}");
        let said = newer.to_string();
        assert!(said.contains("update streamface"), "{said}");
    }

    #[test]
    fn rows_of_one_key_are_replaced_together_by_a_later_file() {
        let dir = tempfile::tempdir().unwrap();
        let row = |name: &str, count| Third { count, ..Third::new(frame(name)) };
        write(dir.path(), vec![row("b", 3), row("a", 2), row("a", 1)]).unwrap();
        assert_eq!(read::<Third>(dir.path()).unwrap(), [row("a", 2), row("a", 1), row("b", 3)]);
        let batch = batches_dir(dir.path()).join("00000000");
        fs::create_dir_all(&batch).unwrap();
        write(&batch, vec![row("a", 9)]).unwrap();
        assert_eq!(read::<Third>(dir.path()).unwrap(), [row("a", 9), row("b", 3)]);
    }
}
