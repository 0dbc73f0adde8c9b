//! Tables `index,label`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Writes a table; the last column only where there are depths.
pub(crate) fn write(path: &Path, labels: impl Iterator<Item = i64>, depths: Option<&[u32]>) -> Result<()> {
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

/// Reads a table of `rows` labels, in any order of the indices.
pub(crate) fn read(path: &Path, rows: usize) -> Result<Vec<i64>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut labels = vec![None; rows];
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line_number = at + 1;
        let place = || format!("{}, line {line_number}", path.display());
        let (index, label) =
            line.trim().split_once(',').with_context(|| format!("{}: not index,label", place()))?;
        if at == 0 && index.parse::<usize>().is_err() {
            continue;
        }
        let index: usize =
            index.trim().parse().with_context(|| format!("{}: '{index}' is no index", place()))?;
        let label: i64 =
            label.trim().parse().with_context(|| format!("{}: '{label}' is no label", place()))?;
        let slot =
            labels.get_mut(index).with_context(|| format!("{}: {rows} vectors, no {index}", place()))?;
        ensure!(slot.replace(label).is_none(), "{}: index {index} was there before", place());
    }
    let missing = labels.iter().position(Option::is_none);
    labels
        .into_iter()
        .collect::<Option<_>>()
        .with_context(|| format!("{}: no label for vector {}", path.display(), missing.unwrap_or_default()))
}
