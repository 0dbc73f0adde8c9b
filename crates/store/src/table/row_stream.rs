//! The rows of a table one after another, from its file and those of all batches, few of them in memory at a time.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use crate::columns::Columns;
use crate::table::{Row, batches, table_path};
use crate::{Batches, Error, Result, files};

/// Rows of one file, in its order.
pub(crate) struct FileRows<R> {
    path: PathBuf,
    batches: Batches,
    version: u32,
    batch: Option<RecordBatch>,
    /// The next row of the batch.
    row: usize,
    /// The next row of the file.
    at: u64,
    of: std::marker::PhantomData<fn() -> R>,
}

impl<R: Row> FileRows<R> {
    /// The rows of a file, at most `most` of them decoded at a time; none where there is no file.
    pub(crate) fn open(path: &Path, most: usize) -> Result<Option<Self>> {
        let Some(file) = files::find(path, files::MAX_TABLE)? else { return Ok(None) };
        let batches = Batches::of(file, path, "table", most)?.with_row_bytes(size_of::<R>());
        let version = batches.schema_version(R::OLDEST, R::VERSION)?;
        let path = path.to_owned();
        Ok(Some(Self { path, batches, version, batch: None, row: 0, at: 0, of: std::marker::PhantomData }))
    }

    pub(crate) fn next(&mut self) -> Result<Option<R>> {
        loop {
            if let Some(batch) = self.batch.as_ref().filter(|batch| self.row < batch.num_rows()) {
                let row = R::read(&Columns::new(batch, self.version), self.row);
                let row = row.map_err(|why| Error::format(&self.path, format!("row {}: {why}", self.at)))?;
                (self.row, self.at) = (self.row + 1, self.at + 1);
                return Ok(Some(row));
            }
            self.batch = self.batches.next().transpose()?;
            self.row = 0;
            if self.batch.is_none() {
                return Ok(None);
            }
        }
    }
}

/// Rows of a file that are decoded at a time while many files may be open.
const FEW: usize = 4096;

/// Files that may be open at a time.
const MOST_OPEN: usize = 256;

/// The rows of a table, ordered by key: of two files with a key, the later one counts. An iterator.
///
/// Batches that follow each other, as those of a run do, are opened one after another.
///
/// # Errors
/// Items are [`Error::Unordered`] where a file's rows do not ascend, or too many files overlap ([`crate::Dataset::read`]
/// takes these too), [`Error::Io`], [`Error::Format`]. Nothing follows an error.
pub struct Rows<R: Row> {
    /// The files with rows at the present place.
    open: Vec<Open<R>>,
    /// Files that begin later, by their first key, then their number.
    later: VecDeque<(R::Key, usize, PathBuf)>,
    /// Rows of the last key.
    ready: VecDeque<R>,
    ended: bool,
}

/// A file, its number, and its next row with its key.
struct Open<R: Row> {
    number: usize,
    rows: FileRows<R>,
    key: R::Key,
    next: R,
}

impl<R: Row> Rows<R> {
    /// Of the table in a folder of metadata and its batches.
    pub(crate) fn open(metadata: &Path) -> Result<Self> {
        let in_batches = batches(metadata)?;
        let paths = std::iter::once(table_path::<R>(metadata))
            .chain(in_batches.iter().map(|dir| table_path::<R>(dir)));
        let mut later = Vec::new();
        for (number, path) in paths.enumerate() {
            let Some(mut rows) = FileRows::<R>::open(&path, 1)? else { continue };
            if let Some(first) = rows.next()? {
                later.push((first.key(), number, path));
            }
        }
        later.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        Ok(Self { open: Vec::new(), later: later.into(), ready: VecDeque::new(), ended: false })
    }

    /// Opens the files that begin at or before the least key of those that are open.
    fn open_due(&mut self) -> Result<()> {
        loop {
            let least = self.open.iter().map(|file| &file.key).min();
            let due = self.later.front().is_some_and(|(first, ..)| least.is_none_or(|key| first <= key));
            if !due {
                return Ok(());
            }
            let Some((_, number, path)) = self.later.pop_front() else { return Ok(()) };
            if self.open.len() >= MOST_OPEN {
                return Err(Error::Unordered { path, why: "its rows lie among those of many others" });
            }
            let Some(mut rows) = FileRows::<R>::open(&path, FEW)? else { continue };
            if let Some(next) = rows.next()? {
                self.open.push(Open { number, rows, key: next.key(), next });
            }
        }
    }

    /// Takes the rows of the least key.
    fn fill(&mut self) -> Result<()> {
        self.open_due()?;
        let Some(key) = self.open.iter().min_by(|a, b| a.key.cmp(&b.key)).map(|file| file.next.key()) else {
            return Ok(());
        };
        self.open.sort_by_key(|file| file.number);
        let mut still_open = Vec::with_capacity(self.open.len());
        for file in std::mem::take(&mut self.open) {
            if file.key != key {
                still_open.push(file);
                continue;
            }
            // A later file's rows take the place of an earlier one's.
            self.ready.clear();
            still_open.extend(self.take_key(file)?);
        }
        self.open = still_open;
        Ok(())
    }

