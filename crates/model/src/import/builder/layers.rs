//! Layers with weights or windows.

use tract_tflite::internal::tract_core::ops::cnn::{
    Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec, SumPool,
};
use tract_tflite::internal::tract_core::ops::einsum::EinSum;
use tract_tflite::internal::tract_core::ops::math;
use tract_tflite::internal::tract_core::ops::nn::{DataFormat, Reduce, Reducer};
use tract_tflite::internal::*;

use super::{Builder, Wire};

/// Strides and dilations, at most.
const MAX_STEP: usize = 1024;

/// How a window moves over a picture: down and to the right.
#[derive(Debug, Clone)]
pub(in crate::import) struct Geometry {
    pub(in crate::import) strides: [usize; 2],
    pub(in crate::import) dilations: [usize; 2],
    /// `SAME` of TensorFlow is [`PaddingSpec::SameUpper`]: what cannot be halved goes to the right and below.
    pub(in crate::import) padding: PaddingSpec,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import) enum Convolution {
    /// Kernel of height, width, channels in, channels out.
    Full,
    /// Kernel of height, width, channels, outputs of each channel.
    Depthwise,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import) enum PoolKind {
    Max,
    /// Of what lies within the picture.
    Mean,
}

impl Geometry {
    fn check(&self, picture: [usize; 4], window: [usize; 2]) -> TractResult<()> {
        for axis in 0..2 {
            let steps = [self.strides[axis], self.dilations[axis]];
            ensure!(
                steps.iter().all(|s| (1..=MAX_STEP).contains(s)),
                "a stride or dilation is not 1 to {MAX_STEP}: {:?}, {:?}",
                self.strides,
                self.dilations
            );
            ensure!((1..=1 << 16).contains(&window[axis]), "a window of {window:?} is too large");
            let reach = (window[axis] - 1) * self.dilations[axis] + 1;
            let around = match &self.padding {
                PaddingSpec::Explicit(before, after) => {
                    let (before, after) = (before[axis], after[axis]);
                    ensure!(
                        before < 1 << 16 && after < 1 << 16,
                        "a padding of {before} and {after} is too large"
                    );
                    before + after
                }
                PaddingSpec::SameUpper => reach,
                _ => 0,
            };
            let length = picture[1 + axis] + around;
            ensure!(reach <= length, "its window reaches over {reach} pixels, and there are {length}");
            // tract makes a table of the window's places.
            ensure!(
                reach <= 2 * length && window[0] * window[1] <= 1 << 16,
                "a window of {window:?} is too large"
            );
        }
        Ok(())
    }

    fn pool_spec(&self, window: [usize; 2], input_channels: usize, output_channels: usize) -> PoolSpec {
        PoolSpec {
            data_format: DataFormat::NHWC,
            kernel_shape: window.as_slice().into(),
            padding: self.padding.clone(),
            dilations: Some(self.dilations.as_slice().into()),
            strides: Some(self.strides.as_slice().into()),
            input_channels,
            output_channels,
        }
    }
}

impl Builder {
    /// A convolution of pictures with a constant kernel, and a number for each channel added.
    pub(in crate::import) fn convolve(
        &mut self,
        x: Wire,
        kernel: Wire,
        bias: Option<Wire>,
        geometry: &Geometry,
        kind: Convolution,
    ) -> TractResult<Wire> {
        let picture = self.picture(x)?;
        self.value(kernel)?;
        let shape = self.shape(kernel)?;
        let &[height, width, channels, last] = &shape[..] else {
            bail!("its kernel has shape {shape:?}, and four axes are needed");
        };
        ensure!(
            channels == picture[3],
            "its kernel is for {channels} channels, and its input has {}",
            picture[3]
        );
        ensure!(
            self.datum_type(kernel)?.is_float() && self.datum_type(x)?.is_float(),
            "it is of whole numbers"
        );
        geometry.check(picture, [height, width])?;
        let (group, outputs) = match kind {
            Convolution::Full => (1, last),
            Convolution::Depthwise => (channels, channels * last),
        };
        let bias = match bias {
            Some(bias) => {
                let shape = self.shape(bias)?;
                ensure!(shape == [outputs], "its bias has shape {shape:?}, and there are {outputs} channels");
                bias
            }
            None => self.constant(Tensor::zero::<f32>(&[outputs])?)?,
        };
        let pool_spec = geometry.pool_spec([height, width], channels, outputs);
        let conv = Conv { pool_spec, kernel_fmt: KernelFormat::HWIO, group, q_params: None };
        self.wire(conv, &[x, kernel, bias])
    }

