//! Convolutions, products of matrices and pools.

use tract_tflite::internal::tract_core::ops::cnn::PaddingSpec;
use tract_tflite::internal::*;

use super::super::graph::Node;
use super::leaky;
use crate::import::builder::{Activation, Builder, Convolution, Geometry, PoolKind, Wire};

/// What a fused node does after its product: `fused_ops` names it, the inputs after the first two are its operands.
struct Fused {
    bias: Option<Wire>,
    then: Option<Then>,
}

enum Then {
    Activation(Activation),
    /// With its slopes.
    Prelu(Wire),
}

impl Fused {
    fn of(node: &Node, operands: &[Wire]) -> TractResult<Self> {
        let mut operands = operands.iter().copied();
        let mut fused = Self { bias: None, then: None };
        for op in node.texts("fused_ops")? {
            ensure!(fused.then.is_none(), "'{op}' after an activation is not supported");
            let mut operand = || operands.next().with_context(|| format!("its '{op}' has no operand"));
            let activation = match op.as_str() {
                "BiasAdd" if fused.bias.is_none() => {
                    fused.bias = Some(operand()?);
                    continue;
                }
                "Prelu" => {
                    fused.then = Some(Then::Prelu(operand()?));
                    continue;
                }
                "Relu" => Activation::Relu,
                "Relu6" => Activation::Relu6,
                "Elu" => Activation::Elu,
                "Sigmoid" => Activation::Sigmoid,
                "Tanh" => Activation::Tanh,
                "LeakyRelu" => leaky(node, "leakyrelu_alpha"),
                other => bail!("'{other}' fused into it is not supported"),
            };
            fused.then = Some(Then::Activation(activation));
        }
        Ok(fused)
    }

    fn finish(self, b: &mut Builder, x: Wire) -> TractResult<Wire> {
        match self.then {
            None => Ok(x),
            Some(Then::Activation(activation)) => b.activate(activation, x),
            Some(Then::Prelu(alpha)) => b.prelu(x, alpha),
        }
    }
}

pub(super) fn convolution(b: &mut Builder, node: &Node, inputs: &[Wire]) -> TractResult<Wire> {
    let &[x, kernel, ref operands @ ..] = inputs else { bail!("it has {} inputs", inputs.len()) };
    let kind = if node.op.contains("Depthwise") { Convolution::Depthwise } else { Convolution::Full };
    let fused = Fused::of(node, operands)?;
    let x = b.convolve(x, kernel, fused.bias, &geometry(node)?, kind)?;
    fused.finish(b, x)
}

pub(super) fn multiplication(b: &mut Builder, node: &Node, inputs: &[Wire]) -> TractResult<Wire> {
    let &[x, matrix, ref operands @ ..] = inputs else { bail!("it has {} inputs", inputs.len()) };
    let fused = Fused::of(node, operands)?;
    let transposed = [node.flag("transpose_a"), node.flag("transpose_b")];
    let x = b.multiply([x, matrix], transposed, fused.bias)?;
    fused.finish(b, x)
}

pub(super) fn pool(b: &mut Builder, node: &Node, x: Wire) -> TractResult<Wire> {
    let kind = if node.op == "MaxPool" { PoolKind::Max } else { PoolKind::Mean };
    let window = two(node, "ksize")?.context("it has no window")?;
    b.pool(x, kind, window, &geometry(node)?)
}

fn geometry(node: &Node) -> TractResult<Geometry> {
    let format = node.text("data_format");
    ensure!(format.as_deref().is_none_or(|f| f == "NHWC"), "data in the order {format:?} is not supported");
    let padding = match node.text("padding").as_deref() {
        Some("SAME") => PaddingSpec::SameUpper,
        Some("VALID") => PaddingSpec::Valid,
        Some("EXPLICIT") => {
            let pads = node.integers("explicit_paddings")?;
            let pads: Result<Vec<usize>, _> = pads.iter().map(|&p| usize::try_from(p)).collect();
            match pads.as_deref() {
                Ok([0, 0, top, bottom, left, right, 0, 0]) => {
                    PaddingSpec::Explicit(tvec!(*top, *left), tvec!(*bottom, *right))
                }
                _ => bail!("its explicit_paddings are not eight numbers for height and width"),
            }
        }
        other => bail!("a padding of {other:?} is not supported"),
    };
    let strides = two(node, "strides")?.unwrap_or([1, 1]);
    let dilations = two(node, "dilations")?.unwrap_or([1, 1]);
    Ok(Geometry { strides, dilations, padding })
}

/// The two inner numbers of four for batch, height, width and channels; the outer ones are 1.
fn two(node: &Node, name: &str) -> TractResult<Option<[usize; 2]>> {
    match node.integers(name)?[..] {
        [] => Ok(None),
        [1, height, width, 1] if height > 0 && width > 0 => {
            Ok(Some([usize::try_from(height)?, usize::try_from(width)?]))
        }
        ref other => bail!("its attribute '{name}' is {other:?}"),
    }
}
