//! `verify.html`.

mod hardest;
mod rejecting;

use std::io::Write;

use maud::{Markup, html};
use streamface_eval::format::{Count, Digits, Percent, Plural};
use streamface_eval::verification::{RocPoint, Verified};

pub use hardest::{PairSide, ShownPair};

use crate::Error;
use crate::chart::{self, Axis, Chart, Series, Style, percent_tick, plain_percent, rate_tick};
use crate::faces::Sheet;
use crate::layout::{self, Head, number, section, settings_section, source, table, tile, tiles};
use crate::picture::Pictures;

const STYLE: &str = include_str!("verify.css");
/// Most points of the curve: more than the drawing has columns.
const MAX_POINTS: usize = 1000;

/// The page of a [`Verified`] protocol: accuracy, ROC curve over a logarithmic false accept rate, folds. One
/// file that loads nothing, and holds no time of making.
#[derive(Debug, Clone)]
pub struct VerificationPage<'a> {
    /// Heading and title of the page.
    pub title: String,
    /// What was verified, in a line.
    pub source: String,
    /// What to know before the scores are believed; may be empty.
    pub caution: String,
    /// Settings by name, in the order to show them.
    pub settings: Vec<(String, String)>,
    /// What was found.
    pub verified: &'a Verified,
    /// Pairs of two people that are hardest to tell, the nearest first.
    pub different: Vec<ShownPair>,
    /// Pairs of one person that are, the farthest first.
    pub same: Vec<ShownPair>,
    /// Folder of the face images, relative to the page; empty for no links.
    pub faces_folder: String,
}

