//! Operations that move numbers about.

use tract_tflite::internal::tract_core::ops::Downsample;
use tract_tflite::internal::tract_core::ops::array::{Pad, PadMode, Slice, TypedConcat};
use tract_tflite::internal::tract_core::ops::change_axes::perm_to_ops;
use tract_tflite::internal::tract_core::ops::nn::{CoordTransformer, Interpolator, Nearest, Resize};
use tract_tflite::internal::*;

use super::{Builder, Wire};

impl Builder {
    /// The same numbers in another shape; one length may be −1, which is what is left.
    pub(in crate::import) fn reshape(&mut self, x: Wire, shape: &[i64]) -> TractResult<Wire> {
        let from = self.shape(x)?;
        let numbers: usize = from.iter().product();
        let known = shape.iter().filter(|&&d| d != -1).try_fold(1_usize, |n, &d| {
            let d = usize::try_from(d).ok().filter(|&d| d > 0)?;
            n.checked_mul(d)
        });
        let known = known.with_context(|| format!("{shape:?} is no shape"))?;
        let fits = match shape.iter().filter(|&&d| d == -1).count() {
            0 => known == numbers,
            1 => numbers.is_multiple_of(known),
            _ => false,
        };
        ensure!(fits, "{numbers} numbers of shape {from:?} do not fit into shape {shape:?}");
        let to = shape.iter().map(|&d| if d == -1 { numbers / known } else { d as usize }.to_dim());
        let (from, to) = (from.iter().map(|d| d.to_dim()).collect(), to.collect());
        self.wire(AxisOp::Reshape(0, from, to), &[x])
    }

    pub(in crate::import) fn transpose(&mut self, mut x: Wire, order: &[usize]) -> TractResult<Wire> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        ensure!(sorted.iter().copied().eq(0..self.rank(x)?), "{order:?} is no order of its axes");
        for op in perm_to_ops(order) {
            x = self.wire(op, &[x])?;
        }
        Ok(x)
    }

    pub(in crate::import) fn concatenate(&mut self, parts: &[Wire], axis: usize) -> TractResult<Wire> {
        match parts {
            [] => bail!("it joins nothing"),
            [one] => Ok(*one),
            parts => self.wire(TypedConcat { axis }, parts),
        }
    }

    /// From `start` up to `end` of an axis, each `step`-th.
    pub(in crate::import) fn slice(
        &mut self,
        x: Wire,
        axis: usize,
        [start, end]: [usize; 2],
        step: usize,
    ) -> TractResult<Wire> {
        let length = self.shape(x)?[axis];
        ensure!(start < end && end <= length && step > 0, "it takes {start} to {end} of {length}");
        let x = if (start, end) == (0, length) { x } else { self.wire(Slice::new(axis, start, end), &[x])? };
        if step == 1 {
            return Ok(x);
        }
        self.wire(Downsample { axis, stride: isize::try_from(step)?, modulo: 0 }, &[x])
    }

    /// Numbers before and after on each axis: `mode` says which.
    pub(in crate::import) fn pad(
        &mut self,
        x: Wire,
        pads: Vec<(usize, usize)>,
        mode: PadMode,
    ) -> TractResult<Wire> {
        let shape = self.shape(x)?;
        ensure!(pads.len() == shape.len(), "it pads {} axes of {}", pads.len(), shape.len());
        for (&(before, after), &length) in pads.iter().zip(&shape) {
            ensure!(before < 1 << 16 && after < 1 << 16, "a padding of {before} and {after} is too large");
            let mirrored = mode == PadMode::Reflect;
            ensure!(!mirrored || before.max(after) < length, "it mirrors more than there is");
        }
        if pads.iter().all(|&p| p == (0, 0)) {
            return Ok(x);
        }
        self.wire(Pad { pads, mode }, &[x])
    }

    /// Pictures in another size, as TensorFlow does it.
    pub(in crate::import) fn resize(
        &mut self,
        x: Wire,
        [height, width]: [usize; 2],
        interpolator: Interpolator,
        [align_corners, half_pixel_centers]: [bool; 2],
    ) -> TractResult<Wire> {
        let [batch, _, _, channels] = self.picture(x)?;
        let linear = interpolator == Interpolator::Linear;
        let coord_transformer = match (align_corners, half_pixel_centers) {
            (true, _) => CoordTransformer::AlignCorners,
            (_, true) if linear => CoordTransformer::HalfPixel,
            (_, true) => CoordTransformer::TfHalfPixelForNn,
            _ => CoordTransformer::Asymmetric,
        };
        let nearest = if align_corners { Nearest::RoundPreferCeil } else { Nearest::Floor };
        let sizes = [batch, height, width, channels].map(|d| d as i64);
        let sizes = self.constant(tensor1(&sizes))?;
        let resize = Resize {
            coord_transformer,
            interpolator,
            nearest,
            optional_scales_input: None,
            optional_sizes_input: Some(1),
        };
        self.wire(resize, &[x, sizes])
    }
}
