//! `hri export`.

use std::io::Write;

use anyhow::{Context, Result, bail};
use hri::Index;
use streamface_store::{VectorTable, check_beside, write_atomic, write_vectors};
use streamface_types::{Embeddings, csv_text};

use crate::args::Export;

pub(crate) fn run(args: &Export) -> Result<()> {
    let (index, _) = super::index::load(&args.directory)?;
    let mut table = table(&index)?;
    let rows = table.ids.as_ref().map_or(0, Vec::len);
    let extension = args.out.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    match extension.as_deref() {
        Some("csv") => write_csv(&args.out, &table)?,
        Some("npy" | "parquet") => {
            if extension.as_deref() == Some("npy") {
                // The index itself is no file that could be named, so only this is in danger.
                check_beside(&args.out, &args.out.with_extension("csv"))?;
            }
            table.vectors = vectors(&index, &table).context("use a .csv file for labels alone")?;
            write_vectors(&args.out, &table)?;
        }
        _ => bail!("{}: the name must end in .csv, .npy or .parquet", args.out.display()),
    }
    let people = index.people_count();
    writeln!(std::io::stdout().lock(), "{rows} vectors of {people} people to {}", args.out.display())?;
    Ok(())
}

/// All members, person by person.
fn table(index: &Index) -> Result<VectorTable> {
    let mut table = VectorTable::default();
    let (mut ids, mut faces, mut labels, mut people) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for person in index.people() {
        for id in index.members(person.label)? {
            ids.push(id);
            faces.push(index.key(id).map(str::to_owned));
            labels.push(i64::try_from(person.label).ok());
            people.push(index.name(person.label).map(str::to_owned));
        }
    }
    table.ids = Some(ids);
    table.labels = Some(labels);
    table.faces = faces.iter().any(Option::is_some).then_some(faces);
    table.people = people.iter().any(Option::is_some).then_some(people);
    Ok(table)
}

fn vectors(index: &Index, table: &VectorTable) -> Result<Embeddings> {
    let mut numbers = Vec::new();
    for &id in table.ids.iter().flatten() {
        numbers.extend_from_slice(index.vector(id)?);
    }
    Ok(Embeddings::new(numbers, index.settings().dim())?)
}

/// `name,label,person,id`, as all commands that take labels read it; the name of a vector without a face is its id.
fn write_csv(path: &std::path::Path, table: &VectorTable) -> Result<()> {
    let text = |list: &Option<Vec<Option<String>>>, row: usize| -> Option<String> {
        list.as_ref()?[row].as_deref().map(|text| csv_text(text).into_owned())
    };
    write_atomic(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(["name", "label", "person", "id"])?;
        for (row, id) in table.ids.iter().flatten().enumerate() {
            let name = text(&table.faces, row).unwrap_or_else(|| id.to_string());
            let label = table.labels.as_ref().and_then(|l| l[row]).map(|l| l.to_string()).unwrap_or_default();
            let person = text(&table.people, row).unwrap_or_default();
            csv.write_record([name, label, person, id.to_string()])?;
        }
        csv.flush()
    })?;
    Ok(())
}
