//! `hri query`.

use std::io::{BufWriter, Write};

use anyhow::{Context, Result};
use hri::Store;
use streamface_store::read_npy;

use crate::args::Query;

pub(crate) fn run(args: &Query) -> Result<()> {
    let (index, _) = Store::load(&args.directory)?;
    let vectors = read_npy(&args.vectors)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(out, "index,label,distance")?;
    let row = |at: usize| format!("{}, row {at}", args.vectors.display());
    if let Some(k) = args.nearest {
        for (at, vector) in vectors.rows().enumerate() {
            for found in index.nearest(vector, k).with_context(|| row(at))? {
                writeln!(out, "{at},{},{}", found.label, found.distance)?;
            }
        }
    } else {
        if vectors.dim() != index.settings().dim() && !vectors.is_empty() {
            index.search(vectors.row(0)).with_context(|| row(0))?;
        }
        let found =
            index.search_batch(vectors.as_slice()).with_context(|| args.vectors.display().to_string())?;
        for (at, found) in found.into_iter().enumerate() {
            match found {
                Some(found) => writeln!(out, "{at},{},{}", found.label, found.distance)?,
                None => writeln!(out, "{at},,")?,
            }
        }
    }
    out.flush()?;
    Ok(())
}
