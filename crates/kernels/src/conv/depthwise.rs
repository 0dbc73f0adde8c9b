//! Depthwise convolutions: each channel with a window of its own.

use crate::Isa;

use super::finish::Activation;
use super::lanes::{Lanes, Portable};
use super::tile::stored_channels;

/// Weights of a depthwise convolution.
#[derive(Debug, Clone)]
pub struct DepthwiseWeights {
    isa: Isa,
    stored: usize,
    rows: usize,
    columns: usize,
    /// Number `(row * columns + column) * stored + channel`.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl DepthwiseWeights {
    /// `weights` holds number `(row * columns + column) * channels + channel`.
    ///
    /// Panics where the lengths disagree.
    #[must_use]
    pub fn new(isa: Isa, weights: &[f32], bias: &[f32], rows: usize, columns: usize) -> Self {
        let (channels, stored) = (bias.len(), stored_channels(bias.len()));
        assert!(channels > 0 && weights.len() == rows * columns * channels, "{rows} x {columns} weights");
        let padded = |numbers: &[f32]| {
            let mut all = numbers.to_vec();
            all.resize(stored, 0.0);
            all
        };
        let weights = weights.chunks(channels).flat_map(padded).collect();
        Self { isa, stored, rows, columns, weights, bias: padded(bias) }
    }

    /// Channels that are stored.
    #[must_use]
    pub fn stored(&self) -> usize {
        self.stored
    }

    /// Rows and columns of the window.
    #[must_use]
    pub fn window(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }
}

/// A row of pixels that a depthwise convolution makes.
#[derive(Debug)]
pub struct Windows<'a> {
    /// The rows of the input under the window, each of as many pixels as the first; `None` where the window reaches over
    /// the upper or lower edge.
    pub rows: &'a [Option<&'a [f32]>],
    /// Pixels of a row of the input.
    pub width: usize,
    /// From a window to the next.
    pub stride: usize,
    /// Columns of the first window that lie before the input.
    pub before: usize,
}

/// Writes a row of the output, `out`: bias, products in the order of rows and columns, activation.
///
/// Panics where the lengths disagree.
pub fn depthwise(
    weights: &DepthwiseWeights,
    windows: &Windows<'_>,
    out: &mut [f32],
    activation: &Activation,
) {
    let stored = weights.stored;
    assert_eq!(windows.rows.len(), weights.rows, "rows of the window");
    assert!(out.len().is_multiple_of(stored) && windows.stride > 0, "whole pixels");
    let reach = windows.width * stored;
    assert!(windows.rows.iter().flatten().all(|row| row.len() >= reach), "rows of {reach} numbers");
    assert!(activation.reaches(stored), "{stored} channels");
    match weights.isa {
        // SAFETY: the lengths have been checked; the processor has the instructions, as there is such an `Isa`.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => unsafe { avx512(weights, windows, out, activation) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => unsafe { avx2(weights, windows, out, activation) },
        // SAFETY: the lengths have been checked.
        Isa::Portable => unsafe { any_window::<Portable, Portable>(weights, windows, out, activation) },
    }
}

/// # Safety
/// The processor has AVX2 and FMA; the lengths fit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(w: &DepthwiseWeights, windows: &Windows<'_>, out: &mut [f32], activation: &Activation) {
    use std::arch::x86_64::__m256;
    // SAFETY: the caller's promise.
    unsafe { any_window::<__m256, __m256>(w, windows, out, activation) }
}

/// # Safety
/// The processor has AVX-512F; the lengths fit.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl")]
unsafe fn avx512(w: &DepthwiseWeights, windows: &Windows<'_>, out: &mut [f32], activation: &Activation) {
    use std::arch::x86_64::{__m256, __m512};
    // SAFETY: the caller's promise.
    unsafe { any_window::<__m512, __m256>(w, windows, out, activation) }
}

/// # Safety
/// The lengths fit.
#[inline(always)]
unsafe fn any_window<V: Lanes, Narrow: Lanes>(
    w: &DepthwiseWeights,
    windows: &Windows<'_>,
    out: &mut [f32],
    activation: &Activation,
) {
    let job = Job { w, windows, out: out.as_mut_ptr(), activation, count: out.len() / w.stored };
    // SAFETY: the caller's promise.
    unsafe {
        match (w.columns, windows.stride) {
            (3, 1) => row::<V, Narrow, 3, 1>(&job),
            (3, 2) => row::<V, Narrow, 3, 2>(&job),
            (5, 1) => row::<V, Narrow, 5, 1>(&job),
            (5, 2) => row::<V, Narrow, 5, 2>(&job),
            _ => edges::<V, Narrow>(&job, 0, job.count),
        }
    }
}

struct Job<'a> {
    w: &'a DepthwiseWeights,
    windows: &'a Windows<'a>,
    out: *mut f32,
    activation: &'a Activation,
    /// Pixels of the output.
    count: usize,
}

/// Outputs whose sums are taken together, so that they share what they load.
const TOGETHER: usize = 4;

