//! ONNX, through tract-onnx.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, TensorProto};
use tract_onnx::prelude::InferenceModelExt as _;
use tract_tflite::internal::*;

use super::Imported;

pub(super) fn import(file: &[u8], input: &[usize], wanted: &[&str]) -> TractResult<Imported> {
    // Shapes in the file are those of its export (CenterFace: 10 × 3 × 32 × 32; age-v1: N × 3 × 64 × 64).
    let onnx = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
    let proto = onnx.proto_model_for_read(&mut &*file)?;
    refuse_huge_constants(proto.graph.as_ref().context("no graph in the file")?)?;
    let mut model = onnx.model_for_proto_model(&proto)?;
    if !wanted.is_empty() {
        model.select_outputs_by_name(wanted)?;
    }
    model.set_input_fact(0, f32::fact(input).into())?;
    let name = |&outlet: &OutletId| {
        model.outlet_label(outlet).unwrap_or(model.node(outlet.node).name.as_str()).to_owned()
    };
    let outputs = model.output_outlets()?.iter().map(name).collect();
    Ok(Imported { model: model.into_typed()?, outputs })
}

/// Operations that make as large a tensor as one of their inputs says, which input that is, and the most that the
/// product of its numbers may be.
const MAKERS: [(&str, usize, u64); 7] = [
    ("ConstantOfShape", 0, 1 << 26),
    ("Expand", 1, 1 << 26),
    ("OneHot", 1, 1 << 20),
    ("Pad", 1, 1 << 20),
    ("Range", 1, 1 << 26),
    ("Resize", 3, 1 << 28),
    ("Tile", 1, 1 << 20),
];

/// tract computes what does not depend on the input while it reads the file, and so makes tensors of any size that the
/// file names. Here those are refused whose size is named outright.
pub(crate) fn refuse_huge_constants(graph: &GraphProto) -> TractResult<()> {
    let constants: HashMap<&str, &TensorProto> = graph
        .initializer
        .iter()
        .map(|tensor| (tensor.name.as_str(), tensor))
        .chain(graph.node.iter().filter(|n| n.op_type == "Constant").filter_map(|n| {
            Some((n.output.first()?.as_str(), n.attribute.iter().find_map(|a| a.t.as_ref())?))
        }))
        .collect();
    for node in &graph.node {
        let Some(&(_, input, most)) = MAKERS.iter().find(|m| m.0 == node.op_type) else { continue };
        let Some(sizes) = node.input.get(input).and_then(|name| constants.get(name.as_str())) else {
            continue;
        };
        let product = integers(sizes).try_fold(1_u64, |p, v| p.checked_mul(v.unsigned_abs().max(1)));
        ensure!(
            product.is_some_and(|p| p <= most),
            "node '{}' ({}) makes a tensor that is too large",
            if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name },
            node.op_type
        );
    }
    Ok(())
}

/// A constant's whole numbers of 64 bits, however they are stored.
fn integers(tensor: &TensorProto) -> impl Iterator<Item = i64> {
    const INT64: i32 = 7;
    let raw = if tensor.data_type == INT64 { &tensor.raw_data[..] } else { &[] };
    tensor.int64_data.iter().copied().chain(raw.as_chunks::<8>().0.iter().copied().map(i64::from_le_bytes))
}
