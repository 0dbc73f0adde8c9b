//! FiftyOne's dataset folders.
//!
//! `FiftyOneImageClassificationDataset`: faces, each with its person and attributes. Nearly the
//! original's `annotations.json` under another name.
//! ```text
//! DIR/data/{face}.png   DIR/labels.json: {"classes": null, "labels": {face: {"label", "attributes"}}}
//! ```
//! `FiftyOneImageDetectionDataset`: frames, each with boxes in parts of its sides, the person as label.
//! ```text
//! DIR/data/{frame}.png (.jpg, .webp)  DIR/labels.json: {"classes": null, "labels": {frame: [{"label", "bounding_box", "confidence", "attributes"}]}}
//! ```
//! The label is the person's name, or the number of one without a name. Where anyone has a name the number stands in the
//! attribute `label_number`.
//!
//! Source: FiftyOne's user guide, "Loading data from disk", and `fiftyone/utils/data/parsers.py` (1.22), which calls
//! `Classification(label=str(label), **attributes)`: so `attributes` is left out where there are none, and never null, and the probability of a mask is `mask_probability`, since
//! `mask` is a field of its own.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};
use streamface_store::{FaceRow, write_atomic};
use streamface_types::Attributes;
use streamface_types::attributes::Value as AttributeValue;
use streamface_types::text::{spellings, whole_number};

use crate::any_label::AnyLabel;
use crate::dataset_builder::DatasetBuilder;
use crate::detections::{self, FaceInFrame, FrameWithFaces};
use crate::files::{MAX_TEXT, is_image, open_text, walk};
use crate::format::{Description, ExportSettings, Format, ImportSettings};
use crate::loose::{Loose, items};
use crate::photos::{self, Photo};
use crate::report::{Observer, Progress, Summary};
use crate::sidecar;
use crate::snapshot::Snapshot;
use crate::staging::Staging;
use crate::{Error, optional_fields, python};

/// FiftyOne's folder of faces, a person each; both kinds are read.
#[derive(Debug, Clone, Copy)]
pub struct Fiftyone;

impl Format for Fiftyone {
    fn name(&self) -> &'static str {
        "fiftyone"
    }

    fn description(&self) -> Description {
        Description {
            export: Some("FiftyOne folder: faces, a person each"),
            import: Some("FiftyOne folder of either kind: pictures, labels, attributes, boxes"),
        }
    }

    fn export(
        &self,
        set: &Snapshot<'_>,
        out: &Path,
        settings: &ExportSettings,
        observe: Observer<'_>,
    ) -> Result<Summary, Error> {
        export(set, out, settings, observe)
    }

    fn import(
        &self,
        path: &Path,
        out: &Path,
        settings: &ImportSettings,
        observe: Observer<'_>,
    ) -> Result<Summary, Error> {
        import(path, out, settings, observe)
    }

    fn detect(&self, path: &Path) -> bool {
        path.join("labels.json").is_file() && path.join("data").is_dir()
    }
}

/// FiftyOne's folder of frames with boxes.
#[derive(Debug, Clone, Copy)]
pub struct FiftyoneDetection;

impl Format for FiftyoneDetection {
    fn name(&self) -> &'static str {
        "fiftyone-detection"
    }

    fn description(&self) -> Description {
        Description { export: Some("FiftyOne folder: frames with boxes"), import: None }
    }

    fn export(
        &self,
        set: &Snapshot<'_>,
        out: &Path,
        settings: &ExportSettings,
        observe: Observer<'_>,
    ) -> Result<Summary, Error> {
        export_detections(set, out, settings, observe)
    }
}

/// Probability of a mask. By its own name FiftyOne would take it for the pixels of the object.
const MASK: &str = "mask_probability";

/// The number of a person whose label is a name.
const NUMBER: &str = "label_number";

#[derive(Serialize)]
struct File<T> {
    classes: Option<Vec<Value>>,
    labels: BTreeMap<String, T>,
}

/// One label: of a picture, or of a box in it.
#[derive(Debug, Default, Serialize)]
struct Target {
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<AnyLabel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bounding_box: Option<[f32; 4]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Map<String, Value>>,
}

