//! Makes up a million faces of people seen in proportion to 1/k, in 192 numbers, and clusters them:
//! `cargo run --release -p streamface-cluster --example million -- [ROWS [THRESHOLD [MEMORY_MIB]]]`
//!
//! Standard: 1,000,000 rows, 0.5, and 2,048 MiB for links. 20,000 rows take seconds.

#[path = "common/bar.rs"]
mod bar;
#[path = "../tests/common/made_up.rs"]
mod made_up;

use std::error::Error;
use std::time::Instant;

use made_up::Spectrum;
use streamface_cluster::{Constraints, Metric, Observer, Settings, complete_linkage_observed, labels};

const DIMENSIONS: usize = 192;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let get = |at: usize, or: &str| args.get(at).map_or(or, String::as_str).replace(['_', ','], "");
    let rows: usize = get(0, "1000000").parse()?;
    let threshold: f64 = get(1, "0.5").parse()?;
    let memory: u64 = get(2, "2048").parse()?;
    let settings = Settings::new(Metric::Cosine, threshold)?.memory(memory << 20);

    let start = Instant::now();
    let faces = made_up::faces(rows, DIMENSIONS, Spectrum::Real, 1);
    println!("{rows} faces made in {:.1} s", start.elapsed().as_secs_f64());

    let start = Instant::now();
    let bar = bar::Bar::new();
    let show = |progress| bar.show(progress);
    let found = complete_linkage_observed(&faces, &settings, &Constraints::default(), Observer::new(&show));
    bar.finish();
    let (found, seconds) = (found?, start.elapsed().as_secs_f64());
    let largest = labels::by_size(&found.labels).into_iter().filter(|&label| label == 0).count();
    println!(
        "{} people, the largest of {largest} faces; {} links in {} bands; {seconds:.1} s, peak {} MiB",
        found.clusters,
        found.links,
        found.bands,
        bar::peak_mib().unwrap_or(0)
    );
    Ok(())
}
