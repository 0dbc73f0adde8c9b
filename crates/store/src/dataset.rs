//! The directory itself: its lock, its tables, its images.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use streamface_types::{FaceId, FrameId};

use crate::batch::{remove_dir, unfinished_batch};
use crate::table::{self, Row};
use crate::{
    AttributeRow, Batch, Error, ExtractionRow, FaceRow, FeatureRow, FileLock, FrameRow, ImageKind, LabelRow,
    annotations, read_attributes, write_annotations, write_atomic,
};

/// Largest image file that is read back, in bytes.
pub const MAX_IMAGE_BYTES: u64 = 256 << 20;

/// Suffix of a staged image.
const STAGED: &str = ".part";

/// An open dataset directory. Holding it holds the directory's lock.
#[derive(Debug)]
pub struct Dataset {
    root: PathBuf,
    _lock: FileLock,
}

impl Dataset {
    /// Opens `root`, creates it if it is missing, takes its lock, and repairs what a killed process
    /// left.
    ///
    /// # Errors
    /// [`Error::InUse`] where another process holds it, [`Error::Io`] where it cannot be
    /// written.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let metadata = root.join("metadata");
        fs::create_dir_all(&metadata).map_err(Error::io(&metadata))?;
        let lock = take_lock(root)?;
        let this = Self { root: root.to_owned(), _lock: lock };
        this.recover()?;
        Ok(this)
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the tables.
    #[must_use]
    pub fn metadata(&self) -> PathBuf {
        self.root.join("metadata")
    }

    /// Commits a batch: all of its rows in all of its tables, or none; then its staged images get
    /// their names.
    ///
    /// # Errors
    /// [`Error::Io`]. What the batch holds is then not committed, or only some of its images are
    /// still to be named, which [`Self::open`] does.
    pub fn commit(&self, batch: Batch) -> Result<(), Error> {
        let kept: Vec<FrameId> =
            batch.frames.iter().filter(|r| r.dropped.is_none()).map(|r| r.frame.clone()).collect();
        let faces: Vec<FaceId> = batch.faces.iter().map(|r| r.face.clone()).collect();
        batch.write(&self.metadata())?;
        for frame in &kept {
            self.publish_if_staged(ImageKind::Frame, frame)?;
        }
        for face in &faces {
            self.publish_if_staged(ImageKind::Face, face)?;
            self.publish_if_staged(ImageKind::AlignedFace, face)?;
        }
        Ok(())
    }

    /// All rows of a table, ordered by key.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`].
    pub fn read<R: Row>(&self) -> Result<Vec<R>, Error> {
        table::read(&self.metadata())
    }

    /// Gives the rows of a table to `each`, ordered by key, and holds few of them at a time: all of them only
    /// while a run has left batches that are not compacted.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`].
    pub fn each<R: Row>(&self, each: impl FnMut(R)) -> Result<(), Error> {
        table::each(&self.metadata(), each)
    }

