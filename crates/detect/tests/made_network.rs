//! Detectors described by a manifest alone, over small networks of the same signature that the test makes.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;

use image::{Rgb, RgbImage};
use streamface_detect::{DetectSettings, Detection, Detector, Error, from_manifest};
use streamface_model::{Cache, Manifest};
use streamface_testing::onnx;

/// A manifest in `dir` of the decoder, with these weight files beside it.
fn manifest(dir: &Path, decoder: &str, input: &str, files: &[(&str, Vec<u8>)]) -> Manifest {
    let mut text =
        "name = \"made\"\nkind = \"detector\"\nsource = \"a test\"\nlicence = \"none\"\n".to_string();
    text.push_str("licence_note = \"\"\n");
    let several = files.len() > 1;
    for (name, file) in files {
        let path = dir.join(format!("{name}.onnx"));
        std::fs::write(&path, file).unwrap();
        if several {
            writeln!(text, "[[weights]]\nname = \"{name}\"").unwrap();
        }
        writeln!(text, "format = \"onnx\"\nfile = \"{name}.onnx\"\nbytes = {}", file.len()).unwrap();
        writeln!(text, "sha256 = \"{}\"", streamface_model::sha256_hex(file)).unwrap();
    }
    writeln!(text, "[input]\nlayout = \"nchw\"\n{input}").unwrap();
    writeln!(text, "[detector]\ndecoder = \"{decoder}\"\nsize = 64\nscore = 0.5\nnms_iou = 0.3\nhow = \"\"")
        .unwrap();
    let path = dir.join("made.toml");
    std::fs::write(&path, text).unwrap();
    Manifest::read(&path).unwrap()
}

fn detector(model: &Manifest, score: f32) -> Result<Box<dyn Detector>, Error> {
    let settings = DetectSettings { score, ..DetectSettings::recommended(model).unwrap() };
    from_manifest(model, &Cache::at("unused"), settings)
}

#[track_caller]
fn close(face: &Detection, bbox: [f32; 4], first: [f32; 2]) {
    let b = face.bbox;
    let off = |a: &[f32], b: &[f32]| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-3);
    assert!(!off(&[b.x, b.y, b.w, b.h], &bbox), "{b:?} {bbox:?}");
    assert!(!off(&face.landmarks.left_eye(), &first), "{:?} {first:?}", face.landmarks);
}

/// Constant numbers, whatever the colours.
fn constant(values: &[f32]) -> Vec<[f32; 4]> {
    values.iter().map(|&v| [0.0, 0.0, 0.0, v]).collect()
}

fn mtcnn_files() -> [(&'static str, Vec<u8>); 3] {
    let pnet = onnx::of_means(
        [1, 3, 12, 12],
        &[("p", &[1, 2, 1, 1], &constant(&[0.1, 0.9])), ("r", &[1, 4, 1, 1], &constant(&[0.0; 4]))],
    );
    let rnet = onnx::of_means(
        [1, 3, 24, 24],
        &[("r", &[1, 4], &constant(&[0.1, 0.1, -0.1, -0.1])), ("p", &[1, 2], &constant(&[0.2, 0.8]))],
    );
    // How sure it is depends on the first channel; it looks for red.
    let points = [0.25, 0.75, 0.5, 0.3, 0.7, 0.5, 0.5, 0.6, 0.8, 0.8];
    let onet = onnx::of_means(
        [1, 3, 48, 48],
        &[
            ("p", &[1, 2], &[[-0.4, 0.0, 0.0, 0.5], [0.4, 0.0, 0.0, 0.5]]),
            ("r", &[1, 4], &constant(&[0.0, 0.0, 0.25, 0.0])),
            ("l", &[1, 10], &constant(&points)),
        ],
    );
    [("pnet", pnet), ("rnet", rnet), ("onet", onet)]
}

#[test]
fn mtcnn_goes_from_window_to_box_to_landmarks() {
    let dir = tempfile::tempdir().unwrap();
    let input = "channels = \"rgb\"\nmean = 127.5\nscale = 128.0";
    let model = manifest(dir.path(), "mtcnn", input, &mtcnn_files());
    // One window sees all of it: the first network's box is the frame, the second moves it to (2, 2, 18, 18), the
    // third moves its right side by a quarter, which the frame cuts off.
    let red = RgbImage::from_pixel(20, 20, Rgb([255, 0, 0]));
    let found = detector(&model, 0.5).unwrap().detect(&red).unwrap();
    assert_eq!(found.len(), 1);
    close(&found[0], [2.0, 2.0, 18.0, 16.0], [6.0, 10.0]);
    assert!((found[0].score - (0.5 + 0.4 * 127.5 / 128.0)).abs() < 1e-4, "{}", found[0].score);
    // A score that is asked for, another colour, and a frame smaller than any face.
    assert_eq!(detector(&model, 0.95).unwrap().detect(&red).unwrap(), []);
    let blue = RgbImage::from_pixel(20, 20, Rgb([0, 0, 255]));
    assert_eq!(detector(&model, 0.5).unwrap().detect(&blue).unwrap(), []);
    for (w, h) in [(0, 0), (1, 1), (500, 3)] {
        assert_eq!(detector(&model, 0.5).unwrap().detect(&RgbImage::new(w, h)).unwrap(), [], "{w} x {h}");
    }
}

#[test]
fn mtcnn_of_other_files_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let input = "channels = \"rgb\"\nmean = 127.5\nscale = 128.0";
    let files = mtcnn_files();
    let two = manifest(dir.path(), "mtcnn", input, &files[..2]);
    let said = detector(&two, 0.5).unwrap_err().to_string();
    assert!(said.contains("three weight files"), "{said}");
    // The third network in the place of the second.
    let [pnet, _, onet] = files;
    let model = manifest(dir.path(), "mtcnn", input, &[pnet, ("rnet", onet.1.clone()), onet]);
    let red = RgbImage::from_pixel(20, 20, Rgb([255, 0, 0]));
    let found = detector(&model, 0.5).unwrap().detect(&red);
    assert!(found.is_ok(), "the outputs that the second has are there: {found:?}");
    let retina = manifest(dir.path(), "retinaface", input, &[("pnet", mtcnn_files()[0].1.clone())]);
    let frame = RgbImage::new(64, 32);
    assert!(matches!(detector(&retina, 0.5).unwrap().detect(&frame), Err(Error::Output { .. })));
    let unknown = manifest(dir.path(), "yolo", input, &[("pnet", mtcnn_files()[0].1.clone())]);
    let said = detector(&unknown, 0.5).unwrap_err().to_string();
    assert!(said.contains("'yolo'") && said.contains("centerface, mtcnn, retinaface, scrfd"), "{said}");
}