/// # Safety
/// The lengths fit.
#[inline(always)]
unsafe fn row<V: Lanes, Narrow: Lanes, const COLUMNS: usize, const STRIDE: usize>(job: &Job<'_>) {
    let windows = job.windows;
    // Windows that lie within the row: `x * STRIDE >= before` and `x * STRIDE - before + COLUMNS <= width`.
    let first = windows.before.div_ceil(STRIDE).min(job.count);
    let room = (windows.width + windows.before).checked_sub(COLUMNS);
    let end = room.map_or(0, |room| room / STRIDE + 1).clamp(first, job.count);
    // SAFETY: the caller's promise.
    unsafe {
        edges::<V, Narrow>(job, 0, first);
        let mut x = first;
        while x + TOGETHER <= end {
            inside::<V, Narrow, COLUMNS, STRIDE, TOGETHER>(job, x);
            x += TOGETHER;
        }
        while x < end {
            inside::<V, Narrow, COLUMNS, STRIDE, 1>(job, x);
            x += 1;
        }
        edges::<V, Narrow>(job, end, job.count);
    }
}

/// # Safety
/// The lengths fit, and the windows lie within the row.
#[inline(always)]
unsafe fn inside<V: Lanes, Narrow: Lanes, const COLUMNS: usize, const STRIDE: usize, const N: usize>(
    job: &Job<'_>,
    x: usize,
) {
    let stored = job.w.stored;
    let mut channel = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while channel + V::COUNT <= stored {
            inside_of::<V, COLUMNS, STRIDE, N>(job, x, channel);
            channel += V::COUNT;
        }
        while channel < stored {
            inside_of::<Narrow, COLUMNS, STRIDE, N>(job, x, channel);
            channel += Narrow::COUNT;
        }
    }
}

/// # Safety
/// As of [`inside`]; a register of channels begins at `channel`.
#[inline(always)]
unsafe fn inside_of<V: Lanes, const COLUMNS: usize, const STRIDE: usize, const N: usize>(
    job: &Job<'_>,
    x: usize,
    channel: usize,
) {
    let &Job { w, windows, out, activation, .. } = job;
    let stored = w.stored;
    // SAFETY: rows, weights and output reach to the last stored channel of the last pixel.
    unsafe {
        let mut sums = [[V::load(w.bias.as_ptr().add(channel))]; N];
        let first = (x * STRIDE - windows.before) * stored + channel;
        for (r, row) in windows.rows.iter().enumerate() {
            let Some(row) = row else { continue };
            let (pixel, weight) =
                (row.as_ptr().add(first), w.weights.as_ptr().add(r * COLUMNS * stored + channel));
            let weight: [V; COLUMNS] = std::array::from_fn(|c| V::load(weight.add(c * stored)));
            for column in 0..(N - 1) * STRIDE + COLUMNS {
                let v = V::load(pixel.add(column * stored));
                for (n, sum) in sums.iter_mut().enumerate() {
                    // The column of the window of output n that lies here.
                    if column >= n * STRIDE && column < n * STRIDE + COLUMNS {
                        sum[0] = v.multiply_add(weight[column - n * STRIDE], sum[0]);
                    }
                }
            }
        }
        activation.apply(&mut sums, channel);
        for (n, [sum]) in sums.into_iter().enumerate() {
            sum.store(out.add((x + n) * stored + channel));
        }
    }
}

/// Windows of any size and stride, some of which reach over the edges of the row.
///
/// # Safety
/// The lengths fit.
#[inline(always)]
unsafe fn edges<V: Lanes, Narrow: Lanes>(job: &Job<'_>, from: usize, to: usize) {
    let stored = job.w.stored;
    for x in from..to {
        let mut channel = 0;
        // SAFETY: the caller's promise.
        unsafe {
            while channel + V::COUNT <= stored {
                edge_of::<V>(job, x, channel);
                channel += V::COUNT;
            }
            while channel < stored {
                edge_of::<Narrow>(job, x, channel);
                channel += Narrow::COUNT;
            }
        }
    }
}

/// # Safety
/// The lengths fit; a register of channels begins at `channel`.
#[inline(always)]
unsafe fn edge_of<V: Lanes>(job: &Job<'_>, x: usize, channel: usize) {
    let &Job { w, windows, out, activation, .. } = job;
    let stored = w.stored;
    // The window's columns that lie within the row, and the pixel of the first of them.
    let skipped = windows.before.saturating_sub(x * windows.stride).min(w.columns);
    let pixel = x * windows.stride + skipped - windows.before.min(x * windows.stride + skipped);
    let columns = (w.columns - skipped).min(windows.width.saturating_sub(pixel));
    // SAFETY: rows, weights and output reach to the last stored channel of the last pixel.
    unsafe {
        let mut sums = [[V::load(w.bias.as_ptr().add(channel))]; 1];
        for (r, row) in windows.rows.iter().enumerate() {
            let Some(row) = row else { continue };
            for c in 0..columns {
                let v = V::load(row.as_ptr().add((pixel + c) * stored + channel));
                let weight = w.weights.as_ptr().add((r * w.columns + skipped + c) * stored + channel);
                sums[0][0] = v.multiply_add(V::load(weight), sums[0][0]);
            }
        }
        activation.apply(&mut sums, channel);
        sums[0][0].store(out.add(x * stored + channel));
    }
}
