//! Files of all kinds.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma, RgbImage};

use super::synthetic;
use crate::{DecodeLimits, ImageError, decode_image, encode_jpeg, encode_png, encode_webp};

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
fn webp_is_lossless_and_repeatable() {
    for (w, h) in [(1, 1), (7, 3), (203, 117)] {
        let image = synthetic(w, h);
        let webp = encode_webp(&image).unwrap();
        assert_eq!(decode(&webp).unwrap(), image);
        assert_eq!(webp, encode_webp(&image).unwrap());
    }
    assert!(matches!(encode_webp(&RgbImage::new(0, 4)), Err(ImageError::EncodeAs { format: "WebP", .. })));
}

#[test]
fn jpeg_is_repeatable_and_nearer_with_quality() {
    let image = RgbImage::from_fn(203, 117, |x, y| image::Rgb([x as u8, (2 * y) as u8, (x + y) as u8]));
    let off = |quality| {
        let jpeg = encode_jpeg(&image, quality).unwrap();
        assert_eq!(jpeg, encode_jpeg(&image, quality).unwrap());
        let back = decode(&jpeg).unwrap();
        assert_eq!(back.dimensions(), image.dimensions());
        image.iter().zip(back.iter()).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum::<u64>()
    };
    assert!(off(95) < off(85) && off(85) < off(50));
    assert!(matches!(
        encode_jpeg(&RgbImage::new(0, 4), 85),
        Err(ImageError::EncodeAs { format: "JPEG", .. })
    ));
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
    for bytes in [&b""[..], b"no image", b"GIF89a\x01\0\x01\0\0\0\0", b"RIFF\0\0\0\0WAVE"] {
        assert!(matches!(decode(bytes), Err(ImageError::UnknownFormat)), "{bytes:?}");
    }
    assert!(matches!(decode(b"RIFF\0\0\0\0WEBP"), Err(ImageError::Broken(_))));
}

#[test]
fn cut_and_broken_files_are_errors() {
    let png = encode_png(&synthetic(60, 40)).unwrap();
    for end in (8..png.len() - 12).step_by(97) {
        assert!(matches!(decode(&png[..end]), Err(ImageError::Broken(_))), "{end}");
    }
    for i in (8..png.len()).step_by(7) {
        let mut broken = png.clone();
        broken[i] ^= 0x55;
        let _ = decode(&broken);
    }
}

/// A photo whose rows all differ, so that what is missing would show.
fn photo() -> Vec<u8> {
    written(&synthetic(160, 120).into(), ImageFormat::Jpeg)
}

/// Where a photo's data begins: behind the header of its first scan.
fn data_of(jpeg: &[u8]) -> usize {
    jpeg.windows(2).position(|w| w == [0xff, 0xda]).unwrap() + 14
}

#[test]
fn a_photo_is_broken_wherever_it_is_cut() {
    let jpeg = photo();
    assert!(decode(&jpeg).is_ok());
    let from = data_of(&jpeg);
    for end in (3..from).step_by(13).chain((from..jpeg.len() - 4).step_by(7)) {
        let cut = decode(&jpeg[..end]);
        assert!(matches!(cut, Err(ImageError::Broken(_))), "cut at {end} of {}: {cut:?}", jpeg.len());
    }
}

#[test]
fn a_photo_is_broken_where_an_end_marker_or_zeros_hide_the_cut() {
    let jpeg = photo();
    let from = data_of(&jpeg);
    for end in (from..jpeg.len() - 40).step_by(97) {
        let closed = [&jpeg[..end], &[0xff, 0xd9]].concat();
        assert!(matches!(decode(&closed), Err(ImageError::Broken(_))), "closed at {end}");
        let zeros = [&jpeg[..end], &vec![0; jpeg.len() - end][..]].concat();
        assert!(matches!(decode(&zeros), Err(ImageError::Broken(_))), "zeros from {end}");
    }
}

#[test]
fn a_photo_that_lacks_its_end_marker_alone_or_has_more_behind_it_is_whole() {
    let jpeg = photo();
    let whole = decode(&jpeg).unwrap();
    assert_eq!(decode(&jpeg[..jpeg.len() - 2]).unwrap(), whole);
    for more in [&b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"[..], b"trailer", &jpeg] {
        assert_eq!(decode(&[&jpeg, more].concat()).unwrap(), whole);
    }
}

/// A progressive photo of 32 x 24 pixels, which none of our encoders writes; Pillow did, at quality 30.
const PROGRESSIVE: &str = "\
    ffd8ffe000104a46494600010100000100010000ffdb0043001b12141714111b1716171e1c1b2028422b28252528513a\
    3d3042605565645f555d5b6a7899816a7190735b5d85b586909ea3abadab6780bcc9baa6c799a8aba4ffdb0043011c1e\
    1e2823284e2b2b4ea46e5d6ea4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4\
    a4a4a4a4a4a4a4a4a4a4a4a4a4a4ffc20011080018002003012200021101031101ffc400160001010100000000000000\
    000000000000000102ffc400160101010100000000000000000000000000010002ffda000c03010002100310000001c6\
    a6b34a34a440bfffc4001d100002010403000000000000000000000000010221223141031232ffda0008010100010502\
    8f1d309a37d5b1d1ed1733c8ad8e17ffc4001811000203000000000000000000000000000110112151ffda0008010301\
    013f0138a6d7ffc4001811000301010000000000000000000000000001511011ffda0008010201013f014a9c14cfffc4\
    001d100002010403000000000000000000000000011102216171314151ffda0008010100063f022291528d0a590b9323\
    f11764f6659a3fffc4001d100002030003010100000000000000000001110021314161b1a1f1ffda0008010100013f21\
    46614241279800351dea14880551d99504236e26c788884b6f9393f581ea8810d1960960b79438d2f53fffda000c0301\
    000200030000001064f762ffc4001d11010001040301000000000000000000000100112131714181b1c1ffda00080103\
    01013f10bb2af132edf20906d816ebed27ffc4001d110002020105000000000000000000000000011121f04151a1c1d1\
    ffda0008010201013f105b49d9f0436cca1e634575e8ae0fffc400211001000103040301010000000000000000011100\
    2141315171f06181c191b1ffda0008010100013f101472229c9517d41c6ed0b737a3863f6fd6936806e49f2c7a2a109a\
    e12f1f6986312373aef922aab733a32fbbd3844d44d6fd5a82d37424058e31534c4a5b079a9210701fef76a811131265\
    e58c1eebffd9\
";

fn progressive() -> Vec<u8> {
    let digits: Vec<u8> = PROGRESSIVE.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
}

#[test]
fn a_progressive_photo_is_broken_where_it_is_cut_and_whole_where_it_is_not() {
    let jpeg = progressive();
    let whole = decode(&jpeg).unwrap();
    assert_eq!(whole.dimensions(), (32, 24));
    assert_eq!(decode(&jpeg[..jpeg.len() - 2]).unwrap(), whole, "without its end marker");
    for end in 3..jpeg.len() - 3 {
        let cut = decode(&jpeg[..end]);
        assert!(matches!(cut, Err(ImageError::Broken(_))), "cut at {end} of {}", jpeg.len());
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