    /// Takes a file's rows of its next key; the file, where it has more.
    fn take_key(&mut self, mut file: Open<R>) -> Result<Option<Open<R>>> {
        loop {
            let following = file.rows.next()?;
            if !R::MANY {
                self.ready.clear();
            }
            let Some(following) = following else {
                self.ready.push_back(file.next);
                return Ok(None);
            };
            let key = following.key();
            self.ready.push_back(std::mem::replace(&mut file.next, following));
            if key < file.key {
                let why = "its rows are not in the order of their keys";
                return Err(Error::Unordered { path: file.rows.path, why });
            }
            if key > file.key {
                file.key = key;
                return Ok(Some(file));
            }
        }
    }
}

impl<R: Row> Iterator for Rows<R> {
    type Item = Result<R>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty()
            && !self.ended
            && let Err(e) = self.fill()
        {
            self.ended = true;
            self.ready.clear();
            return Some(Err(e));
        }
        self.ready.pop_front().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use streamface_types::{FaceId, FrameId};

    use super::*;
    use crate::{AttributeRow, FeatureRow, table};

    fn face(i: u32) -> FaceId {
        FaceId::new(FrameId::new(format!("a_frame_{:020}", i / 3)).unwrap(), i % 3)
    }

    fn feature(i: u32, v: f32) -> FeatureRow {
        FeatureRow::new(face(i), "m", "00", vec![v])
    }

    fn labels(i: u32, labels: &[&str]) -> impl Iterator<Item = AttributeRow> {
        labels.iter().map(move |label| AttributeRow::new(face(i), "x", *label))
    }

    fn batch<R: Row>(metadata: &Path, number: u32, rows: Vec<R>) {
        let dir = table::batches_dir(metadata).join(format!("{number:08}"));
        std::fs::create_dir_all(&dir).unwrap();
        table::write(&dir, rows).unwrap();
    }

    fn all<R: Row>(metadata: &Path) -> Result<Vec<R>> {
        Rows::open(metadata)?.collect()
    }

    #[test]
    fn rows_of_many_files_come_as_if_they_were_read_together() {
        let dir = tempfile::tempdir().unwrap();
        assert!(all::<FeatureRow>(dir.path()).unwrap().is_empty());
        let mut state = 1_u32;
        let mut draw = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for number in 0..30 {
            // Batches of a run ascend; every third one lies anywhere, and has keys of others.
            let from = if number % 3 == 2 { draw(300) } else { number * 10 };
            let some: Vec<u32> = (0..8).map(|_| from + draw(20)).collect();
            batch(dir.path(), number, some.iter().map(|&i| feature(i, number as f32)).collect());
            let of = |&i: &u32| labels(i, &["one", "two", "three"][..1 + (i + number) as usize % 3]);
            let mut once = some.clone();
            once.sort_unstable();
            once.dedup();
            batch(dir.path(), number, once.iter().flat_map(of).collect());
        }
        table::write(dir.path(), (0..100).map(|i| feature(3 * i, -1.0)).collect()).unwrap();
        table::write(dir.path(), (0..100).flat_map(|i| labels(3 * i, &["old", "older"])).collect()).unwrap();
        assert_eq!(all::<FeatureRow>(dir.path()).unwrap(), table::read::<FeatureRow>(dir.path()).unwrap());
        let expected = table::read::<AttributeRow>(dir.path()).unwrap();
        let text = |rows: &[AttributeRow]| {
            rows.iter().map(|r| format!("{} {}", r.face, r.value)).collect::<Vec<_>>()
        };
        assert_eq!(text(&all(dir.path()).unwrap()), text(&expected));
    }

    #[test]
    fn batches_one_after_another_need_few_open_files() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..MOST_OPEN as u32 + 50 {
            batch(dir.path(), number, vec![feature(2 * number, 0.0), feature(2 * number + 1, 0.0)]);
        }
        let mut rows = Rows::<FeatureRow>::open(dir.path()).unwrap();
        let mut count = 0;
        while let Some(row) = rows.next() {
            row.unwrap();
            count += 1;
            assert!(rows.open.len() <= 2, "{}", rows.open.len());
        }
        assert_eq!(count, 2 * (MOST_OPEN + 50));
    }

    #[test]
    fn a_file_out_of_order_and_too_many_at_once_are_said() {
        let dir = tempfile::tempdir().unwrap();
        table::write_in_order(
            &table_path::<FeatureRow>(dir.path()),
            [feature(2, 0.0), feature(1, 0.0)].map(Ok),
        )
        .unwrap();
        let refused = all::<FeatureRow>(dir.path()).unwrap_err();
        assert!(matches!(refused, Error::Unordered { .. }), "{refused:?}");
        assert!(refused.to_string().contains("features.parquet"), "{refused}");
        let dir = tempfile::tempdir().unwrap();
        for number in 0..=MOST_OPEN as u32 {
            batch(dir.path(), number, vec![feature(number, 0.0), feature(9000, 0.0)]);
        }
        assert!(matches!(all::<FeatureRow>(dir.path()), Err(Error::Unordered { .. })));
    }
}
