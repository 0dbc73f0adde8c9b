//! Conflicts: decisions that contradict earlier ones.

use streamface_types::FaceId;

use super::name_doubts::NameDoubt;

/// A compared pair whose verdict contradicts what held before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The decision that is not applied.
    pub decision: u64,
    /// The pair in that decision, from 0.
    pub pair: usize,
    /// Two faces that show the contradiction.
    pub faces: (FaceId, FaceId),
    /// The reason.
    pub reason: ConflictReason,
}

/// Why a verdict is not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConflictReason {
    /// The two were said to be different people.
    Different {
        /// The decision that says so.
        decision: u64,
    },
    /// The two share a frame.
    SameFrame,
    /// The two are one person by these decisions.
    Same {
        /// The chain of decisions from one to the other, ascending.
        decisions: Vec<u64>,
    },
    /// The two lie in one cluster, which no decision has split.
    OneCluster,
}

impl Conflict {
    /// The decisions that contradict it.
    #[must_use]
    pub fn decisions(&self) -> &[u64] {
        match &self.reason {
            ConflictReason::Different { decision } => std::slice::from_ref(decision),
            ConflictReason::Same { decisions } => decisions,
            ConflictReason::SameFrame | ConflictReason::OneCluster => &[],
        }
    }
}

impl Conflict {
    /// What stands against it, without what to do.
    fn fact(&self) -> String {
        let (a, b) = &self.faces;
        match &self.reason {
            ConflictReason::Different { decision } => {
                format!("{a} and {b} are different people by decision {decision}")
            }
            ConflictReason::SameFrame => format!("{a} and {b} are in one frame, so they are two people"),
            ConflictReason::Same { decisions } => {
                let ids: Vec<_> = decisions.iter().map(u64::to_string).collect();
                format!("{a} and {b} are one person by decision {}", ids.join(", "))
            }
            ConflictReason::OneCluster => format!("{a} and {b} are in one cluster"),
        }
    }
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.fact())?;
        f.write_str(match &self.reason {
            ConflictReason::Different { .. } | ConflictReason::Same { .. } => "; undo that first",
            ConflictReason::SameFrame => "",
            ConflictReason::OneCluster => "; split it, or run streamface cluster again, which separates them",
        })
    }
}

/// Maximum faces on one side of a comparison: the people of the two sides are compared pairwise.
pub const MAX_FACES_PER_SIDE: usize = 1000;

/// Why a decision is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It contradicts earlier decisions.
    #[error("{0}")]
    Conflict(Conflict),
    /// Another decision, which holds now, could then not be followed.
    #[error("decision {id} could then not be followed: {}; undo decision {id} first", .0.fact(), id = .0.decision)]
    Breaks(Conflict),
    /// A face that the dataset does not have.
    #[error("there is no face {0}")]
    Unknown(FaceId),
    /// It names no face.
    #[error("no face is named")]
    Empty,
    /// Too many faces on one side.
    #[error("{faces} faces are named on one side; at most {MAX_FACES_PER_SIDE} can be compared")]
    TooMany {
        /// Faces of the side.
        faces: usize,
    },
    /// A face is in both halves of a person that is torn apart.
    #[error("{0} is in both halves")]
    BothSides(FaceId),
    /// All faces of a side are noise.
    #[error("{0} belongs to no one")]
    NoOne(FaceId),
    /// Undo or redo of a decision that does not exist.
    #[error("there is no decision {0}")]
    NoSuchDecision(u64),
    /// Undo of a decision that is undone already.
    #[error("decision {0} is undone already")]
    Undone(u64),
    /// Redo of a decision that holds already.
    #[error("decision {0} is not undone")]
    Holds(u64),
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Conflicts, in the order of decisions.
    pub conflicts: Vec<Conflict>,
    /// Decisions that name unknown faces, and how many such names.
    pub unknown: Vec<(u64, usize)>,
    /// Names whose faces a clustering has put elsewhere, in the order of decisions.
    pub names: Vec<NameDoubt>,
}
