//! `hri query`.

use std::io::BufWriter;

use anyhow::{Context, Result};
use hri::{Index, Match};
use streamface_types::csv_text;

use super::{index, input};
use crate::args::Query;

pub(crate) fn run(args: &Query) -> Result<()> {
    let (index, _) = index::load(&args.directory)?;
    let table = input::vectors(&args.vectors)?;
    let vectors = &table.vectors;
    let row = |at: usize| format!("{}, row {at}", args.vectors.display());
    let columns = Columns::new(&index, table.faces.as_deref());
    let mut out = csv::Writer::from_writer(BufWriter::new(std::io::stdout().lock()));
    out.write_record(columns.header())?;
    if let Some(k) = args.nearest {
        for (at, vector) in vectors.rows().enumerate() {
            for found in index.nearest(vector, k).with_context(|| row(at))? {
                out.write_record(columns.record(at, Some(found)))?;
            }
        }
    } else {
        if vectors.dim() != index.settings().dim() && !vectors.is_empty() {
            index.search(vectors.row(0)).with_context(|| row(0))?;
        }
        let found =
            index.search_batch(vectors.as_slice()).with_context(|| args.vectors.display().to_string())?;
        for (at, found) in found.into_iter().enumerate() {
            out.write_record(columns.record(at, found))?;
        }
    }
    out.flush()?;
    Ok(())
}

/// The columns of the result: what the index says of people, and what the queries are called, only where there is any.
struct Columns<'a> {
    index: &'a Index,
    faces: Option<&'a [Option<String>]>,
    numbers: bool,
    names: bool,
}

impl<'a> Columns<'a> {
    fn new(index: &'a Index, faces: Option<&'a [Option<String>]>) -> Self {
        let info = || index.people().filter_map(|p| Some((p.label, index.info(p.label)?)));
        let other = |(label, info): (u64, &hri::PersonInfo)| {
            info.number.is_some_and(|n| u64::try_from(n) != Ok(label))
        };
        Self { index, faces, numbers: info().any(other), names: info().any(|(_, info)| info.name.is_some()) }
    }

    fn header(&self) -> Vec<&'static str> {
        let mut header = vec!["index", "label", "distance"];
        header.extend(self.numbers.then_some("number"));
        header.extend(self.names.then_some("person"));
        header.extend(self.faces.map(|_| "face"));
        header
    }

    fn record(&self, at: usize, found: Option<Match>) -> Vec<String> {
        let info = found.and_then(|m| self.index.info(m.label));
        let text = |text: Option<&str>| text.map(|t| csv_text(t).into_owned()).unwrap_or_default();
        let mut record = vec![at.to_string()];
        record.extend(match found {
            Some(m) => [m.label.to_string(), m.distance.to_string()],
            None => [String::new(), String::new()],
        });
        if self.numbers {
            let number = info.and_then(|info| info.number);
            record.push(number.map(|n| n.to_string()).unwrap_or_default());
        }
        if self.names {
            record.push(text(info.and_then(|info| info.name.as_deref())));
        }
        if let Some(faces) = self.faces {
            record.push(text(faces[at].as_deref()));
        }
        record
    }
}
