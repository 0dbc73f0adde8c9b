//! The top of the page: the threshold, why, how sure, and what else there is to choose from.

use maud::{Markup, html};
use streamface_eval::format::{Count, Digits, Plural};
use streamface_eval::study::{Basis, PresentOf, Row, Study, between, joins};

use super::rates::unbroken;
use crate::chart::{Mark, plain};

/// Digits of scores.
const DIGITS: usize = 3;

/// A threshold worth a look.
pub(super) struct Pick {
    /// What it is, in the order of importance.
    pub names: Vec<&'static str>,
    pub threshold: f64,
    /// How its line in a chart is drawn.
    pub style: usize,
}

/// The recommended threshold, that of the budget beside true labels, and that in use; each once.
pub(super) fn picks(study: &Study) -> Vec<Pick> {
    let present = study.present.map(|present| present.threshold);
    let by_budget = study.recommendation.as_ref().map(|found| found.by_budget);
    let mut picks: Vec<Pick> = Vec::new();
    for (threshold, style) in [(study.threshold(), 0), (by_budget, 2), (present, 1)] {
        let Some(threshold) = threshold else { continue };
        if picks.iter().all(|pick| pick.threshold != threshold) {
            picks.push(Pick { names: study.names_of(threshold), threshold, style });
        }
    }
    picks
}

/// They as lines of a chart whose x axis goes from where to where.
pub(super) fn marks(study: &Study, (from, to): (f64, f64)) -> Vec<Mark> {
    let inside = |pick: &Pick| (from..=to).contains(&pick.threshold);
    let mark = |pick: Pick| Mark {
        at: pick.threshold,
        name: format!("{}, {}", pick.names.join(", "), plain(pick.threshold)),
        style: pick.style,
    };
    picks(study).into_iter().filter(inside).map(mark).collect()
}

/// The section.
pub(super) fn section(study: &Study) -> Markup {
    let Some(threshold) = study.threshold() else { return html! {} };
    let basis = study.recommendation.as_ref().map_or(Basis::TrueLabels, |found| found.basis);
    let kind = match (basis, &study.recommendation) {
        (Basis::TrueLabels, _) => "by true labels".to_owned(),
        (_, Some(found)) => format!("{} expected", merges(found.false_merges.expected)),
        (_, None) => String::new(),
    };
    html! {
        section class="answer" aria-label="Recommended threshold" {
            div {
                p class="what" { "Recommended threshold" }
                p class="big" { (plain(threshold)) }
                p class="basis sure" { (kind) }
            }
            div {
                h2 { "Why" }
                p { (unbroken(&study.why())) }
                @if let Some(found) = &study.recommendation {
                    h2 { "How sure" }
                    p { (unbroken(&found.sure)) }
                    @if !found.notes.is_empty() { h2 { "Beside it" } }
                    @for note in &found.notes { p { (unbroken(note)) } }
                }
                pre tabindex="0" { code { "threshold = " (threshold) } }
            }
        }
        (cards(study))
    }
}

fn merges(expected: f64) -> String {
    let text = joins(expected);
    let one = text == "1" || text == "1.0";
    format!("{text} false merge{}", if one { "" } else { "s" })
}

/// One card for each threshold to choose from, and one for merges that are judged one by one.
fn cards(study: &Study) -> Markup {
    let threshold_in_use = study.present.is_none_or(|present| present.of.is_threshold());
    let worth = |pick: &Pick| threshold_in_use || pick.names != ["in use"];
    html! {
        ul class="picks" aria-label="Ways to choose from" {
            @for pick in picks(study).into_iter().filter(worth) {
                li {
                    h3 { i class={ "mark-at m" (pick.style) } {} (heading(&pick.names.join(", "))) }
                    p class="at-threshold" { (plain(pick.threshold)) }
                    @if let Some(row) = study.at(pick.threshold) { (card(row)) }
                }
            }
            @if let Some(row) = &study.judged {
                li {
                    h3 { @if !threshold_in_use { i class="mark-at m1" {} } (judged(study)) }
                    p class="at-threshold" { "up to " (plain(row.threshold)) }
                    (card(row))
                }
            }
        }
    }
}

/// What merges judged one by one are.
fn judged(study: &Study) -> &'static str {
    match study.present.map(|present| present.of) {
        Some(PresentOf::JudgedMerges) => "In use: no threshold, merges judged one by one",
        _ => "No threshold: merges judged one by one",
    }
}

fn heading(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn card(row: &Row) -> Markup {
    html! {
        dl {
            dt { "People" }
            dd { (Count(row.clusters)) ", " (Count(row.singletons)) " of one face" }
            @if let Some(found) = row.false_merges {
                dt { "False merges expected" }
                dd { (joins(found.expected)) " (" (between(found.interval)) ")" }
            }
            @if let Some(found) = row.pairwise {
                dt { "Measured by labels, of pairs" }
                dd {
                    "precision " (Digits(found.value.precision, DIGITS)) ", recall " (Digits(found.value.recall, DIGITS))
                    ", F " (Digits(found.value.f, DIGITS))
                }
            }
            @if let Some(found) = row.bcubed {
                dt { "By faces (BCubed)" }
                dd {
                    "F " (Digits(found.value.f, DIGITS)) " (" (Digits(found.f.lower, DIGITS)) " to "
                    (Digits(found.f.upper, DIGITS)) ")"
                }
            }
        }
        @if row.noise > 0 { p class="note" { (Plural(row.noise as usize, "face")) " of nobody." } }
    }
}
