//! Lanczos resampling (a = 3), antialiased when shrinking, to the digit as Pillow's `LANCZOS`, which the
//! original cuts faces with: first along rows, then along columns, each rounded to 8 bits, with weights
//! in 1/2^22.

use streamface_kernels::dispatch;

const PRECISION: u32 = 22;
const SUPPORT: f64 = 3.0;

/// Rows worked on side by side along the rows.
const ROWS: usize = 4;

/// A pixel of each of them, with a byte of nothing behind the colours.
type Pixels = [[u8; 4]; ROWS];

/// Weights are products of numbers of 16 bits for the processor: their lowest bits, and the rest.
const LOW_BITS: u32 = 11;

/// Some RGB rows that need not lie one after the other.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    /// From the first pixel on.
    pub(crate) data: &'a [u8],
    /// Bytes from row to row.
    pub(crate) stride: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl<'a> View<'a> {
    fn row(&self, y: usize) -> &'a [u8] {
        &self.data[y * self.stride..y * self.stride + 3 * self.width]
    }
}

/// The picture at another size, RGB rows one after the other. No side may be 0.
pub(crate) fn resize(from: View, width: usize, height: usize) -> Vec<u8> {
    let columns = taps(from.width, width);
    let narrow = along_rows(from, width, &columns);
    if height == from.height {
        return narrow;
    }
    // A square that stays one has the same weights both ways.
    let square = (from.width, width) == (from.height, height);
    let lines = if square { columns } else { taps(from.height, height) };
    let mut out = vec![0; 3 * width * height];
    for (o, taps) in out.chunks_exact_mut(3 * width).zip(&lines) {
        mix_rows(&narrow[3 * width * taps.start..], &taps.weights, o);
    }
    out
}

fn along_rows(from: View, width: usize, taps: &[Taps]) -> Vec<u8> {
    let line = 3 * width;
    let mut out = vec![0; line * from.height];
    if width == from.width {
        for (y, o) in out.chunks_exact_mut(line).enumerate() {
            o.copy_from_slice(from.row(y));
        }
        return out;
    }
    let pairs: Vec<Pairs> = taps.iter().map(Taps::in_pairs).collect();
    // One more pixel for the last of an odd number of weights.
    let mut pixels = vec![Pixels::default(); from.width + 1];
    let mut results = vec![Pixels::default(); width];
    for (group, out) in out.chunks_mut(ROWS * line).enumerate() {
        let rows = std::array::from_fn(|k| from.row((ROWS * group + k).min(from.height - 1)));
        side_by_side(&rows, &mut pixels[..from.width]);
        filter(&pixels, &pairs, &mut results);
        one_by_one(&results, out);
    }
    out
}

/// What one output pixel is made of.
struct Taps {
    start: usize,
    weights: Vec<i32>,
}

/// The same, with the weights of two neighbours side by side.
struct Pairs {
    start: usize,
    weights: Vec<Pair>,
}

/// The low bits of two weights, and the rest of each, which is below 2^15 as weights are below 16.
struct Pair {
    low: [i16; 2],
    high: [i16; 2],
}

impl Taps {
    fn in_pairs(&self) -> Pairs {
        let pair = |two: &[i32]| {
            let two = [two[0], two.get(1).copied().unwrap_or(0)];
            Pair {
                low: two.map(|w| (w & ((1 << LOW_BITS) - 1)) as i16),
                high: two.map(|w| (w >> LOW_BITS) as i16),
            }
        };
        Pairs { start: self.start, weights: self.weights.chunks(2).map(pair).collect() }
    }
}

fn taps(len: usize, out: usize) -> Vec<Taps> {
    let scale = len as f64 / out as f64;
    let stretch = scale.max(1.0);
    let support = SUPPORT * stretch;
    let one = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let start = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(len);
        let weigh = |p: usize| lanczos((p as f64 - centre + 0.5) * (1.0 / stretch));
        let mut weights: Vec<f64> = (start..end).map(weigh).collect();
        let total: f64 = weights.iter().sum();
        for w in &mut weights {
            *w /= total;
        }
        let fixed = |w: &f64| (w * f64::from(1u32 << PRECISION)).round() as i32;
        Taps { start, weights: weights.iter().map(fixed).collect() }
    };
    (0..out).map(one).collect()
}

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| {
        let x = x * std::f64::consts::PI;
        if x == 0.0 { 1.0 } else { x.sin() / x }
    };
    if (-SUPPORT..SUPPORT).contains(&x) { sinc(x) * sinc(x / SUPPORT) } else { 0.0 }
}