#[test]
fn retinaface_takes_blue_first_less_its_means_and_says_where_the_face_is() {
    // An input of 64 x 32 has 64 + 16 + 4 anchors. That of stride 16, row 1, column 2, the smaller: centre (40, 24),
    // side 64.
    let at = 64 + (4 + 2) * 2;
    let mut scores = constant(&[1.0, 0.0].repeat(84));
    // Blue is the first channel: its mean is 30 above 104.
    scores[2 * at] = [-0.02, 0.0, 0.0, 1.0];
    scores[2 * at + 1] = [0.02, 0.0, 0.0, 0.0];
    let mut boxes = vec![0.0; 84 * 4];
    boxes[4 * at..4 * at + 4].copy_from_slice(&[-1.25, 0.0, 0.25_f32.ln() / 0.2, 0.125_f32.ln() / 0.2]);
    let mut points = vec![0.0; 84 * 10];
    points[10 * at] = -1.25;
    let file = onnx::of_means(
        [1, 3, 32, 64],
        &[
            ("loc", &[1, 84, 4], &constant(&boxes)),
            ("conf", &[1, 84, 2], &scores),
            ("landms", &[1, 84, 10], &constant(&points)),
        ],
    );
    let dir = tempfile::tempdir().unwrap();
    let input = "channels = \"bgr\"\nmean = [104.0, 117.0, 123.0]\nscale = 1.0";
    let model = manifest(dir.path(), "retinaface", input, &[("retinaface", file)]);
    let frame = RgbImage::from_pixel(64, 32, Rgb([1, 2, 134]));
    let found = detector(&model, 0.5).unwrap().detect(&frame).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!((found[0].score - 0.6).abs() < 1e-3);
    // Centre (40 − 8, 24), sides 16 and 8.
    close(&found[0], [24.0, 20.0, 16.0, 8.0], [32.0, 24.0]);
    // Twice as large a frame is seen at the same size, and its face is twice as large.
    let large = RgbImage::from_pixel(128, 64, Rgb([1, 2, 134]));
    let found = detector(&model, 0.5).unwrap().detect(&large).unwrap();
    close(&found[0], [48.0, 40.0, 32.0, 16.0], [64.0, 48.0]);
}

#[test]
fn scrfd_reads_distances_of_each_stride() {
    let of = |count: usize, at: usize| {
        let mut scores = vec![0.0; count];
        let mut boxes = vec![0.0; 4 * count];
        let points = vec![0.0; 10 * count];
        if count == 16 {
            scores[at] = 0.9;
            boxes[4 * at..4 * at + 4].copy_from_slice(&[0.5, 0.25, 0.5, 0.75]);
        }
        [scores, boxes, points].map(|v| constant(&v))
    };
    let at = (4 + 2) * 2;
    let all = [64, 16, 4].map(|count| (count as u64, of(count, at)));
    let names: Vec<String> = (0..9).map(|i| format!("o{i}")).collect();
    // As InsightFace has them: the scores of all strides, then the boxes, then the landmarks.
    let parts =
        (0..3).flat_map(|part| all.iter().map(move |(count, of)| (*count, [1, 4, 10][part], &of[part])));
    let shapes: Vec<([u64; 2], &Vec<[f32; 4]>)> =
        parts.map(|(n, numbers, rows)| ([n, numbers], rows)).collect();
    let outputs: Vec<streamface_testing::onnx::Output<'_>> =
        names.iter().zip(&shapes).map(|(n, (shape, rows))| (n.as_str(), &shape[..], &rows[..])).collect();
    let file = onnx::of_means([1, 3, 32, 64], &outputs);
    let dir = tempfile::tempdir().unwrap();
    let input = "channels = \"rgb\"\nmean = 127.5\nscale = 128.0";
    let model = manifest(dir.path(), "scrfd", input, &[("scrfd", file)]);
    let found = detector(&model, 0.5).unwrap().detect(&RgbImage::new(64, 32)).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    close(&found[0], [24.0, 12.0, 16.0, 16.0], [32.0, 16.0]);
}
