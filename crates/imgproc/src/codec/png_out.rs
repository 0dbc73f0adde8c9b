//! PNG out: Paeth's filter, and deflate by one fixed code whose only matches are runs of zeros. The bytes are those of the crates
//! png and fdeflate, in less time: two bytes are looked up at once, a run is one look-up too, and no branch depends on how many
//! zeros stand at the ends of eight bytes. What the code makes larger than the pixels is left to the crates.

use std::sync::LazyLock;

use image::RgbImage;
use streamface_kernels::dispatch;

use super::ImageError;

/// As much as a row's bits need beyond its codes, bytes.
const SLACK: usize = 16;
/// Longest code, bits.
const LONGEST: usize = 12;

/// A PNG of 8 bits a colour.
///
/// # Errors
/// [`ImageError::Encode`] for an image without pixels.
pub(super) fn encode(rgb: &RgbImage) -> Result<Vec<u8>, ImageError> {
    let (w, h) = rgb.dimensions();
    let row = 3 * w as usize;
    if w == 0 || h == 0 || i32::try_from(w.max(h)).is_err() {
        return encode_by_crates(rgb);
    }
    let mut out = Vec::with_capacity(rgb.len() / 3 + 1024);
    out.extend_from_slice(b"\x89PNG\r\n\x1a\n");
    let mut about = [0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0];
    about[..4].copy_from_slice(&w.to_be_bytes());
    about[4..8].copy_from_slice(&h.to_be_bytes());
    chunk(&mut out, *b"IHDR", |out| out.extend_from_slice(&about));
    let mut length = 0;
    chunk(&mut out, *b"IDAT", |out| {
        let start = out.len();
        deflate(rgb.as_raw(), row, out);
        length = out.len() - start;
    });
    // As the crates have it: what is larger than stored pixels is stored.
    let raw = (row + 1) * h as usize;
    if length > (raw - 1) / 65_535 * 65_540 + raw % 65_535 + 11 {
        return encode_by_crates(rgb);
    }
    chunk(&mut out, *b"IEND", |_| {});
    Ok(out)
}

/// The same by the crates.
pub(super) fn encode_by_crates(rgb: &RgbImage) -> Result<Vec<u8>, ImageError> {
    let mut out = Vec::with_capacity(rgb.len() / 2 + 1024);
    let mut encoder = png::Encoder::new(&mut out, rgb.width(), rgb.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_deflate_compression(png::DeflateCompression::FdeflateUltraFast);
    encoder.set_filter(png::Filter::Paeth);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(out)
}

/// A chunk of a PNG: length, kind, data, checksum.
fn chunk(out: &mut Vec<u8>, kind: [u8; 4], data: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&kind);
    data(out);
    let length = (out.len() - start - 8) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    let sum = crc32fast::hash(&out[start + 4..]);
    out.extend_from_slice(&sum.to_be_bytes());
}

/// The zlib stream of filtered rows.
fn deflate(pixels: &[u8], row: usize, out: &mut Vec<u8>) {
    let tables = &*TABLES;
    out.extend_from_slice(&HEADER[..53]);
    let mut bits = Bits { buffer: HEADER[53].into(), count: 5 };
    let mut sum = Adler { a: 1, b: 0 };
    let mut line = vec![0; row + 1];
    let mut part = vec![0; (row + 1) * LONGEST / 8 + SLACK];
    let first = vec![0; row];
    let mut above = &first[..];
    for this in pixels.chunks_exact(row) {
        line[0] = 4;
        paeth(this, above, &mut line[1..]);
        sum.add(&line);
        let length = compress(&line, tables, &mut bits, &mut part);
        out.extend_from_slice(&part[..length]);
        above = this;
    }
    bits.add(tables.end);
    out.extend_from_slice(&bits.buffer.to_le_bytes()[..bits.count.div_ceil(8) as usize]);
    out.extend_from_slice(&(sum.b << 16 | sum.a).to_be_bytes());
}

