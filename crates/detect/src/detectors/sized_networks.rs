//! One network at many input sizes.

use std::sync::{Arc, Mutex, PoisonError};

use streamface_model::{Format, Layout, Network, NetworkOptions};

use crate::error::Result;

/// Input sizes kept ready; a folder of photos has few, once sides are rounded.
const MAX_NETWORKS: usize = 8;

/// A network, once it is built.
type Slot = Arc<Mutex<Option<Network>>>;

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
    ready: Mutex<Vec<((u32, u32), Slot)>>,
}

impl SizedNetworks {
    /// Networks of the file `weights`, run as `options` say; none is built yet.
    pub(crate) fn new(
        name: &str,
        format: Format,
        layout: Layout,
        options: NetworkOptions,
        weights: Vec<u8>,
    ) -> Self {
        let (name, ready) = (name.to_owned(), Mutex::default());
        Self { name, format, layout, options, weights, most: MAX_NETWORKS, ready }
    }

    /// The same, with `most` input sizes kept ready.
    pub(crate) fn keeping(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// The network for one picture of three channels, `size` being its width and height.
    pub(crate) fn get(&self, size: (u32, u32)) -> Result<Network> {
        let slot = {
            let mut networks = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            match networks.iter().position(|(s, _)| *s == size) {
                Some(at) => networks[..=at].rotate_right(1),
                None => networks.insert(0, (size, Slot::default())),
            }
            networks.truncate(self.most);
            Arc::clone(&networks[0].1)
        };
        // Who comes while it is built waits for it; threads that want another size go on.
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(network) = &*slot {
            return Ok(network.clone());
        }
        let (w, h) = (size.0 as usize, size.1 as usize);
        let shape = match self.layout {
            Layout::Nchw => [1, 3, h, w],
            Layout::Nhwc => [1, h, w, 3],
        };
        let network =
            Network::load_with(&self.name, self.format, &[&self.weights], &shape, &[], self.options)?;
        Ok(slot.insert(network).clone())
    }
}
