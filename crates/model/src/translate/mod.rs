//! From tract's graph to the layers of the executor. What the executor does not know tract runs, node by node.

mod channels;
mod constants;
mod function;
mod layers;
mod patterns;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use streamface_exec::{Activation, Graph, Layer, Order, Shape, Value, ValueId};
use tract_tflite::internal::*;

use channels::Channels;
use constants::Constants;
use function::TractFunction;
use patterns::{Patterns, Slopes};

/// Nodes that tract may run between layers of the executor: with more of them, it had better run all.
const MOST_FUNCTIONS: usize = 24;

/// The layers of a graph.
pub(crate) fn translate(model: &TypedModel) -> TractResult<Graph> {
    let order = model.eval_order()?;
    let constants = Constants::of(model, &order)?;
    let source = *model.input_outlets()?.first().context("it has no input")?;
    let fact = model.outlet_fact(source)?;
    ensure!(fact.datum_type == f32::datum_type(), "its input is no f32");
    let shape = fact.shape.as_concrete().context("its input has no fixed shape")?;
    let (graph, input) = Graph::new(shape)?;
    let mut translation = Translation {
        model,
        constants: &constants,
        graph,
        pictures: HashMap::new(),
        channels: HashMap::new(),
        tensors: HashMap::from([(source, input)]),
        functions: 0,
    };
    let plan = translation.needed(&order)?;
    for &id in order.iter().filter(|id| plan.nodes.contains(*id)) {
        let outlet = OutletId::new(id, 0);
        if outlet == source || constants.get(outlet).is_some() {
            continue;
        }
        let node = model.node(id);
        let made = match plan.slopes.get(&outlet) {
            Some(slopes) => translation.slopes(node, slopes)?,
            None => translation.channels_of(node)? || translation.gathered_layer(node)?,
        };
        if !made {
            translation.function(node)?;
        }
    }
    let outputs = model.output_outlets()?.iter().map(|&o| translation.tensor(o));
    let outputs = outputs.collect::<TractResult<Vec<_>>>()?;
    let mut graph = translation.graph;
    graph.set_outputs(&outputs)?;
    Ok(graph)
}

/// What of a graph is translated.
struct Needed {
    nodes: HashSet<usize>,
    slopes: HashMap<OutletId, Slopes>,
}

struct Translation<'a> {
    model: &'a TypedModel,
    constants: &'a Constants,
    graph: Graph,
    /// Outlets that are pictures, and the order of their axes in tract's graph.
    pictures: HashMap<OutletId, (ValueId, Order)>,
    /// Outlets of which only is known which channels they have.
    channels: HashMap<OutletId, Channels>,
    tensors: HashMap<OutletId, ValueId>,
    functions: usize,
}

impl<'a> Translation<'a> {
    /// The nodes that the outputs depend on; those inside of a pattern are not among them.
    fn needed(&self, order: &[usize]) -> TractResult<Needed> {
        let patterns = Patterns { model: self.model, constants: self.constants };
        let mut needed = Needed { nodes: HashSet::new(), slopes: HashMap::new() };
        needed.nodes.extend(self.model.output_outlets()?.iter().map(|o| o.node));
        for &id in order.iter().rev() {
            if !needed.nodes.contains(&id) || self.constants.get(OutletId::new(id, 0)).is_some() {
                continue;
            }
            let node = self.model.node(id);
            let outlet = OutletId::new(id, 0);
            if let Some(slopes) = patterns.slopes(outlet) {
                needed.nodes.insert(slopes.of.node);
                needed.slopes.insert(outlet, slopes);
            } else if let Some((from, _)) = self.padded(node) {
                needed.nodes.insert(from.node);
            } else {
                needed.nodes.extend(node.inputs.iter().map(|i| i.node));
            }
        }
        Ok(needed)
    }

    /// The layer that a node is, after what it reads has been gathered.
    fn gathered_layer(&mut self, node: &TypedNode) -> TractResult<bool> {
        for &input in &node.inputs {
            self.gathered(input)?;
        }
        if let Some((outlet, _)) = self.padded(node) {
            self.gathered(outlet)?;
        }
        self.layer(node)
    }

