//! What models said of the faces.

use maud::{Markup, html};
use streamface_eval::format::{Count, Plural};
use streamface_eval::stats::{ANGLE_STEP, Angles, Attribute};

use super::{StatsPage, bar, share};
use crate::chart::{Bar, Caption, bars, plain};
use crate::layout::{number, section, table};

/// Channels whose attributes are shown.
const MAX_CHANNELS: usize = 50;

impl StatsPage<'_> {
    pub(super) fn attributes(&self) -> Markup {
        let stats = self.stats;
        let body = html! {
            p class="note" {
                "What models said of the faces: the likeliest category of each. Models err, more on some groups \
                 than on others; counts are of faces, not of people."
            }
            div class="two" { @for attribute in &stats.attributes { (categories(attribute)) } }
            div class="charts" { @for angles in &stats.angles { (histogram(angles)) } }
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
        let columns: Vec<(&str, bool)> = std::iter::once(("channel", false)).chain(categories).collect();
        let channels = self.stats.channels.iter().zip(&attribute.by_channel);
        let shown = channels.filter(|(_, faces)| faces.iter().any(|&n| n > 0)).take(MAX_CHANNELS);
        let rows = html! {
            @for (channel, faces) in shown {
                @let all = faces.iter().sum();
                tr {
                    th scope="row" { (channel.name) }
                    @for &n in faces { (number(share(n, all))) }
                }
            }
        };
        html! { h3 { (attribute.name) } (table(attribute.name, &columns, &rows)) }
    }
}

/// Faces by category.
fn categories(attribute: &Attribute) -> Markup {
    let all: u64 = attribute.faces.iter().sum();
    let most = attribute.faces.iter().copied().max().unwrap_or(0).max(1);
    let rows = html! {
        @for (category, &faces) in attribute.categories.iter().zip(&attribute.faces) {
            tr {
                th scope="row" { (category) }
                (number(Count(faces)))
                (bar(faces, most, &share(faces, all)))
            }
        }
    };
    let columns = [("category", false), ("faces", true), ("share", false)];
    html! { div { h3 { (attribute.name) } (table(attribute.name, &columns, &rows)) } }
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
