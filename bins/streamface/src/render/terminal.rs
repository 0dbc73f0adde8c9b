//! What a person sees while a step runs, on standard error; what a watch sees goes to standard output.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use streamface_pipeline::disk::{Hours, Size};
use streamface_pipeline::{Counts, DiskUse, Event, Observer};
use streamface_store::DropReason;

use super::{count, faces, watch};

/// Seconds between two lines of progress where there is no terminal to redraw one on.
const EVERY: u64 = 10;

/// Shows events: a line that is redrawn on a terminal, and written anew every ten seconds elsewhere.
#[derive(Debug)]
pub struct Terminal {
    quiet: bool,
    json: bool,
    drawn: Mutex<Option<Drawn>>,
    /// What was said to be skipped.
    skipped: Mutex<HashSet<String>>,
}

/// The line of progress that is on the screen.
#[derive(Debug)]
struct Drawn {
    /// Whether it is of counts, not of a phase.
    counts: bool,
    bar: ProgressBar,
    started: Instant,
    last_line: u64,
    /// What the phase is, and since when.
    phase: (String, Instant),
}

impl Drawn {
    fn new(counts: bool) -> Self {
        let (length, template) = if counts {
            (None, "{spinner} {elapsed_precise} {msg}")
        } else {
            (Some(0), "{spinner} {msg} [{bar:30}] {percent}%  {eta} left")
        };
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(8));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if counts {
            bar.enable_steady_tick(Duration::from_millis(125));
        }
        let now = Instant::now();
        Self { counts, bar, started: now, last_line: 0, phase: (String::new(), now) }
    }

    /// Writes a line where nothing can be redrawn, if it is time for one.
    fn line(&mut self, line: impl FnOnce() -> String) {
        let now = self.started.elapsed().as_secs();
        if now >= self.last_line + EVERY {
            self.last_line = now;
            eprintln!("{now:>6} s  {}", line());
        }
    }
}

impl Terminal {
    /// No progress where `quiet`; what a watch sees as JSON lines where `json`.
    pub fn new(quiet: bool, json: bool) -> Self {
        Self { quiet, json, drawn: Mutex::new(None), skipped: Mutex::default() }
    }

    /// What was said to be skipped so far; it is forgotten.
    pub fn skipped(&self) -> HashSet<String> {
        std::mem::take(&mut *self.skipped.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn drawn(&self) -> MutexGuard<'_, Option<Drawn>> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counts(&self, counts: &Counts) {
        let mut drawn = self.drawn();
        let drawn = of_kind(&mut drawn, true);
        let line = counts_line(counts, drawn.started.elapsed().as_secs_f64().max(0.001));
        if drawn.bar.is_hidden() {
            drawn.line(|| line);
        } else {
            drawn.bar.set_message(line);
        }
    }

    fn phase(&self, what: &str, done: u64, total: u64) {
        let mut drawn = self.drawn();
        let drawn = of_kind(&mut drawn, false);
        if drawn.bar.is_hidden() {
            if drawn.phase.0 != what || done == 0 {
                drawn.phase = (what.to_owned(), Instant::now());
            }
            let since = drawn.phase.1.elapsed().as_secs_f64();
            drawn.line(|| phase_line(what, done as f64 / total.max(1) as f64, since));
            return;
        }
        if drawn.bar.message() != what || done == 0 {
            drawn.bar.reset();
            drawn.bar.set_message(what.to_owned());
        }
        drawn.bar.set_length(total.max(1));
        drawn.bar.set_position(done);
    }

    /// A line of its own on standard error, above the progress.
    fn say(&self, text: &str) {
        self.above(|| eprintln!("{text}"));
    }

    fn above(&self, print: impl FnOnce()) {
        match &*self.drawn() {
            Some(drawn) if !drawn.bar.is_hidden() => drawn.bar.suspend(print),
            _ => print(),
        }
    }
}

/// The line of progress, of counts or of a phase; another one gives way to it.
fn of_kind(drawn: &mut Option<Drawn>, counts: bool) -> &mut Drawn {
    if let Some(other) = drawn.take_if(|d| d.counts != counts) {
        other.bar.finish_and_clear();
    }
    drawn.get_or_insert_with(|| Drawn::new(counts))
}

impl Observer for Terminal {
    fn event(&self, event: &Event) {
        match event {
            Event::Reconnecting { why, pause, .. } => {
                self.say(&format!("{why}; trying again in {:.0} s (Ctrl-C ends)", pause.as_secs_f64()));
            }
            Event::Warning(text) => self.say(&format!("warning: {text}")),
            Event::Skipped(text) => {
                self.skipped.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone());
                self.say(&format!("skipped: {text}"));
            }
            Event::Seen(sighting) => self.above(|| watch::sighting(sighting, self.json)),
            Event::Ended => {
                if let Some(drawn) = self.drawn().take() {
                    drawn.bar.finish_and_clear();
                }
            }
            _ if self.quiet => {}
            Event::Counts(counts) => self.counts(counts),
            Event::Phase { what, done, total } => self.phase(what, *done, *total),
            Event::Opened { source, duration: Some(d) } => {
                self.say(&format!("{source}: {} s of video", d.as_secs()));
            }
            Event::Opened { source, duration: None } => {
                let what = if source.contains("://") {
                    "connected, live"
                } else {
                    "opened; it does not say how long it is"
                };
                self.say(&format!("{source}: {what}"));
            }
            Event::Watching { page, known, threshold } => {
                if let Some(page) = page {
                    self.say(&format!("page     {page}"));
                }
                let people = count(*known, "person", "people");
                self.say(&format!("known    {people}, within {threshold} of the mean"));
            }
            Event::Fetching { model, from } => self.say(&format!("{model}: from {from} …")),
            Event::Note(text) => self.say(text),
            Event::Disk(disk) => self.say(&format!("disk     {}", forecast(disk))),
            _ => {}
        }
    }
}

