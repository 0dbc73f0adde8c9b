//! Pictures on their way into a dataset.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use streamface_imgproc::{DecodeLimits, decode_image, encode_png};
use streamface_store::MAX_IMAGE_BYTES;

use crate::Error;
use crate::files::Place;

/// Why a picture was not put into its place.
pub(crate) enum Put {
    /// It is none.
    Broken(String),
    /// It could not be written.
    Failed(Error),
}

/// Puts a picture into its place: a PNG as it is, a JPEG as PNG; its size.
pub(crate) fn put_file(from: &Path, to: &Path, place: Place) -> Result<[u32; 2], Put> {
    let broken = |e: std::io::Error| Put::Broken(e.to_string());
    let mut file = File::open(from).map_err(broken)?;
    let length = file.metadata().map_err(broken)?.len();
    if length > MAX_IMAGE_BYTES {
        return Err(Put::Broken(format!("larger than {MAX_IMAGE_BYTES} bytes")));
    }
    if let Some(size) = png_size(&mut file, length).map_err(Put::Broken)? {
        place.put(from, to).map_err(Put::Failed)?;
        return Ok(size);
    }
    file.seek(SeekFrom::Start(0)).map_err(broken)?;
    let mut bytes = Vec::new();
    file.take(MAX_IMAGE_BYTES).read_to_end(&mut bytes).map_err(broken)?;
    let (png, size) = as_png(&bytes).map_err(Put::Broken)?;
    std::fs::write(to, png.unwrap_or(bytes)).map_err(|e| Put::Failed(Error::io(to)(e)))?;
    Ok(size)
}

/// A picture's size, and the picture as PNG where it is none yet.
pub(crate) fn as_png(bytes: &[u8]) -> Result<(Option<Vec<u8>>, [u32; 2]), String> {
    if let Some(size) = png_size(&mut std::io::Cursor::new(bytes), bytes.len() as u64)? {
        return Ok((None, size));
    }
    let image = decode_image(bytes, &DecodeLimits::default()).map_err(|e| e.to_string())?;
    let png = encode_png(&image).map_err(|e| e.to_string())?;
    Ok((Some(png), image.dimensions().into()))
}

/// Whether an image of a dataset is whole: to its last byte, and with the checksums that it has.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn check_whole(file: File) -> Result<(), String> {
    let length = file.metadata().map_err(|e| e.to_string())?.len();
    let mut file = BufReader::with_capacity(1 << 16, file);
    let start = file.fill_buf().map_err(|e| e.to_string())?;
    if start.is_empty() {
        return Err("empty".into());
    }
    if start.starts_with(b"\xff\xd8\xff") {
        let mut end = [0; 2];
        let read = file.seek(SeekFrom::End(-2)).and_then(|_| file.read_exact(&mut end));
        let whole = read.is_ok() && end == [0xff, 0xd9];
        return if whole { Ok(()) } else { Err("a JPEG that is cut short".into()) };
    }
    if let Some([b'R', b'I', b'F', b'F', a, b, c, d]) = start.first_chunk() {
        let said = 8 + u64::from(u32::from_le_bytes([*a, *b, *c, *d]));
        return if said == length { Ok(()) } else { Err("a WebP file that is cut short".into()) };
    }
    if !start.starts_with(SIGNATURE) {
        return Err("its first bytes are of no image".into());
    }
    file.consume(SIGNATURE.len());
    check_chunks(&mut file, length - SIGNATURE.len() as u64)
}

