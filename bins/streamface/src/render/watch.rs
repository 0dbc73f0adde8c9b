//! Who is on screen.

use streamface_pipeline::sighting::{Person, Sighting};

/// A line on standard output: JSON, or for people, who are not told of every frame.
pub fn sighting(seen: &Sighting, as_json: bool) {
    if !as_json {
        if let Some(text) = readable(seen) {
            say!("{text}");
        }
    } else if let Ok(line) = serde_json::to_string(seen) {
        say!("{line}");
    }
}

/// Came and left; frames are too many to read.
fn readable(seen: &Sighting) -> Option<String> {
    let who = |p: &Person| p.name.clone().unwrap_or_else(|| format!("person {}", p.person));
    match seen {
        Sighting::Frame { .. } => None,
        Sighting::Came { person, new, at, .. } => {
            Some(format!("{}  {} came{}", at.to_readable(), who(person), if *new { ", new" } else { "" }))
        }
        Sighting::Left { person, since, until } => {
            let seconds = until.micros().saturating_sub(since.micros()) as f64 / 1e6;
            Some(format!("{}  {} left after {seconds:.0} s", until.to_readable(), who(person)))
        }
    }
}
