//! How many merges are expected to be wrong, by threshold and where they are judged one by one.

use streamface_cluster::Merge;
use streamface_eval::merges::{FalseMerges, MergeChances, Settings};
use streamface_eval::study::{Row, Truth, sweep};

use super::judged_merges::{chances, labels, settings};
use super::study_clusterings::labelling;
use super::study_faces::Faces;
use crate::Result;

/// The chances of merges.
pub(super) struct Chances {
    /// Within the reach of a clustering, as that judges them.
    pub(super) within: MergeChances,
    /// Beyond it, where thresholds beyond it are tried.
    beyond: Option<MergeChances>,
    reach: f64,
}

impl Chances {
    /// Of `merges`, which go up to `most`, within a budget.
    pub(super) fn new(faces: &Faces, merges: &[Merge], most: f64, budget: f64) -> Result<Self> {
        let reach = faces.reach().unwrap_or(most);
        let of = |reach: f64| {
            let settings = match &faces.model {
                Some(model) => settings(&model.manifest, reach, budget)?,
                None => Settings { false_merges: budget, ..Settings::new(faces.metric, reach) },
            };
            let merges = &merges[..merges.partition_point(|m| m.distance <= reach)];
            chances(&faces.rows, merges, &faces.constraints, settings)
        };
        Ok(Self { within: of(reach)?, beyond: (most > reach).then(|| of(most)).transpose()?, reach })
    }

    /// The largest threshold within the budget. Where all merges within the reach are, it is in the middle between the last of
    /// these and the next one, so that it is not at the edge of either.
    pub(super) fn threshold(&self, merges: &[Merge]) -> f64 {
        let found = self.within.threshold().threshold;
        let count = merges.partition_point(|m| m.distance <= self.reach);
        let (last, next) = (merges[..count].last(), merges.get(count));
        if let (true, Some(last), Some(next)) = (found >= self.reach, last, next) {
            let middle = (50.0 * (last.distance + next.distance)).round() / 100.0;
            if (last.distance..next.distance).contains(&middle) {
                return middle.min(found);
            }
        }
        found
    }

    /// Wrong merges expected up to each of some thresholds, which ascend. A larger one has no fewer: what was judged at the
    /// recommended one, `by_budget`, holds, and the others follow.
    pub(super) fn up_to(&self, merges: &[Merge], thresholds: &[f64], by_budget: f64) -> Vec<FalseMerges> {
        let mut all: Vec<FalseMerges> = thresholds.iter().map(|&t| self.by_itself(merges, t)).collect();
        let chosen = thresholds.iter().position(|&t| t == by_budget).unwrap_or(0);
        for i in (0..chosen).rev() {
            let next = all[i + 1];
            all[i].expected = all[i].expected.min(next.expected);
            let (low, high) = all[i].interval;
            all[i].interval = (low.min(next.interval.0).min(all[i].expected), high.min(next.interval.1));
        }
        for i in chosen + 1..all.len() {
            all[i].expected = all[i].expected.max(all[i - 1].expected);
            all[i].interval.1 = all[i].interval.1.max(all[i].expected);
        }
        all
    }

    fn by_itself(&self, merges: &[Merge], threshold: f64) -> FalseMerges {
        let chances = if threshold > self.reach { self.beyond.as_ref() } else { None };
        let mut found = chances.unwrap_or(&self.within).up_to(threshold);
        // No more merges can be wrong than there are.
        let all = merges.partition_point(|m| m.distance <= threshold) as f64;
        found.expected = found.expected.min(all);
        found.interval =
            (found.interval.0.min(found.expected), found.interval.1.min(all).max(found.expected));
        found
    }

    /// The clustering by the merges that are believed.
    pub(super) fn judged(
        &self,
        faces: &Faces,
        merges: &[Merge],
        truth: Option<&Truth<'_>>,
        silhouettes: bool,
    ) -> Result<Row> {
        let believed = self.within.within();
        let labels: Vec<i64> =
            labels(faces.rows.len(), merges, &believed).into_iter().map(i64::from).collect();
        let all = (believed.merges.len() - believed.left) as f64;
        let mut rows = sweep(&[labelling(faces, believed.largest, &labels, silhouettes)], truth)?;
        let mut row = rows.remove(0);
        let mut found = self.within.false_merges(&believed.merges);
        found.interval.1 = found.interval.1.min(all).max(found.expected);
        row.false_merges = Some(found);
        Ok(row)
    }
}
