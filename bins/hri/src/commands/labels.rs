//! Tables with the columns `index,label`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Writes a table, with a third column if depths are given.
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

/// Reads a table of `rows` labels; the indices may be in any order.
pub(crate) fn read(path: &Path, rows: usize) -> Result<Vec<i64>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut labels = vec![None; rows];
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line_number = at + 1;
        let location = || format!("{}, line {line_number}", path.display());
        let (index, label) =
            line.trim().split_once(',').with_context(|| format!("{}: expected index,label", location()))?;
        if at == 0 && index.parse::<usize>().is_err() {
            continue;
        }
        let index: usize =
            index.trim().parse().with_context(|| format!("{}: '{index}' is not an index", location()))?;
        let label: i64 =
            label.trim().parse().with_context(|| format!("{}: '{label}' is not a label", location()))?;
        let slot = labels
            .get_mut(index)
            .with_context(|| format!("{}: index {index}, but there are only {rows} vectors", location()))?;
        ensure!(slot.replace(label).is_none(), "{}: index {index} occurs twice", location());
    }
    let missing = labels.iter().position(Option::is_none);
    labels
        .into_iter()
        .collect::<Option<_>>()
        .with_context(|| format!("{}: no label for vector {}", path.display(), missing.unwrap_or_default()))
}
