//! The directory itself: its lock, its tables, its images.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;
use streamface_types::{FaceId, FrameId, Label};

use crate::frame_reader::{LAST_FRAMES, MAX_IMAGE_BYTES, image_file, read_image_file, staged_file};
use crate::replacement;
use crate::staged_images::StagedImage;
use crate::table::{self, Row};
use crate::{
    AttributeRow, Batch, Error, ExtractionRow, FaceRow, FeatureRow, FileLock, FrameFormat, FrameReader,
    FrameRow, ImageKind, LabelRow, PersonFolders, Repaired, Rows, annotations, files, read_attributes,
    write_annotations,
};

/// An open dataset directory, for writing or for reading alone. One that is open for writing holds the directory's lock.
#[derive(Debug)]
pub struct Dataset {
    root: PathBuf,
    /// None where it is for reading alone.
    lock: Option<FileLock>,
    /// Staged images that no batch has yet, by kind and file name.
    staged: Mutex<BTreeMap<(ImageKind, String), StagedImage>>,
    pub(crate) repaired: Option<Repaired>,
}

impl Dataset {
    /// Opens `root` for writing, creates it if it is missing, takes its lock, and repairs what a killed process
    /// or a power cut left.
    ///
    /// # Errors
    /// [`Error::InUse`] where another process holds it, [`Error::Link`], [`Error::NotAFolder`] and [`Error::NotAFile`] where
    /// something else is in the place of its folders and its lock, [`Error::Io`] where it cannot be written.
    pub fn open(root: &Path) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(Error::io(root))?;
        files::create_folder(&root.join("metadata"))?;
        let mut this = Self::checked(root)?;
        files::is_folder(&root.join("labeled_faces"))?;
        this.lock = Some(take_lock(root)?);
        this.recover()?;
        Ok(this)
    }

    /// Opens `root` for reading alone: without the lock, so also where nothing can be written and while another process
    /// writes. Nothing is made or repaired. All that would change it is [`Error::ReadOnly`].
    ///
    /// # Errors
    /// Those of [`Self::open`] for its folders; [`Error::Io`] where there is no dataset.
    pub fn read_only(root: &Path) -> Result<Self, Error> {
        let metadata = root.join("metadata");
        if !files::is_folder(&metadata)? {
            return Err(Error::io(&metadata)(io::ErrorKind::NotFound.into()));
        }
        Self::checked(root)
    }

    /// Nothing is reached through a folder that is a link: it would lead out of the directory.
    fn checked(root: &Path) -> Result<Self, Error> {
        let metadata = root.join("metadata");
        files::is_folder(&metadata)?;
        files::is_folder(&table::batches_dir(&metadata))?;
        files::is_folder(&metadata.join(LAST_FRAMES))?;
        replacement::check(&metadata)?;
        for folder in ImageKind::ALL.map(ImageKind::folder) {
            files::is_folder(&root.join(folder))?;
        }
        Ok(Self { root: root.to_owned(), lock: None, staged: Mutex::default(), repaired: None })
    }

    pub(crate) fn writable(&self) -> Result<(), Error> {
        match self.lock {
            Some(_) => Ok(()),
            None => Err(Error::ReadOnly { path: self.root.clone() }),
        }
    }

    /// What [`Self::open`] took back because images of the last batch were damaged, as after a power cut.
    #[must_use]
    pub fn repaired(&self) -> Option<Repaired> {
        self.repaired
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
    /// their names. The images are on the disk before the rows are.
    ///
    /// # Errors
    /// [`Error::Io`]. What the batch holds is then not committed, or only some of its images are
    /// still to be named, which [`Self::open`] does.
    pub fn commit(&self, batch: Batch) -> Result<(), Error> {
        self.writable()?;
        let kept = batch.frames.iter().filter_map(FrameRow::file_name);
        let mut images: Vec<_> = kept.map(|file| (ImageKind::Frame, file)).collect();
        for row in &batch.faces {
            images.extend([ImageKind::Face, ImageKind::AlignedFace].map(|kind| (kind, png(&row.face))));
        }
        let staged: Vec<StagedImage> = {
            let mut all = self.not_committed();
            images.iter().filter_map(|image| all.remove(image)).collect()
        };
        self.sync_images(&staged)?;
        batch.write(&self.metadata(), &staged)?;
        images.iter().try_for_each(|(kind, file)| self.publish_if_staged(*kind, file))
    }

    fn not_committed(&self) -> MutexGuard<'_, BTreeMap<(ImageKind, String), StagedImage>> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes staged images, and their names, last through a power cut.
    fn sync_images(&self, images: &[StagedImage]) -> Result<(), Error> {
        // The disk writes several of them together.
        images.par_iter().try_for_each(|image| {
            let path = self.staged_path(image.kind, &image.file);
            files::open(&path, u64::MAX)?.sync_data().map_err(Error::io(&path))
        })?;
        for kind in ImageKind::ALL {
            if images.iter().any(|image| image.kind == kind) {
                files::sync(&self.root.join(kind.folder()))?;
            }
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

    /// How far each face can be relied on, 0 to 1, as its embedder measured, else as an import says; faces without a quality are
    /// left out.
    ///
    /// # Errors
    /// Those of [`Self::each`].
    pub fn qualities(&self) -> Result<HashMap<FaceId, f32>, Error> {
        let mut all = HashMap::new();
        self.each(|row: FaceRow| all.extend(row.quality.map(|quality| (row.face, quality))))?;
        self.each(|row: FeatureRow| all.extend(row.quality.map(|quality| (row.face, quality))))?;
        Ok(all)
    }

    /// The rows of a table, ordered by key, one after another and holding few of them at a time. Batches that are
    /// committed later are not among them, and the directory must not be compacted meanwhile.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`]; items are as [`Rows`] says.
    pub fn rows<R: Row>(&self) -> Result<Rows<R>, Error> {
        Rows::open(&self.metadata())
    }

    /// Replaces a table.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn replace<R: Row>(&self, rows: Vec<R>) -> Result<(), Error> {
        self.writable()?;
        table::write(&self.metadata(), rows)
    }

    /// Makes one file of each table, and removes the batches. A process killed in between leaves rows
    /// twice at most, which reading counts once.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`].
    pub fn compact(&self) -> Result<(), Error> {
        self.writable()?;
        let metadata = self.metadata();
        let batches = table::batches(&metadata)?;
        if batches.is_empty() {
            return Ok(());
        }
        table::compact::<FrameRow>(&metadata, &batches)?;
        table::compact::<ExtractionRow>(&metadata, &batches)?;
        table::compact::<FaceRow>(&metadata, &batches)?;
        table::compact::<FeatureRow>(&metadata, &batches)?;
        table::compact::<AttributeRow>(&metadata, &batches)?;
        // Their new names are to be durable before what they replace is gone.
        files::sync(&metadata)?;
        files::remove_folder(&table::batches_dir(&metadata))
    }

    /// Where a PNG lies or will lie. A frame's picture may be of another format: [`Self::frame_path`].
    #[must_use]
    pub fn image_path(&self, kind: ImageKind, name: &impl std::fmt::Display) -> PathBuf {
        image_file(&self.root, kind, &png(name))
    }

    /// Where the picture of a frame lies or will lie; `None` where there is none.
    #[must_use]
    pub fn frame_path(&self, frame: &FrameId, format: FrameFormat) -> Option<PathBuf> {
        Some(image_file(&self.root, ImageKind::Frame, &format.file_name(frame)?))
    }

    /// Writes a PNG beside its place. It gets its name when the batch with
    /// its row is committed.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn stage(&self, kind: ImageKind, name: &impl std::fmt::Display, bytes: &[u8]) -> Result<(), Error> {
        self.stage_file(kind, png(name), bytes)
    }

    /// Writes the picture of a frame, encoded in `format`, beside its place. It gets its name when the batch
    /// with its row, which must say the same format, is committed. Does nothing for [`FrameFormat::None`].
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn stage_frame(&self, frame: &FrameId, format: FrameFormat, bytes: &[u8]) -> Result<(), Error> {
        format.file_name(frame).map_or(Ok(()), |file| self.stage_file(ImageKind::Frame, file, bytes))
    }

    fn stage_file(&self, kind: ImageKind, image: String, bytes: &[u8]) -> Result<(), Error> {
        self.writable()?;
        let path = self.staged_path(kind, &image);
        let mut file = match files::create(&path) {
            // The folder is made when it is first needed, so that an empty run leaves none.
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                if files::create_folder(&self.root.join(kind.folder()))? {
                    files::sync(&self.root)?;
                }
                files::create(&path)?
            }
            made => made?,
        };
        if let Err(e) = file.write_all(bytes) {
            let _ = fs::remove_file(&path);
            return Err(Error::io(&path)(e));
        }
        self.not_committed().insert((kind, image.clone()), StagedImage::new(kind, image, bytes));
        Ok(())
    }

    pub(crate) fn publish_if_staged(&self, kind: ImageKind, file: &str) -> Result<(), Error> {
        let path = image_file(&self.root, kind, file);
        match fs::rename(self.staged_path(kind, file), &path) {
            // Rows are committed without images too: features of faces that are there already.
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(&path)(e)),
            _ => Ok(()),
        }
    }

    pub(crate) fn staged_path(&self, kind: ImageKind, file: &str) -> PathBuf {
        staged_file(&self.root, kind, file)
    }

    /// Reads a PNG's bytes, at most [`MAX_IMAGE_BYTES`]; also of one that is staged and waits for its batch.
    ///
    /// # Errors
    /// Those of [`files::open`].
    pub fn read_image(&self, kind: ImageKind, name: &impl std::fmt::Display) -> Result<Vec<u8>, Error> {
        read_image_file(&self.root, kind, &png(name))
    }

    /// Reads the pictures of frames.
    #[must_use]
    pub fn frame_reader(&self) -> FrameReader {
        FrameReader { root: self.root.clone() }
    }

    /// Writes the original's `metadata/annotations.json`: these labels, the attributes in the table, and the names, where
    /// anyone has one.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`].
    pub fn write_annotations(
        &self,
        labels: &[LabelRow],
        names: &BTreeMap<Label, String>,
    ) -> Result<(), Error> {
        self.writable()?;
        let metadata = self.metadata();
        let labels = labels.iter().map(|r| (&r.face, r.label));
        let mut said = read_attributes(&metadata)?;
        let mut file = annotations(labels, |face| said.remove(face).unwrap_or_default());
        file.names = names.iter().map(|(label, name)| (label.0, name.clone())).collect();
        write_annotations(&metadata.join("annotations.json"), &file)
    }

    /// Puts the faces of each person into `labeled_faces/{name or number}/` (hard links where the file system
    /// has them, else copies), as [`PersonFolders`] says. The old folder stands until the new one is whole.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_labeled_faces(
        &self,
        labels: &[LabelRow],
        names: &BTreeMap<Label, String>,
    ) -> Result<(), Error> {
        self.writable()?;
        let folders = PersonFolders::new(labels.iter().map(|row| row.label), names);
        let [target, new, old] =
            ["labeled_faces", ".labeled_faces.part", ".labeled_faces.old"].map(|name| self.root.join(name));
        files::remove_folder(&new)?;
        files::create_folder(&new)?;
        let mut made = HashSet::new();
        for row in labels {
            let dir = new.join(folders.of(row.label));
            if made.insert(row.label) {
                files::create_folder(&dir)?;
            }
            let from = self.image_path(ImageKind::Face, &row.face);
            // A crop that someone took away is missed by no one else, nor is what is no file.
            if !files::is_there(&from).unwrap_or(false) {
                continue;
            }
            let to = dir.join(format!("{}.png", row.face));
            if fs::hard_link(&from, &to).is_err() {
                let mut source = files::open(&from, MAX_IMAGE_BYTES)?;
                io::copy(&mut source, &mut files::create(&to)?).map_err(Error::io(&to))?;
            }
        }
        folders.write(&new)?;
        files::remove_folder(&old)?;
        if files::is_folder(&target)? {
            fs::rename(&target, &old).map_err(Error::io(&target))?;
        }
        fs::rename(&new, &target).map_err(Error::io(&target))?;
        files::remove_folder(&old)
    }

    /// Writes the original's `processed.txt` of the two folders.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_processed(&self, frames: &[FrameRow], extractions: &[ExtractionRow]) -> Result<(), Error> {
        self.writable()?;
        let write = |kind: ImageKind, names: Vec<&FrameId>| {
            let dir = self.root.join(kind.folder());
            files::create_folder(&dir)?;
            files::write(&dir.join("processed.txt"), |out| {
                names.iter().try_for_each(|name| writeln!(out, "{name}.png"))
            })
        };
        write(ImageKind::Frame, frames.iter().filter(|r| r.dropped.is_none()).map(|r| &r.frame).collect())?;
        write(ImageKind::AlignedFace, extractions.iter().map(|r| &r.frame).collect())
    }
}

