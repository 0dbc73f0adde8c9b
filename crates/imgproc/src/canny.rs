//! How empty a frame is: pixels on no edge (Canny 1986, as OpenCV computes it).
//!
//! Gradients and the thinning of edges run row by row on 16-bit numbers; what they leave is two
//! bitmaps, *candidates* (a local maximum above `low`) and *strong* (one above `high`). Hysteresis,
//! the growth of the strong along the candidates, then works on 64 pixels at a time.

use std::ops::Range;

use image::GrayImage;

use streamface_kernels::dispatch;

/// The fraction (0 to 1) of pixels that Canny's detector (aperture 3, |dx| + |dy|) leaves as no edge,
/// as `Canny(gray, low, high)` does. The original's frame filter takes `low` 0, `high` 25.
/// An image without pixels is 1.
///
/// ```
/// let mut gray = image::GrayImage::new(8, 8);
/// assert_eq!(streamface_imgproc::canny_empty_fraction(&gray, 0, 25), 1.0);
/// for y in 0..8 {
///     gray.put_pixel(4, y, image::Luma([200]));
/// }
/// assert_eq!(streamface_imgproc::canny_empty_fraction(&gray, 0, 25), 0.75);
/// ```
#[must_use]
pub fn canny_empty_fraction(gray: &GrayImage, low: u16, high: u16) -> f64 {
    let pixels = gray.as_raw().len();
    if pixels == 0 {
        return 1.0;
    }
    let (w, h) = (gray.width() as usize, gray.height() as usize);
    // Swapped thresholds are OpenCV's to mend; magnitudes never exceed 2040.
    let threshold = |t: u16| t.min(i16::MAX as u16) as i16;
    let mut maps = Bitmaps::new(w, h);
    thin(gray.as_raw(), w, threshold(low.min(high)), threshold(low.max(high)), &mut maps);
    (pixels - maps.grow()) as f64 / pixels as f64
}

/// Candidates and strong pixels, a bit each, `words` words a row. Around them are words without any, so that each word has
/// eight neighbours; rows start `stride` words apart.
struct Bitmaps {
    candidates: Vec<u64>,
    edges: Vec<u64>,
    words: usize,
    stride: usize,
}

/// Gradient and magnitude of one row. `mag` has a zero on either side, as OpenCV sets outside.
struct Row {
    dx: Vec<i16>,
    dy: Vec<i16>,
    mag: Vec<i16>,
}

/// Gradients, thinning (non-maximum suppression) and the two thresholds.
fn thin(gray: &[u8], w: usize, low: i16, high: i16, maps: &mut Bitmaps) {
    let h = gray.len() / w;
    let row = |y: usize| &gray[y * w..(y + 1) * w];
    let new_row = || Row { dx: vec![0; w], dy: vec![0; w], mag: vec![0; w + 2] };
    let mut rows = [new_row(), new_row(), new_row()];
    let (mut sum, mut diff) = (vec![0i16; w + 2], vec![0i16; w + 2]);
    let mut flags = vec![0u8; maps.words * 64];
    for y in 0..=h {
        if y < h {
            let (above, below) = (row(y.saturating_sub(1)), row((y + 1).min(h - 1)));
            sobel(above, row(y), below, &mut sum, &mut diff, &mut rows[2]);
        } else {
            rows[2].mag.fill(0);
        }
        if y > 0 {
            let [above, this, below] = &rows;
            suppress(&above.mag, this, &below.mag, low, high, &mut flags[..w]);
            let at = maps.row(y - 1);
            pack(&flags, &mut maps.candidates[at.clone()], &mut maps.edges[at]);
        }
        rows.rotate_left(1);
    }
}

dispatch! {
    @avx2
    /// 3 x 3 Sobel of one row, edges of the image repeated.
    fn sobel(a: &[u8], b: &[u8], c: &[u8], sum: &mut [i16], diff: &mut [i16], out: &mut Row) {
        let w = b.len();
        let inner = sum[1..=w].iter_mut().zip(&mut diff[1..=w]);
        for (((s, d), a), (b, c)) in inner.zip(a).zip(b.iter().zip(c)) {
            let (a, b, c) = (i16::from(*a), i16::from(*b), i16::from(*c));
            *s = a + 2 * b + c;
            *d = c - a;
        }
        (sum[0], sum[w + 1]) = (sum[1], sum[w]);
        (diff[0], diff[w + 1]) = (diff[1], diff[w]);
        let (s0, s2) = (&sum[..w], &sum[2..w + 2]);
        let (d0, d1, d2) = (&diff[..w], &diff[1..=w], &diff[2..w + 2]);
        let (dx, dy, mag) = (&mut out.dx[..w], &mut out.dy[..w], &mut out.mag[1..=w]);
        for j in 0..w {
            let x = s2[j] - s0[j];
            let y = d0[j] + 2 * d1[j] + d2[j];
            dx[j] = x;
            dy[j] = y;
            mag[j] = x.abs() + y.abs();
        }
    }
}

/// tan 22.5° in 1/32768.
const TAN_22: i32 = 13573;

