//! What became of the frames.

use std::collections::BTreeMap;

use maud::{Markup, html};
use streamface_eval::format::{Count, Plural};

use super::input::{Frame, Report};
use super::timeline::{Strip, Timeline, clock, track};
use crate::html::Blur;
use crate::layout::{self, table};

/// Strips shown; more sources than this are counted.
const MAX_STRIPS: usize = 50;
/// Reasons with a colour of their own; the rest share the last.
const REASON_COLOURS: usize = 7;

/// The reasons that occur: those of the capture filters first, in their order, then others by name.
pub(super) fn reasons(report: &Report) -> Vec<(&str, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for reason in report.frames.iter().filter_map(|f| f.dropped.as_deref()) {
        *counts.entry(reason).or_default() += 1;
    }
    let known = ["empty", "blurred", "duplicate"];
    let mut reasons: Vec<_> = known.iter().filter_map(|&r| Some((r, counts.remove(r)?))).collect();
    reasons.extend(counts);
    reasons
}

/// The class of a reason's colour; kept frames are `k`. The three filters keep theirs whether they
/// occur or not.
fn class(reason: &str, reasons: &[(&str, u64)]) -> String {
    let fixed = ["empty", "blurred", "duplicate"];
    let at = fixed.iter().position(|&r| r == reason).unwrap_or_else(|| {
        let others = reasons.iter().filter(|(r, _)| !fixed.contains(r));
        fixed.len() + others.take_while(|(r, _)| *r != reason).count()
    });
    format!("r{}", at.min(REASON_COLOURS - 1))
}

pub(super) fn section(report: &Report, timeline: &Timeline<'_>) -> Markup {
    let reasons = reasons(report);
    let kept = report.frames.iter().filter(|f| f.dropped.is_none()).count();
    let many = timeline.strips.len() > 1;
    let timed = timeline.strips.iter().filter(|strip| strip.timed());
    let not_drawn = timed.clone().count().saturating_sub(MAX_STRIPS);
    let body = html! {
        ul class="legend" {
            li { i class="k" {} "kept " b { (Count(kept as u64)) } }
            @for (reason, count) in &reasons {
                li { i class=(class(reason, &reasons)) {} (reason) " " b { (Count(*count)) } }
            }
        }
        @for strip in timed.take(MAX_STRIPS) {
            @if many { p class="strip-of" { (strip.source) } }
            (drawing(strip, &reasons))
        }
        @if not_drawn > 0 { p class="note" { (Plural(not_drawn, "more source")) " not drawn." } }
        (dropped(report, timeline, &reasons))
    };
    layout::section("frames", super::page::frames_heading(timeline), &body)
}

/// The frames of one source over time, coloured by what became of them.
fn drawing(strip: &Strip<'_>, reasons: &[(&str, u64)]) -> Markup {
    let kept = strip.frames.iter().filter(|f| f.dropped.is_none()).count();
    let group = |frame: &Frame| match &frame.dropped {
        None => 0,
        Some(reason) => 1 + reasons.iter().position(|(r, _)| r == reason).unwrap_or(0),
    };
    let paths = strip.paths(reasons.len() + 1, group);
    let names = std::iter::once(("kept", "k".to_owned()))
        .chain(reasons.iter().map(|(reason, _)| (*reason, class(reason, reasons))));
    track(
        strip,
        &html! {
            svg class="strip tall" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img"
                aria-label={ (Plural(strip.frames.len(), "frame")) " over time, " (Count(kept as u64)) " kept" } {
                @for ((name, class), path) in names.zip(&paths) { path class=(class) d=(path) { title { (name) } } }
            }
        },
    )
}

fn dropped(report: &Report, timeline: &Timeline<'_>, reasons: &[(&str, u64)]) -> Markup {
    let all: u64 = reasons.iter().map(|(_, n)| n).sum();
    if all == 0 {
        return html! { p class="note" { "No " (frame_word(timeline)) " was dropped." } };
    }
    let many = timeline.strips.len() > 1;
    let timed = timeline.timed();
    let mut columns = Vec::new();
    if timed {
        columns.push(("time", false));
    }
    if many {
        columns.push(("source", false));
    }
    columns.extend([
        ("reason", false),
        ("empty share", true),
        ("blur variance", true),
        ("similarity", true),
        (if timed { "frame" } else { "photo" }, false),
    ]);
    let frames = timeline.strips.iter().flat_map(|s| &s.frames);
    let listed: Vec<(&Frame, &str)> =
        frames.filter_map(|f| Some((*f, f.dropped.as_deref()?))).take(report.limits.dropped_frames).collect();
    let rows = html! {
        @for &(frame, reason) in &listed {
            tr {
                @if timed {
                    td { (frame.stream_time.map(|t| t.to_string()).or_else(|| clock(frame)).unwrap_or_default()) }
                }
                @if many { td { (frame.source) } }
                td { i class=(class(reason, reasons)) {} (reason) }
                (measured(frame.empty.map(three)))
                (measured(frame.blur.map(|v| Blur(v).to_string())))
                (measured(frame.similarity.map(three)))
                td class="id" { (frame.id) }
            }
        }
    };
    let more = all - listed.len() as u64;
    html! {
        details open[all <= 12] {
            summary { "The " (Plural(all as usize, if timed { "dropped frame" } else { "dropped photo" })) " and why" }
            (table("Dropped frames", &columns, &rows))
            @if more > 0 { p class="note" { (Count(more)) " more are in the table of frames." } }
        }
    }
}

fn frame_word(timeline: &Timeline<'_>) -> &'static str {
    if timeline.timed() { "frame" } else { "photo" }
}

fn three(v: f64) -> String {
    format!("{v:.3}")
}

fn measured(value: Option<String>) -> Markup {
    html! {
        td class="n" { @if let Some(value) = value { (value) } @else { span class="sr" { "not measured" } } }
    }
}