    pub(in crate::import) fn pool(
        &mut self,
        x: Wire,
        kind: PoolKind,
        window: [usize; 2],
        geometry: &Geometry,
    ) -> TractResult<Wire> {
        let picture = self.picture(x)?;
        geometry.check(picture, window)?;
        let pool_spec = geometry.pool_spec(window, picture[3], picture[3]);
        match kind {
            PoolKind::Max => self.wire(MaxPool { pool_spec, with_index_outputs: None }, &[x]),
            PoolKind::Mean => {
                self.wire(SumPool { pool_spec, normalize: true, count_include_pad: false }, &[x])
            }
        }
    }

    /// The product of two matrices, each of which may be transposed first.
    pub(in crate::import) fn multiply(
        &mut self,
        [a, b]: [Wire; 2],
        [transpose_a, transpose_b]: [bool; 2],
        bias: Option<Wire>,
    ) -> TractResult<Wire> {
        let (a_shape, b_shape) = (self.shape(a)?, self.shape(b)?);
        ensure!(
            a_shape.len() == 2 && b_shape.len() == 2,
            "matrices are needed, not {a_shape:?} and {b_shape:?}"
        );
        let (inner, other) = (a_shape[1 - usize::from(transpose_a)], b_shape[usize::from(transpose_b)]);
        ensure!(inner == other, "matrices of {a_shape:?} and {b_shape:?} do not fit");
        let axes = format!(
            "{},{}->mn",
            if transpose_a { "km" } else { "mk" },
            if transpose_b { "nk" } else { "kn" }
        );
        let product = EinSum { axes: axes.parse()?, operating_dt: f32::datum_type(), q_params: None };
        let product = self.wire(product, &[a, b])?;
        match bias {
            Some(bias) => self.binary(math::add(), product, bias),
            None => Ok(product),
        }
    }

    /// (x − mean) / √(variance + epsilon) · scale + offset, for each channel. The four are scale, offset, mean and
    /// variance.
    pub(in crate::import) fn normalise(
        &mut self,
        x: Wire,
        parameters: &[Tensor; 4],
        epsilon: f32,
    ) -> TractResult<Wire> {
        let channels = self.shape(x)?.last().copied().unwrap_or_default();
        let numbers = |tensor: &Tensor| -> TractResult<Vec<f32>> {
            ensure!(
                tensor.shape() == [channels],
                "its parameters have shape {:?}, and there are {channels} channels",
                tensor.shape()
            );
            Ok(tensor.to_plain_array_view::<f32>()?.iter().copied().collect())
        };
        let [scale, offset, mean, variance] = parameters;
        let (scale, offset, mean, variance) =
            (numbers(scale)?, numbers(offset)?, numbers(mean)?, numbers(variance)?);
        let factor: Vec<f32> = scale.iter().zip(&variance).map(|(s, v)| s / (v + epsilon).sqrt()).collect();
        let added: Vec<f32> = offset.iter().zip(&mean).zip(&factor).map(|((o, m), f)| o - m * f).collect();
        let (factor, added) = (self.constant(tensor1(&factor))?, self.constant(tensor1(&added))?);
        let x = self.binary(math::mul(), x, factor)?;
        self.binary(math::add(), x, added)
    }

    /// Reduces these axes to length 1, or drops them.
    pub(in crate::import) fn reduce(
        &mut self,
        x: Wire,
        reducer: Reducer,
        axes: &[usize],
        keep: bool,
    ) -> TractResult<Wire> {
        let axes = distinct(axes);
        let mut x = self.wire(Reduce::new(axes.iter().copied().collect(), reducer), &[x])?;
        if !keep {
            for &axis in axes.iter().rev() {
                x = self.wire(AxisOp::Rm(axis), &[x])?;
            }
        }
        Ok(x)
    }

    pub(in crate::import) fn mean(&mut self, x: Wire, axes: &[usize], keep: bool) -> TractResult<Wire> {
        let shape = self.shape(x)?;
        let count: usize = distinct(axes).into_iter().map(|a| shape[a]).product();
        let sum = self.reduce(x, Reducer::Sum, axes, keep)?;
        self.with_number(math::mul(), sum, 1.0 / count as f32)
    }
}

/// Axes in their order, each once.
fn distinct(axes: &[usize]) -> Vec<usize> {
    let mut axes = axes.to_vec();
    axes.sort_unstable();
    axes.dedup();
    axes
}
