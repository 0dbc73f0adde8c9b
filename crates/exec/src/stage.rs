//! A step that makes rows of a picture from rows of another.

use std::ops::Range;

use streamface_kernels::Isa;
use streamface_kernels::conv::{
    Activation, Bands, ByteOutput, BytePixels, ByteWeights, DepthwiseWeights, PackedWeights, Pairs, Pixels,
    SEEN, TILE, Tiles, Windows, WinogradWeights, accumulate, activate, byte_product, depthwise, larger,
    product, scale, sum, winograd,
};

use crate::fuse::{Step, Work};
use crate::layer::{MOST_ROWS, Order, Shape, Window};
use crate::options::{Options, Precision};
use crate::rows::{Rows, RowsMut};

/// Pixels that become bytes at once: eight tiles, which stay in the cache with the weights.
const BYTE_PIXELS: usize = 112;
/// Tiles that are transformed at once, at least, where there are as many.
const TILES: usize = 28;
/// Bands of tiles at once, at most.
const MOST_BANDS: usize = 8;

/// A picture and the room that a pixel takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub(crate) shape: Shape,
    /// Numbers from a pixel to the next.
    pub(crate) stored: usize,
}

impl Geometry {
    /// Numbers of a row.
    pub(crate) fn len(&self) -> usize {
        self.shape.columns * self.stored
    }

    /// Rows of all images.
    pub(crate) fn rows(&self) -> usize {
        self.shape.images * self.shape.rows
    }
}

#[derive(Debug)]
enum Kind {
    FromTensor(Order),
    Product {
        weights: PackedWeights,
        window: Window,
        after: Activation,
        zeros: Vec<f32>,
    },
    /// A convolution of one pixel in whole numbers.
    Bytes {
        weights: ByteWeights,
        after: Activation,
        /// Whether its input may have numbers below 0.
        signed: bool,
    },
    /// A convolution of 3 x 3 by tiles.
    Winograd {
        weights: WinogradWeights,
        window: Window,
        after: Activation,
        zeros: Vec<f32>,
    },
    Depthwise {
        weights: DepthwiseWeights,
        window: Window,
    },
    /// The weights of each place that a pixel makes, row by row.
    Transposed {
        weights: Vec<PackedWeights>,
        size: [usize; 2],
    },
    MaxPool(Window),
    SumPool(Window, f32),
    Add,
    Widen(usize),
    Pad(usize),
    Activation,
    Gather(Vec<Run>),
}

/// Channels of a picture that follow each other, and where they go: each so many channels after the last.
#[derive(Debug)]
struct Run {
    input: usize,
    stored: usize,
    from: usize,
    count: usize,
    to: usize,
    step: usize,
}

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

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) name: String,
    kind: Kind,
    isa: Isa,
    pub(crate) from: Geometry,
    pub(crate) to: Geometry,
    activation: Activation,
}

