//! A recommendation in words.

use super::recommend::{Grounds, WIDE};
use super::recommendation::{Basis, PresentOf, Recommendation};
use super::scored::Interval;
use super::sweep::Row;
use crate::format::{Count, Digits, Plural, share};

/// Digits of scores.
const DIGITS: usize = 3;

/// Why a threshold was taken, how sure that is, and what else is worth knowing.
pub(super) struct Words {
    pub why: String,
    pub sure: String,
    pub notes: Vec<String>,
}

/// Clusters from which on these say more than what is assumed.
const ENOUGH_CLUSTERS: u64 = 10;

/// For `row`, where `by_budget` is the one that the budget alone would take.
pub(super) fn words(found: &Recommendation, grounds: &Grounds<'_>, row: &Row, by_budget: &Row) -> Words {
    let (why, first) = match found.basis {
        Basis::TrueLabels => (by_labels(row, grounds.rows.len()), Some(beside_labels(found, row, by_budget))),
        Basis::FalseMerges => (by_false_merges(found, row), None),
    };
    let mut notes: Vec<String> = first.into_iter().chain(present(found, grounds)).collect();
    notes.extend(missed(found, grounds));
    Words { why, sure: sure(found, grounds, row), notes }
}

/// How sure the expected number of false merges is or, by labels, F.
fn sure(found: &Recommendation, grounds: &Grounds<'_>, row: &Row) -> String {
    if let (Basis::TrueLabels, Some(bcubed)) = (found.basis, row.bcubed) {
        let Interval { lower, upper } = bcubed.f;
        return format!(
            "F of faces like these lies between {} and {} with {} confidence. From the distances alone {} false merges (two \
             people joined into one) would be expected, {}.",
            Digits(lower, DIGITS),
            Digits(upper, DIGITS),
            share(found.confidence),
            joins(found.false_merges.expected),
            between(found.false_merges.interval),
        );
    }
    if row.clusters < ENOUGH_CLUSTERS {
        let rests =
            if grounds.present.is_some() { "what was measured for the model" } else { "what is assumed" };
        return format!(
            "There is little to go by: with {} the expected number rests on {rests} more than on these faces.",
            Plural(row.clusters as usize, "cluster")
        );
    }
    let (expected, upper) = (found.false_merges.expected, found.false_merges.interval.1);
    let how =
        if upper <= WIDE * expected.max(found.budget) { "It is well known" } else { "It is roughly known" };
    let mut said = format!(
        "{how} how many false merges to expect at {}: {} with {} confidence, by leaving out one person at a time.",
        plain(found.threshold),
        between(found.false_merges.interval),
        share(found.confidence)
    );
    if let Some(shots) = found.more_shots {
        said.push_str(&format!(
            " Some {} more shots of two or more faces, with people as new as so far, would narrow that to a factor of two.",
            Count(shots)
        ));
    }
    said
}

/// An interval of expected joins as people read it: `0.1 to 2.3`, `under 0.001`.
///
/// ```
/// use streamface_eval::study::between;
///
/// assert_eq!([(0.1, 2.31), (0.0, 0.5), (1e-9, 1e-5)].map(between), ["0.1 to 2.3", "0 to 0.5", "under 0.001"]);
/// ```
#[must_use]
pub fn between((lower, upper): (f64, f64)) -> String {
    if upper < LEAST {
        return joins(upper);
    }
    format!("{} to {}", if lower < LEAST { "0".to_owned() } else { joins(lower) }, joins(upper))
}

/// Fewer joins than this are as good as none.
const LEAST: f64 = 0.001;

