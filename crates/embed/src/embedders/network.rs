//! An embedder that is one network, described by its manifest alone: MobileFaceNet, ArcFace, FaceNet and such.

use streamface_model::{Crop, Manifest, ModelId};
use streamface_types::Metric;

use crate::embedder::{Embedded, Embedder, FaceCrop};
use crate::error::Result;
use crate::face_network::FaceNetwork;

/// An embedder over one network, whose first output holds a vector for each face.
#[derive(Debug)]
pub struct NetworkEmbedder {
    network: FaceNetwork,
    crop: Crop,
    dim: usize,
    metric: Metric,
}

impl NetworkEmbedder {
    /// An embedder with the given weights, which [`streamface_model::Cache::read`] gives.
    ///
    /// # Errors
    /// [`crate::Error::Model`] where the model is no embedder or the weights do not load;
    /// [`crate::Error::Unfit`] where it is more than one network.
    pub fn new(model: &Manifest, weights: &[Vec<u8>]) -> Result<Self> {
        let e = model.embedder()?;
        let network = FaceNetwork::new(model, weights, e.batch)?;
        Ok(Self { network, crop: model.crop()?, dim: e.dim, metric: e.metric })
    }
}

impl Embedder for NetworkEmbedder {
    fn id(&self) -> &ModelId {
        self.network.id()
    }

    fn crop(&self) -> Crop {
        self.crop
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn metric(&self) -> Metric {
        self.metric
    }

    fn embed(&self, faces: &[FaceCrop<'_>]) -> Result<Vec<Embedded>> {
        let images: Vec<_> = faces.iter().map(|face| face.image).collect();
        let mut embeddings = Vec::with_capacity(faces.len());
        let batch = self.network.batch();
        self.network.run(&images, |outputs, wanted| {
            let wrong = || self.network.wrong(outputs, format!("[{batch}, {}]", self.dim));
            let output = outputs.first().and_then(|o| o.as_slice()).ok_or_else(wrong)?;
            if output.len() != batch * self.dim || output.iter().any(|v| !v.is_finite()) {
                return Err(wrong());
            }
            embeddings.extend(
                output
                    .chunks_exact(self.dim)
                    .take(wanted)
                    .map(unit)
                    .map(|vector| Embedded { vector, quality: None }),
            );
            Ok(())
        })?;
        Ok(embeddings)
    }
}

/// The vector at length 1; a vector of zeros stays.
fn unit(v: &[f32]) -> Vec<f32> {
    let length = v.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    let length = if length > 0.0 { length } else { 1.0 };
    v.iter().map(|&x| (f64::from(x) / length) as f32).collect()
}
