//! One Parquet file, a row a face: the columns of [`table_writer`](crate::table_writer).

use std::path::Path;

use crate::format::{Description, ExportSettings, Format};
use crate::report::{Observer, Summary};
use crate::snapshot::Snapshot;
use crate::{Error, table_writer};

/// One table as Parquet.
#[derive(Debug, Clone, Copy)]
pub struct Parquet;

impl Format for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn description(&self) -> Description {
        Description { export: Some("One Parquet file, a row a face"), import: None }
    }

    fn is_file(&self) -> bool {
        true
    }

    fn export(
        &self,
        set: &Snapshot<'_>,
        out: &Path,
        _: &ExportSettings,
        _: Observer<'_>,
    ) -> Result<Summary, Error> {
        table_writer::write_parquet(set, out)
    }
}
