//! What models said of the faces.

use std::io::{self, Write};

use super::{StatsPage, bar, share};
use crate::chart::{About, Bar, bars, plain};
use crate::html::Text;
use crate::layout::table;
use streamface_eval::format::{Count, Plural};
use streamface_eval::stats::{ANGLE_STEP, Attribute};

/// Channels whose attributes are shown.
const BY_CHANNEL: usize = 50;

impl StatsPage<'_> {
    pub(super) fn attributes(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "<section aria-labelledby=\"attributes\"><h2 id=\"attributes\">Attributes</h2>")?;
        write!(
            out,
            "<p class=\"note\">What models said of the faces: the likeliest category of each. Models err, more on some groups than on others; counts are of faces, not of people.</p><div class=\"two\">"
        )?;
        for attribute in &self.stats.attributes {
            let all: u64 = attribute.faces.iter().sum();
            write!(out, "<div><h3>{}</h3>", Text(attribute.name))?;
            table(out, attribute.name, &[("category", false), ("faces", true), ("share", false)])?;
            let most = attribute.faces.iter().copied().max().unwrap_or(0).max(1);
            for (category, &faces) in attribute.categories.iter().zip(&attribute.faces) {
                write!(
                    out,
                    "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td>",
                    Text(category),
                    Count(faces)
                )?;
                bar(out, faces, most, &share(faces, all))?;
                write!(out, "</tr>")?;
            }
            write!(out, "</tbody></table></div></div>")?;
        }
        write!(out, "</div><div class=\"charts\">")?;
        for angles in &self.stats.angles {
            let from = |bin: usize| bin as f64 * ANGLE_STEP - 90.0;
            let bar = |(bin, &faces): (usize, &u64)| Bar {
                value: faces as usize,
                says: format!(
                    "{} to {} degrees: {}",
                    plain(from(bin)),
                    plain(from(bin + 1)),
                    Plural(faces as usize, "face")
                ),
                class: "good",
            };
            let all: Vec<Bar> = angles.faces.iter().enumerate().map(bar).collect();
            let marks = [-90.0, -45.0, 0.0, 45.0, 90.0].map(|v: f64| ((v + 90.0) / 180.0, plain(v)));
            let says = format!("Faces by {} in degrees", angles.name);
            let about =
                About { title: &angles.name, across: "degrees", up: "faces", says: &says, marks: &marks };
            bars(out, &about, &all)?;
        }
        write!(out, "</div>")?;
        if self.stats.channels.len() > 1 {
            self.by_channel(out)?;
        }
        writeln!(out, "</section>")
    }

    fn by_channel(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.stats.attributes.is_empty() {
            return Ok(());
        }
        write!(out, "<details><summary>By channel</summary>")?;
        for attribute in &self.stats.attributes {
            self.attribute_by_channel(out, attribute)?;
        }
        write!(out, "</details>")
    }

    fn attribute_by_channel(&self, out: &mut dyn Write, attribute: &Attribute) -> io::Result<()> {
        write!(out, "<h3>{}</h3>", Text(attribute.name))?;
        let columns = attribute.categories.iter().map(|c| (c.as_str(), true));
        let columns: Vec<(&str, bool)> = std::iter::once(("channel", false)).chain(columns).collect();
        table(out, attribute.name, &columns)?;
        let rows = self.stats.channels.iter().zip(&attribute.by_channel);
        for (channel, faces) in rows.filter(|(_, faces)| faces.iter().any(|&n| n > 0)).take(BY_CHANNEL) {
            let all = faces.iter().sum();
            write!(out, "<tr><th scope=\"row\">{}</th>", Text(&channel.name))?;
            for &n in faces {
                write!(out, "<td class=\"n\">{}</td>", share(n, all))?;
            }
            write!(out, "</tr>")?;
        }
        write!(out, "</tbody></table></div>")
    }
}
