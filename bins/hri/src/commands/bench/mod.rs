//! `hri bench`: speed, memory and quality for growing numbers of people.

mod against;
mod scores;
mod vectors;

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hri::{CompatTree, Index, Settings, Threshold, To};
use serde_json::{Value, json};

use super::{input, labels};
use crate::args::Bench;
use scores::{Identification, scores};
use vectors::{Faces, Random};

pub(crate) fn run(args: &Bench) -> Result<()> {
    if let (Some(people), Some(queries)) = (&args.vectors, &args.against) {
        return against::run(args, people, queries);
    }
    let mut out = std::io::stdout().lock();
    if let Some(path) = &args.vectors {
        let vectors = input::vectors(path)?.vectors;
        let Some(table) = &args.labels else {
            anyhow::bail!(
                "--vectors needs --labels (the person of each vector) or --against (queries to time)"
            )
        };
        let truth = labels::read(table, vectors.len())?;
        // Noise is no one: it can be neither found nor missed.
        let known = || (0..truth.len()).filter(|&row| truth[row] >= 0);
        let rows = known().flat_map(|row| vectors.row(row)).copied().collect();
        let truth = known().map(|row| truth[row]).collect();
        let faces = Faces { dim: vectors.dim().max(1), rows, truth };
        return report(args, &measure(args, &faces)?, &mut out);
    }
    for &people in &args.people {
        let faces = Faces::make(args, people, &mut Random::new(args.seed));
        report(args, &measure(args, &faces)?, &mut out)?;
    }
    Ok(())
}

fn measure(args: &Bench, faces: &Faces) -> Result<Value> {
    let metric = if args.vectors.is_some() { args.metric } else { hri::Metric::Cosine };
    let threshold = Threshold::new(metric, args.threshold)?;
    let settings = Settings::new(faces.dim, threshold)?.keep_vectors(false);
    // Clustering: inserts one by one.
    let mut index = Index::new(settings);
    let mut labels = Vec::with_capacity(faces.len());
    let start = Instant::now();
    for at in 0..faces.len() {
        labels.push(index.insert(faces.row(at), at as u64)?.label as i64);
    }
    let insert = start.elapsed();
    let all = scores(&labels, &faces.truth);
    // The original's tree, on the first vectors.
    let tree_count = args.compat.min(faces.len());
    let mut tree = CompatTree::new(faces.dim, threshold)?;
    let start = Instant::now();
    for at in 0..tree_count {
        tree.insert(faces.row(at))?;
    }
    let tree_insert = start.elapsed();
    let tree_labels: Vec<i64> = tree.labels().iter().map(|&l| l as i64).collect();
    let (by_tree, by_index) = (
        scores(&tree_labels, &faces.truth[..tree_count]),
        scores(&labels[..tree_count], &faces.truth[..tree_count]),
    );
    // Searches in the full index.
    let queries: Vec<&[f32]> = (0..faces.len().min(args.queries)).map(|at| faces.row(at)).collect();
    let mut times = Vec::new();
    let mut found = Vec::new();
    for query in &queries {
        let start = Instant::now();
        found.push(index.search(query)?);
        times.push(start.elapsed());
    }
    // The best of five runs: other programs on the machine only add time.
    let mut batch = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let batch_found = index.search_batch(&faces.rows[..queries.len() * faces.dim])?;
        batch = batch.min(start.elapsed());
        ensure!(
            batch_found == found,
            "a batch and single searches disagree; this is a bug, please report it"
        );
    }
    let flat_count = queries.len().min(200);
    let mut differ = 0;
    let start = Instant::now();
    for (query, found) in queries.iter().zip(&found).take(flat_count) {
        differ += usize::from(index.flat_search(query)? != *found);
    }
    let flat = start.elapsed();
    times.sort_unstable();
    let stats = index.stats();
    let identification = identify(faces, settings)?;
    let thresholds: Vec<Value> = (1..=10)
        .map(|k| {
            let at = args.threshold * f64::from(k) / 5.0;
            let (alarms, misses) = identification.at(at);
            json!({"threshold": at, "false_alarms": alarms, "misses": misses})
        })
        .collect();
    let count = |n: usize| n.max(1) as u32;
    Ok(json!({
        "vectors": faces.len(), "people": stats.people, "dim": faces.dim,
        "bcubed_f": all.bcubed, "pairwise_f": all.pairwise,
        "us_an_insert": micros(insert / count(faces.len())),
        "us_a_match": micros(times.get(times.len() / 2).copied().unwrap_or_default()),
        "us_a_match_together": micros(batch / count(queries.len())),
        "us_flat": micros(flat / count(flat_count)), "differ_from_flat": differ, "flat_asked": flat_count,
        "compat": {
            "vectors": tree_count, "us_an_insert": micros(tree_insert / count(tree_count)),
            "bcubed_f": by_tree.bcubed, "pairwise_f": by_tree.pairwise,
            "bcubed_f_here": by_index.bcubed, "pairwise_f_here": by_index.pairwise,
        },
        "bytes_a_person": stats.people_bytes as f64 / stats.people.max(1) as f64,
        "filter_bytes": stats.filter_bytes, "filter_coordinates": stats.filter_coordinates,
        "filter_trained": stats.filter_trained, "candidates": stats.candidates,
        "rank_1": identification.rank_one(), "known": identification.known.len(),
        "unknown": identification.unknown.len(), "open_set": thresholds,
    }))
}