dispatch! {
    @avx2
    /// Each byte less that of its three neighbours which Paeth's rule names; `above` is the row before.
    fn paeth(this: &[u8], above: &[u8], out: &mut [u8]) {
        let n = this.len() - 3;
        for i in 0..3 {
            out[i] = this[i].wrapping_sub(above[i]);
        }
        let (x, a, b, c) = (&this[3..][..n], &this[..n], &above[3..][..n], &above[..n]);
        let out = &mut out[3..][..n];
        for i in 0..n {
            let (a, b, c) = (a[i], b[i], c[i]);
            // As differences of bytes: the compiler makes larger numbers of `abs_diff`.
            let (pa, pb) = (b.max(c) - b.min(c), a.max(c) - a.min(c));
            // |a + b - 2c|, or no less than the larger of the two where `a` and `b` lie on the same side of `c`.
            let pc = if (a < c) == (c < b) { pa.max(pb) - pa.min(pb) } else { 255 };
            let ab = if pa <= pb { a } else { b };
            let named = if pa.min(pb) <= pc { ab } else { c };
            out[i] = x[i].wrapping_sub(named);
        }
    }
}

/// The checksum of zlib.
struct Adler {
    a: u32,
    b: u32,
}

const LANES: usize = 32;

impl Adler {
    fn add(&mut self, bytes: &[u8]) {
        // As many as 32 bits hold the sums of.
        for part in bytes.chunks(5552 / LANES * LANES) {
            add_adler(part, &mut self.a, &mut self.b);
            (self.a, self.b) = (self.a % 65_521, self.b % 65_521);
        }
    }
}

dispatch! {
    @avx2
    fn add_adler(bytes: &[u8], a: &mut u32, b: &mut u32) {
        let (blocks, rest) = bytes.as_chunks::<LANES>();
        // Of each place in a block the sum so far, and the sum of these sums before each block.
        let (mut sums, mut before) = ([0_u32; LANES], [0_u32; LANES]);
        for block in blocks {
            for i in 0..LANES {
                before[i] += sums[i];
                sums[i] += u32::from(block[i]);
            }
        }
        *b += (blocks.len() * LANES) as u32 * *a;
        for i in 0..LANES {
            *b += LANES as u32 * before[i] + (LANES - i) as u32 * sums[i];
            *a += sums[i];
        }
        for &byte in rest {
            *a += u32::from(byte);
            *b += *a;
        }
    }
}

/// Bits that are not written yet, the first one lowest.
#[derive(Clone, Copy)]
struct Bits {
    buffer: u64,
    count: u32,
}

impl Bits {
    /// Adds a code of a table: its bits, and their number above bit 24.
    #[inline(always)]
    fn add(&mut self, code: u32) {
        self.add_bits(u64::from(code & 0xff_ffff), code >> 24);
    }

    #[inline(always)]
    fn add_bits(&mut self, bits: u64, count: u32) {
        self.buffer |= bits << self.count;
        self.count += count;
    }

    /// Writes whole bytes; at most 7 bits stay.
    #[inline(always)]
    fn write(&mut self, out: &mut [u8], at: &mut usize) {
        out[*at..*at + 8].copy_from_slice(&self.buffer.to_le_bytes());
        *at += (self.count / 8) as usize;
        self.buffer >>= self.count & !7;
        self.count &= 7;
    }
}

