//! Files of all kinds.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma, RgbImage};

use super::synthetic;
use crate::{DecodeLimits, ImageError, decode_image, encode_png};

fn decode(bytes: &[u8]) -> Result<RgbImage, ImageError> {
    decode_image(bytes, &DecodeLimits::default())
}

fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A PNG that claims a size, with a checksum that holds.
fn claiming(width: u32, height: u32) -> Vec<u8> {
    let mut png = encode_png(&synthetic(8, 8)).unwrap();
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = !0u32;
    for &byte in &png[12..29] {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    png[29..33].copy_from_slice(&(!crc).to_be_bytes());
    png
}

#[test]
fn png_is_lossless_and_repeatable() {
    for (w, h) in [(1, 1), (7, 3), (203, 117)] {
        let image = synthetic(w, h);
        let png = encode_png(&image).unwrap();
        assert_eq!(decode(&png).unwrap(), image);
        assert_eq!(png, encode_png(&image).unwrap());
    }
    assert!(matches!(encode_png(&RgbImage::new(0, 4)), Err(ImageError::Encode(_))));
}

#[test]
fn other_kinds_become_rgb() {
    let gray = GrayImage::from_fn(9, 5, |x, y| Luma([(20 * x + y) as u8]));
    let rgb = DynamicImage::from(gray.clone()).into_rgb8();
    assert_eq!(decode(&written(&gray.clone().into(), ImageFormat::Png)).unwrap(), rgb);
    let deep = DynamicImage::from(gray.clone()).into_rgba16();
    assert_eq!(decode(&written(&deep.into(), ImageFormat::Png)).unwrap(), rgb);
    let jpeg = decode(&written(&gray.into(), ImageFormat::Jpeg)).unwrap();
    assert_eq!(jpeg.dimensions(), (9, 5));
}

#[test]
fn what_is_no_image_is_said_to_be_none() {
    for bytes in [&b""[..], b"no image", b"GIF89a\x01\0\x01\0\0\0\0", b"RIFF\0\0\0\0WEBP"] {
        assert!(matches!(decode(bytes), Err(ImageError::UnknownFormat)), "{bytes:?}");
    }
}

#[test]
fn cut_and_broken_files_are_errors() {
    let png = encode_png(&synthetic(60, 40)).unwrap();
    for end in (8..png.len() - 12).step_by(97) {
        assert!(matches!(decode(&png[..end]), Err(ImageError::Broken(_))), "{end}");
    }
    let jpeg = written(&synthetic(60, 40).into(), ImageFormat::Jpeg);
    for end in (3..jpeg.len()).step_by(13) {
        // A decoder may make do with what there is; it must not panic.
        let _ = decode(&jpeg[..end]);
    }
    for i in (8..png.len()).step_by(7) {
        let mut broken = png.clone();
        broken[i] ^= 0x55;
        let _ = decode(&broken);
    }
}

#[test]
fn giants_are_refused_before_memory_is_taken() {
    for (w, h) in [(16_385, 1), (1, 100_000), (16_384, 16_384), (2_147_483_647, 2_147_483_647)] {
        let error = decode(&claiming(w, h)).unwrap_err();
        assert!(matches!(error, ImageError::TooLarge { .. } | ImageError::Broken(_)), "{w} x {h}: {error}");
    }
    let error = decode(&claiming(16_385, 9)).unwrap_err().to_string();
    assert!(error.contains("16385 x 9") && error.contains("16384"), "{error}");
    let limits = DecodeLimits { max_side: 100, max_bytes: 1000 };
    let png = encode_png(&synthetic(30, 20)).unwrap();
    assert!(matches!(decode_image(&png, &limits), Err(ImageError::TooLarge { .. })));
}
