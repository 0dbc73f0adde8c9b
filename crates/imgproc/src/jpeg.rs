//! Photos, decoded as libjpeg does, and not at all where a part of their data is missing.

use std::cell::Cell;
use std::io::Read;

use image::RgbImage;
use jpeg_decoder::{Decoder, Error, PixelFormat};

/// What decoding came to.
pub(crate) enum Photo {
    /// In colour or gray, with the smooth upsampling of colour that libjpeg, and so OpenCV, has and `image`
    /// has not: embeddings tell the two apart (cosine 0.9998).
    Decoded(RgbImage),
    /// Data is missing or damaged.
    Cut,
    /// Of a kind that this decoder does not know: `image` has the last word.
    Other,
}

/// Bytes of ones that take the place of the end marker: entropy-coded data is padded with ones, and no code
/// consists of ones alone, so whatever reads on where data is missing fails. (Both this decoder and the one
/// of `image` read zeros there, and give a flat rest.) More than a decoder reads ahead.
const ONES: usize = 32;
const END: u8 = 0xd9;
/// A file that lost its end to a crash ends in zeros; a photo that merely lacks its end marker does not.
const LOST_ZEROS: usize = 16;

/// Decodes a photo, in at most `max_bytes` of memory for its pixels.
pub(crate) fn decode(bytes: &[u8], max_bytes: u64) -> Photo {
    let found = scans(bytes);
    let data = &bytes[..found.end.unwrap_or(bytes.len())];
    if found.cut || (found.end.is_none() && data.ends_with(&[0; LOST_ZEROS])) {
        return Photo::Cut;
    }
    let (closing, read) = (closing(), Cell::new(0));
    let mut decoder = Decoder::new(Bytes { data, then: &closing, read: &read });
    let Ok(most) = usize::try_from(max_bytes) else { return Photo::Other };
    decoder.set_max_decoding_buffer_size(most);
    let pixels = match decoder.decode() {
        Ok(pixels) => pixels,
        Err(Error::Unsupported(_)) => return Photo::Other,
        // What is odd in a header says nothing of the picture, and others may read it.
        Err(_) if found.first.is_none_or(|first| read.get() <= first) => return Photo::Other,
        Err(_) => return Photo::Cut,
    };
    let Some(info) = decoder.info() else { return Photo::Other };
    let pixels = match info.pixel_format {
        PixelFormat::RGB24 => pixels,
        PixelFormat::L8 => pixels.into_iter().flat_map(|v| [v; 3]).collect(),
        _ => return Photo::Other,
    };
    let image = RgbImage::from_raw(info.width.into(), info.height.into(), pixels);
    image.map_or(Photo::Other, Photo::Decoded)
}

/// Ones, with the zero after each 0xff that marks it as data, then the end marker.
fn closing() -> Vec<u8> {
    let mut bytes = [0xff, 0].repeat(ONES);
    bytes.extend([0xff, END]);
    bytes
}

/// Where a photo's entropy-coded data lies.
#[derive(Debug, PartialEq)]
struct Scans {
    /// Where the first scan's data begins.
    first: Option<usize>,
    /// Where the end marker is; none where there is none.
    end: Option<usize>,
    /// Whether the file ends within a segment, or has neither an end marker nor all scans of a progressive photo.
    cut: bool,
}

/// Walks over markers. Segments say how long they are; entropy-coded data ends with a marker that is no
/// restart.
fn scans(bytes: &[u8]) -> Scans {
    let mut scans = Scans { first: None, end: None, cut: false };
    let mut coefficients = Coefficients::default();
    let mut at = 2;
    while let Some(offset) = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xff)) {
        at += offset;
        let Some(&marker) = bytes.get(at + 1) else { break };
        match marker {
            // A fill byte.
            0xff => at += 1,
            // Data, or a marker without a segment.
            0 | 1 | 0xd0..=0xd8 => at += 2,
            END => {
                scans.end = Some(at);
                return scans;
            }
            _ => {
                let length = bytes.get(at + 2..at + 4).map_or(2, |l| u16::from_be_bytes([l[0], l[1]]));
                let end = at + 2 + usize::from(length);
                let segment = bytes.get(at + 4..end).unwrap_or_default();
                scans.cut = end > bytes.len();
                at = end;
                if marker == 0xc2 {
                    coefficients.expect(segment);
                } else if marker == 0xda {
                    coefficients.add(segment);
                    scans.first.get_or_insert(at);
                }
            }
        }
    }
    scans.cut |= !coefficients.are_complete();
    scans
}

/// Which coefficients of a progressive photo's components have come with their last bit; bits of 64 each, by component.
#[derive(Debug, Default)]
struct Coefficients(Vec<(u8, u64)>);

impl Coefficients {
    /// The components of a frame header.
    fn expect(&mut self, header: &[u8]) {
        self.0 = header.get(6..).unwrap_or_default().chunks_exact(3).map(|c| (c[0], 0)).collect();
    }

    /// Those of a scan header.
    fn add(&mut self, header: &[u8]) {
        let [count, rest @ ..] = header else { return };
        let Some((components, [from, to, bits])) = rest.split_at_checked(2 * usize::from(*count)) else {
            return;
        };
        if bits & 0xf == 0 && from <= to && *to < 64 {
            let range = (u64::MAX << from) & (u64::MAX >> (63 - to));
            let here = |id: u8| components.chunks_exact(2).any(|c| c[0] == id);
            self.0.iter_mut().filter(|(id, _)| here(*id)).for_each(|(_, done)| *done |= range);
        }
    }

    fn are_complete(&self) -> bool {
        self.0.iter().all(|(_, done)| *done == u64::MAX)
    }
}

/// A photo's bytes, then others; counts what was read.
struct Bytes<'a> {
    data: &'a [u8],
    then: &'a [u8],
    read: &'a Cell<usize>,
}

impl Read for Bytes<'_> {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.data.is_empty() {
            self.data = std::mem::take(&mut self.then);
        }
        let n = self.data.read(into)?;
        self.read.set(self.read.get() + n);
        Ok(n)
    }
}
