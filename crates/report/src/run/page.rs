//! The page as a whole.

use std::io::{self, Write};

use streamface_eval::clock::{recorded, whole_seconds};
use streamface_eval::format::{Count, Plural};
use streamface_types::StreamTime;

use super::people::{People, Writer, arrange};
use super::timeline::Timeline;
use super::{Report, frames};
use crate::html::Text;
use crate::layout::{open, open_nav, settings_list, source, table};
use crate::picture::Pictures;

const SCRIPT: &str = include_str!("report.js");

pub(super) fn write(report: &Report, out: &mut dyn Write, pictures: &mut dyn Pictures) -> io::Result<()> {
    let timeline = Timeline::new(&report.frames);
    let people = arrange(report, &timeline);
    head(report, out)?;
    numbers(report, &timeline, &people, out)?;
    let one_day = captured(report).is_some_and(|(first, last)| first[..10] == last[..10]);
    let mut writer = Writer { report, timeline: &timeline, pictures, one_day };
    self::people(&mut writer, &people, out)?;
    if !report.frames.is_empty() {
        frames::write(report, &timeline, out)?;
    }
    stages(report, out)?;
    settings(report, out)?;
    writeln!(out, "</main><script>{SCRIPT}</script></body></html>")
}

fn head(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let title = if report.title.is_empty() { "StreamFace report" } else { &report.title };
    open(out, title, &[], SCRIPT)?;
    source(out, &report.source)?;
    if let Some((first, last)) = captured(report) {
        let last = if first[..10] == last[..10] { &last[11..] } else { &last[..] };
        write!(out, "<p class=\"source\">captured {first} – {last} UTC</p>")?;
    }
    writeln!(out, "</header><main>")
}

/// When the first and the last frame were captured, as `YYYY-mm-dd HH:MM:SS`; `None` where no frame tells.
fn captured(report: &Report) -> Option<(String, String)> {
    let times = report.frames.iter().filter_map(|f| recorded(f.captured_at?));
    Some((times.clone().min()?.to_readable(), times.max()?.to_readable()))
}

/// `9 small, 4 blurred`
fn reasons<'a>(all: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    let parts: Vec<_> = all.into_iter().map(|(reason, n)| format!("{} {reason}", Count(n))).collect();
    parts.join(", ")
}

fn numbers(
    report: &Report,
    timeline: &Timeline<'_>,
    people: &People<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let persons = report.people.iter().filter(|p| !p.label.is_noise() && !p.faces.is_empty());
    let (all, once) = (persons.clone().count(), persons.filter(|p| p.faces.len() == 1).count());
    let kept_faces: usize = report.people.iter().map(|p| p.faces.len()).sum();
    let noise: usize = report.people.iter().filter(|p| p.label.is_noise()).map(|p| p.faces.len()).sum();
    let dropped_faces: u64 = report.dropped_faces.iter().map(|(_, n)| n).sum();
    let kept_frames = report.frames.iter().filter(|f| f.dropped.is_none()).count();
    let watched = watched(timeline);

    write!(out, "<dl class=\"numbers\">")?;
    let mut tile = |name: &str, number: &str, lines: &[String]| crate::layout::tile(out, name, number, lines);
    tile(
        "People",
        &Count(all as u64).to_string(),
        &[match (all, once) {
            (0, _) => String::new(),
            (_, 0) => "each seen more than once".to_owned(),
            _ => format!("{} seen once", Count(once as u64)),
        }],
    )?;
    let set_aside =
        if noise > 0 { format!("{} set aside as noise", Count(noise as u64)) } else { String::new() };
    let dropped = if dropped_faces == 0 {
        String::new()
    } else {
        let why = reasons(report.dropped_faces.iter().map(|(r, n)| (r.as_str(), *n)));
        format!("{} more dropped: {why}", Count(dropped_faces))
    };
    tile("Faces kept", &Count(kept_faces as u64).to_string(), &[dropped, set_aside])?;
    if !report.frames.is_empty() {
        let lines =
            [format!("of {} looked at", Count(report.frames.len() as u64)), reasons(frames::reasons(report))];
        tile("Frames kept", &Count(kept_frames as u64).to_string(), &lines)?;
    }
    if let Some(watched) = watched {
        let n = timeline.strips.len();
        let lines = [if n > 1 { Plural(n, "source").to_string() } else { "one source".to_owned() }];
        tile("Watched", &watched, &lines)?;
    }
    writeln!(out, "</dl>")?;
    let nav = [
        ("people", "People", !people.rows.is_empty()),
        ("once", "Seen once", !people.once.is_empty()),
        ("noise", "Noise", !people.noise.is_empty()),
        ("frames", "Frames", !report.frames.is_empty()),
        ("stages", "Time", !report.stages.is_empty()),
        ("settings", "Settings", !report.settings.is_empty() || !report.models.is_empty()),
    ];
    open_nav(out, &nav)?;
    // Shown by the script, which it needs.
    writeln!(
        out,
        "<form role=\"search\" hidden><label for=\"search\">Find</label><input id=\"search\" type=\"search\" placeholder=\"name, number or time 1:05\" autocomplete=\"off\"><output id=\"found\" for=\"search\"></output></form></nav>"
    )
}

