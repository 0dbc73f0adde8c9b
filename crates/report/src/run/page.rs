//! The page as a whole.

use maud::{Markup, html};
use streamface_eval::clock::{recorded, whole_seconds};
use streamface_eval::format::{Count, Plural};
use streamface_types::StreamTime;

use super::frames;
use super::input::{Frame, Model, Report, Stage};
use super::origins::Origins;
use super::people::{People, Rows, arrange};
use super::timeline::Timeline;
use crate::layout::{self, Head, number, section, settings_list, source, table, tile, tiles};
use crate::picture::Pictures;
use crate::said::CAUTION;

const SCRIPT: &str = include_str!("report.js");

pub(super) fn page(report: &Report, pictures: &mut dyn Pictures) -> Markup {
    let timeline = Timeline::new(&report.frames);
    let people = arrange(report, &timeline);
    let title = if report.title.is_empty() { "StreamFace report" } else { &report.title };
    let captured = captured(report);
    let one_day = captured.as_ref().is_some_and(|(first, last)| first[..10] == last[..10]);
    let header = html! {
        (source(&report.source))
        @if let Some((first, last)) = &captured {
            @let last = if one_day { &last[11..] } else { &last[..] };
            p class="source" { "captured " (first) " – " (last) " UTC" }
        }
    };
    let mut rows = Rows { report, timeline: &timeline, pictures, one_day, origins: Origins::default() };
    let main = html! {
        (numbers(report, &timeline))
        (nav(report, &people, &timeline))
        (self::people(&mut rows, &people))
        @if !report.frames.is_empty() { (frames::section(report, &timeline)) }
        @if !report.stages.is_empty() { (stages(&report.stages)) }
        @if !report.settings.is_empty() || !report.models.is_empty() { (settings(report)) }
        (rows.origins.list())
    };
    Head { title, styles: &[], script: SCRIPT }.page(&header, &main)
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

fn numbers(report: &Report, timeline: &Timeline<'_>) -> Markup {
    let persons = report.people.iter().filter(|p| !p.label.is_noise() && !p.faces.is_empty());
    let (all, once) = (persons.clone().count(), persons.filter(|p| p.faces.len() == 1).count());
    let kept_faces: usize = report.people.iter().map(|p| p.faces.len()).sum();
    let noise: usize = report.people.iter().filter(|p| p.label.is_noise()).map(|p| p.faces.len()).sum();
    let dropped_faces: u64 = report.dropped_faces.iter().map(|(_, n)| n).sum();
    let kept_frames = report.frames.iter().filter(|f| f.dropped.is_none()).count();

    let seen = match (all, once) {
        (0, _) => String::new(),
        (_, 0) => "each seen more than once".to_owned(),
        _ => format!("{} seen once", Count(once as u64)),
    };
    let set_aside =
        if noise > 0 { format!("{} marked as noise", Count(noise as u64)) } else { String::new() };
    let dropped = if dropped_faces == 0 {
        String::new()
    } else {
        let why = reasons(report.dropped_faces.iter().map(|(r, n)| (r.as_str(), *n)));
        format!("{} more dropped: {why}", Count(dropped_faces))
    };
    let mut tiles = vec![
        tile("People", &Count(all as u64).to_string(), &[seen]),
        tile("Faces kept", &Count(kept_faces as u64).to_string(), &[dropped, set_aside]),
    ];
    if !report.frames.is_empty() {
        let lines =
            [format!("of {} looked at", Count(report.frames.len() as u64)), reasons(frames::reasons(report))];
        let name = if timeline.timed() { "Frames kept" } else { "Photos" };
        tiles.push(tile(name, &Count(kept_frames as u64).to_string(), &lines));
    }
    if let Some(watched) = watched(timeline) {
        let n = timeline.strips.len();
        let lines = [if n > 1 { Plural(n, "source").to_string() } else { "one source".to_owned() }];
        tiles.push(tile("Watched", &watched, &lines));
    }
    self::tiles(&tiles)
}

/// Photos are frames without a time.
pub(super) fn frames_heading(timeline: &Timeline<'_>) -> &'static str {
    if timeline.timed() { "Frames" } else { "Photos" }
}

fn nav(report: &Report, people: &People<'_>, timeline: &Timeline<'_>) -> Markup {
    let sections = [
        ("people", "People", !people.rows.is_empty()),
        ("once", "Seen once", !people.once.is_empty()),
        ("noise", "Noise", !people.noise.is_empty()),
        ("frames", frames_heading(timeline), !report.frames.is_empty()),
        ("stages", "Time", !report.stages.is_empty()),
        ("settings", "Settings", !report.settings.is_empty() || !report.models.is_empty()),
    ];
    // Shown by the script, which it needs.
    let search = html! {
        form role="search" hidden {
            label for="search" { "Find" }
            input id="search" type="search" autocomplete="off"
                placeholder=(if timeline.timed() { "name, number or time 1:05" } else { "name or number" });
            output id="found" for="search" {}
        }
    };
    layout::nav(&sections, &search)
}

/// How long was watched, over all sources whose frames have stream times.
fn watched(timeline: &Timeline<'_>) -> Option<String> {
    let spans = timeline.strips.iter().filter_map(|s| {
        let time = |f: &Frame| f.stream_time.map(StreamTime::micros);
        Some(time(s.frames.last()?)?.saturating_sub(time(s.frames.first()?)?))
    });
    let micros = spans.clone().next().map(|_| spans.fold(0, i64::saturating_add))?;
    Some(whole_seconds(StreamTime(micros)))
}

fn people(rows: &mut Rows<'_, '_>, people: &People<'_>) -> Markup {
    let heading = "People";
    let any_said = rows.report.people.iter().any(|person| !person.attributes.is_empty());
    html! {
        @if people.rows.is_empty() && people.once.is_empty() {
            section { h2 id="people" { (heading) } p class="note" { "No face was kept." } }
        }
        @if !people.rows.is_empty() {
            (section("people", heading, &html! {
                p class="note" { "Sorted by number of faces. " (order(rows)) @if any_said { " " (CAUTION) } }
                @for row in &people.rows { (rows.row(row)) }
            }))
        }
        @if !people.once.is_empty() {
            (section("once", "Seen once", &html! {
                @if any_said && people.rows.is_empty() { p class="note" { (CAUTION) } }
                div class="cards" { @for row in &people.once { (rows.card(row)) } }
            }))
        }
        @if people.left_out > 0 {
            p class="note" {
                (Count(people.left_out as u64)) " more "
                (if people.left_out == 1 { "person" } else { "people" })
                " with few faces not shown here; all are in the table of labels."
            }
        }
        @if !people.noise.is_empty() {
            (section("noise", "Noise", &html! {
                p class="note" { "Faces that were assigned to no person." }
                @for row in &people.noise { (rows.row(row)) }
            }))
        }
    }
}

/// What bars and the order of faces say.
fn order(rows: &Rows<'_, '_>) -> &'static str {
    match (rows.timeline.timed(), rows.timeline.strips.len()) {
        _ if rows.report.frames.is_empty() => "",
        (false, _) => "Faces are in the order of the photos’ names.",
        (true, 1) => "The bar shows when the person was on screen. Faces are in the order of time.",
        (true, _) => {
            "The bars show when the person was on screen, one for each source. Faces are in the order of time."
        }
    }
}

fn stages(stages: &[Stage]) -> Markup {
    let whole: f64 = stages.iter().map(|s| s.busy.as_secs_f64()).sum();
    let rows = html! {
        @for stage in stages {
            @let seconds = stage.busy.as_secs_f64();
            @let share = if whole > 0.0 { 100.0 * seconds / whole } else { 0.0 };
            @let unit = if stage.unit.is_empty() { "item" } else { &stage.unit };
            tr {
                th scope="row" { (stage.name) }
                (number(format_args!("{seconds:.2}")))
                td class="n" {
                    @if stage.items > 0 {
                        (format_args!("{:.2}", 1000.0 * seconds / stage.items as f64)) " ms a " (unit)
                    }
                }
                td class="share" {
                    span style={ "width:" (format_args!("{share:.1}")) "%" } {}
                    (format_args!("{share:.0}")) " %"
                }
            }
        }
    };
    let columns = [("stage", false), ("seconds", true), ("each", true), ("share", false)];
    section("stages", "Time", &table("Time by stage", &columns, &rows))
}

fn settings(report: &Report) -> Markup {
    let body = html! {
        @if !report.settings.is_empty() { (settings_list(&report.settings)) }
        @if !report.models.is_empty() {
            h3 { "Models" }
            ul class="models" { @for model in &report.models { (self::model(model)) } }
        }
    };
    section("settings", "Settings", &body)
}

fn model(model: &Model) -> Markup {
    html! {
        li {
            b { (model.name) } " " (model.role)
            @if !model.licence.is_empty() { br; "licence: " (model.licence) }
            @if !model.sha256.is_empty() { br; "SHA-256 " code { (model.sha256) } }
        }
    }
}
