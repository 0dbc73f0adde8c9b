//! The table of attributes: what models say of faces, and `annotations.json`, which is made from it.
//!
//! A category's labels are a row each, with a probability. A number has no probability. One of several numbers, such as an
//! angle, is stored as `pose.yaw`. A single probability has the attribute's own name for a label.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::types::Float64Type;
use streamface_types::attributes::{Distribution, Value};
use streamface_types::{Annotation, Annotations, Attributes, FaceId, Label};

use crate::columns::Columns;
use crate::declare::table;
use crate::table;
use crate::{Error, Result};

table! {
    /// One label or number that a model gave for an attribute of a face.
    AttributeRow in "attributes", version 3, reads 1, many rows of (FaceId, String) = |r| attribute_key(r);
    before 2: read_first_attributes;
    "One row for each label or number that a model gave for a face. A label of a category has a probability; a number, \
     such as an age in years or an angle in degrees, has none. The rows of one attribute stand in the order of the model's \
     labels. Labels and numbers of an imported set have a model and a hash where the set names them."
    given {
        face: FaceId { "face_id": "id of the face" };
        attribute: String {
            "attribute": "name of the attribute, such as `age`; a number of several, such as an angle of the pose, is `pose.yaw`",
        };
        value: String { "value": "the label, such as `20-29`, or a number as text" };
    }
    rest {
        probability: Option<f64> { "probability": "probability of the label, 0 to 1; null for a number" };
        model: Option<String> { "model": "name of the model; null where an import does not say" };
        model_sha256: Option<String> { "model_sha256": "SHA-256 of the model's weights, of several files that of their digests in hexadecimal, one a line; null where an import does not say" };
        settings: Option<String>, since 3 {
            "settings": "first 16 hexadecimal digits of a SHA-256 of how the model was fed and read; null where an import does not say",
        };
    }
}

/// The model that gave rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeBy<'a> {
    /// Its name.
    pub model: &'a str,
    /// The SHA-256 of its weights.
    pub sha256: &'a str,
    /// What stands for how it is fed and read.
    pub settings: &'a str,
}

impl AttributeRow {
    /// The rows of a face; `made_by` is the model, where it is known.
    ///
    /// ```
    /// use streamface_store::AttributeRow;
    /// use streamface_types::{Attributes, attributes::Value};
    ///
    /// let said = Attributes::from_iter([("mask".to_owned(), Value::Probability(0.02))]);
    /// let rows = AttributeRow::of(&"a_face_0".parse()?, &said, None);
    /// assert_eq!((rows[0].value.as_str(), rows[0].probability), ("mask", Some(0.02)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(face: &FaceId, attributes: &Attributes, made_by: Option<MadeBy<'_>>) -> Vec<Self> {
        let mut rows = Vec::new();
        let mut add = |attribute: String, value: String, probability: Option<f64>| {
            let mut row = Self::new(face.clone(), attribute, value);
            row.probability = probability;
            row.model = made_by.map(|by| by.model.to_owned());
            row.model_sha256 = made_by.map(|by| by.sha256.to_owned());
            row.settings = made_by.map(|by| by.settings.to_owned());
            rows.push(row);
        };
        for (name, value) in attributes.iter() {
            // A dot parts the name from that of a number.
            let name = name.replace('%', "%25").replace('.', "%2E");
            match value {
                Value::Categories(of) => {
                    of.iter().for_each(|(label, &p)| add(name.clone(), label.clone(), Some(p)));
                }
                Value::Probability(p) => add(name.clone(), name, Some(*p)),
                Value::Numbers(of) => {
                    of.iter().for_each(|(part, v)| add(format!("{name}.{part}"), v.to_string(), None));
                }
                Value::Number(v) => add(name, v.to_string(), None),
                // Types grows a kind together with this place.
                _ => {}
            }
        }
        rows
    }

    /// The name of the attribute; of a number of several, such as `pose.yaw`, that of all of them.
    #[must_use]
    pub fn name(&self) -> String {
        let parts = if self.probability.is_none() { self.attribute.split_once('.') } else { None };
        plain(parts.map_or(&self.attribute, |(name, _)| name))
    }

    /// Adds what this row says to the attributes of its face.
    ///
    /// # Errors
    /// Where a row without a probability has no number, or rows of one attribute do not fit together.
    fn add_to(self, all: &mut Attributes) -> Result<(), String> {
        let Self { attribute, value, probability, .. } = self;
        let parts = if probability.is_none() { attribute.split_once('.') } else { None };
        let (name, part) = parts.map_or((attribute.as_str(), None), |(name, part)| (name, Some(part)));
        let name = plain(name);
        let number = match probability {
            Some(p) => p,
            None => value.parse().map_err(|_| format!("'{attribute}': '{value}' is no number"))?,
        };
        let one = |name: &str| Distribution::from([(name.to_owned(), number)]);
        let added = match (all.remove(&name), probability, part) {
            (None, Some(p), _) if value == attribute => Value::Probability(p),
            (None, Some(_), _) => Value::Categories(one(&value)),
            (None, None, Some(part)) => Value::Numbers(one(part)),
            (None, None, None) => Value::Number(number),
            (Some(Value::Categories(mut of)), Some(p), _) => {
                of.insert(value, p);
                Value::Categories(of)
            }
            // What seemed to be a single probability is a label that is called as the attribute is.
            (Some(Value::Probability(first)), Some(p), _) => {
                Value::Categories([(attribute, first), (value, p)].into())
            }
            (Some(Value::Numbers(mut of)), None, Some(part)) => {
                of.insert(part.to_owned(), number);
                Value::Numbers(of)
            }
            _ => return Err(format!("'{name}' is of two kinds")),
        };
        all.insert(name, added);
        Ok(())
    }
}

