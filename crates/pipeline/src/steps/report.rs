//! `report.html` from what the dataset holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use streamface_annotate::labels::{DatasetLabels, LabelSource};
use streamface_eval::format::{Count, Plural};
use streamface_eval::person_attributes::AttributeVotes;
use streamface_eval::presence::FrameFate;
use streamface_report::{Face, Frame, Model, Person, Report};
use streamface_store::{
    Dataset, DropReason, ExtractionRow, FaceRow, FrameRow, ImageKind, NamedLabels, each_attributes, files,
};
use streamface_types::{BoundingBox, FaceId, Label};

use super::dataset_dir::open_reading;
use super::labels::{asked, unknown_names};
use super::models::manifest_of;
use super::people_attributes::{GivenBy, attribute_models, confidences};
use super::pictures::pictures;
use crate::Result;
use crate::settings::{Record, ReportSettings, Settings as _, read_record};

/// What a report came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportResult {
    /// Which labels were taken.
    pub labels: LabelSource,
    /// What is said of names in a file of labels that are no faces of the dataset.
    pub warning: Option<String>,
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
    let labels = asked(&data, settings.labels.as_ref())?;
    let sources: BTreeSet<String> = data.read::<FrameRow>()?.into_iter().map(|f| f.source).collect();
    let source = source_of(&sources).unwrap_or_else(|| dir.display().to_string());
    let page = write_report(&data, &source, &labels)?;
    let warning = unknown_names(&labels);
    Ok(ReportResult { labels: labels.from, warning, page })
}

/// What the sources of frames are together: the only one, or the folder that all of them are in.
fn source_of(sources: &BTreeSet<String>) -> Option<String> {
    let (first, last) = (sources.first()?, sources.last()?);
    if first == last {
        return Some(first.clone());
    }
    // What the first and the last in order share, all between them do.
    let same = |(a, b): &(std::path::Component<'_>, std::path::Component<'_>)| a == b;
    let shared = Path::new(first).components().zip(Path::new(last).components()).take_while(same);
    let folder: PathBuf = shared.map(|(part, _)| part).collect();
    let all = Plural(sources.len(), "file");
    Some(if folder.as_os_str().is_empty() {
        all.to_string()
    } else {
        format!("{} ({all})", folder.display())
    })
}

/// Writes the report and says where.
pub(super) fn write_report(data: &Dataset, source: &str, labels: &DatasetLabels) -> Result<PathBuf> {
    let record = read_record(data)?;
    let searched = data.read::<ExtractionRow>()?;
    let mut origins = Origins::new(data);
    let given = attribute_models(data)?;
    let dropped = |get: fn(&ExtractionRow) -> u32| searched.iter().map(|r| u64::from(get(r))).sum::<u64>();
    let report = Report {
        title: data
            .root()
            .file_name()
            .map_or_else(|| "StreamFace".into(), |n| n.to_string_lossy().into_owned()),
        source: source.to_owned(),
        settings: shown_settings(&record, labels),
        models: models(data, &record, &given)?,
        frames: data.read::<FrameRow>()?.into_iter().map(|row| frame(row, &mut origins)).collect(),
        dropped_faces: vec![
            ("too small".into(), dropped(|r| r.small)),
            ("blurred".into(), dropped(|r| r.blurred)),
        ],
        people: people(data, &labels.named, &given)?,
        faces_folder: ImageKind::Face.folder().into(),
        ..Report::default()
    };
    let path = data.root().join("report.html");
    files::write(&path, |out| report.render(out, &mut pictures(data)).map_err(std::io::Error::other))?;
    Ok(path)
}

/// What became of a frame.
pub(super) fn fate(dropped: Option<DropReason>) -> FrameFate {
    match dropped {
        None => FrameFate::Kept,
        Some(DropReason::Duplicate) => FrameFate::Duplicate,
        Some(_) => FrameFate::Dropped,
    }
}

/// Where the page's links to the videos and photos lead that frames came from.
struct Origins {
    page: Option<PathBuf>,
    known: BTreeMap<String, Option<String>>,
}

/// Files on the web that a browser plays from a given second.
const PLAYED: [&str; 6] = [".mp4", ".m4v", ".mov", ".webm", ".mkv", ".ogv"];

