//! Labels of faces, and the form of the original's `annotations.json`.

use std::collections::BTreeMap;

use crate::Attributes;

/// A person's number: 0 for the person with most faces, upwards; [`Label::NOISE`] for a face that
/// belongs to no one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
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

/// One face's entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// The person.
    pub label: Label,
    /// What models say of the face.
    pub attributes: Attributes,
}

impl From<Label> for Annotation {
    fn from(label: Label) -> Self {
        Self { label, attributes: Attributes::default() }
    }
}

/// The whole file: face stem → entry, in the order of the stems.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Annotations {
    /// Entries by face stem.
    pub labels: BTreeMap<String, Annotation>,
    /// Pairs of labels that a person said are different; written while a review is under way.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub ignore: Vec<(i64, i64)>,
    /// What the people are called, by label, as far as anyone named them. The original has no such entry and passes it
    /// over.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "BTreeMap::is_empty"))]
    pub names: BTreeMap<i64, String>,
}