impl Stage {
    /// `None` for what makes no picture.
    pub(crate) fn new(step: Step, options: Options, inputs: &[Geometry], to: Geometry) -> Option<Self> {
        let Options { isa, precision, .. } = options;
        let (&from, stored) = (inputs.first()?, to.stored);
        let kind = match step.work {
            Work::FromTensor(order) => Kind::FromTensor(order),
            Work::Convolution { weights, bias, window: Window::PIXEL, after }
                if in_bytes(precision, from, to) =>
            {
                let weights = with_room(&weights, from, bias.len());
                let weights = ByteWeights::new(isa, &weights, &bias, from.stored);
                Kind::Bytes { weights, after: after.padded(stored), signed: step.signed }
            }
            Work::Convolution { weights, bias, window, after } if by_tiles(window, from, to) => {
                let weights = with_room(&weights, from, bias.len());
                let weights = WinogradWeights::new(isa, &weights, &bias, from.stored);
                Kind::Winograd { weights, window, after: after.padded(stored), zeros: vec![0.0; from.len()] }
            }
            Work::Convolution { weights, bias, window, after } => {
                let run = window.size[1] * from.stored;
                let weights = with_room(&weights, from, bias.len());
                let weights = PackedWeights::new(isa, &weights, &bias, window.size[0], run);
                let zeros = if window == Window::PIXEL { Vec::new() } else { vec![0.0; from.len()] };
                Kind::Product { weights, window, after: after.padded(stored), zeros }
            }
            Work::Depthwise { weights, bias, window } => {
                let weights = DepthwiseWeights::new(isa, &weights, &bias, window.size[0], window.size[1]);
                Kind::Depthwise { weights, window }
            }
            Work::Transposed { weights, bias, size } => {
                let weights = with_room(&weights, from, bias.len());
                let one = |place: &[f32]| PackedWeights::new(isa, place, &bias, 1, from.stored);
                Kind::Transposed {
                    weights: weights.chunks(from.stored * bias.len()).map(one).collect(),
                    size,
                }
            }
            Work::MaxPool(window) => Kind::MaxPool(window),
            Work::SumPool(window, factor) => Kind::SumPool(window, factor),
            Work::Add => Kind::Add,
            Work::Widen(before) => Kind::Widen(before),
            Work::Pad([before, _]) => Kind::Pad(before),
            Work::Activation => Kind::Activation,
            Work::Gather(channels) => Kind::Gather(runs(&channels, inputs)),
            Work::ToTensor { .. } | Work::Function(_) => return None,
        };
        Some(Self { name: step.name, kind, isa, from, to, activation: step.activation.padded(stored) })
    }

    /// Bytes of its weights.
    pub(crate) fn weights(&self) -> usize {
        let numbers = match &self.kind {
            Kind::Bytes { weights, .. } => return weights.products(),
            Kind::Winograd { weights, .. } => weights.numbers(),
            Kind::Product { weights, .. } => weights.products(),
            Kind::Depthwise { weights, window } => window.size[0] * window.size[1] * weights.stored(),
            Kind::Transposed { weights, .. } => weights.iter().map(PackedWeights::products).sum(),
            _ => 0,
        };
        numbers * size_of::<f32>()
    }

    /// Multiplications of a run.
    pub(crate) fn products(&self) -> usize {
        let pixels = self.to.rows() * self.to.shape.columns;
        match &self.kind {
            Kind::Product { weights, window, .. } => {
                pixels * window.size[0] * window.size[1] * self.from.shape.channels * weights.channels()
            }
            Kind::Winograd { weights, .. } => pixels * 9 * self.from.shape.channels * weights.channels(),
            Kind::Bytes { weights, .. } => pixels * self.from.shape.channels * weights.channels(),
            Kind::Depthwise { window, .. } => {
                pixels * window.size[0] * window.size[1] * self.to.shape.channels
            }
            Kind::Transposed { .. } => pixels * self.from.shape.channels * self.to.shape.channels,
            _ => 0,
        }
    }

    fn window(&self) -> Option<Window> {
        match &self.kind {
            Kind::Product { window, .. } | Kind::Winograd { window, .. } | Kind::Depthwise { window, .. } => {
                Some(*window)
            }
            Kind::MaxPool(window) | Kind::SumPool(window, _) => Some(*window),
            _ => None,
        }
    }

    /// Rows of a window beyond one: what a row of the result shares with the next.
    pub(crate) fn reach(&self) -> usize {
        self.window().map_or(0, |w| w.size[0].saturating_sub(w.stride[0]))
    }

    /// The rows of the input that these rows of the result are made of.
    pub(crate) fn needed(&self, rows: Range<usize>) -> Range<usize> {
        if let Kind::Transposed { size, .. } = &self.kind {
            return rows.start / size[0]..(rows.end - 1) / size[0] + 1;
        }
        let Some(window) = self.window() else { return rows };
        let rows = self.whole_tiles(&rows);
        self.under(window, rows.start).start..self.under(window, rows.end - 1).end
    }

