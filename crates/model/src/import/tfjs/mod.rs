//! TensorFlow.js graph models: a JSON with the graph, and shards with its weights.
//!
//! Only what the outputs need is read. So a node that they do not need may be of any operation.

mod attributes;
mod graph;
mod operations;
mod weights;

use std::collections::HashMap;

use tract_tflite::internal::*;

use super::Imported;
use super::builder::{Builder, Wire};
use super::order;
use graph::{File, Node};

/// The JSON at most, in bytes; the largest known one has 1 MB.
const MAX_JSON: usize = 16 << 20;

pub(super) fn import(files: &[&[u8]], input: &[usize], wanted: &[&str]) -> TractResult<Imported> {
    let Some((json, shards)) = files.split_first() else { bail!("no file was given") };
    ensure!(json.len() <= MAX_JSON, "its JSON has {} bytes, and {MAX_JSON} are read at most", json.len());
    let file = File::read(json)?;
    let weights = weights::Weights::find(&file.weights, shards)?;
    let outputs = file.outputs(wanted)?;
    let nodes = order::needed(&file.nodes, outputs.iter().map(|o| o.node.as_str()))?;
    let mut inputs = nodes.iter().filter(|n| n.op == "Placeholder");
    let (Some(source), None) = (inputs.next(), inputs.next()) else {
        bail!(
            "a network has one input, and this one has {}",
            nodes.iter().filter(|n| n.op == "Placeholder").count()
        );
    };
    source.accepts(input)?;
    let (mut builder, wire) = Builder::new(&source.name, input)?;
    let mut values: HashMap<&str, Vec<Wire>> = HashMap::from([(source.name.as_str(), vec![wire])]);
    for node in nodes.iter().filter(|n| n.op != "Placeholder") {
        let made = wire_node(&mut builder, node, &values, &weights);
        let made = made.with_context(|| format!("node '{}' ({})", node.name, node.op))?;
        values.insert(&node.name, made);
    }
    let wires: Vec<Wire> =
        outputs.iter().map(|o| value(&values, &o.node, o.place)).collect::<TractResult<_>>()?;
    Ok(Imported { model: builder.finish(&wires)?, outputs: outputs.into_iter().map(|o| o.name).collect() })
}

fn wire_node(
    builder: &mut Builder,
    node: &Node,
    values: &HashMap<&str, Vec<Wire>>,
    weights: &weights::Weights<'_>,
) -> TractResult<Vec<Wire>> {
    builder.enter(&node.name);
    if node.op == "Const" {
        let wire = builder.constant(weights.read(&node.name)?)?;
        return Ok(vec![wire]);
    }
    let inputs =
        node.inputs().map(|(name, place)| value(values, name, place)).collect::<TractResult<Vec<_>>>()?;
    operations::wire(builder, node, &inputs)
}

fn value(values: &HashMap<&str, Vec<Wire>>, node: &str, place: usize) -> TractResult<Wire> {
    let wires = values.get(node).with_context(|| format!("there is no node '{node}'"))?;
    wires
        .get(place)
        .copied()
        .with_context(|| format!("node '{node}' has {} outputs, not {}", wires.len(), place + 1))
}
