//! The contact sheet of likely errors.

use std::collections::BTreeMap;

use maud::{Markup, html};
use streamface_eval::format::Plural;
use streamface_eval::intrinsic::Sample;
use streamface_types::FaceId;

use super::{Evaluation, signed};
use crate::faces::Sheet;
use crate::html::breaking;
use crate::layout::section;

impl Evaluation<'_> {
    pub(super) fn likely_errors(&self, sheet: &mut Sheet<'_>) -> Markup {
        let all = &self.intrinsic.outliers;
        let shown = self.limits.shown(all);
        let Some((first, last)) = shown.first().zip(shown.last()) else { return html! {} };
        let below = match (first.silhouette < 0.0, last.silhouette < 0.0) {
            (true, true) => "Below 0 a face is nearer to the other cluster than to its own.",
            (true, false) => {
                "Below 0 a face is nearer to the other cluster than to its own; the others may be right."
            }
            (false, _) => {
                "None of these faces is nearer to another cluster than to its own, so all of them may be right."
            }
        };
        let typical = self.typical(shown);
        let further = all.len() - shown.len();
        let body = html! {
            p class="note" {
                "Faces with the lowest silhouettes, lowest first. " (below)
                " Beside each are the faces with the highest silhouettes of its own cluster and of the nearest other cluster."
            }
            @if let Some(review) = &self.review {
                p class="start" {
                    "The buttons ask this in the review, which " code { (review.command) } " starts on this machine."
                }
            }
            @for sample in shown { (self.likely_error(sheet, sample, &typical)) }
            @if further > 0 {
                p class="note" { (Plural(further, "further face")) " not shown here; streamface evaluate --json lists "
                    (if further == 1 { "it." } else { "them." }) }
            }
        };
        section("errors", "Likely errors", &body)
    }

    /// Rows of the faces with the highest silhouettes in each cluster that is shown.
    fn typical(&self, shown: &[Sample]) -> BTreeMap<i64, Vec<usize>> {
        let mut samples: BTreeMap<i64, Vec<&Sample>> =
            shown.iter().flat_map(|s| [s.label, s.nearest]).map(|label| (label, Vec::new())).collect();
        for sample in &self.intrinsic.samples {
            if let Some(all) = samples.get_mut(&sample.label) {
                all.push(sample);
            }
        }
        let typical = |(label, mut all): (i64, Vec<&Sample>)| {
            all.sort_by(|a, b| b.silhouette.total_cmp(&a.silhouette).then(a.row.cmp(&b.row)));
            // One more than shown: the face itself may be among them.
            (label, all.iter().take(self.limits.beside + 1).map(|s| s.row).collect())
        };
        samples.into_iter().map(typical).collect()
    }

    fn likely_error(
        &self,
        sheet: &mut Sheet<'_>,
        sample: &Sample,
        typical: &BTreeMap<i64, Vec<usize>>,
    ) -> Markup {
        let (own, other) = (self.name(sample.label), self.name(sample.nearest));
        let beside = |label: i64| -> Vec<usize> {
            let rows = typical.get(&label).into_iter().flatten().copied();
            rows.filter(|&row| row != sample.row).take(self.limits.beside).collect()
        };
        let face =
            self.faces.get(sample.row).map_or_else(|| format!("row {}", sample.row), ToString::to_string);
        let sides = [
            ("own", "In", &own, sample.own, sample.label),
            ("other", "Near", &other, sample.other, sample.nearest),
        ];
        // Rows that are no faces have nothing to show in the place of the picture.
        html! {
            article class=(if self.faces.is_empty() { "likely rows" } else { "likely" }) {
                header {
                    h3 { (signed(sample.silhouette)) }
                    p { (breaking(&face)) }
                    (self.review_buttons(sample, &own, &other, beside(sample.nearest).first()))
                }
                @if !self.faces.is_empty() { div class="one" { (self.pictures(sheet, &[sample.row], &own)) } }
                @for (class, what, name, distance, label) in sides {
                    div class=(class) {
                        p { b { (what) " " (name) } " mean distance " (format_args!("{distance:.3}")) }
                        (self.pictures(sheet, &beside(label), name))
                    }
                }
            }
        }
    }

    /// What the review may ask about a face: whether its person is two, and whether that is the nearest other, of whom
    /// `typical` is a row.
    fn review_buttons(&self, sample: &Sample, own: &str, other: &str, typical: Option<&usize>) -> Markup {
        let Some((review, face)) = self.review.as_ref().zip(self.faces.get(sample.row)) else {
            return html! {};
        };
        let typical = typical.and_then(|&row| self.faces.get(row));
        html! {
            div class="review" {
                a class="button" href=(review.mixed(face)) target="streamface-review" rel="noopener" {
                    "Is " (own) " two people?"
                }
                @if let Some(typical) = typical {
                    a class="button" href=(review.compare(face, typical)) target="streamface-review" rel="noopener" {
                        "Is it " (other) "?"
                    }
                }
            }
        }
    }

    /// The faces of some rows, or their numbers where rows are no faces.
    fn pictures(&self, sheet: &mut Sheet<'_>, rows: &[usize], name: &str) -> Markup {
        if self.faces.is_empty() {
            let what = if rows.len() == 1 { "row" } else { "rows" };
            let numbers: Vec<String> = rows.iter().map(ToString::to_string).collect();
            return html! { @if !rows.is_empty() { p { (what) " " (numbers.join(", ")) } } };
        }
        let ids: Vec<&FaceId> = rows.iter().filter_map(|&row| self.faces.get(row)).collect();
        sheet.faces(&self.faces_folder, name, &ids)
    }
}
