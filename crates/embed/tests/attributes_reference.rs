//! The default face models on faces of which something is known: what the original's models said of the faces of a news
//! channel, and photos of people by name, bare and with a mask drawn on.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::RgbImage;
use streamface_detect::{CenterFace, DetectSettings, Detection, Detector, crop};
use streamface_embed::{FaceModel, face_model_from_manifest};
use streamface_eval::calibration::expected_calibration_error;
use streamface_imgproc::{ARCFACE_112, DecodeLimits, Similarity, decode_image};
use streamface_model::{Cache, DEFAULT_FACE_MODELS, Manifest};
use streamface_testing::{reference, skip};
use streamface_types::attributes::Value;
use streamface_types::{Attributes, BoundingBox};

#[track_caller]
fn models(names: &[&str]) -> Option<Vec<Box<dyn FaceModel>>> {
    let mut models = Vec::new();
    for name in names {
        let model = Manifest::builtin(name).unwrap();
        if Cache::of_user().read(&model).is_err() {
            skip!("no weights of {name}; `streamface models pull` fetches them");
            return None;
        }
        models.push(face_model_from_manifest(&model, &Cache::of_user()).unwrap());
    }
    Some(models)
}

#[track_caller]
fn detector() -> Option<CenterFace> {
    let model = Manifest::builtin("centerface").unwrap();
    let Ok(weights) = Cache::of_user().read(&model) else {
        skip!("no weights of centerface; `streamface models pull` fetches them");
        return None;
    };
    let settings = DetectSettings::recommended(&model).unwrap();
    Some(CenterFace::new(&model, weights, settings).unwrap())
}

fn image(path: &Path) -> RgbImage {
    decode_image(&std::fs::read(path).unwrap(), &DecodeLimits::default()).unwrap()
}

/// The face of `frame` that `better` likes most, with the landmarks of the second look.
fn face(detector: &CenterFace, frame: &RgbImage, better: impl Fn(&BoundingBox) -> f32) -> Detection {
    let faces = detector.detect(frame).unwrap();
    let best = faces.iter().max_by(|a, b| better(&a.bbox).total_cmp(&better(&b.bbox))).unwrap();
    Detection { landmarks: detector.refine(frame, best).unwrap_or(best.landmarks), ..*best }
}

/// What all of `models` say of a face.
fn look(models: &[Box<dyn FaceModel>], frame: &RgbImage, face: &Detection) -> Attributes {
    let mut all = Attributes::default();
    for model in models {
        let cut = crop(frame, &face.bbox, &face.landmarks, &model.crop()).unwrap();
        for (name, value) in model.look(&[&cut]).unwrap().remove(0) {
            assert!(all.insert(name, value).is_none());
        }
    }
    all
}

/// A face of the original: its frame, its box, what its models said.
struct Known {
    frame: String,
    bbox: BoundingBox,
    attributes: serde_json::Value,
    mask: f64,
}

/// Those of the original's 37 faces whose frames are there.
fn originals(dir: &Path) -> Vec<Known> {
    let text = std::fs::read_to_string(dir.join("metadata/annotations.json")).unwrap();
    let annotations: serde_json::Value = serde_json::from_str(&text).unwrap();
    let table = std::fs::read_to_string(dir.join("detections.csv")).unwrap();
    let known = |line: &str| {
        let (stem, _) = line.split_once(".png").unwrap();
        let (_, rest) = line.split_once('[').unwrap();
        let numbers: Vec<f32> =
            rest.split_once(']').unwrap().0.split(',').map(|n| n.trim().parse().unwrap()).collect();
        let of_face = &annotations["labels"][stem];
        Known {
            frame: format!("{}.png", stem.rsplit_once("_face_").unwrap().0),
            bbox: BoundingBox::new(numbers[0], numbers[1], numbers[2], numbers[3]),
            attributes: of_face["attributes"].clone(),
            mask: of_face["mask"].as_f64().unwrap(),
        }
    };
    table.lines().skip(1).map(known).collect()
}

/// The name with the greatest number.
fn likeliest(of: &serde_json::Value) -> &str {
    let all = of.as_object().unwrap();
    all.iter().max_by(|a, b| a.1.as_f64().unwrap().total_cmp(&b.1.as_f64().unwrap())).unwrap().0
}

