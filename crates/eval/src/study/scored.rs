//! Pairwise and BCubed scores with error bars.

use std::collections::BTreeMap;

use serde::Serialize;

use super::labelling::Truth;
use super::rates::resample;
use crate::distributions::{quantile, sorted_quantile};
use crate::{Contingency, Pairs, Prf, metrics::bcubed};

/// From where to where a value lies with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// Precision, recall and F, each with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scored {
    /// The values.
    pub value: Prf,
    /// 95 % interval of the precision.
    pub precision: Interval,
    /// 95 % interval of the recall.
    pub recall: Interval,
    /// 95 % interval of F.
    pub f: Interval,
}

/// Faces of one shot in one cell of the contingency table.
struct Part {
    shot: usize,
    cell: usize,
    truth: usize,
    label: usize,
    faces: f64,
    /// Faces of the shot in the whole true cluster, and in the whole predicted one.
    of_truth: f64,
    of_label: f64,
}

/// Faces of one shot in one cluster.
struct Share {
    shot: usize,
    faces: f64,
}

/// The contingency table cut by shot: all that a resample needs, no larger than the number of faces.
struct Table {
    parts: Vec<Part>,
    truth: Vec<Share>,
    label: Vec<Share>,
    cells: usize,
    truths: usize,
    labels: usize,
    shots: usize,
}

impl Table {
    fn new(truth: &[i64], labels: &[i64], shots: Option<&[u64]>) -> Self {
        let shots = match shots {
            Some(shots) => ranks(shots),
            None => (0..truth.len()).collect(),
        };
        let (truth, label) = (ranks(truth), ranks(labels));
        let mut faces: Vec<(usize, usize, usize)> =
            truth.iter().zip(&label).zip(&shots).map(|((&t, &l), &s)| (t, l, s)).collect();
        faces.sort_unstable();
        let shares = |clusters: &[usize]| {
            let mut counts: BTreeMap<(usize, usize), f64> = BTreeMap::new();
            for (&cluster, &shot) in clusters.iter().zip(&shots) {
                *counts.entry((cluster, shot)).or_default() += 1.0;
            }
            counts
        };
        let (of_truth, of_label) = (shares(&truth), shares(&label));
        let (mut parts, mut cells) = (Vec::new(), 0);
        for cell in faces.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            for part in cell.chunk_by(|a, b| a.2 == b.2) {
                let (truth, label, shot) = part[0];
                parts.push(Part {
                    shot,
                    cell: cells,
                    truth,
                    label,
                    faces: part.len() as f64,
                    of_truth: of_truth[&(truth, shot)],
                    of_label: of_label[&(label, shot)],
                });
            }
            cells += 1;
        }
        let list = |counts: BTreeMap<(usize, usize), f64>| -> Vec<Share> {
            counts.into_iter().map(|((_, shot), faces)| Share { shot, faces }).collect()
        };
        let count = |ranks: &[usize]| ranks.iter().max().map_or(0, |m| m + 1);
        Self {
            parts,
            truth: list(of_truth),
            label: list(of_label),
            cells,
            truths: count(&truth),
            labels: count(&label),
            shots: count(&shots),
        }
    }

    /// Pairwise and BCubed scores where each shot counts `weights` times.
    fn measure(&self, weights: &[u32]) -> (Prf, Prf) {
        let weight = |shot: usize| f64::from(weights[shot]);
        let (mut in_cell, mut in_truth, mut in_label) =
            (vec![0.0; self.cells], vec![0.0; self.truths], vec![0.0; self.labels]);
        for p in &self.parts {
            let faces = weight(p.shot) * p.faces;
            in_cell[p.cell] += faces;
            in_truth[p.truth] += faces;
            in_label[p.label] += faces;
        }
        let both = pairs(&in_cell, self.parts.iter().map(|p| (weight(p.shot), p.faces)));
        let of =
            |sizes: &[f64], shares: &[Share]| pairs(sizes, shares.iter().map(|s| (weight(s.shot), s.faces)));
        let share = |part: f64, of: f64| if of > 0.0 { part / of } else { 1.0 };
        let pairwise =
            Prf::new(share(both, of(&in_label, &self.label)), share(both, of(&in_truth, &self.truth)));

        let (mut all, mut precision, mut recall) = (0.0, 0.0, 0.0);
        for p in self.parts.iter().filter(|p| weights[p.shot] > 0) {
            let w = weight(p.shot);
            // In its own shot a face meets each other once, whatever the weight.
            let once = |of_all: f64, own: f64| of_all - w * own + own;
            let met = once(in_cell[p.cell], p.faces);
            precision += w * p.faces * met / once(in_label[p.label], p.of_label);
            recall += w * p.faces * met / once(in_truth[p.truth], p.of_truth);
            all += w * p.faces;
        }
        (pairwise, Prf::new(share(precision, all), share(recall, all)))
    }
}

