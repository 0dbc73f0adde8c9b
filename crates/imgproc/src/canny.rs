//! How empty a frame is: pixels on no edge (Canny 1986, as OpenCV computes it).
//!
//! Gradients and the thinning of edges run row by row on 16-bit numbers; what they leave is two
//! bitmaps, *candidates* (a local maximum above `low`) and *strong* (one above `high`). Hysteresis,
//! the growth of the strong along the candidates, then works on 64 pixels at a time.

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

/// Candidates and strong pixels, a bit each, `words` words a row.
struct Bitmaps {
    candidates: Vec<u64>,
    edges: Vec<u64>,
    words: usize,
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
            let at = (y - 1) * maps.words..y * maps.words;
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
        Self { candidates: vec![0; words * h], edges: vec![0; words * h], words }
    }

    /// Hysteresis: grows the strong pixels along candidates (8 neighbours), in sweeps down and up over
    /// rows whose neighbours changed, until nothing does. Returns the number of edge pixels.
    fn grow(&mut self) -> usize {
        let h = self.edges.len() / self.words;
        let mut seeds = vec![0u64; self.words];
        for y in 0..h {
            self.grow_row(y, true, &mut seeds);
        }
        let mut stale = vec![true; h];
        let mut going = true;
        let mut up = true;
        while going {
            going = false;
            for k in 0..h {
                let y = if up { h - 1 - k } else { k };
                if std::mem::take(&mut stale[y]) && self.grow_row(y, false, &mut seeds) {
                    going = true;
                    stale[y.saturating_sub(1)] = true;
                    stale[(y + 1).min(h - 1)] = true;
                }
            }
            up = !up;
        }
        count_ones(&self.edges)
    }

    /// Grows row `y` from its neighbours' edges, and if it is the `first` time from its own; whether it
    /// changed.
    fn grow_row(&mut self, y: usize, first: bool, seeds: &mut [u64]) -> bool {
        let n = self.words;
        let h = self.edges.len() / n;
        let (above, rest) = self.edges.split_at_mut(y * n);
        let (this, below) = rest.split_at_mut(n);
        let above = if y > 0 { &above[(y - 1) * n..] } else { &above[..0] };
        let below = if y + 1 < h { &below[..n] } else { &below[..0] };
        let runs = &self.candidates[y * n..(y + 1) * n];
        let fresh = seed(runs, above, below, this, seeds);
        (fresh || first) && fill(runs, seeds, this)
    }
}

dispatch! {
    @avx2
    /// Seeds of a row: its edges and the candidates next to edges above and below. Whether any is new.
    fn seed(runs: &[u64], above: &[u64], below: &[u64], edges: &[u64], seeds: &mut [u64]) -> bool {
        seeds.copy_from_slice(edges);
        for side in [above, below] {
            if side.is_empty() {
                continue;
            }
            let n = seeds.len();
            let side = &side[..n];
            for i in 0..n {
                seeds[i] |= side[i] | (side[i] << 1) | (side[i] >> 1);
            }
            for i in 1..n {
                seeds[i] |= side[i - 1] >> 63;
                seeds[i - 1] |= side[i] << 63;
            }
        }
        let mut fresh = 0;
        for ((seed, &run), &edge) in seeds.iter_mut().zip(runs).zip(edges) {
            *seed &= run;
            fresh |= *seed & !edge;
        }
        fresh != 0
    }
}

dispatch! {
    @avx2
    /// Grows seeds to the runs of candidates that they are in; whether that made edges of more.
    fn fill(runs: &[u64], seeds: &mut [u64], edges: &mut [u64]) -> bool {
        // Towards higher bits: adding a seed to its run of ones carries to the run's end; what changed
        // of the run is reached. The carry takes the growth into the next word.
        let mut carry = false;
        for (seed, &run) in seeds.iter_mut().zip(runs) {
            let (sum, over) = run.overflowing_add(*seed);
            let (sum, over2) = sum.overflowing_add(u64::from(carry));
            *seed |= (sum ^ run) & run;
            carry = over | over2;
        }
        // Towards lower bits: the same, mirrored.
        let mut carry = false;
        let mut changed = 0;
        for ((seed, &run), edge) in seeds.iter().zip(runs).zip(edges).rev() {
            let (mirrored, start) = (run.reverse_bits(), seed.reverse_bits());
            let (sum, over) = mirrored.overflowing_add(start);
            let (sum, over2) = sum.overflowing_add(u64::from(carry));
            let all = *seed | ((sum ^ mirrored) & mirrored).reverse_bits();
            carry = over | over2;
            changed |= *edge ^ all;
            *edge = all;
        }
        changed != 0
    }
}

dispatch! {
    @avx2
    fn count_ones(words: &[u64]) -> usize {
        words.iter().map(|w| w.count_ones() as usize).sum()
    }
}
