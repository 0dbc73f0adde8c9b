//! Decisions: what a person says about faces.
//!
//! A decision names faces, never cluster numbers: clusters change with every new threshold, model or hour of
//! video, faces do not. A *side* is the faces of one person that were shown; the first one identifies the
//! person.

use serde::{Deserialize, Serialize};
use streamface_types::{FaceId, Timestamp};

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Line number in the journal, from 1.
    pub id: u64,
    /// Time of the decision, UTC.
    #[serde(with = "micros")]
    pub at: Timestamp,
    /// Who made it; [`AUTO`] if no one was asked.
    pub who: String,
    /// Seconds that the answer took, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// What was decided.
    #[serde(flatten)]
    pub action: Action,
}

/// The author of decisions that no person made.
pub const AUTO: &str = "auto";

/// What was decided. Everything answered on one screen is one decision, and is undone as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Compared pairs of people: one pair, one person with candidates, or a sweep over pairs.
    Compare {
        /// The pairs, in the order shown.
        pairs: Vec<Compared>,
    },
    /// These faces belong to no one: not a face, not recognisable, or not wanted.
    Noise {
        /// The faces.
        faces: Vec<FaceId>,
    },
    /// No more questions about this person.
    Skip {
        /// Faces shown.
        person: Vec<FaceId>,
    },
    /// These faces do not belong to their person.
    Split {
        /// The faces that leave.
        faces: Vec<FaceId>,
        /// Whether they are one person together; otherwise each is its own.
        together: bool,
    },
    /// These faces belong to another person.
    Move {
        /// The faces that move.
        faces: Vec<FaceId>,
        /// Faces of the target person.
        to: Vec<FaceId>,
    },
    /// These are two people: the faces of `right` leave their person and are another one together, and the two are never asked
    /// about again.
    Tear {
        /// Faces of the one that stays: all of them, or some.
        left: Vec<FaceId>,
        /// All faces of the one that leaves.
        right: Vec<FaceId>,
    },
    /// All these faces are one person, looked at as a whole: they stay together, and it is not asked whether they are two.
    Whole {
        /// Its faces: all of them, or as many as were known.
        person: Vec<FaceId>,
    },
    /// A person's name.
    Name {
        /// Faces shown.
        person: Vec<FaceId>,
        /// The name; `None` removes it.
        name: Option<String>,
    },
    /// Undoes an earlier decision.
    Undo {
        /// Its id.
        decision: u64,
    },
    /// Redoes an earlier decision that was undone.
    Redo {
        /// Its id.
        decision: u64,
    },
}

impl Action {
    /// All sides that are named, in order.
    pub(crate) fn sides(&self) -> Vec<&[FaceId]> {
        match self {
            Self::Compare { pairs } => pairs.iter().flat_map(|p| [&p.left[..], &p.right[..]]).collect(),
            Self::Move { faces, to } => vec![faces, to],
            Self::Tear { left, right } => vec![left, right],
            Self::Noise { faces: all }
            | Self::Split { faces: all, .. }
            | Self::Skip { person: all }
            | Self::Whole { person: all }
            | Self::Name { person: all, .. } => vec![all],
            Self::Undo { .. } | Self::Redo { .. } => Vec::new(),
        }
    }
}

/// Two people and the verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Faces of one, as shown.
    pub left: Vec<FaceId>,
    /// Faces of the other, as shown.
    pub right: Vec<FaceId>,
    /// The verdict.
    pub verdict: Verdict,
}

/// The answer to a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// One person.
    Same,
    /// Two people.
    Different,
    /// Undecided; not asked again on its own.
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