    /// These rows, and those that are made with them at any rate.
    fn whole_tiles(&self, rows: &Range<usize>) -> Range<usize> {
        if !matches!(self.kind, Kind::Winograd { .. }) {
            return rows.clone();
        }
        let all = self.to.shape.rows;
        rows.start - rows.start % all % TILE..self.rounded(rows.end)
    }

    /// The end of the rows that are made with those up to `end` at any rate.
    pub(crate) fn rounded(&self, end: usize) -> usize {
        if !matches!(self.kind, Kind::Winograd { .. }) || end == 0 {
            return end;
        }
        let (image, y) = ((end - 1) / self.to.shape.rows, (end - 1) % self.to.shape.rows);
        image * self.to.shape.rows + (y / TILE * TILE + TILE).min(self.to.shape.rows)
    }

    /// The rows of the input under the window that makes row `g`.
    fn under(&self, window: Window, g: usize) -> Range<usize> {
        let (image, y) = (g / self.to.shape.rows, g % self.to.shape.rows);
        let (top, all) = (y * window.stride[0], self.from.shape.rows);
        let end = (top + window.size[0]).saturating_sub(window.before[0]).min(all);
        image * all + top.saturating_sub(window.before[0]).min(end)..image * all + end
    }

    /// The rows under each row of the window that makes row `g`: `None` beyond the edges.
    fn under_each<'a>(
        &self,
        window: Window,
        g: usize,
        input: &Rows<'a>,
    ) -> impl Iterator<Item = Option<&'a [f32]>> {
        let (image, y) = (g / self.to.shape.rows, g % self.to.shape.rows);
        let (all, input) = (self.from.shape.rows, *input);
        (0..window.size[0]).map(move |r| {
            let row = (y * window.stride[0] + r).checked_sub(window.before[0]).filter(|&row| row < all)?;
            Some(input.row(image * all + row))
        })
    }

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

/// Whether a convolution of one pixel is done in whole numbers: not those of few channels, which gain nothing and are the
/// network's first and last.
fn in_bytes(precision: Precision, from: Geometry, to: Geometry) -> bool {
    precision == Precision::Int8 && from.stored.is_multiple_of(8) && from.stored >= 16 && to.stored >= 24
}

/// Whether a convolution is done by tiles: of 3 x 3 at every pixel, on a picture of enough tiles that the weights, four times as
/// many, are not all that is read.
fn by_tiles(window: Window, from: Geometry, to: Geometry) -> bool {
    let Shape { rows, columns, channels, .. } = to.shape;
    window.size == [3, 3]
        && window.stride == [1, 1]
        && from.shape.columns == columns + 2
        && from.stored.is_multiple_of(8)
        && from.shape.channels >= 16
        && channels >= 16
        && rows.div_ceil(TILE) * columns.div_ceil(TILE) >= 20
}

fn activate_row(isa: Isa, activation: &Activation, stored: usize, row: &mut [f32]) {
    if *activation != Activation::None {
        activate(isa, activation, stored, row);
    }
}

/// Weights of a convolution whose input has room for more channels than it has: the weights of those are 0.
fn with_room(weights: &[f32], from: Geometry, out: usize) -> Vec<f32> {
    let channels = from.shape.channels;
    let mut all = Vec::with_capacity(weights.len() / channels * from.stored);
    for place in weights.chunks(channels * out) {
        all.extend_from_slice(place);
        all.resize(all.len() + (from.stored - channels) * out, 0.0);
    }
    all
}

/// Channels that follow each other in an input and have the same distance in the result, taken together.
fn runs(channels: &[(usize, usize)], inputs: &[Geometry]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (to, &(input, from)) in channels.iter().enumerate() {
        let next = runs.iter_mut().rev().find(|run| {
            let last = run.to + (run.count - 1) * run.step;
            run.input == input && run.from + run.count == from && (run.count == 1 || to - last == run.step)
        });
        match next {
            Some(run) => {
                run.step = to - (run.to + (run.count - 1) * run.step);
                run.count += 1;
            }
            None => runs.push(Run { input, stored: inputs[input].stored, from, count: 1, to, step: 1 }),
        }
    }
    runs
}
