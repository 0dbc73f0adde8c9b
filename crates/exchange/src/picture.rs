//! Pictures on their way into a dataset.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
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

/// Width and height of a PNG whose chunks are all there, without unpacking it; none for another kind of file.
fn png_size(file: &mut (impl Read + Seek), length: u64) -> Result<Option<[u32; 2]>, String> {
    const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";
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
}
