//! Faces through a network whose batch is fixed.

use std::ops::Range;

use image::RgbImage;
use streamface_model::{
    ChannelOrder, Input, Layout, Manifest, ModelId, Network, NetworkOptions, OutputRef, Tensor,
};

use crate::error::{Error, Result};

/// A network that takes so many faces of one size at a time.
#[derive(Debug)]
pub(crate) struct FaceNetwork {
    id: ModelId,
    network: Network,
    batch: usize,
    /// The same for one face, for those that no batch is left for; none where that is the batch, or the file takes no
    /// other.
    alone: Option<Network>,
    input: Input,
    side: u32,
}

/// What a run of the network gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looked<'a> {
    by: &'a FaceNetwork,
    outputs: &'a [Tensor],
    /// The batch that the outputs are of.
    pub(crate) batch: usize,
    /// How many of the batch are faces, from its start.
    pub(crate) faces: usize,
}

impl FaceNetwork {
    /// The one network of `model`.
    pub(crate) fn new(model: &Manifest, weights: &[Vec<u8>], batch: usize) -> Result<Self> {
        if !model.is_one_network() || weights.len() != model.weights.len() {
            let why = "it is one network: one weight file, or a TensorFlow.js graph with its shards";
            return Err(Error::Unfit { model: model.name.clone(), why: why.into() });
        }
        let side = model.crop()?.size;
        let s = side as usize;
        let (format, wanted, options) = (model.weights[0].format, named(model), NetworkOptions::of(model));
        let load = |batch| {
            let shape = match model.input.layout {
                Layout::Nchw => [batch, model.input.channels.count(), s, s],
                Layout::Nhwc => [batch, s, s, model.input.channels.count()],
            };
            Network::load_with(&model.name, format, weights, &shape, &wanted, options)
        };
        let network = load(batch)?;
        let alone = if batch > 1 { load(1).ok() } else { None };
        Ok(Self { id: model.id(), network, batch, alone, input: model.input, side })
    }

    pub(crate) fn id(&self) -> &ModelId {
        &self.id
    }

    /// Runs the network over all `faces`, a batch at a time, and what is left face by face.
    pub(crate) fn run(
        &self,
        faces: &[&RgbImage],
        mut take: impl FnMut(Looked<'_>) -> Result<()>,
    ) -> Result<()> {
        let one = self.input.channels.count() * (self.side * self.side) as usize;
        let mut input = Vec::new();
        for (batch, group) in groups(faces.len(), self.batch, self.alone.is_some()) {
            let alone = self.alone.as_ref().filter(|_| batch != self.batch);
            let group = &faces[group];
            input.resize(batch * one, 0.0);
            // What a network that takes batches only lacks is filled with the first face of the group.
            for (i, slot) in input.chunks_exact_mut(one).enumerate() {
                self.write_input(group.get(i).unwrap_or(&group[0]), slot)?;
            }
            let outputs = alone.unwrap_or(&self.network).run(&input)?;
            take(Looked { by: self, outputs: &outputs, batch, faces: group.len() })?;
        }
        Ok(())
    }

    fn write_input(&self, face: &RgbImage, slot: &mut [f32]) -> Result<()> {
        let (width, height) = face.dimensions();
        if (width, height) != (self.side, self.side) {
            return Err(Error::Size { width, height, side: self.side });
        }
        let form = self.input;
        let gray;
        let (pixels, order) = match form.channels {
            ChannelOrder::Rgb => (face.as_raw(), [0, 1, 2]),
            ChannelOrder::Bgr => (face.as_raw(), [2, 1, 0]),
            ChannelOrder::Gray => {
                gray = streamface_imgproc::gray(face);
                (gray.as_raw(), [0; 3])
            }
        };
        let (channels, plane) = (form.channels.count(), (width * height) as usize);
        for (at, pixel) in pixels.chunks_exact(channels).enumerate() {
            for (channel, from) in order.into_iter().take(channels).enumerate() {
                let v = (f32::from(pixel[from]) - form.mean[channel]) / form.scale[channel];
                match form.layout {
                    Layout::Nhwc => slot[channels * at + channel] = v,
                    Layout::Nchw => slot[channel * plane + at] = v,
                }
            }
        }
        if form.standardise {
            standardise(slot);
        }
        Ok(())
    }
}

impl<'a> Looked<'a> {
    /// The numbers of an output: as many for each face of the batch as it has.
    pub(crate) fn output(self, which: &OutputRef) -> Result<&'a [f32]> {
        let at = match which {
            OutputRef::Number(at) => Some(*at),
            OutputRef::Name(name) => self.by.network.output_names().iter().position(|n| n == name),
        };
        let numbers = at.and_then(|at| self.outputs.get(at)).and_then(|o| o.as_slice());
        let fit = |o: &&[f32]| !o.is_empty() && o.len().is_multiple_of(self.batch);
        let numbers = numbers.filter(fit).ok_or_else(|| self.wrong(format!("numbers as {which}")))?;
        if numbers.iter().all(|v| v.is_finite()) {
            return Ok(numbers);
        }
        Err(self.meaningless())
    }

    /// The error of outputs that mean nothing.
    pub(crate) fn meaningless(self) -> Error {
        Error::Meaningless { model: self.by.id.name.clone() }
    }

    /// The error of outputs that are not `expected`.
    pub(crate) fn wrong(self, expected: String) -> Error {
        let found = format!("{:?}", self.outputs.iter().map(|o| o.shape().to_vec()).collect::<Vec<_>>());
        Error::Output { model: self.by.id.name.clone(), found, expected }
    }
}

/// The batches of so many faces, and which faces each has: those left at the end alone, where that is possible.
fn groups(faces: usize, batch: usize, alone: bool) -> impl Iterator<Item = (usize, Range<usize>)> {
    let batches = if alone { faces - faces % batch } else { faces };
    let whole = (0..batches).step_by(batch).map(move |at| (batch, at..batches.min(at + batch)));
    whole.chain((batches..faces).map(|at| (1, at..at + 1)))
}

/// The outputs that the manifest reads, where it names them all; none where the file's order says which they are.
fn named(model: &Manifest) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for output in model.face().into_iter().flat_map(|f| &f.attributes).flat_map(|a| &a.output) {
        match output {
            OutputRef::Number(_) => return Vec::new(),
            OutputRef::Name(name) if !names.contains(&name.as_str()) => names.push(name),
            OutputRef::Name(_) => {}
        }
    }
    names
}

/// Brings the numbers to mean 0 and standard deviation 1; a deviation below 1/√n counts as that.
fn standardise(numbers: &mut [f32]) {
    let count = numbers.len() as f64;
    let mean = numbers.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    let variance = numbers.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
    let deviation = variance.sqrt().max(1.0 / count.sqrt());
    numbers.iter_mut().for_each(|v| *v = ((f64::from(*v) - mean) / deviation) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_is_computed_once_where_the_network_takes_one() {
        let all = |alone| groups(5, 2, alone).collect::<Vec<_>>();
        assert_eq!(all(true), [(2, 0..2), (2, 2..4), (1, 4..5)]);
        assert_eq!(all(false), [(2, 0..2), (2, 2..4), (2, 4..5)]);
        assert_eq!(groups(3, 4, true).collect::<Vec<_>>(), [(1, 0..1), (1, 1..2), (1, 2..3)]);
        assert_eq!(groups(0, 4, true).count() + groups(0, 4, false).count(), 0);
    }
}
