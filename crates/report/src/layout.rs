//! What all pages have: the head, tiles of numbers, links to sections, tables, settings.

use std::fmt::Display;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};
use streamface_eval::format::Plural;

use crate::html::breaking;

const STYLE: &str = include_str!("report.css");
/// Characters of a number for which every tile has room.
const FULL_SIZE_CHARACTERS: usize = 6;

/// What differs between the heads of two pages.
pub(crate) struct Head<'a> {
    /// Title and heading.
    pub title: &'a str,
    /// Style sheets that come after the common one.
    pub styles: &'a [&'a str],
    /// The only script that may run; none where it is empty.
    pub script: &'a str,
}

impl Head<'_> {
    /// The page: `header` stands below the heading, `main` below that.
    pub fn page(&self, header: &Markup, main: &Markup) -> Markup {
        html! {
            (PreEscaped("<!doctype html>\n"))
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(self.policy());
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) @for style in self.styles { (PreEscaped(style)) } }
                }
                body {
                    header class="top" { p class="mark" { "StreamFace" } h1 { (breaking(self.title)) } (header) }
                    main { (main) }
                    @if !self.script.is_empty() { script { (PreEscaped(self.script)) } }
                }
            }
        }
    }

    /// The content security policy. The script is named by its hash: no other could run, even if a name were
    /// not escaped.
    fn policy(&self) -> String {
        let allowed = if self.script.is_empty() {
            "img-src data:".to_owned()
        } else {
            let hash = STANDARD.encode(Sha256::digest(self.script.as_bytes()));
            format!("img-src data: file: 'self'; script-src 'sha256-{hash}'")
        };
        format!(
            "default-src 'none'; {allowed}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
        )
    }
}

/// Writes a page. Control characters, which HTML does not allow, and marks that turn the direction of what comes after a name
/// become U+FFFD; line ends stay.
pub(crate) fn write(page: &Markup, out: &mut dyn Write) -> io::Result<()> {
    let mut rest = page.0.as_str();
    while let Some(at) = rest.find(|c: char| (c.is_control() && c != '\n') || turns(c)) {
        write!(out, "{}\u{fffd}", &rest[..at])?;
        rest = &rest[at..];
        rest = &rest[rest.chars().next().map_or(0, char::len_utf8)..];
    }
    writeln!(out, "{rest}")
}

/// Whether a character turns the direction of the text after it, beyond the name that it is in.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A line below the heading; none for an empty one.
pub(crate) fn source(line: &str) -> Markup {
    html! { @if !line.is_empty() { p class="source" { (line) } } }
}

/// A row of [`tile`]s.
pub(crate) fn tiles(tiles: &[Markup]) -> Markup {
    html! { dl class="numbers" { @for tile in tiles { (tile) } } }
}

/// A number in large type, smaller where it is long, and lines below it; empty lines are left out.
pub(crate) fn tile(name: &str, number: &str, lines: &[String]) -> Markup {
    let characters = number.chars().count();
    let style = (characters > FULL_SIZE_CHARACTERS).then(|| format!("--n:{characters}"));
    html! {
        div {
            dt { (name) }
            dd {
                strong style=[style] { (number) }
                @for line in lines.iter().filter(|line| !line.is_empty()) { span { (breaking(line)) } }
            }
        }
    }
}

/// Links to the sections that are there (id, name, whether it is), and what stands after them.
pub(crate) fn nav(sections: &[(&str, &str, bool)], after: &Markup) -> Markup {
    html! {
        nav aria-label="Sections" {
            ul {
                @for (id, name, _) in sections.iter().filter(|(_, _, there)| *there) {
                    li { a href={ "#" (id) } { (name) } }
                }
            }
            (after)
        }
    }
}

/// A section under a heading.
pub(crate) fn section(id: &str, heading: &str, body: &Markup) -> Markup {
    html! { section aria-labelledby=(id) { h2 id=(id) { (heading) } (body) } }
}

/// A table that scrolls by itself where it is too wide. Columns are a name and whether they hold numbers, which
/// stand to the right; one without a name is of pictures. `rows` are its `tr` elements.
pub(crate) fn table(says: &str, columns: &[(&str, bool)], rows: &Markup) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(says) {
            table {
                thead {
                    tr {
                        @for (name, number) in columns {
                            @if name.is_empty() { td {} } @else { th scope="col" class=[number.then_some("n")] { (name) } }
                        }
                    }
                }
                tbody { (rows) }
            }
        }
    }
}

/// A cell with a number.
pub(crate) fn number(value: impl Display) -> Markup {
    html! { td class="n" { (value) } }
}

/// How many of `all` are left out where only the first `shown` are there. `what` is one of them.
pub(crate) fn left_out(all: usize, shown: usize, what: &'static str) -> Markup {
    html! { @if all > shown { p class="note" { (Plural(all - shown, what)) " not shown." } } }
}

/// The section of settings, where there are any.
pub(crate) fn settings_section(settings: &[(String, String)]) -> Markup {
    html! { @if !settings.is_empty() { (section("settings", "Settings", &settings_list(settings))) } }
}

/// Settings as a list, in the order given.
pub(crate) fn settings_list(settings: &[(String, String)]) -> Markup {
    html! {
        dl class="settings" {
            @for (name, value) in settings { div { dt { (name) } dd { (breaking(value)) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced_and_line_ends_stay() {
        let mut page = Vec::new();
        let text = "\0a\u{1b}\n\u{202e}b";
        write(&html! { p title=(text) { (text) } }, &mut page).unwrap();
        let shown = "\u{fffd}a\u{fffd}\n\u{fffd}b";
        assert_eq!(String::from_utf8(page).unwrap(), format!("<p title=\"{shown}\">{shown}</p>\n"));
    }

    #[test]
    fn what_would_be_markup_is_text() {
        let hostile = "<a href=\"x\">&";
        let page = Head { title: hostile, styles: &[], script: "" }
            .page(&source(hostile), &tile(hostile, hostile, &[hostile.to_owned()]));
        assert_eq!(page.0.matches("&lt;a href=&quot;x&quot;&gt;&amp;").count(), 6);
        assert!(!page.0.contains("<a"));
    }
}
