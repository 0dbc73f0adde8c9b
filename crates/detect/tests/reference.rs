//! The detector against outputs of its network under another runtime, and against the faces that the
//! original kept.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use streamface_detect::{
    BoundingBox, DetectSettings, Detector, ExtractSettings, Extractor, Landmarks, from_manifest,
};
use streamface_model::{Cache, Manifest};
use streamface_testing::{reference, skip};

#[track_caller]
fn detector_of(name: &str, change: impl FnOnce(&mut DetectSettings)) -> Option<Box<dyn Detector>> {
    let model = Manifest::builtin(name).unwrap();
    let cache = Cache::of_user();
    if cache.read(&model).is_err() {
        skip!("no weights of {}; `streamface models pull` fetches them", model.name);
        return None;
    }
    let mut settings = DetectSettings::recommended(&model).unwrap();
    change(&mut settings);
    Some(from_manifest(&model, &cache, settings).unwrap())
}

#[track_caller]
fn detector(change: impl FnOnce(&mut DetectSettings)) -> Option<Box<dyn Detector>> {
    detector_of("centerface", change)
}

fn csv(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    // Fields may be quoted and hold commas.
    let fields = |line: &str| {
        let (mut all, mut field, mut quoted) = (Vec::new(), String::new(), false);
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => all.push(std::mem::take(&mut field)),
                c => field.push(c),
            }
        }
        all.push(field);
        all
    };
    text.lines().skip(1).map(fields).collect()
}

fn numbers(text: &str) -> Vec<f32> {
    text.trim_matches(|c| "[]()".contains(c)).split(',').map(|n| n.trim().parse().unwrap()).collect()
}

#[test]
fn same_faces_as_the_reference_runtime() {
    let (Some(dir), Some(detector)) =
        (reference(""), detector(|s| (s.size, s.score, s.nms_iou) = (1920, 0.5, 0.3)))
    else {
        return;
    };
    let mut expected: BTreeMap<String, Vec<Vec<f32>>> = BTreeMap::new();
    for row in csv(&dir.join("models/centerface_detections.csv")) {
        let values = row[1..].iter().map(|v| v.parse().unwrap()).collect();
        expected.entry(row[0].clone()).or_default().push(values);
    }
    assert_eq!(expected.values().map(Vec::len).sum::<usize>(), 30);
    for (frame, faces) in expected {
        let image = image::open(dir.join("skynews/frames").join(&frame)).unwrap().to_rgb8();
        let found = detector.detect(&image).unwrap();
        assert_eq!(found.len(), faces.len(), "{frame}");
        for want in faces {
            let bbox = BoundingBox::from_corners(want[1], want[2], want[3], want[4]);
            let face = found.iter().max_by(|a, b| a.bbox.iou(&bbox).total_cmp(&b.bbox.iou(&bbox))).unwrap();
            assert!(face.bbox.iou(&bbox) >= 0.99, "{frame}: {:?} {bbox:?}", face.bbox);
            assert!((face.score - want[0]).abs() < 0.01, "{frame}: {} {}", face.score, want[0]);
            let far = face.landmarks.0.iter().flatten().zip(&want[5..]).map(|(a, b)| (a - b).abs());
            assert!(far.fold(0.0, f32::max) < 0.5, "{frame}: landmarks");
        }
    }
}

/// Boxes by frame of the 22 faces of the original's 14 frames.
fn kept_by_the_original(dir: &Path) -> BTreeMap<String, Vec<BoundingBox>> {
    let mut frames: BTreeMap<String, Vec<BoundingBox>> = BTreeMap::new();
    for row in csv(&dir.join("skynews/detections.csv")) {
        let b = numbers(&row[2]);
        let (frame, _) = row[0].split_once("_face_").unwrap();
        frames.entry(frame.to_owned()).or_default().push(BoundingBox::new(b[0], b[1], b[2], b[3]));
    }
    assert_eq!(frames.values().map(Vec::len).sum::<usize>(), 22);
    frames
}

