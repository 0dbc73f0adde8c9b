//! Sharpness as the variance of the Laplacian.
//!
//! OpenCV's Laplacian of aperture 11 is the sum of two separable 11 x 11 kernels, second derivative one
//! way and binomial smoothing the other. Their generating function is
//! (1+x)⁸(1+y)⁸ · [(1−x)²(1+y)² + (1+x)²(1−y)²], and the bracket is twice the 3 x 3 stencil
//! "four diagonal neighbours less four times the centre": so one small stencil and one binomial
//! smoothing of order 8 each way do it all, in whole numbers.

use image::{GrayImage, RgbImage};

use streamface_kernels::dispatch;

/// Variance of `Laplacian(GaussianBlur(gray, 3x3, sigma .5), CV_64F, ksize 11)` (population variance;
/// borders mirrored about the outermost pixel): some 1e11 to 1e13 for sharp pictures. An image without
/// pixels is 0.
///
/// ```
/// let flat = image::GrayImage::from_pixel(64, 64, image::Luma([90]));
/// assert_eq!(streamface_imgproc::laplacian_variance(&flat), 0.0);
/// ```
#[must_use]
pub fn laplacian_variance(gray: &GrayImage) -> f64 {
    let (w, h) = (gray.width() as usize, gray.height() as usize);
    variance(gray.as_raw(), w, w, h)
}

/// Sharpness of an aligned face: [`laplacian_variance`] of its gray.
#[must_use]
pub fn face_blur_variance(face: &RgbImage) -> f64 {
    laplacian_variance(&crate::gray(face))
}

/// Half the binomial smoothing, and half the whole kernel.
const REACH: usize = 4;
const PAD: usize = REACH + 1;

/// [`laplacian_variance`] of w x h pixels whose rows start `stride` apart.
pub(crate) fn variance(gray: &[u8], stride: usize, w: usize, h: usize) -> f64 {
    if w == 0 || h == 0 {
        return 0.0;
    }
    let row = |y: usize| &gray[y * stride..y * stride + w];
    // Smoothed picture, each row mirrored PAD pixels beyond its ends.
    let width = w + 2 * PAD;
    let mut smooth = vec![0u8; width * h];
    let mut column = vec![0u16; w + 2];
    for (y, out) in smooth.chunks_exact_mut(width).enumerate() {
        let (above, below) = (row(mirror(y, h, -1)), row(mirror(y, h, 1)));
        gauss_column(above, row(y), below, &mut column[1..=w]);
        column[0] = column[1 + mirror(0, w, -1)];
        column[w + 1] = column[1 + mirror(w - 1, w, 1)];
        gauss_row(&column, &mut out[PAD..PAD + w]);
        for k in 1..=PAD {
            out[PAD - k] = out[PAD + mirror(0, w, -(k as isize))];
            out[PAD + w - 1 + k] = out[PAD + mirror(w - 1, w, k as isize)];
        }
    }
    let smoothed = |y: isize| &smooth[mirror(0, h, y) * width..][..width];
    let mut ring: [Vec<i32>; 2 * REACH + 1] = std::array::from_fn(|_| vec![0; w]);
    let mut scratch = vec![0i16; w + 2 * REACH];
    let mut half = vec![0i16; w + REACH];
    let mut values = vec![0i32; w];
    let mut sums = Sums::default();
    let reach = REACH as isize;
    for y in -reach..h as isize + reach {
        stencil(smoothed(y - 1), smoothed(y), smoothed(y + 1), &mut scratch);
        binomial_row(&scratch, &mut half, &mut ring[2 * REACH]);
        if y >= reach {
            let rows: [&[i32]; 2 * REACH + 1] = std::array::from_fn(|i| &ring[i][..]);
            binomial_column(&rows, &mut values, &mut sums);
        }
        ring.rotate_left(1);
    }
    let n = (w * h) as f64;
    let mean = sums.sums.iter().sum::<i64>() as f64 / n;
    let variance = sums.squares.iter().sum::<f64>() / n - mean * mean;
    // The kernel is twice what was summed.
    4.0 * variance.max(0.0)
}

