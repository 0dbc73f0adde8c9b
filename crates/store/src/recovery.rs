//! What a killed process or a power cut left, completed or undone when a directory is opened for writing.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use streamface_types::{FaceId, FrameId};

use crate::batch::{number_of, unfinished_batch};
use crate::dataset::Dataset;
use crate::frame_reader::{STAGED, image_file};
use crate::staged_images::{self, StagedImage};
use crate::table::{self, Row};
use crate::{Batch, Error, FaceRow, FrameFormat, FrameRow, ImageKind, files};

/// What was undone because images of the last batch were damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// Images that were gone, cut short or changed.
    pub images: usize,
    /// Frames whose rows were taken back; the same command does them again, as far as their source still has them.
    pub frames: usize,
}

impl Dataset {
    /// Staged images whose rows were committed get their names, all others go: their batch will be done again.
    pub(crate) fn recover(&mut self) -> Result<(), Error> {
        let metadata = self.metadata();
        files::remove_folder(&self.root().join(".labeled_faces.part"))?;
        let [target, old] = ["labeled_faces", ".labeled_faces.old"].map(|name| self.root().join(name));
        if files::is_folder(&old)? && !files::is_folder(&target)? {
            fs::rename(&old, &target).map_err(Error::io(&target))?;
        }
        files::remove_folder(&old)?;
        remove_unfinished(self.root())?;
        remove_unfinished(&metadata)?;
        files::remove_folder(&unfinished_batch(&metadata))?;
        self.put_back()?;
        self.repaired = self.check_last_batch()?;
        self.name_staged()?;
        for kind in ImageKind::ALL {
            remove_unfinished(&self.root().join(kind.folder()))?;
        }
        Ok(())
    }

    fn name_staged(&self) -> Result<(), Error> {
        let mut staged = Vec::new();
        for kind in ImageKind::ALL {
            staged.push((kind, self.staged(kind)?));
        }
        if staged.iter().all(|(_, names)| names.is_empty()) {
            return Ok(());
        }
        let frames: HashSet<String> =
            self.read::<FrameRow>()?.iter().filter_map(FrameRow::file_name).collect();
        let faces: HashSet<FaceId> = self.read::<FaceRow>()?.into_iter().map(|r| r.face).collect();
        for (kind, all) in staged {
            for file in all {
                let committed = match kind {
                    ImageKind::Frame => frames.contains(&file),
                    ImageKind::Face | ImageKind::AlignedFace => {
                        file.parse().is_ok_and(|f| faces.contains(&f))
                    }
                };
                if committed {
                    self.publish_if_staged(kind, &file)?;
                } else {
                    files::remove(&self.staged_path(kind, &file))?;
                }
            }
        }
        Ok(())
    }

    /// File names that the staged images of a kind are to have.
    fn staged(&self, kind: ImageKind) -> Result<Vec<String>, Error> {
        let extension = |file: &str| file.rsplit_once('.').map(|(_, extension)| extension.to_owned());
        let image = |file: &String| {
            extension(file).is_some_and(|e| FrameFormat::ALL.iter().any(|f| f.extension() == Some(&e)))
        };
        let entries = files::entries(&self.root().join(kind.folder()))?;
        let regular = entries.into_iter().filter(|(_, kind)| kind.is_file());
        Ok(regular
            .filter_map(|(name, _)| Some(name.to_str()?.strip_prefix('.')?.strip_suffix(STAGED)?.to_owned()))
            .filter(image)
            .collect())
    }

    /// Compares the images of the last batch with what was written, and takes back what is damaged. Those of the batches
    /// before it were on the disk before it began.
    fn check_last_batch(&self) -> Result<Option<Repaired>, Error> {
        let metadata = self.metadata();
        let Some(batch) = table::batches(&metadata)?.pop() else { return Ok(None) };
        let images = staged_images::read(&batch)?;
        let is_broken = |image: &&StagedImage| {
            let staged = self.staged_path(image.kind, &image.file);
            !image.is_whole(&image_file(self.root(), image.kind, &image.file)) && !image.is_whole(&staged)
        };
        let broken: Vec<&StagedImage> = images.iter().filter(is_broken).collect();
        if broken.is_empty() {
            return Ok(None);
        }
        let rows = read_batch(&batch)?;
        let mut undone = Undone {
            searched: broken.iter().filter_map(|image| frame_of(image)).collect(),
            frames: broken
                .iter()
                .filter(|image| image.kind == ImageKind::Frame)
                .filter_map(|image| frame_of(image))
                .collect(),
        };
        // A file is gone on with after its last frame, so all that follow go with the damaged one. A stream's frames
        // cannot be had again: those that are whole stay, and are searched again where a face was damaged.
        let of_files =
            rows.frames.iter().filter(|row| !row.source.contains("://")).map(|row| row.frame.clone());
        undone.frames.extend(of_files);
        undone.searched.extend(undone.frames.iter().cloned());
        if rows.frames.is_empty() {
            // Faces of frames that were there before.
            undone.searched.extend(rows.extractions.iter().map(|row| row.frame.clone()));
            undone.searched.extend(rows.faces.iter().map(|row| row.face.frame.clone()));
        }
        let repaired = Repaired { images: broken.len(), frames: undone.searched.len() };
        self.take_back(&batch, rows, &undone, &images)?;
        Ok(Some(repaired))
    }

