//! TensorFlow Lite files that tract-tflite does not read, operator by operator: networks of f32 with NEG, which is how
//! TensorFlow 1 writes a PReLU, and with a dense layer over a picture.

use std::collections::HashMap;

use tract_tflite::internal::tract_core::ops::cnn::PaddingSpec;
use tract_tflite::internal::tract_core::ops::math;
use tract_tflite::internal::tract_core::ops::nn::Reducer;
use tract_tflite::internal::*;
use tract_tflite::tflite::{
    ActivationFunctionType, BuiltinOperator as Op, Model, Operator, Padding, SubGraph, TensorType,
    root_as_model,
};

use super::builder::{Activation, Builder, Convolution, Geometry, MAX_NODES, PoolKind, Wire, axis_of};

/// The network in `file` for an input of shape `input`, with the outputs that the file declares.
pub(super) fn import(file: &[u8], input: &[usize]) -> TractResult<TypedModel> {
    let model = root_as_model(file)?;
    let graphs = model.subgraphs().filter(|g| !g.is_empty()).context("no graph in the file")?;
    let graph = graphs.get(0);
    let inputs = graph.inputs().filter(|i| i.len() == 1).context("more or less than one input")?;
    let (builder, x) = Builder::new("input", input)?;
    let mut reader = Reader { model, graph, builder, wires: HashMap::from([(inputs.get(0), x)]) };
    let operators = graph.operators().context("no operators in the file")?;
    ensure!(operators.len() < MAX_NODES, "{} operators are too many", operators.len());
    for (at, operator) in operators.iter().enumerate() {
        let code = reader.code(&operator)?;
        let named = || format!("operator {at} ({})", code.variant_name().unwrap_or("of a later version"));
        reader.builder.enter(&format!("{at}"));
        let wire = reader.operator(&operator, code).with_context(named)?;
        let output = operator.outputs().filter(|o| o.len() == 1).context("an operator of several outputs")?;
        reader.wires.insert(output.get(0), wire);
    }
    let outputs = graph.outputs().context("no outputs in the file")?;
    let outputs: TractResult<Vec<Wire>> = outputs
        .iter()
        .map(|o| reader.wires.get(&o).copied().context("an output that nothing gives"))
        .collect();
    reader.builder.finish(&outputs?)
}

struct Reader<'f> {
    model: Model<'f>,
    graph: SubGraph<'f>,
    builder: Builder,
    /// By the number of the tensor.
    wires: HashMap<i32, Wire>,
}

