//! Why a decision cannot hold beside others.

use streamface_types::FaceId;

/// A pair that was compared, and cannot be what was said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The decision that is not followed.
    pub decision: u64,
    /// Its pair, from 0.
    pub pair: usize,
    /// The two faces that show it.
    pub faces: (FaceId, FaceId),
    /// Action stands against it.
    pub reason: ConflictReason,
}

/// Action stands against a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConflictReason {
    /// The two were said to be different people.
    Different {
        /// The decision that says so.
        decision: u64,
    },
    /// The two were seen in one frame.
    SameFrame,
    /// The two are one person by these decisions.
    Same {
        /// A chain of decisions from one to the other, ascending.
        decisions: Vec<u64>,
    },
    /// The two lie in one cluster, which no decision has taken apart.
    OneCluster,
}

impl Conflict {
    /// Decisions that stand against it.
    #[must_use]
    pub fn decisions(&self) -> &[u64] {
        match &self.reason {
            ConflictReason::Different { decision } => std::slice::from_ref(decision),
            ConflictReason::Same { decisions } => decisions,
            ConflictReason::SameFrame | ConflictReason::OneCluster => &[],
        }
    }
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (a, b) = &self.faces;
        match &self.reason {
            ConflictReason::Different { decision } => {
                write!(f, "{a} and {b} are different people by decision {decision}; undo that first")
            }
            ConflictReason::SameFrame => {
                write!(f, "{a} and {b} were seen in one frame, so they are two people")
            }
            ConflictReason::Same { decisions } => {
                let ids: Vec<_> = decisions.iter().map(u64::to_string).collect();
                write!(f, "{a} and {b} are one person by decision {}; undo that first", ids.join(", "))
            }
            ConflictReason::OneCluster => {
                write!(f, "{a} and {b} lie in one cluster; split it, or cluster anew, which keeps them apart")
            }
        }
    }
}

/// Faces of one side, at most. Each side's people are laid beside each other, two by two.
pub const MAX_FACES_PER_SIDE: usize = 1000;

/// Why a decision is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It contradicts what holds.
    #[error("{0}")]
    Conflict(Conflict),
    /// A face that the dataset does not have.
    #[error("there is no face {0}")]
    Unknown(FaceId),
    /// Nothing is named.
    #[error("no face is named")]
    Empty,
    /// More faces on one side than a screen shows.
    #[error("{faces} faces are named at once; {MAX_FACES_PER_SIDE} are the most that are compared")]
    TooMany {
        /// Faces of the side.
        faces: usize,
    },
    /// None of the faces of a side is anyone's.
    #[error("{0} belongs to no one")]
    NoOne(FaceId),
    /// Undo or redo of what was never said.
    #[error("there is no decision {0}")]
    NoSuchDecision(u64),
    /// Undo of what does not hold any more.
    #[error("decision {0} is undone already")]
    Undone(u64),
    /// Redo of what holds.
    #[error("decision {0} holds")]
    Holds(u64),
}

/// Action a replay found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Pairs that cannot be what was said of them, in the order of decisions.
    pub conflicts: Vec<Conflict>,
    /// Decisions that name faces which are not there, and how often they do.
    pub unknown: Vec<(u64, usize)>,
}
