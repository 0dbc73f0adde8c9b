//! Against OpenCV and Pillow, on made-up pictures: the tables of `fixtures/golden`.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

use image::{GrayImage, RgbImage};
use streamface_imgproc::{
    LooseSettings, Similarity, Thumbnail, aligned_face, canny_empty_fraction, face_blur_variance, gray,
    laplacian_variance, loose_face, resize_area, resize_bilinear, resize_nearest, warp_similarity,
};
use streamface_testing::inputs::{fnv, picture, unhex};
use streamface_testing::{Table, golden};
use streamface_types::BoundingBox;

/// The picture that a row starts with.
fn image(table: &Table, row: usize) -> RgbImage {
    let (width, height) = (table.get(row, "width"), table.get(row, "height"));
    let pixels = picture(table.text(row, "kind"), table.get(row, "seed"), width, height);
    RgbImage::from_raw(width, height, pixels).unwrap()
}

fn assert_close(what: &str, ours: f64, theirs: f64, relative: f64) {
    assert!((ours - theirs).abs() <= relative * theirs.abs(), "{what}: {ours} for {theirs}");
}

#[test]
fn frame_filters_of_opencv() {
    let table = golden("frame_filters");
    let mut before: Option<Thumbnail> = None;
    for row in 0..table.len() {
        let frame = image(&table, row);
        let gray: GrayImage = gray(&frame);
        assert_eq!(fnv(&gray), table.text(row, "gray"), "row {row}");
        let empty: f64 = table.get(row, "empty_pixels");
        assert_eq!(canny_empty_fraction(&gray, 0, 25), empty / f64::from(frame.width() * frame.height()));
        // Squares are summed in f64, so the error grows with the pixels: 1.1e-12 at two megapixels.
        assert_close("Laplacian", laplacian_variance(&gray), table.get(row, "laplacian"), 2e-12);
        let thumbnail = Thumbnail::from_gray(&gray);
        assert_eq!(fnv(thumbnail.as_gray()), table.text(row, "nearest"), "row {row}");
        assert_close("blur", thumbnail.blur_variance(), table.get(row, "blur"), 1e-12);
        if let Some(before) = &before {
            let ours = thumbnail.similarity(before);
            assert!((ours - table.get::<f64>(row, "similarity_exact")).abs() <= 1e-14, "row {row}: {ours}");
            // OpenCV goes through a Fourier transform in single precision.
            assert!((ours - table.get::<f64>(row, "similarity")).abs() <= 2e-6, "row {row}: {ours}");
        }
        before = Some(thumbnail);
    }
}

#[test]
fn resizes_of_opencv() {
    let table = golden("resizes");
    for row in 0..table.len() {
        let frame = image(&table, row);
        let (width, height) = (table.get(row, "to_width"), table.get(row, "to_height"));
        let bilinear = resize_bilinear(&frame, width, height);
        assert_eq!(fnv(&bilinear), table.text(row, "bilinear"), "bilinear, row {row}");
        let nearest = resize_nearest(&gray(&frame), width, height);
        assert_eq!(fnv(&nearest), table.text(row, "nearest"), "nearest, row {row}");
    }
}

/// The largest difference of two pictures in one value.
fn farthest(ours: &RgbImage, theirs: &[u8]) -> u8 {
    assert_eq!(ours.as_raw().len(), theirs.len());
    ours.as_raw().iter().zip(theirs).map(|(a, &b)| a.abs_diff(b)).max().unwrap()
}

#[test]
fn areas_of_opencv() {
    let table = golden("areas");
    for row in 0..table.len() {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| table.get(row, side));
        let (width, height) = (table.get(row, "to_width"), table.get(row, "to_height"));
        let ours = resize_area(&image(&table, row), &BoundingBox::new(x, y, w, h), width, height);
        // Means that lie between two whole numbers may round to either.
        assert!(farthest(&ours, &unhex(table.text(row, "pixels"))) <= 1, "row {row}");
    }
}

#[test]
fn warps_of_opencv() {
    let table = golden("warps");
    for row in 0..table.len() {
        let [a, b, tx, ty] = ["a", "b", "tx", "ty"].map(|number| table.get(row, number));
        let (width, height) = (table.get(row, "to_width"), table.get(row, "to_height"));
        let ours = warp_similarity(&image(&table, row), &Similarity { a, b, tx, ty }, width, height);
        // OpenCV rounds its weights.
        assert!(farthest(&ours, &unhex(table.text(row, "pixels"))) <= 1, "row {row}");
    }
}

#[test]
fn faces_by_the_originals_rules() {
    let table = golden("faces");
    for row in 0..table.len() {
        let frame = image(&table, row);
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| table.get(row, side));
        let bbox = BoundingBox::new(x, y, w, h);
        let loose =
            loose_face(&frame, &bbox, &LooseSettings { face_size: 64, ..LooseSettings::default() }).unwrap();
        assert_eq!(loose.dimensions(), (table.get(row, "loose_width"), table.get(row, "loose_height")));
        assert_eq!(fnv(&loose), table.text(row, "loose"), "loose, row {row}");
        let left = [table.get(row, "left_x"), table.get(row, "left_y")];
        let right = [table.get(row, "right_x"), table.get(row, "right_y")];
        let aligned = aligned_face(&frame, &bbox, left, right, 48).unwrap();
        assert_eq!(fnv(&aligned), table.text(row, "aligned"), "aligned, row {row}");
        assert_close("face blur", face_blur_variance(&aligned), table.get(row, "face_blur"), 1e-12);
    }
}
