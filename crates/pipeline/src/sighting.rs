//! What a watch sees, one JSON object a line.

use serde::Serialize;
use streamface_types::{BoundingBox, FaceId, FrameId, Timestamp};

/// A person, by number and, where there is one, name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The number in the dataset of known people; new people get the numbers after these.
    pub person: u64,
    /// The name that a review gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A face on a frame, and whose it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// The face.
    #[serde(serialize_with = "text")]
    pub face: FaceId,
    /// Whose.
    #[serde(flatten)]
    pub person: Person,
    /// Seen for the first time ever.
    pub new: bool,
    /// Distance to what is known of the person.
    pub distance: f64,
    /// x, y, width, height in pixels of the frame.
    #[serde(rename = "box", serialize_with = "corners")]
    pub bbox: BoundingBox,
}

/// Something a watch saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Sighting {
    /// A frame with faces.
    Frame {
        /// The frame.
        #[serde(serialize_with = "text")]
        frame: FrameId,
        /// When it was captured.
        #[serde(serialize_with = "time")]
        at: Timestamp,
        /// Seconds on the stream's own clock.
        #[serde(skip_serializing_if = "Option::is_none")]
        stream_seconds: Option<f64>,
        /// Milliseconds from `at` until now, or from when it was read where that was earlier; of a live stream only.
        #[serde(skip_serializing_if = "Option::is_none")]
        delay_ms: Option<i64>,
        /// Its faces.
        faces: Vec<Seen>,
    },
    /// Someone came.
    Came {
        /// Who.
        #[serde(flatten)]
        person: Person,
        /// Whether never seen before.
        new: bool,
        /// When.
        #[serde(serialize_with = "time")]
        at: Timestamp,
        /// The face by which.
        #[serde(serialize_with = "text")]
        face: FaceId,
    },
    /// Someone left.
    Left {
        /// Who.
        #[serde(flatten)]
        person: Person,
        /// On screen from here.
        #[serde(serialize_with = "time")]
        since: Timestamp,
        /// Until here.
        #[serde(serialize_with = "time")]
        until: Timestamp,
    },
}

fn text<S: serde::Serializer>(what: &impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(what)
}

fn time<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    let readable = at.to_readable().replacen(' ', "T", 1);
    to.collect_str(&format_args!("{readable}.{:03}Z", at.micros().rem_euclid(1_000_000) / 1000))
}

fn corners<S: serde::Serializer>(bbox: &BoundingBox, to: S) -> Result<S::Ok, S::Error> {
    [bbox.x, bbox.y, bbox.w, bbox.h].map(|v| (f64::from(v) * 10.0).round() / 10.0).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines_that_programs_can_read() {
        let frame = FrameId::new("tv_frame_20230525100138412614").unwrap();
        let at = frame.timestamp().unwrap();
        let person = Person { person: 3, name: Some("Ada \"A.\"".into()) };
        let face = FaceId::new(frame, 0);
        let came =
            serde_json::to_value(Sighting::Came { person: person.clone(), new: false, at, face }).unwrap();
        let want = serde_json::json!({
            "event": "came", "person": 3, "name": "Ada \"A.\"", "new": false, "at": "2023-05-25T10:01:38.412Z",
            "face": "tv_frame_20230525100138412614_face_0",
        });
        assert_eq!(came, want);
        let left = Sighting::Left { person: Person { name: None, ..person }, since: at, until: at };
        assert!(!serde_json::to_string(&left).unwrap().contains("name"));
    }
}
