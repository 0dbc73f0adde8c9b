//! What models said of the faces.

use maud::{Markup, html};
use streamface_eval::format::{Count, Plural};
use streamface_eval::stats::{
    ANGLE_STEP, Angles, Attribute, Expected, NumberFigures, POSE_CELLS, POSE_STEP, PoseCell, YEARS_STEP,
    Years,
};

use super::{StatsPage, bar, share};
use crate::chart::{Bar, Caption, Cell, bars, cloud, plain};
use crate::layout::{number, section, table};
use crate::said::CAUTION;

/// Channels whose attributes are shown.
const MAX_CHANNELS: usize = 50;

impl StatsPage<'_> {
    pub(super) fn has_attributes(&self) -> bool {
        let stats = self.stats;
        let numbers = !stats.angles.is_empty() || stats.years.is_some() || !stats.numbers.is_empty();
        numbers || !stats.attributes.is_empty()
    }

    pub(super) fn attributes(&self) -> Markup {
        let stats = self.stats;
        let body = html! {
            p class="note" {
                (CAUTION) " A face or a person is of its likeliest category, or unknown where that is less likely than the model’s \
                 confidence. People are by the vote of their faces. Likely is from where to where the true number lies in 95 % \
                 of cases by the probabilities of all, unknown ones included, as far as the model is calibrated. It is the interval \
                 of the sum of the probabilities: where it does not hold the count, the model is less sure than its likeliest \
                 labels look, or its probabilities are not calibrated."
            }
            div class="two" { @for attribute in &stats.attributes { (categories(attribute)) } }
            div class="charts numbers-of" {
                @if let Some(years) = &stats.years { (ages(years)) }
                @if !stats.poses.is_empty() { (poses(&stats.poses)) }
                @for angles in &stats.angles { (histogram(angles)) }
            }
            @if !stats.numbers.is_empty() { (numbers(&stats.numbers)) }
            @if stats.channels.len() > 1 && !stats.attributes.is_empty() {
                details {
                    summary { "By channel" }
                    @for attribute in &stats.attributes { (self.by_channel(attribute)) }
                }
            }
        };
        section("attributes", "Attributes", &body)
    }

    fn by_channel(&self, attribute: &Attribute) -> Markup {
        let categories = attribute.categories.iter().map(|c| (c.as_str(), true));
        let mut columns: Vec<(&str, bool)> = std::iter::once(("channel", false)).chain(categories).collect();
        let any_unknown = attribute.unknown > 0;
        if any_unknown {
            columns.push(("unknown", true));
        }
        let channels =
            self.stats.channels.iter().zip(&attribute.by_channel).zip(&attribute.unknown_by_channel);
        let all = |faces: &[u64], unknown: u64| faces.iter().sum::<u64>() + unknown;
        let shown = channels.filter(|((_, faces), unknown)| all(faces, **unknown) > 0).take(MAX_CHANNELS);
        let rows = html! {
            @for ((channel, faces), &unknown) in shown {
                @let all = all(faces, unknown);
                tr {
                    th scope="row" { (channel.name) }
                    @for &n in faces { (number(share(n as f64, all as f64))) }
                    @if any_unknown { (number(share(unknown as f64, all as f64))) }
                }
            }
        };
        html! { h3 { (attribute.name) } (table(&attribute.name, &columns, &rows)) }
    }
}

/// `12`, `11 – 14`
fn likely(of: &Expected) -> String {
    let [from, to] = [of.from, of.to].map(|n| Count(n.round() as u64).to_string());
    if from == to { from } else { format!("{from} – {to}") }
}

/// Faces and people by category.
fn categories(attribute: &Attribute) -> Markup {
    let faces = &attribute.faces;
    let all = faces.iter().sum::<u64>() + attribute.unknown;
    let most = faces.iter().copied().max().unwrap_or(0).max(attribute.unknown).max(1);
    let people = attribute.people.as_ref();
    let row = |category: &str, faces: u64, likely_faces: &str, people: Option<(u64, String)>| {
        html! {
            tr {
                th scope="row" { (category) }
                (number(Count(faces)))
                (bar(faces, most, &share(faces as f64, all as f64)))
                (number(likely_faces))
                @if let Some((people, likely)) = people { (number(Count(people))) (number(likely)) }
            }
        }
    };
    let rows = html! {
        @for (at, category) in attribute.categories.iter().enumerate() {
            @let of_people = people.map(|people| (people.people[at], likely(&people.expected[at])));
            (row(category, faces[at], &likely(&attribute.expected_faces[at]), of_people))
        }
        @if attribute.unknown > 0 || people.is_some_and(|people| people.unknown > 0) {
            (row("unknown", attribute.unknown, "", people.map(|people| (people.unknown, String::new()))))
        }
    };
    let mut columns = vec![("category", false), ("faces", true), ("share", false), ("likely", true)];
    if people.is_some() {
        columns.extend([("people", true), ("likely", true)]);
    }
    let none = attribute.none;
    html! {
        div {
            h3 { (attribute.name) }
            (table(&attribute.name, &columns, &rows))
            @if none > 0 {
                p class="note below" {
                    (Count(none)) " of " (Plural((all + none) as usize, "face")) (if none == 1 { " has none." } else { " have none." })
                }
            }
        }
    }
}

