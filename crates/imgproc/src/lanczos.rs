//! Lanczos resampling (a = 3), antialiased when shrinking, to the digit as Pillow's `LANCZOS`, which the
//! original cuts faces with: first along rows, then along columns, each rounded to 8 bits, with weights
//! in 1/2^22.

use streamface_kernels::byte_transpose::transpose;
use streamface_kernels::dispatch;

const PRECISION: u32 = 22;
const SUPPORT: f64 = 3.0;

/// Rows worked on side by side along the rows.
const LANES: usize = 16;

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
    let narrow = along_rows(from, width);
    if height == from.height {
        return narrow;
    }
    let mut out = vec![0; 3 * width * height];
    let mut sums = vec![0; 3 * width];
    for (o, taps) in out.chunks_exact_mut(3 * width).zip(taps(from.height, height)) {
        sums.fill(1 << (PRECISION - 1));
        for (row, &weight) in narrow[3 * width * taps.start..].chunks_exact(3 * width).zip(&taps.weights) {
            add_row(row, weight, &mut sums);
        }
        finish(&sums, o);
    }
    out
}

fn along_rows(from: View, width: usize) -> Vec<u8> {
    let line = 3 * width;
    let mut out = vec![0; line * from.height];
    if width == from.width {
        for (y, o) in out.chunks_exact_mut(line).enumerate() {
            o.copy_from_slice(from.row(y));
        }
        return out;
    }
    let taps = taps(from.width, width);
    let mut columns = vec![[0u8; LANES]; 3 * from.width];
    let mut results = vec![[0u8; LANES]; line];
    for top in (0..from.height).step_by(LANES) {
        let rows: [&[u8]; LANES] = std::array::from_fn(|k| from.row((top + k).min(from.height - 1)));
        turn(&rows, &mut columns);
        filter(&columns, &taps, &mut results);
        let bottom = from.height.min(top + LANES);
        turn_back(&results, &mut out[top * line..bottom * line]);
    }
    out
}

/// What one output pixel is made of.
struct Taps {
    start: usize,
    weights: Vec<i32>,
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

dispatch! {
    @avx2
    fn add_row(row: &[u8], weight: i32, sums: &mut [i32]) {
        for (s, &p) in sums.iter_mut().zip(row) {
            *s += weight * i32::from(p);
        }
    }
}

dispatch! {
    @avx2
    fn finish(sums: &[i32], out: &mut [u8]) {
        for (o, &s) in out.iter_mut().zip(sums) {
            *o = clip(s);
        }
    }
}

/// Byte i of each row side by side.
fn turn(rows: &[&[u8]; LANES], columns: &mut [[u8; LANES]]) {
    let (blocks, rest) = columns.as_chunks_mut::<LANES>();
    let done = LANES * blocks.len();
    for (from, block) in blocks.iter_mut().enumerate() {
        *block = transpose(std::array::from_fn(|k| {
            let row = &rows[k][LANES * from..LANES * (from + 1)];
            std::array::from_fn(|i| row[i])
        }));
    }
    for (i, column) in rest.iter_mut().enumerate() {
        *column = std::array::from_fn(|k| rows[k][done + i]);
    }
}

dispatch! {
    @avx2
    fn turn_back(columns: &[[u8; LANES]], out: &mut [u8]) {
        for (k, row) in out.chunks_exact_mut(columns.len()).enumerate() {
            for (o, column) in row.iter_mut().zip(columns) {
                *o = column[k];
            }
        }
    }
}

dispatch! {
    @by_hand
    /// Weighted sums of columns. Left to itself the compiler vectorises along the taps, which gathers byte by byte.
    fn filter(columns: &[[u8; LANES]], taps: &[Taps], out: &mut [[u8; LANES]]) {
        portable {
            for (o, taps) in out.as_chunks_mut::<3>().0.iter_mut().zip(taps) {
                let mut sums = [[1i32 << (PRECISION - 1); LANES]; 3];
                for (p, &w) in columns[3 * taps.start..].as_chunks::<3>().0.iter().zip(&taps.weights) {
                    for (sum, p) in sums.iter_mut().zip(p) {
                        for (s, &p) in sum.iter_mut().zip(p) {
                            *s += w * i32::from(p);
                        }
                    }
                }
                *o = sums.map(|sum| sum.map(clip));
            }
        }
        avx2 {
            use std::arch::x86_64::*;
            const SHIFT: i32 = PRECISION as i32;
            let half = _mm256_set1_epi32(1 << (PRECISION - 1));
            for (o, taps) in out.as_chunks_mut::<3>().0.iter_mut().zip(taps) {
                let mut sums = [[half; 2]; 3];
                for (p, &w) in columns[3 * taps.start..].as_chunks::<3>().0.iter().zip(&taps.weights) {
                    let w = _mm256_set1_epi32(w);
                    for (sum, p) in sums.iter_mut().zip(p) {
                        for (sum, eight) in sum.iter_mut().zip(p.as_chunks::<8>().0) {
                            let p = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(*eight)));
                            *sum = _mm256_add_epi32(*sum, _mm256_mullo_epi32(w, p));
                        }
                    }
                }
                for (o, [a, b]) in o.iter_mut().zip(sums) {
                    let (a, b) = (_mm256_srai_epi32::<SHIFT>(a), _mm256_srai_epi32::<SHIFT>(b));
                    // Saturation is the clipping to 0 ..= 255; lanes come out as 0 2 1 3 and are put right.
                    let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(a, b));
                    let bytes = _mm256_packus_epi16(words, words);
                    let low = _mm256_extract_epi64::<0>(bytes).to_le_bytes();
                    let high = _mm256_extract_epi64::<2>(bytes).to_le_bytes();
                    *o = std::array::from_fn(|i| if i < 8 { low[i] } else { high[i - 8] });
                }
            }
        }
    }
}
