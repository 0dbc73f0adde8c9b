//! The models of users, read as their templates say, over networks of the same signature that the test makes.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use image::{Rgb, RgbImage};
use streamface_embed::{Error, FaceCrop, face_model_from_manifest, from_manifest};
use streamface_model::{Alignment, Cache, Layout, Manifest, like};
use streamface_testing::onnx;
use streamface_types::Attributes;

/// The model of a template over an ONNX file, whose channels come first.
fn model(dir: &Path, template: &str, file: &[u8]) -> Manifest {
    let path = dir.join("weights.onnx");
    std::fs::write(&path, file).unwrap();
    let mut draft = like(template, Some("mine"), &[path]).unwrap();
    draft.set_layout(Layout::Nchw);
    let written = dir.join("mine.toml");
    std::fs::write(&written, draft.text()).unwrap();
    Manifest::read(&written).unwrap()
}

/// So many numbers that are constants, but for those given: their place and the weights of the three channels.
fn numbers(count: usize, constant: f32, given: &[(usize, [f32; 4])]) -> Vec<[f32; 4]> {
    let mut all = vec![[0.0, 0.0, 0.0, constant]; count];
    given.iter().for_each(|&(at, row)| all[at] = row);
    all
}

const COLOUR: [u8; 3] = [191, 127, 0];

fn face(side: u32) -> RgbImage {
    RgbImage::from_pixel(side, side, Rgb(COLOUR))
}

/// The vector that an embedder's template makes of the means of the three channels, and a one beside them.
fn vector(template: &str, side: u64, dim: u64) -> Vec<f32> {
    let dir = tempfile::tempdir().unwrap();
    let channels = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    let rows: Vec<_> = channels.into_iter().enumerate().collect();
    let file = onnx::of_means([1, 3, side, side], &[("y", &[1, dim], &numbers(dim as usize, 0.0, &rows))]);
    let model = model(dir.path(), template, &file);
    let embedder = from_manifest(&model, &Cache::at(dir.path())).unwrap();
    assert_eq!((embedder.crop().size as u64, embedder.dim() as u64), (side, dim), "{template}");
    let face = face(side as u32);
    let vector = embedder.embed(&[FaceCrop::from(&face)]).unwrap().remove(0).vector;
    let length: f32 = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    assert!((length - 1.0).abs() < 1e-5);
    // What the network gave: its fourth number is 1.
    vector.iter().map(|v| v / vector[3]).collect()
}

#[track_caller]
fn near(found: &[f32], expected: [f32; 3]) {
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 2e-3), "{:?} {expected:?}", &found[..3]);
}

#[test]
fn embedders_see_pixels_as_their_authors_feed_them() {
    let scaled = |mean: f32, scale: f32| COLOUR.map(|v| (f32::from(v) - mean) / scale);
    near(&vector("arcface", 112, 512), scaled(127.5, 128.0));
    near(&vector("auraface", 112, 512), scaled(127.5, 127.5));
    near(&vector("sface", 112, 128), scaled(0.0, 1.0));
    // Of each picture its own mean and deviation: (191, 127, 0) have the mean 106 and the variance 6300.67.
    near(&vector("facenet512", 160, 512), COLOUR.map(|v| (f32::from(v) - 106.0) / 6300.667_f32.sqrt()));
}

fn said(template: &str, input: [u64; 4], outputs: &[onnx::Output<'_>]) -> Result<Attributes, Error> {
    let dir = tempfile::tempdir().unwrap();
    let model = model(dir.path(), template, &onnx::of_means(input, outputs));
    let face_model = face_model_from_manifest(&model, &Cache::at(dir.path()))?;
    assert_eq!(u64::from(face_model.crop().size), input[3], "{template}");
    let face = face(input[3] as u32);
    Ok(face_model.look(&[&face])?.remove(0))
}

#[test]
fn fairface_is_three_slices_of_one_output() {
    // The logit of Black grows with red as ImageNet's mean and deviation make it, that of 30-39 with blue.
    let rows = numbers(
        18,
        0.0,
        &[(1, [1.0, 0.0, 0.0, 0.0]), (8, [0.0, 0.0, 0.0, 2.0]), (13, [0.0, 0.0, -1.0, 0.0])],
    );
    let all = said("fairface", [1, 3, 224, 224], &[("logits", &[1, 18], &rows)]).unwrap();
    let share = |logit: f64, others: f64| logit.exp() / (logit.exp() + others);
    let (red, blue) = ((191.0 - 123.675) / 58.395, (0.0 - 103.53) / 57.375);
    for (attribute, label, p) in [
        ("race", "Black", share(red, 6.0)),
        ("gender", "Female", share(2.0, 1.0)),
        ("age", "30-39", share(-blue, 8.0)),
    ] {
        let (likeliest, found) = all.likeliest(attribute).unwrap();
        assert_eq!(likeliest, label, "{attribute}");
        assert!((found - p).abs() < 1e-4, "{attribute}: {found} {p}");
    }
    let labels: Vec<&str> = all.by_name("race").unwrap().keys().map(String::as_str).collect();
    let order =
        ["White", "Black", "Latino Hispanic", "East Asian", "Southeast Asian", "Indian", "Middle Eastern"];
    assert_eq!(labels, order);
}

#[test]
fn the_expression_is_read_from_grey_and_the_mask_from_minus_one_to_one() {
    // OpenCV's grey of the colour, of 255: (191 · 0.299 + 127 · 0.587) = 131.66.
    let rows = numbers(7, 0.08, &[(3, [1.0, 0.0, 0.0, 0.0])]);
    let all = said("deepface-emotion", [1, 1, 48, 48], &[("y", &[1, 7], &rows)]).unwrap();
    let (label, p) = all.likeliest("expression").unwrap();
    let grey = 132.0 / 255.0;
    assert_eq!(label, "happy");
    assert!((p - grey / (grey + 0.48)).abs() < 1e-4, "{p}");
    let labels: Vec<&str> = all.by_name("expression").unwrap().keys().map(String::as_str).collect();
    assert_eq!(labels, ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]);

    // Half, and half of the blue's −1 less.
    let rows = numbers(2, 0.0, &[(0, [0.0, 0.0, 0.25, 0.5]), (1, [0.0, 0.0, -0.25, 0.5])]);
    let all = said("chandrika-mask", [1, 3, 224, 224], &[("y", &[1, 2], &rows)]).unwrap();
    let p = all.probability("mask").unwrap();
    assert!((p - 0.25).abs() < 1e-4, "{p}");
}

