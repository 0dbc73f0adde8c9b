//! The mixture of the pairs of base clusters, and how sure it is.

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;
use streamface_kernels::{SplitMix64, dot, dot::squared_difference};
use streamface_types::{EmbeddingsView, Metric};

use super::trees::{Forest, Sum, roots, unit};
use super::{Merge, Settings};
use crate::mixture::{Mixture, PairCounts, Prior};
use crate::strangers::log_size;

/// Base clusters of a sample; all are taken where there are no more.
const MOST: usize = 2_000;
/// Seed of the sample.
const SEED: u64 = 1;
/// Pairs of two people that are assumed for one of one person, a cluster.
const PAIRS_A_CLUSTER: f64 = 1.6;
/// Standard deviations of an interval at 95 %.
const DEVIATIONS: f64 = 1.96;

/// What was found of the pairs of base clusters.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    /// With the share that pairs of one person have among all base clusters.
    pub(super) mixture: Mixture,
    sample: Sample,
    metric: Metric,
}

/// The base clusters of a sample.
#[derive(Debug, Clone)]
struct Sample {
    /// Their means, of length 1 for cosine, row after row.
    means: Vec<f32>,
    dim: usize,
    sizes: Vec<u32>,
    /// The number of each one's tree.
    tree: Vec<u32>,
    trees: usize,
    /// Pairs that surely are two people, smaller number first.
    apart: HashSet<(u32, u32)>,
}

impl Fit {
    /// None where there are fewer than two base clusters.
    pub(super) fn new(
        rows: EmbeddingsView<'_>,
        merges: &[Merge],
        forest: &Forest,
        apart: &[(usize, usize)],
        settings: &Settings,
        base: f64,
    ) -> Option<Self> {
        let below = &merges[..merges.partition_point(|m| m.2 <= base)];
        let cluster = roots(rows.len(), below);
        let mut count: BTreeMap<u32, u32> = BTreeMap::new();
        cluster.iter().for_each(|&c| *count.entry(c).or_default() += 1);
        let all = count.len() as f64;
        let sample = Sample::new(rows, &cluster, &count, forest, apart, settings.metric);
        let pairs = sample.counts(settings.metric).pairs();
        // As many as there are clusters, at most: some people have several.
        let people = sample.sizes.len() as f64 + settings.known.map_or(0.0, |known| known.people);
        // Some of the clusters have another of their person, so of many clusters a smaller part of the pairs is one person.
        let share = (1.0, (PAIRS_A_CLUSTER * (sample.sizes.len() as f64 - 1.0)).max(2.0));
        let mut mixture = Mixture::fitted(&pairs, people, &Prior { share, ..settings.prior() })?;
        // Pairs of one person grow with the clusters, all pairs with their square.
        let sampled = sample.sizes.len() as f64;
        mixture.share *= ((sampled - 1.0) / (all - 1.0)).min(1.0);
        Some(Self { mixture, sample, metric: settings.metric })
    }

    /// An interval of what `of` computes, `value` for the mixture as it is, from the uncertainty of the strangers' distances.
    pub(super) fn interval(&self, value: f64, of: impl Fn(&Mixture) -> f64) -> (f64, f64) {
        const STEP: f64 = 1e-3;
        const TINY: f64 = 1e-12;
        let with = |mean: f64, log_deviation: f64| {
            let mut mixture = self.mixture;
            mixture.strangers.mean += mean;
            mixture.strangers.deviation *= log_deviation.exp();
            of(&mixture).max(TINY).ln()
        };
        let slope = [
            (with(STEP, 0.0) - with(-STEP, 0.0)) / (2.0 * STEP),
            (with(0.0, STEP) - with(0.0, -STEP)) / (2.0 * STEP),
        ];
        let [mean, deviation, both] = self.sample.variance(self.metric, &self.mixture);
        // Leaving one out of few says little: no less than for as many people who have nothing to do with each other.
        let strangers = self.mixture.strangers;
        let mean = mean.max(2.0 * strangers.deviation.powi(2) / strangers.people.max(2.0));
        let deviation = deviation.max(0.5 / (strangers.people - 1.0).max(1.0));
        let variance =
            slope[0] * slope[0] * mean + slope[1] * slope[1] * deviation + 2.0 * slope[0] * slope[1] * both;
        let factor = (DEVIATIONS * variance.max(0.0).sqrt()).min(50.0).exp();
        (value / factor, value * factor)
    }
}

