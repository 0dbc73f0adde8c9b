//! Which threshold to take: by true labels where there are any, else by a budget of false merges.

use super::calibration::Calibration;
use super::recommendation::{Basis, Present, Recommendation};
use super::sweep::{Row, best};
use super::why;
use crate::Error;
use crate::merges::FalseMerges;

/// Confidence of the interval of expected false merges.
const CONFIDENCE: f64 = 0.95;

/// What a recommendation is made from.
#[derive(Debug, Clone, Copy)]
pub struct Grounds<'a> {
    /// The largest threshold within the budget.
    pub by_budget: f64,
    /// That budget of expected false merges, above 0.
    pub budget: f64,
    /// The clusterings tried, with their [`FalseMerges`]: one of them at `by_budget`.
    pub rows: &'a [Row],
    /// The threshold in use.
    pub present: Option<Present>,
    /// The clustering by merges judged one by one.
    pub judged: Option<&'a Row>,
    /// Error rates of pairs, where frames or links tell.
    pub calibration: Option<&'a Calibration>,
}

/// How far above what is expected, and above the budget, the interval may reach without more data being asked for.
pub(super) const WIDE: f64 = 2.0;

/// The threshold with the largest BCubed F, where true labels are known; else the largest one within the budget.
///
/// # Errors
/// [`Error::Setting`] where the budget is not above 0, or no row is at `by_budget` with its false merges.
pub fn recommend(grounds: &Grounds<'_>) -> Result<Recommendation, Error> {
    let &Grounds { by_budget, budget, rows, .. } = grounds;
    if !(budget > 0.0 && budget.is_finite()) {
        return Err(Error::Setting { name: "false-merges", value: budget, range: "a finite number above 0" });
    }
    let chosen = rows.iter().find(|row| row.threshold == by_budget);
    let Some((chosen, merges)) = chosen.and_then(|row| Some((row, row.false_merges?))) else {
        return Err(Error::Setting { name: "threshold", value: by_budget, range: "that of one of the rows" });
    };
    let (row, basis) = match best(rows, Some(by_budget)) {
        Some(best) => (best, Basis::TrueLabels),
        None => (chosen, Basis::FalseMerges),
    };
    let false_merges: FalseMerges = row.false_merges.unwrap_or(merges);
    let mut found = Recommendation {
        threshold: row.threshold,
        basis,
        by_budget,
        budget,
        false_merges,
        confidence: CONFIDENCE,
        more_shots: None,
        why: String::new(),
        sure: String::new(),
        notes: Vec::new(),
    };
    found.more_shots = grounds.calibration.and_then(|c| more_shots(&found, c));
    let words = why::words(&found, grounds, row, chosen);
    (found.why, found.sure, found.notes) = (words.why, words.sure, words.notes);
    Ok(found)
}

/// The deviation of the estimate's logarithm falls with the square root of the people seen.
fn more_shots(found: &Recommendation, calibration: &Calibration) -> Option<u64> {
    let (expected, upper) = (found.false_merges.expected, found.false_merges.interval.1);
    if found.basis != Basis::FalseMerges
        || upper <= WIDE * found.budget
        || upper <= WIDE * expected
        || expected <= 0.0
    {
        return None;
    }
    let times = ((upper / expected).ln() / WIDE.ln()).powi(2);
    let shots = calibration.different.shots as f64;
    Some((shots * (times - 1.0)).ceil() as u64).filter(|more| *more > 0)
}
