//! COCO: frames as images, faces as annotations of the one category `person`, five landmarks as keypoints.
//!
//! ```text
//! DIR/images/{frame}.png (.jpg, .webp)
//! DIR/annotations.json   info, licenses, images [id, file_name, width, height],
//!                        annotations [id, image_id, category_id, bbox [x, y, w, h], area, iscrowd, keypoints, num_keypoints,
//!                                     score, track_id, attributes {face, person}], categories [id, name, keypoints, skeleton]
//! ```
//!
//! `track_id` is the label, `attributes.person` the person's name, or the label of one without a name; a face without a
//! label has neither. Keypoints are `x, y, v` each, v = 2:
//! left eye, right eye, nose, left and right corner of the mouth, where left is the viewer's. Source: COCO's "Data format"
//! (object detection, keypoint detection), `cocoapi`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;
use streamface_store::{FaceRow, write_atomic};

use crate::any_label::AnyLabel;
use crate::dataset_builder::DatasetBuilder;
use crate::detections::{self, FaceInFrame, FrameWithFaces};
use crate::files::{MAX_TEXT, named, open_text};
use crate::format::{Description, ExportSettings, Format, ImportSettings};
use crate::report::{Observer, Summary};
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
        import(path, out, settings, observe)
    }

    fn detect(&self, path: &Path) -> bool {
        let named = |name: &str| path.join(name).is_file();
        named("_annotations.coco.json")
            || (path.join("images").is_dir() && (named("annotations.json") || named("labels.json")))
    }
}

/// The description of files that we wrote, in which `track_id` is the number of a person.
const OURS: &str = "faces, by StreamFace";

const KEYPOINTS: [&str; 5] = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"];

#[derive(Serialize, Deserialize)]
struct File {
    #[serde(default)]
    info: serde_json::Value,
    #[serde(default)]
    licenses: Vec<serde_json::Value>,
    images: Vec<Image>,
    #[serde(default)]
    annotations: Vec<Annotation>,
    #[serde(default)]
    categories: Vec<Category>,
}

#[derive(Serialize, Deserialize)]
struct Image {
    id: i64,
    file_name: String,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    /// Where the frame came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Annotation {
    id: i64,
    image_id: i64,
    category_id: i64,
    bbox: [f32; 4],
    #[serde(default)]
    area: f32,
    #[serde(default)]
    iscrowd: u8,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keypoints: Vec<f32>,
    #[serde(default)]
    num_keypoints: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    track_id: Option<AnyLabel>,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    face: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<AnyLabel>,
}

#[derive(Serialize, Deserialize)]
struct Category {
    id: i64,
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    supercategory: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keypoints: Vec<String>,
    #[serde(default)]
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
        },
    }
}

/// The file, and the folder of its pictures: ours, or FiftyOne's layout, or a file with its pictures beside it.
fn find(path: &Path, images: Option<&Path>) -> Result<(PathBuf, PathBuf), Error> {
    let file = if path.is_dir() {
        let names = ["annotations.json", "labels.json", "_annotations.coco.json"];
        let found = names.iter().map(|n| path.join(n)).find(|p| p.is_file());
        found.ok_or_else(|| {
            Error::format(path, "no annotations.json in it; give the file itself, and --images")
        })?
    } else {
        path.to_owned()
    };
    let beside = file.parent().unwrap_or(Path::new("")).to_owned();
    let folder = images
        .map(Path::to_owned)
        .or_else(|| [beside.join("images"), beside.join("data")].into_iter().find(|p| p.is_dir()));
    Ok((file, folder.unwrap_or(if beside.as_os_str().is_empty() { ".".into() } else { beside })))
}

fn import(
    path: &Path,
    out: &Path,
    settings: &ImportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let (path, folder) = find(path, settings.images.as_deref())?;
    let read = serde_json::from_reader(open_text(&path, MAX_TEXT)?);
    let file: File = read.map_err(|e| Error::format(&path, format!("not COCO's annotations: {e}")))?;
    let mut builder = DatasetBuilder::new(out, settings.place, observe)?;
    // Several categories are the people themselves; a single one only says that they are people.
    let categories: HashMap<i64, String> = if file.categories.len() > 1 {
        file.categories.into_iter().map(|c| (c.id, c.name)).collect()
    } else {
        HashMap::new()
    };
    // Elsewhere a track may be a part of what is seen of a person.
    let ours = file.info["description"] == OURS;
    let mut at: HashMap<i64, usize> = HashMap::new();
    let mut frames: Vec<FrameWithFaces> = Vec::new();
    for image in file.images {
        let from = match named(&folder, &image.file_name) {
            Ok(from) => from,
            Err(why) => {
                builder.problem(format!("{}: image {}: {why}", path.display(), image.id));
                continue;
            }
        };
        if at.contains_key(&image.id) {
            builder.problem(format!("{}: image {} comes twice", path.display(), image.id));
            continue;
        }
        at.insert(image.id, frames.len());
        let name = Path::new(&image.file_name).with_extension("");
        let name = name.to_string_lossy().trim_start_matches("./").to_owned();
        frames.push(FrameWithFaces { name, from, source: image.source, faces: Vec::new() });
    }
    for a in file.annotations {
        let Some(&frame) = at.get(&a.image_id) else {
            builder.problem(format!(
                "{}: annotation {} is of image {}, which is not there",
                path.display(),
                a.id,
                a.image_id
            ));
            continue;
        };
        let number = match &a.track_id {
            Some(AnyLabel::Number(number)) if ours => Some(*number),
            _ => None,
        };
        let label = a.attributes.person.or(a.track_id).map(|l| l.text());
        frames[frame].faces.push(FaceInFrame {
            face: a.attributes.face,
            bbox: a.bbox,
            relative: false,
            landmarks: landmarks(&a.keypoints),
            score: a.score,
            person: label.or_else(|| categories.get(&a.category_id).cloned()),
            number,
            ..FaceInFrame::default()
        });
    }
    detections::take(&mut builder, frames, &folder)?;
    builder.finish(&path, "images with PNG or JPEG files are wanted")
}

/// Five keypoints, all labelled. Those of bodies (17) are no landmarks of a face.
fn landmarks(keypoints: &[f32]) -> Option<[[f32; 2]; 5]> {
    let (points, []) = keypoints.as_chunks::<3>() else { return None };
    let points: &[[f32; 3]; 5] = points.try_into().ok()?;
    points.iter().all(|p| p[2] > 0.0).then(|| points.map(|[x, y, _]| [x, y]))
}
