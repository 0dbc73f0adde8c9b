//! Clustering of vectors from a `.npy` file, without a dataset.

use std::path::Path;

use streamface_cluster::{Constraints, Settings, complete_linkage};
use streamface_store::{read_npy, write_atomic};
use streamface_types::Metric;

use super::Outcome;

/// Clusters the rows of `vectors` and writes `index,label`, labels numbered by first appearance.
///
/// # Errors
/// What reading, clustering and writing meets.
pub fn cluster_vectors(
    vectors: &Path,
    metric: Metric,
    threshold: f64,
    out: &Path,
    json: bool,
) -> anyhow::Result<Outcome> {
    let rows = read_npy(vectors)?;
    let found = complete_linkage(&rows, &Settings::new(metric, threshold)?, &Constraints::default())?;
    write_atomic(out, |file| {
        use std::io::Write as _;
        writeln!(file, "index,label")?;
        found.labels.iter().enumerate().try_for_each(|(index, label)| writeln!(file, "{index},{label}"))
    })?;
    if json {
        let summary = serde_json::json!({
            "rows": rows.len(), "clusters": found.clusters, "links": found.links, "components": found.components,
            "largest_component": found.largest_component,
        });
        say!("{summary:#}");
    } else {
        say!("{} rows, {} clusters, {} links: {}", rows.len(), found.clusters, found.links, out.display());
    }
    Ok(Outcome::Done)
}