#[inline(always)]
fn clip(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// Numbers of a row summed at once.
const BLOCK: usize = 32;

dispatch! {
    @by_hand
    /// The weighted sum of as many rows as there are weights, each as long as `out`. Left to itself the compiler vectorises along
    /// the rows, which gathers byte by byte.
    fn mix_rows(rows: &[u8], weights: &[i32], out: &mut [u8]) {
        portable {
            mix_numbers(rows, weights, 0, out);
        }
        avx2 {
            use std::arch::x86_64::*;
            const SHIFT: i32 = PRECISION as i32;
            let line = out.len();
            let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
            let from = BLOCK * blocks.len();
            for (block, o) in blocks.iter_mut().enumerate() {
                let mut sums = [_mm256_set1_epi32(1 << (PRECISION - 1)); BLOCK / 8];
                for (row, &weight) in rows.chunks_exact(line).zip(weights) {
                    let weight = _mm256_set1_epi32(weight);
                    let numbers = row[BLOCK * block..BLOCK * (block + 1)].as_chunks::<8>().0;
                    for (sum, &eight) in sums.iter_mut().zip(numbers) {
                        let p = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(eight)));
                        *sum = _mm256_add_epi32(*sum, _mm256_mullo_epi32(weight, p));
                    }
                }
                let [a, b, c, d] = sums.map(|sum| _mm256_srai_epi32::<SHIFT>(sum));
                // Saturation is the clipping to 0 ..= 255; fours come out as 0 2 4 6 1 3 5 7 and are put right.
                let bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
                let bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
                let eights = [
                    _mm256_extract_epi64::<0>(bytes),
                    _mm256_extract_epi64::<1>(bytes),
                    _mm256_extract_epi64::<2>(bytes),
                    _mm256_extract_epi64::<3>(bytes),
                ];
                for (o, eight) in o.as_chunks_mut::<8>().0.iter_mut().zip(eights) {
                    *o = eight.to_le_bytes();
                }
            }
            mix_numbers(rows, weights, from, rest);
        }
    }
}

/// [`mix_rows`] from the number `from` of each row to its end, number by number.
#[inline(always)]
fn mix_numbers(rows: &[u8], weights: &[i32], from: usize, out: &mut [u8]) {
    let line = from + out.len();
    for (at, o) in out.iter_mut().enumerate() {
        let numbers = rows[from + at..].iter().step_by(line);
        let weighted = numbers.zip(weights).map(|(&p, w)| w * i32::from(p));
        *o = clip(weighted.fold(1 << (PRECISION - 1), i32::wrapping_add));
    }
}

dispatch! {
    @by_hand
    /// Rows of pixels to pixels of rows.
    fn side_by_side(rows: &[&[u8]; ROWS], out: &mut [Pixels]) {
        portable {
            for (k, row) in rows.iter().enumerate() {
                for (o, p) in out.iter_mut().zip(row.as_chunks::<3>().0) {
                    o[k] = [p[0], p[1], p[2], 0];
                }
            }
        }
        avx2 {
            use std::arch::x86_64::*;
            // Four pixels of three bytes to four of four.
            let spread = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
            let mut done = 0;
            for four in out.as_chunks_mut::<4>().0 {
                let at = 3 * done;
                // The sixteen bytes read reach beyond the twelve of the four pixels.
                let sixteen = |row: &[u8]| row.get(at..at + 16).and_then(|r| r.first_chunk::<16>().copied());
                let [Some(a), Some(b), Some(c), Some(d)] = rows.map(sixteen) else { break };
                let [a, b, c, d] = [a, b, c, d].map(|r| {
                    let [low, high] = [0, 8].map(|from| i64::from_le_bytes(std::array::from_fn(|i| r[from + i])));
                    _mm_shuffle_epi8(_mm_set_epi64x(high, low), spread)
                });
                let (ab, cd) = (_mm_unpacklo_epi32(a, b), _mm_unpacklo_epi32(c, d));
                let (ab_high, cd_high) = (_mm_unpackhi_epi32(a, b), _mm_unpackhi_epi32(c, d));
                *four = [
                    _mm_unpacklo_epi64(ab, cd),
                    _mm_unpackhi_epi64(ab, cd),
                    _mm_unpacklo_epi64(ab_high, cd_high),
                    _mm_unpackhi_epi64(ab_high, cd_high),
                ]
                .map(|pixel| {
                    [
                        _mm_extract_epi32::<0>(pixel).to_le_bytes(),
                        _mm_extract_epi32::<1>(pixel).to_le_bytes(),
                        _mm_extract_epi32::<2>(pixel).to_le_bytes(),
                        _mm_extract_epi32::<3>(pixel).to_le_bytes(),
                    ]
                });
                done += 4;
            }
            for (k, row) in rows.iter().enumerate() {
                for (o, p) in out.iter_mut().zip(row.as_chunks::<3>().0).skip(done) {
                    o[k] = [p[0], p[1], p[2], 0];
                }
            }
        }
    }
}