#[test]
fn whenet_is_the_mean_of_bins_over_the_full_circle() {
    let peak = |count: usize, at: &[usize]| {
        let rows: Vec<_> = at.iter().map(|&at| (at, [20.0, 0.0, 0.0, 0.0])).collect();
        numbers(count, 0.0, &rows)
    };
    // Bin 70 of yaw is 30 degrees, between bins 30 and 31 of pitch is -7.5, bin 36 of roll is 9.
    let (yaw, pitch, roll) = (peak(120, &[70]), peak(66, &[30, 31]), peak(66, &[36]));
    let outputs: [onnx::Output<'_>; 3] =
        [("yaw", &[1, 120], &yaw), ("pitch", &[1, 66], &pitch), ("roll", &[1, 66], &roll)];
    let all = said("whenet", [1, 3, 224, 224], &outputs).unwrap();
    let pose = all.by_name("pose").unwrap();
    for (angle, degrees) in [("yaw", 30.0), ("pitch", -7.5), ("roll", 9.0)] {
        assert!((pose[angle] - degrees).abs() < 1e-3, "{pose:?}");
    }
    // Outputs in another order have other numbers of bins.
    let wrong = said("whenet", [1, 3, 224, 224], &[outputs[1], outputs[0], outputs[2]]).unwrap_err();
    assert!(wrong.to_string().contains("[120, 66, 66] bins"), "{wrong}");
}

#[test]
fn a_rotation_gives_the_same_angles_as_six_numbers_and_as_a_matrix() {
    // A turn by 30 degrees about the vertical axis.
    let (sin, cos) = 30_f32.to_radians().sin_cos();
    let constant = |values: &[f32]| values.iter().map(|&v| [0.0, 0.0, 0.0, v]).collect::<Vec<_>>();
    let (six, nine) = (
        constant(&[cos, 0.0, -sin, 0.0, 1.0, 0.0]),
        constant(&[cos, 0.0, sin, 0.0, 1.0, 0.0, -sin, 0.0, cos]),
    );
    let outputs: [onnx::Output<'_>; 2] = [("y", &[1, 6], &six), ("y", &[1, 3, 3], &nine)];
    for output in outputs {
        let all = said("6drepnet", [1, 3, 224, 224], &[output]).unwrap();
        let pose = all.by_name("pose").unwrap();
        for (angle, degrees) in [("yaw", 30.0), ("pitch", 0.0), ("roll", 0.0)] {
            assert!((pose[angle] - degrees).abs() < 1e-3, "{pose:?}");
        }
    }
}

#[test]
fn a_label_too_many_or_too_few_is_an_error_that_names_the_model_and_the_numbers() {
    for (template, input, count) in [
        ("fairface", [1, 3, 224, 224], 17),
        ("fairface", [1, 3, 224, 224], 19),
        ("deepface-emotion", [1, 1, 48, 48], 8),
        ("chandrika-mask", [1, 3, 224, 224], 1),
        ("6drepnet", [1, 3, 224, 224], 4),
    ] {
        let rows = numbers(count, 0.1, &[]);
        let wrong = said(template, input, &[("y", &[1, count as u64], &rows)]).unwrap_err();
        let text = wrong.to_string();
        assert!(matches!(wrong, Error::Output { .. }), "{template}: {text}");
        assert!(text.contains("'mine'") && text.contains(&format!("[1, {count}]")), "{text}");
    }
}

#[test]
fn faces_are_cut_as_the_original_cuts_them() {
    let dir = tempfile::tempdir().unwrap();
    let crop = |template: &str| model(dir.path(), template, &[8]).crop().unwrap();
    // The original's loose face is twice the box's longer side. Pose: less 15 % on each side, of that the middle 80 %.
    for (template, of_loose) in [
        ("whenet", 0.7 * 0.8),
        ("6drepnet", 0.7 * 0.8),
        ("fairface", 0.5),
        ("deepface-emotion", 0.5),
        ("chandrika-mask", 0.5),
    ] {
        let crop = crop(template);
        assert_eq!(crop.alignment, Alignment::Square, "{template}");
        assert!((1.0 + f64::from(crop.margin) - 2.0 * of_loose).abs() < 1e-6, "{template}: {}", crop.margin);
    }
    assert_eq!(crop("facenet512").alignment, Alignment::Upright);
    for template in ["arcface", "auraface", "sface"] {
        assert_eq!(crop(template).alignment, Alignment::Arcface112, "{template}");
    }
}