#[test]
fn default_settings_find_every_face_that_the_original_kept() {
    let (Some(dir), Some(detector)) = (reference(""), detector(|_| {})) else { return };
    let extractor = Extractor::new(detector, ExtractSettings::default()).unwrap();
    let frames = kept_by_the_original(&dir);
    for (frame, faces) in frames {
        let path = dir.join("skynews/frames").join(format!("{frame}.png"));
        let found = extractor.extract(&image::open(path).unwrap().to_rgb8()).unwrap();
        for want in faces {
            let best = found.faces.iter().map(|f| f.bbox.iou(&want)).fold(0.0, f32::max);
            assert!(best >= 0.6, "{frame}: {want:?} overlaps by {best} at most");
        }
    }
}

#[test]
fn the_second_look_sees_what_the_first_saw_where_faces_are_small() {
    let (Some(dir), Some(detector)) = (reference(""), detector(|_| {})) else { return };
    let image =
        image::open(dir.join("skynews/frames/skynews_frame_20230525100138412614.png")).unwrap().to_rgb8();
    let face = detector.detect(&image).unwrap()[0];
    let Landmarks(second) = detector.refine(&image, &face).unwrap();
    // The reference's landmarks at full size; the face is 92 x 126.
    let full =
        [[962.451, 440.197], [1004.505, 443.995], [979.974, 467.632], [959.723, 484.651], [995.313, 487.575]];
    for (a, b) in second.iter().zip(full) {
        let off = f32::hypot(a[0] - b[0], a[1] - b[1]);
        assert!(off < 8.0, "{a:?} {b:?}");
    }
}

#[test]
fn mtcnn_finds_the_faces_that_the_original_kept_but_for_one_in_profile() {
    // A dark profile at the edge of the frame: the first two networks keep it, the third gives it less than the
    // original's gate of 0.95. In the original's detector, too, it had the lowest score of all.
    let profile = ("skynews_frame_20230525100450160878", BoundingBox::new(0.0, 271.0, 106.0, 151.0));
    let (Some(dir), Some(detector)) = (reference(""), detector_of("mtcnn", |_| {})) else { return };
    let gates = ExtractSettings { size_threshold: 0.005, ..ExtractSettings::default() };
    let extractor = Extractor::new(detector, gates).unwrap();
    let open =
        |frame: &str| image::open(dir.join("skynews/frames").join(format!("{frame}.png"))).unwrap().to_rgb8();
    let (mut found, mut spent) = (0, std::time::Duration::ZERO);
    for (frame, faces) in kept_by_the_original(&dir) {
        let kept = extractor.extract(&open(&frame)).unwrap();
        spent += kept.detect_time;
        for want in faces {
            let best = kept.faces.iter().max_by(|a, b| a.bbox.iou(&want).total_cmp(&b.bbox.iou(&want)));
            let overlap = best.map_or(0.0, |f| f.bbox.iou(&want));
            println!("{frame} {want:?}: {overlap:.2}, score {:?}", best.map(|f| f.score));
            if (frame.as_str(), want) == profile {
                assert!(overlap < 0.3, "it is found now, by {overlap}: say so in the manifest");
                continue;
            }
            assert!(overlap >= 0.6, "{frame}: {want:?} overlaps by {overlap} at most");
            found += 1;
        }
    }
    println!("{found} of 22 faces; {:.1} ms a frame", spent.as_secs_f64() * 1000.0 / 14.0);
    assert_eq!(found, 21);
    let Some(keen) = detector_of("mtcnn", |s| (s.size, s.score) = (1920, 0.7)) else { return };
    let all = keen.detect(&open(profile.0)).unwrap();
    let best = all.iter().max_by(|a, b| a.bbox.iou(&profile.1).total_cmp(&b.bbox.iou(&profile.1))).unwrap();
    assert!(best.bbox.iou(&profile.1) >= 0.6 && (0.7..0.95).contains(&best.score), "{best:?}");
}