dispatch! {
    @avx2
    /// Writes a row's codes; how many bytes these are. Runs of zeros end with the row. Eight bytes at a time: a run begins with zeros at
    /// their end, goes on through zeros alone, and ends with zeros at their beginning.
    fn compress(line: &[u8], tables: &Tables, bits: &mut Bits, out: &mut [u8]) -> usize {
        let (mut now, mut at) = (*bits, 0);
        let (eights, rest) = line.as_chunks::<8>();
        let mut run = 0_u32;
        for eight in eights {
            let all = u64::from_le_bytes(*eight);
            if all == 0 {
                run += 8;
                continue;
            }
            // Zeros at the beginning belong to a run, where there is one.
            let before = if run > 0 { all.trailing_zeros() / 8 } else { 0 };
            let after = all.leading_zeros() / 8;
            let left = all >> (8 * before);
            match tables.runs.get((run + before) as usize) {
                Some(&code) => now.add(code),
                None => write_run(run + before, tables, &mut now, out, &mut at),
            }
            now.write(out, &mut at);
            let pair = |k: usize| {
                let code = tables.pairs[usize::from((left >> (16 * k)) as u16)];
                (u64::from(code & 0xff_ffff), code >> 24)
            };
            let four = |k: usize| {
                let ((low, short), (high, long)) = (pair(k), pair(k + 1));
                (low | high << short, short + long)
            };
            let ((low, short), (high, long)) = (four(0), four(2));
            // The zeros at the end are no bytes of these, but of a run. Each is two bits, and these are zeros.
            let zeros = 2 * (before + after);
            let of_high = zeros.min(8);
            now.add_bits(low, short - (zeros - of_high));
            now.write(out, &mut at);
            now.add_bits(high, long - of_high);
            now.write(out, &mut at);
            run = after;
        }
        if run > 0 {
            write_run(run, tables, &mut now, out, &mut at);
        }
        for &byte in rest {
            now.add(tables.bytes[usize::from(byte)]);
            now.write(out, &mut at);
        }
        *bits = now;
        at
    }
}

/// A run of any length: a zero, and matches of at most 258 zeros.
fn write_run(run: u32, tables: &Tables, bits: &mut Bits, out: &mut [u8], at: &mut usize) {
    bits.add(tables.bytes[0]);
    let mut left = run - 1;
    while left >= 258 {
        bits.add(tables.after[258]);
        bits.write(out, at);
        left -= 258;
    }
    bits.add(tables.after[left as usize]);
    bits.write(out, at);
}

/// Codes: up to 24 bits, and their number above these.
struct Tables {
    bytes: [u32; 256],
    /// Of two bytes, the first one lower.
    pairs: Box<[u32; 1 << 16]>,
    /// Of a run of zeros: a zero, and what `after` says of the others.
    runs: [u32; 260],
    /// Of up to 258 zeros after a first one: a match, or up to four zeros.
    after: Vec<u32>,
    /// Of the end.
    end: u32,
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

impl Tables {
    fn new() -> Self {
        let lengths: Vec<u8> = [&FIRST[..], &[LONGEST as u8; MIDDLE], &LAST].concat();
        // Canonical codes (RFC 1951, 3.2.2), the first bit lowest.
        let mut codes = vec![0; lengths.len()];
        let mut next = 0_u32;
        for length in 1..=LONGEST as u32 {
            for (code, _) in codes.iter_mut().zip(&lengths).filter(|(_, l)| u32::from(**l) == length) {
                *code = next.reverse_bits() >> (32 - length) | length << 24;
                next += 1;
            }
            next <<= 1;
        }
        let join = |a: u32, b: u32| {
            let bits = (a & 0xff_ffff) | (b & 0xff_ffff) << (a >> 24);
            bits | ((a >> 24) + (b >> 24)) << 24
        };
        let after = |zeros: u32| match zeros {
            // The code of a zero is two zeros.
            0..=4 => (2 * zeros) << 24,
            _ => {
                let (symbol, extra, count) = match_of(zeros);
                // The distance 1 is a zero.
                join(codes[symbol], extra | (count + 1) << 24)
            }
        };
        let after: Vec<u32> = (0..=258).map(after).collect();
        let mut pairs = Box::new([0; 1 << 16]);
        for (pair, code) in pairs.iter_mut().enumerate() {
            *code = join(codes[pair & 255], codes[pair >> 8]);
        }
        Self {
            bytes: std::array::from_fn(|byte| codes[byte]),
            pairs,
            runs: std::array::from_fn(|run| if run == 0 { 0 } else { join(codes[0], after[run - 1]) }),
            end: codes[256],
            after,
        }
    }
}

/// Symbol of a match of 3 to 258 bytes, its extra bits and their number (RFC 1951, 3.2.5).
fn match_of(length: u32) -> (usize, u32, u32) {
    match length {
        258 => (285, 0, 0),
        3..=10 => (length as usize + 254, 0, 0),
        _ => {
            let from = length - 3;
            let count = from.ilog2() - 2;
            let symbol = 257 + 4 * count + (from >> count);
            (symbol as usize, from & ((1 << count) - 1), count)
        }
    }
}

/// Lengths of the codes of fdeflate, which were found on many PNG: bytes near 0 are short.
const FIRST: [u8; 43] = [
    2, 3, 4, 5, 5, 6, 6, 7, 7, 7, 8, 8, 8, 8, 8, 9, 9, 9, 9, 9, 9, 9, 10, 10, 10, 10, 10, 10, 10, 10, 10, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
];
const MIDDLE: usize = 171;
const LAST: [u8; 72] = [
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 10, 11, 10, 10, 10, 10, 10, 10, 10, 10, 10, 9, 9, 9, 9, 9, 8, 9,
    8, 8, 8, 8, 8, 7, 7, 7, 6, 6, 6, 5, 4, 3, 12, 12, 12, 9, 9, 11, 10, 11, 11, 10, 11, 11, 11, 11, 11, 11,
    12, 11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 9,
];

/// The header of zlib, and what deflate says of the code, but for three bits of the last byte.
const HEADER: [u8; 54] = [
    120, 1, 237, 192, 3, 160, 36, 89, 150, 198, 241, 255, 119, 238, 141, 200, 204, 167, 114, 75, 99, 174,
    109, 219, 182, 109, 219, 182, 109, 219, 182, 109, 105, 140, 158, 150, 74, 175, 158, 50, 51, 34, 238, 249,
    118, 183, 106, 122, 166, 135, 59, 107, 213, 15,
];

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;
    use streamface_kernels::Isa;

