//! Which models gave the attributes of a face, as JSON: `{"age": {"model": "faceres", "sha256": "…", "settings": "…"}}`. `sha256` is
//! that of the weights, `settings` stands for how the model is fed and read; either is left out where it is not known.

use serde_json::{Map, Value as Json, json};
use streamface_store::{AttributeModel, AttributeModels};

use crate::loose::Loose;

/// Longest name of a model that is taken.
const MAX_NAME: usize = 200;

pub(crate) fn to_json(models: &AttributeModels) -> Map<String, Json> {
    let one = |AttributeModel { model, sha256, settings }: &AttributeModel| {
        let mut of = Map::from_iter([("model".to_owned(), json!(model))]);
        let rest = [("sha256", sha256), ("settings", settings)];
        of.extend(rest.into_iter().filter_map(|(key, text)| Some((key.to_owned(), json!(text.as_ref()?)))));
        Json::Object(of)
    };
    models.iter().map(|(name, model)| (name.clone(), one(model))).collect()
}

/// Those of an object that have the form of ours; what else it holds is another program's.
pub(crate) fn read(value: &Loose) -> AttributeModels {
    let digits = |value: &Loose, count: usize| {
        value.text().filter(|text| text.len() == count && text.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let one = |(name, value): &(String, Loose)| {
        let model = value.get("model").text()?;
        let fine = model.len() <= MAX_NAME && model.chars().all(plain);
        let (sha256, settings) = (digits(value.get("sha256"), 64), digits(value.get("settings"), 16));
        fine.then(|| (name.clone(), AttributeModel { model, sha256, settings }))
    };
    value.entries().iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loose;

    #[test]
    fn what_is_not_of_our_form_is_passed_over() {
        let hash = "0".repeat(64);
        let text = json!({
            "age": {"model": "faceres", "sha256": hash, "settings": "0123456789abcdef"},
            "pose": {"model": "mesh.v2", "sha256": "short", "settings": 7},
            "mask": {"model": "../mask"}, "gender": "faceres", "race": {"sha256": hash}, "years": null,
        });
        let found = read(&loose::value(text.to_string().as_bytes()).unwrap());
        let back = Json::Object(to_json(&found));
        assert_eq!(back, json!({"age": text["age"], "pose": {"model": "mesh.v2"}}));
        assert!(read(&Loose::Text("faceres".to_owned())).is_empty());
    }
}
