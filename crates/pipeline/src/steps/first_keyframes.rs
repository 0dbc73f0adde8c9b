//! `metadata/sources.jsonl`: the first keyframe of each file, by which another file of the same name is told from it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use streamface_store::{Dataset, files};

use crate::{Error, Result};

/// Name of the file in `metadata/`.
pub(super) const FILE: &str = "sources.jsonl";
/// Longest file that is read, bytes: a million files with long paths.
const MAX_FILE: u64 = 1 << 30;

/// The first keyframes that are known, by source.
#[derive(Debug)]
pub(super) struct FirstKeyframes {
    path: PathBuf,
    known: BTreeMap<String, u64>,
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    source: String,
    /// Checksum of the compressed bytes, in hexadecimal digits.
    first_keyframe: String,
}

impl FirstKeyframes {
    /// Reads what there is. A line that a killed process left unfinished is passed over; of several on one source the last
    /// counts.
    pub(super) fn read(data: &Dataset) -> Result<Self> {
        let path = data.metadata().join(FILE);
        let mut known = BTreeMap::new();
        if let Some(file) = files::find(&path, MAX_FILE)? {
            for line in BufReader::new(file).split(b'\n') {
                let line = line.map_err(Error::io(&path))?;
                let Ok(Line { source, first_keyframe }) = serde_json::from_slice(&line) else { continue };
                if let Ok(checksum) = u64::from_str_radix(&first_keyframe, 16) {
                    known.insert(source, checksum);
                }
            }
        }
        Ok(Self { path, known })
    }

    /// All of them.
    pub(super) fn all(&self) -> BTreeMap<String, u64> {
        self.known.clone()
    }

    /// Notes one, at once: a run that is killed is gone on with as well.
    pub(super) fn add(&mut self, source: String, checksum: u64) -> Result<()> {
        if self.known.get(&source) == Some(&checksum) {
            return Ok(());
        }
        let line = Line { source: source.clone(), first_keyframe: format!("{checksum:016x}") };
        let line = serde_json::to_string(&line)? + "\n";
        let mut file = files::append(&self.path)?;
        file.write_all(line.as_bytes()).map_err(Error::io(&self.path))?;
        self.known.insert(source, checksum);
        Ok(())
    }
}
