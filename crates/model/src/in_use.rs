//! Which models a run uses.

use crate::error::Result;
use crate::manifest::{Kind, Manifest};

/// The detector that is used where none is chosen.
pub const DEFAULT_DETECTOR: &str = "centerface";
/// The embedder that is used where none is chosen.
pub const DEFAULT_EMBEDDER: &str = "mobilefacenet";
/// The embedder of the preset `accurate`: several networks together.
pub const ACCURATE_EMBEDDER: &str = "accurate";

/// The face models that are used where none are chosen: age, gender, race, expression, direction of the head, mask and
/// liveness (`docs/models.md` says how they were chosen). An attribute that two give is taken from the first.
pub const DEFAULT_FACE_MODELS: [&str; 6] =
    ["faceres", "gear", "emotion", "facemesh", "face-mask", "liveness"];

/// The models of a run: one detector, one embedder, any number of face models.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ModelsInUse {
    /// Finds faces.
    pub detector: Manifest,
    /// Turns them into vectors.
    pub embedder: Manifest,
    /// Say something of each face.
    pub face_models: Vec<Manifest>,
}

impl ModelsInUse {
    /// The models that were chosen, each by a built-in name or the path of a manifest (`.toml`); the defaults
    /// for those that were not.
    ///
    /// # Errors
    /// Those of [`Manifest::find`]; [`crate::Error::Kind`] where a model is not of the kind it is chosen for.
    pub fn choose(detector: Option<&str>, embedder: Option<&str>, face_models: &[&str]) -> Result<Self> {
        let find = |model: &str, kind| Manifest::find(model)?.of_kind(kind);
        Ok(Self {
            detector: find(detector.unwrap_or(DEFAULT_DETECTOR), Kind::Detector)?,
            embedder: find(embedder.unwrap_or(DEFAULT_EMBEDDER), Kind::Embedder)?,
            face_models: face_models.iter().map(|m| find(m, Kind::Face)).collect::<Result<_>>()?,
        })
    }

    /// All of them: what `doctor` asks for and `models pull` fetches.
    pub fn all(&self) -> impl Iterator<Item = &Manifest> {
        [&self.detector, &self.embedder].into_iter().chain(&self.face_models)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn the_default_face_models_give_each_attribute_once() {
        let used = ModelsInUse::choose(None, None, &DEFAULT_FACE_MODELS).unwrap();
        let sections = used.face_models.iter().map(|m| m.face().unwrap());
        let mut given: Vec<&str> =
            sections.flat_map(|face| face.attributes.iter().map(|a| a.name.as_str())).collect();
        given.sort_unstable();
        assert_eq!(given, ["age", "expression", "gender", "liveness", "mask", "pose", "race", "years"]);
    }

    #[test]
    fn defaults_are_used_where_nothing_is_chosen_and_kinds_are_checked() {
        let used = ModelsInUse::choose(None, None, &[]).unwrap();
        assert_eq!(
            used.all().map(|m| m.name.as_str()).collect::<Vec<_>>(),
            [DEFAULT_DETECTOR, DEFAULT_EMBEDDER]
        );
        let wrong = ModelsInUse::choose(Some(DEFAULT_EMBEDDER), None, &[]).unwrap_err();
        assert!(matches!(wrong, Error::Kind { .. }), "{wrong}");
        assert!(matches!(ModelsInUse::choose(None, Some("arcface"), &[]), Err(Error::UnknownModel { .. })));
        assert!(matches!(ModelsInUse::choose(None, Some("no/such.toml"), &[]), Err(Error::Io { .. })));
    }
}