/// How long was watched, over all sources whose frames have stream times.
fn watched(timeline: &Timeline<'_>) -> Option<String> {
    let spans = timeline.strips.iter().filter_map(|s| {
        let time = |f: &super::Frame| f.stream_time.map(StreamTime::micros);
        Some(time(s.frames.last()?)?.saturating_sub(time(s.frames.first()?)?))
    });
    let micros = spans.clone().next().map(|_| spans.fold(0, i64::saturating_add))?;
    Some(whole_seconds(StreamTime(micros)))
}

fn people(writer: &mut Writer<'_, '_>, people: &People<'_>, out: &mut dyn Write) -> io::Result<()> {
    if people.rows.is_empty() && people.once.is_empty() {
        writeln!(
            out,
            "<section><h2 id=\"people\">People</h2><p class=\"note\">No face was kept.</p></section>"
        )?;
    }
    if !people.rows.is_empty() {
        write!(out, "<section aria-labelledby=\"people\"><h2 id=\"people\">People</h2>")?;
        write!(
            out,
            "<p class=\"note\">Most faces first. The bar shows when someone was on screen, over the whole programme; the faces are in the order of time.</p>"
        )?;
        for row in &people.rows {
            writer.row(out, row)?;
        }
        writeln!(out, "</section>")?;
    }
    if !people.once.is_empty() {
        write!(out, "<section aria-labelledby=\"once\"><h2 id=\"once\">Seen once</h2><div class=\"cards\">")?;
        for row in &people.once {
            writer.card(out, row)?;
        }
        writeln!(out, "</div></section>")?;
    }
    if people.left_out > 0 {
        let who = if people.left_out == 1 { "person" } else { "people" };
        let n = Count(people.left_out as u64);
        writeln!(
            out,
            "<p class=\"note\">{n} more {who} with few faces not shown here; all are in the table of labels.</p>"
        )?;
    }
    if !people.noise.is_empty() {
        write!(out, "<section aria-labelledby=\"noise\"><h2 id=\"noise\">Noise</h2>")?;
        write!(out, "<p class=\"note\">Faces that were set aside and belong to no one.</p>")?;
        for row in &people.noise {
            writer.row(out, row)?;
        }
        writeln!(out, "</section>")?;
    }
    Ok(())
}

fn stages(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.stages.is_empty() {
        return Ok(());
    }
    let whole: f64 = report.stages.iter().map(|s| s.busy.as_secs_f64()).sum();
    write!(out, "<section aria-labelledby=\"stages\"><h2 id=\"stages\">Time</h2>")?;
    let columns = [("stage", false), ("seconds", true), ("each", true), ("share", false)];
    table(out, "Time by stage", &columns)?;
    for stage in &report.stages {
        let seconds = stage.busy.as_secs_f64();
        let share = if whole > 0.0 { 100.0 * seconds / whole } else { 0.0 };
        write!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{seconds:.2}</td><td class=\"n\">",
            Text(&stage.name)
        )?;
        if stage.items > 0 {
            let unit = if stage.unit.is_empty() { "item" } else { &stage.unit };
            write!(out, "{:.2} ms a {}", 1000.0 * seconds / stage.items as f64, Text(unit))?;
        }
        write!(
            out,
            "</td><td class=\"share\"><span style=\"width:{share:.1}%\"></span>{share:.0} %</td></tr>"
        )?;
    }
    writeln!(out, "</tbody></table></div></section>")
}

fn settings(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.settings.is_empty() && report.models.is_empty() {
        return Ok(());
    }
    write!(out, "<section aria-labelledby=\"settings\"><h2 id=\"settings\">Settings</h2>")?;
    if !report.settings.is_empty() {
        settings_list(out, &report.settings)?;
    }
    if !report.models.is_empty() {
        write!(out, "<h3>Models</h3><ul class=\"models\">")?;
        for model in &report.models {
            write!(out, "<li><b>{}</b> {}", Text(&model.name), Text(&model.role))?;
            if !model.licence.is_empty() {
                write!(out, "<br>licence: {}", Text(&model.licence))?;
            }
            if !model.sha256.is_empty() {
                write!(out, "<br>SHA-256 <code>{}</code>", Text(&model.sha256))?;
            }
            write!(out, "</li>")?;
        }
        write!(out, "</ul>")?;
    }
    writeln!(out, "</section>")
}
