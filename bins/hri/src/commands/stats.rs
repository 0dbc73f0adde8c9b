//! `hri stats`.

use std::io::Write;
use std::time::Instant;

use anyhow::Result;
use hri::Index;
use serde_json::{Value, json};

use crate::args::Stats;

pub(crate) fn run(args: &Stats) -> Result<()> {
    let start = Instant::now();
    let (index, recovery) = super::index::load(&args.directory)?;
    let opened = start.elapsed().as_secs_f64();
    let (stats, settings) = (index.stats(), index.settings());
    let sizes: Vec<usize> = index.people().map(|p| p.members).collect();
    let largest = sizes.iter().max().copied().unwrap_or(0);
    let single = sizes.iter().filter(|&&s| s == 1).count();
    let mut out = std::io::stdout().lock();
    if args.json {
        let mut all = json!({
            "metric": settings.threshold().metric().to_string(), "threshold": settings.threshold().value(),
            "dim": settings.dim(), "keeps_vectors": settings.keeps_vectors(),
            "people": stats.people, "members": stats.members, "labels_given": stats.labels,
            "largest_person": largest, "people_with_one_vector": single,
            "people_bytes": stats.people_bytes, "member_bytes": stats.member_bytes,
            "filter_coordinates": stats.filter_coordinates, "filter_trained": stats.filter_trained, "opened_s": opened,
            "replayed": recovery.replayed, "torn_bytes": recovery.torn_bytes,
            "bad_snapshots": recovery.bad_snapshots,
        });
        describe(&mut all, &index);
        writeln!(out, "{all}")?;
        return Ok(());
    }
    let threshold = settings.threshold();
    writeln!(
        out,
        "{} distance, threshold {}, {} numbers a vector",
        threshold.metric(),
        threshold.value(),
        settings.dim()
    )?;
    writeln!(out, "{} vectors of {} people ({} labels given)", stats.members, stats.people, stats.labels)?;
    let named = index.people().filter(|p| index.name(p.label).is_some()).count();
    if named > 0 {
        writeln!(out, "people with a name: {named}")?;
    }
    if index.keys().len() > 0 {
        writeln!(out, "vectors with the id of a face: {}", index.keys().len())?;
    }
    writeln!(out, "largest person: {largest} vectors; people with one vector: {single}")?;
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    writeln!(
        out,
        "memory: people {:.1} MiB, members {:.1} MiB",
        mib(stats.people_bytes),
        mib(stats.member_bytes)
    )?;
    let along = if stats.filter_trained { "trained directions" } else { "the axes" };
    writeln!(out, "filter stage 1: {} coordinates of four bits along {along}", stats.filter_coordinates)?;
    writeln!(out, "opened in {opened:.2} s, {} changes from the log", recovery.replayed)?;
    if recovery.torn_bytes > 0 {
        writeln!(
            out,
            "the log ends with {} bytes of an unfinished change, which are ignored",
            recovery.torn_bytes
        )?;
    }
    for bad in &recovery.bad_snapshots {
        writeln!(out, "damaged snapshot, an older one and its log were used: {bad}")?;
    }
    Ok(())
}

/// What was said of people and vectors when the index was built, where anything was.
fn describe(all: &mut Value, index: &Index) {
    let described = index.people().filter_map(|person| {
        let mut described = super::person_json(person.label, index.info(person.label)?);
        described["members"] = person.members.into();
        Some(described)
    });
    let described: Vec<Value> = described.collect();
    if !described.is_empty() {
        all["mapping"] = described.into();
    }
    if index.keys().len() > 0 {
        all["faces"] = index.keys().len().into();
    }
}
