//! `cargo bench -p streamface-imgproc`, then `benches/peer_opencv.py --ours` for the ratios.

#![allow(clippy::unwrap_used)] // A bench may stop at the first surprise.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use image::{Rgb, RgbImage};
use streamface_imgproc::*;
use streamface_types::{BoundingBox, Landmarks};

const BOX: BoundingBox = BoundingBox { x: 804.0, y: 205.0, w: 346.0, h: 388.0 };
const LANDMARKS: Landmarks =
    Landmarks([[886.0, 386.0], [1025.0, 343.0], [971.0, 466.0], [940.0, 514.0], [1068.0, 478.0]]);

/// A picture from STREAMFACE_BENCH_FRAME, or waves, a checked area, and noise.
fn frame() -> RgbImage {
    if let Some(path) = std::env::var_os("STREAMFACE_BENCH_FRAME") {
        let bytes = std::fs::read(path).unwrap();
        return decode_image(&bytes, &DecodeLimits::default()).unwrap();
    }
    let (width, height) = (1920, 1080);
    RgbImage::from_fn(width, height, |x, y| {
        let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)) >> 13;
        let noise = noise.wrapping_mul(3_266_489_917) >> 28;
        let checks = if (x / 37 + y / 23) % 2 == 1 && x > width / 2 { 60 } else { 0 };
        let base = [x / 9 + y / 17, x / 14 + y / 6, x / 23 + y / 31];
        Rgb(base.map(|b| (b % 160 + checks + noise) as u8))
    })
}

fn filters(c: &mut Criterion) {
    let frame = frame();
    let gray_frame = gray(&frame);
    let thumbnail = Thumbnail::from_gray(&gray_frame);
    let other = Thumbnail::from_gray(&image::imageops::flip_vertical(&gray_frame));
    let loose = LooseSettings::default();
    let [left, right] = [LANDMARKS.left_eye(), LANDMARKS.right_eye()];
    let face = aligned_face(&frame, &BOX, left, right, 128).unwrap();
    let to_template = Similarity::from_landmarks(&LANDMARKS, &ARCFACE_112).unwrap();
    let png = encode_png(&frame).unwrap();
    let limits = DecodeLimits::default();
    let mut planes = vec![0f32; 3 * 960 * 544];
    let frame = black_box(&frame);

    c.bench_function("gray", |b| b.iter(|| gray(frame)));
    c.bench_function("thumbnail", |b| b.iter(|| Thumbnail::from_gray(&gray_frame)));
    c.bench_function("canny_empty_fraction", |b| b.iter(|| canny_empty_fraction(&gray_frame, 0, 25)));
    c.bench_function("blur_variance_frame", |b| b.iter(|| thumbnail.blur_variance()));
    c.bench_function("blur_variance_face", |b| b.iter(|| face_blur_variance(&face)));
    c.bench_function("similarity", |b| b.iter(|| thumbnail.similarity(&other)));
    c.bench_function("all_frame_filters", |b| {
        b.iter(|| {
            let gray = gray(frame);
            let thumbnail = Thumbnail::from_gray(&gray);
            (canny_empty_fraction(&gray, 0, 25), thumbnail.blur_variance(), thumbnail.similarity(&other))
        });
    });
    c.bench_function("loose_face", |b| b.iter(|| loose_face(frame, &BOX, &loose)));
    c.bench_function("aligned_face", |b| b.iter(|| aligned_face(frame, &BOX, left, right, 128)));
    c.bench_function("warp_112", |b| b.iter(|| warp_similarity(frame, &to_template, 112, 112)));
    c.bench_function("resize_area_face", |b| b.iter(|| resize_area(frame, &BOX, 128, 144)));
    c.bench_function("resize_bilinear_960x544", |b| b.iter(|| resize_bilinear(frame, 960, 544)));
    c.bench_function("resize_bilinear_640x384", |b| b.iter(|| resize_bilinear(frame, 640, 384)));
    c.bench_function("planar_960x544", |b| {
        b.iter(|| resize_bilinear_planar(frame, 960, 544, &mut planes));
    });
    c.bench_function("planar_640x384", |b| {
        b.iter(|| resize_bilinear_planar(frame, 640, 384, &mut planes[..3 * 640 * 384]));
    });
    c.bench_function("encode_png", |b| b.iter(|| encode_png(frame)));
    c.bench_function("decode_png", |b| b.iter(|| decode_image(&png, &limits)));
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(100)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = filters
}
criterion_main!(benches);