/// The label of race that the model has for one of FairFace's.
fn coarse(race: &str) -> &str {
    match race {
        "East Asian" | "Southeast Asian" => "Asian",
        "Latino Hispanic" | "Middle Eastern" => "Other",
        same => same,
    }
}

/// The mean of FairFace's age groups, by their middles.
fn mean_age(groups: &serde_json::Value) -> f64 {
    let middles = [1.0, 6.5, 15.0, 25.0, 35.0, 45.0, 55.0, 65.0, 75.0];
    let names = ["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+"];
    names.iter().zip(middles).map(|(name, middle)| groups[name].as_f64().unwrap() * middle).sum()
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[test]
fn the_originals_faces_look_as_its_models_said() {
    let (Some(dir), Some(models), Some(detector)) =
        (reference("skynews"), models(&DEFAULT_FACE_MODELS), detector())
    else {
        return;
    };
    let known = originals(&dir);
    assert_eq!(known.len(), 22);
    let (mut same, mut age_difference) = (BTreeMap::<&str, usize>::new(), Vec::new());
    let mut angles: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for k in &known {
        let frame = image(&dir.join("frames").join(&k.frame));
        let face = face(&detector, &frame, |b| b.iou(&k.bbox));
        assert!(face.bbox.iou(&k.bbox) > 0.4, "{}", k.frame);
        let said = look(&models, &frame, &face);
        let label = |name: &str| said.likeliest(name).unwrap().0;
        for name in ["gender", "age", "expression"] {
            *same.entry(name).or_default() += usize::from(label(name) == likeliest(&k.attributes[name]));
        }
        *same.entry("race").or_default() +=
            usize::from(label("race") == coarse(likeliest(&k.attributes["race"])));
        *same.entry("mask").or_default() +=
            usize::from((said.probability("mask").unwrap() > 0.5) == (k.mask > 0.5));
        let Some(Value::Numbers(years)) = said.get("years") else { panic!("{said:?}") };
        age_difference.push((years["mean"] - mean_age(&k.attributes["age"])).abs());
        let Some(Value::Numbers(pose)) = said.get("pose") else { panic!("{said:?}") };
        for angle in ["yaw", "pitch", "roll"] {
            let difference = (pose[angle] - k.attributes["pose"][angle].as_f64().unwrap()).abs();
            angles.entry(angle).or_default().push(difference);
        }
    }
    let angles: BTreeMap<&str, f64> = angles.into_iter().map(|(name, all)| (name, median(all))).collect();
    println!("{} faces, as the original's models said:", known.len());
    for (name, count) in &same {
        println!("{name:>12} {count:>4} the same");
    }
    println!("{:>12} {:>6.1} years: median difference from FairFace's mean", "years", median(age_difference));
    for (name, difference) in &angles {
        println!("{name:>12} {difference:>6.1}°: median difference from WHENet");
    }
    // 36 of the original's 37: at most one face is another.
    assert!(same["gender"] >= 21 && same["mask"] >= 21, "{same:?}");
    assert!(angles.values().all(|&difference| difference <= 5.0), "{angles:?}");
    assert!(same["expression"] >= 11, "{same:?}");
}

/// Photos of one person each: the folder's name is the person's.
fn photos(dir: &Path) -> Vec<(PathBuf, String)> {
    let table = std::fs::read_to_string(dir.join("labels.csv")).unwrap();
    let row = |line: &str| {
        let (path, person) = line.split_once(',').unwrap();
        (dir.join(path), person.to_owned())
    };
    table.lines().skip(1).map(row).collect()
}

fn from_middle(frame: &RgbImage) -> impl Fn(&BoundingBox) -> f32 {
    let (x, y) = (frame.width() as f32 / 2.0, frame.height() as f32 / 2.0);
    move |b| {
        let [a, c] = b.centre();
        -(a - x).hypot(c - y)
    }
}

#[test]
fn ten_men_are_said_to_be_men_as_surely_as_it_is_right() {
    let (Some(dir), Some(models), Some(detector)) =
        (reference("faces_lfw10"), models(&["faceres"]), detector())
    else {
        return;
    };
    let mut of_person: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (path, person) in photos(&dir) {
        let frame = image(&path);
        let face = face(&detector, &frame, from_middle(&frame));
        of_person
            .entry(person)
            .or_default()
            .push(look(&models, &frame, &face).by_name("gender").unwrap()["Male"]);
    }
    let faces: Vec<f64> = of_person.values().flatten().copied().collect();
    let right = faces.iter().filter(|&&p| p > 0.5).count();
    let people = of_person.values().filter(|all| all.iter().sum::<f64>() / all.len() as f64 > 0.5).count();
    let judged: Vec<(f64, bool)> = faces.iter().map(|&p| (p.max(1.0 - p), p > 0.5)).collect();
    let ece = expected_calibration_error(&judged, 15).unwrap();
    println!(
        "{right} of {} photos, {people} of {} people; calibration error {ece:.4}",
        faces.len(),
        of_person.len()
    );
    assert_eq!((faces.len(), of_person.len()), (100, 10));
    assert!(people * 100 >= 95 * of_person.len(), "{people}");
    assert!(ece <= 0.05, "{ece}");
}

/// The outline of a mask: over the bridge of the nose, along the cheeks, under the chin; on the template of 112 pixels.
const OUTLINE: [[f32; 2]; 12] = [
    [24.0, 62.0],
    [40.0, 60.0],
    [56.0, 54.0],
    [72.0, 60.0],
    [88.0, 62.0],
    [86.0, 84.0],
    [78.0, 104.0],
    [66.0, 116.0],
    [56.0, 119.0],
    [46.0, 116.0],
    [34.0, 104.0],
    [26.0, 84.0],
];

fn inside([x, y]: [f32; 2]) -> bool {
    let mut inside = false;
    for (i, &[ax, ay]) in OUTLINE.iter().enumerate() {
        let [bx, by] = OUTLINE[(i + 1) % OUTLINE.len()];
        if (ay > y) != (by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax) {
            inside = !inside;
        }
    }
    inside
}

/// The frame with `texture` laid over the lower half of the face.
fn masked(frame: &RgbImage, face: &Detection, texture: &RgbImage) -> RgbImage {
    let to_template = Similarity::from_landmarks(&face.landmarks, &ARCFACE_112).unwrap();
    let mut drawn = frame.clone();
    for (x, y, pixel) in drawn.enumerate_pixels_mut() {
        let [u, v] = to_template.apply([x as f32, y as f32]);
        if inside([u, v]) {
            let at = |v: f32, from: f32, to: f32, side: u32| {
                (((v - from) / (to - from) * side as f32) as u32).min(side - 1)
            };
            *pixel =
                *texture.get_pixel(at(u, 24.0, 88.0, texture.width()), at(v, 54.0, 119.0, texture.height()));
        }
    }
    drawn
}

#[test]
fn masks_drawn_on_faces_are_found_and_bare_faces_are_bare() {
    let (Some(dir), Some(models), Some(detector)) =
        (reference("faces_lfw10"), models(&["face-mask"]), detector())
    else {
        return;
    };
    let media = std::env::var_os("STREAMFACE_MEDIA").map(PathBuf::from).unwrap_or_default();
    let textures = ["blue", "green", "white", "black"].map(|colour| media.join(format!("mask_{colour}.jpg")));
    if textures.iter().any(|path| !path.is_file()) {
        skip!("no mask_*.jpg in STREAMFACE_MEDIA; `programme media` fetches them");
        return;
    }
    let textures = textures.map(|path| image(&path));
    let mask =
        |frame: &RgbImage, face: &Detection| look(&models, frame, face).probability("mask").unwrap() > 0.5;
    let (mut bare, mut drawn, mut photos_seen) = (0, [0; 4], 0);
    for (path, _) in photos(&dir) {
        let frame = image(&path);
        let face = face(&detector, &frame, from_middle(&frame));
        photos_seen += 1;
        bare += usize::from(!mask(&frame, &face));
        for (count, texture) in drawn.iter_mut().zip(&textures) {
            *count += usize::from(mask(&masked(&frame, &face, texture), &face));
        }
    }
    let share = |count: usize, of: usize| count as f64 / of as f64;
    let balanced = f64::midpoint(share(bare, photos_seen), share(drawn.iter().sum(), 4 * photos_seen));
    println!(
        "{bare} of {photos_seen} bare faces, masks blue, green, white, black {drawn:?}: balanced {balanced:.4}"
    );
    assert!(balanced >= 0.95, "{balanced}");
}
