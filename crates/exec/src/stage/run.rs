//! What a stage does with rows.

use std::ops::Range;

use streamface_kernels::Isa;
use streamface_kernels::conv::{
    Activation, Bands, ByteOutput, BytePixels, PackedWeights, Pairs, Pixels, SEEN, TILE, Tiles, Windows,
    WinogradWeights, accumulate, activate, byte_product, depthwise, larger, product, scale, sum, winograd,
};

use super::{Kind, Stage};
use crate::layer::{MOST_ROWS, Order, Shape, Window};
use crate::rows::{Rows, RowsMut};

/// Pixels that become bytes at once: eight tiles, which stay in the cache with the weights.
const BYTE_PIXELS: usize = 112;
/// Tiles that are transformed at once, at least, where there are as many.
const TILES: usize = 28;
/// Bands of tiles at once, at most.
const MOST_BANDS: usize = 8;

/// What a convolution by tiles needs.
struct ByTiles<'a> {
    weights: &'a WinogradWeights,
    /// Rows of the first window that lie above the input.
    before: usize,
    after: &'a Activation,
    zeros: &'a [f32],
}

/// Room that the stages of a thread use in turn.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    bytes: BytePixels,
    tiles: Tiles,
}

impl Stage {
    /// Makes these rows.
    pub(crate) fn run(
        &self,
        rows: Range<usize>,
        input: &Rows<'_>,
        others: &[Rows<'_>],
        scratch: &mut Scratch,
        out: &mut RowsMut<'_>,
    ) {
        match &self.kind {
            Kind::Product { weights, window: Window::PIXEL, after, .. } => {
                self.together(rows, input, others, out, |input, residual, out| {
                    let count = input.len() / self.from.stored;
                    let (step, out_step) = (self.from.stored, self.to.stored);
                    let pixels = Pixels { count, runs: &[input], step, out_step, residual };
                    product(weights, &pixels, out, &self.activation, after);
                });
            }
            Kind::Bytes { weights, after, signed } => {
                self.together(rows, input, others, out, |input, residual, out| {
                    let (from, step) = (self.from.stored, self.to.stored);
                    for (n, pixels) in input.chunks(BYTE_PIXELS * from).enumerate() {
                        let at = n * BYTE_PIXELS * step;
                        scratch.bytes.take(self.isa, pixels, from, *signed);
                        let residual = residual.map(|r| &r[at..]);
                        let mut output = ByteOutput { out: &mut out[at..], step, residual };
                        byte_product(weights, &scratch.bytes, &mut output, &self.activation, after);
                    }
                });
            }
            Kind::Product { weights, window, after, zeros } => {
                for g in rows {
                    let mut under = [&zeros[..]; MOST_ROWS];
                    let found = self.under_each(*window, g, input);
                    under.iter_mut().zip(found).for_each(|(to, row)| *to = row.unwrap_or(zeros));
                    let pixels = Pixels {
                        count: self.to.shape.columns,
                        runs: &under[..window.size[0]],
                        step: window.stride[1] * self.from.stored,
                        out_step: self.to.stored,
                        residual: others.first().map(|o| o.row(g)),
                    };
                    product(weights, &pixels, out.rows(g, 1), &self.activation, after);
                }
            }
            Kind::Depthwise { weights, window } => {
                for g in rows {
                    let mut under = [None; MOST_ROWS];
                    under.iter_mut().zip(self.under_each(*window, g, input)).for_each(|(to, row)| *to = row);
                    let windows = Windows {
                        rows: &under[..window.size[0]],
                        width: self.from.shape.columns,
                        stride: window.stride[1],
                        before: window.before[1],
                    };
                    depthwise(weights, &windows, out.rows(g, 1), &self.activation);
                }
            }
            Kind::Winograd { weights, window, after, zeros } => {
                let work = ByTiles { weights, before: window.before[0], after, zeros };
                self.tiles(&work, rows, input, others, &mut scratch.tiles, out);
            }
            Kind::Transposed { weights, size } => self.transposed(weights, *size, rows, input, out),
            _ => {
                for g in rows {
                    self.plain_row(g, input, others, out.rows(g, 1));
                }
            }
        }
    }

    /// Calls `work` with as many rows of pixels at once as lie together: of the input, of what is added, of the result.
    fn together(
        &self,
        rows: Range<usize>,
        input: &Rows<'_>,
        others: &[Rows<'_>],
        out: &mut RowsMut<'_>,
        mut work: impl FnMut(&[f32], Option<&[f32]>, &mut [f32]),
    ) {
        let mut g = rows.start;
        while g < rows.end {
            let count = input.together(g).min(out.together(g)).min(rows.end - g);
            let count = others.first().map_or(count, |o| count.min(o.together(g)));
            work(input.rows(g, count), others.first().map(|o| o.rows(g, count)), out.rows(g, count));
            g += count;
        }
    }

    /// A convolution by tiles: bands of four rows from the top of each image on, whichever of their rows are wanted, so that
    /// the same numbers come out. As many bands at once as make the products worth while.
    fn tiles(
        &self,
        work: &ByTiles<'_>,
        rows: Range<usize>,
        input: &Rows<'_>,
        others: &[Rows<'_>],
        tiles: &mut Tiles,
        out: &mut RowsMut<'_>,
    ) {
        let (per_image, read) = (self.to.shape.rows, self.from.shape.rows);
        let across = self.to.shape.columns.div_ceil(TILE);
        let at_once = TILES.div_ceil(across).clamp(1, MOST_BANDS);
        let mut g = self.whole_tiles(&rows).start;
        while g < rows.end {
            let mut seen = [work.zeros; MOST_BANDS * SEEN];
            let (mut at, mut residual) = ([None; MOST_BANDS * TILE], [None; MOST_BANDS * TILE]);
            let mut bands = 0;
            while bands < at_once && g < rows.end {
                let (image, y) = (g / per_image, g % per_image);
                for r in 0..SEEN {
                    if let Some(row) = (y + r).checked_sub(work.before).filter(|&row| row < read) {
                        seen[bands * SEEN + r] = input.row(image * read + row);
                    }
                }
                let made = TILE.min(per_image - y);
                for r in (0..made).filter(|r| rows.contains(&(g + r))) {
                    at[bands * TILE + r] = Some(out.at(g + r));
                    residual[bands * TILE + r] = others.first().map(|o| o.row(g + r));
                }
                g += made;
                bands += 1;
            }
            let mut bands = Bands {
                rows: &seen[..bands * SEEN],
                columns: self.to.shape.columns,
                out: &mut *out.numbers,
                at: &at[..bands * TILE],
                residual: &residual[..bands * TILE],
            };
            winograd(work.weights, &mut bands, tiles, &self.activation, work.after);
        }
    }

    fn transposed(
        &self,
        weights: &[PackedWeights],
        [rows_of, columns_of]: [usize; 2],
        rows: Range<usize>,
        input: &Rows<'_>,
        out: &mut RowsMut<'_>,
    ) {
        for g in rows {
            let row = input.row(g / rows_of);
            for column in 0..columns_of {
                let pixels = Pixels {
                    count: self.from.shape.columns,
                    runs: &[row],
                    step: self.from.stored,
                    out_step: columns_of * self.to.stored,
                    residual: None,
                };
                let out = &mut out.rows(g, 1)[column * self.to.stored..];
                let weights = &weights[g % rows_of * columns_of + column];
                product(weights, &pixels, out, &self.activation, &Activation::None);
            }
        }
    }

    fn plain_row(&self, g: usize, input: &Rows<'_>, others: &[Rows<'_>], out: &mut [f32]) {
        let (from, to) = (self.from.stored, self.to.stored);
        match &self.kind {
            Kind::FromTensor(order) => self.read_tensor(*order, g, input.numbers, out),
            Kind::MaxPool(window) => {
                out.fill(f32::NEG_INFINITY);
                self.pool(*window, g, input, |row, pairs| larger(out, row, pairs));
            }
            Kind::SumPool(window, factor) => {
                out.fill(0.0);
                self.pool(*window, g, input, |row, pairs| accumulate(out, row, pairs));
                scale(out, *factor);
            }
            Kind::Add => sum(out, input.row(g), others.first().map_or(&[], |o| o.row(g))),
            Kind::Widen(before) => {
                out.fill(0.0);
                for (to, from) in out.chunks_exact_mut(to).zip(input.row(g).chunks_exact(from)) {
                    to[*before..][..self.from.shape.channels]
                        .copy_from_slice(&from[..self.from.shape.channels]);
                }
            }
            Kind::Pad(before) => {
                let (from, at) = (self.from.len(), before * to);
                out[..at].fill(0.0);
                out[at..][..from].copy_from_slice(input.row(g));
                out[at + from..].fill(0.0);
            }
            Kind::Gather(runs) => {
                out.fill(0.0);
                for run in runs {
                    let row = if run.input == 0 { input.row(g) } else { others[run.input - 1].row(g) };
                    for (to, from) in out.chunks_exact_mut(to).zip(row.chunks_exact(run.stored)) {
                        let to = to[run.to..].iter_mut().step_by(run.step);
                        to.zip(&from[run.from..][..run.count]).for_each(|(to, from)| *to = *from);
                    }
                }
            }
            _ => out.copy_from_slice(input.row(g)),
        }
        activate_row(self.isa, &self.activation, to, out);
    }

    fn pool(&self, window: Window, g: usize, input: &Rows<'_>, mut take: impl FnMut(&[f32], Pairs)) {
        let (width, count, stride) = (self.from.shape.columns, self.to.shape.columns, window.stride[1]);
        for row in self.under_each(window, g, input).flatten() {
            for column in 0..window.size[1] {
                // Windows of which this column lies within the row.
                let first = window.before[1].saturating_sub(column).div_ceil(stride);
                let end = (width + window.before[1]).saturating_sub(column).div_ceil(stride).min(count);
                if first < end {
                    let from = first * stride + column - window.before[1];
                    let pairs =
                        Pairs { out: first, from, stride, count: end - first, channels: self.to.stored };
                    take(row, pairs);
                }
            }
        }
    }

    fn read_tensor(&self, order: Order, g: usize, tensor: &[f32], out: &mut [f32]) {
        let Shape { rows, columns, channels, .. } = self.to.shape;
        let stored = self.to.stored;
        match order {
            Order::ChannelsLast => {
                let row = &tensor[g * columns * channels..][..columns * channels];
                if stored == channels {
                    out.copy_from_slice(row);
                    return;
                }
                for (to, from) in out.chunks_exact_mut(stored).zip(row.chunks_exact(channels)) {
                    to[..channels].copy_from_slice(from);
                    to[channels..].fill(0.0);
                }
            }
            Order::ChannelsFirst => {
                if stored > channels {
                    out.fill(0.0);
                }
                let (image, y) = (g / rows, g % rows);
                for channel in 0..channels {
                    let row = &tensor[((image * channels + channel) * rows + y) * columns..][..columns];
                    out.iter_mut().skip(channel).step_by(stored).zip(row).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }
}

fn activate_row(isa: Isa, activation: &Activation, stored: usize, row: &mut [f32]) {
    if *activation != Activation::None {
        activate(isa, activation, stored, row);
    }
}
