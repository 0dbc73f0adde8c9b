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
                "Everyone of " (self.names[0]) " with an error, most pairs got wrong first. \
                 Intruders are faces of others in clusters that are mostly this person’s."
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
        let changes =
            [("Put together", &review.joins, after, before), ("Taken apart", &review.splits, before, after)];
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
            ("pairs set right", true),
            ("pairs set wrong", true),
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
                "pairs put together: the share that belongs together",
            ),
            ("pairwise recall", s.pairwise.recall, "pairs that belong together: the share put together"),
            ("pairwise F", s.pairwise.f, "both of these as one"),
            ("BCubed precision", s.bcubed.precision, "a face’s cluster: the share that is its own person"),
            ("BCubed recall", s.bcubed.recall, "a face’s person: the share that is in its cluster"),
            ("BCubed F", s.bcubed.f, "both of these as one"),
            ("adjusted Rand index", s.ari, "agreement over pairs; 0 for chance"),
            ("adjusted mutual information", s.information.ami, "shared information; 0 for chance"),
            ("normalised mutual information", s.information.nmi, "shared information; chance counts too"),
            ("homogeneity", s.information.homogeneity, "how far a cluster is one person"),
            ("completeness", s.information.completeness, "how far a person is one cluster"),
            ("V-measure", s.information.v_measure, "both of these as one"),
            ("purity", s.purity, "faces that are of the commonest person in their cluster"),
        ];
        let labels = [
            ("accuracy", s.equality.accuracy, "faces whose two labels are the same name or number"),
            ("weighted precision", s.equality.precision_weighted, "the same, by predicted label"),
            ("weighted recall", s.equality.recall_weighted, "the same, by true label"),
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
