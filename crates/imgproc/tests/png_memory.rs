//! What stands beside the pixels of a PNG may be packed, and becomes as long as it likes. Alone in its process, whose largest
//! memory is measured.

#![allow(clippy::unwrap_used)]

use std::io::{Read as _, Write as _};

use streamface_imgproc::{DecodeLimits, decode_image, encode_png};

/// A PNG of 8 x 8 pixels with a chunk before its pixels.
fn with_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let png = encode_png(&image::RgbImage::new(8, 8)).unwrap();
    let body = [&kind[..], data].concat();
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(&body);
    chunk.extend(crc32fast::hash(&body).to_be_bytes());
    // Signature and header are 33 bytes.
    [&png[..33], &chunk, &png[33..]].concat()
}

fn packed(length: u64) -> Vec<u8> {
    let mut zeros = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::copy(&mut std::io::repeat(0).take(length), &mut zeros).unwrap();
    zeros.flush().unwrap();
    zeros.finish().unwrap()
}

/// The most memory that this process has held, MiB.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() / 1024
}

#[cfg(target_os = "linux")]
#[test]
fn a_profile_or_a_text_that_unpacks_to_a_gigabyte_is_not_unpacked() {
    let bomb = packed(900 << 20);
    let before = peak();
    for (kind, name) in [(b"iCCP", &b"profile\0\0"[..]), (b"zTXt", b"Raw profile type iptc\0\0")] {
        let png = with_chunk(kind, &[name, &bomb].concat());
        let image = decode_image(&png, &DecodeLimits::default()).unwrap();
        assert_eq!(image.dimensions(), (8, 8));
    }
    assert!(peak() < before + 200, "{} MiB", peak() - before);
    // A text that is not packed and longer than any: the picture is refused before it is read.
    let png = with_chunk(b"tEXt", &[&b"Comment\0"[..], &vec![b'x'; 100 << 20]].concat());
    assert!(decode_image(&png, &DecodeLimits::default()).is_err());
    // One of an ordinary length is none of our business.
    let png = with_chunk(b"tEXt", &[&b"Comment\0"[..], &vec![b'x'; 1 << 20]].concat());
    assert!(decode_image(&png, &DecodeLimits::default()).is_ok());
}
