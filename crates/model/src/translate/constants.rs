//! What of a graph does not depend on its input.

use std::collections::HashMap;
use std::sync::Arc;

use tract_onnx::tract_core::plan::EvalContext;
use tract_tflite::internal::*;

/// The values of outlets that are the same in each run.
pub(super) struct Constants(HashMap<OutletId, Arc<Tensor>>);

impl Constants {
    /// Computes them, node by node.
    pub(super) fn of(model: &TypedModel, order: &[usize]) -> TractResult<Self> {
        let mut known: HashMap<OutletId, Arc<Tensor>> = HashMap::new();
        for &id in order {
            let node = model.node(id);
            let given: Option<TVec<TValue>> =
                node.inputs.iter().map(|i| known.get(i).map(|t| t.clone().into_tvalue())).collect();
            let all = node.outputs.iter().enumerate().map(|(slot, o)| (slot, o.fact.konst.clone()));
            for (slot, konst) in all {
                known.extend(konst.map(|k| (OutletId::new(id, slot), k)));
            }
            let done = known.contains_key(&OutletId::new(id, 0));
            if let (Some(given), false, false) = (given, node.inputs.is_empty(), done) {
                for (slot, value) in node.op.eval(&EvalContext::out_of_plan(), given)?.into_iter().enumerate()
                {
                    known.insert(OutletId::new(id, slot), value.into_arc_tensor());
                }
            }
        }
        Ok(Self(known))
    }

    pub(super) fn get(&self, outlet: OutletId) -> Option<&Arc<Tensor>> {
        self.0.get(&outlet)
    }

    /// Its numbers, where it is one.
    pub(super) fn numbers(&self, outlet: OutletId) -> Option<Vec<f32>> {
        let view = self.get(outlet)?.to_plain_array_view::<f32>().ok()?;
        view.as_slice().map(<[f32]>::to_vec)
    }

    /// Its one number, where all are the same.
    pub(super) fn number(&self, outlet: OutletId) -> Option<f32> {
        let numbers = self.numbers(outlet)?;
        let first = *numbers.first()?;
        numbers.iter().all(|&n| n == first).then_some(first)
    }

    /// A number for each of `channels` channels along `axis` of tensors of `rank` dimensions.
    pub(super) fn of_channels(
        &self,
        outlet: OutletId,
        axis: usize,
        rank: usize,
        channels: usize,
    ) -> Option<Vec<f32>> {
        let tensor = self.get(outlet)?;
        if let Some(number) = self.number(outlet) {
            return Some(vec![number; channels]);
        }
        let shape = tensor.shape();
        let fits = shape.len() == rank
            && shape.iter().enumerate().all(|(a, &d)| d == if a == axis { channels } else { 1 });
        fits.then(|| self.numbers(outlet)).flatten()
    }
}