/// Uses the last vector of each person as a query and enrols the others. A person with one vector is not enrolled.
fn identify(faces: &Faces, settings: Settings) -> Result<Identification> {
    let mut last = HashMap::new();
    let mut counts: HashMap<i64, usize> = HashMap::new();
    for (at, &person) in faces.truth.iter().enumerate() {
        last.insert(person, at);
        *counts.entry(person).or_default() += 1;
    }
    let mut index = Index::new(settings);
    let mut labels = HashMap::new();
    for (at, person) in faces.truth.iter().enumerate().filter(|(at, p)| last[p] != *at) {
        let to = labels.get(person).map_or(To::New, |&label| To::Person(label));
        labels.insert(*person, index.insert_to(faces.row(at), at as u64, to)?.label);
    }
    index.refresh();
    let mut all = Identification::default();
    for (at, person) in faces.truth.iter().enumerate().filter(|(at, p)| last[p] == *at) {
        let Some(nearest) = index.nearest(faces.row(at), 1)?.first().copied() else { continue };
        if counts[person] > 1 {
            all.known.push((nearest.distance, labels.get(person) == Some(&nearest.label)));
        } else {
            all.unknown.push(nearest.distance);
        }
    }
    Ok(all)
}

fn report(args: &Bench, all: &Value, out: &mut impl Write) -> Result<()> {
    if args.json {
        writeln!(out, "{all}")?;
        return Ok(());
    }
    let number = |key: &str| all.pointer(key).and_then(Value::as_f64).unwrap_or(f64::NAN);
    writeln!(
        out,
        "{} people, {} vectors of {} numbers",
        number("/people"),
        number("/vectors"),
        number("/dim")
    )?;
    writeln!(
        out,
        "  search       {:8.1} µs ({:.1} in batches); flat scan {:.1} µs, {} of {} answers differ",
        number("/us_a_match"),
        number("/us_a_match_together"),
        number("/us_flat"),
        number("/differ_from_flat"),
        number("/flat_asked")
    )?;
    writeln!(
        out,
        "  insert       {:8.1} µs; the original's tree {:.1} µs for the first {}",
        number("/us_an_insert"),
        number("/compat/us_an_insert"),
        number("/compat/vectors")
    )?;
    writeln!(
        out,
        "  clustering   F {:.4} (BCubed), {:.4} (pairwise); for the first ones {:.4}, {:.4}, the tree {:.4}, {:.4}",
        number("/bcubed_f"),
        number("/pairwise_f"),
        number("/compat/bcubed_f_here"),
        number("/compat/pairwise_f_here"),
        number("/compat/bcubed_f"),
        number("/compat/pairwise_f")
    )?;
    writeln!(
        out,
        "  memory       {:.0} bytes a person; filter stage 1: {} coordinates, {} bytes and {:.1} candidates a search",
        number("/bytes_a_person"),
        number("/filter_coordinates"),
        number("/filter_bytes"),
        number("/candidates")
    )?;
    writeln!(
        out,
        "  identify     rank-1 {:.4} of {} known; {} unknown",
        number("/rank_1"),
        number("/known"),
        number("/unknown")
    )?;
    writeln!(out, "    threshold  false alarms  misses")?;
    for row in all["open_set"].as_array().into_iter().flatten() {
        let number = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        let (alarms, misses) = (number("false_alarms"), number("misses"));
        writeln!(out, "    {:9.3}  {alarms:12.4}  {misses:6.4}", number("threshold"))?;
    }
    Ok(())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
