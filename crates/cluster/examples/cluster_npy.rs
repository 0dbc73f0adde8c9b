//! Clusters the rows of a `.npy` matrix and says what it took:
//! `cargo run --release -p streamface-cluster --example cluster_npy -- X.npy 0.3 [labels.csv]`
//!
//! `benches/peer_fastcluster.py` prints the same line for fastcluster.

#[path = "../tests/common/mod.rs"]
mod common;

use std::error::Error;
use std::time::Instant;

use streamface_cluster::{Constraints, Metric, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, threshold, rest @ ..] = &args[..] else {
        return Err("usage: cluster_npy X.npy THRESHOLD [labels.csv]".into());
    };
    let rows = common::read_npy(path.as_ref())?;
    let settings = Settings::new(Metric::Cosine, threshold.parse()?)?;
    let start = Instant::now();
    let log = std::env::var_os("VERBOSE").is_some();
    let listen = |p: streamface_cluster::Progress| {
        if log && (p.done == 0 || p.done == p.total) {
            eprintln!("{:.3} {:?}", start.elapsed().as_secs_f64(), p);
        }
    };
    let people = streamface_cluster::complete_linkage_observed(
        &rows,
        &settings,
        &Constraints::default(),
        streamface_cluster::Observer::new(&listen),
    )?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "streamface: {seconds:.3} s, peak {} MiB, {} clusters, {} links in {} bands",
        peak_mib().unwrap_or(0),
        people.clusters,
        people.links,
        people.bands,
    );
    if let [out, ..] = rest {
        let lines = people.labels.iter().enumerate().map(|(i, l)| format!("{i},{l}\n"));
        std::fs::write(out, format!("index,label\n{}", lines.collect::<String>()))?;
    }
    Ok(())
}

/// Most memory this process has held.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib / 1024)
}
