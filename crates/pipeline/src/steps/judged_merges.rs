//! Merges of complete linkage judged one by one, where no threshold is given.

use streamface_cluster::{Constraints, Merge, cut};
use streamface_eval::merges::{Believed, Known, MergeChances, Settings};
use streamface_model::{ClusterDistances, Manifest, Spread};
use streamface_types::Embeddings;

use super::labelling::Labelling;
use crate::Result;
use crate::clustering_method::{Clusters, count};

/// Wrong merges that are expected where nothing else is asked for.
pub(super) const FALSE_MERGES: f64 = 0.5;

/// Which merges were believed.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct JudgedMerges {
    /// Number of wrong merges that may be expected.
    pub budget: f64,
    /// Number that is expected.
    pub false_merges: f64,
    /// The largest distance of those that are believed; 0 without any.
    pub largest: f64,
    /// Largest distance of those that were judged.
    pub reach: f64,
    /// Merges that are not believed, and left to the review.
    pub left: usize,
}

/// How merges up to `reach` are judged for a model's embeddings.
///
/// # Errors
/// The model is no embedder.
pub(super) fn settings(model: &Manifest, reach: f64, false_merges: f64) -> Result<Settings> {
    let embedder = model.embedder()?;
    let mut settings = Settings::new(embedder.metric, reach);
    settings.false_merges = false_merges;
    settings.known = embedder.clusters.map(known);
    Ok(settings)
}

fn known(distances: ClusterDistances) -> Known {
    let spread = |s: Spread| (s.mean, s.deviation);
    Known {
        one_person: spread(distances.one_person),
        two_people: spread(distances.two_people),
        people: distances.people.into(),
    }
}

/// The chances of merges of complete linkage.
///
/// # Errors
/// Those of [`MergeChances`].
pub(super) fn chances(
    vectors: &Embeddings,
    merges: &[Merge],
    constraints: &Constraints,
    settings: Settings,
) -> Result<MergeChances> {
    let merges = merges.iter().map(|m| (m.a, m.b, m.distance)).collect();
    Ok(MergeChances::new(vectors, merges, constraints.cannot_links(), settings)?)
}

/// The clusters that the believed ones of all merges make, numbered by first appearance.
pub(super) fn labels(rows: usize, merges: &[Merge], believed: &Believed) -> Vec<u32> {
    let made = merges.iter().zip(&believed.merges).filter(|(_, believed)| **believed);
    let made: Vec<Merge> = made.map(|(merge, _)| *merge).collect();
    cut(rows, &made, f64::INFINITY)
}

/// The clusters that the believed ones of all merges make; all merges are kept, for the next clustering to go on from.
pub(super) fn judge(
    vectors: &Embeddings,
    found: Clusters,
    constraints: &Constraints,
    how: &Labelling,
) -> Result<(Clusters, Option<JudgedMerges>)> {
    let (Some(settings), Some(merges)) = (how.judge, &found.merges) else { return Ok((found, None)) };
    let believed = chances(vectors, merges, constraints, settings)?.within();
    let labels = labels(vectors.len(), merges, &believed);
    let judged = JudgedMerges {
        budget: settings.false_merges,
        false_merges: believed.false_merges,
        largest: believed.largest,
        reach: settings.reach,
        left: believed.left,
    };
    Ok((Clusters { clusters: count(&labels), labels, ..found }, Some(judged)))
}
