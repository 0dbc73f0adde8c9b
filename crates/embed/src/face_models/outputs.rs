//! A face model that is one network, described by its manifest alone: each of its outputs is read as the
//! manifest says.

use image::RgbImage;
use streamface_model::{AttributeOutput, Crop, Manifest, ModelId, Reading};

use crate::error::Result;
use crate::face_model::{AttributeValue, FaceModel};
use crate::face_network::FaceNetwork;

/// A face model over one network.
#[derive(Debug)]
pub struct OutputsModel {
    network: FaceNetwork,
    crop: Crop,
    attributes: Vec<AttributeOutput>,
}

impl OutputsModel {
    /// A face model with the given weights, which [`streamface_model::Cache::read`] gives.
    ///
    /// # Errors
    /// [`crate::Error::Model`] where the model is no face model or the weights do not load;
    /// [`crate::Error::Unfit`] where it has more than one weight file.
    pub fn new(model: &Manifest, weights: &[Vec<u8>]) -> Result<Self> {
        let face = model.face()?;
        let network = FaceNetwork::new(model, weights, face.batch)?;
        Ok(Self { network, crop: model.crop()?, attributes: face.attributes.clone() })
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

    fn look(&self, faces: &[&RgbImage]) -> Result<Vec<Vec<AttributeValue>>> {
        let mut all = vec![Vec::with_capacity(self.attributes.len()); faces.len()];
        let (batch, mut done) = (self.network.batch(), 0);
        self.network.run(faces, |outputs, wanted| {
            for a in &self.attributes {
                let each = a.values.len();
                let wrong =
                    || self.network.wrong(outputs, format!("[{batch}, {each}] as output {}", a.output));
                let output = outputs.get(a.output).and_then(|o| o.as_slice()).ok_or_else(wrong)?;
                if output.len() != batch * each || output.iter().any(|v| !v.is_finite()) {
                    return Err(wrong());
                }
                for (face, numbers) in all[done..].iter_mut().zip(output.chunks_exact(each).take(wanted)) {
                    face.push(read(a, numbers));
                }
            }
            done += wanted;
            Ok(())
        })?;
        Ok(all)
    }
}

/// The value that the numbers of one face mean; as many as the attribute has values, all finite.
fn read(attribute: &AttributeOutput, numbers: &[f32]) -> AttributeValue {
    let (value, probability) = match attribute.reading {
        Reading::Mean => {
            let values = attribute.values.iter().map(|v| v.parse().unwrap_or(0.0_f64));
            let sum: f64 = numbers.iter().map(|&p| f64::from(p)).sum();
            let mean = values.zip(numbers).map(|(v, &p)| v * f64::from(p)).sum::<f64>() / sum;
            (format!("{mean:.2}"), None)
        }
        // Readings of later versions are probabilities until told apart.
        reading => {
            let best =
                (0..numbers.len()).rev().max_by(|&a, &b| numbers[a].total_cmp(&numbers[b])).unwrap_or(0);
            let probability = if reading == Reading::Logits {
                let top = numbers[best];
                1.0 / numbers.iter().map(|&x| f64::from(x - top).exp()).sum::<f64>()
            } else {
                f64::from(numbers[best]).clamp(0.0, 1.0)
            };
            (attribute.values[best].clone(), Some(probability as f32))
        }
    };
    AttributeValue { attribute: attribute.name.clone(), value, probability }
}
