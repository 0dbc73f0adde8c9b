//! `hri build`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use hri::{Batch, Index, KnownPerson, PersonInfo, Settings, Store, Threshold};
use serde_json::json;

use super::input::{self, Input, Labels};
use crate::args::Build;

/// Lines of the mapping that are printed; the rest `hri stats` has.
const SHOWN: usize = 20;

/// What is inserted, and what is left out.
#[derive(Default)]
struct Plan {
    /// Rows of the input, in the order in which they are inserted.
    rows: Vec<usize>,
    ids: Vec<u64>,
    keys: Vec<Option<String>>,
    people: Vec<KnownPerson>,
    /// The person of each inserted vector.
    of: Vec<usize>,
    noise: usize,
    unlabelled: usize,
    /// Faces that the index has already.
    known: usize,
}

pub(crate) fn run(args: &Build) -> Result<()> {
    let input = input::read(args.vectors.as_ref(), args.dataset.as_ref(), args.labels.as_deref())?;
    let settings = settings(args, &input)?;
    let (done, plan) = Store::build(&args.directory, settings, |store| fill(args, &input, store))?;
    report(args, &input, &plan, &done)
}

/// The settings of the index that is there, of the model of a dataset, or as the flags say.
fn settings(args: &Build, input: &Input) -> Result<Settings> {
    let there = Store::settings_of(&args.directory)?;
    let metric =
        args.metric.or(there.map(|s| s.threshold().metric())).or(input.of_model.0).unwrap_or_default();
    let threshold = args.threshold.or(there.map(|s| s.threshold().value())).or(input.of_model.1);
    let Some(threshold) = threshold else {
        bail!(
            "a new index needs --threshold, the largest distance at which a vector matches a person's mean; it depends on \
             the model (0.5 for the default one)"
        );
    };
    let threshold = Threshold::new(metric, threshold)?;
    let keeps = there.map_or(!args.means_only, |s| s.keeps_vectors() && !args.means_only);
    Ok(Settings::new(input.vectors.dim().max(1), threshold)?.keep_vectors(keeps))
}

fn fill(args: &Build, input: &Input, store: &Store) -> Result<(Done, Plan)> {
    let (plan, first_label) = {
        let index = store.read()?;
        (plan(args, input, &index)?, index.stats().labels)
    };
    let rows: Cow<'_, [f32]> = if plan.rows.iter().copied().eq(0..input.vectors.len()) {
        input.vectors.as_slice().into()
    } else {
        plan.rows.iter().flat_map(|&row| input.vectors.row(row)).copied().collect()
    };
    let mut batch = Batch::new(&rows, &plan.ids).keys(&plan.keys);
    if input.people.is_some() {
        batch = batch.people(&plan.people, &plan.of);
    }
    store.insert_all(&batch).map_err(|error| named(error, input, &plan))?;
    let index = store.read()?;
    let new = index.people().filter(|p| p.label >= first_label);
    let mapping = new.filter_map(|p| Some((p.label, index.info(p.label)?.clone()))).collect();
    let stats = index.stats();
    Ok((Done { vectors: stats.members, people: stats.people, mapping }, plan))
}

/// An error of the batch with the row of the input, which is another where rows were left out or sorted.
fn named(error: hri::Error, input: &Input, plan: &Plan) -> anyhow::Error {
    let (error, row) = match error {
        hri::Error::NotFinite { row, at } => {
            (hri::Error::NotFinite { row: plan.rows[row], at }, Some(plan.rows[row]))
        }
        hri::Error::ZeroVector { row } => {
            (hri::Error::ZeroVector { row: plan.rows[row] }, Some(plan.rows[row]))
        }
        hri::Error::DuplicateId { id } => {
            let at = plan.ids.iter().rposition(|&own| own == id);
            (error, at.map(|at| plan.rows[at]))
        }
        other => (other, None),
    };
    let row = row.map(|row| format!(", row {row}")).unwrap_or_default();
    anyhow::Error::new(error).context(format!("{}{row}", input.name))
}

/// What came of it.
struct Done {
    vectors: usize,
    people: usize,
    /// New people, and what the input calls them.
    mapping: Vec<(hri::Label, PersonInfo)>,
}

