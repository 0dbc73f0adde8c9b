//! `hri match`.

use std::path::Path;

use anyhow::{Context, Result};
use hri::{CompatTree, Index, Settings, Threshold};
use streamface_store::check_outputs;

use super::{input, labels};
use crate::args::Match;

pub(crate) fn run(args: &Match) -> Result<()> {
    let threshold = Threshold::new(args.metric.metric, args.metric.threshold)?;
    if args.vectors != Path::new("-") {
        check_outputs([args.out.as_path()], [args.vectors.as_path()])?;
    }
    let vectors = input::vectors(&args.vectors)?.vectors;
    let dim = vectors.dim().max(1);
    let row = |row: usize| format!("{}, row {row}", args.vectors.display());
    if args.compat {
        let mut tree = CompatTree::new(dim, threshold)?;
        for (at, vector) in vectors.rows().enumerate() {
            tree.insert(vector).with_context(|| row(at))?;
        }
        let depths = args.depths.then(|| tree.depths());
        return labels::write(&args.out, tree.labels().iter().map(|&l| l as i64), depths.as_deref());
    }
    let mut index = Index::new(Settings::new(dim, threshold)?.keep_vectors(false));
    let mut found = Vec::with_capacity(vectors.len());
    for (at, vector) in vectors.rows().enumerate() {
        found.push(index.insert(vector, at as u64).with_context(|| row(at))?.label as i64);
    }
    labels::write(&args.out, found.into_iter(), None)
}
