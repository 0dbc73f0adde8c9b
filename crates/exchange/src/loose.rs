//! JSON that other programs write, read without asking for types: an id is a number or a text, a width `960.0`, a score
//! null. What is read into memory is bounded, whatever the file holds.

use std::cell::Cell;
use std::fmt;
use std::io::{BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use streamface_types::Attributes;
use streamface_types::attributes::{Distribution, Value};
use streamface_types::bounded::JsonText;
use streamface_types::text::whole_float;

/// Most values within one value; what follows is passed over. A list of 10,000 faces with all that is known of them fits.
const MAX_VALUES: usize = 1 << 20;

/// A value of JSON.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Loose {
    /// Null, or what is not there.
    #[default]
    Nothing,
    Truth(bool),
    Whole(i64),
    Float(f64),
    Text(String),
    List(Vec<Loose>),
    /// In the order of the file; of entries with one name the last one counts.
    Object(Vec<(String, Loose)>),
}

impl Loose {
    /// An entry of an object; nothing where there is none.
    pub(crate) fn get(&self, name: &str) -> &Self {
        const NOTHING: &Loose = &Loose::Nothing;
        self.entries().iter().rev().find(|(known, _)| known == name).map_or(NOTHING, |(_, value)| value)
    }

    /// The entries of an object; none of anything else.
    pub(crate) fn entries(&self) -> &[(String, Self)] {
        if let Self::Object(entries) = self { entries } else { &[] }
    }

