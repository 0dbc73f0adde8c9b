//! ONNX, through tract-onnx.

use tract_onnx::prelude::InferenceModelExt as _;
use tract_tflite::internal::*;

use super::Imported;

pub(super) fn import(file: &[u8], input: &[usize], wanted: &[&str]) -> TractResult<Imported> {
    // Shapes in the file are those of its export (CenterFace: 10 × 3 × 32 × 32; age-v1: N × 3 × 64 × 64).
    let onnx = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
    let mut model = onnx.model_for_read(&mut &*file)?;
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
