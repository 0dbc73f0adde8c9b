//! Makes a dataset smaller: removes pictures that no later step needs.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use streamface_imgproc::{DecodeLimits, decode_image, encode_png};
use streamface_store::{
    Dataset, ExtractionRow, FaceRow, FeatureRow, FrameFormat, FrameRow, ImageKind, files as store_files,
};
use streamface_types::{FaceId, FrameId};

use super::dataset_dir::open_existing;
use super::last_frames::LastFrames;
use crate::error::At as _;
use crate::settings::{PruneSettings, Settings as _};
use crate::{Error, Result};

/// Files, and what they take on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Files {
    /// How many.
    pub files: u64,
    /// Bytes on the disk; none for a file that has a second name, as a linked export gives it.
    pub bytes: u64,
}

impl Files {
    fn add(&mut self, about: &Metadata) {
        self.files += 1;
        self.bytes += if about.nlink() > 1 { 0 } else { about.blocks() * 512 };
    }
}

/// What was removed, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PruneResult {
    /// Pictures of frames that were removed.
    pub frames: Files,
    /// Those that are left.
    pub left: Files,
    /// Of these, left because `extract` has not searched them yet.
    pub unsearched: u64,
    /// Left because faces in them have no embedding yet.
    pub unembedded: u64,
    /// Left because a run that goes on compares with them.
    pub last: u64,
    /// What other commands make anew.
    pub caches: Files,
    /// Whether nothing was removed in truth.
    pub dry_run: bool,
}

/// Removes pictures of frames that no face was found in, or, with [`PruneSettings::all_frames`], of all frames whose faces
/// are embedded. Crops, embeddings, labels, decisions and all rows stay: clustering, review, finalize, verify, stats and the
/// export of faces need no frames. The rows of the frames say that there is no picture any more.
///
/// # Errors
/// What reading and writing meets.
pub fn prune(dir: &Path, settings: &PruneSettings) -> Result<PruneResult> {
    settings.check()?;
    let data = open_existing(dir)?;
    let mut rows: Vec<FrameRow> = data.read()?;
    let mut result = PruneResult { dry_run: settings.dry_run, ..PruneResult::default() };
    let last = choose(&data, &mut rows, settings.all_frames, &mut result)?;
    let folder = data.root().join(ImageKind::Frame.folder());
    let (surplus, left) = pictures(&folder, &rows)?;
    result.frames = total(&surplus);
    result.left = total(&left);
    let caches = if settings.caches { caches(&data)? } else { Vec::new() };
    result.caches = total(&caches);
    if settings.dry_run {
        return Ok(result);
    }
    // In this order a process that is killed leaves pictures too many, which the next call removes, and none too few.
    keep_last(&data, &last)?;
    data.compact()?;
    data.replace(rows)?;
    for (path, _) in surplus.iter().chain(&caches) {
        store_files::remove(path)?;
    }
    if settings.caches {
        remove_empty(&data.root().join(LABELED));
    }
    Ok(result)
}

/// Takes the format from rows whose pictures are to go. Gives the frames whose pictures go, and that a run which goes on
/// compares with, with their format.
fn choose(
    data: &Dataset,
    rows: &mut [FrameRow],
    all: bool,
    result: &mut PruneResult,
) -> Result<Vec<(FrameId, FrameFormat)>> {
    let searched: HashSet<FrameId> = data.read::<ExtractionRow>()?.into_iter().map(|r| r.frame).collect();
    let mut embedded: HashSet<FaceId> = HashSet::new();
    data.each(|row: FeatureRow| {
        embedded.insert(row.face);
    })?;
    let (mut with_faces, mut waiting) = (HashSet::new(), HashSet::new());
    data.each(|row: FaceRow| {
        if !embedded.contains(&row.face) {
            waiting.insert(row.face.frame.clone());
        }
        with_faces.insert(row.face.frame);
    })?;
    let last = last_of(rows);
    let mut moved = Vec::new();
    for row in rows.iter_mut().filter(|row| row.file_name().is_some()) {
        let has_face = with_faces.contains(&row.frame);
        if !searched.contains(&row.frame) && !has_face {
            result.unsearched += 1;
        } else if waiting.contains(&row.frame) {
            result.unembedded += 1;
        } else if has_face && !all {
            // Nothing is said of these: they are what the command leaves.
        } else if last.contains(&row.frame) && !all {
            result.last += 1;
        } else {
            if last.contains(&row.frame) {
                moved.push((row.frame.clone(), row.format));
            }
            row.format = FrameFormat::None;
        }
    }
    Ok(moved)
}

