//! Labels of faces, in the form of the original's `annotations.json`.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// A person's number: 0 for the person with most faces, upwards; [`Label::NOISE`] for a face that
/// belongs to no one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Label(pub i64);

impl Label {
    /// Set aside as noise.
    pub const NOISE: Self = Self(-1);

    /// Whether the face belongs to no one.
    #[must_use]
    pub fn is_noise(self) -> bool {
        self.0 < 0
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Probabilities (or angles, for a pose) by name, in the order of the model that gave them.
pub type Distribution = IndexMap<String, f64>;

/// What attribute models say of a face. A model that was not run leaves its field out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Attributes {
    /// Age groups.
    pub age: Option<Distribution>,
    /// Male, Female.
    pub gender: Option<Distribution>,
    /// Race, as the model's training data names it.
    pub race: Option<Distribution>,
    /// Expression.
    pub expression: Option<Distribution>,
    /// yaw, pitch and roll in degrees.
    pub pose: Option<Distribution>,
}

/// One face's entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// The person.
    pub label: Label,
    /// Probability of a mask.
    #[serde(default)]
    pub mask: Option<f64>,
    /// Attributes, where a model gave any.
    #[serde(default)]
    pub attributes: Option<Attributes>,
}

impl From<Label> for Annotation {
    fn from(label: Label) -> Self {
        Self { label, mask: None, attributes: None }
    }
}

/// The whole file: face stem → entry, in the order of the stems.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Annotations {
    /// Entries by face stem.
    pub labels: BTreeMap<String, Annotation>,
    /// Pairs of labels that a person said are different; written while a review is under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<(i64, i64)>,
}
