//! People one by one, and who of them is with whom.

use maud::{Markup, html};
use streamface_eval::format::{Count, duration};
use streamface_eval::stats::{PersonFigures, Together};
use streamface_types::FaceId;

use super::{StatsPage, bar, share};
use crate::chart::plain;
use crate::faces::Sheet;
use crate::layout::{left_out, number, section, table};
use crate::said::{CAUTION, said};

/// Rows of either table.
const MAX_ROWS: usize = 60;

impl StatsPage<'_> {
    pub(super) fn people(&self, sheet: &mut Sheet<'_>) -> Markup {
        let people = &self.stats.people;
        if people.is_empty() {
            return html! {};
        }
        let timed = people.iter().any(|person| person.seconds.is_some());
        let mut columns = vec![("", false), ("person", false), ("faces", false), (self.frames_word(), true)];
        if timed {
            columns.extend([("on screen", true), ("share", true)]);
        }
        let any_said = people.iter().take(MAX_ROWS).any(|person| !person.attributes.is_empty());
        if any_said {
            columns.push(("appearance", false));
        }
        let most = people.iter().map(|p| p.faces).max().unwrap_or(1);
        let watched = 3600.0 * self.stats.total.hours;
        let rows = html! {
            @for person in people.iter().take(MAX_ROWS) {
                tr {
                    td class="picture" { (self.faces(sheet, person, 3)) }
                    (self.name(person))
                    (bar(person.faces, most, &Count(person.faces).to_string()))
                    (number(Count(person.frames)))
                    @if timed {
                        (number(person.seconds.map_or_else(|| "–".to_owned(), on_screen)))
                        (number(match person.seconds {
                            Some(seconds) if watched > 0.0 => share(seconds.min(watched), watched),
                            _ => "–".to_owned(),
                        }))
                    }
                    @if any_said { td class="appearance" { (said(&person.attributes)) } }
                }
            }
        };
        let body = html! {
            p class="note" {
                "Sorted by number of faces."
                @if timed { " On screen is the time from each frame that shows the person to the next; its share is of all that was watched." }
                @if any_said { " " (CAUTION) }
            }
            (table("People", &columns, &rows))
            (left_out(self.stats.total.people as usize, MAX_ROWS, "more row"))
        };
        section("people", "People", &body)
    }

    pub(super) fn together(&self, sheet: &mut Sheet<'_>) -> Markup {
        let all = &self.stats.together;
        if all.is_empty() {
            return html! {};
        }
        let together = format!("{} together", self.frames_word());
        let columns = [
            ("", false),
            ("person", false),
            ("", false),
            ("with", false),
            (together.as_str(), true),
            ("of the first’s", true),
            ("of the other’s", true),
        ];
        let rows = html! { @for pair in all.iter().take(MAX_ROWS) { (self.pair(sheet, pair)) } };
        let body = html! {
            p class="note" { "People whom the same " (self.frames_word()) " show, sorted by how many do, and which share that is of each one’s " (self.frames_word()) "." }
            (table("Who appears with whom", &columns, &rows))
            (left_out(all.len(), MAX_ROWS, "more row"))
        };
        section("together", "Who appears with whom", &body)
    }

    fn pair(&self, sheet: &mut Sheet<'_>, pair: &Together) -> Markup {
        let people = [pair.a, pair.b].map(|at| self.stats.people.get(at));
        let [Some(a), Some(b)] = people else { return html! {} };
        html! {
            tr {
                td class="picture one" { (self.faces(sheet, a, 1)) }
                (self.name(a))
                td class="picture one" { (self.faces(sheet, b, 1)) }
                (self.name(b))
                (number(Count(pair.frames)))
                (number(share(pair.frames as f64, a.frames as f64)))
                (number(share(pair.frames as f64, b.frames as f64)))
            }
        }
    }

    /// The name, with its dataset where there are several.
    fn name(&self, person: &PersonFigures) -> Markup {
        html! {
            th scope="row" {
                (person.name)
                @if self.datasets.len() > 1 {
                    @if let Some(dataset) = self.datasets.get(person.dataset) { span class="of" { (dataset) } }
                }
            }
        }
    }

    fn faces(&self, sheet: &mut Sheet<'_>, person: &PersonFigures, most: usize) -> Markup {
        let middle = person.examples.len() / 2;
        // One alone is that in the middle.
        let from = if most == 1 { middle } else { 0 };
        let faces: Vec<&FaceId> = person.examples.iter().skip(from).take(most).collect();
        sheet.faces("", &person.name, &faces)
    }

    fn frames_word(&self) -> &'static str {
        if self.timed() { "frames" } else { "photos" }
    }
}

/// A time on screen, with tenths of a second where it is less than ten seconds.
fn on_screen(seconds: f64) -> String {
    match (10.0 * seconds).round() / 10.0 {
        0.0 if seconds > 0.0 => "under 0.1 s".to_owned(),
        tenths if tenths < 10.0 => format!("{} s", plain(tenths)),
        _ => duration(seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_times_have_tenths_of_a_second() {
        assert_eq!(
            [0.0, 0.04, 0.2, 3.8, 9.0, 9.96, 19.4, 120.0].map(on_screen),
            ["0 s", "under 0.1 s", "0.2 s", "3.8 s", "9 s", "10 s", "19 s", "2 min"]
        );
    }
}
