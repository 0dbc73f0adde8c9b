//! Attributes that another model gives anew: they are kept aside until all are there, and then take the place of the old
//! ones by one rename.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use crate::table::row_stream::Rows;
use crate::table::{self, Row};
use crate::{AttributeRow, Batch, Dataset, Error, Result, files};

/// The folder of what is kept aside, in that of metadata.
pub(crate) const FOLDER: &str = "replacing";

fn folder(data: &Dataset) -> PathBuf {
    data.metadata().join(FOLDER)
}

/// Refuses folders that are links.
pub(crate) fn check(metadata: &Path) -> Result<()> {
    let folder = metadata.join(FOLDER);
    if files::is_folder(&folder)? {
        files::is_folder(&table::batches_dir(&folder))?;
    }
    Ok(())
}

impl Dataset {
    /// Keeps rows aside that are to take the place of others by [`Self::finish_replacement`]: all of these rows, or none.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn commit_replacement(&self, rows: Vec<AttributeRow>) -> Result<()> {
        self.writable()?;
        if rows.is_empty() {
            return Ok(());
        }
        let folder = folder(self);
        if files::create_folder(&folder)? {
            files::sync(&self.metadata())?;
        }
        Batch { attributes: rows, ..Batch::default() }.write(&folder, &[])
    }

    /// What is kept aside so far, ordered by key.
    ///
    /// # Errors
    /// Those of [`Self::rows`].
    pub fn replacement(&self) -> Result<Rows<AttributeRow>> {
        Rows::open(&folder(self))
    }

    /// Forgets what is kept aside.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn drop_replacement(&self) -> Result<()> {
        self.writable()?;
        files::remove_folder(&folder(self))
    }

    /// Puts what is kept aside into the table of attributes, in the place of all rows of the attributes of these names. A
    /// process that is killed leaves either the old table or the new one.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`]; the table is then as it was.
    pub fn finish_replacement(&self, names: &BTreeSet<String>) -> Result<()> {
        self.compact()?;
        let metadata = self.metadata();
        let path = table::table_path::<AttributeRow>(&metadata);
        match merged(self.rows()?, self.replacement()?, names, &path) {
            Err(Error::Unordered { .. }) => {
                // A table that another program wrote: ordered first.
                self.replace(self.read::<AttributeRow>()?)?;
                merged(self.rows()?, self.replacement()?, names, &path)?;
            }
            done => done?,
        }
        files::sync(&metadata)?;
        self.drop_replacement()
    }
}

/// Writes the rows of other attributes and the new ones.
fn merged(
    old: Rows<AttributeRow>,
    new: Rows<AttributeRow>,
    names: &BTreeSet<String>,
    path: &Path,
) -> Result<()> {
    let kept = old.filter(|row| !row.as_ref().is_ok_and(|row| names.contains(&row.name())));
    let mut all = Ordered { old: kept.peekable(), new: new.peekable() };
    table::write_in_order(path, std::iter::from_fn(|| all.next()))
}

/// Two orders of rows as one.
struct Ordered<A: Iterator, B: Iterator> {
    old: Peekable<A>,
    new: Peekable<B>,
}

impl<A, B> Ordered<A, B>
where
    A: Iterator<Item = Result<AttributeRow>>,
    B: Iterator<Item = Result<AttributeRow>>,
{
    fn next(&mut self) -> Option<Result<AttributeRow>> {
        let key = |row: Option<&Result<AttributeRow>>| match row {
            Some(Ok(row)) => Some(row.key()),
            _ => None,
        };
        match (key(self.old.peek()), key(self.new.peek())) {
            (Some(old), Some(new)) if new < old => self.new.next(),
            (None, Some(_)) if self.old.peek().is_none() => self.new.next(),
            _ => self.old.next().or_else(|| self.new.next()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use streamface_types::attributes::Value;
    use streamface_types::{Attributes, FaceId, FrameId};

    use super::*;
    use crate::read_attributes;

    fn face(i: u32) -> FaceId {
        FaceId::new(FrameId::new(format!("a_frame_{i:020}")).unwrap(), 0)
    }

    fn said(i: u32, name: &str, value: f64) -> Vec<AttributeRow> {
        let of = Value::Numbers([("yaw".to_owned(), value), ("roll".to_owned(), 0.0)].into());
        AttributeRow::of(&face(i), &Attributes::from_iter([(name.to_owned(), of)]), None)
    }

    fn values(data: &Dataset, name: &str) -> BTreeMap<FaceId, f64> {
        let all = read_attributes(&data.metadata()).unwrap().into_iter();
        all.filter_map(|(face, of)| Some((face, *of.by_name(name)?.get("yaw")?))).collect()
    }

    #[test]
    fn the_old_rows_stand_until_all_new_ones_take_their_place() {
        let dir = tempfile::tempdir().unwrap();
        let data = Dataset::open(dir.path()).unwrap();
        // Names that begin alike are told apart, and dots in them.
        let names = ["pose", "pose2", "po.se"];
        let rows = (0..9).flat_map(|i| names.iter().flat_map(move |name| said(i, name, f64::from(i))));
        data.commit(Batch { attributes: rows.collect(), ..Batch::default() }).unwrap();
        let old: BTreeMap<_, _> = (0..9).map(|i| (face(i), f64::from(i))).collect();
        data.commit_replacement((3..6).flat_map(|i| said(i, "pose", 30.0)).collect()).unwrap();
        assert_eq!(values(&data, "pose"), old, "nothing is replaced yet");
        drop(data);

        let data = Dataset::open(dir.path()).unwrap();
        assert_eq!(data.replacement().unwrap().count(), 6, "a later process goes on from there");
        data.commit_replacement((0..3).flat_map(|i| said(i, "pose", 30.0)).collect()).unwrap();
        data.finish_replacement(&["pose".to_owned()].into()).unwrap();
        assert_eq!(values(&data, "pose"), (0..6).map(|i| (face(i), 30.0)).collect());
        assert_eq!(values(&data, "pose2"), old);
        assert_eq!(values(&data, "po.se"), old);
        assert_eq!(data.replacement().unwrap().count(), 0);
        let in_order = data.rows::<AttributeRow>().unwrap().map(|row| row.unwrap()).collect::<Vec<_>>();
        assert_eq!(data.read::<AttributeRow>().unwrap(), in_order);

        data.commit_replacement(said(0, "po.se", 1.0)).unwrap();
        data.drop_replacement().unwrap();
        data.finish_replacement(&["po.se".to_owned()].into()).unwrap();
        assert_eq!(values(&data, "po.se"), BTreeMap::new());
    }
}