impl Origins {
    fn new(data: &Dataset) -> Self {
        Self { page: data.root().canonicalize().ok(), known: BTreeMap::new() }
    }

    /// A path relative to the page, for a file that is there; the address of a video on the web.
    fn of(&mut self, source: &str) -> Option<String> {
        if !self.known.contains_key(source) {
            let link = self.link(source);
            self.known.insert(source.to_owned(), link);
        }
        self.known.get(source).cloned().flatten()
    }

    fn link(&self, source: &str) -> Option<String> {
        if source.starts_with("http://") || source.starts_with("https://") {
            // What has a question or a user may hold a secret.
            let plain = !source.contains(['?', '@', '#']);
            let lower = source.to_ascii_lowercase();
            return (plain && PLAYED.iter().any(|end| lower.ends_with(end))).then(|| source.to_owned());
        }
        let (page, file) = (self.page.as_ref()?, Path::new(source).canonicalize().ok()?);
        if !file.is_file() {
            return None;
        }
        let shared = page.components().zip(file.components()).take_while(|(a, b)| a == b).count();
        let up = page.components().skip(shared).map(|_| "..");
        let down = file.components().skip(shared).map(|part| part.as_os_str().to_str());
        Some(up.map(Some).chain(down).collect::<Option<Vec<_>>>()?.join("/"))
    }
}

