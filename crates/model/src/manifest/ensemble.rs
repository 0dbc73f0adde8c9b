//! The section `[embedder.ensemble]`: an embedder made of several.

use serde::Deserialize;
use streamface_types::Metric;

use super::sections::EmbedderSection;
use super::{Kind, Manifest};

/// The section `[embedder.ensemble]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EnsembleSection {
    /// The embedders, by the names of built-in manifests or the paths of others (`.toml`) from this manifest's folder. All
    /// cut faces the same way.
    pub members: Vec<String>,
    /// How their vectors become one.
    pub mode: EnsembleMode,
    /// The share of each member, 0 to 1, together 1.
    pub weights: Vec<f64>,
    /// The shares at quality 0; those of a face lie between these and `weights` as its quality lies between 0 and 1. None:
    /// `weights` for every face.
    pub poor_weights: Option<Vec<f64>>,
    /// Of each member whether it sees the mirrored face too; the two vectors, at the lengths that the network gives them, are
    /// added. None: no member does.
    pub mirror: Option<Vec<bool>>,
    /// The same face made brighter and smoother, and when that is taken in its place; none: never.
    pub restored: Option<Restored>,
}

/// How the vectors of several networks, of length 1 each, become one vector of length 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnsembleMode {
    /// Their weighted sum, at length 1; all have as many numbers.
    Sum,
    /// One after the other, each times the root of its share: the cosine of two faces is the weighted mean of the members'
    /// cosines, where both faces have the same shares.
    Concat,
}

/// A second picture of a face, brought to a brightness and smoothed: what noise, dark and compression took is not brought back,
/// but a network that was trained on fair pictures is less misled. It is made of a face to which the first member gives a short
/// vector, and is taken where that grows longer by it. Such a face is mirrored for every member that mirrors faces and for the
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restored {
    /// Length of the first member's vector, as its network gives it, below which the second picture is made.
    pub below: f64,
    /// How many times as long the vector of the second picture must be.
    pub times: f64,
    /// Mean brightness of the middle, 0 to 255, that a darker face is brought to, at most 6 times as bright.
    pub brightness: f64,
    /// Standard deviation of the Gaussian filter, pixels.
    pub smoothing: f64,
}

impl EnsembleSection {
    /// Whether it fits its members, and the section that it stands in.
    pub(super) fn check(&self, section: &EmbedderSection, members: &[Manifest]) -> Result<(), String> {
        let wrong = |why: String| Err(format!("embedder.ensemble: {why}"));
        let shares = |w: &[f64]| {
            let sane = w.len() == members.len() && w.iter().all(|w| (0.0..=1.0).contains(w));
            sane && (w.iter().sum::<f64>() - 1.0).abs() < 1e-6
        };
        let poor = self.poor_weights.as_ref();
        if !shares(&self.weights) || !poor.is_none_or(|w| shares(w)) {
            return wrong(
                "weights and poor_weights must be shares of the members, from 0 to 1 and together 1".into(),
            );
        }
        if self.mirror.as_ref().is_some_and(|m| m.len() != members.len()) {
            return wrong("mirror needs true or false for each member".into());
        }
        if poor.is_some() && section.quality.is_none() {
            return wrong("poor_weights need a section [embedder.quality]".into());
        }
        let (Some(first), true) = (members.first(), members.len() <= MAX_MEMBERS) else {
            return wrong(format!("members must be 1 to {MAX_MEMBERS} embedders"));
        };
        let mut dims = Vec::with_capacity(members.len());
        for member in members {
            match (&member.embedder, member.crop == first.crop) {
                (Some(e), true) if e.metric == Metric::Cosine => dims.push(e.dim),
                (Some(_), true) => return wrong(format!("'{}' does not compare by the cosine", member.name)),
                (Some(_), false) => {
                    return wrong(format!("'{}' cuts faces otherwise than '{}'", member.name, first.name));
                }
                (None, _) => {
                    return wrong(format!(
                        "'{}' is a {}, not an {}",
                        member.name,
                        member.kind,
                        Kind::Embedder
                    ));
                }
            }
        }
        let dim = match self.mode {
            EnsembleMode::Concat => dims.iter().sum(),
            EnsembleMode::Sum if dims.iter().all(|d| *d == dims[0]) => dims[0],
            EnsembleMode::Sum => return wrong(format!("members with {dims:?} numbers cannot be summed")),
        };
        if section.dim != dim || section.metric != Metric::Cosine {
            return wrong(format!("dim must be {dim} and metric \"cosine\""));
        }
        let fine = |r: &Restored| {
            let above_0 = [r.below, r.times, r.brightness].iter().all(|v| *v > 0.0 && v.is_finite());
            above_0 && r.brightness <= 255.0 && (0.0..=4.0).contains(&r.smoothing)
        };
        if !self.restored.as_ref().is_none_or(fine) {
            return wrong(
                "restored: below and times above 0, brightness up to 255, smoothing from 0 to 4".into(),
            );
        }
        Ok(())
    }
}

/// Most networks of an ensemble.
const MAX_MEMBERS: usize = 8;
