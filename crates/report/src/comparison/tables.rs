//! People, review, scores and names.

use maud::{Markup, html};
use streamface_eval::format::{Count, Digits, Plural};
use streamface_eval::labels::Labelled;
use streamface_eval::metrics::{Change, PersonErrors};

use super::Comparison;
use crate::html::minus;
use crate::layout::{left_out, number, section, table};

/// Parts of a person that are named in a row.
const MAX_PARTS: usize = 8;

impl Comparison<'_> {
    pub(super) fn people(&self, people: &[PersonErrors]) -> Markup {
        if people.is_empty() {
            return html! {};
        }
        let columns = [
            ("person", false),
            ("faces", true),
            ("clusters", true),
            ("intruders", true),
            ("pairs missed", true),
            ("pairs wrong", true),
            ("where the faces are", false),
        ];
        let rows = html! { @for person in people.iter().take(self.limits.rows) { (self.person(person)) } };
        let body = html! {
            p class="note" {
                "People of " (self.names[0]) " with an error, sorted by wrong pairs. Intruders are faces of \
                 other people in the clusters where this person has most faces."
            }
            (table("People with errors", &columns, &rows))
            (left_out(people.len(), self.limits.rows, "more row"))
        };
        section("people", "People", &body)
    }

    fn person(&self, person: &PersonErrors) -> Markup {
        let counts = [
            person.faces,
            person.parts.len() as u64,
            person.intruders,
            person.pairs_missed,
            person.pairs_wrong,
        ];
        let parts: Vec<(i64, u64)> = person.parts.iter().map(|p| (p.label, p.faces)).collect();
        html! {
            tr {
                th scope="row" { (self.name(0, person.label)) }
                @for n in counts { (number(Count(n))) }
                (self::parts(self.labels[1], &parts))
            }
        }
    }

    pub(super) fn review(&self) -> Markup {
        let Some((review, before)) = self.review else { return html! {} };
        let after = self.labels[1];
        let changes = [("Merged", &review.joins, after, before), ("Split", &review.splits, before, after)];
        let body = html! {
            p class="note" {
                "Pairwise F " (four(review.before.pairwise.f)) " before, " (four(review.after.pairwise.f))
                " after, over " (Plural(review.after.samples as usize, "face"))
                " with all three labels. The gain of a row is that of its pairs alone."
            }
            @for (heading, changes, whole, parts) in changes {
                @if !changes.is_empty() { h3 { (heading) } (self.changes(heading, changes, whole, parts)) }
            }
        };
        section("review", "What the review changed", &body)
    }

    fn changes(&self, heading: &str, changes: &[Change], whole: &Labelled, of_parts: &Labelled) -> Markup {
        let columns = [
            ("whole", false),
            ("parts", false),
            ("pairs corrected", true),
            ("pairs made wrong", true),
            ("gain in F", true),
        ];
        let rows = html! {
            @for change in changes.iter().take(self.limits.rows) {
                tr {
                    th scope="row" { (whole.name(change.whole)) }
                    (parts(of_parts, &change.parts))
                    (number(Count(change.right)))
                    (number(Count(change.wrong)))
                    (number(minus(format_args!("{:+.4}", change.gain))))
                }
            }
        };
        html! { (table(heading, &columns, &rows)) (left_out(changes.len(), self.limits.rows, "more row")) }
    }

    pub(super) fn scores(&self) -> Markup {
        let s = self.scores;
        let clusters = [
            (
                "pairwise precision",
                s.pairwise.precision,
                "share of the pairs in one cluster that show one person",
            ),
            (
                "pairwise recall",
                s.pairwise.recall,
                "share of the pairs of one person that are in one cluster",
            ),
            ("pairwise F", s.pairwise.f, "harmonic mean of these two"),
            (
                "BCubed precision",
                s.bcubed.precision,
                "mean over faces: share of the cluster that is the same person",
            ),
            (
                "BCubed recall",
                s.bcubed.recall,
                "mean over faces: share of the person that is in the same cluster",
            ),
            ("BCubed F", s.bcubed.f, "harmonic mean of these two"),
            ("adjusted Rand index", s.ari, "agreement over pairs, corrected for chance"),
            ("adjusted mutual information", s.information.ami, "shared information, corrected for chance"),
            (
                "normalised mutual information",
                s.information.nmi,
                "shared information, not corrected for chance",
            ),
            ("homogeneity", s.information.homogeneity, "whether each cluster has one person only"),
            ("completeness", s.information.completeness, "whether each person is in one cluster only"),
            ("V-measure", s.information.v_measure, "harmonic mean of these two"),
            ("purity", s.purity, "share of faces that show the most frequent person of their cluster"),
        ];
        let labels = [
            ("accuracy", s.equality.accuracy, "share of faces whose two labels are the same name or number"),
            (
                "weighted precision",
                s.equality.precision_weighted,
                "precision of each label, weighted by its faces",
            ),
            ("weighted recall", s.equality.recall_weighted, "recall of each label, weighted by its faces"),
        ];
        let comparable = s.labels_in_common > 0;
        let shown = clusters.iter().chain(labels.iter().filter(|_| comparable));
        let rows = html! {
            @for (name, value, says) in shown {
                tr {
                    th scope="row" { (name) }
                    (number(minus(Digits(*value, 4))))
                    td class="wide" { (says) }
                }
            }
        };
        let body = html! {
            (table("Scores", &[("score", false), ("value", true), ("what it says", false)], &rows))
            @if !comparable {
                p class="note below" {
                    "Left out: accuracy, weighted precision and weighted recall. They ask whether a face’s two \
                     labels are the same name or number, and the two labellings have none in common."
                }
            }
        };
        section("scores", "Scores", &body)
    }

    pub(super) fn only(&self) -> Markup {
        let lists = [&self.shared.only_in_true, &self.shared.only_in_predicted];
        if lists.iter().all(|l| l.is_empty()) {
            return html! {};
        }
        let body = html! {
            p class="note" { "These faces are in no score." }
            @for (names, which) in lists.into_iter().zip(&self.names).filter(|(l, _)| !l.is_empty()) {
                details {
                    summary { (Plural(names.len(), "face")) " only in " (which) }
                    ul class="names" { @for name in names.iter().take(self.limits.names) { li { (name) } } }
                    (left_out(names.len(), self.limits.names, "more name"))
                }
            }
        };
        section("only", "In one only", &body)
    }
}

fn four(v: f64) -> String {
    format!("{v:.4}")
}

/// `Person 3 (12), Person 4 (1)`
fn parts(labels: &Labelled, all: &[(i64, u64)]) -> Markup {
    let shown: Vec<String> = all
        .iter()
        .take(MAX_PARTS)
        .map(|&(label, n)| format!("{} ({})", labels.name(label), Count(n)))
        .collect();
    html! {
        td class="wide" {
            (shown.join(", "))
            @if all.len() > MAX_PARTS { " and " (Count((all.len() - MAX_PARTS) as u64)) " more" }
        }
    }
}
