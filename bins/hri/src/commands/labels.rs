//! Tables of labels by row: `index,label`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use streamface_eval::read_labels;
use streamface_store::{VectorTable, write_vectors};
use streamface_types::csv_text_back;

/// Whether a file is to be a Parquet file, by its name.
pub(crate) fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet"))
}

/// Writes a table, with a third column if depths are given.
pub(crate) fn write(path: &Path, labels: impl Iterator<Item = i64>, depths: Option<&[u32]>) -> Result<()> {
    if is_parquet(path) {
        ensure!(depths.is_none(), "{}: depths are written as CSV only", path.display());
        let labels: Vec<Option<i64>> = labels.map(Some).collect();
        let ids = (0..labels.len() as u64).collect();
        let mut table = VectorTable::default();
        (table.ids, table.labels) = (Some(ids), Some(labels));
        write_vectors(path, &table)?;
        return Ok(());
    }
    let mut text = String::from(if depths.is_some() { "index,label,depth\n" } else { "index,label\n" });
    for (index, label) in labels.enumerate() {
        let _ = match depths {
            Some(depths) => writeln!(text, "{index},{label},{}", depths[index]),
            None => writeln!(text, "{index},{label}"),
        };
    }
    streamface_store::write_atomic(path, |file| file.write_all(text.as_bytes()))?;
    Ok(())
}

/// Reads a table of `rows` labels, one for each; the indices may be in any order.
pub(crate) fn read(path: &Path, rows: usize) -> Result<Vec<i64>> {
    let of_rows = by_row(path, &read_labels(path)?, rows)?;
    let missing = of_rows.iter().position(Option::is_none);
    let said = || format!("{}: no label for vector {}", path.display(), missing.unwrap_or_default());
    of_rows.into_iter().collect::<Option<_>>().with_context(said)
}

/// Labels by the number of the row, of those that have one.
pub(crate) fn by_row(path: &Path, labels: &BTreeMap<String, i64>, rows: usize) -> Result<Vec<Option<i64>>> {
    let mut of_rows = vec![None; rows];
    for (index, &label) in labels {
        let row = row(index).with_context(|| format!("{}: '{index}' is not an index", path.display()))?;
        let slot = of_rows.get_mut(row).with_context(|| {
            format!("{}: index {row}, but there are only {rows} vectors, counted from 0", path.display())
        })?;
        *slot = Some(label);
    }
    Ok(of_rows)
}

/// The number of a row; also as pandas writes it in a column with gaps, `3.0`.
fn row(text: &str) -> Option<usize> {
    text.strip_suffix(".0").unwrap_or(text).parse().ok()
}

/// Ids of faces in a table of labels by row: its column `face`, if it has one beside `index`.
pub(crate) fn faces(path: &Path, rows: usize) -> Result<Option<Vec<Option<String>>>> {
    let broken = || path.display().to_string();
    let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).with_context(broken)?;
    let column = |header: &csv::StringRecord, name: &str| {
        header.iter().position(|h| h.trim_start_matches('\u{feff}') == name)
    };
    // Another kind of file, such as annotations.json, has no such columns.
    let Ok(header) = csv.headers().cloned() else { return Ok(None) };
    let (Some(index), Some(face)) = (column(&header, "index"), column(&header, "face")) else {
        return Ok(None);
    };
    let mut faces = vec![None; rows];
    for record in csv.records() {
        let record = record.with_context(broken)?;
        let text = record.get(face).map(csv_text_back).filter(|text| !text.is_empty());
        if let Some(slot) = record.get(index).and_then(row).and_then(|row| faces.get_mut(row)) {
            *slot = text.map(str::to_owned);
        }
    }
    Ok(Some(faces))
}
