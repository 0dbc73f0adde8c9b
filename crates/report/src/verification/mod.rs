//! `verify.html`.

use std::io::Write;

use maud::{Markup, html};
use streamface_eval::format::{Count, Digits, Percent, Plural};
use streamface_eval::verification::{RocPoint, Verified};

use crate::Error;
use crate::chart::{self, Axis, Chart, Series, Style, percent_tick, plain_percent, rate_tick};
use crate::layout::{self, Head, number, section, settings_section, source, table, tile, tiles};

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
    /// Pairs that could not be compared, since one of their faces is missing.
    pub skipped: u64,
    /// What was found.
    pub verified: &'a Verified,
}

impl VerificationPage<'_> {
    /// Writes the page to `out`.
    ///
    /// # Errors
    /// [`Error::Write`] where `out` refuses.
    pub fn render(&self, out: &mut dyn Write) -> Result<(), Error> {
        layout::write(&self.page(), out).map_err(Error::Write)
    }

    fn page(&self) -> Markup {
        let title = if self.title.is_empty() { "Verification" } else { &self.title };
        let head = Head { title, styles: &[chart::STYLE, STYLE], script: "" };
        let header = html! {
            (source(&self.source))
            @if !self.caution.is_empty() { p class="caution" { (self.caution) } }
        };
        let sections = [
            ("roc", "ROC", true),
            ("folds", "Folds", true),
            ("settings", "Settings", !self.settings.is_empty()),
        ];
        let main = html! {
            (self.numbers())
            (layout::nav(&sections, &html! {}))
            (self.roc())
            (self.folds())
            (settings_section(&self.settings))
        };
        head.page(&header, &main)
    }

    fn numbers(&self) -> Markup {
        let v = self.verified;
        let folds = Plural(v.folds.len(), "fold");
        let error = format!("± {:.2}\u{a0}%, the standard error of {folds}", 100.0 * v.standard_error);
        let mut all = vec![tile("Accuracy", &percent(v.accuracy), &[error])];
        // The smallest rate that every set of pairs worth the name allows.
        if let Some(at) = v.tar_at_far.iter().rfind(|t| t.far >= 0.999e-3) {
            let says = [format!("at a false accept rate of {}", plain_percent(at.far))];
            all.push(tile("True accept rate", &percent(at.tar), &says));
        }
        let skipped = if self.skipped == 0 {
            String::new()
        } else {
            format!("{} more skipped: a face is missing", Count(self.skipped))
        };
        let kinds = format!("{} of one person, {} of two", Count(v.same), Count(v.different));
        all.extend([
            tile("Equal error rate", &percent(v.eer), &[format!("at distance {:.3}", v.eer_threshold)]),
            tile("Area under the curve", &Digits(v.auc, 5).to_string(), &[]),
            tile("Pairs", &Count(v.same + v.different).to_string(), &[kinds, skipped]),
        ]);
        tiles(&all)
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
            mark: None,
            wanted: None,
        };
        let columns = [("false accept rate", true), ("true accept rate", true), ("distance at most", true)];
        let rows = html! {
            @for at in &v.tar_at_far {
                tr {
                    (number(chance(at.far)))
                    (number(rate(at.tar)))
                    (number(at.threshold.map_or_else(|| "–".to_owned(), |t| format!("{t:.4}"))))
                }
            }
        };
        let body = html! {
            p class="note" {
                "Share of accepted pairs of one person over the share of accepted pairs of two people. The curve begins \
                 at one wrong pair, which is " (chance(1.0 / v.different as f64)) "."
            }
            div class="roc" { (curve.draw()) (table("True accept rates", &columns, &rows)) }
        };
        section("roc", "ROC curve", &body)
    }

    fn folds(&self) -> Markup {
        let columns = [("fold", true), ("pairs", true), ("distance at most", true), ("accuracy", true)];
        let rows = html! {
            @for (i, fold) in self.verified.folds.iter().enumerate() {
                tr {
                    (number(i + 1))
                    (number(Count(fold.pairs)))
                    (number(format_args!("{:.4}", fold.threshold)))
                    (number(rate(fold.accuracy)))
                }
            }
        };
        let body = html! {
            p class="note" { "Each fold is scored with the threshold that is best on all other folds." }
            (table("Folds", &columns, &rows))
        };
        section("folds", "Folds", &body)
    }
}

/// A share to two digits.
fn percent(share: f64) -> String {
    Percent(share, 2).to_string()
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
    use streamface_eval::verification::verify;

    fn page(n: u32) -> String {
        let pair = |i: u32| {
            let same = i.is_multiple_of(2);
            (f64::from(i * 37 % 101) / 100.0 + if same { 0.0 } else { 0.4 }, same, Some(i as usize / 2 % 10))
        };
        let verified = verify(&(0..n).map(pair).collect::<Vec<_>>()).unwrap();
        let page = VerificationPage {
            title: String::new(),
            source: "<a>".to_owned(),
            caution: "x < y".to_owned(),
            settings: vec![("metric".to_owned(), "cosine".to_owned())],
            skipped: 7,
            verified: &verified,
        };
        let mut bytes = Vec::new();
        page.render(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_page_says_what_was_found() {
        let found = page(2000);
        let caution = "<p class=\"caution\">x &lt; y</p>";
        let counts = "1,000 of one person, 1,000 of two";
        for part in ["&lt;a&gt;", "10 folds", counts, "7 more skipped", "0.1 %", caution] {
            assert!(found.contains(part), "{part}");
        }
        assert!(!found.contains("NaN") && !found.contains("inf") && !found.contains("<script"));
        assert!(
            found.contains("default-src 'none'") && !found.contains("http:") && !found.contains("https:")
        );
        assert_eq!(found.matches("<tr>").count(), 1 + 3 + 1 + 10);
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
