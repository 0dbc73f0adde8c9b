//! ONNX files as ONNX Runtime is given them. It takes the shapes that a file declares at their word, and gives declared
//! outputs only; so declarations are written anew, and all else is passed on byte by byte: newer files hold more than the
//! messages of tract know.

use std::collections::HashSet;

use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::type_proto::Value;
use tract_onnx::pb::{GraphProto, TensorProto, ValueInfoProto};
use tract_tflite::internal::*;

use crate::import::refuse_huge_constants;

/// Numbers of fields, of a `ModelProto` and of a `GraphProto`.
const GRAPH: u64 = 7;
const INPUT: u64 = 11;
const OUTPUT: u64 = 12;
const VALUE_INFO: u64 = 13;

/// The file with its one input declared to have this shape, without the shapes of other values, and with the outputs
/// `wanted`, which may be inner ones; where that is empty, with those that it declares.
///
/// # Errors
/// It is no ONNX file, has another number of inputs than one, takes other numbers than f32, reads other files, makes
/// tensors that are too large, or has no such output.
pub(super) fn prepared(file: &[u8], input: &[usize], wanted: &[&str]) -> TractResult<Vec<u8>> {
    let model = tract_onnx::onnx().proto_model_for_read(&mut &*file)?;
    let graph = model.graph.as_ref().context("no graph in the file")?;
    refuse_huge_constants(graph)?;
    refuse_other_files(graph)?;
    let constants: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let is_fed = |value: &&ValueInfoProto| !constants.contains(value.name.as_str());
    let fed: Vec<&ValueInfoProto> = graph.input.iter().filter(is_fed).collect();
    let [fed] = &fed[..] else { bail!("it has {} inputs, and one is needed", fed.len()) };
    ensure!(element(fed) == Some(DataType::Float as i32), "its input takes other numbers than 32-bit floats");

    let (mut model_bytes, mut graph_bytes) = (Vec::with_capacity(file.len()), None);
    for field in fields(file)? {
        match (field.number, &graph_bytes) {
            (GRAPH, None) => {
                // What is an input as well is no constant to ONNX Runtime, and then runs at half the speed; files of before
                // version 4 must have it so, and are no slower.
                let constants = model.ir_version < 4;
                graph_bytes = Some(with_input(field.payload, graph, &fed.name, input, constants)?);
            }
            (GRAPH, Some(_)) => bail!("it has several graphs"),
            _ => model_bytes.extend_from_slice(field.bytes),
        }
    }
    let mut graph_bytes = graph_bytes.context("no graph in the file")?;
    let declared = graph.output.iter().map(|output| output.name.as_str());
    let outputs: Vec<&str> = if wanted.is_empty() { declared.collect() } else { wanted.to_vec() };
    for name in outputs {
        let known = graph.output.iter().find(|output| output.name == name);
        let made = known.is_some() || graph.node.iter().any(|node| node.output.iter().any(|o| o == name));
        ensure!(made, "it has no output '{name}'");
        put(&mut graph_bytes, OUTPUT, &declaration(name, known.and_then(element), None));
    }
    put(&mut model_bytes, GRAPH, &graph_bytes);
    Ok(model_bytes)
}

/// The bytes of a graph without its outputs and the shapes of inner values, and with the input `fed` in this shape. Other
/// inputs stay where `constants` are inputs.
fn with_input(
    bytes: &[u8],
    graph: &GraphProto,
    fed: &str,
    shape: &[usize],
    constants: bool,
) -> TractResult<Vec<u8>> {
    let mut inputs = graph.input.iter();
    let mut kept = Vec::with_capacity(bytes.len());
    for field in fields(bytes)? {
        match field.number {
            INPUT if inputs.next().is_some_and(|value| value.name == fed) => {
                put(&mut kept, INPUT, &declaration(fed, Some(DataType::Float as i32), Some(shape)));
            }
            INPUT if constants => kept.extend_from_slice(field.bytes),
            INPUT | OUTPUT | VALUE_INFO => {}
            _ => kept.extend_from_slice(field.bytes),
        }
    }
    Ok(kept)
}

/// The kind of numbers that a value is declared to hold.
fn element(value: &ValueInfoProto) -> Option<i32> {
    let Some(Value::TensorType(tensor)) = value.r#type.as_ref()?.value.as_ref() else { return None };
    Some(tensor.elem_type)
}

/// A `ValueInfoProto`: a name, and where they are known kind of numbers and shape.
fn declaration(name: &str, element: Option<i32>, shape: Option<&[usize]>) -> Vec<u8> {
    let mut value = Vec::new();
    put(&mut value, 1, name.as_bytes());
    if let Some(element) = element {
        let mut tensor = Vec::new();
        put_number(&mut tensor, 1, element as u64);
        if let Some(shape) = shape {
            let mut sides = Vec::new();
            for &side in shape {
                let mut dimension = Vec::new();
                put_number(&mut dimension, 1, side as u64);
                put(&mut sides, 1, &dimension);
            }
            put(&mut tensor, 2, &sides);
        }
        let mut of_type = Vec::new();
        put(&mut of_type, 1, &tensor);
        put(&mut value, 2, &of_type);
    }
    value
}

/// Weights may lie in other files, by paths that the file names: none is opened.
fn refuse_other_files(graph: &GraphProto) -> TractResult<()> {
    let elsewhere = |tensor: &TensorProto| tensor.data_location == Some(DataLocation::External as i32);
    let attributes = || graph.node.iter().flat_map(|node| &node.attribute);
    let sparse = graph.sparse_initializer.iter().chain(attributes().flat_map(|a| &a.sparse_tensor));
    let sparse = sparse.chain(attributes().flat_map(|a| &a.sparse_tensors));
    let mut tensors = graph
        .initializer
        .iter()
        .chain(attributes().flat_map(|a| a.t.iter().chain(&a.tensors)))
        .chain(sparse.flat_map(|tensor| tensor.values.iter().chain(&tensor.indices)));
    if let Some(tensor) = tensors.find(|tensor| elsewhere(tensor)) {
        bail!("the values of '{}' are in another file: save the model in one", tensor.name);
    }
    attributes().flat_map(|a| a.g.iter().chain(&a.graphs)).try_for_each(refuse_other_files)
}

/// A field of a message of protocol buffers.
struct Field<'f> {
    number: u64,
    /// All of it.
    bytes: &'f [u8],
    /// What a text, a list of bytes or a message holds.
    payload: &'f [u8],
}

/// The fields of a message, in its order.
fn fields(message: &[u8]) -> TractResult<Vec<Field<'_>>> {
    let mut all = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let start = rest;
        let key = number(&mut rest)?;
        let length = match key & 7 {
            0 => {
                number(&mut rest)?;
                0
            }
            1 => 8,
            2 => usize::try_from(number(&mut rest)?)?,
            5 => 4,
            other => bail!("a field of the unknown kind {other}"),
        };
        ensure!(length <= rest.len(), "the file is cut off");
        let (payload, after) = rest.split_at(length);
        rest = after;
        all.push(Field { number: key >> 3, bytes: &start[..start.len() - rest.len()], payload });
    }
    Ok(all)
}

/// A number of seven bits a byte, the lowest first, taken off the front of `bytes`.
fn number(bytes: &mut &[u8]) -> TractResult<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().context("the file is cut off")?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    bail!("a number is too long")
}

fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn put_number(to: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(to, field << 3);
    put_varint(to, value);
}

fn put(to: &mut Vec<u8>, field: u64, payload: &[u8]) {
    put_varint(to, field << 3 | 2);
    put_varint(to, payload.len() as u64);
    to.extend_from_slice(payload);
}
