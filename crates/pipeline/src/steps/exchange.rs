//! Datasets from and to other programs.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use streamface_annotate::labels::{DatasetLabels, LabelSource};
use streamface_exchange::{
    ExportSettings as Given, Format, ImportSettings as Taken, Labels, Limits, Place, Progress, Snapshot,
    Summary, detect, export_snapshot, import as import_set,
};

use super::dataset_dir::open_reading;
use super::labels::{asked, unknown_names};
use crate::event::{Context, Event};
use crate::settings::{ExportSettings, ImportSettings, Settings as _};
use crate::{Error, Result};

/// What an export came to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExportResult {
    /// Which labels were taken.
    pub labels: LabelSource,
    /// What was written.
    pub summary: Summary,
}

/// Writes a dataset in another program's form to `out`.
///
/// # Errors
/// There is something at `out`, the dataset lacks what the format is made of, or what reading and writing meets.
pub fn export(
    dir: &Path,
    format: &dyn Format,
    out: &Path,
    settings: &ExportSettings,
    context: &Context<'_>,
) -> Result<ExportResult> {
    settings.check()?;
    let data = open_reading(dir)?;
    let found = asked(&data, settings.labels.as_ref())?;
    unknown_names(&found).into_iter().for_each(|said| context.warn(said));
    let DatasetLabels { named, from, .. } = found;
    let labels = Labels::Given(named);
    let too_large = |_| Error::Setting("shard-faces is too large".to_owned());
    let given = Given {
        labels,
        place: place(settings.copy),
        aligned: settings.aligned,
        noise: settings.noise,
        shard_faces: settings.shard_faces.try_into().map_err(too_large)?,
        folds: settings.folds,
        pairs: settings.pairs,
        seed: settings.seed,
    };
    let set = Snapshot::read(&data, &given.labels)?;
    let observe = |p: Progress| context.phase(p.what, p.done, p.total);
    let done = export_snapshot(&set, format, out, &given, &observe);
    context.event(&Event::Ended);
    Ok(ExportResult { labels: from, summary: done? })
}

/// Writes a dataset in another program's form, which must be one file, to `out`: standard output, say.
///
/// # Errors
/// Those of [`export`]; a form that is a folder.
pub fn export_stream(
    dir: &Path,
    format: &dyn Format,
    out: &mut dyn Write,
    settings: &ExportSettings,
    context: &Context<'_>,
) -> Result<ExportResult> {
    let name = format.name();
    if !format.is_file() {
        return Err(Error::Setting(format!("{name} is a folder of files: give --out a place for it, not -")));
    }
    let folder = tempfile::tempdir().map_err(Error::io(Path::new("a temporary folder")))?;
    let path = folder.path().join(format!("export.{name}"));
    let done = export(dir, format, &path, settings, context)?;
    let copied =
        File::open(&path).and_then(|mut file| std::io::copy(&mut file, out)).and_then(|_| out.flush());
    copied.map_err(Error::io(Path::new("standard output")))?;
    Ok(done)
}

/// Makes a dataset directory `out` of another program's folder or file, in the format that it looks like where none is
/// given.
///
/// # Errors
/// There is something at `out`, nothing could be taken, or what reading and writing meets.
pub fn import(
    path: &Path,
    format: Option<&dyn Format>,
    out: &Path,
    settings: &ImportSettings,
    context: &Context<'_>,
) -> Result<Summary> {
    settings.check()?;
    let taken = Taken {
        place: place(settings.copy),
        photos: settings.photos,
        images: settings.images.clone(),
        pickle: Limits { length: settings.max_pickle, ..Limits::default() },
    };
    std::fs::metadata(path).map_err(Error::io(path))?;
    let format = match format {
        Some(format) => format,
        None => detect(path).ok_or_else(|| {
            let why = "it looks like none of the formats that are read; give --format";
            Error::Input(format!("{}: {why}", path.display()))
        })?,
    };
    let observe = |p: Progress| context.phase(p.what, p.done, p.total);
    let done = import_set(path, format, out, &taken, &observe);
    context.event(&Event::Ended);
    Ok(done?)
}

fn place(copy: bool) -> Place {
    if copy { Place::Copy } else { Place::Link }
}