/// What a phase is, how far, and how long it will still take at the rate so far.
fn phase_line(what: &str, share: f64, seconds: f64) -> String {
    let line = format!("{what}: {:.0} %", 100.0 * share);
    if share <= 0.0 {
        return line;
    }
    let left = (seconds / share * (1.0 - share)).round() as u64;
    let left = match left {
        0..120 => format!("{left} s"),
        120..7200 => format!("{} min", left.div_ceil(60)),
        _ => format!("{} h {} min", left / 3600, left % 3600 / 60),
    };
    format!("{line}, {left} left")
}

fn counts_line(c: &Counts, elapsed: f64) -> String {
    let mut line = String::new();
    if c.frames > 0 {
        let _ = write!(line, "{}, {} kept", count(c.frames, "keyframe", "keyframes"), c.kept());
        let dropped = DropReason::ALL.iter().zip(c.dropped).filter(|(_, n)| *n > 0);
        let parts: Vec<_> = dropped.map(|(r, n)| format!("{n} {}", r.name())).collect();
        if !parts.is_empty() {
            let _ = write!(line, " ({})", parts.join(", "));
        }
        let _ = write!(line, " · ");
    }
    let analyzed = c.embedded.max(c.analyzed);
    line.push_str(&faces(c.faces.max(analyzed)));
    if c.people > 0 {
        let _ = write!(line, " · {} so far", count(c.people, "person", "people"));
    }
    let (done, what) = match c.frames.max(c.searched) {
        0 => (analyzed, "faces"),
        frames => (frames, "frames"),
    };
    let _ = write!(line, " · {:.1} {what}/s", done as f64 / elapsed);
    let stream = c.stream.as_secs_f64() / elapsed;
    if stream > 0.0 {
        let _ = write!(line, " · {stream:.1}x real time");
    }
    if let Some(disk) = c.disk.filter(|disk| disk.measured) {
        let _ = write!(line, " · disk: {}", forecast(&disk));
    }
    line
}

/// What the disk has room for.
pub fn forecast(disk: &DiskUse) -> String {
    let mut said = format!("{} free", Size(disk.free));
    let about = if disk.measured { "" } else { "some " };
    if let Some(per_hour) = disk.per_hour {
        let _ = write!(said, ", {about}{} an hour", Size(per_hour));
    }
    match (disk.needed, disk.full_after) {
        (Some(needed), _) => drop(write!(said, ", {about}{} to the end", Size(needed))),
        (None, Some(after)) => drop(write!(said, ", full after {}", Hours(after))),
        (None, None) => {}
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_says_how_long_it_still_takes() {
        assert_eq!(phase_line("clustering", 0.0, 30.0), "clustering: 0 %");
        assert_eq!(phase_line("clustering", 0.25, 30.0), "clustering: 25 %, 90 s left");
        assert_eq!(phase_line("clustering", 0.5, 600.0), "clustering: 50 %, 10 min left");
        assert_eq!(phase_line("clustering", 0.2, 1800.0), "clustering: 20 %, 2 h 0 min left");
        assert_eq!(phase_line("clustering", 1.0, 1800.0), "clustering: 100 %, 0 s left");
    }
}
