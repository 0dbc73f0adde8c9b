//! From a file of weights to tract's model, a file a format.

mod keras;
mod onnx;
mod tfjs;
mod tflite;

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
    match (format, files) {
        (Format::Tfjs, files) => tfjs::import(files, input, wanted),
        (Format::Onnx, [file]) => onnx::import(file, input, wanted),
        (Format::Tflite, [file]) => tflite::import(file, input, wanted),
        (Format::Keras, [file]) => keras::import(file, input, wanted),
        _ => bail!("it is one file, and {} were given", files.len()),
    }
}
