//! What models say of a dataset's people, by the vote of their faces.

use std::collections::BTreeSet;

use streamface_eval::person_attributes::UnknownBelow;
use streamface_store::{AttributeRow, Dataset};

use super::models::manifest_of;
use crate::Result;

/// A model that gave attributes of a dataset's faces.
pub(super) struct GivenBy {
    pub(super) model: String,
    pub(super) sha256: String,
    pub(super) attributes: BTreeSet<String>,
}

/// The models that gave attributes, by name; none of what an import brought.
pub(super) fn attribute_models(data: &Dataset) -> Result<Vec<GivenBy>> {
    let mut all: Vec<GivenBy> = Vec::new();
    data.each(|row: AttributeRow| {
        let name = row.name();
        let Some(model) = row.model else { return };
        let sha256 = row.model_sha256.unwrap_or_default();
        match all.iter_mut().find(|by| by.model == model && by.sha256 == sha256) {
            Some(by) => drop(by.attributes.insert(name)),
            None => all.push(GivenBy { model, sha256, attributes: [name].into() }),
        }
    })?;
    all.sort_by(|a, b| (&a.model, &a.sha256).cmp(&(&b.model, &b.sha256)));
    Ok(all)
}

/// The confidence below which each attribute of a dataset's faces is unknown, as the manifests of the models say that gave
/// it; of several models the greatest. What an import brought, and what a model gave whose manifest is not there, has none.
pub(super) fn unknown_below(data: &Dataset) -> Result<UnknownBelow> {
    Ok(confidences(data, &attribute_models(data)?))
}

/// [`unknown_below`] of the models that gave attributes.
pub(super) fn confidences(data: &Dataset, given: &[GivenBy]) -> UnknownBelow {
    let mut all = UnknownBelow::new();
    for GivenBy { model, attributes, .. } in given {
        let Ok(manifest) = manifest_of(data, model) else { continue };
        let Ok(face) = manifest.face() else { continue };
        for of in face.attributes.iter().filter(|of| attributes.contains(&of.name) && of.unknown_below > 0.0)
        {
            add(&mut all, &of.name, of.unknown_below);
        }
    }
    all
}

/// Adds the confidences of another dataset to `all`.
pub(super) fn join(all: &mut UnknownBelow, other: &UnknownBelow) {
    other.iter().for_each(|(name, &below)| add(all, name, below));
}

fn add(all: &mut UnknownBelow, name: &str, below: f64) {
    let known = all.entry(name.to_owned()).or_insert(below);
    *known = known.max(below);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use streamface_store::{AttributeRow, MadeBy};
    use streamface_types::attributes::Value;
    use streamface_types::{Attributes, FaceId};

    use super::*;

    const MANIFEST: &str = r#"
name = "mine"
kind = "face"
format = "onnx"
file = "mine.onnx"
bytes = 1
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
source = "made up"
licence = "none"
licence_note = "none"

[input]
layout = "nchw"
channels = "rgb"
mean = 0.0
scale = 255.0

[crop]
alignment = "box"
size = 64

[face]
how = "not measured"
[[face.attributes]]
name = "gender"
output = 0
reading = "logits"
values = ["Male", "Female"]
unknown_below = 0.75
[[face.attributes]]
name = "race"
output = 1
reading = "logits"
values = ["a", "b"]
unknown_below = 0.5
"#;

    #[test]
    fn confidences_are_those_of_the_models_that_gave_the_attributes() {
        let dir = tempfile::tempdir().unwrap();
        let data = Dataset::open(dir.path()).unwrap();
        assert_eq!(unknown_below(&data).unwrap(), UnknownBelow::new());
        let face: FaceId = "a_face_0".parse().unwrap();
        let said = |name: &str| {
            let of = [("Male".to_owned(), 0.5), ("Female".to_owned(), 0.5)].into();
            Attributes::from_iter([(name.to_owned(), Value::Categories(of))])
        };
        let by = |model| Some(MadeBy { model, sha256: "00", settings: "" });
        let rows = [
            AttributeRow::of(&face, &said("gender"), by("mine")),
            AttributeRow::of(&face, &said("expression"), by("gone")),
            AttributeRow::of(&face, &said("race"), None),
        ];
        data.replace(rows.concat()).unwrap();
        fs::create_dir_all(data.metadata().join("models")).unwrap();
        fs::write(data.metadata().join("models/mine.toml"), MANIFEST).unwrap();
        assert_eq!(unknown_below(&data).unwrap(), UnknownBelow::from([("gender".to_owned(), 0.75)]));
        let mut all = UnknownBelow::from([("gender".to_owned(), 0.8)]);
        join(&mut all, &[("gender".to_owned(), 0.75), ("race".to_owned(), 0.5)].into());
        assert_eq!(all, [("gender".to_owned(), 0.8), ("race".to_owned(), 0.5)].into());
    }
}
