//! Activations that a file spells out in several operations.

use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_tflite::internal::*;

use super::constants::Constants;

/// x where it is positive, else x times the slope, which is `factor` times a constant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slopes {
    pub(super) of: OutletId,
    pub(super) slopes: OutletId,
    pub(super) factor: f32,
}

pub(super) struct Patterns<'a> {
    pub(super) model: &'a TypedModel,
    pub(super) constants: &'a Constants,
}

impl Patterns<'_> {
    /// The two inputs of a binary operation of this name.
    fn binary(&self, outlet: OutletId, name: &str) -> Option<[OutletId; 2]> {
        let node = self.model.node(outlet.node);
        let op = node.op_as::<TypedBinOp>()?;
        (op.0.name() == name && node.inputs.len() == 2).then(|| [node.inputs[0], node.inputs[1]])
    }

    /// The input of a unary operation of this name.
    fn unary(&self, outlet: OutletId, name: &str) -> Option<OutletId> {
        let node = self.model.node(outlet.node);
        let op = node.op_as::<ElementWiseOp>()?;
        (op.0.name() == name && node.inputs.len() == 1).then(|| node.inputs[0])
    }

    /// Of a binary operation of this name, the input that is no constant and the one that is.
    fn with_constant(&self, outlet: OutletId, name: &str) -> Option<(OutletId, OutletId)> {
        let [a, b] = self.binary(outlet, name)?;
        match (self.constants.get(a), self.constants.get(b)) {
            (None, Some(_)) => Some((a, b)),
            (Some(_), None) => Some((b, a)),
            _ => None,
        }
    }

    /// x of max(x, 0) or min(x, 0).
    fn with_zero(&self, outlet: OutletId, name: &str) -> Option<OutletId> {
        let (of, constant) = self.with_constant(outlet, name)?;
        (self.constants.number(constant) == Some(0.0)).then_some(of)
    }

    /// x of a multiple of min(x, 0), and which multiple.
    fn negative_part(&self, outlet: OutletId) -> Option<(OutletId, f32)> {
        // min(x, 0); -max(-x, 0); x - |x|, which is twice as much.
        if let Some(of) = self.with_zero(outlet, "Min") {
            return Some((of, 1.0));
        }
        if let Some(of) = self
            .unary(outlet, "Neg")
            .and_then(|of| self.with_zero(of, "Max"))
            .and_then(|of| self.unary(of, "Neg"))
        {
            return Some((of, 1.0));
        }
        let [of, absolute] = self.binary(outlet, "Sub")?;
        (self.unary(absolute, "Abs") == Some(of)).then_some((of, 2.0))
    }

    /// What `outlet` is, if it is a function with a slope for negative numbers.
    pub(super) fn slopes(&self, outlet: OutletId) -> Option<Slopes> {
        if let Some([a, b]) = self.binary(outlet, "Add") {
            return [(a, b), (b, a)].into_iter().find_map(|(positive, negative)| {
                let of = self.with_zero(positive, "Max")?;
                let (part, slopes) = self.with_constant(negative, "Mul")?;
                let (same, factor) = self.negative_part(part)?;
                (same == of).then_some(Slopes { of, slopes, factor })
            });
        }
        let node = self.model.node(outlet.node);
        node.op_as::<Iff>()?;
        let &[condition, yes, no] = &node.inputs[..] else { return None };
        let [greater, less] = self.binary(condition, "GT")?;
        let (of, positive, negative) = if self.constants.number(less) == Some(0.0) {
            (greater, yes, no)
        } else if self.constants.number(greater) == Some(0.0) {
            (less, no, yes)
        } else {
            return None;
        };
        let (same, slopes) = self.with_constant(negative, "Mul")?;
        (positive == of && same == of).then_some(Slopes { of, slopes, factor: 1.0 })
    }
}
