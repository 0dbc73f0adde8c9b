//! One network at many input sizes.

use std::sync::{Mutex, PoisonError};

use streamface_model::{Format, Layout, Network, NetworkOptions};

use crate::error::Result;

/// Input sizes kept ready; a folder of photos has few, once sides are rounded.
const MAX_NETWORKS: usize = 8;

/// A network that is built for each input size it meets.
#[derive(Debug)]
pub(crate) struct SizedNetworks {
    /// What errors call the model.
    name: String,
    format: Format,
    layout: Layout,
    options: NetworkOptions,
    weights: Vec<u8>,
    /// Input sizes kept ready.
    most: usize,
    /// By width and height of the input, the one used last first.
    ready: Mutex<Vec<((u32, u32), Network)>>,
}

impl SizedNetworks {
    /// Networks of the file `weights`, none built yet.
    pub(crate) fn new(name: &str, format: Format, layout: Layout, weights: Vec<u8>) -> Self {
        let options = NetworkOptions::default();
        let (name, ready) = (name.to_owned(), Mutex::default());
        Self { name, format, layout, options, weights, most: MAX_NETWORKS, ready }
    }

    /// The same, run as `options` say.
    pub(crate) fn with(self, options: NetworkOptions) -> Self {
        Self { options, ..self }
    }

    /// The same, with `most` input sizes kept ready.
    pub(crate) fn keeping(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// The network for one picture of three channels, `size` being its width and height.
    pub(crate) fn get(&self, size: (u32, u32)) -> Result<Network> {
        let ready = || self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let known = {
            let mut networks = ready();
            let at = networks.iter().position(|(s, _)| *s == size);
            at.map(|at| {
                networks[..=at].rotate_right(1);
                networks[0].1.clone()
            })
        };
        if let Some(network) = known {
            return Ok(network);
        }
        let (w, h) = (size.0 as usize, size.1 as usize);
        // Built outside the lock: other threads go on meanwhile, at worst one builds the same.
        let shape = match self.layout {
            Layout::Nchw => [1, 3, h, w],
            Layout::Nhwc => [1, h, w, 3],
        };
        let network =
            Network::load_with(&self.name, self.format, &[&self.weights], &shape, &[], self.options)?;
        let mut networks = ready();
        networks.insert(0, (size, network.clone()));
        networks.truncate(self.most);
        Ok(network)
    }
}
