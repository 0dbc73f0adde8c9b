//! Operations that the executor knows.

use streamface_exec::{Activation, Layer, MOST_ROWS, Order, Shape, ValueId, Window};
use tract_onnx::tract_core::ops::array::{Pad, PadMode};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, KernelFormat, MaxPool, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::nn::{HardSwish, LeakyRelu, Reduce, Reducer};
use tract_tflite::internal::*;

use super::{Translation, channel_axis, shape};

/// What a window sees and makes.
struct Windowed {
    picture: ValueId,
    from: Shape,
    to: Shape,
    window: Window,
    order: Order,
}

impl Translation<'_> {
    /// Adds the layer that a node is; `false` where the executor knows none.
    pub(super) fn layer(&mut self, node: &TypedNode) -> TractResult<bool> {
        if let Some(op) = node.op_as::<Conv>() {
            return self.convolution(node, op);
        }
        if let Some(op) = node.op_as::<Deconv>() {
            return self.transposed(node, op);
        }
        if let Some(op) = node.op_as::<MaxPool>() {
            let known = op.with_index_outputs.is_none();
            return Ok(known && self.pool(node, &op.pool_spec, Layer::MaxPool)?);
        }
        if let Some(op) = node.op_as::<SumPool>() {
            let number: usize = op.pool_spec.kernel_shape.iter().product();
            let factor = if op.normalize { 1.0 / number as f32 } else { 1.0 };
            let inside = |w: &Window, from: Shape, to: Shape| {
                w.before == [0, 0]
                    && (to.rows - 1) * w.stride[0] + w.size[0] <= from.rows
                    && (to.columns - 1) * w.stride[1] + w.size[1] <= from.columns
            };
            if op.normalize && !op.count_include_pad {
                let Some(Windowed { from, to, window, .. }) = self.windowed(node, &op.pool_spec)? else {
                    return Ok(false);
                };
                if !inside(&window, from, to) {
                    return Ok(false);
                }
            }
            return self.pool(node, &op.pool_spec, |window| Layer::SumPool(window, factor));
        }
        if let Some(op) = node.op_as::<TypedBinOp>() {
            return self.binary(node, op.0.name());
        }
        if let Some(op) = node.op_as::<ElementWiseOp>() {
            return self.unary(node, op);
        }
        if let Some(op) = node.op_as::<EinSum>() {
            return self.dense(node, op);
        }
        if let Some(op) = node.op_as::<Reduce>() {
            return self.reduce(node, op);
        }
        if let Some(op) = node.op_as::<Pad>() {
            return self.widen(node, op);
        }
        if node.op_as::<AxisOp>().is_some() {
            return self.same_pixel(node);
        }
        Ok(false)
    }

    /// The picture that a convolution reads where it reads one with rows and columns of zeros around it, and the rows
    /// and columns before.
    pub(super) fn padded(&self, node: &TypedNode) -> Option<(OutletId, [usize; 2])> {
        let op = node.op_as::<Conv>()?;
        let pad = self.model.node(node.inputs.first()?.node);
        let Pad { pads, mode: PadMode::Constant(zero) } = pad.op_as::<Pad>()? else { return None };
        let axes = if op.pool_spec.data_format.c_is_last() { [1, 2] } else { [2, 3] };
        let known = pads.len() == 4
            && zero.cast_to_scalar::<f32>().ok()? == 0.0
            && (0..4).all(|a| axes.contains(&a) || pads[a] == (0, 0))
            && !op.pool_spec.rank().ne(&2);
        known.then(|| (pad.inputs[0], axes.map(|a| pads[a].0)))
    }

    fn windowed(&mut self, node: &TypedNode, spec: &PoolSpec) -> TractResult<Option<Windowed>> {
        let plain = spec.rank() == 2
            && spec.data_format.has_n()
            && spec.dilations().iter().all(|&d| d == 1)
            && spec.kernel_shape[0] <= MOST_ROWS;
        if !plain {
            return Ok(None);
        }
        let order = if spec.data_format.c_is_last() { Order::ChannelsLast } else { Order::ChannelsFirst };
        let seen = self.dimensions(node.inputs[0])?;
        let (outlet, more) = self.padded(node).unwrap_or((node.inputs[0], [0, 0]));
        let Some((picture, from)) = self.picture(outlet, order)? else { return Ok(None) };
        let Some(to) = shape(self.dimensions(OutletId::new(node.id, 0))?, order) else { return Ok(None) };
        let Some(seen) = shape(seen, order) else { return Ok(None) };
        let padding = spec.computed_padding(&[seen.rows, seen.columns]);
        let window = Window {
            size: [spec.kernel_shape[0], spec.kernel_shape[1]],
            stride: [spec.stride(0), spec.stride(1)],
            before: [padding[0].pad_before + more[0], padding[1].pad_before + more[1]],
        };
        Ok(Some(Windowed { picture, from, to, window, order }))
    }

    fn pool(
        &mut self,
        node: &TypedNode,
        spec: &PoolSpec,
        layer: impl FnOnce(Window) -> Layer,
    ) -> TractResult<bool> {
        let Some(Windowed { picture, to, window, order, .. }) = self.windowed(node, spec)? else {
            return Ok(false);
        };
        if window.before.iter().zip(window.size).any(|(&b, s)| b >= s) {
            return Ok(false);
        }
        self.add(node, layer(window), &[picture], to, order)
    }

    fn convolution(&mut self, node: &TypedNode, op: &Conv) -> TractResult<bool> {
        let Some(Windowed { picture, from, to, window, order }) = self.windowed(node, &op.pool_spec)? else {
            return Ok(false);
        };
        let (Some(kernel), None) = (self.constants.get(node.inputs[1]), op.q_params) else {
            return Ok(false);
        };
        let kernel = kernel.clone();
        let Some(bias) = self.bias(node, to.channels) else { return Ok(false) };
        let [rows, columns] = window.size;
        if window.before.iter().zip(window.size).any(|(&b, s)| b >= s) {
            return Ok(false);
        }
        let layer = if op.group == 1 {
            let weights = reordered(&kernel, op.kernel_fmt, rows, columns, from.channels, to.channels)?;
            Layer::Convolution { weights, bias, window }
        } else if op.group == from.channels && to.channels == from.channels {
            // One weight of each place and channel, whatever the axis of one is called.
            let [inputs, outputs] =
                if op.kernel_fmt == KernelFormat::OIHW { [1, to.channels] } else { [to.channels, 1] };
            let weights = reordered(&kernel, op.kernel_fmt, rows, columns, inputs, outputs)?;
            Layer::Depthwise { weights, bias, window }
        } else {
            return Ok(false);
        };
        self.add(node, layer, &[picture], to, order)
    }

    /// The bias of a convolution: one number for all, or one for each channel.
    fn bias(&self, node: &TypedNode, channels: usize) -> Option<Vec<f32>> {
        let mut bias = self.constants.numbers(*node.inputs.get(2)?)?;
        if bias.len() == 1 {
            bias = vec![bias[0]; channels];
        }
        (bias.len() == channels).then_some(bias)
    }

    fn transposed(&mut self, node: &TypedNode, op: &Deconv) -> TractResult<bool> {
        let spec = &op.pool_spec;
        let known = op.group == 1
            && spec.rank() == 2
            && spec.data_format.has_n()
            && spec.dilations().iter().all(|&d| d == 1)
            && op.adjustments.iter().all(|&a| a == 0)
            && spec.strides()[..] == spec.kernel_shape[..];
        if !known {
            return Ok(false);
        }
        let order = if spec.data_format.c_is_last() { Order::ChannelsLast } else { Order::ChannelsFirst };
        let size = [spec.kernel_shape[0], spec.kernel_shape[1]];
        let Some((picture, from)) = self.picture(node.inputs[0], order)? else { return Ok(false) };
        let Some(to) = shape(self.dimensions(OutletId::new(node.id, 0))?, order) else { return Ok(false) };
        let unpadded = to.rows == from.rows * size[0] && to.columns == from.columns * size[1];
        let (Some(kernel), true) = (self.constants.get(node.inputs[1]), unpadded) else { return Ok(false) };
        let weights = reordered(kernel, op.kernel_format, size[0], size[1], from.channels, to.channels)?;
        let Some(bias) = self.bias(node, to.channels) else { return Ok(false) };
        self.add(node, Layer::Transposed { weights, bias, size }, &[picture], to, order)
    }

    fn binary(&mut self, node: &TypedNode, name: &str) -> TractResult<bool> {
        let &[a, b] = &node.inputs[..] else { return Ok(false) };
        match (self.constants.get(a).is_some(), self.constants.get(b).is_some()) {
            (false, false) => self.sum(node, name, a, b),
            (false, true) => self.with_constant(node, name, a, b, false),
            (true, false) => self.with_constant(node, name, b, a, true),
            (true, true) => Ok(false),
        }
    }

    fn sum(&mut self, node: &TypedNode, name: &str, a: OutletId, b: OutletId) -> TractResult<bool> {
        let (Some((a, shape, order)), Some((b, other, _))) = (self.known_picture(a), self.known_picture(b))
        else {
            return Ok(false);
        };
        if name != "Add" || shape != other || a == b {
            return Ok(false);
        }
        self.add(node, Layer::Add, &[a, b], shape, order)
    }

    fn with_constant(
        &mut self,
        node: &TypedNode,
        name: &str,
        of: OutletId,
        constant: OutletId,
        swapped: bool,
    ) -> TractResult<bool> {
        let Some((picture, shape, order)) = self.known_picture(of) else { return Ok(false) };
        let rank = self.dimensions(of)?.len();
        let channels =
            || self.constants.of_channels(constant, channel_axis(order, rank), rank, shape.channels);
        let number = self.constants.number(constant);
        let (ones, zeros) = (vec![1.0; shape.channels], vec![0.0; shape.channels]);
        let activation = match (name, swapped) {
            ("Max", _) => number.map(|low| Activation::Clamp(low, f32::INFINITY)),
            ("Min", _) => number.map(|high| Activation::Clamp(f32::NEG_INFINITY, high)),
            ("Add", _) => channels().map(|c| Activation::Affine(ones, c)),
            ("Sub", false) => channels().map(|c| Activation::Affine(ones, c.iter().map(|x| -x).collect())),
            ("Sub", true) => channels().map(|c| Activation::Affine(vec![-1.0; shape.channels], c)),
            ("Mul", _) => channels().map(|c| Activation::Affine(c, zeros)),
            ("Div", false) => {
                channels().map(|c| Activation::Affine(c.iter().map(|x| 1.0 / x).collect(), zeros))
            }
            _ => None,
        };
        // What a constant makes larger is another picture.
        let same = self.dimensions(OutletId::new(node.id, 0))? == self.dimensions(of)?;
        match activation {
            Some(activation) if same => {
                self.add(node, Layer::Activation(activation), &[picture], shape, order)
            }
            _ => Ok(false),
        }
    }

    fn unary(&mut self, node: &TypedNode, op: &ElementWiseOp) -> TractResult<bool> {
        let Some((picture, shape, order)) = self.known_picture(node.inputs[0]) else { return Ok(false) };
        let activation = if op.0.is::<HardSwish>() {
            Activation::HardSwish
        } else if let Some(leaky) = op.0.downcast_ref::<LeakyRelu>() {
            Activation::Slopes(vec![leaky.alpha; shape.channels])
        } else {
            return Ok(false);
        };
        self.add(node, Layer::Activation(activation), &[picture], shape, order)
    }

    /// A product with a constant matrix: a convolution of one pixel.
    fn dense(&mut self, node: &TypedNode, op: &EinSum) -> TractResult<bool> {
        let &[a, b] = &node.inputs[..] else { return Ok(false) };
        let (None, Some(matrix), None) = (self.constants.get(a), self.constants.get(b), op.q_params) else {
            return Ok(false);
        };
        let matrix = matrix.clone();
        let axes = op.axes.to_string();
        let Some((left, right, result)) = equation(&axes) else { return Ok(false) };
        let &[m, k] = &left[..] else { return Ok(false) };
        let &[n] = &result.iter().copied().filter(|&c| c != m).collect::<Vec<_>>()[..] else {
            return Ok(false);
        };
        let rows_first = right == [k, n];
        if result != [m, n] || !(rows_first || right == [n, k]) {
            return Ok(false);
        }
        let Some((picture, from)) = self.picture(a, Order::ChannelsLast)? else { return Ok(false) };
        let Some(to) = shape(self.dimensions(OutletId::new(node.id, 0))?, Order::ChannelsLast) else {
            return Ok(false);
        };
        // As the weights of a convolution of one pixel.
        let (rows, columns) = (matrix.shape()[0], matrix.shape()[1]);
        let format = if rows_first { KernelFormat::HWIO } else { KernelFormat::OIHW };
        let four = if rows_first { [1, 1, rows, columns] } else { [rows, columns, 1, 1] };
        let matrix = matrix.into_tensor().into_shape(&four)?;
        let layer = Layer::Convolution {
            weights: reordered(&matrix, format, 1, 1, from.channels, to.channels)?,
            bias: vec![0.0; to.channels],
            window: Window::PIXEL,
        };
        self.add(node, layer, &[picture], to, Order::ChannelsLast)
    }

    /// A sum over all pixels.
    fn reduce(&mut self, node: &TypedNode, op: &Reduce) -> TractResult<bool> {
        let Some((picture, shape, order)) = self.known_picture(node.inputs[0]) else { return Ok(false) };
        let pixels = if order == Order::ChannelsLast { [1, 2] } else { [2, 3] };
        let whole = self.dimensions(node.inputs[0])?.len() == 4 && op.axes[..] == pixels;
        if !matches!(op.reducer, Reducer::Sum) || !whole || shape.rows > MOST_ROWS {
            return Ok(false);
        }
        let size = [shape.rows, shape.columns];
        let window = Window { size, stride: size, before: [0, 0] };
        let to = Shape { rows: 1, columns: 1, ..shape };
        self.add(node, Layer::SumPool(window, 1.0), &[picture], to, order)
    }

    /// Channels of zeros.
    fn widen(&mut self, node: &TypedNode, op: &Pad) -> TractResult<bool> {
        let Some((picture, from, order)) = self.known_picture(node.inputs[0]) else { return Ok(false) };
        let PadMode::Constant(zero) = &op.mode else { return Ok(false) };
        let axis = channel_axis(order, op.pads.len());
        let only = op.pads.iter().enumerate().all(|(a, &p)| a == axis || p == (0, 0));
        if op.pads.len() != 4 || !only || zero.cast_to_scalar::<f32>()? != 0.0 {
            return Ok(false);
        }
        let (before, after) = op.pads[axis];
        let to = Shape { channels: from.channels + before + after, ..from };
        self.add(node, Layer::Widen(before), &[picture], to, order)
    }

    /// A picture of one pixel whose axes of one come or go is the same picture.
    fn same_pixel(&mut self, node: &TypedNode) -> TractResult<bool> {
        let Some((picture, from, order)) = self.known_picture(node.inputs[0]) else { return Ok(false) };
        let to = self.dimensions(OutletId::new(node.id, 0))?;
        let plain: Vec<usize> = to.iter().copied().filter(|&d| d != 1).collect();
        let numbers: Vec<usize> = [from.images, from.channels].into_iter().filter(|&d| d != 1).collect();
        let ends = to.first() == Some(&from.images)
            && (to.len() != 4 || shape(to, order).is_some_and(|s| s.rows * s.columns == 1));
        let moved = matches!(node.op_as::<AxisOp>(), Some(AxisOp::Move(..)));
        if from.rows * from.columns != 1 || plain != numbers || !ends || moved {
            return Ok(false);
        }
        self.pictures.insert(OutletId::new(node.id, 0), (picture, order));
        Ok(true)
    }
}