/// Twice the pairs in clusters of these weighted `sizes`, made up of (weight, faces) by shot: weights
/// multiply between two shots, and count once within one.
fn pairs(sizes: &[f64], parts: impl Iterator<Item = (f64, f64)>) -> f64 {
    let squares: f64 = sizes.iter().map(|n| n * n).sum();
    squares + parts.map(|(w, n)| w * n * (n - 1.0) - w * w * n * n).sum::<f64>()
}

/// Each value's place among the different ones.
fn ranks<T: Ord + Copy>(values: &[T]) -> Vec<usize> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    values.iter().map(|v| sorted.partition_point(|s| s < v)).collect()
}

/// Pairwise and BCubed scores of `labels`, as many as `truth` has, over the faces whose true label is known.
pub(super) fn scores(labels: &[i64], truth: &Truth<'_>) -> (Scored, Scored) {
    let known = |row: &usize| truth.labels[*row].is_some();
    let rows: Vec<usize> = (0..labels.len()).filter(known).collect();
    let people: Vec<i64> = truth.labels.iter().flatten().copied().collect();
    let labels: Vec<i64> = rows.iter().map(|&row| labels[row]).collect();
    let shots: Option<Vec<u64>> = truth.shots.map(|shots| rows.iter().map(|&row| shots[row]).collect());
    let cut = Table::new(&people, &labels, shots.as_deref());
    let drawn = resample(cut.shots, truth.resamples, truth.seed, |weights| cut.measure(weights));
    let table = Contingency::new(people.into_iter().zip(labels));
    let scored = |value: Prf, of: fn(&(Prf, Prf)) -> Prf| {
        let interval = |pick: fn(Prf) -> f64| {
            let mut values: Vec<f64> = drawn.iter().map(|d| pick(of(d))).collect();
            // With fewer different shots a resample's scores are not quite those of the whole: that bias is
            // known, and taken off.
            let bias = values.iter().sum::<f64>() / values.len() as f64 - pick(value);
            let at = |q: f64| (q - bias).clamp(0.0, 1.0);
            Interval { lower: at(quantile(&mut values, 0.025)), upper: at(sorted_quantile(&values, 0.975)) }
        };
        Scored {
            value,
            precision: interval(|p| p.precision),
            recall: interval(|p| p.recall),
            f: interval(|p| p.f),
        }
    };
    (scored(Pairs::new(&table).prf(), |d| d.0), scored(bcubed(&table), |d| d.1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::random::stream;

    use super::*;

    /// The same by its definition, over all pairs.
    fn slow(truth: &[i64], labels: &[i64], shots: &[u64], weights: &[u32]) -> (Prf, Prf) {
        let rank = ranks(shots);
        let w = |i: usize| f64::from(weights[rank[i]]);
        let meet = |i: usize, j: usize| if shots[i] == shots[j] { 1.0 } else { w(j) };
        let share = |part: f64, of: f64| if of > 0.0 { part / of } else { 1.0 };
        let (mut both, mut of_truth, mut of_label) = (0.0, 0.0, 0.0);
        let (mut precision, mut recall, mut all) = (0.0, 0.0, 0.0);
        for i in 0..truth.len() {
            let (mut b, mut t, mut l) = (0.0, 0.0, 0.0);
            for j in 0..truth.len() {
                let (same_truth, same_label) = (truth[i] == truth[j], labels[i] == labels[j]);
                let here = meet(i, j);
                b += if same_truth && same_label { here } else { 0.0 };
                t += if same_truth { here } else { 0.0 };
                l += if same_label { here } else { 0.0 };
            }
            if w(i) > 0.0 {
                precision += w(i) * b / l;
                recall += w(i) * b / t;
                all += w(i);
                both += w(i) * (b - 1.0);
                of_truth += w(i) * (t - 1.0);
                of_label += w(i) * (l - 1.0);
            }
        }
        (
            Prf::new(share(both, of_label), share(both, of_truth)),
            Prf::new(share(precision, all), share(recall, all)),
        )
    }

    fn close(a: Prf, b: Prf) -> bool {
        let near = |x: f64, y: f64| (x - y).abs() < 1e-9;
        near(a.precision, b.precision) && near(a.recall, b.recall) && near(a.f, b.f)
    }

    proptest! {
        #[test]
        fn weighted_scores_are_those_of_all_pairs(
            faces in prop::collection::vec((-1..4i64, -1..4i64, 0..6u64), 1..40),
            seed in 0..1000u64,
        ) {
            let truth: Vec<_> = faces.iter().map(|f| f.0).collect();
            let labels: Vec<_> = faces.iter().map(|f| f.1).collect();
            let shots: Vec<_> = faces.iter().map(|f| f.2).collect();
            let table = Table::new(&truth, &labels, Some(&shots));
            let mut weights = vec![1; table.shots];
            // Each shot once is the plain score.
            let plain = Contingency::new(truth.iter().copied().zip(labels.iter().copied()));
            let (pairwise, cubed) = table.measure(&weights);
            prop_assert!(close(pairwise, Pairs::new(&plain).prf()) && close(cubed, bcubed(&plain)));
            crate::random::resample(&mut stream(seed, 0), &mut weights);
            let (fast, slow) = (table.measure(&weights), slow(&truth, &labels, &shots, &weights));
            prop_assert!(close(fast.0, slow.0) && close(fast.1, slow.1), "{:?} {:?}", fast, slow);
        }
    }

    /// A random clustering of `shots` shots of four faces of one person of ten; each shot is put into the
    /// wrong cluster with chance 0.2.
    fn noisy(shots: u64, seed: u64) -> (Vec<i64>, Vec<i64>, Vec<u64>) {
        let mut random = stream(seed, 9);
        let (mut truth, mut labels, mut of) = (Vec::new(), Vec::new(), Vec::new());
        for shot in 0..shots {
            let person = random.below(10) as i64;
            let label = if random.below(5) == 0 { random.below(10) as i64 } else { person };
            for _ in 0..4 {
                truth.push(person);
                labels.push(label);
                of.push(shot);
            }
        }
        (truth, labels, of)
    }

    /// Faces of no known person change nothing, wherever they were put.
    #[test]
    fn what_is_not_known_is_left_out() {
        let (truth, labels, shots) = noisy(50, 3);
        let known: Vec<Option<i64>> = truth.into_iter().map(Some).collect();
        let of = |known: &[Option<i64>], labels: &[i64], shots: &[u64]| {
            scores(labels, &Truth { labels: known, shots: Some(shots), resamples: 100, seed: 1 })
        };
        let without = of(&known, &labels, &shots);
        let (mut more, mut put, mut of_shots) = (known, labels, shots);
        for at in (0..200).step_by(3) {
            more.insert(at, None);
            put.insert(at, at as i64 % 4);
            of_shots.insert(at, at as u64 % 50);
        }
        assert_eq!(of(&more, &put, &of_shots), without);
    }

    #[test]
    fn intervals_by_shot_hold_what_they_should() {
        // Large enough to be the truth.
        let (truth, labels, _) = noisy(200_000, 1);
        let table = Contingency::new(truth.iter().copied().zip(labels.iter().copied()));
        let expected = (Pairs::new(&table).prf().f, bcubed(&table).f);
        let (mut by_shot, mut by_face) = ([0, 0], 0);
        for seed in 0..200 {
            let (truth, labels, shots) = noisy(150, 100 + seed);
            let truth: Vec<Option<i64>> = truth.into_iter().map(Some).collect();
            let with = |shots| scores(&labels, &Truth { labels: &truth, shots, resamples: 300, seed });
            let (pairwise, cubed) = with(Some(&shots));
            by_shot[0] += u32::from(pairwise.f.lower <= expected.0 && expected.0 <= pairwise.f.upper);
            by_shot[1] += u32::from(cubed.f.lower <= expected.1 && expected.1 <= cubed.f.upper);
            let (alone, _) = with(None);
            by_face += u32::from(alone.f.lower <= expected.0 && expected.0 <= alone.f.upper);
        }
        assert!(by_shot.iter().all(|&n| n >= 176), "{by_shot:?} of 200, by face {by_face}");
        assert!(by_face < by_shot[0], "{by_shot:?} {by_face}");
    }
}
