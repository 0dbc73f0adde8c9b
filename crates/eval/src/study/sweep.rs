//! What a clustering looks like at each threshold.

use std::collections::BTreeMap;

use serde::Serialize;

use super::labelling::{Labelling, Truth};
use super::scored::{Scored, scores};
use crate::Error;
use crate::distributions::sorted_quantile;
use crate::merges::FalseMerges;

/// Sizes of clusters: of so large a share of the clusters the size is at most this.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Sizes {
    /// Mean size.
    pub mean: f64,
    /// A quarter of the clusters.
    pub q25: f64,
    /// Half of them.
    pub median: f64,
    /// Three quarters.
    pub q75: f64,
    /// Nine tenths.
    pub q90: f64,
    /// 99 of 100.
    pub q99: f64,
    /// All.
    pub largest: u64,
}

/// One threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The threshold.
    pub threshold: f64,
    /// Faces in clusters, singletons included; noise is not.
    pub faces: u64,
    /// Faces marked as noise.
    pub noise: u64,
    /// Clusters, singletons included.
    pub clusters: u64,
    /// Clusters of one face.
    pub singletons: u64,
    /// Sizes of all clusters.
    pub sizes: Sizes,
    /// Share of `faces` in clusters of two and more, 0 to 1; 0 without a face.
    pub clustered: f64,
    /// Pairs of faces that are in one cluster.
    pub together: u64,
    /// Mean silhouette, −1 to 1, where it was given.
    pub silhouette: Option<f64>,
    /// Pairwise scores, where true labels were given.
    pub pairwise: Option<Scored>,
    /// BCubed scores, where true labels were given.
    pub bcubed: Option<Scored>,
    /// Clusters of two people expected to be joined; [`sweep`] leaves it out,
    /// [`MergeChances::up_to`](crate::merges::MergeChances::up_to) says it.
    pub false_merges: Option<FalseMerges>,
}

/// F that differs by less is the same.
const SAME_F: f64 = 1e-9;

/// The row with the largest BCubed F, where true labels are known: of several with the same the one nearest to `near`, else
/// the first.
pub(super) fn best(rows: &[Row], near: Option<f64>) -> Option<&Row> {
    let f = |row: &Row| row.bcubed.map(|b| b.value.f);
    let most = rows.iter().filter_map(f).reduce(f64::max)?;
    let away = |row: &Row| near.map_or(0.0, |near| (row.threshold - near).abs());
    let best = rows.iter().filter(|row| f(row).is_some_and(|f| f >= most - SAME_F));
    best.reduce(|best, row| if away(row) < away(best) { row } else { best })
}