dispatch! {
    @avx2
    /// Flags of one row: 0 none, 1 candidate, 3 strong.
    fn suppress(above: &[i16], this: &Row, below: &[i16], low: i16, high: i16, flags: &mut [u8]) {
        let w = flags.len();
        let (dx, dy) = (&this.dx[..w], &this.dy[..w]);
        let (l, m, r) = (&this.mag[..w], &this.mag[1..=w], &this.mag[2..w + 2]);
        let (ul, u, ur) = (&above[..w], &above[1..=w], &above[2..w + 2]);
        let (dl, d, dr) = (&below[..w], &below[1..=w], &below[2..w + 2]);
        for j in 0..w {
            let (x, y) = (dx[j].abs(), dy[j].abs());
            // OpenCV compares y·2^15 with x·TAN_22. That is a whole multiple of 2^15 for no x > 0 here,
            // so comparing y with the quotient rounded down is the same, and fits 16 bits.
            let t = ((i32::from(2 * x) * TAN_22) >> 16) as i16;
            // Masks, all ones or none: comparisons that choose between slices do not vectorise.
            let level = !((t - y) >> 15);
            let upright = (t + 2 * x - y) >> 15;
            let falling = (dx[j] ^ dy[j]) >> 15;
            let choose = |mask: i16, yes: i16, no: i16| no ^ ((yes ^ no) & mask);
            let p = choose(level, l[j], choose(upright, u[j], choose(falling, ur[j], ul[j])));
            let n = choose(level, r[j], choose(upright, d[j], choose(falling, dl[j], dr[j])));
            // Of equal neighbours the first wins, but on diagonals neither does.
            let n = n + (level | upright);
            let candidate = (m[j] > low) & (m[j] > p) & (m[j] > n);
            let strong = candidate & (m[j] > high);
            flags[j] = u8::from(candidate) | (u8::from(strong) << 1);
        }
    }
}

dispatch! {
    @avx2
    /// Gathers flags into words; the multiplication brings the lowest bits of eight bytes side by side.
    fn pack(flags: &[u8], candidates: &mut [u64], strong: &mut [u64]) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const GATHER: u64 = 0x0102_0408_1020_4080;
        for ((px, c), s) in flags.chunks_exact(64).zip(candidates).zip(strong) {
            (*c, *s) = (0, 0);
            for (k, eight) in px.as_chunks::<8>().0.iter().enumerate() {
                let v = u64::from_le_bytes(*eight);
                *c |= ((v & ONES).wrapping_mul(GATHER) >> 56) << (8 * k);
                *s |= (((v >> 1) & ONES).wrapping_mul(GATHER) >> 56) << (8 * k);
            }
        }
    }
}

impl Bitmaps {
    fn new(w: usize, h: usize) -> Self {
        let words = w.div_ceil(64);
        let stride = words + 2;
        Self { candidates: vec![0; stride * (h + 2)], edges: vec![0; stride * (h + 2)], words, stride }
    }

    /// Places of the words of row `y`.
    fn row(&self, y: usize) -> Range<usize> {
        let start = (y + 1) * self.stride + 1;
        start..start + self.words
    }

    /// Hysteresis: grows the strong pixels along candidates (8 neighbours). Returns the number of edge pixels.
    fn grow(&mut self) -> usize {
        grow(&self.candidates, &mut self.edges, self.stride);
        count_ones(&self.edges)
    }
}

dispatch! {
    @avx2
    /// Visits each word once, in order, and once more whenever a word beside it that comes later changed.
    fn grow(candidates: &[u64], edges: &mut [u64], stride: usize) {
        let mut open = Vec::new();
        let inner = stride..candidates.len() - stride;
        for row in inner.step_by(stride) {
            for at in row + 1..row + stride - 1 {
                grow_word(candidates, edges, stride, at, at, &mut open);
            }
            while let Some(at) = open.pop() {
                grow_word(candidates, edges, stride, at, row + stride, &mut open);
            }
        }
    }
}

/// Grows the edges of a word from the words around it and along its own runs of candidates. Where that makes edges of more, words
/// before `done` into which they lead on are put into `open`.
#[inline(always)]
fn grow_word(
    candidates: &[u64],
    edges: &mut [u64],
    stride: usize,
    at: usize,
    done: usize,
    open: &mut Vec<usize>,
) {
    let (run, known) = (candidates[at], edges[at]);
    if run == known {
        return;
    }
    let (up, down) = (at - stride, at + stride);
    let middle = edges[up] | edges[down];
    let left = edges[up - 1] | edges[at - 1] | edges[down - 1];
    let right = edges[up + 1] | edges[at + 1] | edges[down + 1];
    let seeds = (known | middle | middle << 1 | middle >> 1 | left >> 63 | right << 63) & run;
    if seeds == 0 {
        return;
    }
    // Adding a seed to its run of ones carries to the run's end: what changed of the run is reached. Towards lower bits the
    // same, mirrored.
    let reached = |run: u64, seeds: u64| (run.wrapping_add(seeds) ^ run) & run;
    let higher = reached(run, seeds);
    let lower = reached(run.reverse_bits(), seeds.reverse_bits()).reverse_bits();
    let all = seeds | higher | lower;
    let new = all & !known;
    if new == 0 {
        return;
    }
    edges[at] = all;
    let mut lead_on = |to: usize, bits: u64| {
        if to < done && candidates[to] & !edges[to] & bits != 0 {
            open.push(to);
        }
    };
    let near = new | new << 1 | new >> 1;
    [up, down].into_iter().for_each(|to| lead_on(to, near));
    if new & 1 != 0 {
        [up - 1, at - 1, down - 1].into_iter().for_each(|to| lead_on(to, 1 << 63));
    }
    if new >> 63 != 0 {
        [up + 1, at + 1, down + 1].into_iter().for_each(|to| lead_on(to, 1));
    }
}

dispatch! {
    @avx2
    fn count_ones(words: &[u64]) -> usize {
        words.iter().map(|w| w.count_ones() as usize).sum()
    }
}
