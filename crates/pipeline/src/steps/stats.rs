//! What is in datasets.

use std::path::{Path, PathBuf};

use streamface_annotate::LabelSource;
use streamface_eval::labels::each_annotation;
use streamface_eval::person_attributes::UnknownBelow;
use streamface_eval::presence::FrameFate;
use streamface_eval::stats::{Stats, StatsBuilder};
use streamface_report::{FromBytes, StatsPage};
use streamface_store::{Dataset, FaceRow, FeatureRow, FrameRow, check_beside, each_attributes, files};
use streamface_types::FaceId;

use super::dataset_dir::open_reading;
use super::labels::{unknown_names, wanted};
use super::outputs::{self, Output};
use super::people_attributes::{join, unknown_below};
use super::pictures::picture;
use super::report::fate;
use crate::settings::{Settings as _, StatsSettings};
use crate::threads::with_threads;
use crate::{Error, Result};

/// What is in datasets.
#[derive(Debug)]
#[non_exhaustive]
pub struct StatsResult {
    /// Which labels were taken, of each directory.
    pub labels: Vec<LabelSource>,
    /// What is said of names in files of labels that are no faces.
    pub warnings: Vec<String>,
    /// The numbers.
    pub stats: Stats,
    /// The page; the same as JSON lies beside it.
    pub page: PathBuf,
}

/// What is in datasets together: hours, frames, faces, people, attributes. People of two datasets are not matched,
/// but for those whose labels are the same name.
///
/// # Errors
/// No directory; what reading and writing meets.
pub fn stats(dirs: &[PathBuf], settings: &StatsSettings) -> Result<StatsResult> {
    settings.check()?;
    let files = &settings.labels;
    if !files.is_empty() && files.len() != dirs.len() {
        let (files, dirs) = (files.len(), dirs.len());
        let said = format!("{files} files of labels for {dirs} directories: give one for each");
        return Err(Error::Setting(said));
    }
    let Some(first) = dirs.first() else {
        return Err(Error::Setting("at least one dataset directory is needed".to_owned()));
    };
    let page = Output::new(settings.out.as_ref(), || first.join("stats.html"));
    if let Output::Given(page) = &page {
        let json = page.with_extension("json");
        let read = dirs.iter().chain(files).map(PathBuf::as_path);
        outputs::check([page.as_path(), &json], read)?;
        check_beside(page, &json)?;
    }
    with_threads(settings.threads, || {
        let opened: Vec<Dataset> = dirs.iter().map(|dir| open_reading(dir)).collect::<Result<_>>()?;
        let mut unknown = UnknownBelow::new();
        for data in &opened {
            join(&mut unknown, &unknown_below(data)?);
        }
        let mut shown: Vec<(String, String)> = unknown
            .iter()
            .map(|(name, below)| (format!("{name} unknown below"), below.to_string()))
            .collect();
        let mut all = StatsBuilder::with_unknown_below(unknown);
        let (mut sources, mut warnings) = (Vec::new(), Vec::new());
        for (at, (dir, data)) in dirs.iter().zip(&opened).enumerate() {
            all.dataset();
            let labels = files.get(at).map(PathBuf::as_path);
            let (labels, warning) = dataset(&mut all, data, labels, settings.no_distances)?;
            shown.push((format!("labels of {}", dir.display()), labels.to_string()));
            sources.push(labels);
            warnings.extend(warning);
        }
        let stats = all.finish()?;
        let paths: Vec<String> = dirs.iter().map(|d| d.display().to_string()).collect();
        let shown = StatsPage {
            title: "Statistics".to_owned(),
            source: paths.join(", "),
            settings: shown,
            datasets: datasets(dirs),
            stats: &stats,
        };
        let mut pictures = FromBytes(|face: &FaceId| opened.iter().find_map(|data| picture(data, face)));
        page.write(|out| shown.render(out, &mut pictures).map_err(std::io::Error::other))?;
        let page = page.into_path();
        files::write(&page.with_extension("json"), |out| {
            serde_json::to_writer_pretty(out, &stats).map_err(Into::into)
        })?;
        Ok(StatsResult { labels: sources, warnings, stats, page })
    })
}

/// What to call each of several datasets beside its people.
fn datasets(dirs: &[PathBuf]) -> Vec<String> {
    let last = |dir: &PathBuf| {
        dir.file_name().map_or_else(|| dir.display().to_string(), |n| n.to_string_lossy().into())
    };
    dirs.iter().map(last).collect()
}

/// Counts one dataset, and says which labels were taken and what is not as it should be with them.
fn dataset(
    all: &mut StatsBuilder,
    data: &Dataset,
    labels: Option<&Path>,
    no_distances: bool,
) -> Result<(LabelSource, Option<String>)> {
    let metadata = data.metadata();
    let own = metadata.join("annotations.json");
    let has_own = files::is_there(&own)?;
    let mut frames = 0_u64;
    data.each(|row: FrameRow| {
        all.frame(&row.frame, &row.source, fate(row.dropped));
        frames += 1;
    })?;
    let mut faces = 0_u64;
    // A dataset of the original has no tables: its annotations name the faces, and these the frames.
    let mut counted = |all: &mut StatsBuilder, face: &FaceId, last: &mut Option<FaceId>| {
        if frames == 0 && last.as_ref().is_none_or(|last| last.frame != face.frame) {
            all.frame(&face.frame, "", FrameFate::Kept);
        }
        all.face(face);
        *last = Some(face.clone());
        faces += 1;
    };
    let mut last = None;
    data.each(|row: FaceRow| {
        counted(all, &row.face, &mut last);
        row.quality.into_iter().for_each(|quality| all.quality(&row.face, quality));
    })?;
    if last.is_none() && has_own {
        let mut named: Vec<FaceId> = Vec::new();
        each_annotation(&own, |name, _| named.extend(name.parse::<FaceId>()))?;
        named.sort_unstable();
        named.dedup();
        named.iter().for_each(|face| counted(all, face, &mut last));
    }
    let mut found = wanted(data, labels)?;
    if found.from == LabelSource::Nothing && has_own {
        found = wanted(data, Some(&own))?;
    }
    let mut rows = 0_u64;
    for (face, label) in &found.named.labels {
        let called = found.named.names.get(label).map(String::as_str);
        rows += u64::from(all.label(face, label.0, called));
    }
    if let LabelSource::File(path) = &found.from
        && rows == 0
        && faces > 0
    {
        let (path, dir) = (path.display(), data.root().display());
        return Err(Error::Mismatch(format!("{path} names none of the faces of {dir}")));
    }
    data.each(|row: FeatureRow| {
        row.quality.into_iter().for_each(|quality| all.quality(&row.face, quality));
        if !no_distances {
            all.embedding(&row.face, &row.model, &row.embedding);
        }
    })?;
    let mut any = false;
    each_attributes(&metadata, |face, said, _| {
        all.attributes(&face, &said);
        any = true;
    })?;
    if !any && has_own {
        // The original has no table of them.
        each_annotation(&own, |name, said| {
            if let Ok(face) = name.parse() {
                all.attributes(&face, &said.attributes);
            }
        })?;
    }
    let warning = unknown_names(&found);
    Ok((found.from, warning))
}