/// The last two kept frames of the sources seen last.
fn last_of(rows: &[FrameRow]) -> HashSet<FrameId> {
    let mut kept: Vec<&FrameRow> = rows.iter().filter(|row| row.dropped.is_none()).collect();
    kept.sort_by_key(|row| (row.frame.timestamp(), row.frame.clone()));
    let mut last = LastFrames::default();
    kept.into_iter().for_each(|row| last.add(row.frame.clone(), None));
    last.frames().cloned().collect()
}

/// Keeps the pictures of last frames without loss, apart from `frames/`.
fn keep_last(data: &Dataset, last: &[(FrameId, FrameFormat)]) -> Result<()> {
    for (frame, format) in last {
        // One that is gone cannot be kept.
        let Ok(bytes) = data.frame_reader().read_last(frame, *format) else { continue };
        let image = decode_image(&bytes, &DecodeLimits::default()).at(|| frame.to_string())?;
        data.write_last_frame(frame, &encode_png(&image)?)?;
    }
    Ok(())
}

/// A file, and what is known of it.
type Found = (PathBuf, Metadata);

fn total(files: &[Found]) -> Files {
    let mut total = Files::default();
    files.iter().for_each(|(_, about)| total.add(about));
    total
}

/// The pictures of known frames that their rows do not name, and those that they do.
fn pictures(folder: &Path, rows: &[FrameRow]) -> Result<(Vec<Found>, Vec<Found>)> {
    let named: HashMap<&str, Option<String>> =
        rows.iter().map(|row| (row.frame.as_str(), row.file_name())).collect();
    let (mut surplus, mut left) = (Vec::new(), Vec::new());
    for (path, about) in files(folder)? {
        let Some((name, stem)) = path.file_name().zip(path.file_stem()) else { continue };
        let (name, stem) = (name.to_string_lossy(), stem.to_string_lossy());
        let Some(wanted) = named.get(&*stem) else { continue };
        if wanted.as_deref() == Some(&*name) {
            left.push((path, about));
        } else if FrameFormat::ALL
            .iter()
            .any(|f| f.extension().is_some_and(|e| name == format!("{stem}.{e}")))
        {
            surplus.push((path, about));
        }
    }
    Ok((surplus, left))
}

/// Folder of the faces of each person.
const LABELED: &str = "labeled_faces";

/// What other commands make anew.
fn caches(data: &Dataset) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let labeled = data.root().join(LABELED);
    for (path, about) in entries(&labeled)? {
        if about.is_dir() {
            found.extend(files(&path)?);
        } else if about.is_file() {
            found.push((path, about));
        }
    }
    for name in ["review.index", "review.vectors"] {
        let path = data.metadata().join(name);
        if let Ok(about) = fs::symlink_metadata(&path)
            && about.is_file()
        {
            found.push((path, about));
        }
    }
    Ok(found)
}

/// The plain files of a folder, by name. Links are none.
fn files(folder: &Path) -> Result<Vec<Found>> {
    Ok(entries(folder)?.into_iter().filter(|(_, about)| about.is_file()).collect())
}

/// What is in a folder, by name; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for (name, _) in store_files::entries(folder)? {
        let path = folder.join(name);
        let about = fs::symlink_metadata(&path).map_err(Error::io(&path))?;
        found.push((path, about));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Removes the folders of `labeled_faces/` that are empty now. What is not ours stays, and harms nobody.
fn remove_empty(labeled: &Path) {
    for (folder, _) in entries(labeled).unwrap_or_default() {
        let _ = fs::remove_dir(folder);
    }
    let _ = fs::remove_dir(labeled);
}

#[cfg(test)]
mod tests;
