//! From files of weights to tract's model: a module a format.

mod builder;
mod keras;
mod onnx;
mod order;
mod tfjs;
mod tflite;
mod tflite_graph;

use tract_tflite::internal::*;

use crate::manifest::Format;

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
    for node in imported.model.nodes() {
        for constant in node.outputs.iter().filter_map(|o| o.fact.konst.as_deref()) {
            ensure!(
                !holds_nan(constant),
                "the weights of node '{}' hold values that are no numbers",
                node.name
            );
        }
    }
    Ok(imported)
}

fn holds_nan(tensor: &Tensor) -> bool {
    tensor.to_plain_array_view::<f32>().is_ok_and(|t| t.iter().any(|v| v.is_nan()))
}