/// Numbers that have no chart of their own.
fn numbers(all: &[NumberFigures]) -> Markup {
    let columns = ["faces", "mean", "deviation", "least", "greatest"].map(|name| (name, true));
    let columns: Vec<(&str, bool)> = std::iter::once(("number", false)).chain(columns).collect();
    let three = |value: f64| format!("{value:.3}");
    let rows = html! {
        @for of in all {
            tr {
                th scope="row" { (of.name) }
                (number(Count(of.faces)))
                (number(three(of.mean)))
                (number(of.deviation.map_or_else(|| "–".to_owned(), three)))
                (number(three(of.least)))
                (number(three(of.greatest)))
            }
        }
    };
    html! { h3 { "Other numbers" } (table("Other numbers", &columns, &rows)) }
}

/// Faces and people by age.
fn ages(years: &Years) -> Markup {
    let marks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|at| (at, plain(at * YEARS_STEP * years.faces.len() as f64)));
    let of = |counts: &[u64], what: [&str; 2], title: &str| {
        let bar = |(at, &n): (usize, &u64)| {
            let from = at as f64 * YEARS_STEP;
            let beyond = if at + 1 == counts.len() { " or more" } else { "" };
            let range = format!("{} to {}{beyond} years", plain(from), plain(from + YEARS_STEP));
            let what = what[usize::from(n != 1)];
            Bar { value: n as usize, says: format!("{range}: {} {what}", Count(n)), class: "good" }
        };
        let all: Vec<Bar> = counts.iter().enumerate().map(bar).collect();
        let says = format!("{title}, in years");
        bars(&Caption { title, across: "years", up: what[1], says: &says, marks: &marks }, &all)
    };
    let deviation = years.deviation.map(|d| format!(" (a face ± {} years)", plain(d.round())));
    let title = format!("Apparent age of faces{}", deviation.unwrap_or_default());
    html! {
        (of(&years.faces, ["face", "faces"], &title))
        @if years.people.iter().any(|&n| n > 0) { (of(&years.people, ["person", "people"], "Apparent age of people")) }
    }
}

/// Faces by yaw and pitch.
fn poses(all: &[PoseCell]) -> Markup {
    let range = |place: usize| {
        let from = place as f64 * POSE_STEP - 90.0;
        format!("{} to {}", plain(from), plain(from + POSE_STEP))
    };
    let cell = |cell: &PoseCell| Cell {
        column: cell.yaw,
        row: cell.pitch,
        value: cell.faces,
        says: format!(
            "yaw {}, pitch {}: {}",
            range(cell.yaw),
            range(cell.pitch),
            Plural(cell.faces as usize, "face")
        ),
    };
    let cells: Vec<Cell> = all.iter().map(cell).collect();
    let marks = [-90.0, -45.0, 0.0, 45.0, 90.0].map(|v: f64| ((v + 90.0) / 180.0, plain(v)));
    let says = "Faces by yaw and pitch in degrees, the darker the more";
    let caption =
        Caption { title: "Pose", across: "yaw, degrees", up: "pitch, degrees", says, marks: &marks };
    cloud(&caption, POSE_CELLS, &cells)
}

/// Faces by angle.
fn histogram(angles: &Angles) -> Markup {
    let from = |bin: usize| bin as f64 * ANGLE_STEP - 90.0;
    let bar = |(bin, &faces): (usize, &u64)| {
        let (from, to, n) = (plain(from(bin)), plain(from(bin + 1)), Plural(faces as usize, "face"));
        Bar { value: faces as usize, says: format!("{from} to {to} degrees: {n}"), class: "good" }
    };
    let all: Vec<Bar> = angles.faces.iter().enumerate().map(bar).collect();
    let marks = [-90.0, -45.0, 0.0, 45.0, 90.0].map(|v: f64| ((v + 90.0) / 180.0, plain(v)));
    let says = format!("Faces by {} in degrees", angles.name);
    let caption = Caption { title: &angles.name, across: "degrees", up: "faces", says: &says, marks: &marks };
    bars(&caption, &all)
}