    fn dimensions(&self, outlet: OutletId) -> TractResult<&'a [usize]> {
        self.model.outlet_fact(outlet)?.shape.as_concrete().context("a shape that is not fixed")
    }

    /// An outlet as a picture, whose axes are in this order.
    fn picture(&mut self, outlet: OutletId, order: Order) -> TractResult<Option<(ValueId, Shape)>> {
        if let Some(&(id, has)) = self.pictures.get(&outlet) {
            let Value::Picture(shape) = *self.graph.value(id) else { return Ok(None) };
            // With one pixel, or of two dimensions, the order says nothing.
            let same = has == order || shape.rows * shape.columns == 1;
            return Ok(same.then_some((id, shape)));
        }
        let Some(&tensor) = self.tensors.get(&outlet) else { return Ok(None) };
        let Value::Tensor(dimensions) = self.graph.value(tensor) else { return Ok(None) };
        let Some(shape) = shape(dimensions, order) else { return Ok(None) };
        let name = format!("{} (from tensor)", self.model.node(outlet.node).name);
        let id = self.graph.add(&name, Layer::FromTensor(order), &[tensor], Value::Picture(shape))?;
        self.pictures.insert(outlet, (id, order));
        Ok(Some((id, shape)))
    }

    /// A picture that an outlet is already.
    fn known_picture(&self, outlet: OutletId) -> Option<(ValueId, Shape, Order)> {
        let &(id, order) = self.pictures.get(&outlet)?;
        match *self.graph.value(id) {
            Value::Picture(shape) => Some((id, shape, order)),
            Value::Tensor(_) => None,
        }
    }

    /// An outlet as a tensor.
    fn tensor(&mut self, outlet: OutletId) -> TractResult<ValueId> {
        if let Some(&id) = self.tensors.get(&outlet) {
            return Ok(id);
        }
        self.gathered(outlet)?;
        let (picture, shape, order) =
            self.known_picture(outlet).context("an output that does not depend on the input")?;
        let name = format!("{} (to tensor)", self.model.node(outlet.node).name);
        let dimensions = match self.dimensions(outlet)? {
            four @ [_, _, _, _] => four.to_vec(),
            // Of one pixel: its axes of one are left out.
            _ => vec![shape.images, shape.channels],
        };
        let id = self.graph.add(&name, Layer::ToTensor(order), &[picture], Value::Tensor(dimensions))?;
        self.tensors.insert(outlet, id);
        Ok(id)
    }

    fn add(
        &mut self,
        node: &TypedNode,
        layer: Layer,
        inputs: &[ValueId],
        shape: Shape,
        order: Order,
    ) -> TractResult<bool> {
        let id = self.graph.add(&node.name, layer, inputs, Value::Picture(shape))?;
        self.pictures.insert(OutletId::new(node.id, 0), (id, order));
        Ok(true)
    }

    fn slopes(&mut self, node: &TypedNode, slopes: &Slopes) -> TractResult<bool> {
        self.gathered(slopes.of)?;
        let (picture, shape, order) = match self.known_picture(slopes.of) {
            Some(known) => known,
            None => bail!("a slope of what is no picture"),
        };
        let rank = self.dimensions(slopes.of)?.len();
        let numbers =
            self.constants.of_channels(slopes.slopes, channel_axis(order, rank), rank, shape.channels);
        let numbers = numbers.context("slopes that are not of channels")?;
        let numbers = numbers.into_iter().map(|n| n * slopes.factor).collect();
        self.add(node, Layer::Activation(Activation::Slopes(numbers)), &[picture], shape, order)
    }

    /// Lets tract run the node.
    fn function(&mut self, node: &TypedNode) -> TractResult<()> {
        self.functions += 1;
        ensure!(self.functions <= MOST_FUNCTIONS, "more than {MOST_FUNCTIONS} nodes of other kinds");
        ensure!(node.outputs.len() == 1, "node '{}' has several outputs", node.name);
        let constants: Vec<_> = node.inputs.iter().map(|&i| self.constants.get(i).cloned()).collect();
        let inputs: Vec<OutletId> =
            node.inputs.iter().copied().filter(|&i| self.constants.get(i).is_none()).collect();
        let inputs = inputs.into_iter().map(|i| self.tensor(i)).collect::<TractResult<Vec<_>>>()?;
        let fact = &node.outputs[0].fact;
        ensure!(fact.datum_type == f32::datum_type(), "node '{}' makes no f32", node.name);
        let function = TractFunction::new(self.model, node, &constants)?;
        let outlet = OutletId::new(node.id, 0);
        let dimensions = self.dimensions(outlet)?.to_vec();
        let layer = Layer::Function(Arc::new(function));
        let id = self.graph.add(&node.name, layer, &inputs, Value::Tensor(dimensions))?;
        self.tensors.insert(outlet, id);
        Ok(())
    }
}

/// The picture that a tensor of these dimensions is.
fn shape(dimensions: &[usize], order: Order) -> Option<Shape> {
    let [images, rows, columns, channels] = match (dimensions, order) {
        (&[n, c], _) => [n, 1, 1, c],
        (&[n, c, h, w], Order::ChannelsFirst) | (&[n, h, w, c], Order::ChannelsLast) => [n, h, w, c],
        _ => return None,
    };
    (images * rows * columns * channels > 0).then_some(Shape { images, rows, columns, channels })
}

/// Where the channels are among `rank` axes.
fn channel_axis(order: Order, rank: usize) -> usize {
    match order {
        Order::ChannelsFirst => 1,
        Order::ChannelsLast => rank.saturating_sub(1),
    }
}
