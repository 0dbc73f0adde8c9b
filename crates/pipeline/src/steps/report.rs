//! `report.html` from what the dataset holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use streamface_annotate::labels::{DatasetLabels, LabelSource};
use streamface_report::{Face, Frame, Model, Person, Report};
use streamface_store::{Dataset, ExtractionRow, FaceRow, FrameRow, ImageKind, NamedLabels, files};
use streamface_types::{FaceId, Label};

use super::dataset_dir::open_reading;
use super::labels::wanted;
use super::models::manifest_of;
use super::pictures::pictures;
use crate::Result;
use crate::error::At as _;
use crate::settings::{Record, ReportSettings, Settings as _, read_record};

/// What a report came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportResult {
    /// Which labels were taken.
    pub labels: LabelSource,
    /// `report.html`.
    pub page: PathBuf,
}

/// Writes `report.html` anew.
///
/// # Errors
/// What reading and writing meets.
pub fn report(dir: &Path, settings: &ReportSettings) -> Result<ReportResult> {
    settings.check()?;
    let data = open_reading(dir)?;
    let labels = wanted(&data, Some(settings.labels.as_ref()))
        .at(|| "--labels takes auto, reviewed, clusters or a file of labels".to_owned())?;
    let sources: Vec<String> = data.read::<FrameRow>()?.into_iter().map(|f| f.source).collect();
    let source = sources.first().map_or_else(|| dir.display().to_string(), Clone::clone);
    let page = write_report(&data, &source, &labels)?;
    Ok(ReportResult { labels: labels.from, page })
}

/// Writes the report and says where.
pub(super) fn write_report(data: &Dataset, source: &str, labels: &DatasetLabels) -> Result<PathBuf> {
    let record = read_record(data)?;
    let searched = data.read::<ExtractionRow>()?;
    let dropped = |get: fn(&ExtractionRow) -> u32| searched.iter().map(|r| u64::from(get(r))).sum::<u64>();
    let report = Report {
        title: data
            .root()
            .file_name()
            .map_or_else(|| "StreamFace".into(), |n| n.to_string_lossy().into_owned()),
        source: source.to_owned(),
        settings: shown_settings(&record, labels),
        models: models(data, &record)?,
        frames: data.read::<FrameRow>()?.into_iter().map(frame).collect(),
        dropped_faces: vec![
            ("too small".into(), dropped(|r| r.small)),
            ("blurred".into(), dropped(|r| r.blurred)),
        ],
        people: people(data, &labels.named)?,
        faces_folder: ImageKind::Face.folder().into(),
        ..Report::default()
    };
    let path = data.root().join("report.html");
    files::write(&path, |out| report.render(out, &mut pictures(data)).map_err(std::io::Error::other))?;
    Ok(path)
}

fn frame(row: FrameRow) -> Frame {
    Frame {
        source: row.frame.source().map_or_else(|| "images".into(), str::to_owned),
        stream_time: row.stream_time,
        captured_at: row.frame.timestamp(),
        dropped: row.dropped.map(|d| d.name().to_owned()),
        empty: row.empty,
        blur: row.blur,
        similarity: row.similarity,
        id: row.frame,
    }
}

fn people(data: &Dataset, NamedLabels { labels, names }: &NamedLabels) -> Result<Vec<Person>> {
    let faces: BTreeMap<FaceId, FaceRow> =
        data.read::<FaceRow>()?.into_iter().map(|f| (f.face.clone(), f)).collect();
    let mut people: BTreeMap<Label, Vec<Face>> = BTreeMap::new();
    for (face, &label) in labels {
        let Some(row) = faces.get(face) else { continue };
        let face = Face { id: face.clone(), score: row.score, blur: Some(row.blur) };
        people.entry(label).or_default().push(face);
    }
    let person = |(label, faces)| {
        let name = names.get(&label).filter(|_| !label.is_noise()).cloned();
        Person { label, name, faces }
    };
    Ok(people.into_iter().map(person).collect())
}

fn shown_settings(record: &Record, labels: &DatasetLabels) -> Vec<(String, String)> {
    // In the order of the steps, not of the alphabet.
    let steps = ["capture", "extract", "analyze", "cluster"];
    let of =
        |step: &str| record.get(step).into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    let all: Vec<Vec<(String, String)>> = steps.iter().map(|s| of(s)).collect();
    let mut shown: Vec<_> = all.concat().into_iter().filter(|(k, _)| !k.ends_with("-sha256")).collect();
    // What needs no word is what came of the settings above.
    if !matches!(labels.from, LabelSource::Clusters | LabelSource::Nothing) {
        shown.push(("labels".to_owned(), labels.from.to_string()));
    }
    shown
}

fn models(data: &Dataset, record: &Record) -> Result<Vec<Model>> {
    let used = |step: &str, key: &str| record.get(step).and_then(|s| s.get(key)).cloned();
    let mut models = Vec::new();
    for (step, key) in [("extract", "detector"), ("analyze", "embedder")] {
        let Some(name) = used(step, key) else { continue };
        let manifest = manifest_of(data, &name)?;
        models.push(Model {
            role: key.to_owned(),
            sha256: used(step, &format!("{key}-sha256")).unwrap_or_default(),
            licence: format!("{}. {}", manifest.licence, manifest.licence_note),
            name,
        });
    }
    Ok(models)
}
