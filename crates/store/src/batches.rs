//! Parquet files as batches of rows. A damaged file is an error, never a panic.

use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use crate::Error;
use crate::parquet_limits::{check_footer, rows_at_once};

/// What a file says of itself, by name: a metric, a threshold, what it is of.
pub type About = BTreeMap<String, String>;

/// Where a file's metadata say which schema version it has.
pub(crate) const SCHEMA_VERSION: &str = "streamface.schema_version";

/// Most rows of a batch.
pub(crate) const ROWS: usize = 65_536;

/// Memory that a file's rows may take, however short the file is.
const LEAST_MEMORY: u64 = 512 << 20;

/// Memory that rows may take for each byte of their file. Tables of labels, which pack best, take some 50.
const EXPANSION: u64 = 200;

/// A Parquet file that is read batch by batch. A broken one is an error, also where `parquet` would panic.
pub struct Batches {
    path: PathBuf,
    what: &'static str,
    reader: Option<ParquetRecordBatchReader>,
    rows: u64,
    about: About,
    version: Option<String>,
    /// Bytes of memory that the rows may still take.
    left: u64,
    /// Bytes that a row takes beside its values.
    row_bytes: u64,
}

impl Batches {
    /// Opens a file, also through a link. `what` names its kind in errors: `table`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NotAFile`], or [`Error::Format`] for another kind of file.
    pub fn open(path: &Path, what: &'static str) -> Result<Self, Error> {
        // Looked at before it is opened: opening a pipe would wait.
        if !std::fs::metadata(path).map_err(Error::io(path))?.is_file() {
            return Err(Error::NotAFile { path: path.to_owned(), what: "no regular file" });
        }
        Self::of(File::open(path).map_err(Error::io(path))?, path, what, ROWS)
    }

    /// Takes a file that [`crate::files`] has opened, in batches of at most `most` rows. `path` and `what` are for errors.
    pub(crate) fn of(file: File, path: &Path, what: &'static str, most: usize) -> Result<Self, Error> {
        let length = file.metadata().map_err(Error::io(path))?.len();
        let open = || {
            check_footer(&file)?;
            let again = file.try_clone()?;
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
            let rows_at_once = rows_at_once(again, builder.metadata(), most)?;
            let metadata = builder.metadata().file_metadata();
            let known = metadata.key_value_metadata().cloned().unwrap_or_default();
            // Arrow's own entry.
            let known = known.into_iter().filter(|kv| kv.key != "ARROW:schema");
            let about = known.filter_map(|kv| Some((kv.key, kv.value?))).collect();
            let rows = u64::try_from(metadata.num_rows())
                .map_err(|_| ParquetError::General("a negative number of rows".to_owned()))?;
            Ok::<_, ParquetError>((builder.with_batch_size(rows_at_once).build()?, rows, about))
        };
        let (reader, rows, mut about): (_, _, About) = guarded(path, what, open)?;
        let version = about.remove(SCHEMA_VERSION);
        let left = LEAST_MEMORY.max(length.saturating_mul(EXPANSION));
        Ok(Self {
            path: path.to_owned(),
            what,
            reader: Some(reader),
            rows,
            about,
            version,
            left,
            row_bytes: 0,
        })
    }

    /// Counts so many bytes more for each row towards the memory that the file may take.
    pub(crate) fn with_row_bytes(self, bytes: usize) -> Self {
        Self { row_bytes: bytes as u64, ..self }
    }

    /// Refuses a file whose rows take far more memory than any of its length.
    fn spend(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let rows = batch.num_rows() as u64;
        let bytes = batch.get_array_memory_size() as u64 + rows * self.row_bytes;
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => {
                let why = "its rows take far more memory than a file of its length can need; it is damaged, or made to \
                           do harm";
                return Err(broken(&self.path, self.what, &why));
            }
        }
        Ok(())
    }

    /// The file's schema version: 1 where it does not say, as files did before there was a second.
    ///
    /// # Errors
    /// [`Error::SchemaVersion`] for another one than `oldest` to `newest`, [`Error::Format`] for one that is no number.
    pub fn schema_version(&self, oldest: u32, newest: u32) -> Result<u32, Error> {
        let Some(version) = &self.version else {
            return if oldest <= 1 { Ok(1) } else { Err(self.other_version(1, oldest, newest)) };
        };
        let found =
            version.parse().map_err(|_| broken(&self.path, self.what, &"its schema version is no number"))?;
        if (oldest..=newest).contains(&found) {
            Ok(found)
        } else {
            Err(self.other_version(found, oldest, newest))
        }
    }

    fn other_version(&self, found: u32, oldest: u32, newest: u32) -> Error {
        Error::SchemaVersion { path: self.path.clone(), found, oldest, newest }
    }

    /// Rows in the file, as it says itself.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What the file says of itself, by name; without its schema version.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        let read = guarded(&self.path, self.what, || reader.next().transpose()).transpose();
        let read = match read {
            Some(Ok(batch)) => Some(self.spend(&batch).map(|()| batch)),
            other => other,
        };
        if !matches!(read, Some(Ok(_))) {
            self.reader = None;
        }
        read
    }
}

/// A file that is not what it should be.
pub(crate) fn broken(path: &Path, what: &str, why: &dyn std::fmt::Display) -> Error {
    let why = why.to_string();
    // What `parquet` says of compressions that are left out.
    let why = match why.split_once("Disabled feature at compile time: ") {
        Some((_, codec)) => {
            format!(
                "it is compressed with {codec}; write it with snappy, gzip or zstd, or without compression"
            )
        }
        None => why,
    };
    Error::format(path, format!("not a readable {what}: {why}"))
}

/// `parquet` reports most of what is wrong with a file as errors, and panics at some: both end here.
fn guarded<T, E: std::fmt::Display>(
    path: &Path,
    what: &str,
    read: impl FnOnce() -> Result<T, E>,
) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|e| broken(path, what, &e)),
        Err(_) => Err(broken(path, what, &"it is damaged")),
    }
}
