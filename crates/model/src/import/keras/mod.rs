//! Keras models in HDF5: the layers in the attribute `model_config`, their weights in the group `model_weights`.

mod config;
mod layers;
mod weights;

use std::collections::HashMap;

use tract_tflite::internal::*;

use super::Imported;
use super::builder::{Builder, Wire};
use super::order;
use config::Config;
use weights::Hdf5;

pub(super) fn import(file: &[u8], input: &[usize], wanted: &[&str]) -> TractResult<Imported> {
    let file = Hdf5::open(file)?;
    let config = Config::read(&file.model_config()?)?;
    let outputs: Vec<&str> =
        if wanted.is_empty() { config.outputs.iter().map(String::as_str).collect() } else { wanted.to_vec() };
    for output in &outputs {
        ensure!(
            config.layers.iter().any(|l| l.name == *output),
            "it has no layer '{output}' to give as output"
        );
    }
    let layers = order::needed(&config.layers, outputs.iter().copied())?;
    let mut inputs = layers.iter().filter(|l| l.inputs.is_empty());
    let (Some(source), None) = (inputs.next(), inputs.next()) else {
        bail!(
            "a network has one input, and this one has {}",
            layers.iter().filter(|l| l.inputs.is_empty()).count()
        );
    };
    let (mut builder, wire) = Builder::new(&source.name, input)?;
    let mut values: HashMap<&str, Wire> = HashMap::from([(source.name.as_str(), wire)]);
    for layer in layers.iter().filter(|l| !l.inputs.is_empty()) {
        let inputs: Vec<Wire> = layer.inputs.iter().map(|i| values[i.as_str()]).collect();
        builder.enter(&layer.name);
        let made = file.weights_of(&layer.name).and_then(|w| layers::wire(&mut builder, layer, &w, &inputs));
        let made = made.with_context(|| format!("node '{}' ({})", layer.name, layer.kind))?;
        values.insert(&layer.name, made);
    }
    let wires: Vec<Wire> = outputs.iter().map(|o| values[o]).collect();
    Ok(Imported { model: builder.finish(&wires)?, outputs: outputs.into_iter().map(str::to_owned).collect() })
}