fn attributes(said: Option<&Attributes>) -> Map<String, Value> {
    let renamed = |name: String| if name == sidecar::MASK { MASK.to_owned() } else { name };
    sidecar::by_name(said).into_iter().map(|(name, value)| (renamed(name), value)).collect()
}

/// Exports faces.
fn export(
    set: &Snapshot<'_>,
    out: &Path,
    settings: &ExportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let (faces, summary) = set.pictured(settings.kind(), settings.noise)?;
    let staging = Staging::new(out)?;
    let data = staging.folder("data")?;
    let mut labels = BTreeMap::new();
    for ((face, label, from), done) in faces.iter().zip(1..) {
        let name = face.face.to_string();
        settings.place.put(from, &data.join(format!("{name}.png")))?;
        let mut attributes = attributes(set.attributes.get(&face.face));
        if !set.names.is_empty() {
            attributes.insert(NUMBER.into(), label.0.into());
        }
        let target = Target {
            label: Some(set.called(*label)),
            attributes: (!attributes.is_empty()).then_some(attributes),
            ..Target::default()
        };
        labels.insert(name, target);
        observe(Progress { what: "faces", done, total: faces.len() as u64 });
    }
    finish(staging, labels)?;
    Ok(summary)
}

/// Exports frames with boxes. A face without a label is called `face`.
fn export_detections(
    set: &Snapshot<'_>,
    out: &Path,
    settings: &ExportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let staging = Staging::new(out)?;
    let data = staging.folder("data")?;
    let mut labels = BTreeMap::new();
    let summary = detections::put_frames(set, &data, settings.place, observe, |frame, _, faces| {
        let target = |face: &&FaceRow| {
            let (b, [w, h]) = (optional_fields::bbox(face)?, optional_fields::frame_size(face)?);
            let (w, h) = (w as f32, h as f32);
            let mut attributes = attributes(set.attributes.get(&face.face));
            attributes.insert("face".into(), face.face.to_string().into());
            if let Some(landmarks) = optional_fields::landmarks(face) {
                let points = landmarks.0.map(|[x, y]| vec![x / w, y / h]);
                attributes.insert("landmarks".into(), points.to_vec().into());
            }
            let label = set.label(&face.face);
            if let Some(label) = label.filter(|_| !set.names.is_empty()) {
                attributes.insert(NUMBER.into(), label.0.into());
            }
            let label = label.map_or(AnyLabel::Text("face".into()), |label| set.called(label));
            Some(Target {
                label: Some(label),
                bounding_box: Some([b.x / w, b.y / h, b.w / w, b.h / h]),
                confidence: optional_fields::score(face),
                attributes: Some(attributes),
            })
        };
        let targets: Option<Vec<Target>> = faces.iter().map(target).collect();
        labels.insert(frame.to_string(), targets.ok_or("faces whose frame has no size")?);
        Ok(())
    })?;
    finish(staging, labels)?;
    Ok(summary)
}

fn finish<T: Serialize>(staging: Staging, labels: BTreeMap<String, T>) -> Result<(), Error> {
    let path = staging.path().join("labels.json");
    write_atomic(&path, |out| python::dump(out, &File { classes: None, labels }))?;
    staging.finish()
}

