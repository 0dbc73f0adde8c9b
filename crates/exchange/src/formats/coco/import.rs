//! COCO's annotations as other programs write them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use streamface_types::text::whole_number;
use streamface_types::{Attributes, attributes};

use crate::Error;
use crate::dataset_builder::DatasetBuilder;
use crate::detections::{self, FaceInFrame, FrameWithFaces};
use crate::files::{MAX_TEXT, open_text};
use crate::format::ImportSettings;
use crate::loose::{Loose, items};
use crate::named_pictures::NamedPictures;
use crate::report::{Observer, Summary};

/// What the file is called: ours, FiftyOne's, Label Studio's, Roboflow's.
const NAMES: [&str; 5] =
    ["annotations.json", "labels.json", "result.json", "result_coco.json", "_annotations.coco.json"];

/// Where it lies in a set as COCO and CVAT make it.
const FOLDER: &str = "annotations";

pub(super) fn detect(path: &Path) -> bool {
    let json = |p: &Path| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    if path.is_file() {
        return json(path);
    }
    path.join("_annotations.coco.json").is_file()
        || (path.join("images").is_dir() && NAMES.iter().any(|name| path.join(name).is_file()))
        || json_in(&path.join(FOLDER))
            .iter()
            .any(|p| p.file_name().is_some_and(|name| name.to_string_lossy().starts_with("instances")))
}

/// The JSON files of a folder, by name.
fn json_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    let mut all: Vec<PathBuf> = entries
        .filter(|p| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) && p.is_file())
        .collect();
    all.sort();
    all
}

/// The file of annotations in a folder.
fn find(path: &Path) -> Result<PathBuf, Error> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    if let Some(found) = NAMES.iter().map(|name| path.join(name)).find(|p| p.is_file()) {
        return Ok(found);
    }
    let all = [json_in(path), json_in(&path.join(FOLDER))].concat();
    match &all[..] {
        [one] => Ok(one.clone()),
        [] => Err(Error::format(
            path,
            "no annotations.json and no other JSON in it; give the file itself, and --images",
        )),
        several => {
            let names: Vec<String> = several.iter().take(10).map(|p| p.display().to_string()).collect();
            let why = format!("several JSON files; give one of them itself: {}", names.join(", "));
            Err(Error::format(path, why))
        }
    }
}

/// The folder that pictures are looked for in: that of the file, or of the folder `annotations`.
fn beside(file: &Path) -> &Path {
    let folder = file.parent().unwrap_or(Path::new(""));
    match folder.parent() {
        Some(above) if folder.ends_with(FOLDER) => above,
        _ => folder,
    }
}

pub(super) fn import(
    path: &Path,
    out: &Path,
    settings: &ImportSettings,
    observe: Observer<'_>,
) -> Result<Summary, Error> {
    let path = find(path)?;
    let file = File::read(&path)?;
    let pictures = NamedPictures::new(beside(&path), settings.images.as_deref());
    let mut builder = DatasetBuilder::new(out, settings.place, observe)?;
    let mut frames = Frames::default();
    for image in file.images {
        frames
            .add(image, &pictures)
            .unwrap_or_else(|why| builder.problem(format!("{}: {why}", path.display())));
    }
    for annotation in file.annotations {
        let added = frames.face(annotation, &file.categories, file.ours);
        added.unwrap_or_else(|why| builder.problem(format!("{}: {why}", path.display())));
    }
    if file.broken > 0 {
        let broken = file.broken;
        builder.problem(format!("{}: {broken} images or annotations that are no objects", path.display()));
    }
    let set = settings.images.as_deref().unwrap_or(beside(&path));
    detections::take(&mut builder, frames.all, set)?;
    let wanted = format!(
        "images with PNG or JPEG files in {} are wanted; --images names another folder",
        pictures.shown()
    );
    builder.finish(&path, &wanted)
}

/// An image as the file has it.
struct Image {
    id: Option<String>,
    file_name: Option<String>,
    source: Option<String>,
    size: Option<[u32; 2]>,
}

/// An annotation as the file has it.
struct Annotation {
    /// Its id, or which of the annotations it is.
    called: String,
    image: Option<String>,
    category: Option<String>,
    person: Option<String>,
    /// The track, where it is a number.
    track: Option<i64>,
    face: Option<String>,
    bbox: Option<[f32; 4]>,
    landmarks: Option<[[f32; 2]; 5]>,
    score: Option<f32>,
    said: Attributes,
}

impl Annotation {
    fn of(value: &Loose, number: usize) -> Self {
        let attributes = value.get("attributes");
        let person = [
            attributes.get("person"),
            attributes.get("identity"),
            value.get("track_id"),
            attributes.get("track_id"),
        ];
        Self {
            called: value.get("id").text().unwrap_or_else(|| format!("number {number}")),
            image: value.get("image_id").text(),
            category: value.get("category_id").text(),
            person: person.into_iter().find_map(Loose::text),
            track: value.get("track_id").text().and_then(|text| whole_number(&text)),
            face: attributes.get("face").text(),
            bbox: value.get("bbox").numbers(),
            landmarks: landmarks(value.get("keypoints")),
            score: value.get("score").single(),
            said: attributes
                .attributes()
                .into_iter()
                .filter(|(name, _)| !super::WHO.contains(&name.as_str()))
                .collect(),
        }
    }
}