impl VerificationPage<'_> {
    /// Writes the page to `out`, with the pictures that `pictures` has.
    ///
    /// # Errors
    /// [`Error::Write`] where `out` refuses. A picture that is missing is no error: its place says so.
    pub fn render(&self, out: &mut dyn Write, pictures: &mut dyn Pictures) -> Result<(), Error> {
        layout::write(&self.page(&mut Sheet::new(pictures)), out).map_err(Error::Write)
    }

    fn page(&self, sheet: &mut Sheet<'_>) -> Markup {
        let title = if self.title.is_empty() { "Verification" } else { &self.title };
        let head = Head { title, styles: &[chart::STYLE, STYLE], script: "" };
        let header = html! {
            (source(&self.source))
            @if !self.caution.is_empty() { p class="caution" { (self.caution) } }
        };
        let sections = [
            ("roc", "ROC", true),
            ("rejecting", "Quality", self.verified.rejecting.is_some()),
            ("hardest", "Hardest pairs", !(self.different.is_empty() && self.same.is_empty())),
            ("folds", "Folds", true),
            ("settings", "Settings", !self.settings.is_empty()),
        ];
        let main = html! {
            (self.numbers())
            (layout::nav(&sections, &html! {}))
            (self.roc())
            (self.rejecting())
            (self.hardest(sheet))
            (self.folds())
            (settings_section(&self.settings))
        };
        head.page(&header, &main)
    }

    fn numbers(&self) -> Markup {
        let v = self.verified;
        let folds = Plural(v.folds.len(), "fold");
        let mut lines =
            vec![format!("± {:.2}\u{a0}%, the standard error of {folds}", 100.0 * v.standard_error)];
        let outside = self.outside_folds();
        let within = Count(v.same + v.different - outside);
        lines.push(match outside {
            0 => format!("over {within} pairs"),
            _ => format!("over the {within} pairs of the folds, not the {} others", Count(outside)),
        });
        if v.missing > 0 {
            let with = percent(v.accuracy_with_missing);
            lines.push(format!(
                "{with} with {} without a face counted as refused",
                Plural(v.missing as usize, "pair")
            ));
        }
        let mut all = vec![tile("Accuracy", &percent(v.accuracy), &lines)];
        // The smallest rate that every set of pairs worth the name allows.
        if let Some(at) = v.tar_at_far.iter().rfind(|t| t.far >= 0.999e-3) {
            let says = [
                at.interval.map_or_else(String::new, |[low, high]| {
                    format!("{} to {}, 95\u{a0}% by people", tight(&short(low)), tight(&short(high)))
                }),
                format!("at a false accept rate of {}", tight(&plain_percent(at.far))),
            ];
            all.push(tile("True accept rate", &percent(at.tar), &says));
        }
        let skipped =
            if v.missing == 0 { String::new() } else { format!("{} more without a face", Count(v.missing)) };
        let kinds = format!("{} of one person, {} of two", Count(v.same), Count(v.different));
        all.extend([
            tile("Equal error rate", &percent(v.eer), &[format!("at distance {:.3}", v.eer_threshold)]),
            tile("Area under the curve", &Digits(v.auc, 5).to_string(), &[]),
            tile("Pairs", &Count(v.same + v.different).to_string(), &[kinds, skipped]),
        ]);
        tiles(&all)
    }

    /// Pairs of no fold: most are of faces of two folds. They count for the curve and not for the accuracy.
    fn outside_folds(&self) -> u64 {
        let v = self.verified;
        (v.same + v.different).saturating_sub(v.folds.iter().map(|fold| fold.pairs).sum())
    }

    fn roc(&self) -> Markup {
        let v = self.verified;
        let points = stairs(&v.roc);
        let low = points.iter().map(|p| p.1).fold(1.0, f64::min);
        let curve = Chart {
            id: "roc-clip".to_owned(),
            title: "True accept rate by false accept rate".to_owned(),
            x: Axis::rates(1.0 / v.different as f64),
            x_text: rate_tick,
            across: "false accept rate",
            cursor: false,
            y: Axis::linear(if low > 0.8 { 0.8 } else { 0.0 }, 1.0),
            y_text: percent_tick,
            series: vec![Series::new("", 0, Style::Line, points)],
            marks: Vec::new(),
            wanted: None,
        };
        let columns = [
            ("false accept rate", true),
            ("true accept rate", true),
            ("95 % by people", true),
            ("distance at most", true),
        ];
        let rows = html! {
            @for at in &v.tar_at_far {
                tr {
                    (number(chance(at.far)))
                    (number(rate(at.tar)))
                    (number(at.interval.map_or_else(|| "–".to_owned(), |[a, b]| format!("{} to {}", short(a), short(b)))))
                    (number(at.threshold.map_or_else(|| "–".to_owned(), |t| format!("{t:.4}"))))
                }
            }
        };
        let body = html! {
            p class="note" {
                "Share of accepted pairs of one person over the share of accepted pairs of two people. The curve begins \
                 at one wrong pair, which is " (chance(1.0 / v.different as f64)) "."
            }
            div class="roc" {
                (curve.draw())
                div {
                    @if !v.tar_at_far.is_empty() { (table("True accept rates", &columns, &rows)) }
                    @if let Some(few) = v.too_few {
                        p class="note below" {
                            "Not told at a false accept rate of " (chance(few.far)) ": "
                            (Plural(few.accepted as usize, "pair")) " of two people would be accepted there, and " (few.needed)
                            " are needed."
                        }
                    }
                    @if !v.tar_at_far.is_empty() {
                        p class="note below" {
                            "The interval counts pairs that share a person as alike (there are " (Count(v.people))
                            " people), and allows for the error of the threshold."
                        }
                    }
                }
            }
        };
        section("roc", "ROC curve", &body)
    }

    fn folds(&self) -> Markup {
        let v = self.verified;
        let missing = v.missing > 0;
        let mut columns =
            vec![("fold", true), ("pairs", true), ("distance at most", true), ("accuracy", true)];
        if missing {
            columns.extend([("pairs without a face", true), ("accuracy with these refused", true)]);
        }
        let rows = html! {
            @for (i, fold) in v.folds.iter().enumerate() {
                tr {
                    (number(i + 1))
                    (number(Count(fold.pairs)))
                    (number(format_args!("{:.4}", fold.threshold)))
                    (number(rate(fold.accuracy)))
                    @if missing { (number(Count(fold.missing))) (number(rate(fold.accuracy_with_missing))) }
                }
            }
        };
        let body = html! {
            p class="note" {
                "Each fold is scored with the threshold that is best on all other folds. "
                @if v.people_in_several_folds == 0 {
                    "No person is in two of them."
                } @else {
                    (Count(v.people_in_several_folds)) " of " (Count(v.people))
                    " people are in several of them: a threshold is tried on people that it was chosen on, and the accuracy flatters."
                }
                @if self.outside_folds() > 0 {
                    " Pairs of faces of two folds are in none of them: they count for the curve and not for the accuracy."
                }
            }
            (table("Folds", &columns, &rows))
        };
        section("folds", "Folds", &body)
    }
}

