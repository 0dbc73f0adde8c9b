//! A progress bar on standard error; where that is no terminal, a line at each stage and every ten seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use streamface_cluster::{Progress, Stage};

/// Shows what an [`Observer`](streamface_cluster::Observer) hears.
pub struct Bar {
    bar: ProgressBar,
    shown: Mutex<Option<Shown>>,
}

struct Shown {
    since: Instant,
    whole: f64,
    line: Instant,
}

impl Bar {
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr_with_hz(8));
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {percent:>3} % {msg}") {
            bar.set_style(style);
        }
        Self { bar, shown: Mutex::new(None) }
    }

    pub fn show(&self, progress: Progress) {
        let now = Instant::now();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let new = shown.is_none();
        let own = shown.get_or_insert(Shown { since: now, whole: 0.0, line: now });
        // Threads come by in any order.
        own.whole = own.whole.max(progress.whole);
        let message = message(progress, own.whole, own.since.elapsed().as_secs_f64());
        if !self.bar.is_hidden() {
            self.bar.set_position((own.whole * 1000.0) as u64);
            self.bar.set_message(message);
        } else if new || own.line.elapsed() > Duration::from_secs(10) {
            own.line = now;
            eprintln!("{:>3.0} % {message}", own.whole * 100.0);
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Band, stage and rest.
fn message(p: Progress, whole: f64, seconds: f64) -> String {
    let what = if p.stage == Stage::Join { "join" } else { "link" };
    let left = if whole > 0.0 {
        format!(" · {:.0} s left", seconds / whole * (1.0 - whole))
    } else {
        String::new()
    };
    format!("band {}, beyond {:.3} · {what}{left}", p.band, p.reached)
}

/// Most memory that this process has held, in MiB; none where the system does not tell.
pub fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib / 1024)
}