/// A name without what stands for dots in it.
fn plain(name: &str) -> String {
    name.replace("%2E", ".").replace("%25", "%")
}

/// Rows of one attribute of a face belong together, all angles of a pose too.
fn attribute_key(row: &AttributeRow) -> (FaceId, String) {
    let name = row.attribute.split('.').next().unwrap_or_default();
    (row.face.clone(), name.to_owned())
}

/// A row of version 1, which only imports wrote: `face_id, attribute, name, value`, where `value` is a probability or degrees.
fn read_first_attributes(columns: &Columns<'_>, row: usize) -> Result<AttributeRow, String> {
    let (attribute, name): (String, String) =
        (columns.parsed("attribute", row)?, columns.parsed("name", row)?);
    let number = columns.required::<Float64Type>("value", row)?;
    let face: FaceId = columns.parsed("face_id", row)?;
    if attribute == "pose" {
        return Ok(AttributeRow::new(face, format!("pose.{name}"), number.to_string()));
    }
    let mut read = AttributeRow::new(face, attribute, name);
    read.probability = Some(number);
    Ok(read)
}

/// The model that gave an attribute of a face.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttributeModel {
    /// Its name.
    pub model: String,
    /// The SHA-256 of its weights; `None` where an import does not say.
    pub sha256: Option<String>,
    /// What stands for how it is fed and read; `None` where nobody said.
    pub settings: Option<String>,
}

/// Models by the name of the attribute; those of which nobody said are left out.
pub type AttributeModels = BTreeMap<String, AttributeModel>;

