//! A step that makes rows of a picture from rows of another.

mod run;

use std::ops::Range;

use streamface_kernels::Isa;
use streamface_kernels::conv::{
    Activation, ByteWeights, DepthwiseWeights, PackedWeights, TILE, WinogradWeights,
};

use crate::fuse::{Step, Work};
use crate::layer::{Order, Shape, Window};
use crate::options::{Options, Precision};
use crate::rows::Rows;
pub(crate) use run::Scratch;

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
