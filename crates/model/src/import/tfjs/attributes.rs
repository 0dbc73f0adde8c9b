//! Attributes of a node. Whole numbers may be written as text, and text is in base64.

use base64::Engine as _;
use serde_json::Value;
use tract_tflite::internal::*;

use super::graph::Node;

impl Node {
    fn attribute(&self, name: &str, kind: &str) -> Option<&Value> {
        self.attr.get(name)?.get(kind)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.attribute(name, "b").and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn float(&self, name: &str) -> Option<f32> {
        Some(self.attribute(name, "f")?.as_f64()? as f32).filter(|v| v.is_finite())
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        integer(self.attribute(name, "i")?)
    }

    /// A list of whole numbers; empty where there is none.
    pub(super) fn integers(&self, name: &str) -> TractResult<Vec<i64>> {
        let list = self.attribute(name, "list").and_then(|l| l.get("i")).and_then(Value::as_array);
        let list = list.map(Vec::as_slice).unwrap_or_default();
        let numbers: Option<Vec<i64>> = list.iter().map(integer).collect();
        numbers.with_context(|| format!("its attribute '{name}' is no list of whole numbers"))
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        text(self.attribute(name, "s")?)
    }

    pub(super) fn texts(&self, name: &str) -> TractResult<Vec<String>> {
        let list = self.attribute(name, "list").and_then(|l| l.get("s")).and_then(Value::as_array);
        let list = list.map(Vec::as_slice).unwrap_or_default();
        let texts: Option<Vec<String>> = list.iter().map(text).collect();
        texts.with_context(|| format!("its attribute '{name}' is no list of texts"))
    }

    /// A type, such as `DT_FLOAT`.
    pub(super) fn kind(&self, name: &str) -> Option<&str> {
        self.attribute(name, "type")?.as_str()
    }
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn text(value: &Value) -> Option<String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}
