//! Vectors in a request, as they are parsed: no larger in memory than their text.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// Vectors of one length, row by row.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) numbers: Vec<f32>,
    pub(super) dim: usize,
    pub(super) rows: usize,
}

impl<'de> serde::Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(All)
    }
}

struct All;

impl<'de> Visitor<'de> for All {
    type Value = Rows;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of vectors")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Rows, A::Error> {
        let mut rows = Rows::default();
        while let Some(length) = all.next_element_seed(One(&mut rows.numbers))? {
            // One without numbers takes no memory here, and so could come without end.
            if length == 0 || rows.rows > 0 && length != rows.dim {
                let (at, first) = (rows.rows, rows.dim);
                return Err(A::Error::custom(match at {
                    0 => "vectors[0] has no numbers".to_owned(),
                    _ => format!("vectors[{at}] has {length} numbers, vectors[0] has {first}"),
                }));
            }
            rows.dim = length;
            rows.rows += 1;
        }
        Ok(rows)
    }
}

/// Appends a vector; returns its length.
struct One<'a>(&'a mut Vec<f32>);

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<usize, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a vector of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<usize, A::Error> {
        let before = self.0.len();
        while let Some(number) = numbers.next_element()? {
            self.0.push(number);
        }
        Ok(self.0.len() - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_length() {
        let read = |text: &str| serde_json::from_str::<Rows>(text).map_err(|e| e.to_string());
        let rows = read("[[1, 2.5], [3, -4]]").unwrap();
        assert_eq!((rows.numbers, rows.dim, rows.rows), (vec![1.0, 2.5, 3.0, -4.0], 2, 2));
        assert_eq!(read("[]").unwrap(), Rows::default());
        for (text, says) in [
            ("[[1], [1, 2]]", "vectors[1] has 2 numbers, vectors[0] has 1"),
            ("[[], []]", "vectors[0] has no numbers"),
            ("[[1], []]", "vectors[1] has 0 numbers"),
            ("[[\"x\"]]", "invalid type"),
            ("{}", "a list of vectors"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(says), "{text}: {said}");
        }
    }
}
