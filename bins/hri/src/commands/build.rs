//! `hri build`.

use std::collections::HashMap;
use std::io::Write;

use anyhow::{Context, Result};
use hri::{Durability, Settings, Store, Threshold, To};
use streamface_store::read_npy;

use super::labels;
use crate::args::Build;

pub(crate) fn run(args: &Build) -> Result<()> {
    let threshold = Threshold::new(args.metric.metric, args.metric.threshold)?;
    let vectors = read_npy(&args.vectors)?;
    let settings = Settings::new(vectors.dim().max(1), threshold)?.keep_vectors(!args.means_only);
    let truth = args.labels.as_ref().map(|path| labels::read(path, vectors.len())).transpose()?;
    // One sync at the end is enough: nothing is reported before it.
    let store = Store::open_or_create(&args.directory, settings)?.durability(Durability::System);
    let mut people = HashMap::new();
    for (at, vector) in vectors.rows().enumerate() {
        let id =
            args.first_id.checked_add(at as u64).context("ids exceed 64 bits; use a smaller --first-id")?;
        let known = truth.as_ref().map(|labels| labels[at]);
        let to = match known {
            None => To::Nearest,
            Some(label) => people.get(&label).map_or(To::New, |&label| To::Person(label)),
        };
        let inserted = store
            .insert_to(vector, id, to)
            .with_context(|| format!("{}, row {at}", args.vectors.display()))?;
        if let Some(label) = known {
            people.insert(label, inserted.label);
        }
    }
    store.sync()?;
    store.snapshot()?;
    let stats = store.stats()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} vectors of {} people in {}", stats.members, stats.people, args.directory.display())?;
    Ok(())
}