/// Imports either kind: lists are boxes on frames.
fn import(
    root: &Path,
    out: &Path,
    settings: &ImportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let path = root.join("labels.json");
    let (classes, labels) = read(&path)?;
    let folder = root.join("data");
    let files = walk(&folder)?.into_iter().filter(|p| is_image(p));
    let pictures: HashMap<String, PathBuf> = files
        .filter_map(|p| {
            let name = p.strip_prefix(&folder).ok()?.with_extension("");
            Some((name.to_string_lossy().replace('\\', "/"), p))
        })
        .collect();
    let mut builder = DatasetBuilder::new(out, settings.place, observe)?;
    let person = |label: &Loose| match (label, &classes) {
        // A number is the place of a class where there is a list of them.
        (Loose::Whole(n), Some(classes)) => {
            let class = usize::try_from(*n).ok().and_then(|n| classes.get(n));
            class.map_or_else(|| label.text(), Loose::text)
        }
        _ => label.text(),
    };
    let (mut photos, mut frames) = (Vec::new(), Vec::new());
    for (name, labelled) in labels {
        let short = || name.chars().take(200).collect::<String>();
        let Some(from) = spellings(&name).iter().find_map(|name| pictures.get(name)).cloned() else {
            builder.problem(format!("{}: '{}' has no picture in data/", path.display(), short()));
            continue;
        };
        if let Loose::List(targets) = labelled {
            let faces: Vec<_> = targets.iter().map(|target| detection(target, &person)).collect();
            for _ in faces.iter().filter(|face| face.is_none()) {
                let why = "a label without a bounding_box of four numbers";
                builder.problem(format!("{}: '{}' has {why}", path.display(), short()));
            }
            let faces = faces.into_iter().flatten().collect();
            frames.push(FrameWithFaces { name, from, source: None, said: None, faces });
            continue;
        }
        // A label by itself, or with what else is known.
        let target = &labelled;
        let label = if target.entries().is_empty() { target } else { target.get("label") };
        let (person, number, attributes) = (person(label), number(target), said(target));
        photos.push(Photo { name, from, person, number, attributes, ..Photo::default() });
    }
    photos::take(&mut builder, photos, root, settings.photos)?;
    detections::take(&mut builder, frames, root)?;
    builder.finish(root, "labels.json and data/ with PNG or JPEG files are wanted")
}

/// The classes, where there is a list of them, and the labels by the names of pictures.
#[allow(clippy::type_complexity)]
fn read(path: &Path) -> Result<(Option<Vec<Loose>>, BTreeMap<String, Loose>), Error> {
    let (mut classes, mut labels) = (Vec::new(), BTreeMap::new());
    let mut each = |entry: &str, name: Option<String>, value: Loose| match (entry, name) {
        ("labels", Some(name)) => drop(labels.insert(name, value)),
        ("classes", None) => classes.push(value),
        _ => {}
    };
    let entries = items(open_text(path, MAX_TEXT)?, &["classes", "labels"], &mut each);
    let wrong = |why: String| Error::format(path, format!("not FiftyOne's labels of pictures: {why}"));
    let entries = entries.map_err(|e| wrong(e.to_string()))?;
    if !entries.iter().any(|name| name == "labels") {
        return Err(wrong(format!("no 'labels' in it, but '{}'", entries.join("', '"))));
    }
    Ok(((!classes.is_empty()).then_some(classes), labels))
}

fn detection(target: &Loose, person: &dyn Fn(&Loose) -> Option<String>) -> Option<FaceInFrame> {
    let attributes = target.get("attributes");
    Some(FaceInFrame {
        face: attributes.get("face").text(),
        bbox: target.get("bounding_box").numbers()?,
        relative: true,
        landmarks: attributes.get("landmarks").points(),
        score: target.get("confidence").single(),
        // What stands for a label where there is none.
        person: person(target.get("label")).filter(|p| p != "face"),
        number: number(target),
        attributes: said(target),
    })
}

/// The number beside a label that is a name.
fn number(target: &Loose) -> Option<i64> {
    whole_number(&target.get("attributes").get(NUMBER).text()?)
}

/// The attributes that are numbers, or numbers by name; others are passed over.
fn said(target: &Loose) -> Attributes {
    let mut all: Attributes = target
        .get("attributes")
        .attributes()
        .into_iter()
        .filter(|(name, _)| name != NUMBER)
        .map(|(name, value)| match value {
            // By its own name FiftyOne would take it for pixels.
            AttributeValue::Number(p) if name == MASK => {
                (sidecar::MASK.to_owned(), AttributeValue::Probability(p))
            }
            value => (name, value),
        })
        .collect();
    // The original's own, beside the label.
    if let Some(mask) = target.get("mask").number().filter(|_| all.get(sidecar::MASK).is_none()) {
        all.insert(sidecar::MASK, AttributeValue::Probability(mask));
    }
    all
}