/// A share to two digits.
fn percent(share: f64) -> String {
    Percent(share, 2).to_string()
}

/// A share to two digits at most, which reads as 100 % or 0 only where it is.
fn short(share: f64) -> String {
    let text = plain_percent((1e4 * share).round() / 1e4);
    if share < 1.0 && text == "100 %" { percent(share) } else { text }
}

/// A number that stays on one line with its unit.
fn tight(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// A share without a tail of zeros, and with more digits where it is near 100 % or 0.
fn rate(share: f64) -> String {
    let text = plain_percent(share);
    let perfect = share == 0.0 || share == 1.0 || !["0 %", "100 %"].contains(&text.as_str());
    if perfect { text } else { Percent(share, 3).to_string() }
}

/// A share that may be small: `0.1 %`, `1 in 1,000,000`.
fn chance(share: f64) -> String {
    if share >= 0.999e-5 {
        plain_percent(share)
    } else {
        format!("1 in {}", Count(share.recip().round() as u64))
    }
}

/// Corners that show where a false accept rate of 0 has no place: up to the first pair of two people the curve
/// is flat. Of many the last in each stretch of the logarithm.
fn stairs(corners: &[RocPoint]) -> Vec<(f64, f64)> {
    let least = corners.iter().map(|p| p.far).filter(|&far| far > 0.0).fold(1.0, f64::min);
    let at_zero = corners.iter().filter(|p| p.far == 0.0).map(|p| p.tar).fold(0.0, f64::max);
    let mut points = vec![(least / 10.0, at_zero), (least, at_zero)];
    let mut last = f64::NEG_INFINITY;
    let step = -least.log10().min(-1.0) / MAX_POINTS as f64;
    for p in corners.iter().filter(|p| p.far > 0.0) {
        let place = p.far.log10();
        if place - last < step {
            points.pop();
        } else {
            last = place;
        }
        points.push((p.far, p.tar));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoPictures;
    use streamface_eval::verification::{Compared, RejectPoint, Rejecting, verify};

    fn page(n: u32) -> String {
        page_of(n, 0, None)
    }

    /// Of a page with `n` pairs, the last `outside` of which are in no fold.
    fn page_of(n: u32, outside: u32, rejecting: Option<Rejecting>) -> String {
        let pair = |i: u32| {
            let same = i.is_multiple_of(2);
            Compared {
                distance: f64::from(i * 37 % 101) / 100.0 + if same { 0.0 } else { 0.4 },
                same,
                fold: (i + outside < n).then_some(i as usize / 2 % 10),
                people: [i % 41, if same { i % 41 } else { 41 + i % 7 }],
            }
        };
        let missing = [(true, 0), (false, 0), (true, 3), (true, 3), (true, 3), (true, 4), (false, 5)];
        let mut verified = verify(&(0..n).map(pair).collect::<Vec<_>>(), &missing).unwrap();
        verified.rejecting = rejecting;
        let side = |name: &str| PairSide {
            name: name.to_owned(),
            image: "x.jpg".to_owned(),
            face: "f_face_0".parse().ok(),
        };
        let shown =
            |wrong, more| ShownPair { sides: [side("<Ann>"), side("Bob")], distance: 0.25, wrong, more };
        let page = VerificationPage {
            title: String::new(),
            source: "<a>".to_owned(),
            caution: "x < y".to_owned(),
            settings: vec![("metric".to_owned(), "cosine".to_owned())],
            verified: &verified,
            different: vec![shown(true, 3), shown(false, 0)],
            same: Vec::new(),
            faces_folder: "faces".to_owned(),
        };
        let mut bytes = Vec::new();
        page.render(&mut bytes, &mut NoPictures).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_the_quality_is_worth_is_drawn_where_faces_have_one() {
        let point = |rejected, missed, quality| RejectPoint {
            rejected,
            quality,
            same: 1200,
            missed,
            missed_at_own: missed / 2.0,
        };
        let points = vec![point(0.0, 0.25, 0.1), point(0.2, 0.125, 0.625)];
        let found = page_of(2000, 0, Some(Rejecting { far: 1e-3, threshold: 0.5, points }));
        for part in [
            "Quality of faces",
            "false accept rate of 0.1 %",
            "12.5 %",
            "0.62 and up",
            "rejecting-clip",
            "1,200",
        ] {
            assert!(found.contains(part), "{part}");
        }
        assert!(!page(2000).contains("Quality of faces"));
    }

    #[test]
    fn where_few_pairs_are_missed_the_axis_is_short_and_where_none_is_there_is_no_curve() {
        let curve = |missed: f64| {
            let point = RejectPoint { rejected: 0.0, quality: 0.1, same: 1200, missed, missed_at_own: 0.0 };
            page_of(2000, 0, Some(Rejecting { far: 1e-3, threshold: 0.5, points: vec![point] }))
        };
        let none = curve(0.0);
        assert!(none.contains("No pair of one person is missed") && !none.contains("rejecting-clip"));
        let few = curve(0.004);
        assert!(few.contains("rejecting-clip") && !few.contains("No pair of one person is missed"));
        let ticks =
            few.split("Missed pairs by faces left out").last().unwrap().split("</svg>").next().unwrap();
        assert!(ticks.contains(">1 %<") && !ticks.contains(">100 %<"), "{ticks}");
    }

    #[test]
    fn over_how_many_pairs_the_accuracy_is_is_told() {
        let found = page_of(2000, 400, None);
        for part in [
            "over the 1,600 pairs of the folds, not the 400 others",
            "They are of all pairs",
            "are in none of them",
        ] {
            assert!(found.contains(part), "{part}");
        }
        let all = page(2000);
        assert!(
            all.contains("over 2,000 pairs<")
                && !all.contains("others<")
                && !all.contains("They are of all pairs")
        );
    }

    #[test]
    fn the_page_says_what_was_found() {
        let found = page(2000);
        let caution = "<p class=\"caution\">x &lt; y</p>";
        let counts = "1,000 of one person, 1,000 of two";
        let hardest = [
            "&lt;Ann&gt;",
            "4 pairs are accepted",
            "and 3 more pairs of these two",
            "href=\"faces/f_face_0.png\"",
        ];
        let told = [
            "95\u{a0}% by people",
            "with 7 pairs without a face counted as refused",
            "48 people are in several",
        ];
        let few = "Not told at a false accept rate of 1 %: 10 pairs";
        for part in ["&lt;a&gt;", "10 folds", counts, "7 more without a face", few, caution]
            .iter()
            .chain(&hardest)
            .chain(&told)
        {
            assert!(found.contains(part), "{part}");
        }
        assert!(!found.contains("NaN") && !found.contains("inf") && !found.contains("<script"));
        assert!(
            found.contains("default-src 'none'") && !found.contains("http:") && !found.contains("https:")
        );
        assert_eq!(found.matches("<tr>").count(), 1 + 1 + 1 + 10);
        assert_eq!(found, page(2000));
    }

    #[test]
    fn a_long_curve_is_thinned() {
        let corners = (0..200_000).map(|i| {
            let far = f64::from(i) / 200_000.0;
            RocPoint { threshold: far, far, tar: far.sqrt() }
        });
        let points = stairs(&corners.collect::<Vec<_>>());
        assert!(points.len() < MAX_POINTS + 10, "{}", points.len());
        assert!(points.windows(2).all(|w| w[0].0 <= w[1].0));
    }

    #[test]
    fn what_is_nearly_perfect_does_not_read_as_perfect() {
        assert_eq!([1.0, 0.99895, 0.999_999, 0.0].map(rate), ["100 %", "99.895 %", "99.9999\u{a0}%", "0 %"]);
    }

    #[test]
    fn small_shares_are_chances() {
        assert_eq!([0.1, 1e-4, 1e-6].map(chance), ["10 %", "0.01 %", "1 in 1,000,000"]);
    }
}
