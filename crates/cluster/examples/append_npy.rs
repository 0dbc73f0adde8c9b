//! What appending the last rows of a `.npy` matrix costs beside a run from scratch, and whether both give the same:
//! `cargo run --release -p streamface-cluster --example append_npy -- X.npy 0.3 2000 [rows]`

#[path = "../tests/common/mod.rs"]
mod common;

use std::error::Error;
use std::time::Instant;

use streamface_cluster::{
    Constraints, Embeddings, History, Metric, Observer, Settings, append, complete_linkage,
};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, threshold, new, rest @ ..] = &args[..] else {
        return Err("usage: append_npy X.npy THRESHOLD NEW [ROWS]".into());
    };
    let mut rows = common::read_npy(path.as_ref())?;
    let first = |rows: &Embeddings, count: usize| {
        Embeddings::new(rows.as_slice()[..count * rows.dim()].to_vec(), rows.dim())
    };
    if let [most, ..] = rest {
        rows = first(&rows, most.parse::<usize>()?.min(rows.len()))?;
    }
    let old = rows.len().saturating_sub(new.parse()?);
    let settings = Settings::new(Metric::Cosine, threshold.parse()?)?;
    let none = Constraints::default();
    let timed = |what: &str, (start, cpu): (Instant, f64)| {
        let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        println!("{what}: {wall:.3} s, {cpu:.2} s of CPU");
        cpu
    };
    let before = complete_linkage(&first(&rows, old)?, &settings, &none)?;
    let start = (Instant::now(), cpu_seconds());
    let want = complete_linkage(&rows, &settings, &none)?;
    let whole = timed("scratch", start);
    let parts = before.parts.map(|parts| parts.renumbered(&(0..old as u32).collect::<Vec<_>>(), rows.len()));
    let parts = parts.transpose()?;
    let history = History {
        merges: &before.merges,
        threshold: settings.threshold(),
        constraints: &none,
        parts: parts.as_ref(),
    };
    let is_new: Vec<bool> = (0..rows.len()).map(|row| row >= old).collect();
    let start = (Instant::now(), cpu_seconds());
    let got = append(&rows, &history, &is_new, &settings, &none, Observer::none())?;
    let part = timed("append", start);
    println!("{} clusters; append takes {:.2} % of the CPU time", got.clusters, 100.0 * part / whole);
    if got.merges == want.merges && got.labels == want.labels { Ok(()) } else { Err("not the same".into()) }
}

/// Of all threads of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|f| f.parse::<f64>().ok()).sum::<f64>() / 100.0
}
