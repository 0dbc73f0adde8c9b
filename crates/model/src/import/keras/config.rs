//! The layers and how they are connected.

use serde_json::{Map, Value};
use tract_tflite::internal::*;

use crate::import::builder::MAX_NODES;
use crate::import::order::InGraph;

pub(super) struct Config {
    pub(super) layers: Vec<Layer>,
    /// Names of the layers whose outputs are the model's.
    pub(super) outputs: Vec<String>,
}

pub(super) struct Layer {
    pub(super) name: String,
    /// The class, such as `Conv2D`.
    pub(super) kind: String,
    pub(super) config: Map<String, Value>,
    /// Names of the layers that it gets; of the model's input none.
    pub(super) inputs: Vec<String>,
}

impl Config {
    pub(super) fn read(json: &str) -> TractResult<Self> {
        let model: Value = serde_json::from_str(json).context("its model_config cannot be read")?;
        let class = text(&model, "class_name")?;
        ensure!(
            ["Sequential", "Model", "Functional"].contains(&class),
            "its model_config is of class '{class}'; models made of layers are read"
        );
        let config = model.get("config").context("its model_config has no config")?;
        // Of a Sequential, early versions write the list alone.
        let layers =
            config.get("layers").unwrap_or(config).as_array().context("its model_config has no layers")?;
        ensure!(
            (1..=MAX_NODES).contains(&layers.len()),
            "it has {} layers, and 1 to {MAX_NODES} are read",
            layers.len()
        );
        if class == "Sequential" { Self::sequential(layers) } else { Self::functional(config, layers) }
    }

    fn functional(config: &Value, layers: &[Value]) -> TractResult<Self> {
        let layers = layers.iter().map(|l| Layer::read(l, inbound(l)?)).collect::<TractResult<_>>()?;
        let mut outputs = Vec::new();
        named(config.get("output_layers").unwrap_or(&Value::Null), &mut outputs);
        ensure!(!outputs.is_empty(), "its model_config names no output_layers");
        Ok(Self { layers, outputs })
    }

    /// Each layer gets the one before it; the first one's input may be left unsaid.
    fn sequential(written: &[Value]) -> TractResult<Self> {
        let mut layers: Vec<Layer> = Vec::new();
        for layer in written {
            if layers.is_empty() && text(layer, "class_name")? != "InputLayer" {
                let (name, kind) = ("input".to_owned(), "InputLayer".to_owned());
                layers.push(Layer { name, kind, config: Map::new(), inputs: Vec::new() });
            }
            let before = layers.last().map(|l| l.name.clone());
            layers.push(Layer::read(layer, before.into_iter().collect())?);
        }
        let outputs = layers.last().map(|l| l.name.clone()).into_iter().collect();
        Ok(Self { layers, outputs })
    }
}

impl Layer {
    fn read(written: &Value, inputs: Vec<String>) -> TractResult<Self> {
        let config =
            written.get("config").and_then(Value::as_object).context("a layer has no config")?.clone();
        let name = written.get("name").or_else(|| config.get("name")).and_then(Value::as_str);
        let name = name.context("a layer has no name")?.to_owned();
        let kind = text(written, "class_name")?.to_owned();
        let source = kind == "InputLayer";
        ensure!(source == inputs.is_empty(), "layer '{name}' ({kind}) has {} inputs", inputs.len());
        Ok(Self { name, kind, config, inputs })
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.config.get(key).filter(|v| !v.is_null())
    }

    pub(super) fn number(&self, key: &str) -> TractResult<Option<f32>> {
        let number = |v: &Value| v.as_f64().map(|v| v as f32).filter(|v| v.is_finite());
        self.get(key).map(|v| number(v).with_context(|| format!("its '{key}' is no number"))).transpose()
    }

    pub(super) fn flag(&self, key: &str, otherwise: bool) -> bool {
        self.get(key).and_then(Value::as_bool).unwrap_or(otherwise)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// Whole numbers; one alone stands for a list of it.
    pub(super) fn integers(&self, key: &str) -> TractResult<Vec<i64>> {
        let numbers = match self.get(key) {
            None => Some(Vec::new()),
            Some(Value::Array(list)) => list.iter().map(Value::as_i64).collect(),
            Some(one) => one.as_i64().map(|n| vec![n]),
        };
        numbers.with_context(|| format!("its '{key}' is no list of whole numbers"))
    }
}

impl InGraph for Layer {
    fn name(&self) -> &str {
        &self.name
    }

    fn uses(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(String::as_str)
    }
}

/// Names of the layers that a layer gets.
fn inbound(layer: &Value) -> TractResult<Vec<String>> {
    let nodes = layer.get("inbound_nodes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let name = layer.get("name").and_then(Value::as_str).unwrap_or_default();
    ensure!(nodes.len() <= 1, "layer '{name}' is used {} times, which is not supported", nodes.len());
    let mut names = Vec::new();
    for node in nodes {
        named(node, &mut names);
    }
    Ok(names)
}

/// The names in references to outputs of layers: each is a list of a layer's name and two or more other things. Keras 3
/// has it deeper, under `keras_history`.
fn named(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Array(list) => match &list[..] {
            [Value::String(name), Value::Number(_), ..] => names.push(name.clone()),
            list => list.iter().for_each(|v| named(v, names)),
        },
        Value::Object(map) => match map.get("keras_history") {
            Some(history) => named(history, names),
            None => ["args", "config"].iter().filter_map(|&k| map.get(k)).for_each(|v| named(v, names)),
        },
        _ => {}
    }
}

fn text<'a>(value: &'a Value, key: &str) -> TractResult<&'a str> {
    value.get(key).and_then(Value::as_str).with_context(|| format!("its model_config lacks a '{key}'"))
}