/// The letters of the two inputs and the result of `ab,bc->ac`.
fn equation(axes: &str) -> Option<(Vec<char>, Vec<char>, Vec<char>)> {
    let (inputs, result) = axes.split_once("->")?;
    let (left, right) = inputs.split_once(',')?;
    let letters = |text: &str| text.chars().collect();
    Some((letters(left), letters(right), letters(result)))
}

/// Weights as row, column, channel of the input, channel of the output.
fn reordered(
    kernel: &Tensor,
    format: KernelFormat,
    rows: usize,
    columns: usize,
    inputs: usize,
    outputs: usize,
) -> TractResult<Vec<f32>> {
    // Of each axis of the result, from a number to the next in the file.
    let (shape, steps) = match format {
        KernelFormat::OIHW => {
            ([outputs, inputs, rows, columns], [columns, 1, rows * columns, inputs * rows * columns])
        }
        KernelFormat::HWIO => {
            ([rows, columns, inputs, outputs], [columns * inputs * outputs, inputs * outputs, outputs, 1])
        }
        KernelFormat::OHWI => {
            ([outputs, rows, columns, inputs], [columns * inputs, inputs, 1, rows * columns * inputs])
        }
    };
    ensure!(kernel.shape() == shape, "weights of shape {:?}, not {shape:?}", kernel.shape());
    let view = kernel.to_plain_array_view::<f32>()?;
    let numbers = view.as_slice().context("weights that do not lie one after another")?;
    let mut all = Vec::with_capacity(numbers.len());
    for row in 0..rows {
        for column in 0..columns {
            for input in 0..inputs {
                let first = row * steps[0] + column * steps[1] + input * steps[2];
                all.extend(numbers.get(first..).unwrap_or_default().iter().step_by(steps[3]).take(outputs));
            }
        }
    }
    Ok(all)
}