/// A number of expected joins as people read it.
///
/// ```
/// use streamface_eval::study::joins;
///
/// assert_eq!([0.0, 0.0004, 0.0123, 0.4, 2.06, 12.4].map(joins), ["0", "under 0.001", "0.012", "0.4", "2.1", "12"]);
/// ```
#[must_use]
pub fn joins(expected: f64) -> String {
    match expected {
        e if e <= 0.0 => "0".to_owned(),
        e if e < LEAST => "under 0.001".to_owned(),
        e if e < 0.095 => format!("{e:.3}").trim_end_matches('0').to_owned(),
        e if e < 0.995 => format!("{e:.2}").trim_end_matches('0').to_owned(),
        e if e < 10.0 => format!("{e:.1}"),
        e => Count(e.round() as u64).to_string(),
    }
}

fn by_false_merges(found: &Recommendation, row: &Row) -> String {
    format!(
        "{} is as large as a budget of {} false merges (two people joined into one) allows: {} to be expected among the {} \
         there.",
        plain(found.threshold),
        found.budget,
        joins(found.false_merges.expected),
        Plural(row.clusters as usize, "cluster")
    )
}

/// What is in use, in comparison.
fn present(found: &Recommendation, grounds: &Grounds<'_>) -> Option<String> {
    let present = grounds.present?;
    if !present.of.is_threshold() {
        let judged = grounds.judged?;
        let (start, end) = match present.of {
            PresentOf::NotClustered => ("Without a threshold, clustering judges", "would be made"),
            _ => ("The last clustering had no threshold: it judged", "were made"),
        };
        let what = measured(judged);
        return Some(format!(
            "{start} merges one by one, of which those up to {} {end}{what}.",
            plain(present.threshold)
        ));
    }
    if present.threshold == found.threshold {
        return Some("It is the one that the last clustering was given.".to_owned());
    }
    let row = grounds.rows.iter().find(|row| row.threshold == present.threshold)?;
    Some(format!("The last clustering was given {}{}.", plain(present.threshold), measured(row)))
}

/// The measured F and the expected false merges, after a comma.
fn measured(row: &Row) -> String {
    let merges =
        row.false_merges.map(|found| format!("with {} false merges expected", joins(found.expected)));
    let f = row.bcubed.map(|b| format!("BCubed F {}", Digits(b.value.f, DIGITS)));
    let what: Vec<String> = f.into_iter().chain(merges).collect();
    if what.is_empty() { String::new() } else { format!(", {}", what.join(", ")) }
}

/// A threshold as it is copied.
fn plain(threshold: f64) -> String {
    format!("{threshold:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What links tell of one person's faces: the rate at a threshold is the least that it can be.
fn missed(found: &Recommendation, grounds: &Grounds<'_>) -> Option<String> {
    let calibration = grounds.calibration?;
    let rate = calibration.at(found.threshold).and_then(|point| point.miss.rate)?;
    Some(format!(
        "{} of the faces linked from frame to frame are farther apart than {}, and more of those of another day.",
        if rate == 0.0 { "None".to_owned() } else { share(rate) },
        plain(found.threshold)
    ))
}

/// For true labels: the best of some clusterings.
pub(super) fn by_labels(best: &Row, tried: usize) -> String {
    let scores = best.bcubed.map_or_else(String::new, |b| {
        let of = |value| Digits(value, DIGITS);
        format!(
            ", {}, with precision {} and recall {}",
            of(b.value.f),
            of(b.value.precision),
            of(b.value.recall)
        )
    });
    format!(
        "Of {tried} thresholds tried, {} has the largest BCubed F on the true labels{scores}. On other faces another one may \
         be better.",
        plain(best.threshold)
    )
}

/// What would be taken without the labels.
fn beside_labels(found: &Recommendation, best: &Row, by_budget: &Row) -> String {
    if best.threshold == by_budget.threshold {
        return "Without labels the choice would be the same.".to_owned();
    }
    let measured = by_budget.bcubed.map_or_else(String::new, |b| {
        let of = |value| Digits(value, DIGITS);
        format!(
            ", where F is {}, precision {} and recall {}",
            of(b.value.f),
            of(b.value.precision),
            of(b.value.recall)
        )
    });
    format!(
        "Without labels the choice would be {}{measured}, by a budget of {} expected false merges.",
        plain(by_budget.threshold),
        found.budget
    )
}
