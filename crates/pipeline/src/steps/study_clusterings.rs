//! Clusterings of a study: which thresholds are tried, and what comes of each.

use streamface_cluster::{Merge, cut, merge_by_links};
use streamface_eval::intrinsic::silhouette;
use streamface_eval::study::{Labelling, Row, Truth, sweep};
use streamface_kernels::SplitMix64;
use streamface_types::{Embeddings, Metric};

use super::study_chances::Chances;
use super::study_faces::Faces;
use crate::Result;
use crate::settings::StudySettings;

/// Pairs of rows that tell how far two are apart usually.
const SAMPLED_PAIRS: usize = 4_000;

/// The thresholds asked for; by default from 0.1 to 0.9, where two people's faces are about 1 apart.
pub(super) fn tried(faces: &Faces, wanted: &StudySettings) -> Vec<f64> {
    if let Some(given) = &wanted.thresholds {
        return given.all().to_vec();
    }
    let unit = match faces.metric {
        Metric::Euclidean => usual_distance(&faces.rows, faces.metric),
        _ => 1.0,
    };
    (2..=18).map(|k| rounded(f64::from(k) * 0.05 * unit)).collect()
}

/// The median distance of two rows, to two digits; 1 where most are equal.
fn usual_distance(rows: &Embeddings, metric: Metric) -> f64 {
    let mut random = SplitMix64::new(1);
    let mut row = || random.below(rows.len());
    let pairs = (0..SAMPLED_PAIRS).map(|_| (row(), row())).filter(|(a, b)| a != b);
    let mut distances: Vec<f64> = pairs.map(|(a, b)| metric.distance(rows.row(a), rows.row(b))).collect();
    distances.sort_unstable_by(f64::total_cmp);
    let median = distances.get(distances.len() / 2).copied().filter(|d| *d > 0.0 && d.is_finite());
    median.map_or(1.0, |d| {
        let unit = 10_f64.powi(d.log10().floor() as i32 - 1);
        (d / unit).round() * unit
    })
}

/// Without the digits that a product of decimals brings.
fn rounded(threshold: f64) -> f64 {
    format!("{threshold:.6e}").parse().unwrap_or(threshold)
}

/// The thresholds asked for, the recommended one and that in use, ascending.
pub(super) fn with_others(tried: &[f64], by_budget: f64, in_use: Option<f64>) -> Vec<f64> {
    let mut all = tried.to_vec();
    all.push(by_budget);
    all.extend(in_use);
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    all
}

/// A clustering at each threshold, with how many false merges are expected there.
pub(super) fn clusterings(
    faces: &Faces,
    merges: &[Merge],
    thresholds: &[f64],
    truth: Option<&Truth<'_>>,
    silhouettes: bool,
    (chances, by_budget): (&Chances, f64),
) -> Result<Vec<Row>> {
    let labels: Vec<Vec<i64>> = thresholds.iter().map(|&t| cut_at(faces, merges, t)).collect();
    let labellings: Vec<Labelling<'_>> = thresholds
        .iter()
        .zip(&labels)
        .map(|(&threshold, labels)| labelling(faces, threshold, labels, silhouettes))
        .collect();
    let mut rows = sweep(&labellings, truth)?;
    for (row, found) in rows.iter_mut().zip(chances.up_to(merges, thresholds, by_budget)) {
        row.false_merges = Some(found);
    }
    Ok(rows)
}

pub(super) fn cut_at(faces: &Faces, merges: &[Merge], threshold: f64) -> Vec<i64> {
    cut(faces.rows.len(), merges, threshold).into_iter().map(i64::from).collect()
}

pub(super) fn labelling<'a>(
    faces: &Faces,
    threshold: f64,
    labels: &'a [i64],
    silhouettes: bool,
) -> Labelling<'a> {
    let of = silhouettes.then(|| silhouette(&faces.rows, labels, faces.metric).ok()).flatten();
    Labelling { threshold, labels, silhouette: of.map(|s| s.mean) }
}

/// Who is who, roughly: clusters at a threshold, joined where they are linked.
pub(super) fn people(faces: &Faces, merges: &[Merge], threshold: f64) -> Result<Vec<u32>> {
    let labels = cut(faces.rows.len(), merges, threshold);
    let Some(model) = &faces.model else { return Ok(labels) };
    let merging = model.manifest.embedder()?.merging_threshold;
    Ok(merge_by_links(&faces.rows, faces.metric, &labels, &faces.same, merging, &faces.constraints)?)
}