impl Reader<'_> {
    fn code(&self, operator: &Operator<'_>) -> TractResult<Op> {
        let codes = self.model.operator_codes().context("no operator codes in the file")?;
        let at = operator.opcode_index() as usize;
        ensure!(at < codes.len(), "an operator of code {at} of {}", codes.len());
        let (old, new) = (i32::from(codes.get(at).deprecated_builtin_code()), codes.get(at).builtin_code());
        Ok(if old == Op::PLACEHOLDER_FOR_GREATER_OP_CODES.0 { new } else { Op(old) })
    }

    /// An operator's input: computed before, or a constant of the file.
    fn input(&mut self, operator: &Operator<'_>, which: usize) -> TractResult<Wire> {
        let inputs = operator.inputs().filter(|i| i.len() > which).context("an input is missing")?;
        let at = inputs.get(which);
        if let Some(&wire) = self.wires.get(&at) {
            return Ok(wire);
        }
        let constant = self.constant(at).with_context(|| format!("input {which}, tensor {at}"))?;
        let wire = self.builder.constant(constant)?;
        self.wires.insert(at, wire);
        Ok(wire)
    }

    fn constant(&self, at: i32) -> TractResult<Tensor> {
        let tensors = self.graph.tensors().context("no tensors in the file")?;
        let at =
            usize::try_from(at).ok().filter(|&a| a < tensors.len()).context("there is no such tensor")?;
        let tensor = tensors.get(at);
        let buffers = self.model.buffers().context("no buffers in the file")?;
        let buffer = tensor.buffer() as usize;
        ensure!(buffer < buffers.len(), "there is no such buffer");
        let data = buffers.get(buffer).data().context("nothing computes it, and it is no constant")?.bytes();
        let shape: Result<Vec<usize>, _> =
            tensor.shape().into_iter().flatten().map(usize::try_from).collect();
        let shape = shape?;
        let numbers = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
        ensure!(
            numbers.and_then(|n| n.checked_mul(4)) == Some(data.len()),
            "{} bytes as {shape:?}",
            data.len()
        );
        let quads = data.chunks_exact(4).map(|q| [q[0], q[1], q[2], q[3]]);
        match tensor.type_() {
            TensorType::FLOAT32 => {
                Tensor::from_shape(&shape, &quads.map(f32::from_le_bytes).collect::<Vec<_>>())
            }
            TensorType::INT32 => {
                Tensor::from_shape(&shape, &quads.map(i32::from_le_bytes).collect::<Vec<_>>())
            }
            other => bail!("a constant of type {}", other.variant_name().unwrap_or("unknown")),
        }
    }

    fn operator(&mut self, operator: &Operator<'_>, code: Op) -> TractResult<Wire> {
        let x = self.input(operator, 0)?;
        let b = &mut self.builder;
        match code {
            Op::RELU => b.activate(Activation::Relu, x),
            Op::RELU6 => b.activate(Activation::Relu6, x),
            Op::LOGISTIC => b.activate(Activation::Sigmoid, x),
            Op::NEG => b.wire(math::neg(), &[x]),
            Op::EXP => b.wire(math::exp(), &[x]),
            Op::SOFTMAX => b.activate(Activation::Softmax, x),
            Op::CONV_2D | Op::DEPTHWISE_CONV_2D => self.convolution(operator, code, x),
            Op::MAX_POOL_2D | Op::AVERAGE_POOL_2D => self.pool(operator, code, x),
            Op::FULLY_CONNECTED => self.dense(operator, x),
            Op::SUM | Op::REDUCE_MAX | Op::MEAN => self.reduction(operator, code, x),
            Op::RESHAPE => self.reshape(operator, x),
            Op::PRELU => {
                let alpha = self.input(operator, 1)?;
                self.builder.prelu(x, alpha)
            }
            Op::ADD | Op::SUB | Op::MUL | Op::DIV => self.arithmetic(operator, code, x),
            _ => bail!("it is not read"),
        }
    }

    fn arithmetic(&mut self, operator: &Operator<'_>, code: Op, x: Wire) -> TractResult<Wire> {
        let y = self.input(operator, 1)?;
        let (op, fused) = match code {
            Op::ADD => (
                math::add(),
                operator.builtin_options_as_add_options().map(|o| o.fused_activation_function()),
            ),
            Op::SUB => (
                math::sub(),
                operator.builtin_options_as_sub_options().map(|o| o.fused_activation_function()),
            ),
            Op::MUL => (
                math::mul(),
                operator.builtin_options_as_mul_options().map(|o| o.fused_activation_function()),
            ),
            _ => (
                math::div(),
                operator.builtin_options_as_div_options().map(|o| o.fused_activation_function()),
            ),
        };
        let z = self.builder.binary(op, x, y)?;
        self.fused(fused.unwrap_or(ActivationFunctionType::NONE), z)
    }

    fn fused(&mut self, activation: ActivationFunctionType, x: Wire) -> TractResult<Wire> {
        match activation {
            ActivationFunctionType::NONE => Ok(x),
            ActivationFunctionType::RELU => self.builder.activate(Activation::Relu, x),
            ActivationFunctionType::RELU6 => self.builder.activate(Activation::Relu6, x),
            other => {
                bail!("the activation {} is not read", other.variant_name().unwrap_or("of a later version"))
            }
        }
    }

    fn convolution(&mut self, operator: &Operator<'_>, code: Op, x: Wire) -> TractResult<Wire> {
        let (kernel, bias) = (self.input(operator, 1)?, self.input(operator, 2)?);
        let value = self.builder.value(kernel)?.clone().into_tensor();
        let &[first, height, width, last] = value.shape() else {
            bail!("a kernel of shape {:?}", value.shape())
        };
        // Kernels are written with the outputs first; those of depthwise convolutions with all of a channel's last.
        let (kind, value, strides, dilations, padding, fused) = if code == Op::CONV_2D {
            let o = operator.builtin_options_as_conv_2_doptions().context("no options")?;
            let value = value.permute_axes(&[1, 2, 3, 0])?;
            let steps = [[o.stride_h(), o.stride_w()], [o.dilation_h_factor(), o.dilation_w_factor()]];
            (Convolution::Full, value, steps[0], steps[1], o.padding(), o.fused_activation_function())
        } else {
            let o = operator.builtin_options_as_depthwise_conv_2_doptions().context("no options")?;
            let channels = self.builder.picture(x)?[3];
            ensure!(
                first == 1 && channels > 0 && last % channels == 0,
                "{last} outputs of {channels} channels"
            );
            let value = value.into_shape(&[height, width, channels, last / channels])?;
            let steps = [[o.stride_h(), o.stride_w()], [o.dilation_h_factor(), o.dilation_w_factor()]];
            (Convolution::Depthwise, value, steps[0], steps[1], o.padding(), o.fused_activation_function())
        };
        let geometry = geometry(strides, dilations, padding)?;
        let kernel = self.builder.constant(value)?;
        let y = self.builder.convolve(x, kernel, Some(bias), &geometry, kind)?;
        self.fused(fused, y)
    }

    fn pool(&mut self, operator: &Operator<'_>, code: Op, x: Wire) -> TractResult<Wire> {
        let o = operator.builtin_options_as_pool_2_doptions().context("no options")?;
        let geometry = geometry([o.stride_h(), o.stride_w()], [1, 1], o.padding())?;
        let window = [usize::try_from(o.filter_height())?, usize::try_from(o.filter_width())?];
        let kind = if code == Op::MAX_POOL_2D { PoolKind::Max } else { PoolKind::Mean };
        let y = self.builder.pool(x, kind, window, &geometry)?;
        self.fused(o.fused_activation_function(), y)
    }

    /// The numbers of all axes but the batch in a row, times a matrix.
    fn dense(&mut self, operator: &Operator<'_>, x: Wire) -> TractResult<Wire> {
        let o = operator.builtin_options_as_fully_connected_options().context("no options")?;
        ensure!(!o.keep_num_dims(), "it keeps its axes, which is not read");
        let weights = self.input(operator, 1)?;
        let bias = match operator.inputs().filter(|i| i.len() > 2 && i.get(2) >= 0) {
            Some(_) => Some(self.input(operator, 2)?),
            None => None,
        };
        let &[_, inner] = &self.builder.shape(weights)?[..] else { bail!("weights that are no matrix") };
        let x = self.builder.reshape(x, &[-1, i64::try_from(inner)?])?;
        let y = self.builder.multiply([x, weights], [false, true], bias)?;
        self.fused(o.fused_activation_function(), y)
    }

    fn reduction(&mut self, operator: &Operator<'_>, code: Op, x: Wire) -> TractResult<Wire> {
        let keep = operator.builtin_options_as_reducer_options().is_some_and(|o| o.keep_dims());
        let (axes, rank) = (self.input(operator, 1)?, self.builder.rank(x)?);
        let axes = self.builder.integers(axes)?;
        let axes: Vec<usize> = axes.iter().map(|&a| axis_of(a, rank)).collect::<TractResult<_>>()?;
        match code {
            Op::SUM => self.builder.reduce(x, Reducer::Sum, &axes, keep),
            Op::REDUCE_MAX => self.builder.reduce(x, Reducer::Max, &axes, keep),
            _ => self.builder.mean(x, &axes, keep),
        }
    }

    fn reshape(&mut self, operator: &Operator<'_>, x: Wire) -> TractResult<Wire> {
        let to = self.input(operator, 1)?;
        let mut to = self.builder.integers(to)?;
        // A file made for another batch names that.
        if !to.iter().skip(1).any(|&d| d == -1)
            && let Some(first) = to.first_mut()
        {
            *first = -1;
        }
        self.builder.reshape(x, &to)
    }
}

