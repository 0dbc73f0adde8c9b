//! Results of OpenCV 5.0 and Pillow (rows first, then columns, as all its versions before 13 resize) on
//! synthetic pictures, as hashes.

use image::{GrayImage, imageops};
use streamface_types::BoundingBox;

use super::{fnv, synthetic};
use crate::lanczos::{self, View};
use crate::{
    LooseSettings, Thumbnail, aligned_face, canny_empty_fraction, gray, laplacian_variance, loose_face,
    resize_bilinear, resize_nearest,
};

const W: u32 = 203;
const H: u32 = 117;

fn corner(gray: &GrayImage, w: u32, h: u32) -> GrayImage {
    imageops::crop_imm(gray, 0, 0, w, h).to_image()
}

#[test]
fn gray_of_opencv() {
    assert_eq!(fnv(&gray(&synthetic(W, H))), 0x18e6_1666_e0c0_4362);
}

#[test]
fn nearest_of_opencv() {
    let gray_203 = gray(&synthetic(W, H));
    for (w, h, hash) in [
        (1280, 720, 0x42ba_e42c_ca14_3b47),
        (64, 48, 0xfdc8_5c0f_0222_3eb6),
        (W, H, 0x18e6_1666_e0c0_4362),
        (1, 1, 0xaf63_bd4c_8601_b7df),
        (150, 90, 0xc5c4_9191_faef_8c9b),
        (307, 31, 0xea58_2559_c72c_af5f),
        (100, H, 0x3176_07fe_992b_4cb4),
    ] {
        assert_eq!(fnv(&resize_nearest(&gray_203, w, h)), hash, "{w} x {h}");
    }
    let three_to_two = resize_nearest(&gray(&synthetic(192, 108)), 128, 72);
    assert_eq!(fnv(&three_to_two), 0x5a19_275e_8759_787c);
}

#[test]
fn canny_of_opencv() {
    let gray = gray(&synthetic(W, H));
    let pixels = f64::from(W * H);
    for (low, high, empty) in [
        (0, 25, 15262),
        (0, 60, 16951),
        (20, 100, 22003),
        (100, 20, 22003),
        (50, 50, 21516),
        (0, 0, 15196),
        (300, 900, 23751),
    ] {
        let ours = canny_empty_fraction(&gray, low, high);
        assert_eq!(ours, f64::from(empty) / pixels, "{low} {high}");
    }
}

#[test]
fn tiny_pictures_of_opencv() {
    let gray = gray(&synthetic(W, H));
    for (w, h, variance, empty) in [
        (W, H, 457316708129.782, 15262),
        (1, 1, 0.0, 1),
        (1, 9, 88517394229.7284, 6),
        (9, 1, 28330374586.46913, 5),
        (2, 2, 0.0, 4),
        (5, 4, 30196970414.4, 13),
        (6, 11, 27089532596.855827, 39),
        (40, 3, 17481088709.97333, 68),
    ] {
        let part = corner(&gray, w, h);
        let ours = laplacian_variance(&part);
        assert!((ours - variance).abs() <= 1e-12 * variance, "{w} x {h}: {ours} for {variance}");
        assert_eq!(canny_empty_fraction(&part, 0, 25), f64::from(empty) / f64::from(w * h), "{w} x {h}");
    }
    assert_eq!(laplacian_variance(&GrayImage::new(0, 5)), 0.0);
    assert_eq!(canny_empty_fraction(&GrayImage::new(5, 0), 0, 25), 1.0);
}

#[test]
fn bilinear_of_opencv() {
    let image = synthetic(W, H);
    for (w, h, hash) in [
        (96, 64, 0x505b_7767_b034_dd61u64),
        (101, 58, 0x75bc_5dc5_fd4c_788b),
        (203, 118, 0x5e84_004b_d544_0509),
        (204, 117, 0xddc3_6abe_ffd2_ac07),
        (406, 234, 0xf98f_d462_c289_0312),
        (50, 200, 0x9883_679b_6c0a_fc50),
        (1, 1, 0xf2fc_0319_9cc9_80b6),
        (7, 3, 0x5cf3_39c0_c1cf_7499),
        (400, 300, 0xa81e_031b_8b17_2b97),
    ] {
        assert_eq!(fnv(&resize_bilinear(&image, w, h)), hash, "{w} x {h}");
    }
    let even = synthetic(64, 48);
    for (w, h, hash) in
        [(32, 24, 0x6673_5ace_8a03_acd1u64), (32, 48, 0x3fb4_56b4_6463_0be3), (21, 16, 0x4329_e6fa_b538_8b9d)]
    {
        assert_eq!(fnv(&resize_bilinear(&even, w, h)), hash, "{w} x {h}");
    }
    let column = imageops::crop_imm(&image, 0, 0, 1, H).to_image();
    assert_eq!(fnv(&resize_bilinear(&column, 5, 60)), 0x1c43_4cb9_6e74_deb7);
}

