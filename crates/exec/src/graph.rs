//! A network as layers: what a [`Plan`](crate::Plan) is made of.

use crate::check::{check, size};
use crate::error::{Error, Result};
use crate::layer::{Layer, Value, ValueId};

/// A layer in its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What a profile calls it.
    pub(crate) name: String,
    pub(crate) layer: Layer,
    pub(crate) inputs: Vec<ValueId>,
}

/// A network as layers, each of which uses the results of earlier ones. Value 0 is the input, a tensor.
#[derive(Clone, Debug)]
pub struct Graph {
    pub(crate) values: Vec<Value>,
    /// The node that makes value `i + 1`.
    pub(crate) nodes: Vec<Node>,
    pub(crate) outputs: Vec<ValueId>,
}

impl Graph {
    /// A network whose input is a tensor of this shape, and the input.
    ///
    /// # Errors
    /// [`Error::Layer`] where the shape holds no numbers, or too many.
    pub fn new(input: &[usize]) -> Result<(Self, ValueId)> {
        let input = Value::Tensor(input.to_vec());
        size(&input).map_err(|why| Error::Layer { name: "input".into(), why })?;
        Ok((Self { values: vec![input], nodes: Vec::new(), outputs: Vec::new() }, ValueId(0)))
    }

    /// What a value is.
    #[must_use]
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// Adds a layer that makes `value` of `inputs`.
    ///
    /// # Errors
    /// [`Error::Layer`] where the layer cannot make such a value of them.
    pub fn add(&mut self, name: &str, layer: Layer, inputs: &[ValueId], value: Value) -> Result<ValueId> {
        let unfit = |why: String| Error::Layer { name: name.to_owned(), why };
        if inputs.iter().any(|i| i.0 >= self.values.len()) {
            return Err(unfit("it uses a value that is not there yet".into()));
        }
        let given: Vec<&Value> = inputs.iter().map(|&i| self.value(i)).collect();
        check(&layer, &given, &value).map_err(unfit)?;
        self.nodes.push(Node { name: name.to_owned(), layer, inputs: inputs.to_vec() });
        self.values.push(value);
        Ok(ValueId(self.values.len() - 1))
    }

    /// Names the values that the network gives: tensors.
    ///
    /// # Errors
    /// [`Error::Layer`] where one is a picture.
    pub fn set_outputs(&mut self, outputs: &[ValueId]) -> Result<()> {
        for &id in outputs {
            if !matches!(self.values.get(id.0), Some(Value::Tensor(_))) {
                return Err(Error::Layer { name: "output".into(), why: "an output is a tensor".into() });
            }
        }
        self.outputs = outputs.to_vec();
        Ok(())
    }
}
