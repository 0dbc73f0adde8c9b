//! What is known of a face as a JSON object of its own.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};
use streamface_store::{AttributeModels, FaceRow};
use streamface_types::attributes::Value;
use streamface_types::text::whole_number;
use streamface_types::{Attributes, BoundingBox, FaceId, Landmarks, Point};

use crate::any_label::AnyLabel;
use crate::attribute_models;
use crate::loose::{self, Loose};
use crate::optional_fields;
use crate::snapshot::Snapshot;

/// The attribute that stands beside the others, as in the original's files.
pub(crate) const MASK: &str = "mask";

/// What models say of a face, by name: numbers, and numbers by name.
pub(crate) fn by_name(said: Option<&Attributes>) -> Map<String, Json> {
    let named = |(name, value): (&str, &Value)| Some((name.to_owned(), serde_json::to_value(value).ok()?));
    said.into_iter().flat_map(Attributes::in_order).filter_map(named).collect()
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Sidecar {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) face: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<AnyLabel>,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) person: Option<AnyLabel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) frame: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stream_seconds: Option<f64>,
    /// Left, top, width, height, pixels of the frame.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    pub(crate) bbox: Option<[f32; 4]>,
    /// Left eye, right eye, nose, corners of the mouth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) landmarks: Option<[Point; 5]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) frame_size: Option<[u32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blur: Option<f64>,
    /// How far the face can be relied on, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quality: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mask: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attributes: Option<Attributes>,
    /// The models that gave them.
    #[serde(serialize_with = "models_as_json", skip_serializing_if = "AttributeModels::is_empty")]
    pub(crate) attribute_models: AttributeModels,
}

fn models_as_json<S: Serializer>(models: &AttributeModels, to: S) -> Result<S::Ok, S::Error> {
    attribute_models::to_json(models).serialize(to)
}

impl Sidecar {
    pub(crate) fn of(set: &Snapshot<'_>, face: &FaceRow) -> Self {
        let frame = set.frames.get(&face.face.frame);
        let mut attributes = set.attributes.get(&face.face).cloned().unwrap_or_default();
        let mask = attributes.probability(MASK).inspect(|_| drop(attributes.remove(MASK)));
        Self {
            face: Some(face.face.to_string()),
            label: set.label(&face.face).map(|l| AnyLabel::Number(l.0)),
            person: set.label(&face.face).and_then(|l| set.name(l)).map(|n| AnyLabel::Text(n.to_owned())),
            frame: Some(face.face.frame.to_string()),
            source: frame.map(|f| f.source.clone()),
            stream_seconds: frame.and_then(|f| f.stream_time).map(streamface_types::StreamTime::seconds),
            bbox: optional_fields::bbox(face).map(|b| [b.x, b.y, b.w, b.h]),
            landmarks: optional_fields::landmarks(face).map(|l| l.0),
            frame_size: optional_fields::frame_size(face),
            score: optional_fields::score(face),
            blur: optional_fields::blur(face),
            quality: set.qualities.get(&face.face).copied(),
            mask,
            attributes: (!attributes.is_empty()).then_some(attributes),
            attribute_models: set.models.get(&face.face).map(|of| (**of).clone()).unwrap_or_default(),
        }
    }

    /// What another program's JSON says of a face, as far as it says it in our words: entries that it means otherwise are
    /// passed over.
    ///
    /// # Errors
    /// Why it is no JSON.
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        let all = loose::value(json).map_err(|e| e.to_string())?;
        let whole = |side: f32| (side >= 0.0 && side.fract() == 0.0).then_some(side as u32);
        let frame_size = all.get("frame_size").numbers::<2>().and_then(|[w, h]| Some([whole(w)?, whole(h)?]));
        let first = |names: &[&str]| names.iter().find_map(|name| all.get(name).text());
        // A number may be written as a text, or as a float.
        let label = first(&["label", "class"])
            .map(|text| whole_number(&text).map_or(AnyLabel::Text(text), AnyLabel::Number));
        let person = first(&["person", "identity"]).map(AnyLabel::Text);
        let Loose::Object(_) = all else { return Ok(Self::default()) };
        let text = |name: &str| match all.get(name) {
            Loose::Text(text) => Some(text.clone()),
            _ => None,
        };
        let attributes = all.get("attributes").attributes();
        Ok(Self {
            face: text("face"),
            label,
            person,
            frame: text("frame"),
            source: text("source"),
            stream_seconds: all.get("stream_seconds").number(),
            bbox: all.get("box").numbers(),
            landmarks: all.get("landmarks").points(),
            frame_size,
            score: all.get("score").single(),
            blur: all.get("blur").number(),
            quality: optional_fields::as_quality(all.get("quality").number()),
            mask: all.get("mask").number(),
            attributes: (!attributes.is_empty()).then_some(attributes),
            attribute_models: attribute_models::read(all.get("attribute_models")),
        })
    }

    /// The row of a face that this is of; none of the face's own where nothing is known.
    pub(crate) fn row(&self, face: FaceId) -> FaceRow {
        let mut row = FaceRow::new(face);
        if let Some([x, y, w, h]) = self.bbox {
            row.bbox = BoundingBox::new(x, y, w, h);
        }
        if let Some(landmarks) = self.landmarks {
            row.landmarks = Landmarks(landmarks);
        }
        row.score = self.score.unwrap_or(row.score);
        row.blur = self.blur.unwrap_or(row.blur);
        row.quality = self.quality;
        row.frame_size = self.frame_size.unwrap_or_default();
        row
    }

    /// What the person is called, or the label of one without a name.
    pub(crate) fn person(&self) -> Option<String> {
        self.person.as_ref().or(self.label.as_ref()).map(AnyLabel::text)
    }

    /// The number beside a name.
    pub(crate) fn number(&self) -> Option<i64> {
        match (&self.person, &self.label) {
            (Some(_), Some(AnyLabel::Number(number))) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn attributes(&self) -> Attributes {
        let mut all = self.attributes.clone().unwrap_or_default();
        if let Some(mask) = self.mask {
            all.insert(MASK, Value::Probability(mask));
        }
        all
    }
}