impl Sample {
    /// Whole trees, so that pairs of one person are in it as often as among all.
    fn new(
        rows: EmbeddingsView<'_>,
        cluster: &[u32],
        count: &BTreeMap<u32, u32>,
        forest: &Forest,
        apart: &[(usize, usize)],
        metric: Metric,
    ) -> Self {
        let mut trees: BTreeMap<u32, u32> = BTreeMap::new();
        count.keys().for_each(|&c| *trees.entry(forest.root[c as usize]).or_default() += 1);
        let mut order: Vec<u32> = trees.keys().copied().collect();
        if count.len() > MOST {
            SplitMix64::new(SEED).shuffle(&mut order);
            let mut taken = 0;
            order.retain(|tree| {
                let more = trees[tree] as usize;
                let takes = taken == 0 || taken + more <= MOST;
                taken += if takes { more } else { 0 };
                takes
            });
            order.sort_unstable();
        }
        let number_of: HashMap<u32, u32> = order.iter().copied().zip(0_u32..).collect();
        let chosen: Vec<u32> =
            count.keys().copied().filter(|&c| number_of.contains_key(&forest.root[c as usize])).collect();
        let number: HashMap<u32, u32> = chosen.iter().copied().zip(0_u32..).collect();
        let mut sums: Vec<Option<Sum>> = chosen.iter().map(|_| None).collect();
        for (row, of) in cluster.iter().enumerate() {
            if let Some(&k) = number.get(of) {
                let one = Sum::of(rows.row(row), metric);
                match &mut sums[k as usize] {
                    Some(sum) => sum.add(&one),
                    empty => *empty = Some(one),
                }
            }
        }
        let mut means = Vec::with_capacity(chosen.len() * rows.dim());
        for mut sum in sums.into_iter().flatten() {
            if metric == Metric::Cosine {
                unit(&mut sum.sum);
            } else {
                sum.sum.iter_mut().for_each(|x| *x /= f64::from(sum.rows));
            }
            means.extend(sum.sum.iter().map(|&x| x as f32));
        }
        let of = |row: usize| number.get(&cluster[row]).copied();
        let apart = apart.iter().filter_map(|&(a, b)| Some((of(a)?, of(b)?))).filter(|(a, b)| a != b);
        Self {
            means,
            dim: rows.dim(),
            sizes: chosen.iter().map(|c| count[c]).collect(),
            tree: chosen.iter().map(|&c| number_of[&forest.root[c as usize]]).collect(),
            trees: order.len(),
            apart: apart.map(|(a, b)| (a.min(b), a.max(b))).collect(),
        }
    }

    fn mean(&self, k: usize) -> &[f32] {
        &self.means[k * self.dim..(k + 1) * self.dim]
    }

    fn apart(&self, a: usize, b: usize, metric: Metric) -> f64 {
        match metric {
            Metric::Cosine => dot(self.mean(a), self.mean(b)).clamp(-1.0, 1.0).acos(),
            _ => squared_difference(self.mean(a), self.mean(b)).sqrt(),
        }
    }

    fn strangers(&self, a: usize, b: usize) -> bool {
        self.apart.contains(&(a as u32, b as u32))
    }

    /// All pairs, as counts. Counts are whole numbers, so that the order in which threads add them does not matter.
    fn counts(&self, metric: Metric) -> PairCounts {
        let of = |a: usize| {
            let mut counts = PairCounts::new();
            for b in a + 1..self.sizes.len() {
                let sizes = (self.sizes[a], self.sizes[b]);
                counts.add(self.apart(a, b, metric), sizes, self.strangers(a, b), 1.0);
            }
            counts
        };
        let add = |mut one: PairCounts, other: PairCounts| {
            one.merge(&other);
            one
        };
        (0..self.sizes.len()).into_par_iter().map(of).reduce(PairCounts::new, add)
    }

    /// Variances of the strangers' mean and of the logarithm of their deviation, and their covariance: a jackknife that leaves
    /// out one tree at a time, which is a person at least.
    fn variance(&self, metric: Metric, mixture: &Mixture) -> [f64; 3] {
        let strangers = mixture.strangers;
        // Number, sum and sum of squares of the strangers' part of each cluster's pairs with later ones, by the other's tree.
        let of = |a: usize| {
            let mut own = [0.0; 3];
            let mut others: Vec<(u32, [f64; 3])> = Vec::new();
            for b in a + 1..self.sizes.len() {
                let (apart, sizes) = (self.apart(a, b, metric), (self.sizes[a], self.sizes[b]));
                let chance = if self.strangers(a, b) { 0.0 } else { mixture.chance(apart, sizes) };
                let x = apart - strangers.by_size * log_size(sizes) - strangers.mean;
                let part = [1.0 - chance, (1.0 - chance) * x, (1.0 - chance) * x * x];
                add(&mut own, &part);
                if self.tree[b] != self.tree[a] {
                    match others.last_mut().filter(|(tree, _)| *tree == self.tree[b]) {
                        Some((_, sums)) => add(sums, &part),
                        None => others.push((self.tree[b], part)),
                    }
                }
            }
            (own, others)
        };
        let parts: Vec<_> = (0..self.sizes.len()).into_par_iter().map(of).collect();
        let mut by_tree = vec![[0.0; 3]; self.trees];
        let mut all = [0.0; 3];
        for (a, (own, others)) in parts.into_iter().enumerate() {
            add(&mut all, &own);
            add(&mut by_tree[self.tree[a] as usize], &own);
            for (tree, sums) in others {
                add(&mut by_tree[tree as usize], &sums);
            }
        }
        let figures: Vec<[f64; 2]> = by_tree
            .iter()
            .filter_map(|sums| {
                let [n, s, q] = [all[0] - sums[0], all[1] - sums[1], all[2] - sums[2]];
                let variance = q / n - (s / n) * (s / n);
                (n > 1.0 && variance > 0.0).then(|| [s / n, 0.5 * variance.ln()])
            })
            .collect();
        jackknife(&figures)
    }
}

fn add(to: &mut [f64; 3], more: &[f64; 3]) {
    to.iter_mut().zip(more).for_each(|(a, b)| *a += b);
}

/// Variances and covariance of two figures, from what they are without one person each.
fn jackknife(without: &[[f64; 2]]) -> [f64; 3] {
    let n = without.len() as f64;
    if without.len() < 2 {
        return [0.0; 3];
    }
    let mean = [0, 1].map(|k| without.iter().map(|f| f[k]).sum::<f64>() / n);
    let of = |i: usize, j: usize| {
        (n - 1.0) / n * without.iter().map(|f| (f[i] - mean[i]) * (f[j] - mean[j])).sum::<f64>()
    };
    [of(0, 0), of(1, 1), of(0, 1)]
}
