//! What models say of a face: the vocabulary of attributes, and their values.
//!
//! [`VOCABULARY`] names the attributes that this project knows. To add one, add it there: tables, statistics and exports
//! follow. [`Attributes`] also holds names that are not in it, so that what another program wrote is kept.
//!
//! ```
//! use streamface_types::attributes::{self, Attributes, Kind, Value};
//!
//! let mut of_face = Attributes::default();
//! of_face.insert("gender", Value::Categories([("Female".to_owned(), 0.9), ("Male".to_owned(), 0.1)].into()));
//! of_face.insert("mask", Value::Probability(0.02));
//! assert_eq!(of_face.likeliest("gender"), Some(("Female", 0.9)));
//! assert_eq!(of_face.probability("mask"), Some(0.02));
//! assert!(matches!(attributes::find("pose").unwrap().kind, Kind::Angles(["yaw", "pitch", "roll"])));
//! ```

use std::collections::BTreeMap;

use indexmap::IndexMap;

/// Numbers by name, in the order of the model that gave them: probabilities of labels, or angles.
pub type Distribution = IndexMap<String, f64>;

/// An attribute that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribute {
    /// Its name in tables and files.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// What it says, in a few words.
    pub meaning: &'static str,
}

/// What the value of an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// One of these labels, each with a probability. A model may have other labels, in its own order.
    Categories(&'static [&'static str]),
    /// A probability, 0 to 1.
    Probability,
    /// A number in a unit.
    Number(
        /// The unit.
        &'static str,
    ),
    /// A number that is not known exactly, in a unit: its `mean` and its standard `deviation`, as [`Value::Numbers`].
    Estimate(
        /// The unit.
        &'static str,
    ),
    /// Angles of these names, in degrees, −180 to 180.
    Angles(&'static [&'static str]),
}

impl Attribute {
    const fn new(name: &'static str, kind: Kind, meaning: &'static str) -> Self {
        Self { name, kind, meaning }
    }
}

/// The attributes that are known, in the order in which they are shown.
///
/// Labels of age, gender and race are FairFace's (Kärkkäinen and Joo 2021), those of expression FER-2013's.
pub const VOCABULARY: &[Attribute] = &[
    Attribute::new(
        "age",
        Kind::Categories(&["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+"]),
        "age group, years",
    ),
    Attribute::new("gender", Kind::Categories(&["Male", "Female"]), "gender"),
    Attribute::new(
        "race",
        Kind::Categories(&[
            "White",
            "Black",
            "Latino Hispanic",
            "East Asian",
            "Southeast Asian",
            "Indian",
            "Middle Eastern",
        ]),
        "race, as the model's training data names it",
    ),
    Attribute::new(
        "expression",
        Kind::Categories(&["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]),
        "expression",
    ),
    Attribute::new("pose", Kind::Angles(&["yaw", "pitch", "roll"]), "direction of the head, degrees"),
    Attribute::new("mask", Kind::Probability, "probability that the face wears a mask"),
    Attribute::new("years", Kind::Estimate("years"), "apparent age"),
    Attribute::new("liveness", Kind::Probability, "probability that the face is no picture of a face"),
];

/// The attribute of a name, if it is known.
#[must_use]
pub fn find(name: &str) -> Option<&'static Attribute> {
    VOCABULARY.iter().find(|a| a.name == name)
}

/// What a model says of one attribute of a face.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Probabilities of labels, in the order of the model.
    Categories(Distribution),
    /// A probability, 0 to 1.
    Probability(f64),
    /// A number in the unit that the vocabulary names.
    Number(f64),
    /// Several numbers by name, such as the angles of a pose.
    Numbers(Distribution),
}

impl Value {
    /// The value that a number is for the attribute of this name.
    #[must_use]
    pub fn of_number(name: &str, number: f64) -> Self {
        match find(name).map(|a| a.kind) {
            Some(Kind::Probability) => Self::Probability(number),
            _ => Self::Number(number),
        }
    }

    /// The value that numbers by name are for the attribute of this name.
    #[must_use]
    pub fn of_numbers(name: &str, numbers: Distribution) -> Self {
        match find(name).map(|a| a.kind) {
            Some(Kind::Angles(_) | Kind::Estimate(_)) => Self::Numbers(numbers),
            _ => Self::Categories(numbers),
        }
    }

    /// Probabilities or numbers by name; `None` for a single number.
    #[must_use]
    pub fn by_name(&self) -> Option<&Distribution> {
        match self {
            Self::Categories(of) | Self::Numbers(of) => Some(of),
            Self::Probability(_) | Self::Number(_) => None,
        }
    }
}

/// What models say of a face, by the name of the attribute and in the order of the names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attributes(BTreeMap<String, Value>);

impl Attributes {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of attributes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The value of an attribute, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.get_mut(name)
    }

    /// Sets an attribute, and returns what it was.
    pub fn insert(&mut self, name: impl Into<String>, value: Value) -> Option<Value> {
        self.0.insert(name.into(), value)
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// The attributes in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Those of the vocabulary in its order, then the others in the order of their names.
    pub fn in_order(&self) -> impl Iterator<Item = (&str, &Value)> {
        let known = VOCABULARY.iter().filter_map(|a| self.get(a.name).map(|value| (a.name, value)));
        known.chain(self.iter().filter(|(name, _)| find(name).is_none()))
    }

    /// Probabilities or numbers by name; `None` where there are none.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Distribution> {
        self.get(name)?.by_name()
    }

    /// A single probability; `None` where there is none.
    #[must_use]
    pub fn probability(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::Probability(p) => Some(*p),
            _ => None,
        }
    }

    /// The label with the highest probability, and that; of equals the first.
    #[must_use]
    pub fn likeliest(&self, name: &str) -> Option<(&str, f64)> {
        let Value::Categories(of) = self.get(name)? else { return None };
        let mut best: Option<(&str, f64)> = None;
        for (label, &p) in of.iter().filter(|(_, p)| p.is_finite()) {
            if best.is_none_or(|(_, most)| p > most) {
                best = Some((label, p));
            }
        }
        best
    }
}

impl FromIterator<(String, Value)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl IntoIterator for Attributes {
    type Item = (String, Value);
    type IntoIter = std::collections::btree_map::IntoIter<String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_vocabulary_are_unique_and_plain() {
        for (at, attribute) in VOCABULARY.iter().enumerate() {
            assert!(VOCABULARY[..at].iter().all(|a| a.name != attribute.name), "{}", attribute.name);
            // A dot parts an attribute from the name of a number in the table.
            assert!(
                attribute.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{}",
                attribute.name
            );
        }
    }

    #[test]
    fn the_first_of_equals_is_the_likeliest() {
        let of = [("a", 0.2), ("b", 0.4), ("c", 0.4), ("d", f64::NAN)];
        let of = of.map(|(label, p)| (label.to_owned(), p)).into();
        let all = Attributes::from_iter([("x".to_owned(), Value::Categories(of))]);
        assert_eq!(all.likeliest("x"), Some(("b", 0.4)));
        assert_eq!(all.likeliest("y"), None);
    }
}
