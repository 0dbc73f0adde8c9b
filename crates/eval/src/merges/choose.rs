//! What to believe: the base, the merges within a budget, the threshold.

use std::collections::BTreeMap;

use super::fit::Fit;
use super::{Believed, Merge, MergeChances, Settings, Threshold};
use crate::mixture::Mixture;

/// The part of the budget that merges up to the base may take.
const BASE_BUDGET: f64 = 0.5;
/// Steps from the first base to 0.
const STEPS: usize = 30;
/// Rise of the largest distance across two clusters with the logarithm of the product of their sizes, as a part of the reach:
/// 0.027 of 0.64 was measured for the default embedder, 0.019 for another.
const BY_SIZE: f64 = 0.03;

/// The largest base, at most `most`, up to which the expected wrong merges take no more than their part of the budget; and these.
pub(super) fn base(rows: usize, merges: &[Merge], fit: &Fit, settings: &Settings, most: f64) -> (f64, f64) {
    let mut found = (0.0, 0.0);
    for step in (0..=STEPS).rev() {
        let base = most * step as f64 / STEPS as f64;
        let sizes = sizes_at(rows, merges, base);
        found = (base, expected_below(settings, &sizes, base, &fit.mixture));
        if found.1 <= BASE_BUDGET * settings.false_merges {
            break;
        }
    }
    found
}

/// Clusters by size after the merges up to a distance.
pub(super) fn sizes_at(rows: usize, merges: &[Merge], distance: f64) -> BTreeMap<u32, usize> {
    let mut size = vec![1_u32; rows];
    for &(a, b, _) in merges.iter().take_while(|m| m.2 <= distance) {
        size[a as usize] += std::mem::take(&mut size[b as usize]);
    }
    let mut sizes = BTreeMap::new();
    size.into_iter().filter(|&n| n > 0).for_each(|n| *sizes.entry(n).or_insert(0) += 1);
    sizes
}

/// Expected wrong merges up to `base`: the pairs of these clusters whose largest distance is expected within it, if they are two
/// people. A merge of two takes the others of both along, so of many pairs fewer merges come.
pub(super) fn expected_below(
    settings: &Settings,
    sizes: &BTreeMap<u32, usize>,
    base: f64,
    mixture: &Mixture,
) -> f64 {
    let clusters = sizes.values().sum::<usize>() as f64;
    let mut pairs = 0.0;
    // Sizes to a factor of 1.4, so that there are few kinds of pairs.
    let mut kinds: BTreeMap<u32, f64> = BTreeMap::new();
    for (&size, &count) in sizes {
        *kinds.entry((2.0 * f64::from(size).log2()).round() as u32).or_default() += count as f64;
    }
    for (&a, &first) in &kinds {
        for (&b, &second) in kinds.range(a..) {
            let count = if a == b { first * (first - 1.0) / 2.0 } else { first * second };
            let [size_a, size_b] = [a, b].map(|kind| (f64::from(kind) / 2.0).exp2());
            // The largest of many distances is larger than that of the means.
            let within = base - BY_SIZE * settings.reach * (size_a * size_b).ln();
            if within > 0.0 {
                let sizes = (size_a.round() as u32, size_b.round() as u32);
                pairs += count * mixture.strangers.at_most(settings.seen(within), sizes);
            }
        }
    }
    if pairs > 0.0 { pairs / (1.0 + 2.0 * pairs / clusters) } else { 0.0 }
}

/// The least chance of each merge and those within its clusters.
pub(super) fn least(rows: usize, merges: &[Merge], own: &[f64]) -> Vec<f64> {
    let mut of_cluster = vec![1.0_f64; rows];
    let one = |(&(a, b, _), &own): (&Merge, &f64)| {
        let least = own.min(of_cluster[a as usize]).min(of_cluster[b as usize]);
        of_cluster[a as usize] = least;
        least
    };
    merges.iter().zip(own).map(one).collect()
}

pub(super) fn within(of: &MergeChances) -> Believed {
    let mut order: Vec<usize> = (0..of.merges.len()).collect();
    // Of two that are as sure the earlier, which may lie within the later.
    order.sort_by(|&a, &b| of.least[b].total_cmp(&of.least[a]).then(a.cmp(&b)));
    let mut found = Believed {
        merges: vec![false; of.merges.len()],
        false_merges: of.below_base,
        largest: 0.0,
        left: of.merges.len(),
    };
    for number in order {
        let more = 1.0 - of.own[number];
        if of.least[number] < of.settings.least_chance
            || (more > 0.0 && found.false_merges + more > of.settings.false_merges)
        {
            break;
        }
        found.merges[number] = true;
        found.false_merges += more;
        found.largest = found.largest.max(of.merges[number].2);
        found.left -= 1;
    }
    found
}

pub(super) fn threshold(of: &MergeChances) -> Threshold {
    let mut expected = of.below_base;
    let (mut from, mut to) = (0.0, f64::INFINITY);
    // Merges at one distance come together or not at all.
    for (together, own) in of.merges.chunk_by(|a, b| a.2 == b.2).scan(0, |at, together| {
        let own = &of.own[*at..*at + together.len()];
        *at += together.len();
        Some((together, own))
    }) {
        expected += own.iter().map(|chance| 1.0 - chance).sum::<f64>();
        if expected > of.settings.false_merges && together[0].2 > of.base {
            to = together[0].2;
            break;
        }
        from = together[0].2;
    }
    let threshold = if to.is_finite() { roundest(from.max(of.base), to) } else { of.settings.reach };
    Threshold { threshold, false_merges: of.up_to(threshold) }
}

/// The number with the fewest decimals that is at least `from` and below `to`: thresholds are copied by hand.
fn roundest(from: f64, to: f64) -> f64 {
    let digits = (1..=9).map(|digits| {
        let unit = 10_f64.powi(digits);
        // The middle, so that it is not nearer to one end than it has to be.
        let middle = (0.5 * (from + to) * unit).round() / unit;
        if (from..to).contains(&middle) { middle } else { (from * unit).ceil() / unit }
    });
    digits.into_iter().find(|round| (from..to).contains(round)).unwrap_or(from)
}
