//! TensorFlow's operations, one line each; those that are more than that have a function here or in a module by
//! what they do.

mod arrays;
mod layers;

use tract_tflite::internal::tract_core::ops::cast::cast;
use tract_tflite::internal::tract_core::ops::math;
use tract_tflite::internal::tract_core::ops::nn::Reducer;
use tract_tflite::internal::*;

use super::graph::Node;
use crate::import::builder::{Activation, Builder, Wire};

/// Wires a node whose inputs are there, and gives its outputs.
pub(super) fn wire(b: &mut Builder, node: &Node, inputs: &[Wire]) -> TractResult<Vec<Wire>> {
    let at = |i: usize| inputs.get(i).copied().with_context(|| format!("it has no input {i}"));
    let x = || at(0);
    let one = match node.op.as_str() {
        "Identity" | "StopGradient" | "PreventGradient" | "Snapshot" => x()?,
        "IdentityN" => return Ok(inputs.to_vec()),

        "Add" | "AddV2" | "BiasAdd" => b.binary(math::add(), x()?, at(1)?)?,
        "AddN" => inputs.iter().skip(1).try_fold(x()?, |sum, &other| b.binary(math::add(), sum, other))?,
        "Sub" => b.binary(math::sub(), x()?, at(1)?)?,
        "Mul" => b.binary(math::mul(), x()?, at(1)?)?,
        "RealDiv" | "Div" => b.binary(math::div(), x()?, at(1)?)?,
        "Maximum" => b.binary(math::max(), x()?, at(1)?)?,
        "Minimum" => b.binary(math::min(), x()?, at(1)?)?,
        "Pow" => b.binary(math::pow(), x()?, at(1)?)?,
        "SquaredDifference" => {
            let difference = b.binary(math::sub(), x()?, at(1)?)?;
            b.wire(math::square(), &[difference])?
        }
        "ClipByValue" => {
            let above = b.binary(math::max(), x()?, at(1)?)?;
            b.binary(math::min(), above, at(2)?)?
        }

        "Relu" => b.activate(Activation::Relu, x()?)?,
        "Relu6" => b.activate(Activation::Relu6, x()?)?,
        "Elu" => b.activate(Activation::Elu, x()?)?,
        "LeakyRelu" => b.activate(leaky(node, "alpha"), x()?)?,
        "Prelu" => b.prelu(x()?, at(1)?)?,
        "Sigmoid" => b.activate(Activation::Sigmoid, x()?)?,
        "Tanh" => b.activate(Activation::Tanh, x()?)?,
        "Softplus" => b.activate(Activation::Softplus, x()?)?,
        "Softmax" => b.activate(Activation::Softmax, x()?)?,
        "Abs" => b.wire(math::abs(), &[x()?])?,
        "Exp" => b.wire(math::exp(), &[x()?])?,
        "Log" => b.wire(math::ln(), &[x()?])?,
        "Neg" => b.wire(math::neg(), &[x()?])?,
        "Floor" => b.wire(math::floor(), &[x()?])?,
        "Sqrt" => b.wire(math::sqrt(), &[x()?])?,
        "Rsqrt" => b.wire(math::rsqrt(), &[x()?])?,
        "Square" => b.wire(math::square(), &[x()?])?,
        "Reciprocal" | "Inv" => b.wire(math::recip(), &[x()?])?,
        "Cast" => {
            let to = match node.kind("DstT") {
                Some("DT_FLOAT") => f32::datum_type(),
                Some("DT_INT32") => i32::datum_type(),
                other => bail!("to type {other:?} it is not converted"),
            };
            b.wire(cast(to), &[x()?])?
        }

        "Conv2D"
        | "_FusedConv2D"
        | "DepthwiseConv2dNative"
        | "DepthwiseConv2d"
        | "FusedDepthwiseConv2dNative" => layers::convolution(b, node, inputs)?,
        "MatMul" | "_FusedMatMul" => layers::multiplication(b, node, inputs)?,
        "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3" => {
            let parameter = |i| TractResult::Ok(Tensor::clone(b.value(at(i)?)?));
            let parameters = [parameter(1)?, parameter(2)?, parameter(3)?, parameter(4)?];
            b.normalise(x()?, &parameters, node.float("epsilon").unwrap_or(1e-4))?
        }
        "MaxPool" | "AvgPool" => layers::pool(b, node, x()?)?,
        "Mean" => arrays::mean(b, node, inputs)?,
        "Sum" => arrays::reduce(b, node, inputs, Reducer::Sum)?,
        "Max" => arrays::reduce(b, node, inputs, Reducer::Max)?,
        "Min" => arrays::reduce(b, node, inputs, Reducer::Min)?,
        "Prod" => arrays::reduce(b, node, inputs, Reducer::Prod)?,

        "Reshape" => {
            let shape = b.integers(at(1)?)?;
            b.reshape(x()?, &shape)?
        }
        "Squeeze" => arrays::squeeze(b, node, x()?)?,
        "ExpandDims" => arrays::expand(b, x()?, at(1)?)?,
        "Transpose" => arrays::transpose(b, x()?, at(1)?)?,
        "ConcatV2" => arrays::concatenate(b, inputs)?,
        "Pack" => arrays::pack(b, node, inputs)?,
        "Split" => return arrays::split(b, node, x()?, at(1)?),
        "Slice" => arrays::slice(b, inputs)?,
        "StridedSlice" => arrays::strided_slice(b, node, inputs)?,
        "Shape" => {
            let shape: Vec<i32> = b.shape(x()?)?.into_iter().map(i32::try_from).collect::<Result<_, _>>()?;
            b.constant(tensor1(&shape))?
        }
        "Pad" | "PadV2" | "MirrorPad" => arrays::pad(b, node, inputs)?,
        "ResizeBilinear" | "ResizeNearestNeighbor" => arrays::resize(b, node, x()?, at(1)?)?,
        other => bail!("the operation '{other}' is not supported"),
    };
    Ok(vec![one])
}

pub(super) fn leaky(node: &Node, attribute: &str) -> Activation {
    Activation::LeakyRelu(node.float(attribute).unwrap_or(0.2))
}
