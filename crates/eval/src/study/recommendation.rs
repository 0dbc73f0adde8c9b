//! What is asked for and what is recommended.

use std::fmt;

use serde::Serialize;

use super::sweep::Row;
use crate::format::share;

/// What is wanted of a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Of the pairs of two people, at most this share is put together; above 0, below 1.
    FalseMatchRate(f64),
    /// Of the pairs that are put together, at least this share is of one person; above 0, below 1. The
    /// commonest person's share in a cluster is at least that of its right pairs, so this bounds the
    /// usual purity too, clusters weighted by pairs.
    Purity(f64),
}

impl fmt::Display for Target {
    /// In words, without rounding a wanted purity away: 0.999 is `a purity of at least 99.9 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FalseMatchRate(rate) => write!(f, "a false-match rate of at most {}", share(*rate)),
            Self::Purity(purity) => {
                let text = format!("{:.6}", 100.0 * purity);
                write!(f, "a purity of at least {} %", text.trim_end_matches('0').trim_end_matches('.'))
            }
        }
    }
}

/// How many pairs of one person there are among all: a purity needs it.
#[derive(Debug, Clone, Copy)]
pub enum Prior<'a> {
    /// Nothing is known: enough for a wanted false-match rate only.
    None,
    /// Rows of [`sweep`](super::sweep()), by threshold. With n faces, of which T pairs are together at
    /// the threshold t, at most fmr(t) · n (n − 1) / 2 pairs of two people are at or below t, so the
    /// purity is at least 1 − fmr(t) · n (n − 1) / 2 / T. Complete linkage does better: all pairs
    /// between two clusters must be at or below t. Between two rows the lower one counts, since T grows
    /// with t.
    Sweep(&'a [Row]),
    /// A number of faces of a number of people, distributed evenly, which gives the fewest pairs S of one person.
    /// With D pairs of two people the purity is S (1 − miss(t)) / (S (1 − miss(t)) + D · fmr(t)), the
    /// miss rate at its upper bound.
    People {
        /// Faces.
        faces: u64,
        /// People expected among them.
        people: u64,
    },
}

/// On what a recommendation rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Observed pairs: the upper bound of the false-match rate meets the target.
    Observed,
    /// A best guess: too few pairs, but the upper bound of their extrapolated tail meets the target.
    Extrapolated,
    /// Nothing to recommend.
    None,
}

/// A threshold, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recommendation {
    /// What is wanted.
    #[serde(rename = "wish")]
    pub target: Target,
    /// The threshold; `None` where nothing can be said.
    pub threshold: Option<f64>,
    /// What it rests on.
    pub basis: Basis,
    /// The largest false-match rate that the target allows at the threshold (without one: at the
    /// threshold where it allows most). `None` where that is not known.
    pub allowed: Option<f64>,
    /// The upper bound of the false-match rate at the threshold, observed or extrapolated.
    pub false_match_upper: Option<f64>,
    /// The purity that this bound stands for, where it is known.
    pub purity_at_least: Option<f64>,
    /// The least share of one person's pairs that the threshold leaves apart, where linked faces tell.
    pub miss_rate: Option<f64>,
    /// Shots with two faces that are still needed to show it without extrapolating, none with a false match.
    pub more_shots: Option<u64>,
    /// Pairs in so many shots, at the present number per shot.
    pub more_pairs: Option<u64>,
    /// Why, in one to three plain sentences.
    pub why: String,
}
