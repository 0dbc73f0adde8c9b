//! Attributes of faces in a dataset directory: `metadata/attributes.parquet`, a row for each number.
//!
//! | column | type | what |
//! |---|---|---|
//! | `face_id` | text | the face |
//! | `attribute` | text | `age`, `gender`, `race`, `expression`, `pose` or `mask` |
//! | `name` | text | of what the number is: `20-29`, `Female`, `happy`, `yaw`; `mask` |
//! | `value` | f64 | the probability, or degrees |
//!
//! Rows are in the order of the faces, and of the model that gave them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array, StringArray};
use arrow_schema::DataType;
use streamface_store::{Batches, Error as StoreError};
use streamface_types::annotations::Distribution;
use streamface_types::{Annotation, Attributes, FaceId, Label};

use crate::Error;
use crate::flat::{Column, write_parquet};

/// What attribute models said of a face.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Described {
    /// Probability of a mask.
    pub mask: Option<f64>,
    /// The others.
    pub attributes: Option<Attributes>,
}

impl Described {
    pub(crate) fn of(annotation: &Annotation) -> Self {
        Self { mask: annotation.mask, attributes: annotation.attributes.clone() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.mask.is_none() && self.attributes.is_none()
    }

    pub(crate) fn annotation(&self, label: Label) -> Annotation {
        Annotation { label, mask: self.mask, attributes: self.attributes.clone() }
    }

    fn distribution(&mut self, attribute: &str) -> Option<&mut Option<Distribution>> {
        let a = self.attributes.get_or_insert_with(Attributes::default);
        Some(match attribute {
            "age" => &mut a.age,
            "gender" => &mut a.gender,
            "race" => &mut a.race,
            "expression" => &mut a.expression,
            "pose" => &mut a.pose,
            _ => return None,
        })
    }
}

/// The distributions by name, in the original's order.
pub(crate) fn by_name(a: &Attributes) -> [(&'static str, Option<&Distribution>); 5] {
    [
        ("age", a.age.as_ref()),
        ("gender", a.gender.as_ref()),
        ("race", a.race.as_ref()),
        ("expression", a.expression.as_ref()),
        ("pose", a.pose.as_ref()),
    ]
}

fn path(metadata: &Path) -> PathBuf {
    metadata.join("attributes.parquet")
}

/// Writes the table; none where there is nothing to write.
pub(crate) fn write(metadata: &Path, all: &BTreeMap<FaceId, Described>) -> Result<(), Error> {
    let rows = || {
        all.iter().flat_map(|(face, described)| {
            let mask = described.mask.map(|v| ("mask", "mask", v));
            let named = described.attributes.iter().flat_map(by_name);
            let numbers =
                named.flat_map(|(a, d)| d.into_iter().flatten().map(move |(name, v)| (a, name.as_str(), *v)));
            numbers.chain(mask).map(move |row| (face, row))
        })
    };
    if rows().next().is_none() {
        return Ok(());
    }
    let column = |name, kind, array: ArrayRef| Column { name, kind, nullable: false, array };
    let columns = vec![
        column(
            "face_id",
            DataType::Utf8,
            Arc::new(StringArray::from_iter_values(rows().map(|(f, _)| f.to_string()))),
        ),
        column(
            "attribute",
            DataType::Utf8,
            Arc::new(StringArray::from_iter_values(rows().map(|(_, r)| r.0))),
        ),
        column("name", DataType::Utf8, Arc::new(StringArray::from_iter_values(rows().map(|(_, r)| r.1)))),
        column(
            "value",
            DataType::Float64,
            Arc::new(Float64Array::from_iter_values(rows().map(|(_, r)| r.2))),
        ),
    ];
    write_parquet(&path(metadata), columns)
}

/// Reads the table; empty where there is none.
pub(crate) fn read(metadata: &Path) -> Result<BTreeMap<FaceId, Described>, Error> {
    let path = path(metadata);
    let mut all: BTreeMap<FaceId, Described> = BTreeMap::new();
    let batches = match Batches::open(&path, "table of attributes") {
        Ok(batches) => batches,
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(all);
        }
        Err(e) => return Err(e.into()),
    };
    let broken = |why: String| Error::format(&path, format!("not a table of attributes: {why}"));
    for batch in batches {
        let batch = batch?;
        let text = |name: &str| {
            let array = batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
            array.filter(|a| a.null_count() == 0).ok_or_else(|| broken(format!("no text column '{name}'")))
        };
        let (faces, attributes, names) = (text("face_id")?, text("attribute")?, text("name")?);
        let values = batch.column_by_name("value").and_then(|c| c.as_primitive_opt::<Float64Type>());
        let values = values.ok_or_else(|| broken("no number column 'value'".into()))?;
        for row in 0..batch.num_rows() {
            let face = faces.value(row).parse::<FaceId>().map_err(|e| broken(e.to_string()))?;
            let (attribute, value) = (attributes.value(row), values.value(row));
            let described = all.entry(face).or_default();
            if attribute == "mask" {
                described.mask = Some(value);
                continue;
            }
            let known = described.distribution(attribute);
            let known =
                known.ok_or_else(|| broken(format!("'{attribute}' is no attribute that is known")))?;
            known.get_or_insert_with(Distribution::new).insert(names.value(row).to_owned(), value);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &BTreeMap::new()).unwrap();
        assert_eq!(read(dir.path()).unwrap(), BTreeMap::new());
        assert!(!path(dir.path()).exists());
        let age: Distribution = [("30-39".to_owned(), 0.25), ("0-2".to_owned(), 0.75)].into_iter().collect();
        let attributes = Attributes { age: Some(age), ..Attributes::default() };
        let all: BTreeMap<FaceId, Described> = [
            ("a_face_10".parse().unwrap(), Described { mask: Some(0.5), attributes: None }),
            ("a_face_2".parse().unwrap(), Described { mask: None, attributes: Some(attributes) }),
        ]
        .into();
        write(dir.path(), &all).unwrap();
        let back = read(dir.path()).unwrap();
        assert_eq!(back, all);
        let age = back.values().next().unwrap().attributes.as_ref().unwrap().age.as_ref().unwrap();
        assert_eq!(age.keys().collect::<Vec<_>>(), ["30-39", "0-2"]);
        std::fs::write(path(dir.path()), "PAR1 rubbish").unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("attributes.parquet"));
    }
}
