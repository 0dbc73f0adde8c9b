//! A threshold, why, and how sure that is.

use serde::Serialize;

use crate::merges::FalseMerges;

/// What a threshold was chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// True labels: the largest BCubed F on them.
    TrueLabels,
    /// The budget of expected false merges.
    FalseMerges,
}

/// The threshold in use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Present {
    /// It; where merges are judged one by one, the largest distance of those believed.
    pub threshold: f64,
    /// Whose it is.
    pub of: PresentOf,
}

/// Whose threshold is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PresentOf {
    /// It was given to the dataset's last clustering.
    LastClustering,
    /// The last clustering judged merges one by one.
    JudgedMerges,
    /// There was none yet: the next one will judge merges one by one.
    NotClustered,
}

impl PresentOf {
    /// Whether one threshold holds for all merges.
    #[must_use]
    pub fn is_threshold(self) -> bool {
        self == Self::LastClustering
    }
}

/// A threshold, why, and how sure that is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recommendation {
    /// The threshold to take.
    pub threshold: f64,
    /// What it was chosen by.
    pub basis: Basis,
    /// The largest threshold within the budget of expected false merges: the one to take without true labels.
    pub by_budget: f64,
    /// That budget, above 0.
    pub budget: f64,
    /// False merges expected at `threshold`.
    pub false_merges: FalseMerges,
    /// Confidence of its interval.
    pub confidence: f64,
    /// Where the interval reaches beyond twice what is expected and beyond twice the budget: how many more shots of two
    /// and more faces, with people as new as so far, would bring it within that. Only where there are frames.
    pub more_shots: Option<u64>,
    /// Why, in a plain sentence or two.
    pub why: String,
    /// How sure that is, in words.
    pub sure: String,
    /// What else is worth knowing, in sentences.
    pub notes: Vec<String>,
}