/// Whether the chunks of a PNG are all there and have their checksums. Nothing is unpacked.
fn check_chunks(file: &mut impl Read, mut left: u64) -> Result<(), String> {
    let cut = |_: std::io::Error| "a PNG that is cut short".to_owned();
    let mut bytes = vec![0; 1 << 16];
    loop {
        let mut head = [0; 8];
        file.read_exact(&mut head).map_err(cut)?;
        let [a, b, c, d, kind @ ..] = head;
        let mut rest = u64::from(u32::from_be_bytes([a, b, c, d]));
        left = left.checked_sub(rest + 12).ok_or("a PNG that is cut short")?;
        let mut sum = crc32fast::Hasher::new();
        sum.update(&kind);
        while rest > 0 {
            let part = &mut bytes[..rest.min(1 << 16) as usize];
            file.read_exact(part).map_err(cut)?;
            sum.update(part);
            rest -= part.len() as u64;
        }
        let mut written = [0; 4];
        file.read_exact(&mut written).map_err(cut)?;
        if u32::from_be_bytes(written) != sum.finalize() {
            return Err("a PNG that is damaged".into());
        }
        if &kind == b"IEND" {
            return Ok(());
        }
    }
}

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// Width and height of a PNG whose chunks are all there, without unpacking it; none for another kind of file.
fn png_size(file: &mut (impl Read + Seek), length: u64) -> Result<Option<[u32; 2]>, String> {
    let cut = |_: std::io::Error| "a PNG that is cut short".to_owned();
    let mut signature = [0; 8];
    if length < 8 || file.read_exact(&mut signature).is_err() || signature != *SIGNATURE {
        return Ok(None);
    }
    let mut size = None;
    let mut at = 8_u64;
    loop {
        let mut head = [0; 8];
        file.read_exact(&mut head).map_err(cut)?;
        let [a, b, c, d, kind @ ..] = head;
        let len = u64::from(u32::from_be_bytes([a, b, c, d]));
        at += 12 + len;
        if at > length {
            return Err("a PNG that is cut short".into());
        }
        match &kind {
            b"IHDR" if len == 13 && size.is_none() => {
                let mut sides = [[0; 4]; 2];
                file.read_exact(&mut sides[0]).and_then(|()| file.read_exact(&mut sides[1])).map_err(cut)?;
                let sides = sides.map(u32::from_be_bytes);
                let limit = DecodeLimits::default();
                let most = u64::from(sides[0]) * u64::from(sides[1]) * 8;
                if sides.contains(&0)
                    || sides.iter().any(|&s| s > limit.max_side)
                    || most > 2 * limit.max_bytes
                {
                    return Err(format!("a PNG of {} x {} pixels", sides[0], sides[1]));
                }
                size = Some(sides);
            }
            b"IEND" => return size.map(Some).ok_or_else(|| "a PNG without a head".into()),
            _ if size.is_none() => return Err("a PNG without a head".into()),
            _ => {}
        }
        file.seek(SeekFrom::Start(at)).map_err(cut)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_png_is_told_and_looked_through() {
        let png = encode_png(&image::RgbImage::new(7, 5)).unwrap();
        assert_eq!(as_png(&png).unwrap(), (None, [7, 5]));
        for len in 0..png.len() {
            assert!(as_png(&png[..len]).is_err(), "{len} bytes");
        }
        assert!(as_png(b"GIF89a").is_err());
        let mut huge = png;
        huge[16] = 0x7f;
        assert!(as_png(&huge).unwrap_err().contains("pixels"));
    }

    #[test]
    fn damage_of_an_image_is_noticed_wherever_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.png");
        let check = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            check_whole(File::open(&path).unwrap())
        };
        let png =
            encode_png(&image::RgbImage::from_fn(90, 50, |x, y| image::Rgb([x as u8, y as u8, 9]))).unwrap();
        check(&png).unwrap();
        for at in 0..png.len() {
            assert!(check(&png[..at]).is_err(), "cut at {at}");
            let mut bytes = png.clone();
            bytes[at] ^= 0x10;
            assert!(check(&bytes).is_err(), "changed at {at}");
        }
        let mut zeros = png.clone();
        zeros[60..].fill(0);
        assert!(check(&zeros).is_err() && check(&vec![0; png.len()]).is_err());
    }
}
