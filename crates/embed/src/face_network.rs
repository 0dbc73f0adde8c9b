//! Faces through a network whose batch is fixed.

use image::RgbImage;
use streamface_model::{ChannelOrder, Input, Layout, Manifest, ModelId, Network, Tensor};

use crate::error::{Error, Result};

/// A network that takes so many faces of one size at a time.
#[derive(Debug)]
pub(crate) struct FaceNetwork {
    id: ModelId,
    network: Network,
    input: Input,
    side: u32,
    batch: usize,
}

impl FaceNetwork {
    /// The one network of `model`.
    pub(crate) fn new(model: &Manifest, weights: &[Vec<u8>], batch: usize) -> Result<Self> {
        let ([file], [weights]) = (&model.weights[..], weights) else {
            return Err(Error::Unfit { model: model.name.clone(), why: "it has one weight file".into() });
        };
        let side = model.crop()?.size;
        let s = side as usize;
        let shape = match model.input.layout {
            Layout::Nchw => [batch, 3, s, s],
            Layout::Nhwc => [batch, s, s, 3],
        };
        let network = Network::load(&model.name, file.format, &[weights], &shape)?;
        Ok(Self { id: model.id(), network, input: model.input, side, batch })
    }

    pub(crate) fn id(&self) -> &ModelId {
        &self.id
    }

    /// Faces in a run.
    pub(crate) fn batch(&self) -> usize {
        self.batch
    }

    /// Runs the network over all `faces`, a batch at a time; `take` gets the outputs and how many of the
    /// batch are faces.
    pub(crate) fn run(
        &self,
        faces: &[&RgbImage],
        mut take: impl FnMut(&[Tensor], usize) -> Result<()>,
    ) -> Result<()> {
        let one = 3 * (self.side * self.side) as usize;
        let mut input = vec![0.0; self.batch * one];
        for group in faces.chunks(self.batch) {
            // What the last group lacks is filled with its first face.
            for (i, slot) in input.chunks_exact_mut(one).enumerate() {
                self.write_input(group.get(i).unwrap_or(&group[0]), slot)?;
            }
            take(&self.network.run(&input)?, group.len())?;
        }
        Ok(())
    }

    fn write_input(&self, face: &RgbImage, slot: &mut [f32]) -> Result<()> {
        let (width, height) = face.dimensions();
        if (width, height) != (self.side, self.side) {
            return Err(Error::Size { width, height, side: self.side });
        }
        let form = self.input;
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

    /// The error of outputs that are not `expected`.
    pub(crate) fn wrong(&self, outputs: &[Tensor], expected: String) -> Error {
        let found = format!("{:?}", outputs.iter().map(|o| o.shape().to_vec()).collect::<Vec<_>>());
        Error::Output { model: self.id.name.clone(), found, expected }
    }
}