/// File name of a PNG.
fn png(name: &impl std::fmt::Display) -> String {
    format!("{name}.png")
}

/// What the lock's file begins with; the number of the process that holds it follows.
const NOTE: &[u8] = b"process ";

fn take_lock(root: &Path) -> Result<FileLock, Error> {
    let path = root.join(".lock");
    let io = || Error::io(&path);
    let mut file = files::update(&path)?;
    let Some(lock) = file.try_clone().and_then(FileLock::take).map_err(io())? else {
        let mut holder = String::new();
        let read = file.take(200).read_to_string(&mut holder);
        let named = read.is_ok() && !holder.trim().is_empty();
        let holder = if named { holder.trim().to_owned() } else { "another process".into() };
        return Err(Error::InUse { path: root.to_owned(), holder });
    };
    let mut note = || -> io::Result<()> {
        let mut before = Vec::new();
        (&file).take(200).read_to_end(&mut before)?;
        // What is no note of ours is not overwritten: a second name of another file, say.
        if !before.is_empty() && !before.starts_with(NOTE) {
            return Ok(());
        }
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(NOTE)?;
        write!(file, "{}", std::process::id())
    };
    // Only a courtesy for the next process: a full disk must not keep us from reading.
    let _ = note();
    Ok(lock)
}

#[cfg(test)]
mod tests;