/// Gives `each` what models say of a face, one face after another in their order, and holds one of them at a time: all of
/// them only while a run has left batches that are not compacted. Of a table that another program wrote, whose rows do not
/// stand in their order, a face may come several times, each time with other attributes.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::Format`], [`crate::Error::SchemaVersion`]; of rows that do not fit together after all
/// faces were given.
pub fn each_attributes(
    metadata: &Path,
    mut each: impl FnMut(FaceId, Attributes, AttributeModels),
) -> Result<()> {
    let mut broken = None;
    let mut of_face: Option<(FaceId, Attributes, AttributeModels)> = None;
    table::each(metadata, |row: AttributeRow| {
        if of_face.as_ref().is_none_or(|(face, ..)| *face != row.face) {
            let next = (row.face.clone(), Attributes::default(), AttributeModels::new());
            if let Some((face, said, models)) = of_face.replace(next) {
                each(face, said, models);
            }
        }
        let Some((face, said, models)) = &mut of_face else { return };
        if let Some(model) = &row.model {
            models.entry(row.name()).or_insert_with(|| AttributeModel {
                model: model.clone(),
                sha256: row.model_sha256.clone(),
                settings: row.settings.clone(),
            });
        }
        if let Err(why) = row.add_to(said) {
            broken.get_or_insert(format!("{face}: {why}"));
        }
    })?;
    if let Some((face, said, models)) = of_face {
        each(face, said, models);
    }
    match broken {
        Some(why) => Err(Error::format(&table::table_path::<AttributeRow>(metadata), why)),
        None => Ok(()),
    }
}

/// The attributes of all faces that have any, from the table of a `metadata/` folder: some 3 kB a face. [`each_attributes`]
/// holds one face at a time.
///
/// # Errors
/// As [`each_attributes`].
pub fn read_attributes(metadata: &Path) -> Result<BTreeMap<FaceId, Attributes>> {
    let mut all: BTreeMap<FaceId, Attributes> = BTreeMap::new();
    each_attributes(metadata, |face, said, _| {
        let of_face = all.entry(face).or_default();
        said.into_iter().for_each(|(name, value)| drop(of_face.insert(name, value)));
    })?;
    Ok(all)
}