/// A side in pixels, where it is one.
fn side(value: &Loose) -> Option<u32> {
    value.text().and_then(|text| whole_number(&text)).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0)
}

/// Five keypoints, all labelled. Those of bodies (17) are no landmarks of a face.
fn landmarks(keypoints: &Loose) -> Option<[[f32; 2]; 5]> {
    let numbers: [f32; 15] = keypoints.numbers()?;
    let (points, _) = numbers.as_chunks::<3>();
    let points: &[[f32; 3]; 5] = points.try_into().ok()?;
    points.iter().all(|p| p[2] > 0.0).then(|| points.map(|[x, y, _]| [x, y]))
}

#[derive(Default)]
struct File {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    /// Names by id, where the categories are the people.
    categories: HashMap<String, String>,
    /// Images and annotations that are no objects.
    broken: u64,
    /// Whether we have written it. Elsewhere a track may be a part of what is seen of a person.
    ours: bool,
}

impl File {
    fn read(path: &Path) -> Result<Self, Error> {
        let mut file = Self::default();
        let mut number = 0;
        let mut each = |entry: &str, _: Option<String>, value: Loose| match (entry, &value) {
            ("images", Loose::Object(_)) => file.images.push(Image {
                id: value.get("id").text(),
                file_name: value.get("file_name").text().or_else(|| value.get("path").text()),
                source: value.get("source").text(),
                size: side(value.get("width")).zip(side(value.get("height"))).map(|(w, h)| [w, h]),
            }),
            ("annotations", Loose::Object(_)) => {
                number += 1;
                file.annotations.push(Annotation::of(&value, number));
            }
            ("categories", _) => {
                if let Some((id, name)) = value.get("id").text().zip(value.get("name").text()) {
                    file.categories.insert(id, name);
                }
            }
            ("info", _) => file.ours |= value.text().as_deref() == Some(super::OURS),
            _ => file.broken += 1,
        };
        let named = ["info", "images", "annotations", "categories"];
        let read = items(open_text(path, MAX_TEXT)?, &named, &mut each);
        let entries = read.map_err(|e| Error::format(path, format!("not COCO's annotations: {e}")))?;
        if !entries.iter().any(|name| name == "images") {
            let found: Vec<&str> = entries.iter().take(20).map(String::as_str).collect();
            let why = format!("not COCO's annotations: no 'images' in it, but '{}'", found.join("', '"));
            return Err(Error::format(path, why));
        }
        // Several categories are the people themselves; a single one only says that they are people.
        if file.categories.len() < 2 {
            file.categories.clear();
        }
        Ok(file)
    }
}

/// Frames as they come together.
#[derive(Default)]
struct Frames {
    all: Vec<FrameWithFaces>,
    /// Which of them an image is.
    at: HashMap<String, usize>,
}

impl Frames {
    fn add(&mut self, image: Image, pictures: &NamedPictures) -> Result<(), String> {
        let file_name = image.file_name.unwrap_or_default();
        let id = image.id.ok_or_else(|| format!("image '{file_name}' has no id"))?;
        let found = pictures.find(&file_name).map_err(|why| format!("image {id}: {why}"))?;
        if self.at.contains_key(&id) {
            return Err(format!("image {id} comes twice"));
        }
        self.at.insert(id, self.all.len());
        let faces = Vec::new();
        let (name, from, source, said) = (found.name, found.path, image.source, image.size);
        self.all.push(FrameWithFaces { name, from, source, said, faces });
        Ok(())
    }

    fn face(
        &mut self,
        annotation: Annotation,
        categories: &HashMap<String, String>,
        ours: bool,
    ) -> Result<(), String> {
        let Annotation { called, image, category, person, track, face, bbox, landmarks, score, said } =
            annotation;
        let image = image.unwrap_or_default();
        let &frame = self
            .at
            .get(&image)
            .ok_or_else(|| format!("annotation {called} is of image {image}, which is not there"))?;
        let bbox = bbox.ok_or_else(|| format!("annotation {called} has no box of four numbers"))?;
        let person = person.or_else(|| categories.get(&category?).cloned());
        let number = track.filter(|_| ours);
        // Tools have settings of their own there, such as an angle of rotation.
        let attributes =
            said.into_iter().filter(|(name, _)| ours || attributes::find(name).is_some()).collect();
        let face = FaceInFrame {
            face,
            bbox,
            landmarks,
            score,
            person,
            number,
            attributes,
            ..FaceInFrame::default()
        };
        self.all[frame].faces.push(face);
        Ok(())
    }
}