fn plan(args: &Build, input: &Input, index: &Index) -> Result<Plan> {
    let there: HashSet<&str> = index.keys().map(|(_, key)| key).collect();
    let key = |row: usize| input.faces.as_ref().and_then(|faces| faces[row].as_deref());
    let first = first_id(args, input, index)?;
    let mut plan = Plan::default();
    let mut rows = Vec::new();
    for row in 0..input.vectors.len() {
        let label = input.people.as_ref().map(|people| people.of_rows[row]);
        match label {
            // Whoever gives ids wants these vectors in.
            _ if args.first_id.is_none() && key(row).is_some_and(|key| there.contains(key)) => {
                plan.known += 1;
            }
            Some(None) => plan.unlabelled += 1,
            Some(Some(label)) if label < 0 => plan.noise += 1,
            _ => rows.push((label.flatten().unwrap_or(0), row)),
        }
    }
    // By number, so that numbers from 0 without gaps stay as they are; within a person in the order of the input.
    rows.sort_unstable();
    let numbers: BTreeMap<i64, usize> = match &input.people {
        Some(people) => known_people(people, &rows, index, &mut plan.people),
        None => BTreeMap::new(),
    };
    for (number, row) in rows {
        let id = first.checked_add(row as u64);
        plan.ids.push(id.context("ids exceed 64 bits; use a smaller --first-id")?);
        plan.keys.push(key(row).map(str::to_owned));
        plan.of.extend(numbers.get(&number));
        plan.rows.push(row);
    }
    Ok(plan)
}

/// The people of the rows in the order of their numbers, and the place of each. One whom the index has by the same name is
/// that person; equal numbers of two inputs mean nothing.
fn known_people(
    people: &Labels,
    rows: &[(i64, usize)],
    index: &Index,
    into: &mut Vec<KnownPerson>,
) -> BTreeMap<i64, usize> {
    let mut places = BTreeMap::new();
    for &(number, _) in rows {
        places.entry(number).or_insert_with(|| {
            let name = people.names.get(&number).cloned();
            let label = name.as_deref().and_then(|name| index.named(name));
            let info = PersonInfo { number: people.numbered.then_some(number), name };
            into.push(KnownPerson { label, info });
            into.len() - 1
        });
    }
    places
}

/// The id of the first row: after all there are for faces, which have ids of their own; else as given, from 0.
fn first_id(args: &Build, input: &Input, index: &Index) -> Result<u64> {
    if input.faces.is_none() || args.first_id.is_some() {
        return Ok(args.first_id.unwrap_or(0));
    }
    let ids = index.people().filter_map(|p| index.members(p.label).ok()).flatten();
    match ids.max() {
        None => Ok(0),
        Some(last) => last.checked_add(1).context("ids exceed 64 bits; use a smaller --first-id"),
    }
}

fn report(args: &Build, input: &Input, plan: &Plan, done: &Done) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let from = input.people.as_ref().map(|people| people.from.as_str());
    if args.json {
        let mapping = done.mapping.iter().map(|(label, info)| super::person_json(*label, info));
        let all = json!({
            "vectors": done.vectors, "people": done.people, "added": plan.rows.len(), "noise": plan.noise,
            "without_label": plan.unlabelled, "without_vector": input.without_vector, "there_already": plan.known, "labels": from,
            "mapping": mapping.collect::<Vec<_>>(),
        });
        writeln!(out, "{all}")?;
        return Ok(());
    }
    let place = args.directory.display();
    writeln!(out, "{} vectors of {} people in {place}", done.vectors, done.people)?;
    if let Some(from) = from {
        writeln!(out, "labels: {from}")?;
    }
    for (count, what) in [
        (plan.noise, "vectors are noise (label -1): of no one, and left out"),
        (input.without_vector, "rows have no vector and were left out"),
        (plan.unlabelled, "vectors have no label and were left out"),
        (plan.known, "faces are in the index already and were passed over"),
    ] {
        if count > 0 {
            writeln!(out, "{count} {what}")?;
        }
    }
    if done.vectors == 0 {
        writeln!(out, "the index is empty: no vector has a label of somebody")?;
    }
    write_mapping(&mut out, &done.mapping, &args.directory)
}

/// What the input calls the new people, where that is not their label.
fn write_mapping(out: &mut impl Write, mapping: &[(hri::Label, PersonInfo)], place: &Path) -> Result<()> {
    let says = |(label, info): &&(hri::Label, PersonInfo)| match info.number {
        Some(number) => u64::try_from(number) != Ok(*label),
        None => info.name.is_some(),
    };
    if !mapping.iter().any(|one| says(&one)) {
        return Ok(());
    }
    writeln!(out, "people are numbered anew, in the order of their labels:")?;
    for (label, info) in mapping.iter().take(SHOWN) {
        let number = info.number.map(|n| format!(" label {n}")).unwrap_or_default();
        let name = info.name.as_ref().map(|name| format!(" {}", super::plain(name))).unwrap_or_default();
        writeln!(out, "  person {label} is{number}{name}")?;
    }
    let more = mapping.len().saturating_sub(SHOWN);
    if more > 0 {
        writeln!(out, "  and {more} more: hri stats {} --json", place.display())?;
    }
    Ok(())
}