    /// A text, or a number as one: `5`, `5.0` and `"5"` are one id. None where it is empty.
    pub(crate) fn text(&self) -> Option<String> {
        let text = match self {
            Self::Whole(number) => number.to_string(),
            Self::Float(number) => match whole_float(*number) {
                Some(whole) => whole.to_string(),
                None => number.to_string(),
            },
            Self::Text(text) => text.trim().to_owned(),
            Self::Nothing | Self::Truth(_) | Self::List(_) | Self::Object(_) => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// A number, or a text that is one; finite.
    pub(crate) fn number(&self) -> Option<f64> {
        let number = match self {
            Self::Whole(number) => *number as f64,
            Self::Float(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
            Self::Nothing | Self::Truth(_) | Self::List(_) | Self::Object(_) => return None,
        };
        number.is_finite().then_some(number)
    }

    /// A number that `f32` holds.
    pub(crate) fn single(&self) -> Option<f32> {
        self.number().map(|n| n as f32).filter(|n| n.is_finite())
    }

    /// A list of `N` numbers.
    pub(crate) fn numbers<const N: usize>(&self) -> Option<[f32; N]> {
        let Self::List(list) = self else { return None };
        let numbers: Vec<f32> = list.iter().map(Self::single).collect::<Option<_>>()?;
        numbers.try_into().ok()
    }

    /// A list of `N` points.
    pub(crate) fn points<const N: usize>(&self) -> Option<[[f32; 2]; N]> {
        let Self::List(list) = self else { return None };
        let points: Vec<[f32; 2]> = list.iter().map(Self::numbers).collect::<Option<_>>()?;
        points.try_into().ok()
    }

    /// An object's entries that are a number, or numbers by name, as attributes of a face; others are passed over.
    pub(crate) fn attributes(&self) -> Attributes {
        let plain = |value: &Self| match value {
            Self::Whole(_) | Self::Float(_) => value.number(),
            _ => None,
        };
        let mut all = Attributes::default();
        for (name, value) in self.entries() {
            if let Some(number) = plain(value) {
                all.insert(name.clone(), Value::of_number(name, number));
                continue;
            }
            let named = |(name, value): &(String, Self)| Some((name.clone(), plain(value)?));
            let numbers: Option<Distribution> = value.entries().iter().map(named).collect();
            if let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) {
                all.insert(name.clone(), Value::of_numbers(name, numbers));
            }
        }
        all
    }
}

/// Reads a value, of which no more than the budget says is kept.
struct Bounded<'b>(&'b Cell<usize>);

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Loose;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Loose, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Loose, E> {
        Ok(Loose::Truth(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Loose, E> {
        Ok(Loose::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Loose, E> {
        Ok(i64::try_from(value).map_or(Loose::Float(value as f64), Loose::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Loose, E> {
        Ok(Loose::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Loose, E> {
        Ok(Loose::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose, A::Error> {
        let mut list = Vec::new();
        while self.0.get() > 0 {
            self.0.set(self.0.get() - 1);
            match seq.next_element_seed(Bounded(self.0))? {
                Some(value) => list.push(value),
                None => return Ok(Loose::List(list)),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut entries = Vec::new();
        while self.0.get() > 0 {
            self.0.set(self.0.get() - 1);
            let Some(name) = map.next_key()? else { return Ok(Loose::Object(entries)) };
            entries.push((name, map.next_value_seed(Bounded(self.0))?));
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Object(entries))
    }
}

/// Reads one value.
pub(crate) fn value(json: impl Read) -> serde_json::Result<Loose> {
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(JsonText::new(json)));
    let value = Bounded(&Cell::new(MAX_VALUES)).deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Reads an object whose entries may be longer than memory: `each` is given the items of those that are named, one by one,
/// with the name: the values of a list, or the values of an object and what these are called. Gives the names of all
/// entries.
pub(crate) fn items(
    json: impl Read,
    named: &[&str],
    each: &mut dyn FnMut(&str, Option<String>, Loose),
) -> serde_json::Result<Vec<String>> {
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(JsonText::new(json)));
    let names = Entries { named, each }.deserialize(&mut json)?;
    json.end()?;
    Ok(names)
}

type Each<'e> = &'e mut dyn FnMut(&str, Option<String>, Loose);

struct Entries<'e> {
    named: &'e [&'e str],
    each: Each<'e>,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<String>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with '{}'", self.named.join("', '"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
        /// More than any file of these formats has.
        const MOST: usize = 10_000;
        let mut names = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if names.len() == MOST {
                return Err(A::Error::custom(format_args!("more than {MOST} entries")));
            }
            if self.named.contains(&name.as_str()) {
                map.next_value_seed(Items { name: &name, each: &mut *self.each })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            names.push(name);
        }
        Ok(names)
    }
}

/// The items of one entry.
struct Items<'e> {
    name: &'e str,
    each: Each<'e>,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

macro_rules! no_items {
    ($($visit:ident: $kind:ty;)*) => {$(
        fn $visit<E>(self, _: $kind) -> Result<(), E> {
            Ok(())
        }
    )*};
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    no_items! {
        visit_bool: bool;
        visit_i64: i64;
        visit_u64: u64;
        visit_f64: f64;
        visit_str: &str;
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(value) = seq.next_element_seed(Bounded(&Cell::new(MAX_VALUES)))? {
            (self.each)(self.name, None, value);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key()? {
            let value = map.next_value_seed(Bounded(&Cell::new(MAX_VALUES)))?;
            (self.each)(self.name, Some(name), value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose(json: &str) -> Loose {
        value(json.as_bytes()).unwrap()
    }

    #[test]
    fn one_value_in_several_types() {
        for json in ["5", "5.0", "\" 5 \""] {
            let value = loose(json);
            assert_eq!((value.text().as_deref(), value.number()), (Some("5"), Some(5.0)), "{json}");
        }
        for json in ["null", "NaN", "-Infinity", "true", "\"\"", "[]", "{}"] {
            let value = loose(json);
            assert_eq!((value.text(), value.number()), (None, None), "{json}");
        }
        assert_eq!(loose("18446744073709551615").number(), Some(u64::MAX as f64));
        assert_eq!(loose("[1, \"2\", 3.5]").numbers(), Some([1.0, 2.0, 3.5]));
        assert_eq!(loose("[1, NaN, 3]").numbers::<3>(), None);
        assert_eq!(loose("[1, 1e300]").numbers::<2>(), None);
        assert_eq!(loose("[[1, 2], [3, 4]]").points(), Some([[1.0, 2.0], [3.0, 4.0]]));
        let last = loose(r#"{"a": 1, "b": {}, "a": 2}"#);
        assert_eq!((last.get("a"), last.get("c")), (&Loose::Whole(2), &Loose::Nothing));
    }

    #[test]
    fn attributes_are_numbers_and_numbers_by_name() {
        let all = loose(
            r#"{"mask": 0.5, "age": {"0-2": 0.25, "3-9": 0.75}, "note": "x", "seen": true, "list": [1], "odd": {"a": "b"}, "none": {}}"#,
        )
        .attributes();
        assert_eq!(all.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["age", "mask"]);
        assert_eq!((all.likeliest("age"), all.probability("mask")), (Some(("3-9", 0.75)), Some(0.5)));
    }

    #[test]
    fn memory_is_bounded() {
        let many = format!("[[{}1], 7]", "1,".repeat(2 * MAX_VALUES));
        let Loose::List(list) = loose(&many) else { panic!() };
        assert!(matches!(&list[..], [Loose::List(first)] if first.len() < MAX_VALUES));
        assert!(value("[".repeat(100_000).as_bytes()).is_err(), "depth is bounded too");
    }

    #[test]
    fn items_of_named_entries() {
        let json = r#"{"info": {"x": [1]}, "images": [1, null, {"id": 2}], "labels": {"a": 3}, "licenses": null, "none": null}"#;
        let mut found = Vec::new();
        let mut each = |entry: &str, name: Option<String>, value: Loose| {
            found.push((entry.to_owned(), name, value.text()));
        };
        let names = items(json.as_bytes(), &["images", "labels", "none"], &mut each).unwrap();
        assert_eq!(names, ["info", "images", "labels", "licenses", "none"]);
        let item = |entry: &str, name: Option<&str>, text: Option<&str>| {
            (entry.to_owned(), name.map(str::to_owned), text.map(str::to_owned))
        };
        let expected = [
            item("images", None, Some("1")),
            item("images", None, None),
            item("images", None, None),
            item("labels", Some("a"), Some("3")),
        ];
        assert_eq!(found, expected);
        let said = items(&b"[1]"[..], &["images"], &mut |_, _, _| ()).unwrap_err().to_string();
        assert!(said.contains("an object with 'images'"), "{said}");
    }
}
