//! A graph of tract's operations, built as TensorFlow and Keras define theirs: channels last, shapes known.
//!
//! What is built comes from files that nobody checked. So each operation's output is known before it is wired,
//! and has a limit.

mod arrays;
mod layers;
mod pointwise;

use tract_tflite::internal::*;

pub(super) use layers::{Convolution, Geometry, PoolKind};
pub(super) use pointwise::Activation;

/// An output of a node in the graph that is built.
pub(super) type Wire = OutletId;

/// Numbers in one tensor, at most (256 MB of f32).
const MAX_TENSOR: usize = 1 << 26;
/// Numbers in all tensors of a graph, at most.
const MAX_GRAPH: usize = 1 << 28;
/// Nodes in a graph, at most.
pub(super) const MAX_NODES: usize = 5_000;

pub(super) struct Builder {
    model: TypedModel,
    /// What the nodes that are wired next are called.
    node: String,
    /// Numbers in all tensors so far.
    numbers: usize,
}

impl Builder {
    /// A graph with one input, and that input.
    pub(super) fn new(name: &str, shape: &[usize]) -> TractResult<(Self, Wire)> {
        let mut builder = Self { model: TypedModel::default(), node: name.to_owned(), numbers: 0 };
        builder.count(shape)?;
        let input = builder.model.add_source(name, f32::fact(shape))?;
        Ok((builder, input))
    }

    /// What is wired from now on belongs to `node`.
    pub(super) fn enter(&mut self, node: &str) {
        node.clone_into(&mut self.node);
    }

    /// The graph with these outputs.
    pub(super) fn finish(mut self, outputs: &[Wire]) -> TractResult<TypedModel> {
        self.model.select_output_outlets(outputs)?;
        Ok(self.model)
    }

    pub(super) fn shape(&self, wire: Wire) -> TractResult<Vec<usize>> {
        let shape = &self.model.outlet_fact(wire)?.shape;
        Ok(shape.as_concrete().context("its input has no fixed shape")?.to_vec())
    }

    /// The shape of a batch of pictures: batch, height, width, channels.
    pub(super) fn picture(&self, wire: Wire) -> TractResult<[usize; 4]> {
        let shape = self.shape(wire)?;
        shape
            .as_slice()
            .try_into()
            .map_err(|_| format_err!("its input has shape {shape:?}, and four axes are needed"))
    }

    pub(super) fn rank(&self, wire: Wire) -> TractResult<usize> {
        Ok(self.model.outlet_fact(wire)?.rank())
    }

    pub(super) fn datum_type(&self, wire: Wire) -> TractResult<DatumType> {
        Ok(self.model.outlet_fact(wire)?.datum_type)
    }

    /// The value of what does not depend on the input.
    pub(super) fn value(&self, wire: Wire) -> TractResult<&Arc<Tensor>> {
        let fact = self.model.outlet_fact(wire)?;
        fact.konst.as_ref().context("an operand that must be constant depends on the input")
    }

    /// A constant's whole numbers.
    pub(super) fn integers(&self, wire: Wire) -> TractResult<Vec<i64>> {
        let value = self.value(wire)?;
        ensure!(
            value.datum_type().is_integer(),
            "an operand that must be whole numbers is of type {:?}",
            value.datum_type()
        );
        ensure!(value.len() <= 1024, "an operand of {} whole numbers is too long", value.len());
        let value = value.cast_to::<i64>()?;
        Ok(value.to_plain_array_view::<i64>()?.iter().copied().collect())
    }

    pub(super) fn constant(&mut self, value: impl IntoArcTensor) -> TractResult<Wire> {
        self.model.add_const(self.node.clone(), value)
    }

    /// Wires an operation of one output.
    pub(super) fn wire(&mut self, op: impl Into<Box<dyn TypedOp>>, inputs: &[Wire]) -> TractResult<Wire> {
        let op: Box<dyn TypedOp> = op.into();
        let facts: TVec<TypedFact> =
            inputs.iter().map(|&i| self.model.outlet_fact(i).cloned()).collect::<TractResult<_>>()?;
        for fact in op.output_facts(&facts.iter().collect::<TVec<_>>())? {
            let shape = fact.shape.as_concrete().context("its output has no fixed shape")?;
            self.count(shape)?;
        }
        ensure!(self.model.nodes.len() < 8 * MAX_NODES, "the graph has too many nodes");
        let name = self.model.unique_name(self.node.clone()).into_owned();
        self.model.wire_node(name, op, inputs)?.first().copied().context("it has no output")
    }

    /// Notes a tensor of this shape; an error where it is too large.
    fn count(&mut self, shape: &[usize]) -> TractResult<()> {
        let numbers = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= MAX_TENSOR);
        let numbers = numbers.with_context(|| format!("a tensor of shape {shape:?} is too large"))?;
        ensure!(numbers > 0, "a tensor of shape {shape:?} is empty");
        self.numbers += numbers;
        ensure!(self.numbers <= MAX_GRAPH, "the graph's tensors are too large together");
        Ok(())
    }
}

/// An axis that may be counted from the end, as one that is counted from the start.
pub(super) fn axis_of(axis: i64, rank: usize) -> TractResult<usize> {
    let rank = i64::try_from(rank)?;
    let counted = if axis < 0 { axis.checked_add(rank) } else { Some(axis) };
    let counted = counted.filter(|a| (0..rank).contains(a));
    Ok(usize::try_from(counted.with_context(|| format!("there is no axis {axis} among {rank}"))?)?)
}
