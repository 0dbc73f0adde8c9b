//! Dataset directories: opened by the steps after the first, removed where nothing came.

use std::ffi::OsStr;
use std::path::Path;

use streamface_capture::{Sources, sources};
use streamface_store::{Dataset, files};

use super::first_keyframes::FILE as FIRST_KEYFRAMES;
use crate::error::At as _;
use crate::event::Context;
use crate::{Error, Result};

/// Opens a directory that an earlier step has made, to change it.
pub(super) fn open_existing(dir: &Path) -> Result<Dataset> {
    check_existing(dir)?;
    Ok(Dataset::open(dir)?)
}

/// Opens a directory that an earlier step has made, to read it: without its lock, so also where it cannot be written and
/// while another command changes it.
pub(super) fn open_reading(dir: &Path) -> Result<Dataset> {
    check_existing(dir)?;
    Ok(Dataset::read_only(dir)?)
}

fn check_existing(dir: &Path) -> Result<()> {
    if files::is_folder(&dir.join("metadata"))? { Ok(()) } else { Err(Error::NoDataset(dir.to_owned())) }
}

/// Says what was taken back when the directory was opened.
pub(super) fn tell_repaired(data: &Dataset, context: &Context<'_>) {
    if let Some(repaired) = data.repaired() {
        context.warn(format!(
            "{}: {} images of the last batch were damaged, as after a power cut; {} frames are done again",
            data.root().display(),
            repaired.images,
            repaired.frames
        ));
    }
}

/// What a source holds, before the directory `out` is made for it.
pub(super) fn find_source(source: &OsStr, name: Option<&str>, out: &Path) -> Result<Sources> {
    let found = sources(source, name).at(|| "source".to_owned())?;
    // Its own frames would be searched for faces the next time.
    if Path::new(source).canonicalize().is_ok_and(|source| out.canonicalize().is_ok_and(|out| source == out))
    {
        let said =
            format!("--out {} is the folder that is searched; give a directory of its own", out.display());
        return Err(Error::Setting(said));
    }
    check_place(out)?;
    Ok(found)
}

/// Names by which a dataset directory is known: one of the original may have its folders alone.
const OWN: [&str; 3] = ["metadata", "frames", "faces"];

/// Refuses a folder with other things in it: a dataset's files would lie among them. Hidden files are no obstacle, nor is what
/// a new file system has.
fn check_place(out: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(out) else { return Ok(()) };
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    if names.iter().any(|name| OWN.iter().any(|own| name == own)) {
        return Ok(());
    }
    let other =
        |name: &&std::ffi::OsString| !name.as_encoded_bytes().starts_with(b".") && *name != "lost+found";
    match names.iter().filter(other).min() {
        None => Ok(()),
        Some(there) => Err(Error::Setting(format!(
            "--out {} holds other things, such as '{}', and is no dataset directory; give a new or an empty one",
            out.display(),
            there.display()
        ))),
    }
}

/// Removes a directory in which nothing but settings and the lock was ever written.
pub(super) fn remove_if_fresh(data: Dataset) {
    let (root, metadata) = (data.root().to_owned(), data.metadata());
    let only = |dir: &Path, known: &[&str]| {
        std::fs::read_dir(dir)
            .is_ok_and(|entries| entries.flatten().all(|e| known.iter().any(|k| e.file_name() == *k)))
    };
    if only(&root, &["metadata", ".lock"]) && only(&metadata, &["settings.json", FIRST_KEYFRAMES]) {
        drop(data);
        // Each of these is ours and known to be there; what fails stays, and harms nobody.
        let _ = std::fs::remove_file(metadata.join("settings.json"));
        let _ = std::fs::remove_file(metadata.join(FIRST_KEYFRAMES));
        let _ = std::fs::remove_dir(&metadata);
        let _ = std::fs::remove_file(root.join(".lock"));
        let _ = std::fs::remove_dir(&root);
    }
}
