//! The operator NEG of TensorFlow Lite, which tract-tflite does not read: TensorFlow 1 writes a PReLU with it. Another
//! operator with one input and no options, that the file does not use, takes its place in the file; in the model that
//! was read from it each of these is made a negation.

use tract_tflite::internal::tract_core::ops::element_wise::ElementWiseOp;
use tract_tflite::internal::tract_core::ops::math::neg;
use tract_tflite::internal::*;
use tract_tflite::tflite::{BuiltinOperator, OperatorCode, root_as_model};

/// What may stand for NEG: its code in the file and what tract calls it.
const STAND_INS: [(BuiltinOperator, &str); 4] = [
    (BuiltinOperator::CEIL, "Ceil"),
    (BuiltinOperator::FLOOR, "Floor"),
    (BuiltinOperator::COS, "Cos"),
    (BuiltinOperator::SIN, "Sin"),
];

/// Puts another operator where `file` has NEG, and gives tract's name of it; none where the file has no NEG.
pub(super) fn hide(file: &mut [u8]) -> TractResult<Option<&'static str>> {
    let codes = root_as_model(file)?.operator_codes().context("no operators in the file")?;
    let code = |of: OperatorCode<'_>| i32::from(of.deprecated_builtin_code());
    let Some(neg) = codes.iter().find(|c| code(*c) == BuiltinOperator::NEG.0) else { return Ok(None) };
    let free = STAND_INS.iter().find(|(stand_in, _)| codes.iter().all(|c| code(c) != stand_in.0));
    let (stand_in, name) = free.context("NEG beside Ceil, Floor, Cos and Sin")?;
    let at = neg._tab.loc() + usize::from(neg._tab.vtable().get(OperatorCode::VT_DEPRECATED_BUILTIN_CODE));
    file[at] = u8::try_from(stand_in.0)?;
    Ok(Some(name))
}

/// Makes each operator that tract calls `stand_in` a negation.
pub(super) fn restore(model: &mut TypedModel, stand_in: &str) -> TractResult<()> {
    for node in &mut model.nodes {
        if !node.op_as::<ElementWiseOp>().is_some_and(|op| op.0.name() == stand_in) {
            continue;
        }
        // tract computes what follows from constants while it reads, and has computed something else here.
        ensure!(node.outputs.iter().all(|o| o.fact.konst.is_none()), "{}: NEG of a constant", node.name);
        node.op = Box::new(neg());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{Format, Network};

    use super::*;

    #[test]
    fn a_negation_is_computed_also_beside_the_operator_that_would_stand_for_it() {
        // x → |x| → ⌈|x|⌉, in which the code of ABS becomes that of NEG.
        let mut model = TypedModel::default();
        let x = model.add_source("x", f32::fact([1, 3])).unwrap();
        let abs = model.wire_node("abs", tract_core::ops::math::abs(), &[x]).unwrap();
        let up = model.wire_node("up", tract_core::ops::math::ceil(), &abs).unwrap();
        model.select_output_outlets(&up).unwrap();
        let mut file = Vec::new();
        tract_tflite::tflite().write(&model, &mut file).unwrap();
        let run = |file: &[u8]| {
            let network = Network::load("x", Format::Tflite, &[file], &[1, 3]).unwrap();
            network.run(&[1.25, -1.25, 0.0]).unwrap()[0].iter().copied().collect::<Vec<f32>>()
        };
        assert_eq!(run(&file), [2.0, 2.0, 0.0]);
        let codes = root_as_model(&file).unwrap().operator_codes().unwrap();
        let abs =
            codes.iter().find(|c| i32::from(c.deprecated_builtin_code()) == BuiltinOperator::ABS.0).unwrap();
        let at =
            abs._tab.loc() + usize::from(abs._tab.vtable().get(OperatorCode::VT_DEPRECATED_BUILTIN_CODE));
        file[at] = BuiltinOperator::NEG.0 as u8;
        assert_eq!(run(&file), [-1.0, 2.0, 0.0]);
    }
}