#[test]
fn lanczos_of_pillow() {
    let image = synthetic(W, H);
    let view = View { data: &image, stride: 3 * W as usize, width: W as usize, height: H as usize };
    for (w, h, hash) in [
        (64, 64, 0x416b_dd5f_ade5_09ddu64),
        (203, 50, 0xbf8f_bcb7_73b0_5c68),
        (70, 117, 0x8f54_dc01_5ee2_c8da),
        (300, 200, 0x85da_7932_ff37_e6d7),
        (1, 1, 0xdd85_b21a_21d1_5eff),
        (128, 128, 0x0d6e_cb6c_e780_24f7),
    ] {
        assert_eq!(fnv(&lanczos::resize(view, w, h)), hash, "{w} x {h}");
    }
}

#[test]
fn aligned_of_pillow() {
    let frame = synthetic(W, H);
    for (b, left, right, hash) in [
        ([60.0, 30.0, 70.0, 60.0], [80.0, 50.0], [110.0, 57.0], 0x854f_88ef_1575_f240u64),
        // Eyes above each other: not turned.
        ([60.0, 30.0, 70.0, 60.0], [80.0, 50.0], [84.0, 90.0], 0x9935_1c1a_1971_8b0e),
        ([0.0, 0.0, 50.0, 81.0], [10.0, 30.0], [40.0, 11.0], 0x7f67_677b_aefc_87dd),
        ([170.0, 90.0, 51.0, 44.0], [180.0, 100.0], [210.0, 125.0], 0x9ff5_fe5d_71c0_ebe8),
        ([60.0, 30.0, 71.0, 61.0], [80.0, 50.0], [110.0, 50.0], 0x9751_812f_27b1_026b),
    ] {
        let bbox = BoundingBox::new(b[0], b[1], b[2], b[3]);
        let face = aligned_face(&frame, &bbox, left, right, 48).unwrap();
        assert_eq!(fnv(&face), hash, "{bbox:?}");
    }
}

#[test]
fn loose_of_pillow() {
    let frame = synthetic(W, H);
    let settings = LooseSettings { face_size: 64, ..LooseSettings::default() };
    for (b, side, hash) in [
        ([60.0, 30.0, 20.0, 26.0], 52, 0x9f79_5216_3683_ea6au64),
        ([60.0, 30.0, 70.0, 60.0], 64, 0x4505_2d4c_a624_84dd),
        ([0.0, 0.0, 50.0, 60.0], 64, 0x8b03_5e1b_db2a_7959),
        ([170.0, 90.0, 33.0, 27.0], 64, 0x2893_2c9c_e3b7_cb88),
        // Cut off at the border by padding.
        ([1.0, 1.0, 90.0, 110.0], 64, 0xbc7b_8275_3b80_ae88),
    ] {
        let bbox = BoundingBox::new(b[0], b[1], b[2], b[3]);
        let face = loose_face(&frame, &bbox, &settings).unwrap();
        assert_eq!(face.dimensions(), (side, side), "{bbox:?}");
        assert_eq!(fnv(&face), hash, "{bbox:?}");
    }
}

#[test]
fn similarity_of_opencv() {
    let frame = synthetic(W, H);
    let a = Thumbnail::new(&frame);
    let b = Thumbnail::from_gray(&imageops::flip_vertical(a.as_gray()));
    assert!((a.similarity(&b) - 0.8330461626003205).abs() < 1e-14);
    let black = Thumbnail::new(&image::RgbImage::new(16, 9));
    let white = Thumbnail::new(&image::RgbImage::from_pixel(16, 9, image::Rgb([255; 3])));
    let gray = Thumbnail::new(&image::RgbImage::from_pixel(16, 9, image::Rgb([9; 3])));
    assert_eq!(white.similarity(&white), 1.0);
    for other in [&black, &white, &gray] {
        assert_eq!(black.similarity(other), 0.0);
    }
    assert_eq!(white.similarity(&gray), 0.0);
}