/// The index `by` steps from `at` in 0..n, mirrored about the first and last (OpenCV's reflect-101).
fn mirror(at: usize, n: usize, by: isize) -> usize {
    if n == 1 {
        return 0;
    }
    let period = 2 * (n as isize - 1);
    let i = (at as isize + by).rem_euclid(period);
    i.min(period - i) as usize
}

/// Gaussian of sigma .5 on three pixels, in 1/256, as OpenCV rounds it for 8-bit pictures.
const GAUSS: (u16, u16) = (27, 202);

dispatch! {
    @avx2
    fn gauss_column(a: &[u8], b: &[u8], c: &[u8], out: &mut [u16]) {
        for (((o, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
            *o = GAUSS.0 * (u16::from(a) + u16::from(c)) + GAUSS.1 * u16::from(b);
        }
    }
}

dispatch! {
    @avx2
    fn gauss_row(column: &[u16], out: &mut [u8]) {
        let w = out.len();
        let (a, b, c) = (&column[..w], &column[1..=w], &column[2..w + 2]);
        let (side, middle) = (u32::from(GAUSS.0), u32::from(GAUSS.1));
        for j in 0..w {
            let sum = side * (u32::from(a[j]) + u32::from(c[j])) + middle * u32::from(b[j]);
            out[j] = ((sum + (1 << 15)) >> 16) as u8;
        }
    }
}

dispatch! {
    @avx2
    /// Diagonal neighbours less four times the centre: ±1020.
    fn stencil(a: &[u8], b: &[u8], c: &[u8], out: &mut [i16]) {
        let w = out.len();
        let (a0, a2, b1) = (&a[..w], &a[2..w + 2], &b[1..=w]);
        let (c0, c2) = (&c[..w], &c[2..w + 2]);
        for j in 0..w {
            let corners = i16::from(a0[j]) + i16::from(a2[j]) + i16::from(c0[j]) + i16::from(c2[j]);
            out[j] = corners - 4 * i16::from(b1[j]);
        }
    }
}

dispatch! {
    @avx2
    /// (1, 4, 6, 4, 1) twice is the binomial of order 8. After the first, ±16320 still fits 16 bits.
    fn binomial_row(row: &[i16], half: &mut [i16], out: &mut [i32]) {
        let w = half.len();
        let (a, b, c, d, e) = (&row[..w], &row[1..=w], &row[2..w + 2], &row[3..w + 3], &row[4..w + 4]);
        for j in 0..w {
            half[j] = a[j] + e[j] + 4 * (b[j] + d[j]) + 6 * c[j];
        }
        let w = out.len();
        let (a, b, c, d, e) = (&half[..w], &half[1..=w], &half[2..w + 2], &half[3..w + 3], &half[4..w + 4]);
        for j in 0..w {
            let at = |s: &[i16]| i32::from(s[j]);
            out[j] = at(a) + at(e) + 4 * (at(b) + at(d)) + 6 * at(c);
        }
    }
}

const LANES: usize = 8;

/// Sum and sum of squares. Each value is below 2^26, so its square is exact; lanes make the order of
/// the additions the same for every instruction set.
#[derive(Default)]
struct Sums {
    sums: [i64; LANES],
    squares: [f64; LANES],
}

dispatch! {
    @avx2
    fn binomial_column(rows: &[&[i32]; 2 * REACH + 1], values: &mut [i32], sums: &mut Sums) {
        let w = values.len();
        let [a, b, c, d, e, f, g, h, i] = rows.map(|r| &r[..w]);
        for j in 0..w {
            values[j] = (a[j] + i[j])
                + 8 * (b[j] + h[j])
                + 28 * (c[j] + g[j])
                + 56 * (d[j] + f[j])
                + 70 * e[j];
        }
        let (whole, rest) = values.as_chunks::<LANES>();
        for lanes in whole {
            sums.add(lanes);
        }
        let mut last = [0; LANES];
        last[..rest.len()].copy_from_slice(rest);
        sums.add(&last);
    }
}

impl Sums {
    #[inline(always)]
    fn add(&mut self, values: &[i32; LANES]) {
        for (s, &v) in self.squares.iter_mut().zip(values) {
            *s += f64::from(v) * f64::from(v);
        }
        for (s, &v) in self.sums.iter_mut().zip(values) {
            *s += i64::from(v);
        }
    }
}
