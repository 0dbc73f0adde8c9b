//! COCO: frames as images, faces as annotations of the one category `person`, five landmarks as keypoints.
//!
//! ```text
//! DIR/images/{frame}.png (.jpg, .webp)
//! DIR/annotations.json   info, licenses, images [id, file_name, width, height],
//!                        annotations [id, image_id, category_id, bbox [x, y, w, h], area, iscrowd, keypoints, num_keypoints,
//!                                     score, track_id, attributes {face, person, age, gender, …}],
//!                        categories [id, name, keypoints, skeleton]
//! ```
//!
//! `track_id` is the label, `attributes.person` the person's name, or the label of one without a name; a face without a
//! label has neither. What models say of a face stands beside it in `attributes`, each a number or numbers by name; of files of
//! others, those that the vocabulary has are taken. Keypoints are `x, y, v` each, v = 2:
//! left eye, right eye, nose, left and right corner of the mouth, where left is the viewer's. Source: COCO's "Data format"
//! (object detection, keypoint detection), `cocoapi`.
//!
//! Read is what other programs write, too: as by `pycocotools`, no entry is asked for its type before it is used. A box, a
//! name or an id that cannot be used is counted.

mod import;

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};
use streamface_store::{FaceRow, write_atomic};

use crate::any_label::AnyLabel;
use crate::detections;
use crate::format::{Description, ExportSettings, Format, ImportSettings};
use crate::report::{Observer, Summary};
use crate::sidecar;
use crate::snapshot::Snapshot;
use crate::staging::Staging;
use crate::{Error, optional_fields};

/// COCO.
#[derive(Debug, Clone, Copy)]
pub struct Coco;

impl Format for Coco {
    fn name(&self) -> &'static str {
        "coco"
    }

    fn description(&self) -> Description {
        Description {
            export: Some("COCO: frames, boxes, keypoints, tracks"),
            import: Some("COCO: frames, boxes, five keypoints, tracks"),
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
        import::import(path, out, settings, observe)
    }

    fn detect(&self, path: &Path) -> bool {
        import::detect(path)
    }
}

/// The description of files that we wrote, in which `track_id` is the number of a person.
const OURS: &str = "faces, by StreamFace";

const KEYPOINTS: [&str; 5] = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"];

#[derive(Serialize)]
struct File {
    info: serde_json::Value,
    licenses: Vec<serde_json::Value>,
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Serialize)]
struct Image {
    id: i64,
    file_name: String,
    width: u32,
    height: u32,
    /// Where the frame came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

#[derive(Serialize)]
struct Annotation {
    id: i64,
    image_id: i64,
    category_id: i64,
    bbox: [f32; 4],
    area: f32,
    iscrowd: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keypoints: Vec<f32>,
    num_keypoints: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track_id: Option<AnyLabel>,
    attributes: Attributes,
}

#[derive(Serialize)]
struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    face: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<AnyLabel>,
    /// What models say, by name.
    #[serde(flatten)]
    said: Map<String, Value>,
}

/// Entries of `attributes` that say who a face is.
const WHO: [&str; 4] = ["face", "person", "identity", "track_id"];

#[derive(Serialize)]
struct Category {
    id: i64,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    supercategory: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keypoints: Vec<String>,
    skeleton: Vec<[u32; 2]>,
}

fn export(
    set: &Snapshot<'_>,
    out: &Path,
    settings: &ExportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let staging = Staging::new(out)?;
    let folder = staging.folder("images")?;
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    let summary = detections::put_frames(set, &folder, settings.place, observe, |frame, picture, faces| {
        let id = images.len() as i64 + 1;
        let [width, height] = faces.iter().find_map(|f| optional_fields::frame_size(f)).unwrap_or_default();
        let source = set.frames.get(frame).map(|f| f.source.clone());
        images.push(Image { id, file_name: picture.to_owned(), width, height, source });
        for face in faces {
            annotations.push(annotation(set, face, id, annotations.len() as i64 + 1));
        }
        Ok(())
    })?;
    let category = Category {
        id: 1,
        name: "person".into(),
        supercategory: "person".into(),
        keypoints: KEYPOINTS.map(str::to_owned).into(),
        skeleton: Vec::new(),
    };
    let info = json!({"description": OURS});
    let file = File { info, licenses: Vec::new(), images, annotations, categories: vec![category] };
    let path = staging.path().join("annotations.json");
    write_atomic(&path, |out| Ok(serde_json::to_writer(out, &file)?))?;
    staging.finish()?;
    Ok(summary)
}

fn annotation(set: &Snapshot<'_>, face: &FaceRow, image_id: i64, id: i64) -> Annotation {
    let b = face.bbox;
    let points = optional_fields::landmarks(face).map(|l| l.0);
    let label = set.label(&face.face);
    Annotation {
        id,
        image_id,
        category_id: 1,
        bbox: [b.x, b.y, b.w, b.h],
        area: b.area(),
        iscrowd: 0,
        keypoints: points.iter().flatten().flat_map(|&[x, y]| [x, y, 2.0]).collect(),
        num_keypoints: points.map_or(0, |p| p.len() as u32),
        score: optional_fields::score(face),
        track_id: label.map(|label| AnyLabel::Number(label.0)),
        attributes: Attributes {
            face: Some(face.face.to_string()),
            person: label.map(|label| set.called(label)),
            said: said(set.attributes.get(&face.face)),
        },
    }
}

/// What models say of a face; one that is called as an entry that says who it is has no place.
fn said(of_face: Option<&streamface_types::Attributes>) -> Map<String, Value> {
    let mut all = sidecar::by_name(of_face);
    all.retain(|name, _| !WHO.contains(&name.as_str()));
    all
}
