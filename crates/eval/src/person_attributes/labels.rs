//! A vote on labels.

use std::borrow::Cow;

use serde::Serialize;
use streamface_types::attributes::Distribution;

use super::{FACE_CORRELATION, MAX_LABELS, UNKNOWN, independent, likeliest};

/// The least probability that counts: some models round to hundredths, and no single face decides alone.
const LEAST: f64 = 0.005;

/// What a person's faces say of an attribute with labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VotedLabel {
    /// The likeliest label, or `unknown`: where an attribute lasts, because its probability is below the confidence of the model; where
    /// it passes, because most faces are unknown themselves, by weight.
    pub label: String,
    /// The likeliest label in any case.
    pub likeliest: String,
    /// Its probability.
    pub probability: f64,
    /// Of each label, in the order of the model: the probability that it is the person's, of an attribute that lasts; the
    /// share of the person's faces to expect, of one that passes.
    pub probabilities: Distribution,
    /// Whether the attribute lasts from one face to the next.
    pub lasts: bool,
    /// Faces that say something.
    pub faces: u64,
    /// Share of the faces, by weight, whose own likeliest label is another.
    pub disagreement: f64,
    /// Share of the faces, by weight, that are unknown themselves.
    pub unknown: f64,
}

/// What the faces of a person said so far.
#[derive(Debug, Default)]
pub(super) struct LabelTally {
    faces: u64,
    weight: f64,
    squares: f64,
    unknown: f64,
    /// By the place of the label among the attribute's.
    labels: Vec<OfLabel>,
}

/// Sums over faces of weight w and probability p.
#[derive(Debug, Default, Clone, Copy)]
struct OfLabel {
    /// Of w log(p / least): 0 for a face that does not name the label.
    log: f64,
    /// Of w p.
    mean: f64,
    /// Of w where it is the likeliest.
    likeliest: f64,
    /// Of p.
    expected: f64,
    /// Of p (1 − p).
    variance: f64,
}

impl LabelTally {
    /// A face. Its labels are added to `labels` where they are new.
    pub fn add(&mut self, labels: &mut Vec<String>, of: &[(Cow<'_, str>, f64)], weight: f64, below: f64) {
        let Some((best, greatest)) = likeliest(of.iter().map(|(_, p)| *p)) else { return };
        self.faces += 1;
        self.weight += weight;
        self.squares += weight * weight;
        if greatest < below {
            self.unknown += weight;
        }
        for (i, (label, p)) in of.iter().enumerate() {
            let at = match labels.iter().position(|known| known == label) {
                Some(at) => at,
                None if labels.len() < MAX_LABELS => {
                    labels.push(label.clone().into_owned());
                    labels.len() - 1
                }
                None => continue,
            };
            if self.labels.len() <= at {
                self.labels.resize(at + 1, OfLabel::default());
            }
            let sums = &mut self.labels[at];
            sums.log += weight * (p.max(LEAST) / LEAST).ln();
            sums.mean += weight * p;
            sums.likeliest += if i == best { weight } else { 0.0 };
            sums.expected += p;
            sums.variance += p * (1.0 - p);
        }
    }

    /// What came of it; `None` without a face.
    pub fn vote(&self, labels: &[String], lasts: bool, below: f64) -> Option<VotedLabel> {
        let all = if lasts && self.faces > 1 { self.pooled() } else { self.mean() };
        let (best, probability) = likeliest(all.iter().copied())?;
        let likeliest = labels.get(best)?.clone();
        let unknown = self.unknown / self.weight;
        let is_unknown = if lasts { probability < below } else { unknown > 0.5 };
        // Labels that other people's faces have and this one's lack are told, too: all people have the same labels.
        let all = all.into_iter().chain(std::iter::repeat(0.0));
        Some(VotedLabel {
            label: if is_unknown { UNKNOWN.to_owned() } else { likeliest.clone() },
            likeliest,
            probability,
            probabilities: labels.iter().cloned().zip(all).collect(),
            lasts,
            faces: self.faces,
            disagreement: (1.0 - self.labels[best].likeliest / self.weight).clamp(0.0, 1.0),
            unknown,
        })
    }

    fn mean(&self) -> Vec<f64> {
        self.labels.iter().map(|sums| sums.mean / self.weight).collect()
    }

    /// The weighted mean of the logarithms, as often as independent faces there are.
    fn pooled(&self) -> Vec<f64> {
        let m = independent(self.weight, self.squares);
        let logs: Vec<f64> = self.labels.iter().map(|sums| m * sums.log / self.weight).collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let raised: Vec<f64> = logs.iter().map(|log| (log - most).exp()).collect();
        let sum: f64 = raised.iter().sum();
        raised.into_iter().map(|p| p / sum).collect()
    }

    /// Of each label, how many of these faces to expect, and the variance of that.
    pub fn expected(&self) -> impl Iterator<Item = (f64, f64)> {
        let correlated = 1.0 + (self.faces.max(1) - 1) as f64 * FACE_CORRELATION;
        self.labels.iter().map(move |sums| (sums.expected, correlated * sums.variance))
    }
}
