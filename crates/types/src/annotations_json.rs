//! Annotations and attributes in the original's JSON:
//! `{"label", "mask", "attributes": {"age", "gender", "race", "expression", "pose", …}}`.
//!
//! Where nothing is said of a face, `mask` and `attributes` are null; where something is, the original's five attributes
//! are there, each null or numbers by name, then any others in the order of their names.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeMap, SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use crate::attributes::{self, Attributes, Distribution, Value};
use crate::{Annotation, Label};

/// The attributes that the original always writes, in its order.
const ALWAYS: [&str; 5] = ["age", "gender", "race", "expression", "pose"];
/// The attribute that the original writes beside the others.
const MASK: &str = "mask";

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Categories(of) | Self::Numbers(of) => of.serialize(serializer),
            Self::Probability(number) | Self::Number(number) => serializer.serialize_f64(*number),
        }
    }
}

/// Attributes but for one that stands elsewhere.
struct Without<'a>(&'a Attributes, &'static str);

impl Serialize for Without<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(all, without) = self;
        let others = || all.iter().filter(|(name, _)| name != without && !ALWAYS.contains(name));
        let mut map = serializer.serialize_map(Some(ALWAYS.len() + others().count()))?;
        for name in ALWAYS {
            map.serialize_entry(name, &all.get(name))?;
        }
        for (name, value) in others() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The object `attributes`, a mask among the others.
impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Without(self, "").serialize(serializer)
    }
}

impl Serialize for Annotation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mask = self.attributes.probability(MASK);
        let others = self.attributes.len() > usize::from(mask.is_some());
        let without = if mask.is_some() { MASK } else { "" };
        let mut entry = serializer.serialize_struct("Annotation", 3)?;
        entry.serialize_field("label", &self.label)?;
        entry.serialize_field("mask", &mask)?;
        entry.serialize_field("attributes", &others.then_some(Without(&self.attributes, without)))?;
        entry.end()
    }
}

/// What may stand for the value of an attribute.
#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    Nothing(()),
    Number(f64),
    Numbers(Distribution),
    Other(IgnoredAny),
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("attributes by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut all = Attributes::default();
                while let Some(name) = map.next_key::<String>()? {
                    let value = map.next_value_seed(Named(&name))?;
                    if let Some(value) = value {
                        all.insert(name, value);
                    }
                }
                Ok(all)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// The value of the attribute of this name; none where nothing is said. What is neither a number nor numbers by name is an
/// error for an attribute that is known, and passed over for any other.
struct Named<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        let Self(name) = self;
        match Given::deserialize(deserializer)? {
            Given::Number(number) => Ok(Some(Value::of_number(name, number))),
            Given::Numbers(of) if of.is_empty() => Ok(None),
            Given::Numbers(of) => Ok(Some(Value::of_numbers(name, of))),
            Given::Nothing(()) => Ok(None),
            Given::Other(_) if attributes::find(name).is_none() => Ok(None),
            Given::Other(_) => {
                Err(D::Error::custom(format_args!("'{name}' is neither a number nor numbers by name")))
            }
        }
    }
}

/// An entry as it stands in the file.
#[derive(Deserialize)]
struct Entry {
    label: Label,
    #[serde(default)]
    mask: Option<f64>,
    #[serde(default)]
    attributes: Option<Attributes>,
}

impl<'de> Deserialize<'de> for Annotation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Entry { label, mask, attributes } = Entry::deserialize(deserializer)?;
        let mut attributes = attributes.unwrap_or_default();
        if let Some(mask) = mask {
            attributes.insert(MASK, Value::Probability(mask));
        }
        Ok(Self { label, attributes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_originals_form_reads_and_writes_the_same() {
        for text in [
            r#"{"label":0,"mask":null,"attributes":null}"#,
            r#"{"label":-1,"mask":0.5,"attributes":null}"#,
            r#"{"label":3,"mask":0.25,"attributes":{"age":{"30-39":0.25,"0-2":0.75},"gender":null,"race":null,"expression":null,"pose":{"yaw":-10.5,"pitch":0.0,"roll":1.0}}}"#,
            r#"{"label":3,"mask":null,"attributes":{"age":null,"gender":null,"race":null,"expression":null,"pose":null,"beard":{"none":0.5,"full":0.5},"years":31.5}}"#,
        ] {
            let read: Annotation = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }

    #[test]
    fn kinds_follow_the_vocabulary_and_other_names_are_kept() {
        let text = r#"{"label":1,"mask":1,"attributes":{"pose":{"yaw":2},"beard":{"none":1},"years":30,"note":"x","list":[1]}}"#;
        let read: Annotation = serde_json::from_str(text).unwrap();
        let names: Vec<&str> = read.attributes.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["beard", "mask", "pose", "years"]);
        assert_eq!(read.attributes.probability("mask"), Some(1.0));
        assert!(matches!(read.attributes.get("pose"), Some(Value::Numbers(_))));
        assert!(matches!(read.attributes.get("beard"), Some(Value::Categories(_))));
        assert_eq!(read.attributes.get("years"), Some(&Value::Number(30.0)));
        let wrong = serde_json::from_str::<Annotation>(r#"{"label":1,"attributes":{"age":"old"}}"#);
        assert!(wrong.unwrap_err().to_string().contains("'age'"));
    }
}