/// One row per threshold, ascending.
///
/// ```
/// use streamface_eval::study::{Labelling, sweep};
///
/// let rows = sweep(&[Labelling { threshold: 0.3, labels: &[0, 0, 0, 1, -1], silhouette: Some(0.7) }], None)?;
/// assert_eq!((rows[0].clusters, rows[0].singletons, rows[0].together), (2, 1, 3));
/// assert_eq!(rows[0].clustered, 0.75);
/// # Ok::<(), streamface_eval::Error>(())
/// ```
///
/// Error bars resample whole shots with replacement. A pair of faces counts as often as both shots were
/// drawn, a pair within one shot as often as that shot was: a face never meets a copy of itself, which
/// would pass for a pair put together rightly. O(resamples · faces) at most per threshold, less where
/// shots hold many faces of a cluster.
///
/// # Errors
/// [`Error::Length`] where a list of labels or shots is of another length, [`Error::Setting`] where a
/// threshold, a silhouette or the number of resamples is out of its range.
pub fn sweep(labellings: &[Labelling<'_>], truth: Option<&Truth<'_>>) -> Result<Vec<Row>, Error> {
    let faces = truth.map(|t| t.labels.len()).or(labellings.first().map(|l| l.labels.len()));
    let length = |list, found: usize| match faces {
        Some(expected) if expected != found => Err(Error::Length { list, expected, found }),
        _ => Ok(()),
    };
    if let Some(truth) = truth {
        length("shots", truth.shots.map_or(truth.labels.len(), <[u64]>::len))?;
        if !(100..=10_000).contains(&truth.resamples) {
            let value = truth.resamples as f64;
            return Err(Error::Setting { name: "resamples", value, range: "100 to 10,000" });
        }
    }
    let mut rows = Vec::new();
    for labelling in labellings {
        length("labels", labelling.labels.len())?;
        let value = labelling.threshold;
        if !(value.is_finite() && value >= 0.0) {
            return Err(Error::Setting { name: "threshold", value, range: "a finite number, 0 or more" });
        }
        if let Some(value) = labelling.silhouette.filter(|s| !(-1.0..=1.0).contains(s)) {
            return Err(Error::Setting { name: "silhouette", value, range: "-1 to 1" });
        }
        rows.push(row(labelling, truth));
    }
    rows.sort_by(|a, b| a.threshold.total_cmp(&b.threshold));
    Ok(rows)
}

fn row(labelling: &Labelling<'_>, truth: Option<&Truth<'_>>) -> Row {
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    for &label in labelling.labels.iter().filter(|l| **l >= 0) {
        *counts.entry(label).or_default() += 1;
    }
    let mut sorted: Vec<u64> = counts.into_values().collect();
    sorted.sort_unstable();
    let faces: u64 = sorted.iter().sum();
    let clusters = sorted.len() as u64;
    let singletons = sorted.partition_point(|&n| n < 2) as u64;
    let as_floats: Vec<f64> = sorted.iter().map(|&n| n as f64).collect();
    let at = |share| sorted_quantile(&as_floats, share);
    let scores = truth.map(|t| scores(labelling.labels, t));
    Row {
        threshold: labelling.threshold,
        faces,
        noise: labelling.labels.len() as u64 - faces,
        clusters,
        singletons,
        sizes: Sizes {
            mean: if clusters == 0 { 0.0 } else { faces as f64 / clusters as f64 },
            q25: at(0.25),
            median: at(0.5),
            q75: at(0.75),
            q90: at(0.9),
            q99: at(0.99),
            largest: sorted.last().copied().unwrap_or(0),
        },
        clustered: if faces == 0 { 0.0 } else { (faces - singletons) as f64 / faces as f64 },
        together: sorted.iter().map(|&n| n * (n - 1) / 2).sum(),
        silhouette: labelling.silhouette,
        pairwise: scores.map(|s| s.0),
        bcubed: scores.map(|s| s.1),
        false_merges: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_known_clusters() {
        // Sizes 1, 1, 2, 4 and two of noise; quantiles as numpy.quantile gives them.
        let labels = [5, 0, 0, 7, 2, 2, 2, 2, -1, -3];
        let two = [
            Labelling { threshold: 0.4, labels: &[0; 10], silhouette: None },
            Labelling { threshold: 0.2, labels: &labels, silhouette: Some(-0.5) },
        ];
        let rows = sweep(&two, None).unwrap();
        let row = &rows[0];
        assert_eq!((row.threshold, row.silhouette, row.pairwise), (0.2, Some(-0.5), None));
        assert_eq!((row.faces, row.noise, row.clusters, row.singletons, row.together), (8, 2, 4, 2, 7));
        let sizes = Sizes {
            mean: 2.0,
            q25: 1.0,
            median: 1.5,
            q75: 2.5,
            q90: row.sizes.q90,
            q99: row.sizes.q99,
            largest: 4,
        };
        assert_eq!(row.sizes, sizes);
        assert!((row.sizes.q90 - 3.4).abs() < 1e-12 && row.clustered == 0.75);
        assert_eq!((rows[1].clusters, rows[1].together), (1, 45));
    }

    #[test]
    fn bad_input_is_named() {
        let of = |threshold, silhouette| [Labelling { threshold, labels: &[0, 1], silhouette }];
        assert!(matches!(sweep(&of(f64::NAN, None), None), Err(Error::Setting { name: "threshold", .. })));
        assert!(matches!(sweep(&of(-0.1, None), None), Err(Error::Setting { name: "threshold", .. })));
        assert!(matches!(sweep(&of(0.1, Some(1.1)), None), Err(Error::Setting { name: "silhouette", .. })));
        let truth = |labels, shots, resamples| Truth { labels, shots, resamples, seed: 1 };
        let with = |truth: &Truth<'_>| sweep(&of(0.1, None), Some(truth)).unwrap_err().to_string();
        assert!(with(&truth(&[Some(0), None, Some(2)], None, 100)).contains("2 labels where 3"));
        assert!(with(&truth(&[None; 2], Some(&[0]), 100)).contains("1 shots where 2"));
        assert!(with(&truth(&[None; 2], None, 99)).contains("100 to 10,000"));
        assert_eq!(sweep(&[], None).unwrap(), []);
        let none = sweep(
            &[Labelling { threshold: 0.1, labels: &[], silhouette: None }],
            Some(&truth(&[], None, 100)),
        );
        assert_eq!(none.unwrap()[0].clusters, 0);
    }
}
