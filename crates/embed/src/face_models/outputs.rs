//! A face model that is one network, described by its manifest alone: each of its outputs is read as the
//! manifest says.

use image::RgbImage;
use streamface_model::{AttributeOutput, Crop, Manifest, ModelId, OutputRef, Reading};
use streamface_types::Attributes;
use streamface_types::attributes::{Distribution, Kind, Value, find};

use super::{mesh, rotation};
use crate::error::Result;
use crate::face_model::FaceModel;
use crate::face_network::FaceNetwork;

/// A face model over one network.
#[derive(Debug)]
pub struct OutputsModel {
    network: FaceNetwork,
    crop: Crop,
    attributes: Vec<AttributeOutput>,
    /// Of [`shared_outputs`].
    shared: Vec<(OutputRef, usize)>,
}

impl OutputsModel {
    /// A face model with the given weights, which [`streamface_model::Cache::read`] gives.
    ///
    /// # Errors
    /// [`crate::Error::Model`] where the model is no face model or the weights do not load;
    /// [`crate::Error::Unfit`] where it is more than one network.
    pub fn new(model: &Manifest, weights: &[Vec<u8>]) -> Result<Self> {
        let face = model.face()?;
        let network = FaceNetwork::new(model, weights, face.batch)?;
        let shared = shared_outputs(&face.attributes);
        Ok(Self { network, crop: model.crop()?, attributes: face.attributes.clone(), shared })
    }
}

impl FaceModel for OutputsModel {
    fn id(&self) -> &ModelId {
        self.network.id()
    }

    fn crop(&self) -> Crop {
        self.crop
    }

    fn attributes(&self) -> Vec<&str> {
        self.attributes.iter().map(|a| a.name.as_str()).collect()
    }

    fn look(&self, faces: &[&RgbImage]) -> Result<Vec<Attributes>> {
        let mut all = vec![Attributes::default(); faces.len()];
        let mut done = 0;
        self.network.run(faces, |looked| {
            let batch = looked.batch;
            for (output, numbers) in &self.shared {
                if looked.output(output)?.len() != batch * numbers {
                    let expected =
                        format!("{numbers} numbers a face as {output}, as its attributes have values,");
                    return Err(looked.wrong(expected));
                }
            }
            for a in &self.attributes {
                let each: Vec<&[f32]> = a.output.iter().map(|o| looked.output(o)).collect::<Result<_>>()?;
                for (at, face) in all[done..].iter_mut().enumerate().take(looked.faces) {
                    let of_face =
                        |o: &[f32]| o.chunks_exact(o.len() / batch).nth(at).unwrap_or_default().to_vec();
                    let numbers: Vec<Vec<f32>> = each.iter().map(|o| of_face(o)).collect();
                    let value = read(a, &numbers).ok_or_else(|| {
                        let mesh = a.reading == Reading::Mesh && mesh::is_whole(&numbers);
                        let expected = || format!("{} of '{}'", shape(a), a.name);
                        if mesh { looked.meaningless() } else { looked.wrong(expected()) }
                    })?;
                    face.insert(a.name.clone(), value);
                }
            }
            done += looked.faces;
            Ok(())
        })?;
        Ok(all)
    }
}

/// Outputs that are parted among attributes, each from another number on, and how many numbers these read together.
fn shared_outputs(attributes: &[AttributeOutput]) -> Vec<(OutputRef, usize)> {
    let parted = |a: &&AttributeOutput| a.first.is_some() && a.bins.is_none();
    let mut shared: Vec<(OutputRef, Vec<usize>, usize)> = Vec::new();
    for a in attributes.iter().filter(parted) {
        let (output, first) = (&a.output[0], a.first.unwrap_or(0));
        match shared.iter_mut().find(|(o, ..)| o == output) {
            Some((_, firsts, numbers)) => {
                firsts.push(first);
                *numbers += needed(a);
            }
            None => shared.push((output.clone(), vec![first], needed(a))),
        }
    }
    let distinct = |firsts: &[usize]| (1..firsts.len()).all(|i| !firsts[..i].contains(&firsts[i]));
    let parted = shared.into_iter().filter(|(_, firsts, _)| firsts.len() > 1 && distinct(firsts));
    parted.map(|(output, _, numbers)| (output, numbers)).collect()
}

/// How many numbers an attribute is read from, in words.
fn shape(a: &AttributeOutput) -> String {
    match &a.bins {
        Some(bins) => format!("{:?} bins", bins.count),
        None if a.reading == Reading::Mesh => "the points of a face mesh".to_owned(),
        None if a.reading == Reading::Rotation6d => "a rotation of 6 or 9 numbers".to_owned(),
        None => format!("{} numbers from number {} on", needed(a), a.first.unwrap_or(0)),
    }
}

