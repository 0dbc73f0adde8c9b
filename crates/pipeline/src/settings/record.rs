//! The record of settings that a dataset directory keeps, so that one directory never mixes two ways of doing a
//! step.

use std::collections::{BTreeMap, BTreeSet};

pub use streamface_store::Record;
use streamface_store::{Dataset, files};

use crate::{Error, Result};

fn record_path(data: &Dataset) -> std::path::PathBuf {
    data.metadata().join("settings.json")
}

/// The settings that the directory was made with.
///
/// # Errors
/// The file cannot be read.
pub fn read_record(data: &Dataset) -> Result<Record> {
    Ok(data.record()?)
}

/// Records the settings of a step. Where `fixed`, they must be those of the first time: a directory
/// holds one kind of frames, faces and features.
///
/// # Errors
/// They differ: the error names each, and what it was.
pub(crate) fn record(data: &Dataset, step: &str, fixed: bool, settings: &[(&str, String)]) -> Result<()> {
    let mut all = read_record(data)?;
    let new: BTreeMap<_, _> = settings.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    if let Some(old) = all.get(step).filter(|old| fixed && **old != new) {
        let was = |k: &String| old.get(k).map_or("not set", String::as_str);
        let is = |k: &String| new.get(k).map_or("not set", String::as_str);
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let differ = keys.into_iter().filter(|k| was(k) != is(k));
        let said: Vec<_> = differ.map(|k| format!("{k} was {}, now {}", was(k), is(k))).collect();
        return Err(Error::Mismatch(format!(
            "{} was made with other settings ({}); give the same ones, or another directory",
            data.root().display(),
            said.join("; ")
        )));
    }
    if all.get(step) == Some(&new) {
        return Ok(());
    }
    all.insert(step.to_owned(), new);
    let path = record_path(data);
    let mut json = serde_json::to_vec_pretty(&all)?;
    json.push(b'\n');
    files::write(&path, |out| std::io::Write::write_all(out, &json))?;
    Ok(())
}
