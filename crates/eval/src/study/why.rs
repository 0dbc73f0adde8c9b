//! A recommendation in words.

use super::recommend::Grounds;
use super::recommendation::{Basis, PresentOf, Recommendation};
use super::sweep::Row;
use crate::format::{Count, Digits, share};
use crate::merges::FalseMerges;

/// Digits of scores.
const DIGITS: usize = 3;

/// Why `row` was taken, where `by_budget` is the one that the budget alone would take.
pub(super) fn why(found: &Recommendation, grounds: &Grounds<'_>, row: &Row, by_budget: &Row) -> String {
    let mut said = match found.basis {
        Basis::TrueLabels => vec![by_labels(row, grounds.rows.len()), beside_labels(found, row, by_budget)],
        Basis::FalseMerges => vec![by_false_merges(found, row)],
    };
    said.extend(present(found, grounds));
    if let Some(shots) = found.more_shots {
        said.push(format!(
            "Some {} more shots of two or more faces, with people as new as so far, would bring that interval to within a \
             factor of two.",
            Count(shots)
        ));
    }
    if found.basis == Basis::FalseMerges {
        said.extend(missed(found, grounds));
    }
    said.join(" ")
}

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
        e if e < 0.001 => "under 0.001".to_owned(),
        e if e < 0.095 => format!("{e:.3}").trim_end_matches('0').to_owned(),
        e if e < 0.995 => format!("{e:.2}").trim_end_matches('0').to_owned(),
        e if e < 10.0 => format!("{e:.1}"),
        e => Count(e.round() as u64).to_string(),
    }
}

/// The number and its interval.
fn with_interval(found: &FalseMerges, confidence: f64) -> String {
    format!(
        "{} ({} confidence: {} to {})",
        joins(found.expected),
        share(confidence),
        joins(found.interval.0),
        joins(found.interval.1)
    )
}

fn by_false_merges(found: &Recommendation, row: &Row) -> String {
    format!(
        "{} is the largest threshold up to which at most {} false merges (two people joined into one) are expected, among {} \
         clusters: {}.",
        found.threshold,
        found.budget,
        Count(row.clusters),
        with_interval(&found.false_merges, found.confidence)
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
        "{} of the faces linked from frame to frame are farther apart than that, and more of those of another day.",
        if rate == 0.0 { "None".to_owned() } else { share(rate) }
    ))
}

/// For true labels: the best of some clusterings.
pub(super) fn by_labels(best: &Row, tried: usize) -> String {
    let scores = best.bcubed.map_or_else(String::new, |b| {
        let of = |value| Digits(value, DIGITS);
        format!(
            ", {} ({} to {}), with precision {} and recall {}",
            of(b.value.f),
            of(b.f.lower),
            of(b.f.upper),
            of(b.value.precision),
            of(b.value.recall)
        )
    });
    format!(
        "Of {tried} thresholds tried, {} has the largest BCubed F on the true labels{scores}. On other faces another one may \
         be better.",
        best.threshold
    )
}

/// What would be taken without the labels.
fn beside_labels(found: &Recommendation, best: &Row, by_budget: &Row) -> String {
    if best.threshold == by_budget.threshold {
        return format!(
            "Without labels the choice would be the same: {} false merges (two people joined into one) are expected there.",
            with_interval(&found.false_merges, found.confidence)
        );
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
        by_budget.threshold, found.budget
    )
}