fn geometry(strides: [i32; 2], dilations: [i32; 2], padding: Padding) -> TractResult<Geometry> {
    let sides = |of: [i32; 2]| Ok::<_, TractError>([usize::try_from(of[0])?, usize::try_from(of[1])?]);
    let padding = if padding == Padding::SAME { PaddingSpec::SameUpper } else { PaddingSpec::Valid };
    Ok(Geometry { strides: sides(strides)?, dilations: sides(dilations)?, padding })
}

#[cfg(test)]
mod tests {
    use tract_tflite::internal::tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PoolSpec};
    use tract_tflite::internal::tract_core::ops::nn::DataFormat;
    use tract_tflite::tflite::OperatorCode;

    use super::*;
    use crate::{Format, Network};

    fn written(model: &TypedModel) -> Vec<u8> {
        let mut file = Vec::new();
        tract_tflite::tflite().write(model, &mut file).unwrap();
        file
    }

    fn run(model: TypedModel, input: &Tensor) -> Vec<f32> {
        let plan = model.into_optimized().unwrap().into_runnable().unwrap();
        let outputs = plan.run(tvec!(input.clone().into())).unwrap();
        outputs[0].to_plain_array_view::<f32>().unwrap().iter().copied().collect()
    }

    #[test]
    fn a_negation_is_computed() {
        // x → |x| → max(|x|, 0), in which the code of ABS becomes that of NEG.
        let mut model = TypedModel::default();
        let x = model.add_source("x", f32::fact([1, 3])).unwrap();
        let abs = model.wire_node("abs", math::abs(), &[x]).unwrap();
        let exp = model.wire_node("exp", math::exp(), &abs).unwrap();
        model.select_output_outlets(&exp).unwrap();
        let mut file = written(&model);
        let code_of = |file: &[u8], of: Op| {
            let codes = root_as_model(file).unwrap().operator_codes().unwrap();
            let code = codes.iter().find(|c| i32::from(c.deprecated_builtin_code()) == of.0).unwrap();
            code._tab.loc() + usize::from(code._tab.vtable().get(OperatorCode::VT_DEPRECATED_BUILTIN_CODE))
        };
        let at = code_of(&file, Op::ABS);
        file[at] = Op::NEG.0 as u8;
        let network = Network::load("x", Format::Tflite, &[&file], &[1, 3]).unwrap();
        let output: Vec<f32> = network.run(&[1.25, -1.25, 0.0]).unwrap()[0].iter().copied().collect();
        let expected = [-1.25_f32, 1.25, 0.0].map(f32::exp);
        assert!(output.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{output:?}");
        // What neither reads is named.
        file[at] = Op::LSTM.0 as u8;
        let said = Network::load("x", Format::Tflite, &[&file], &[1, 3]).unwrap_err().to_string();
        assert!(said.contains("operator 0 (LSTM)"), "{said}");
    }

    #[test]
    fn a_convolution_and_a_pool_are_those_that_tract_reads() {
        let mut model = TypedModel::default();
        let x = model.add_source("x", f32::fact([1, 7, 6, 2])).unwrap();
        let numbers = |n: usize| (0..n).map(|i| ((i * 37) % 11) as f32 / 11.0 - 0.4).collect::<Vec<_>>();
        let kernel = Tensor::from_shape(&[3, 2, 2, 2], &numbers(24)).unwrap();
        let kernel = model.add_const("kernel", kernel).unwrap();
        let bias = model.add_const("bias", tensor1(&[0.5_f32, -0.5, 0.25])).unwrap();
        let pool_spec = |window: usize, stride: usize, channels: [usize; 2], padding| PoolSpec {
            data_format: DataFormat::NHWC,
            kernel_shape: tvec!(window, window),
            padding,
            dilations: Some(tvec!(1, 1)),
            strides: Some(tvec!(stride, stride)),
            input_channels: channels[0],
            output_channels: channels[1],
        };
        let conv = Conv {
            pool_spec: pool_spec(2, 1, [2, 3], PaddingSpec::Valid),
            kernel_fmt: KernelFormat::OHWI,
            group: 1,
            q_params: None,
        };
        let y = model.wire_node("conv", conv, &[x, kernel, bias]).unwrap();
        let pool =
            MaxPool { pool_spec: pool_spec(2, 2, [3, 3], PaddingSpec::SameUpper), with_index_outputs: None };
        let y = model.wire_node("pool", pool, &y).unwrap();
        model.select_output_outlets(&y).unwrap();
        let file = written(&model);
        let input = Tensor::from_shape(&[1, 7, 6, 2], &numbers(84)).unwrap();
        let ours = run(import(&file, &[1, 7, 6, 2]).unwrap(), &input);
        let theirs = run(tract_tflite::tflite().model_for_read(&mut &file[..]).unwrap(), &input);
        assert_eq!(ours.len(), 3 * 3 * 3);
        assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-6), "{ours:?} {theirs:?}");
        assert!(ours.iter().any(|v| *v != 0.0));
    }
}
