//! An embedder that is made of several networks.

use image::RgbImage;
use image::imageops::flip_horizontal;
use streamface_imgproc::smooth;
use streamface_model::{
    Crop, EnsembleMode, EnsembleSection, Manifest, ModelId, QualitySection, Restored, Signal,
};
use streamface_types::Metric;

use super::network::{NetworkEmbedder, length, unit};
use crate::embedder::{Embedded, Embedder, FaceCrop};
use crate::error::{Error, Result};
use crate::quality::Signals;

/// An embedder over several networks, whose vectors are summed or put one after the other: `[embedder.ensemble]` of its
/// manifest says how.
#[derive(Debug)]
pub struct EnsembleEmbedder {
    id: ModelId,
    members: Vec<NetworkEmbedder>,
    section: EnsembleSection,
    quality: Option<QualitySection>,
    crop: Crop,
    dim: usize,
}

/// A first look at faces.
struct Looked {
    /// Whether the first member's vector is so short that the face counts as poor.
    poor: Vec<bool>,
    /// Pictures that are used in place of the faces'.
    instead: Vec<Option<RgbImage>>,
    /// The first member's vectors of what is then used.
    vectors: Vec<Vec<f32>>,
}

impl EnsembleEmbedder {
    /// An embedder with the given weights, which [`streamface_model::Cache::read`] gives.
    ///
    /// # Errors
    /// [`crate::Error::Model`] where the model is no embedder or the weights do not load; [`crate::Error::Unfit`] where it is
    /// no ensemble or a member is not one network.
    pub fn new(model: &Manifest, weights: &[Vec<u8>]) -> Result<Self> {
        let e = model.embedder()?;
        let unfit = |why: &str| Error::Unfit { model: model.name.clone(), why: why.into() };
        let section = e.ensemble.clone().ok_or_else(|| unfit("it has no section [embedder.ensemble]"))?;
        let mut left = weights;
        let mut members = Vec::with_capacity(model.members().len());
        for member in model.members() {
            let of_member;
            (of_member, left) = left
                .split_at_checked(member.weights.len())
                .ok_or_else(|| unfit("weight files of a member are missing"))?;
            members.push(NetworkEmbedder::new(member, of_member)?);
        }
        Ok(Self {
            id: model.id(),
            members,
            section,
            quality: e.quality.clone(),
            crop: model.crop()?,
            dim: e.dim,
        })
    }

    /// The shares of the members at a quality.
    fn shares(&self, quality: Option<f32>) -> Vec<f64> {
        let good = &self.section.weights;
        let (Some(poor), Some(q)) = (&self.section.poor_weights, quality.map(f64::from)) else {
            return good.clone();
        };
        good.iter().zip(poor).map(|(good, poor)| q * good + (1.0 - q) * poor).collect()
    }

    /// One vector of those of the members, which have length 1 each.
    fn together(&self, vectors: &[Vec<f32>], shares: &[f64]) -> Vec<f32> {
        match self.section.mode {
            EnsembleMode::Concat => {
                let part = |(v, share): (&Vec<f32>, &f64)| {
                    let root = share.sqrt();
                    v.iter().map(move |&x| (f64::from(x) * root) as f32).collect::<Vec<_>>()
                };
                unit(&vectors.iter().zip(shares).flat_map(part).collect::<Vec<_>>())
            }
            EnsembleMode::Sum => {
                let mut sum = vec![0.0; self.dim];
                for (v, share) in vectors.iter().zip(shares) {
                    sum.iter_mut().zip(v).for_each(|(s, &x)| *s += (f64::from(x) * share) as f32);
                }
                unit(&sum)
            }
        }
    }

    /// What is used in place of poor faces.
    fn restored(&self, images: &[&RgbImage], signals: &[Signals]) -> Result<Looked> {
        let mut vectors = self.members[0].vectors(images)?;
        let mut instead = vec![None; images.len()];
        let Some(how) = self.section.restored else {
            return Ok(Looked { poor: vec![false; images.len()], instead, vectors });
        };
        let poor: Vec<bool> = vectors.iter().map(|v| length(v) < how.below).collect();
        let tried: Vec<usize> = (0..images.len()).filter(|&i| poor[i]).collect();
        let pictures: Vec<RgbImage> = tried.iter().map(|&i| restore(images[i], &signals[i], &how)).collect();
        let again = self.members[0].vectors(&pictures.iter().collect::<Vec<_>>())?;
        for ((i, picture), vector) in tried.into_iter().zip(pictures).zip(again) {
            if length(&vector) > how.times * length(&vectors[i]) {
                (instead[i], vectors[i]) = (Some(picture), vector);
            }
        }
        Ok(Looked { poor, instead, vectors })
    }
}

impl Embedder for EnsembleEmbedder {
    fn id(&self) -> &ModelId {
        &self.id
    }

    fn crop(&self) -> Crop {
        self.crop
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn metric(&self) -> Metric {
        Metric::Cosine
    }

    fn embed(&self, faces: &[FaceCrop<'_>]) -> Result<Vec<Embedded>> {
        let given: Vec<&RgbImage> = faces.iter().map(|face| face.image).collect();
        let mut signals: Vec<Signals> = faces.iter().map(Signals::of).collect();
        let Looked { poor, instead, vectors: first } = self.restored(&given, &signals)?;
        let used: Vec<&RgbImage> =
            given.iter().zip(&instead).map(|(&given, instead)| instead.as_ref().unwrap_or(given)).collect();
        for (signals, vector) in signals.iter_mut().zip(&first) {
            signals.set(Signal::Norm, length(vector).ln());
        }
        let mut of_members = Vec::with_capacity(self.members.len());
        for (at, member) in self.members.iter().enumerate() {
            let mut vectors = if at == 0 { first.clone() } else { member.vectors(&used)? };
            let mirrors = self.section.mirror.as_ref().is_some_and(|m| m[at]);
            let which: Vec<usize> = (0..used.len()).filter(|&i| mirrors || (at == 0 && poor[i])).collect();
            let flipped: Vec<RgbImage> = which.iter().map(|&i| flip_horizontal(used[i])).collect();
            let flipped: Vec<&RgbImage> = flipped.iter().collect();
            for (i, mirrored) in which.into_iter().zip(member.vectors(&flipped)?) {
                if at == 0 && mirrors {
                    let cosine = 1.0 - Metric::Cosine.distance(&unit(&vectors[i]), &unit(&mirrored));
                    signals[i].set(Signal::Mirror, cosine);
                }
                vectors[i].iter_mut().zip(mirrored).for_each(|(v, m)| *v += m);
            }
            of_members.push(vectors);
        }
        let embedded = |(i, signals): (usize, &Signals)| {
            let quality = self.quality.as_ref().map(|section| signals.quality(section));
            let vectors: Vec<Vec<f32>> = of_members.iter().map(|vectors| unit(&vectors[i])).collect();
            Embedded { vector: self.together(&vectors, &self.shares(quality)), quality }
        };
        Ok(signals.iter().enumerate().map(embedded).collect())
    }
}

/// Most times that a dark face is made brighter: beyond that there is little but noise.
const MOST_GAIN: f64 = 6.0;

/// The face brought to a brightness, and smoothed.
fn restore(face: &RgbImage, signals: &Signals, how: &Restored) -> RgbImage {
    let brightness = signals.get(Signal::Brightness).map_or(how.brightness, |b| b.exp() - 1.0);
    let gain = (how.brightness / brightness.max(1.0)).clamp(1.0, MOST_GAIN);
    smooth(face, gain as f32, how.smoothing as f32)
}
