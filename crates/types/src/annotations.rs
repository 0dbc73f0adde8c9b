//! Labels of faces, and the form of the original's `annotations.json`.

use std::collections::BTreeMap;

use crate::Attributes;

/// A person's number: 0 for the person with most faces, upwards; [`Label::NOISE`] for a face that
/// belongs to no one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
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

/// A whole number, also as a program writes it that keeps numbers as floats: `1.0`.
#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Label {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Whole;

        impl serde::de::Visitor<'_> for Whole {
            type Value = Label;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Label, E> {
                Ok(Label(number))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Label, E> {
                i64::try_from(number).map(Label).map_err(E::custom)
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Label, E> {
                let wrong = || E::invalid_value(serde::de::Unexpected::Float(number), &self);
                crate::text::whole_float(number).map(Label).ok_or_else(wrong)
            }
        }

        // Of a format that does not say itself what it holds, an integer.
        if from.is_human_readable() { from.deserialize_any(Whole) } else { from.deserialize_i64(Whole) }
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
