//! From files of weights to tract's model: a module a format.

mod builder;
mod keras;
mod onnx;
mod order;
mod tfjs;
mod tflite;
mod tflite_graph;

use tract_tflite::internal::tract_core::ops::cnn::{Conv, MaxPool, PaddingSpec, SumPool};
use tract_tflite::internal::*;

use crate::manifest::Format;

#[cfg(feature = "onnxruntime")]
pub(crate) use onnx::refuse_huge_constants;

/// Numbers in one tensor, at most (2 GiB of f32): a detector may see frames of 4096 x 4096 pixels.
const MAX_TENSOR: usize = 1 << 29;
/// Numbers that a tensor may have whatever the file and its input are.
const SMALL_TENSOR: usize = 1 << 24;
/// How many times as many numbers as its input holds, or its file bytes, a network may make in one tensor.
const GROWTH: usize = 256;

/// A model ready to be optimised, and what its outputs are called, in their order.
pub(crate) struct Imported {
    pub(crate) model: TypedModel,
    pub(crate) outputs: Vec<String>,
}

/// Reads the network in `files` for an input of shape `input`. `wanted` names the outputs to give, in this order;
/// empty for those that the file declares.
pub(crate) fn import(
    format: Format,
    files: &[&[u8]],
    input: &[usize],
    wanted: &[&str],
) -> TractResult<Imported> {
    let imported = match (format, files) {
        (Format::Tfjs, files) => tfjs::import(files, input, wanted),
        (Format::Onnx, [file]) => onnx::import(file, input, wanted),
        (Format::Tflite, [file]) => tflite::import(file, input, wanted),
        (Format::Keras, [file]) => keras::import(file, input, wanted),
        _ => bail!("it is one file, and {} were given", files.len()),
    }?;
    let given = files.iter().map(|f| f.len()).chain([input.iter().product()]).max().unwrap_or(0);
    let most = given.saturating_mul(GROWTH).clamp(SMALL_TENSOR, MAX_TENSOR);
    for node in imported.model.nodes() {
        check(node, most).with_context(|| format!("node '{}' ({})", node.name, node.op.name()))?;
    }
    Ok(imported)
}

/// Refuses what would take more memory than any network of faces does, a tensor of more than `most` numbers among it,
/// and weights that are no numbers.
fn check(node: &TypedNode, most: usize) -> TractResult<()> {
    let window = node.op_as::<Conv>().map(|op| &op.pool_spec);
    let window = window.or(node.op_as::<MaxPool>().map(|op| &op.pool_spec));
    if let Some(window) = window.or(node.op_as::<SumPool>().map(|op| &op.pool_spec)) {
        // tract makes tables of a window's places, and pictures with their padding.
        let mut steps =
            window.strides().iter().copied().chain(window.dilations().iter().copied()).collect::<Vec<_>>();
        if let PaddingSpec::Explicit(before, after) | PaddingSpec::ExplicitOnnxPool(before, after, _) =
            &window.padding
        {
            steps.extend(before.iter().chain(after));
        }
        let places = window.kernel_shape.iter().try_fold(1_usize, |n, &k| n.checked_mul(k));
        let fits = steps.iter().all(|&s| s <= 1024) && places.is_some_and(|p| p <= 1 << 16);
        ensure!(fits, "a window of {:?} with {steps:?} is too large", window.kernel_shape);
    }
    for fact in node.outputs.iter().map(|o| &o.fact) {
        let numbers = fact.shape.as_concrete().map(|s| s.iter().try_fold(1_usize, |n, &d| n.checked_mul(d)));
        let fits = numbers.is_none_or(|n| n.is_some_and(|n| n <= most));
        ensure!(fits, "a tensor of shape {:?} is too large", fact.shape);
        let values = fact.konst.as_ref().and_then(|k| k.to_plain_array_view::<f32>().ok());
        ensure!(
            !values.is_some_and(|v| v.iter().any(|v| v.is_nan())),
            "its weights hold values that are no numbers"
        );
    }
    Ok(())
}
