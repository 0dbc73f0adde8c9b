//! What is read from the HDF5 file.

use hdf5_reader::group::Group;
use hdf5_reader::{Hdf5File, OpenOptions};
use tract_tflite::internal::*;

/// The text of `model_config` at most, in bytes.
const MAX_CONFIG: usize = 16 << 20;

pub(super) struct Hdf5 {
    root: Group,
    /// The group with one group for each layer; none where no layer has weights.
    layers: Option<Group>,
}

/// Weights of one layer by the last part of their names: `kernel`, `bias`, ….
pub(super) struct Weights(Vec<(String, Tensor)>);

impl Hdf5 {
    pub(super) fn open(file: &[u8]) -> TractResult<Self> {
        // What is compressed may be longer than the file, but not as long as it pleases.
        let limit = file.len().saturating_mul(4);
        let options = OpenOptions::default()
            .with_max_read_bytes(limit)
            .with_max_chunk_bytes(limit)
            .with_chunk_cache_bytes(0);
        let file = Hdf5File::from_bytes_with_options(file, options)
            .context("it is no HDF5 file that can be read")?;
        let root = file.root_group().context("its root group cannot be read")?;
        let layers = root.group("model_weights").ok();
        Ok(Self { root, layers })
    }

    pub(super) fn model_config(&self) -> TractResult<String> {
        let text = self.root.attribute("model_config").and_then(|a| a.read_string());
        let text = text.context("it has no model_config: save the whole model, not its weights alone")?;
        ensure!(
            text.len() <= MAX_CONFIG,
            "its model_config has {} bytes, and {MAX_CONFIG} are read at most",
            text.len()
        );
        Ok(text)
    }

    /// The weights of a layer; none where it has none.
    pub(super) fn weights_of(&self, layer: &str) -> TractResult<Weights> {
        let group = self.layers.as_ref().and_then(|layers| layers.group(layer).ok());
        let Some(group) = group else { return Ok(Weights(Vec::new())) };
        let names = group.attribute("weight_names").and_then(|a| a.read_strings()).unwrap_or_default();
        let read = |path: &String| {
            let weight = read(&group, path).with_context(|| format!("weight '{path}'"))?;
            let last = path.rsplit('/').next().unwrap_or(path);
            Ok((last.trim_end_matches(":0").to_owned(), weight))
        };
        Ok(Weights(names.iter().map(read).collect::<TractResult<_>>()?))
    }
}

fn read(group: &Group, path: &str) -> TractResult<Tensor> {
    let mut parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let name = parts.pop().context("it has no name")?;
    let mut group = group.clone();
    for part in parts {
        group = group.group(part)?;
    }
    let data = group.dataset(name)?;
    let shape = data.shape().iter().map(|&d| usize::try_from(d)).collect::<Result<Vec<_>, _>>()?;
    let values = data.read_array::<f32>()?;
    ensure!(values.shape() == shape, "its values are of another shape than it says");
    // Number by number this would take most of the time of loading a network.
    match values.as_slice() {
        Some(numbers) => Tensor::from_shape(&shape, numbers),
        None => Tensor::from_shape(&shape, &values.iter().copied().collect::<Vec<f32>>()),
    }
}

impl Weights {
    pub(super) fn find(&self, name: &str) -> Option<&Tensor> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, t)| t)
    }

    pub(super) fn get(&self, name: &str) -> TractResult<&Tensor> {
        let names = || self.0.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>();
        self.find(name).with_context(|| format!("it has no weights '{name}', but {:?}", names()))
    }
}
