//! A vote on a number, and the range of angles.

use serde::{Serialize, Serializer};
use streamface_types::attributes::Distribution;

use super::{FACE_CORRELATION, independent, kish};

/// Most numbers of one attribute; further ones are ignored.
pub(crate) const MAX_RANGES: usize = 8;

/// What a person's faces say of a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VotedNumber {
    /// The mean, each face counting by its quality.
    pub mean: f64,
    /// Standard deviation of the mean's error. `None` where neither a model says one nor faces differ.
    pub deviation: Option<f64>,
    /// Faces that say something.
    pub faces: u64,
    /// Standard deviation of the faces' own numbers; `None` for one face.
    pub between: Option<f64>,
}

/// From where to where numbers of a person's faces go.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VotedRanges {
    /// By name, such as `yaw`, in the order of the model.
    #[serde(serialize_with = "by_name")]
    pub ranges: Vec<(String, Range)>,
    /// Faces that say something.
    pub faces: u64,
}

/// The least and the greatest of some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Range {
    /// The least.
    pub from: f64,
    /// The greatest.
    pub to: f64,
}

fn by_name<S: Serializer>(all: &[(String, Range)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(all.iter().map(|(name, range)| (name, range)))
}

/// Sums over faces of weight w, number x and deviation d.
#[derive(Debug, Default)]
pub(super) struct EstimateTally {
    faces: u64,
    weight: f64,
    squares: f64,
    /// Of w x.
    sum: f64,
    /// Of w (x − mean)², as the mean was.
    moment: f64,
    /// Of w d², and of w where a deviation is known.
    variance: f64,
    deviating: f64,
}

impl EstimateTally {
    pub fn add(&mut self, number: f64, deviation: Option<f64>, weight: f64) {
        // West 1979: no difference of large sums.
        let mean = if self.weight > 0.0 { self.sum / self.weight } else { number };
        self.faces += 1;
        self.moment += weight * (number - mean) * (number - mean) * self.weight / (self.weight + weight);
        self.weight += weight;
        self.squares += weight * weight;
        self.sum += weight * number;
        if let Some(deviation) = deviation {
            self.variance += weight * deviation * deviation;
            self.deviating += weight;
        }
    }

    pub fn vote(&self) -> Option<VotedNumber> {
        if self.faces == 0 {
            return None;
        }
        let n = kish(self.weight, self.squares);
        // Without the bias of a mean that is of the same faces.
        let between =
            (self.faces > 1).then(|| self.moment / self.weight * n / (n - 1.0).max(f64::MIN_POSITIVE));
        let between = between.filter(|b| b.is_finite());
        let own = (self.deviating > 0.0).then(|| self.variance / self.deviating);
        let error = match (own, between) {
            (Some(own), between) => {
                // What faces differ by in any case.
                let expected = (1.0 - FACE_CORRELATION) * own;
                let beyond = between.map_or(0.0, |between| (between - expected).max(0.0));
                Some(own / independent(self.weight, self.squares) + beyond)
            }
            // How far a model errs on all faces alike is not known: the faces' own spread is the least that can be said.
            (None, between) => between,
        };
        Some(VotedNumber {
            mean: self.sum / self.weight,
            deviation: error.map(f64::sqrt),
            faces: self.faces,
            between: between.map(f64::sqrt),
        })
    }
}

/// The least and the greatest so far.
#[derive(Debug, Default)]
pub(super) struct RangeTally {
    faces: u64,
    ranges: Vec<(String, Range)>,
}

impl RangeTally {
    pub fn add(&mut self, numbers: &Distribution) {
        let mut any = false;
        for (name, &v) in numbers.iter().filter(|(_, v)| v.is_finite()) {
            match self.ranges.iter().position(|(known, _)| known == name) {
                Some(at) => {
                    let Range { from, to } = self.ranges[at].1;
                    self.ranges[at].1 = Range { from: from.min(v), to: to.max(v) };
                }
                None if self.ranges.len() < MAX_RANGES => {
                    self.ranges.push((name.clone(), Range { from: v, to: v }));
                }
                None => continue,
            }
            any = true;
        }
        self.faces += u64::from(any);
    }

    pub fn ranges(&self) -> Option<VotedRanges> {
        (self.faces > 0).then(|| VotedRanges { ranges: self.ranges.clone(), faces: self.faces })
    }
}