fn needed(a: &AttributeOutput) -> usize {
    match a.reading {
        Reading::Probability | Reading::Sigmoid => 1,
        _ => a.values.len(),
    }
}

/// The value that the outputs of one face mean; `None` where they are of another length than the attribute has values.
fn read(a: &AttributeOutput, outputs: &[Vec<f32>]) -> Option<Value> {
    if let Some(bins) = &a.bins {
        let angles = outputs.iter().zip(&bins.first).zip(&bins.count).map(|((logits, &first), &count)| {
            Some(mean_angle(part(logits, a.first, count)?, first, bins.step))
        });
        let angles: Option<Vec<f64>> = angles.collect();
        return Some(Value::Numbers(a.values.iter().cloned().zip(angles?).collect()));
    }
    if a.reading == Reading::Mesh {
        return Some(Value::Numbers(a.values.iter().cloned().zip(mesh::pose(outputs.first()?)?).collect()));
    }
    if a.reading == Reading::Rotation6d {
        let numbers: Vec<f64> = outputs.first()?.iter().map(|&v| f64::from(v)).collect();
        return Some(Value::Numbers(a.values.iter().cloned().zip(rotation::angles(&numbers)?).collect()));
    }
    let numbers = part(outputs.first()?, a.first, needed(a))?;
    let numbers: Vec<f64> = numbers.iter().map(|&v| f64::from(v)).collect();
    Some(match a.reading {
        Reading::Mean => spread(&a.name, &a.values, &tempered(&numbers, a.temperature)),
        Reading::Logits => categories(a, softmax(&numbers, a.temperature)),
        Reading::Sigmoid => categories(a, both(sigmoid(numbers[0] / a.temperature))),
        Reading::Probability => {
            let p = numbers[0].clamp(0.0, 1.0);
            let logit = (p / (1.0 - p)).ln();
            categories(a, both(sigmoid(logit / a.temperature)))
        }
        // Readings of later versions are probabilities until told apart.
        _ => categories(a, tempered(&numbers, a.temperature)),
    })
}

/// The numbers of an output that belong to an attribute: all of it, or `count` from `first` on.
fn part(output: &[f32], first: Option<usize>, count: usize) -> Option<&[f32]> {
    match first {
        Some(first) => output.get(first..)?.get(..count),
        None => Some(output).filter(|all| all.len() == count),
    }
}

/// Probabilities by label, those of equal labels added; that of the first label alone where the vocabulary knows the
/// attribute as a single probability.
fn categories(a: &AttributeOutput, probabilities: Vec<f64>) -> Value {
    match find(&a.name).map(|known| known.kind) {
        Some(Kind::Probability) => Value::Probability(probabilities[0]),
        _ => {
            let mut of_labels = Distribution::with_capacity(a.values.len());
            for (label, p) in a.values.iter().zip(probabilities) {
                *of_labels.entry(label.clone()).or_insert(0.0) += p;
            }
            Value::Categories(of_labels)
        }
    }
}

fn both(p: f64) -> Vec<f64> {
    vec![p, 1.0 - p]
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softmax(logits: &[f64], temperature: f64) -> Vec<f64> {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logits.iter().map(|x| ((x - top) / temperature).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

/// Probabilities at another temperature, with sum 1. Those below 0 count as 0.
fn tempered(probabilities: &[f64], temperature: f64) -> Vec<f64> {
    // The least that a probability of 32 bits can be beside 0.
    let logits: Vec<f64> = probabilities.iter().map(|p| p.max(f64::from(f32::MIN_POSITIVE)).ln()).collect();
    softmax(&logits, temperature)
}

/// Mean and standard deviation of values that are numbers; the mean alone where the vocabulary knows a plain number.
fn spread(name: &str, values: &[String], probabilities: &[f64]) -> Value {
    let values: Vec<f64> = values.iter().map(|v| v.parse().unwrap_or(0.0)).collect();
    let weighted =
        |of: &dyn Fn(f64) -> f64| -> f64 { values.iter().zip(probabilities).map(|(&v, p)| of(v) * p).sum() };
    let mean = weighted(&|v| v);
    let deviation = weighted(&|v| (v - mean) * (v - mean)).sqrt();
    match find(name).map(|known| known.kind) {
        Some(Kind::Estimate(_)) => {
            Value::Numbers([("mean".to_owned(), mean), ("deviation".to_owned(), deviation)].into())
        }
        _ => Value::Number(mean),
    }
}

/// The mean of the bins' angles, degrees.
fn mean_angle(logits: &[f32], first: f64, step: f64) -> f64 {
    let logits: Vec<f64> = logits.iter().map(|&x| f64::from(x)).collect();
    softmax(&logits, 1.0).iter().enumerate().map(|(i, p)| (first + step * i as f64) * p).sum()
}
