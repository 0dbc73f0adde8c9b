//! Clusters the rows of a `.npy` matrix and says what it took:
//! `cargo run --release -p streamface-cluster --example cluster_npy -- X.npy 0.3 [labels.csv]`
//!
//! Progress goes to standard error. `benches/peer_fastcluster.py` prints the same line for fastcluster.

#[path = "common/bar.rs"]
mod bar;
#[path = "../tests/common/mod.rs"]
mod common;

use std::error::Error;
use std::time::Instant;

use streamface_cluster::{Constraints, Metric, Observer, Settings, complete_linkage_observed};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, threshold, rest @ ..] = &args[..] else {
        return Err("usage: cluster_npy X.npy THRESHOLD [labels.csv]".into());
    };
    let rows = common::read_npy(path.as_ref())?;
    let settings = Settings::new(Metric::Cosine, threshold.parse()?)?;
    let start = Instant::now();
    let bar = bar::Bar::new();
    let show = |progress| bar.show(progress);
    let people = complete_linkage_observed(&rows, &settings, &Constraints::default(), Observer::new(&show));
    bar.finish();
    let people = people?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "streamface: {seconds:.3} s, peak {} MiB, {} clusters, {} links in {} bands",
        bar::peak_mib().unwrap_or(0),
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