    /// Replaces a table.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn replace<R: Row>(&self, rows: Vec<R>) -> Result<(), Error> {
        table::write(&self.metadata(), rows)
    }

    /// Makes one file of each table, and removes the batches. A process killed in between leaves rows
    /// twice at most, which reading counts once.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`].
    pub fn compact(&self) -> Result<(), Error> {
        let metadata = self.metadata();
        if table::batches(&metadata)?.is_empty() {
            return Ok(());
        }
        table::write(&metadata, self.read::<FrameRow>()?)?;
        table::write(&metadata, self.read::<ExtractionRow>()?)?;
        table::write(&metadata, self.read::<FaceRow>()?)?;
        table::write(&metadata, self.read::<FeatureRow>()?)?;
        table::write(&metadata, self.read::<AttributeRow>()?)?;
        remove_dir(&table::batches_dir(&metadata))
    }

    /// Where an image lies or will lie.
    #[must_use]
    pub fn image_path(&self, kind: ImageKind, name: &impl std::fmt::Display) -> PathBuf {
        self.root.join(kind.folder()).join(format!("{name}.png"))
    }

    /// Writes an image beside its place. It gets its name when the batch with
    /// its row is committed.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn stage(&self, kind: ImageKind, name: &impl std::fmt::Display, png: &[u8]) -> Result<(), Error> {
        let path = self.staged_path(kind, name);
        if let Err(e) = fs::write(&path, png) {
            // The folder is made when it is first needed, so that an empty run leaves none.
            if e.kind() != std::io::ErrorKind::NotFound {
                let _ = fs::remove_file(&path);
                return Err(Error::io(&path)(e));
            }
            let dir = self.root.join(kind.folder());
            fs::create_dir_all(&dir).map_err(Error::io(&dir))?;
            fs::write(&path, png).map_err(Error::io(&path))?;
        }
        Ok(())
    }

    fn publish_if_staged(&self, kind: ImageKind, name: &impl std::fmt::Display) -> Result<(), Error> {
        let path = self.image_path(kind, name);
        match fs::rename(self.staged_path(kind, name), &path) {
            // Rows are committed without images too: features of faces that are there already.
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&path)(e)),
            _ => Ok(()),
        }
    }

    fn staged_path(&self, kind: ImageKind, name: &impl std::fmt::Display) -> PathBuf {
        self.root.join(kind.folder()).join(format!(".{name}.png{STAGED}"))
    }

    /// Reads an image's bytes, at most [`MAX_IMAGE_BYTES`]; also of one that is staged and waits for its batch.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`] where it is too large.
    pub fn read_image(&self, kind: ImageKind, name: &impl std::fmt::Display) -> Result<Vec<u8>, Error> {
        let path = self.image_path(kind, name);
        let file = match File::open(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                File::open(self.staged_path(kind, name)).map_err(|_| Error::io(&path)(e))?
            }
            opened => opened.map_err(Error::io(&path))?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_IMAGE_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io(&path))?;
        if bytes.len() as u64 > MAX_IMAGE_BYTES {
            return Err(Error::format(&path, format!("larger than {MAX_IMAGE_BYTES} bytes")));
        }
        Ok(bytes)
    }

    /// Writes the original's `metadata/annotations.json`: these labels, and the attributes in the table.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`].
    pub fn write_annotations(&self, labels: &[LabelRow]) -> Result<(), Error> {
        let metadata = self.metadata();
        let labels = labels.iter().map(|r| (&r.face, r.label));
        let file = annotations(labels, &read_attributes(&metadata)?);
        write_annotations(&metadata.join("annotations.json"), &file)
    }

    /// Puts the faces of each person into `labeled_faces/{label}/` (hard links where the file system
    /// has them, else copies). The old folder stands until the new one is whole.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_labeled_faces(&self, labels: &[LabelRow]) -> Result<(), Error> {
        let target = self.root.join("labeled_faces");
        let new = self.root.join(".labeled_faces.part");
        let old = self.root.join(".labeled_faces.old");
        remove_dir(&new)?;
        fs::create_dir_all(&new).map_err(Error::io(&new))?;
        let mut made = HashSet::new();
        for row in labels {
            let dir = new.join(row.label.to_string());
            if made.insert(row.label) {
                fs::create_dir_all(&dir).map_err(Error::io(&dir))?;
            }
            let from = self.image_path(ImageKind::Face, &row.face);
            let to = dir.join(format!("{}.png", row.face));
            // A crop that someone took away is missed by no one else.
            if fs::hard_link(&from, &to).is_err() && from.exists() {
                fs::copy(&from, &to).map_err(Error::io(&from))?;
            }
        }
        remove_dir(&old)?;
        if target.exists() {
            fs::rename(&target, &old).map_err(Error::io(&target))?;
        }
        fs::rename(&new, &target).map_err(Error::io(&target))?;
        remove_dir(&old)
    }

    /// Writes the original's `processed.txt` of the two folders.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_processed(&self, frames: &[FrameRow], extractions: &[ExtractionRow]) -> Result<(), Error> {
        let write = |kind: ImageKind, names: Vec<&FrameId>| {
            let dir = self.root.join(kind.folder());
            fs::create_dir_all(&dir).map_err(Error::io(&dir))?;
            write_atomic(&dir.join("processed.txt"), |out| {
                names.iter().try_for_each(|name| writeln!(out, "{name}.png"))
            })
        };
        write(ImageKind::Frame, frames.iter().filter(|r| r.dropped.is_none()).map(|r| &r.frame).collect())?;
        write(ImageKind::AlignedFace, extractions.iter().map(|r| &r.frame).collect())
    }

    /// Staged images whose rows were committed get their names, all others go: their batch will be
    /// done again.
    fn recover(&self) -> Result<(), Error> {
        remove_dir(&self.root.join(".labeled_faces.part"))?;
        let (target, old) = (self.root.join("labeled_faces"), self.root.join(".labeled_faces.old"));
        if old.exists() && !target.exists() {
            fs::rename(&old, &target).map_err(Error::io(&target))?;
        }
        remove_dir(&old)?;
        remove_unfinished(&self.root);
        remove_unfinished(&self.metadata());
        remove_dir(&unfinished_batch(&self.metadata()))?;
        let staged: Vec<_> = ImageKind::ALL.into_iter().map(|kind| (kind, self.staged(kind))).collect();
        if staged.iter().all(|(_, names)| names.is_empty()) {
            self.remove_unfinished_images();
            return Ok(());
        }
        let frames: HashSet<FrameId> =
            self.read::<FrameRow>()?.into_iter().filter(|r| r.dropped.is_none()).map(|r| r.frame).collect();
        let faces: HashSet<FaceId> = self.read::<FaceRow>()?.into_iter().map(|r| r.face).collect();
        for (kind, names) in staged {
            for name in names {
                let committed = match kind {
                    ImageKind::Frame => name.parse().is_ok_and(|f| frames.contains(&f)),
                    ImageKind::Face | ImageKind::AlignedFace => {
                        name.parse().is_ok_and(|f| faces.contains(&f))
                    }
                };
                if committed {
                    self.publish_if_staged(kind, &name)?;
                } else {
                    let path = self.staged_path(kind, &name);
                    fs::remove_file(&path).map_err(Error::io(&path))?;
                }
            }
        }
        self.remove_unfinished_images();
        Ok(())
    }

    /// Once no image is staged any more, what is unfinished in their folders is ours to remove.
    fn remove_unfinished_images(&self) {
        for kind in ImageKind::ALL {
            remove_unfinished(&self.root.join(kind.folder()));
        }
    }

    /// Names of the staged images of a kind.
    fn staged(&self, kind: ImageKind) -> Vec<String> {
        let suffix = format!(".png{STAGED}");
        let entries = fs::read_dir(self.root.join(kind.folder())).into_iter().flatten().flatten();
        let name = |e: fs::DirEntry| {
            Some(e.file_name().to_str()?.strip_prefix('.')?.strip_suffix(&suffix)?.to_owned())
        };
        entries.filter_map(name).collect()
    }
}

/// Temporary files of [`write_atomic`] whose process is gone (we hold the lock).
fn remove_unfinished(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(STAGED) && entry.path().is_file() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn take_lock(root: &Path) -> Result<FileLock, Error> {
    let path = root.join(".lock");
    let io = || Error::io(&path);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = file.map_err(io())?;
    let Some(lock) = file.try_clone().and_then(FileLock::take).map_err(io())? else {
        let mut holder = String::new();
        let read = file.take(200).read_to_string(&mut holder);
        let named = read.is_ok() && !holder.trim().is_empty();
        let holder = if named { holder.trim().to_owned() } else { "another process".into() };
        return Err(Error::InUse { path: root.to_owned(), holder });
    };
    let mut note = || -> std::io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "process {}", std::process::id())
    };
    // Only a courtesy for the next process: a full disk must not keep us from reading.
    let _ = note();
    Ok(lock)
}

#[cfg(test)]
mod tests;