fn frame(row: FrameRow, origins: &mut Origins) -> Frame {
    Frame {
        picture: row.file_name().map(|file| format!("{}/{file}", ImageKind::Frame.folder())),
        origin: if row.dropped.is_some() { None } else { origins.of(&row.source) },
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

fn people(
    data: &Dataset,
    NamedLabels { labels, names }: &NamedLabels,
    given: &[GivenBy],
) -> Result<Vec<Person>> {
    let mut faces: BTreeMap<FaceId, FaceRow> = BTreeMap::new();
    data.each(|row: FaceRow| {
        if labels.contains_key(&row.face) {
            faces.insert(row.face.clone(), row);
        }
    })?;
    let qualities = data.qualities()?;
    let mut votes = AttributeVotes::new(confidences(data, given));
    each_attributes(&data.metadata(), |face, said, _| {
        let person = labels.get(&face).filter(|_| faces.contains_key(&face));
        if let Some(person) = person.and_then(|label| u32::try_from(label.0).ok()) {
            votes.add(person, &said, qualities.get(&face).copied());
        }
    })?;
    let mut people: BTreeMap<Label, Vec<Face>> = BTreeMap::new();
    for (face, &label) in labels {
        let Some(row) = faces.get(face) else { continue };
        let [width, height] = row.frame_size.map(|side| side as f32);
        let BoundingBox { x, y, w, h } = row.bbox;
        let place = (width > 0.0 && height > 0.0).then(|| [x / width, y / height, w / width, h / height]);
        let place = place.filter(|sides| sides.iter().all(|side| side.is_finite()));
        let quality = qualities.get(face).copied();
        let face = Face { id: face.clone(), score: row.score, blur: Some(row.blur), quality, place };
        people.entry(label).or_default().push(face);
    }
    let person = |(label, faces): (Label, Vec<Face>)| {
        let name = names.get(&label).filter(|_| !label.is_noise()).cloned();
        let attributes = u32::try_from(label.0).map(|person| votes.person(person)).unwrap_or_default();
        Person { label, name, faces, attributes }
    };
    Ok(people.into_iter().map(person).collect())
}

fn shown_settings(record: &Record, labels: &DatasetLabels) -> Vec<(String, String)> {
    // In the order of the steps, not of the alphabet.
    let steps = ["capture", "extract", "analyze", "cluster"];
    let of =
        |step: &str| record.get(step).into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut all: Vec<Vec<(String, String)>> = steps.iter().map(|s| of(s)).collect();
    // Where merges were judged, nobody gave the threshold.
    let clustering = &mut all[3];
    if clustering.iter().any(|(k, _)| k == "false-merges") {
        clustering
            .iter_mut()
            .filter(|(k, _)| k == "threshold")
            .for_each(|(k, _)| "merges judged up to".clone_into(k));
    }
    let shown =
        all.concat().into_iter().filter(|(k, _)| !k.ends_with("-sha256") && !k.ends_with("-settings"));
    let mut shown: Vec<_> = shown
        .map(|(k, v)| {
            let said = readable(&k, &v);
            (k, said)
        })
        .collect();
    // What needs no word is what came of the settings above.
    if !matches!(labels.from, LabelSource::Clusters | LabelSource::Nothing) {
        shown.push(("labels".to_owned(), labels.from.to_string()));
    }
    shown
}

/// A recorded setting as people read it: its unit, thousands set apart, no digits that are those of binary fractions.
fn readable(key: &str, value: &str) -> String {
    let number = value.parse::<f64>().ok().filter(|n| n.is_finite());
    match (key, number) {
        (_, None) => value.to_owned(),
        ("size-threshold", Some(share)) => format!("{} of the frame", streamface_eval::format::share(share)),
        ("detect-size" | "min-face", Some(_)) => format!("{value} px"),
        (_, Some(n)) if n.fract() == 0.0 && n.abs() >= 1e4 && n.abs() < 1e18 => {
            let sign = if n < 0.0 { "−" } else { "" };
            format!("{sign}{}", Count(n.abs() as u64))
        }
        (_, Some(n)) => {
            let short = format!("{n:.6}");
            let short = short.trim_end_matches('0').trim_end_matches('.');
            if n != 0.0 && n.abs() < 1e-5 { value.to_owned() } else { short.to_owned() }
        }
    }
}

fn models(data: &Dataset, record: &Record, given: &[GivenBy]) -> Result<Vec<Model>> {
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
    for GivenBy { model, sha256, attributes } in given {
        let licence = manifest_of(data, model).map(|m| format!("{}. {}", m.licence, m.licence_note));
        let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
        models.push(Model {
            role: attributes.join(", "),
            sha256: sha256.clone(),
            licence: licence.unwrap_or_default(),
            name: model.clone(),
        });
    }
    Ok(models)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_readable() {
        for (key, value, said) in [
            ("threshold", "0.6399999856948853", "0.64"),
            ("blur-threshold", "10000000000", "10,000,000,000"),
            ("size-threshold", "0.005", "0.50 % of the frame"),
            ("min-face", "16", "16 px"),
            ("merging-threshold", "0.75", "0.75"),
            ("second-look", "96 px, 2 x the face", "96 px, 2 x the face"),
            ("neighbours", "80", "80"),
            ("eps", "0.0000001", "0.0000001"),
        ] {
            assert_eq!(readable(key, value), said, "{key}");
        }
    }

    #[test]
    fn several_sources_are_their_folder() {
        let of = |all: &[&str]| source_of(&all.iter().map(|s| (*s).to_owned()).collect());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["a/b.mp4", "a/b.mp4"]).unwrap(), "a/b.mp4");
        assert_eq!(of(&["/p/x/1.jpg", "/p/y/2.jpg", "/p/y/3.jpg"]).unwrap(), "/p (3 files)");
        assert_eq!(of(&["a.mp4", "b.mp4"]).unwrap(), "2 files");
    }

    #[test]
    fn links_lead_from_the_page_to_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let (out, videos) = (dir.path().join("out"), dir.path().join("my videos"));
        std::fs::create_dir(&videos).unwrap();
        std::fs::write(videos.join("a.mp4"), "").unwrap();
        let mut origins = Origins::new(&Dataset::open(&out).unwrap());
        let at = |name: &str| videos.join(name).display().to_string();
        assert_eq!(origins.of(&at("a.mp4")).unwrap(), "../my videos/a.mp4");
        assert_eq!(origins.of(&at("gone.mp4")), None);
        assert_eq!(origins.of(&videos.display().to_string()), None);
        assert_eq!(origins.of("https://host/a.MP4").unwrap(), "https://host/a.MP4");
        for live in [
            "https://host/live.m3u8",
            "https://host/a.mp4?token=x",
            "https://me:pw@host/a.mp4",
            "rtsp://cam/1",
        ] {
            assert_eq!(origins.of(live), None, "{live}");
        }
    }
}
