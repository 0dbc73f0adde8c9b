//! Times queries against given people: one by one, as a batch, and by a flat scan.

use std::time::Instant;

use anyhow::{Result, ensure};
use hri::{Index, Settings, Threshold, To};
use serde_json::json;
use streamface_store::check_outputs;

use super::micros;
use crate::args::Bench;
use crate::commands::{input, labels};

pub(super) fn run(args: &Bench, people: &std::path::Path, queries: &std::path::Path) -> Result<()> {
    let read = [Some(people), Some(queries), args.labels.as_deref()];
    check_outputs(args.out.as_deref(), read.into_iter().flatten())?;
    let people = input::vectors(people)?.vectors;
    let queries = input::vectors(queries)?.vectors;
    ensure!(
        people.dim() == queries.dim() && !people.is_empty(),
        "--vectors and --against must have the same dimension, and --vectors at least one row"
    );
    let threshold = Threshold::new(args.metric, args.threshold)?;
    let mut index = Index::new(Settings::new(people.dim(), threshold)?.keep_vectors(false));
    let start = Instant::now();
    for (at, row) in people.rows().enumerate() {
        index.insert_to(row, at as u64, To::New)?;
    }
    let filled = start.elapsed();
    let start = Instant::now();
    index.refresh();
    let refreshed = start.elapsed();
    let rows: Vec<&[f32]> = queries.rows().take(args.queries).collect();
    // Some queries are not timed, so that caches are warm.
    for row in rows.iter().take(200) {
        index.search(row)?;
    }
    let mut times = Vec::with_capacity(rows.len());
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let start = Instant::now();
        found.push(index.search(row)?);
        times.push(start.elapsed());
    }
    // The best of five runs: other programs on the machine only add time.
    let mut batch = std::time::Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let batch_found = index.search_batch(&queries.as_slice()[..rows.len() * people.dim()])?;
        batch = batch.min(start.elapsed());
        ensure!(
            batch_found == found,
            "a batch and single searches disagree; this is a bug, please report it"
        );
    }
    let flat_queries = rows.len().min(100);
    let start = Instant::now();
    for (row, found) in rows.iter().zip(&found).take(flat_queries) {
        ensure!(
            index.flat_search(row)? == *found,
            "the index and a flat scan disagree; this is a bug, please report it"
        );
    }
    let flat = start.elapsed();
    if let Some(out) = &args.out {
        labels::write(out, found.iter().map(|m| m.map_or(-1, |m| m.label as i64)), None)?;
    }
    let stats = index.stats();
    let (n, count) = (stats.people as f64, rows.len() as u32);
    times.sort_unstable();
    let median = times[times.len() / 2];
    let read = stats.filter_bytes as f64;
    println!(
        "{}",
        json!({
            "people": stats.people, "dim": people.dim(), "queries": rows.len(),
            "matched": found.iter().flatten().count(),
            "us_a_match": micros(times.iter().sum::<std::time::Duration>() / count),
            "us_a_match_median": micros(median),
            "us_a_match_p99": micros(times[times.len() * 99 / 100]),
            "us_a_match_together": micros(batch / count),
            "us_flat_f64": micros(flat / flat_queries as u32),
            "us_a_new_person": micros(filled) / n,
            "ms_refresh": refreshed.as_secs_f64() * 1e3,
            "filter_coordinates": stats.filter_coordinates, "filter_trained": stats.filter_trained,
            "candidates": stats.candidates,
            "filter_bytes": stats.filter_bytes, "gb_a_second": read / median.as_secs_f64() / 1e9,
            "bytes_a_person": stats.people_bytes as f64 / n,
        })
    );
    Ok(())
}