    use super::*;

    #[track_caller]
    fn assert_same(image: &RgbImage) {
        let ours = encode(image).unwrap();
        assert!(ours == encode_by_crates(image).unwrap(), "{:?}", image.dimensions());
        assert!(ours == Isa::with_at_most(Isa::Portable, || encode(image).unwrap()));
    }

    /// A picture whose values change now and then by a few steps, so that runs of zeros of all lengths come about; noise where
    /// `steps` is 256 and nothing is rare.
    fn picture(w: u32, h: u32, seed: u32, steps: u32, rare: u32) -> RgbImage {
        let mut state = seed | 1;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % n
        };
        let mut value = [128_u8; 3];
        RgbImage::from_fn(w, h, |_, _| {
            for v in &mut value {
                if next(rare) == 0 {
                    *v = v.wrapping_add(next(steps) as u8).wrapping_sub((steps / 2) as u8);
                }
            }
            Rgb(value)
        })
    }

    #[test]
    fn png_bytes_are_those_of_the_crates() {
        for w in (1..40).chain([255, 256, 257, 700]) {
            assert_same(&RgbImage::from_pixel(w, 3, Rgb([7, 7, 7])));
            assert_same(&picture(w, 5, w, 9, 1));
        }
        // Runs far beyond one match, whole rows among them, and noise that is stored.
        for rare in [1, 2, 5, 20, 100, 400, 3000] {
            assert_same(&picture(1920, 40, rare, 5, rare));
            assert_same(&picture(517, 33, rare, 256, rare));
        }
        assert_same(&RgbImage::new(1 << 16, 2));
        assert_same(&RgbImage::from_fn(300, 200, |x, y| Rgb([x as u8, y as u8, (x * y) as u8])));
    }

    proptest! {
        #[test]
        fn png_bytes_are_those_of_the_crates_of_any_picture(
            w in 1u32..130, h in 1u32..12, seed: u32, steps in 2u32..256, rare in 1u32..60,
        ) {
            assert_same(&picture(w, h, seed, steps, rare));
        }
    }

    #[test]
    fn png_of_no_pixels_is_refused() {
        assert!(encode(&RgbImage::new(0, 4)).is_err() && encode(&RgbImage::new(4, 0)).is_err());
    }
}
