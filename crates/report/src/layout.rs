//! What all pages have: the head, tiles of numbers, links to sections, tables, settings.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::html::{Breaking, Text};

const STYLE: &str = include_str!("report.css");
/// Characters of a number for which every tile has room.
const ROOMY: usize = 6;

/// The head of a page and its heading, with the header element left open: `styles` come after the common
/// one, and only `script` may run; none where it is empty.
pub(crate) fn open(out: &mut dyn Write, title: &str, styles: &[&str], script: &str) -> io::Result<()> {
    // The script is named by its hash: no other could run, even if a name were not escaped.
    let allowed = if script.is_empty() {
        "img-src data:".to_owned()
    } else {
        let hash = STANDARD.encode(Sha256::digest(script.as_bytes()));
        format!("img-src data: file: 'self'; script-src 'sha256-{hash}'")
    };
    write!(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    write!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; {allowed}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"
    )?;
    write!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    write!(out, "<meta name=\"color-scheme\" content=\"light dark\">")?;
    write!(out, "<title>{}</title><style>{STYLE}{}</style></head><body>", Text(title), styles.concat())?;
    write!(out, "<header class=\"top\"><p class=\"mark\">StreamFace</p><h1>{}</h1>", Text(title))
}

/// A line below the heading; none for an empty one.
pub(crate) fn source(out: &mut dyn Write, line: &str) -> io::Result<()> {
    if line.is_empty() { Ok(()) } else { write!(out, "<p class=\"source\">{}</p>", Text(line)) }
}

/// A number in a large hand, smaller where it is long, and lines below it; empty ones are passed over.
pub(crate) fn tile(out: &mut dyn Write, name: &str, number: &str, lines: &[String]) -> io::Result<()> {
    write!(out, "<div><dt>{}</dt><dd><strong", Text(name))?;
    let characters = number.chars().count();
    if characters > ROOMY {
        write!(out, " style=\"--n:{characters}\"")?;
    }
    write!(out, ">{}</strong>", Text(number))?;
    for line in lines.iter().filter(|l| !l.is_empty()) {
        write!(out, "<span>{}</span>", Breaking(line))?;
    }
    write!(out, "</dd></div>")
}

/// Links to the sections that are there: id, name, whether it is.
pub(crate) fn nav(out: &mut dyn Write, sections: &[(&str, &str, bool)]) -> io::Result<()> {
    open_nav(out, sections)?;
    writeln!(out, "</nav>")
}

/// [`nav`], with its element left open.
pub(crate) fn open_nav(out: &mut dyn Write, sections: &[(&str, &str, bool)]) -> io::Result<()> {
    write!(out, "<nav aria-label=\"Sections\"><ul>")?;
    for (id, name, _) in sections.iter().filter(|(_, _, there)| *there) {
        write!(out, "<li><a href=\"#{id}\">{name}</a></li>")?;
    }
    write!(out, "</ul>")
}

/// The head of a table that scrolls by itself where it is too wide: names of columns, numbers to the right.
pub(crate) fn table(out: &mut dyn Write, says: &str, columns: &[(&str, bool)]) -> io::Result<()> {
    write!(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">", Text(says))?;
    write!(out, "<table><thead><tr>")?;
    for (name, number) in columns {
        let class = if *number { " class=\"n\"" } else { "" };
        write!(out, "<th scope=\"col\"{class}>{}</th>", Text(name))?;
    }
    write!(out, "</tr></thead><tbody>")
}

/// The section of settings, where there are any.
pub(crate) fn settings_section(out: &mut dyn Write, settings: &[(String, String)]) -> io::Result<()> {
    if settings.is_empty() {
        return Ok(());
    }
    write!(out, "<section aria-labelledby=\"settings\"><h2 id=\"settings\">Settings</h2>")?;
    settings_list(out, settings)?;
    writeln!(out, "</section>")
}

/// Settings as a list, in the order given.
pub(crate) fn settings_list(out: &mut dyn Write, settings: &[(String, String)]) -> io::Result<()> {
    write!(out, "<dl class=\"settings\">")?;
    for (name, value) in settings {
        write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", Text(name), Breaking(value))?;
    }
    write!(out, "</dl>")
}
