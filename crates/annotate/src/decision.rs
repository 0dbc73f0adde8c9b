//! Action a person says about faces.
//!
//! A decision names faces, never cluster numbers: faces stay, while clusters come and go with every new
//! threshold, model or hour of video. A *side* is the faces of one person that were on the screen, the first of
//! them the one it is named after.

use serde::{Deserialize, Serialize};
use streamface_types::{FaceId, Timestamp};

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Counted from 1 in a journal, without gaps.
    pub id: u64,
    /// When it was made.
    #[serde(with = "micros")]
    pub at: Timestamp,
    /// Who made it; [`AUTO`] for what nobody looked at.
    pub who: String,
    /// How long the answer took, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Action was said.
    #[serde(flatten)]
    pub action: Action,
}

/// Who decides where nobody is asked.
pub const AUTO: &str = "auto";

/// Action was said. Everything that was on one screen is one decision, and is taken back as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Pairs of people, each compared: one pair, one person with candidates, or a sweep over pairs.
    Compare {
        /// The pairs, in the order of the screen.
        pairs: Vec<Compared>,
    },
    /// These faces belong to no one: no faces, not to be told, or not wanted.
    Noise {
        /// All of them.
        faces: Vec<FaceId>,
    },
    /// No more questions about this person.
    Skip {
        /// Faces shown.
        person: Vec<FaceId>,
    },
    /// These faces do not belong to the person they are with.
    Split {
        /// Those that leave.
        faces: Vec<FaceId>,
        /// Whether they are one person by themselves; else each is on its own.
        together: bool,
    },
    /// These faces belong to another person.
    Move {
        /// Those that move.
        faces: Vec<FaceId>,
        /// Faces of the person they belong to.
        to: Vec<FaceId>,
    },
    /// A person's name.
    Name {
        /// Faces shown.
        person: Vec<FaceId>,
        /// The name; none takes it away.
        name: Option<String>,
    },
    /// An earlier decision no longer holds.
    Undo {
        /// Its id.
        decision: u64,
    },
    /// An earlier decision that was undone holds again.
    Redo {
        /// Its id.
        decision: u64,
    },
}

impl Action {
    /// Every side that is named, in the order of naming.
    pub(crate) fn sides(&self) -> Vec<&[FaceId]> {
        match self {
            Self::Compare { pairs } => pairs.iter().flat_map(|p| [&p.left[..], &p.right[..]]).collect(),
            Self::Move { faces, to } => vec![faces, to],
            Self::Noise { faces: all }
            | Self::Split { faces: all, .. }
            | Self::Skip { person: all }
            | Self::Name { person: all, .. } => vec![all],
            Self::Undo { .. } | Self::Redo { .. } => Vec::new(),
        }
    }
}

/// Two people side by side, and what was said of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Faces of one, as shown.
    pub left: Vec<FaceId>,
    /// Faces of the other, as shown.
    pub right: Vec<FaceId>,
    /// Action was said.
    pub verdict: Verdict,
}

/// One person or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// One person.
    Same,
    /// Two people.
    Different,
    /// Could not be told; not asked again by itself.
    NotSure,
}

mod micros {
    use serde::{Deserialize, Deserializer, Serializer};
    use streamface_types::Timestamp;

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.micros())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_micros)
    }
}
