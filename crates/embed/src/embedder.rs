//! One embedder over one network.

use image::RgbImage;
use streamface_model::{ChannelOrder, Layout, Manifest, Network};

use crate::EmbedError;

/// A face embedder. Threads may share it; a call uses one thread.
#[derive(Debug)]
pub struct Embedder {
    model: Manifest,
    network: Network,
    side: u32,
    batch: usize,
    dim: usize,
}

impl Embedder {
    /// An embedder with the given weights, which [`streamface_model::Cache::read`] gives.
    ///
    /// # Errors
    /// [`EmbedError::Model`] where the model is no embedder or the weights do not load.
    pub fn new(model: Manifest, weights: &[u8]) -> Result<Self, EmbedError> {
        let e = model.embedder()?;
        let (side, batch, dim) = (e.side, e.batch.max(1), e.dim);
        let s = side as usize;
        let shape = match model.input.layout {
            Layout::Nchw => [batch, 3, s, s],
            Layout::Nhwc => [batch, s, s, 3],
        };
        let network = Network::load(&model, weights, &shape)?;
        Ok(Self { model, network, side, batch, dim })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Manifest {
        &self.model
    }

    /// Side of the faces it takes, pixels.
    #[must_use]
    pub fn side(&self) -> u32 {
        self.side
    }

    /// Numbers in an embedding.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The embeddings of faces in the model's template, `side` x `side` each: vectors of length 1, in
    /// the order of the faces. A face's vector does not depend on the faces beside it.
    ///
    /// # Errors
    /// [`EmbedError::Size`], [`EmbedError::Model`], [`EmbedError::Output`].
    pub fn embed<'a>(
        &self,
        faces: impl IntoIterator<Item = &'a RgbImage>,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        let faces: Vec<&RgbImage> = faces.into_iter().collect();
        let one = 3 * (self.side * self.side) as usize;
        let mut input = vec![0.0; self.batch * one];
        let mut embeddings = Vec::with_capacity(faces.len());
        for group in faces.chunks(self.batch) {
            // What the last group lacks is filled with its first face.
            for (i, slot) in input.chunks_exact_mut(one).enumerate() {
                self.write_input(group.get(i).unwrap_or(&group[0]), slot)?;
            }
            let outputs = self.network.run(&input)?;
            let wrong = || EmbedError::Output {
                model: self.model.name.clone(),
                found: format!("{:?}", outputs.iter().map(|o| o.shape().to_vec()).collect::<Vec<_>>()),
                expected: format!("[{}, {}]", self.batch, self.dim),
            };
            let output = outputs.first().and_then(|o| o.as_slice()).ok_or_else(wrong)?;
            if output.len() != self.batch * self.dim || output.iter().any(|v| !v.is_finite()) {
                return Err(wrong());
            }
            embeddings.extend(output.chunks_exact(self.dim).take(group.len()).map(unit));
        }
        Ok(embeddings)
    }

    fn write_input(&self, face: &RgbImage, slot: &mut [f32]) -> Result<(), EmbedError> {
        let (width, height) = face.dimensions();
        if (width, height) != (self.side, self.side) {
            return Err(EmbedError::Size { width, height, side: self.side });
        }
        let form = self.model.input;
        let order = if form.channels == ChannelOrder::Bgr { [2, 1, 0] } else { [0, 1, 2] };
        let plane = (width * height) as usize;
        for (at, pixel) in face.as_raw().chunks_exact(3).enumerate() {
            for (channel, from) in order.into_iter().enumerate() {
                let v = (f32::from(pixel[from]) - form.mean) / form.scale;
                match form.layout {
                    Layout::Nhwc => slot[3 * at + channel] = v,
                    Layout::Nchw => slot[channel * plane + at] = v,
                }
            }
        }
        Ok(())
    }
}

/// The vector at length 1; a vector of zeros stays.
fn unit(v: &[f32]) -> Vec<f32> {
    let length = v.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    let length = if length > 0.0 { length } else { 1.0 };
    v.iter().map(|&x| (f64::from(x) / length) as f32).collect()
}
