//! What the quality of faces is worth: misses as the worst faces are left out.

use maud::{Markup, html};
use streamface_eval::format::Count;

use super::{VerificationPage, chance, rate};
use crate::chart::{Axis, Chart, Series, Style, percent_tick};
use crate::layout::{number, section, table};

/// The axis of misses goes to such a share at least.
const LEAST_AXIS: f64 = 0.01;

impl VerificationPage<'_> {
    pub(super) fn rejecting(&self) -> Markup {
        let Some(found) = &self.verified.rejecting else { return html! {} };
        let most = found.points.iter().map(|p| p.missed.max(p.missed_at_own)).fold(0.0, f64::max);
        let line = |missed: fn(&streamface_eval::verification::RejectPoint) -> f64| {
            found.points.iter().map(|p| (p.rejected, missed(p))).collect()
        };
        let curve = Chart {
            id: "rejecting-clip".to_owned(),
            title: "Missed pairs by faces left out".to_owned(),
            x: Axis::linear(0.0, 0.5),
            x_text: percent_tick,
            across: "faces left out, the worst first",
            cursor: false,
            y: Axis::around([most.max(LEAST_AXIS)]),
            y_text: percent_tick,
            series: vec![
                Series::new("at the distance for all faces", 0, Style::Dots, line(|p| p.missed)),
                Series::new("at the distance for those that stay", 1, Style::Dots, line(|p| p.missed_at_own)),
            ],
            marks: Vec::new(),
            wanted: None,
        };
        let columns = [
            ("faces left out", true),
            ("quality of those that stay", true),
            ("pairs of one person", true),
            ("missed", true),
            ("missed, own distance", true),
        ];
        let rows = html! {
            @for p in &found.points {
                tr {
                    (number(format_args!("{:.0}\u{a0}%", 100.0 * p.rejected)))
                    (number(format_args!("{:.2} and up", p.quality)))
                    (number(Count(p.same)))
                    (number(rate(p.missed)))
                    (number(rate(p.missed_at_own)))
                }
            }
        };
        let body = html! {
            p class="note" {
                "Share of the pairs of one person that are missed at a false accept rate of " (chance(found.far))
                " as the faces of the least quality are left out. Where the quality says nothing, the lines are level."
            }
            @if most == 0.0 {
                p class="note" { "No pair of one person is missed, whichever of these faces are left out." }
            }
            div class="roc" {
                @if most > 0.0 { (curve.draw()) }
                (table("Missed pairs", &columns, &rows))
            }
        };
        section("rejecting", "Quality of faces", &body)
    }
}
