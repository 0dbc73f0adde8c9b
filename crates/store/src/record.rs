//! The record of settings that a dataset directory keeps: `metadata/settings.json`.

use std::collections::BTreeMap;
use std::io::{BufReader, Read as _};

use crate::{Dataset, Error, files};

/// Settings of the steps as a directory records them: step → name → value.
pub type Record = BTreeMap<String, BTreeMap<String, String>>;

impl Dataset {
    /// The settings that the directory was made with; nothing where there is no record.
    ///
    /// # Errors
    /// Those of [`files::find`], [`Error::Format`].
    pub fn record(&self) -> Result<Record, Error> {
        let path = self.metadata().join("settings.json");
        let Some(file) = files::find(&path, files::MAX_SETTINGS)? else { return Ok(Record::new()) };
        let read = serde_json::from_reader(BufReader::new(file.take(files::MAX_SETTINGS)));
        read.map_err(|e| Error::format(&path, format!("not a record of settings: {e}")))
    }
}
