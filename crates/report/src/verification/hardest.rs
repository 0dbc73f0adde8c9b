//! The hardest pairs, as pictures.

use maud::{Markup, html};
use streamface_eval::format::{Count, Plural};
use streamface_types::FaceId;

use super::VerificationPage;
use crate::faces::Sheet;
use crate::html::breaking;
use crate::layout::section;

/// A pair that is hard to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownPair {
    /// Its two sides.
    pub sides: [PairSide; 2],
    /// Their distance.
    pub distance: f64,
    /// Whether it is wrong at the mean threshold of the folds.
    pub wrong: bool,
    /// Further pairs of the same people that are wrong there.
    pub more: u64,
}

/// A side of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairSide {
    /// Who it is said to be, else the image.
    pub name: String,
    /// The image or face, shown where there is no picture.
    pub image: String,
    /// The face, where it is one of a dataset.
    pub face: Option<FaceId>,
}

impl VerificationPage<'_> {
    pub(super) fn hardest(&self, sheet: &mut Sheet<'_>) -> Markup {
        if self.different.is_empty() && self.same.is_empty() {
            return html! {};
        }
        let threshold = self.verified.mean_threshold;
        let body = html! {
            p class="note" {
                "The nearest pairs of two people and the farthest of one, a pair for each two people or each person. Wrong is \
                 what the mean threshold of the folds, " (format_args!("{threshold:.4}")) ", tells wrongly."
                @if self.outside_folds() > 0 { " They are of all pairs; the accuracy is over those of the folds alone." }
            }
            (self.pairs(sheet, "Two people, nearest first", &self.different, ["is accepted", "are accepted"], "these two"))
            (self.pairs(sheet, "One person, farthest first", &self.same, ["is refused", "are refused"], "this person"))
        };
        section("hardest", "Hardest pairs", &body)
    }

    fn pairs(
        &self,
        sheet: &mut Sheet<'_>,
        heading: &str,
        pairs: &[ShownPair],
        wrong: [&str; 2],
        of_whom: &str,
    ) -> Markup {
        if pairs.is_empty() {
            return html! {};
        }
        let count: u64 = pairs.iter().filter(|p| p.wrong).map(|p| 1 + p.more).sum();
        html! {
            h3 { (heading) }
            p class="note" {
                @match count {
                    0 => "None of these is wrong.",
                    n => { (Plural(n as usize, "pair")) " " (wrong[usize::from(n != 1)]) ", and wrong." }
                }
            }
            div class="hard-pairs" {
                @for pair in pairs {
                    article class=(if pair.wrong { "hard wrong" } else { "hard" }) {
                        (self.sides(sheet, pair))
                        p {
                            b { (format_args!("{:.4}", pair.distance)) } " "
                            span { @if pair.wrong { "wrong" } @else { "right" } }
                        }
                        p class="who" {
                            (breaking(&pair.sides[0].name))
                            @if pair.sides[0].name != pair.sides[1].name { br; (breaking(&pair.sides[1].name)) }
                        }
                        @if pair.more > 0 {
                            p class="who" {
                                "and " (Count(pair.more)) " more " (if pair.more == 1 { "pair" } else { "pairs" }) " of " (of_whom)
                            }
                        }
                    }
                }
            }
        }
    }

    fn sides(&self, sheet: &mut Sheet<'_>, pair: &ShownPair) -> Markup {
        let faces: Vec<&FaceId> = pair.sides.iter().filter_map(|side| side.face.as_ref()).collect();
        if faces.len() == 2 {
            return sheet.faces(&self.faces_folder, &pair.sides[0].name, &faces);
        }
        html! { ul class="names" { @for side in &pair.sides { li { (side.image) } } } }
    }
}
