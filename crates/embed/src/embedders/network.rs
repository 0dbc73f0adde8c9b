//! An embedder that is one network, described by its manifest alone: MobileFaceNet, ArcFace, FaceNet and such.

use image::RgbImage;
use streamface_model::{Crop, Manifest, ModelId, OutputRef, QualitySection, Signal};
use streamface_types::Metric;

use crate::embedder::{Embedded, Embedder, FaceCrop};
use crate::error::Result;
use crate::face_network::FaceNetwork;
use crate::quality::Signals;

/// An embedder over one network, whose first output holds a vector for each face.
#[derive(Debug)]
pub struct NetworkEmbedder {
    network: FaceNetwork,
    crop: Crop,
    dim: usize,
    metric: Metric,
    centre: Option<Vec<f32>>,
    quality: Option<QualitySection>,
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
        let (centre, quality) = (e.centre.clone(), e.quality.clone());
        Ok(Self { network, crop: model.crop()?, dim: e.dim, metric: e.metric, centre, quality })
    }

    /// What the network gives for each face, less the centre, at the length that it gives it.
    pub(super) fn vectors(&self, images: &[&RgbImage]) -> Result<Vec<Vec<f32>>> {
        let mut vectors = Vec::with_capacity(images.len());
        self.network.run(images, |looked| {
            let numbers = looked.output(&OutputRef::Number(0))?;
            if numbers.len() != looked.batch * self.dim {
                return Err(looked.wrong(format!("[{}, {}]", looked.batch, self.dim)));
            }
            vectors.extend(numbers.chunks_exact(self.dim).take(looked.faces).map(<[f32]>::to_vec));
            Ok(())
        })?;
        if let Some(centre) = &self.centre {
            let less = |v: &mut Vec<f32>| v.iter_mut().zip(centre).for_each(|(v, c)| *v -= c);
            vectors.iter_mut().for_each(less);
        }
        Ok(vectors)
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
        let embedded = |(face, vector): (&FaceCrop<'_>, Vec<f32>)| {
            let quality = self.quality.as_ref().map(|section| {
                let mut signals = Signals::of(face);
                signals.set(Signal::Norm, length(&vector).ln());
                signals.quality(section)
            });
            Embedded { vector: unit(&vector), quality }
        };
        Ok(faces.iter().zip(self.vectors(&images)?).map(embedded).collect())
    }
}

/// The vector's length.
pub(super) fn length(v: &[f32]) -> f64 {
    v.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
}

/// The vector at length 1; a vector of zeros stays.
pub(super) fn unit(v: &[f32]) -> Vec<f32> {
    let length = length(v);
    let length = if length > 0.0 { length } else { 1.0 };
    v.iter().map(|&x| (f64::from(x) / length) as f32).collect()
}