    /// Makes a batch anew without what is undone, and removes the images of that.
    fn take_back(
        &self,
        batch: &Path,
        rows: Batch,
        undone: &Undone,
        images: &[StagedImage],
    ) -> Result<(), Error> {
        let metadata = self.metadata();
        let (gone, kept): (Vec<_>, Vec<_>) = images.iter().cloned().partition(|image| undone.has(image));
        let rest = rows.without(undone);
        let aside = aside(batch);
        let part = if rest.is_empty() { None } else { Some(rest.write_unfinished(&metadata, &kept)?) };
        if let Some(part) = part {
            fs::rename(batch, &aside).map_err(Error::io(batch))?;
            fs::rename(&part, batch).map_err(Error::io(batch))?;
        } else {
            // What is unfinished is removed by whoever opens the directory next, if this is cut off.
            let part = unfinished_batch(&metadata);
            files::remove_folder(&part)?;
            fs::rename(batch, &part).map_err(Error::io(batch))?;
        }
        files::sync(&table::batches_dir(&metadata))?;
        for image in gone {
            files::remove(&image_file(self.root(), image.kind, &image.file))?;
            files::remove(&self.staged_path(image.kind, &image.file))?;
        }
        files::remove_folder(&aside)?;
        files::remove_folder(&unfinished_batch(&metadata))
    }

    /// A batch that was set aside, and whose new form did not come into its place.
    fn put_back(&self) -> Result<(), Error> {
        let batches = table::batches_dir(&self.metadata());
        for (name, _) in files::entries(&batches)? {
            let Some(number) = name.to_str().and_then(|n| n.strip_prefix(ASIDE)) else { continue };
            let (aside, batch) = (batches.join(&name), batches.join(number));
            if files::is_folder(&aside)? && !files::is_folder(&batch)? {
                fs::rename(&aside, &batch).map_err(Error::io(&batch))?;
            } else {
                files::remove_folder(&aside)?;
            }
        }
        Ok(())
    }
}

/// How a batch is called while another one takes its place.
const ASIDE: &str = ".aside-";

fn aside(batch: &Path) -> PathBuf {
    batch.with_file_name(format!("{ASIDE}{:08}", number_of(batch).unwrap_or_default()))
}

fn read_batch(batch: &Path) -> Result<Batch, Error> {
    fn rows<R: Row>(batch: &Path) -> Result<Vec<R>, Error> {
        let mut rows = Vec::new();
        table::read_table(&table::table_path::<R>(batch), |row| rows.push(row))?;
        Ok(rows)
    }
    Ok(Batch {
        frames: rows(batch)?,
        extractions: rows(batch)?,
        faces: rows(batch)?,
        features: rows(batch)?,
        attributes: rows(batch)?,
    })
}

/// What of a batch is to be done again.
struct Undone {
    /// Frames that are to be had from their source again.
    frames: BTreeSet<FrameId>,
    /// Frames that are to be searched for faces again; those of `frames` among them.
    searched: BTreeSet<FrameId>,
}

impl Undone {
    fn has(&self, image: &StagedImage) -> bool {
        let of = if image.kind == ImageKind::Frame { &self.frames } else { &self.searched };
        frame_of(image).is_none_or(|frame| of.contains(&frame))
    }
}

/// The frame that an image is, or is from.
fn frame_of(image: &StagedImage) -> Option<FrameId> {
    match image.kind {
        ImageKind::Frame => FrameId::new(image.file.rsplit_once('.')?.0).ok(),
        ImageKind::Face | ImageKind::AlignedFace => image.file.parse().ok().map(|face: FaceId| face.frame),
    }
}

impl Batch {
    /// The rows of what stays.
    fn without(mut self, undone: &Undone) -> Self {
        self.frames.retain(|r| !undone.frames.contains(&r.frame));
        self.extractions.retain(|r| !undone.searched.contains(&r.frame));
        self.faces.retain(|r| !undone.searched.contains(&r.face.frame));
        self.features.retain(|r| !undone.searched.contains(&r.face.frame));
        self.attributes.retain(|r| !undone.searched.contains(&r.face.frame));
        self
    }
}

/// Removes temporary files of [`crate::write_atomic`] whose process is gone (we hold the lock).
fn remove_unfinished(dir: &Path) -> Result<(), Error> {
    for (name, kind) in files::entries(dir)? {
        let text = name.to_string_lossy();
        if kind.is_file() && text.starts_with('.') && text.ends_with(STAGED) {
            // What cannot be removed stays, and harms nobody.
            let _ = fs::remove_file(dir.join(&name));
        }
    }
    Ok(())
}
