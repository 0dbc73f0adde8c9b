//! Against the values and pictures of the original, where they are at hand.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use image::RgbImage;
use streamface_imgproc::{
    DecodeLimits, LooseSettings, Thumbnail, aligned_face, canny_empty_fraction, decode_image, encode_png,
    face_blur_variance, gray, loose_face,
};
use streamface_testing::reference;
use streamface_types::BoundingBox;

fn load(path: &Path) -> RgbImage {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    decode_image(&bytes, &DecodeLimits::default()).unwrap()
}

fn rows(path: PathBuf) -> Vec<csv::StringRecord> {
    csv::Reader::from_path(path).unwrap().records().map(Result::unwrap).collect()
}

fn assert_close(what: &str, ours: f64, theirs: f64, relative: f64) {
    assert!((ours / theirs - 1.0).abs() <= relative, "{what}: {ours} for {theirs}");
}

#[test]
fn frame_filters() {
    let Some(reference) = reference("") else { return };
    let mut previous: Option<Thumbnail> = None;
    let rows = rows(reference.join("frame_filters.csv"));
    assert_eq!(rows.len(), 14);
    for row in &rows {
        let frame = load(&reference.join("skynews/frames").join(&row[0]));
        let value = |i: usize| row[i].parse::<f64>().unwrap();
        let gray = gray(&frame);
        assert_close("empty", canny_empty_fraction(&gray, 0, 25), value(1), 1e-12);
        let thumbnail = Thumbnail::from_gray(&gray);
        assert_close("blur", thumbnail.blur_variance(), value(2), 1e-9);
        if let Some(previous) = &previous {
            // OpenCV computes the normalised difference, by a single-precision Fourier transform that
            // errs by up to 6e-7 here (its versions differ by as much); ours is exact.
            let difference = |similarity: f64| 1.0 - similarity;
            let ours = thumbnail.similarity(previous);
            assert_close("difference", difference(ours), difference(value(3)), 1e-6);
            assert!((ours - value(3)).abs() < 5e-7, "similarity: {ours} for {}", value(3));
        }
        previous = Some(thumbnail);
    }
}

#[test]
fn face_blur() {
    let Some(reference) = reference("") else { return };
    let rows = rows(reference.join("face_blur.csv"));
    assert_eq!(rows.len(), 22);
    for row in &rows {
        let face = load(&reference.join("skynews/aligned_faces").join(&row[0]));
        assert_close(&row[0], face_blur_variance(&face), row[1].parse().unwrap(), 1e-9);
    }
}

fn numbers(text: &str) -> Vec<f32> {
    let inner = text.trim_matches(|c| "[]()".contains(c));
    inner.split(',').map(|n| n.trim().parse().unwrap()).collect()
}

/// Every crop of the original, pixel for pixel.
#[test]
fn crops() {
    let Some(reference) = reference("") else { return };
    let skynews = reference.join("skynews");
    let mut checked = 0;
    for row in rows(skynews.join("detections.csv")) {
        let frame = row[0].split("_face_").next().unwrap().to_owned() + ".png";
        let frame = skynews.join("frames").join(frame);
        if !frame.is_file() {
            continue;
        }
        let frame = load(&frame);
        let b = numbers(&row[2]);
        let bbox = BoundingBox::new(b[0], b[1], b[2], b[3]);
        let eye = |i: usize| <[f32; 2]>::try_from(numbers(&row[i])).unwrap();
        let loose = loose_face(&frame, &bbox, &LooseSettings::default()).unwrap();
        assert!(loose == load(&skynews.join("faces").join(&row[0])), "loose {}", &row[0]);
        let aligned = aligned_face(&frame, &bbox, eye(3), eye(4), 128).unwrap();
        assert!(aligned == load(&skynews.join("aligned_faces").join(&row[0])), "aligned {}", &row[0]);
        checked += 1;
    }
    assert_eq!(checked, 22);
}

#[test]
fn frames_survive_png() {
    let Some(reference) = reference("") else { return };
    let path = reference.join("skynews/frames/skynews_frame_20230525100438237375.png");
    let frame = load(&path);
    let png = encode_png(&frame).unwrap();
    assert!(decode_image(&png, &DecodeLimits::default()).unwrap() == frame);
    assert!(png.len() < frame.len() / 2, "{} bytes", png.len());
}
