//! The section `[embedder.quality]`: how far a face can be relied on.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The section `[embedder.quality]`: the quality of a face is the logistic function of a weighted sum of what is measured of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct QualitySection {
    /// The sum where all that is measured is as usual.
    pub base: f64,
    /// What is measured, and its part in the sum.
    pub signals: BTreeMap<Signal, SignalWeight>,
    /// How these were found.
    pub how: String,
}

/// What is measured of a face for its quality; `streamface_embed::quality` defines each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Signal {
    /// Length of the vector that the network gives.
    Norm,
    /// Cosine of the vectors of the face and of its mirror image, where the embedder makes both.
    Mirror,
    /// How sharp it is.
    Sharpness,
    /// How noisy it is.
    Noise,
    /// How bright it is.
    Brightness,
    /// How much contrast it has.
    Contrast,
    /// How far it is turned aside.
    Yaw,
    /// How far it is turned up or down.
    Pitch,
    /// The detector's score.
    Score,
    /// Size of its box in the frame.
    Size,
}

/// The part of a signal in a face's quality: `weight · (value − usual)`; 0 where it was not measured.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalWeight {
    /// Its mean over the faces it was fitted on.
    pub usual: f64,
    /// Log-odds for each unit.
    pub weight: f64,
}

impl QualitySection {
    pub(super) fn check(&self) -> Result<(), String> {
        let numbers = self.signals.values().flat_map(|s| [s.usual, s.weight]);
        let finite = std::iter::once(self.base).chain(numbers).all(f64::is_finite);
        if finite {
            Ok(())
        } else {
            Err("embedder.quality: base, usual and weight must be finite numbers".into())
        }
    }
}
