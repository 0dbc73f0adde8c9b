//! Operations that tract runs.

use std::sync::Arc;

use streamface_exec::Function;
use tract_tflite::internal::*;

/// One operation of tract's graph, with its constants inside.
pub(super) struct TractFunction {
    name: String,
    /// The shapes of its inputs, as tract has them.
    shapes: Vec<Vec<usize>>,
    plan: Arc<TypedRunnableModel>,
}

impl std::fmt::Debug for TractFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TractFunction")
            .field("name", &self.name)
            .field("shapes", &self.shapes)
            .finish_non_exhaustive()
    }
}

impl TractFunction {
    /// The operation of `node`, whose inputs are constants where `constants` has one.
    pub(super) fn new(
        model: &TypedModel,
        node: &TypedNode,
        constants: &[Option<Arc<Tensor>>],
    ) -> TractResult<Self> {
        let (mut alone, mut inputs, mut shapes) = (TypedModel::default(), Vec::new(), Vec::new());
        for (i, (&outlet, constant)) in node.inputs.iter().zip(constants).enumerate() {
            let name = format!("input{i}");
            inputs.push(match constant {
                Some(constant) => alone.add_const(name, constant.clone())?,
                None => {
                    let fact = model.outlet_fact(outlet)?;
                    let shape = fact.shape.as_concrete().context("a shape that is not fixed")?.to_vec();
                    shapes.push(shape.clone());
                    alone.add_source(name, fact.datum_type.fact(&shape))?
                }
            });
        }
        let outputs = alone.wire_node("node", node.op.clone(), &inputs)?;
        alone.select_output_outlets(&outputs)?;
        let name = format!("{} ({})", node.name, node.op.name());
        Ok(Self { name, shapes, plan: alone.into_optimized()?.into_runnable()? })
    }
}

impl Function for TractFunction {
    fn call(&self, inputs: &[(&[usize], &[f32])], out: &mut [f32]) -> Result<(), String> {
        let mut run = || -> TractResult<()> {
            let given = inputs.iter().zip(&self.shapes);
            let given = given.map(|((_, numbers), shape)| Ok(Tensor::from_shape(shape, numbers)?.into()));
            let results = self.plan.run(given.collect::<TractResult<TVec<TValue>>>()?)?;
            let result = results[0].to_plain_array_view::<f32>()?;
            if result.len() != out.len() {
                bail!("{} numbers where {} were expected", result.len(), out.len());
            }
            out.iter_mut().zip(result.iter()).for_each(|(to, from)| *to = *from);
            Ok(())
        };
        run().map_err(|e| format!("{e:#}"))
    }

    fn name(&self) -> &str {
        &self.name
    }
}
