//! What the JSON says.

use serde::Deserialize;
use serde_json::{Map, Value};
use tract_tflite::internal::*;

use super::weights::Group;
use crate::import::builder::MAX_NODES;
use crate::import::order::InGraph;

/// The JSON, as far as it is used.
pub(super) struct File {
    pub(super) nodes: Vec<Node>,
    pub(super) weights: Vec<Group>,
    signature: Option<Signature>,
}

/// An operation of the graph.
#[derive(Debug, Deserialize)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) op: String,
    #[serde(default)]
    input: Vec<String>,
    #[serde(default)]
    pub(super) attr: Map<String, Value>,
}

/// Which outputs a caller gets.
pub(super) struct Output {
    /// What it is called there.
    pub(super) name: String,
    pub(super) node: String,
    /// Which of the node's outputs.
    pub(super) place: usize,
}

#[derive(Deserialize)]
struct Written {
    format: Option<String>,
    #[serde(rename = "modelTopology")]
    topology: Option<Topology>,
    #[serde(rename = "weightsManifest", default)]
    weights: Vec<Group>,
    signature: Option<Signature>,
    #[serde(rename = "userDefinedMetadata")]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Topology {
    #[serde(default)]
    node: Vec<Node>,
    signature: Option<Signature>,
}

#[derive(Deserialize)]
struct Metadata {
    signature: Option<Signature>,
}

/// Names that the graph's maker gave to its outputs, in the file's order.
#[derive(Deserialize)]
struct Signature {
    outputs: Option<Map<String, Value>>,
}

impl File {
    pub(super) fn read(json: &[u8]) -> TractResult<Self> {
        let written: Written = serde_json::from_slice(json).context("its JSON cannot be read")?;
        if let Some(format) = written.format.filter(|f| f != "graph-model") {
            bail!("it is a '{format}' of TensorFlow.js, and a graph-model is needed");
        }
        let topology = written.topology.context("its JSON has no modelTopology")?;
        let count = topology.node.len();
        ensure!((1..=MAX_NODES).contains(&count), "it has {count} nodes, and 1 to {MAX_NODES} are read");
        let signature =
            written.signature.or(topology.signature).or(written.metadata.and_then(|m| m.signature));
        Ok(Self { nodes: topology.node, weights: written.weights, signature })
    }

    /// The outputs called `wanted`, by their names in the signature or by those of nodes; where it is empty those of
    /// the signature, or without one, the nodes that no other node uses.
    pub(super) fn outputs(&self, wanted: &[&str]) -> TractResult<Vec<Output>> {
        let signed: Vec<(&str, &str)> = self.signed().collect();
        if !wanted.is_empty() {
            let find = |&name: &&str| {
                let tensor = signed.iter().find(|(key, _)| *key == name).map_or(name, |(_, tensor)| tensor);
                self.output(name, tensor)
            };
            return wanted.iter().map(find).collect();
        }
        if !signed.is_empty() {
            return signed
                .iter()
                .map(|(_, tensor)| self.output(tensor.trim_end_matches(":0"), tensor))
                .collect();
        }
        let used: std::collections::HashSet<&str> =
            self.nodes.iter().flat_map(Node::inputs).map(|(name, _)| name).collect();
        let leaves = self.nodes.iter().filter(|n| !used.contains(n.name.as_str()) && n.op != "NoOp");
        leaves.map(|n| self.output(&n.name, &n.name)).collect()
    }

    fn signed(&self) -> impl Iterator<Item = (&str, &str)> {
        let outputs = self.signature.as_ref().and_then(|s| s.outputs.as_ref());
        outputs
            .into_iter()
            .flatten()
            .map(|(key, v)| (key.as_str(), v.get("name").and_then(Value::as_str).unwrap_or(key)))
    }

    fn output(&self, name: &str, tensor: &str) -> TractResult<Output> {
        let (node, place) = split(tensor);
        ensure!(self.nodes.iter().any(|n| n.name == node), "it has no output '{name}'");
        Ok(Output { name: name.to_owned(), node: node.to_owned(), place })
    }
}

impl Node {
    /// Names of the nodes that it uses, and which of their outputs.
    pub(super) fn inputs(&self) -> impl Iterator<Item = (&str, usize)> {
        // What begins with ^ only says what runs first.
        self.input.iter().filter(|i| !i.starts_with('^')).map(|i| split(i))
    }

    /// An error where the input that the file declares has another number of axes.
    pub(super) fn accepts(&self, input: &[usize]) -> TractResult<()> {
        let declared = self.attr.get("shape").and_then(|a| a.get("shape"));
        let axes = declared.and_then(|s| s.get("dim")).and_then(Value::as_array).map(Vec::len);
        let fits = axes.is_none_or(|n| n == input.len());
        ensure!(fits, "its input '{}' has {} axes, not {}", self.name, axes.unwrap_or_default(), input.len());
        Ok(())
    }
}

impl InGraph for Node {
    fn name(&self) -> &str {
        &self.name
    }

    fn uses(&self) -> impl Iterator<Item = &str> {
        self.inputs().map(|(name, _)| name)
    }
}

/// `name:1` is the second output of a node, `name` the first.
fn split(tensor: &str) -> (&str, usize) {
    let place = tensor.rsplit_once(':').and_then(|(name, place)| Some((name, place.parse().ok()?)));
    place.unwrap_or((tensor, 0))
}