dispatch! {
    @by_hand
    /// Pixels of rows to rows of pixels, as many as `out` has.
    fn one_by_one(pixels: &[Pixels], out: &mut [u8]) {
        portable {
            for (k, row) in out.chunks_exact_mut(3 * pixels.len()).enumerate() {
                for (o, pixel) in row.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                    *o = [pixel[k][0], pixel[k][1], pixel[k][2]];
                }
            }
        }
        avx2 {
            use std::arch::x86_64::*;
            // Four pixels of four bytes to four of three.
            let pack = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
            for (k, row) in out.chunks_exact_mut(3 * pixels.len()).enumerate() {
                let (fours, rest) = row.as_chunks_mut::<12>();
                let (groups, last) = pixels.as_chunks::<4>();
                for (o, group) in fours.iter_mut().zip(groups) {
                    let [a, b, c, d] = group.map(|pixel| i32::from_le_bytes(pixel[k]));
                    let bytes = _mm_shuffle_epi8(_mm_setr_epi32(a, b, c, d), pack);
                    o[..8].copy_from_slice(&_mm_cvtsi128_si64(bytes).to_le_bytes());
                    o[8..].copy_from_slice(&_mm_extract_epi32::<2>(bytes).to_le_bytes());
                }
                for (o, pixel) in rest.as_chunks_mut::<3>().0.iter_mut().zip(last) {
                    *o = [pixel[k][0], pixel[k][1], pixel[k][2]];
                }
            }
        }
    }
}

dispatch! {
    @by_hand
    /// Weighted sums along the rows. Products of 16 bits are the quickest, so weights come in two parts.
    fn filter(pixels: &[Pixels], taps: &[Pairs], out: &mut [Pixels]) {
        portable {
            for (o, taps) in out.iter_mut().zip(taps) {
                let mut sums = [[1i32 << (PRECISION - 1); 4]; ROWS];
                for (two, w) in pixels[taps.start..].chunks(2).zip(&taps.weights) {
                    for (pixel, (low, high)) in two.iter().zip(w.low.into_iter().zip(w.high)) {
                        let weight = (i32::from(high) << LOW_BITS) + i32::from(low);
                        for (sum, &p) in sums.as_flattened_mut().iter_mut().zip(pixel.as_flattened()) {
                            *sum += weight * i32::from(p);
                        }
                    }
                }
                *o = sums.map(|sum| sum.map(clip));
            }
        }
        avx2 {
            use std::arch::x86_64::*;
            const SHIFT: i32 = PRECISION as i32;
            const LOW: i32 = LOW_BITS as i32;
            let half = _mm256_set1_epi32(1 << (PRECISION - 1));
            let pixel = |p: &Pixels| {
                let [a, b, c, d] = p.map(i32::from_le_bytes);
                _mm_setr_epi32(a, b, c, d)
            };
            let twice = |[a, b]: [i16; 2]| _mm256_set1_epi32(i32::from(a) & 0xffff | i32::from(b) << 16);
            for (o, taps) in out.iter_mut().zip(taps) {
                // Of the first two rows and of the others, four numbers a row.
                let mut low = [half; 2];
                let mut high = [_mm256_setzero_si256(); 2];
                for ([here, right], w) in pixels[taps.start..].as_chunks::<2>().0.iter().zip(&taps.weights) {
                    let (here, right) = (pixel(here), pixel(right));
                    let both = [_mm_unpacklo_epi8(here, right), _mm_unpackhi_epi8(here, right)];
                    let (of_low, of_high) = (twice(w.low), twice(w.high));
                    for ((low, high), both) in low.iter_mut().zip(&mut high).zip(both) {
                        let both = _mm256_cvtepu8_epi16(both);
                        *low = _mm256_add_epi32(*low, _mm256_madd_epi16(both, of_low));
                        *high = _mm256_add_epi32(*high, _mm256_madd_epi16(both, of_high));
                    }
                }
                // What overflows on the way is made up for: the whole fits.
                let whole = |k: usize| {
                    let sum = _mm256_add_epi32(low[k], _mm256_slli_epi32::<LOW>(high[k]));
                    _mm256_srai_epi32::<SHIFT>(sum)
                };
                // Saturation is the clipping to 0 ..= 255; rows come out as 0 2 in one half and 1 3 in the other.
                let words = _mm256_packs_epi32(whole(0), whole(1));
                let bytes = _mm256_packus_epi16(words, words);
                let rows = |two: i64| [two as i32, (two >> 32) as i32].map(i32::to_le_bytes);
                let [first, third] = rows(_mm256_extract_epi64::<0>(bytes));
                let [second, fourth] = rows(_mm256_extract_epi64::<2>(bytes));
                *o = [first, second, third, fourth];
            }
        }
    }
}