/// `annotations.json` as the tables say: these labels, each with the attributes of its face. The one place where that file
/// is made; `attributes` gives those of a face, of which there may be more than memory should hold twice.
///
/// ```
/// use streamface_store::annotations;
/// use streamface_types::Label;
///
/// let file = annotations([(&"a_face_0".parse()?, Label(3))], |_| Default::default());
/// assert_eq!(file.labels["a_face_0"].label, Label(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn annotations<'f>(
    labels: impl IntoIterator<Item = (&'f FaceId, Label)>,
    mut attributes: impl FnMut(&FaceId) -> Attributes,
) -> Annotations {
    let entry = |(face, label): (&FaceId, Label)| {
        (face.to_string(), Annotation { label, attributes: attributes(face) })
    };
    Annotations { labels: labels.into_iter().map(entry).collect(), ..Annotations::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;

    fn numbers<const N: usize>(of: [(&str, f64); N]) -> Distribution {
        of.map(|(name, v)| (name.to_owned(), v)).into()
    }

    fn said() -> Attributes {
        [
            ("age", Value::Categories(numbers([("30-39", 0.25), ("0-2", 0.75)]))),
            ("mask", Value::Probability(1e-7)),
            ("pose", Value::Numbers(numbers([("yaw", -0.1), ("pitch", 1e300), ("roll", -0.0)]))),
            ("years", Value::Number(1.0 / 3.0)),
            ("a name with spaces, 5 % and v1.2", Value::Number(7.0)),
            ("a name with spaces, 5 % and v1", Value::Categories(numbers([("x", 1.0)]))),
            ("smile", Value::Categories(numbers([("smile", 0.5), ("none", 0.5)]))),
            ("frown", Value::Categories(numbers([("none", 0.5), ("frown", 0.5)]))),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    #[test]
    fn attributes_read_back_in_the_models_order() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_attributes(dir.path()).unwrap(), BTreeMap::new());
        let faces: Vec<FaceId> = ["a_face_10", "a_face_2"].map(|f| f.parse().unwrap()).into();
        let rows: Vec<_> = faces.iter().flat_map(|f| AttributeRow::of(f, &said(), None)).collect();
        table::write(dir.path(), rows).unwrap();
        let back = read_attributes(dir.path()).unwrap();
        assert_eq!(back, faces.iter().map(|f| (f.clone(), said())).collect());
        for of_face in back.values() {
            let names = |name: &str| of_face.by_name(name).unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(names("age"), ["30-39", "0-2"]);
            assert_eq!(names("pose"), ["yaw", "pitch", "roll"]);
        }
    }

    #[test]
    fn faces_are_given_one_after_another_with_the_models_of_their_attributes() {
        let dir = tempfile::tempdir().unwrap();
        let faces: Vec<FaceId> = ["a_face_2", "a_face_10", "b_face_0"].map(|f| f.parse().unwrap()).into();
        let by = |model| Some(MadeBy { model, sha256: "00", settings: "11" });
        let mut rows: Vec<_> = faces.iter().flat_map(|f| AttributeRow::of(f, &said(), None)).collect();
        rows.iter_mut().filter(|row| row.name() == "pose" && row.face == faces[1]).for_each(|row| {
            row.model = Some("mesh".to_owned());
        });
        let smile = Attributes::from_iter([("smile.v2".to_owned(), Value::Number(0.5))]);
        rows.extend(AttributeRow::of(&faces[2], &smile, by("mine")));
        table::write(dir.path(), rows).unwrap();
        let mut given = Vec::new();
        each_attributes(dir.path(), |face, said, models| given.push((face, said, models))).unwrap();
        assert_eq!(given.iter().map(|(face, ..)| face.clone()).collect::<Vec<_>>(), faces);
        let model = |model: &str, sha256: Option<&str>, settings: Option<&str>| AttributeModel {
            model: model.to_owned(),
            sha256: sha256.map(str::to_owned),
            settings: settings.map(str::to_owned),
        };
        assert_eq!((&given[0].1, given[0].2.len()), (&said(), 0));
        assert_eq!(given[1].2, AttributeModels::from([("pose".to_owned(), model("mesh", None, None))]));
        let mine = model("mine", Some("00"), Some("11"));
        assert_eq!(given[2].2, AttributeModels::from([("smile.v2".to_owned(), mine)]));
        assert_eq!(given[2].1.len(), said().len() + 1);
    }

    #[test]
    fn the_first_version_of_the_table_opens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("attributes.parquet");
        let text = |values: [&str; 5]| Arc::new(StringArray::from_iter_values(values)) as ArrayRef;
        let batch = RecordBatch::try_from_iter([
            ("face_id", text(["a_face_0"; 5])),
            ("attribute", text(["age", "age", "pose", "pose", "mask"])),
            ("name", text(["30-39", "0-2", "yaw", "pitch", "mask"])),
            ("value", Arc::new(Float64Array::from(vec![0.25, 0.75, -0.1, 20.0, 0.5])) as ArrayRef),
        ])
        .unwrap();
        let mut writer =
            ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let back = read_attributes(dir.path()).unwrap();
        let expected = [
            ("age".to_owned(), Value::Categories(numbers([("30-39", 0.25), ("0-2", 0.75)]))),
            ("pose".to_owned(), Value::Numbers(numbers([("yaw", -0.1), ("pitch", 20.0)]))),
            ("mask".to_owned(), Value::Probability(0.5)),
        ];
        assert_eq!(back.into_values().collect::<Vec<_>>(), [Attributes::from_iter(expected)]);
    }

    #[test]
    fn rows_that_do_not_fit_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let face: FaceId = "a_face_0".parse().unwrap();
        let row = |attribute: &str, value: &str, probability| {
            let mut row = AttributeRow::new(face.clone(), attribute, value);
            row.probability = probability;
            row
        };
        for rows in
            [vec![row("age", "old", None)], vec![row("pose", "up", Some(0.5)), row("pose.yaw", "3", None)]]
        {
            table::write(dir.path(), rows).unwrap();
            let said = read_attributes(dir.path()).unwrap_err().to_string();
            assert!(said.contains("attributes.parquet") && said.contains("a_face_0"), "{said}");
        }
    }
}
