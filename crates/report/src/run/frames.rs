//! What became of the frames.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::timeline::{Timeline, clock};
use super::{Frame, Report};
use crate::html::{Blur, Text};
use crate::layout::table;
use streamface_eval::format::{Count, Plural};

/// Strips shown; more sources than this are counted.
const STRIPS: usize = 50;
/// Reasons with a colour of their own; the rest share the last.
const COLOURS: usize = 7;

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
    format!("r{}", at.min(COLOURS - 1))
}

pub(super) fn write(report: &Report, timeline: &Timeline<'_>, out: &mut dyn Write) -> io::Result<()> {
    let reasons = reasons(report);
    let kept = report.frames.iter().filter(|f| f.dropped.is_none()).count();
    write!(out, "<section aria-labelledby=\"frames\"><h2 id=\"frames\">Frames</h2><ul class=\"legend\">")?;
    write!(out, "<li><i class=\"k\"></i>kept <b>{}</b></li>", Count(kept as u64))?;
    for (reason, count) in &reasons {
        let class = class(reason, &reasons);
        write!(out, "<li><i class=\"{class}\"></i>{} <b>{}</b></li>", Text(reason), Count(*count))?;
    }
    write!(out, "</ul>")?;

    let group = |frame: &Frame| match &frame.dropped {
        None => 0,
        Some(reason) => 1 + reasons.iter().position(|(r, _)| r == reason).unwrap_or(0),
    };
    for strip in timeline.strips.iter().take(STRIPS) {
        if timeline.strips.len() > 1 {
            write!(out, "<p class=\"strip-of\">{}</p>", Text(strip.source))?;
        }
        let kept = strip.frames.iter().filter(|f| f.dropped.is_none()).count();
        let all = Plural(strip.frames.len(), "frame");
        write!(
            out,
            "<svg class=\"strip tall\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{all} over time, {} kept\">",
            Count(kept as u64)
        )?;
        for (i, path) in strip.paths(reasons.len() + 1, group).iter().enumerate() {
            let (name, class) = match i.checked_sub(1).map(|i| reasons[i].0) {
                None => ("kept", "k".to_owned()),
                Some(reason) => (reason, class(reason, &reasons)),
            };
            write!(out, "<path class=\"{class}\" d=\"{path}\"><title>{}</title></path>", Text(name))?;
        }
        write!(out, "</svg>")?;
        let ends =
            strip.frames.first().and_then(|f| clock(f)).zip(strip.frames.last().and_then(|f| clock(f)));
        if let Some((first, last)) = ends {
            write!(out, "<p class=\"ends\"><span>{first}</span><span>{last}</span></p>")?;
        }
    }
    if timeline.strips.len() > STRIPS {
        let n = Plural(timeline.strips.len() - STRIPS, "more source");
        write!(out, "<p class=\"note\">{n} not drawn.</p>")?;
    }
    dropped(report, timeline, &reasons, out)?;
    writeln!(out, "</section>")
}

fn dropped(
    report: &Report,
    timeline: &Timeline<'_>,
    reasons: &[(&str, u64)],
    out: &mut dyn Write,
) -> io::Result<()> {
    let all: u64 = reasons.iter().map(|(_, n)| n).sum();
    if all == 0 {
        return write!(out, "<p class=\"note\">No frame was dropped.</p>");
    }
    let many = timeline.strips.len() > 1;
    let open = if all <= 12 { " open" } else { "" };
    write!(out, "<details{open}><summary>The {} and why</summary>", Plural(all as usize, "dropped frame"))?;
    let mut columns = vec![("time", false)];
    if many {
        columns.push(("source", false));
    }
    columns.extend([
        ("reason", false),
        ("empty share", true),
        ("blur variance", true),
        ("similarity", true),
        ("frame", false),
    ]);
    table(out, "Dropped frames", &columns)?;
    let frames = timeline.strips.iter().flat_map(|s| &s.frames);
    let mut rows = 0;
    for (frame, reason) in
        frames.filter_map(|f| Some((f, f.dropped.as_deref()?))).take(report.limits.dropped_frames)
    {
        let time = frame.stream_time.map(|t| t.to_string()).or_else(|| clock(frame)).unwrap_or_default();
        write!(out, "<tr><td>{time}</td>")?;
        if many {
            write!(out, "<td>{}</td>", Text(&frame.source))?;
        }
        write!(out, "<td><i class=\"{}\"></i>{}</td>", class(reason, reasons), Text(reason))?;
        number(out, frame.empty, |v| format!("{v:.3}"))?;
        number(out, frame.blur, |v| Blur(v).to_string())?;
        number(out, frame.similarity, |v| format!("{v:.3}"))?;
        write!(out, "<td class=\"id\">{}</td></tr>", Text(&frame.id))?;
        rows += 1;
    }
    write!(out, "</tbody></table></div>")?;
    if all > rows {
        write!(out, "<p class=\"note\">{} more are in the table of frames.</p>", Count(all - rows))?;
    }
    write!(out, "</details>")
}

fn number(out: &mut dyn Write, value: Option<f64>, show: impl Fn(f64) -> String) -> io::Result<()> {
    match value {
        Some(v) => write!(out, "<td class=\"n\">{}</td>", show(v)),
        None => write!(out, "<td class=\"n\"><span class=\"sr\">not measured</span></td>"),
    }
}
