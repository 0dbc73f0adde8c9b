//! A share of pairs at every threshold, with an interval that allows for pairs of one shot being alike.

use rayon::prelude::*;
use serde::Serialize;

use super::pair::Pair;
use crate::distributions::{beta_quantile, normal_quantile, quantile, student_two_sided};
use crate::random;

/// Weight, in events and before any was seen, of the worst case (all pairs of a shot agree) when the
/// design effect is estimated. It falls as 1 / (1 + events): one event tells little about how they cluster,
/// and ten tell nearly all. At this weight the bound grows steadily from no event to one and on.
const PRIOR_EVENTS: f64 = 3.0;
/// From this number of events and of non-events on, Wilson's interval stands for that of Clopper and Pearson.
const WILSON_FROM: f64 = 1_000.0;

/// A rate and where it lies with the confidence asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// Events per pair, 0 to 1; `None` without a pair.
    pub rate: Option<f64>,
    /// Lower end of the interval, 0 to 1.
    pub lower: f64,
    /// Upper end, 0 to 1.
    pub upper: f64,
    /// Pairs that count as events.
    pub events: u64,
    /// The number of independent pairs with the same information.
    pub effective: f64,
}

impl Estimate {
    /// What is known without any pair.
    pub(super) const NOTHING: Self = Self { rate: None, lower: 0.0, upper: 1.0, events: 0, effective: 0.0 };

    /// Of the opposite events, of which there are `pairs` with these.
    fn complement(self, pairs: u64) -> Self {
        Self {
            rate: self.rate.map(|_| (pairs - self.events) as f64 / pairs as f64),
            lower: 1.0 - self.upper,
            upper: 1.0 - self.lower,
            events: pairs - self.events,
            effective: self.effective,
        }
    }
}

/// How many pairs there are, and to how many independent shots they amount.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Evidence {
    /// Pairs.
    pub pairs: u64,
    /// Shots that they come from.
    pub shots: u64,
    /// Shots of equal size with the same information: (Σ n)² / Σ n² (Kish 1965).
    pub effective_shots: f64,
}

/// The pairs of every shot, counted by the first threshold that takes them in.
pub(super) struct ShotCounts {
    /// (threshold number, pairs), by shot.
    entries: Vec<(u32, u32)>,
    /// Where each shot's entries end.
    ends: Vec<usize>,
    totals: Vec<u64>,
    pub evidence: Evidence,
}

impl ShotCounts {
    /// `thresholds` ascend. A pair beyond the last one is counted in the total only.
    pub fn new(pairs: &[Pair], thresholds: &[f64]) -> Self {
        let bin = |p: &Pair| thresholds.partition_point(|&t| t < p.distance) as u32;
        let mut sorted: Vec<(u64, u32)> = pairs.iter().map(|p| (p.shot, bin(p))).collect();
        sorted.sort_unstable();
        let (mut entries, mut ends, mut totals) = (Vec::new(), Vec::new(), Vec::new());
        for shot in sorted.chunk_by(|a, b| a.0 == b.0) {
            for same in shot.chunk_by(|a, b| a.1 == b.1) {
                if (same[0].1 as usize) < thresholds.len() {
                    // Pairs of one bin of one shot; beyond 2³² the machine's memory ends first.
                    entries.push((same[0].1, same.len() as u32));
                }
            }
            ends.push(entries.len());
            totals.push(shot.len() as u64);
        }
        let pairs = pairs.len() as f64;
        let squares: f64 = totals.iter().map(|&n| n as f64 * n as f64).sum();
        let evidence = Evidence {
            pairs: pairs as u64,
            shots: totals.len() as u64,
            effective_shots: if squares > 0.0 { pairs * pairs / squares } else { 0.0 },
        };
        Self { entries, ends, totals, evidence }
    }

    fn shots(&self) -> impl Iterator<Item = (&[(u32, u32)], u64)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).zip(&self.totals).map(|((a, &b), &n)| (&self.entries[a..b], n))
    }

    /// Pairs at or below each of `bins` thresholds, and all, with each shot counted `weights` times.
    fn at_most(&self, weights: &[u32], counts: &mut [u64]) -> u64 {
        counts.fill(0);
        let mut all = 0;
        for ((entries, n), &w) in self.shots().zip(weights).filter(|(_, w)| **w > 0) {
            for &(bin, count) in entries {
                counts[bin as usize] += u64::from(w) * u64::from(count);
            }
            all += u64::from(w) * n;
        }
        let mut below = 0;
        for count in counts {
            below += *count;
            *count = below;
        }
        all
    }

    /// The share of pairs at or below each of `bins` thresholds.
    pub fn shares(&self, bins: usize, resamples: usize, confidence: f64, seed: u64) -> Vec<Estimate> {
        if self.evidence.pairs == 0 {
            return vec![Estimate::NOTHING; bins];
        }
        let mut observed = vec![0; bins];
        self.at_most(&vec![1; self.totals.len()], &mut observed);
        let drawn: Vec<Vec<f64>> = resample(self.totals.len(), resamples, seed, |weights| {
            let mut counts = vec![0; bins];
            let all = self.at_most(weights, &mut counts) as f64;
            counts.into_iter().map(|n| n as f64 / all).collect()
        });
        let mut shares: Vec<Estimate> = (0..bins)
            .into_par_iter()
            .map(|bin| {
                let mut values: Vec<f64> = drawn.iter().map(|d| d[bin]).collect();
                estimate(observed[bin], self.evidence, &mut values, confidence)
            })
            .collect();
        // The share cannot fall as the threshold grows, so each bound holds for its neighbours too.
        for i in 1..bins {
            shares[i].lower = shares[i].lower.max(shares[i - 1].lower);
        }
        for i in (1..bins).rev() {
            shares[i - 1].upper = shares[i - 1].upper.min(shares[i].upper);
        }
        shares
    }
}

/// The share of pairs above, from that at or below.
pub(super) fn above(at_most: Vec<Estimate>, pairs: u64) -> Vec<Estimate> {
    at_most.into_iter().map(|e| if pairs == 0 { e } else { e.complement(pairs) }).collect()
}

/// What `measure` makes of each resample of whole shots, given how often each one is drawn. Resample
/// `r` has a stream of its own, so threads do not matter.
pub(super) fn resample<T: Send>(
    shots: usize,
    resamples: usize,
    seed: u64,
    measure: impl Fn(&[u32]) -> T + Sync,
) -> Vec<T> {
    (0..resamples as u64)
        .into_par_iter()
        .map_init(
            || vec![0; shots],
            |weights, r| {
                random::resample(&mut random::stream(seed, r), weights);
                measure(weights)
            },
        )
        .collect()
}

/// The interval of Korn and Graubard (1998): Clopper and Pearson's for the effective number of
/// independent pairs, which is p (1 − p) / variance of the bootstrap, with Student's allowance for few
/// shots; never narrower than the bootstrap's percentiles. No event at all, or nothing else: the rule
/// of three on the effective number of shots, one-sided.
fn estimate(events: u64, evidence: Evidence, drawn: &mut [f64], confidence: f64) -> Estimate {
    let (n, shots) = (evidence.pairs as f64, evidence.effective_shots);
    let (p, alpha) = (events as f64 / n, 1.0 - confidence);
    let with =
        |lower: f64, upper: f64, effective| Estimate { rate: Some(p), lower, upper, events, effective };
    let rule_of_three = 1.0 - alpha.powf(1.0 / shots);
    if events == 0 {
        return with(0.0, rule_of_three, shots);
    }
    if events == evidence.pairs {
        return with(1.0 - rule_of_three, 1.0, shots);
    }
    if evidence.shots < 2 {
        return with(0.0, 1.0, 1.0);
    }
    let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
    let variance = drawn.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / drawn.len() as f64;
    let independent = if variance > 0.0 { (p * (1.0 - p) / variance).min(n) } else { n };
    let rarer = p.min(1.0 - p) * independent;
    let prior = PRIOR_EVENTS / (1.0 + rarer);
    let design = (rarer * n / independent + prior * n / shots) / (rarer + prior);
    let z = -normal_quantile(alpha / 2.0);
    let few = (z / student_two_sided(alpha, evidence.shots as f64 - 1.0)).powi(2);
    let effective = (n / design).min(n) * few;
    let (lower, upper) = binomial(p, effective, alpha, z);
    drawn.sort_unstable_by(f64::total_cmp);
    with(lower.min(quantile(drawn, alpha / 2.0)), upper.max(quantile(drawn, 1.0 - alpha / 2.0)), effective)
}

/// Two-sided interval of a share of `p` among `n` independent ones; `n` need not be whole.
fn binomial(p: f64, n: f64, alpha: f64, z: f64) -> (f64, f64) {
    let (yes, no) = (p * n, (1.0 - p) * n);
    if yes.min(no) > WILSON_FROM {
        let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        return (middle - half, middle + half);
    }
    (beta_quantile(alpha / 2.0, yes, no + 1.0), beta_quantile(1.0 - alpha / 2.0, yes + 1.0, no))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn binomial_as_scipy_has_it() {
        // scipy.stats.binomtest(k, n).proportion_ci(method="exact")
        for (k, n, expected) in EXACT {
            let (lower, upper) = binomial(k / n, n, 0.05, 1.959963984540054);
            assert!(
                (lower - expected.0).abs() < 1e-9 && (upper - expected.1).abs() < 1e-9,
                "{lower} {upper}"
            );
        }
        let (exact, wilson) = (binomial(0.5, 1999.0, 0.05, 1.96), binomial(0.5, 2001.0, 0.05, 1.96));
        assert!((exact.0 - wilson.0).abs() < 5e-4 && (exact.1 - wilson.1).abs() < 5e-4);
    }

    const EXACT: [(f64, f64, (f64, f64)); 3] = [
        (3.0, 100.0, (0.006229971538306227, 0.08517605297428028)),
        (1.0, 5000.0, (5.063548766174134e-06, 0.0011138193803339582)),
        (90.0, 120.0, (0.6627307837077417, 0.8245353809699434)),
    ];

    #[test]
    fn one_pair_a_shot_is_nearly_the_plain_binomial() {
        let pairs: Vec<Pair> =
            (0..400).map(|i| Pair { distance: f64::from(i) / 400.0, shot: i as u64 }).collect();
        let shares = ShotCounts::new(&pairs, &[0.0999]).shares(1, 4_000, 0.95, 1);
        let (lower, upper) = binomial(0.1, 400.0, 0.05, 1.96);
        assert!((shares[0].lower - lower).abs() < 0.005, "{shares:?} {lower}");
        assert!((shares[0].upper - upper).abs() < 0.005, "{shares:?} {upper}");
    }

    #[test]
    fn copies_of_a_pair_in_its_shot_tell_nothing_new() {
        let of = |copies: u64| {
            let pairs: Vec<Pair> = (0..200 * copies)
                .map(|i| Pair { distance: (i / copies) as f64 / 200.0, shot: i / copies })
                .collect();
            ShotCounts::new(&pairs, &[0.0, 0.1, 0.5]).shares(3, 2_000, 0.95, 1)
        };
        for (one, ten) in of(1).into_iter().zip(of(10)) {
            assert_eq!(ten.events, 10 * one.events);
            assert!(
                (one.upper - ten.upper).abs() < 2e-3 && (one.lower - ten.lower).abs() < 2e-3,
                "{one:?} {ten:?}"
            );
        }
    }

    #[test]
    fn nothing_seen_is_not_nothing() {
        let pairs: Vec<Pair> = (0..3_000).map(|i| Pair { distance: 1.0, shot: i % 300 }).collect();
        let none = ShotCounts::new(&pairs, &[0.5, 1.0]).shares(2, 1_000, 0.95, 1);
        // 3 / 300 shots, not 3 / 3,000 pairs.
        assert!((none[0].upper - 0.00994).abs() < 1e-4 && none[0].lower == 0.0, "{none:?}");
        assert!((none[1].lower - 0.99006).abs() < 1e-4 && none[1].upper == 1.0, "{none:?}");
        let one = [Pair { distance: 0.2, shot: 0 }, Pair { distance: 0.4, shot: 0 }];
        let one = ShotCounts::new(&one, &[0.1, 0.3]).shares(2, 1_000, 0.95, 1);
        assert_eq!((one[0].upper > 0.94, one[1].lower, one[1].upper), (true, 0.0, 1.0));
    }

    proptest! {
        #[test]
        fn counts_are_the_counts(
            pairs in prop::collection::vec((0..12u32, 0..6u64), 0..60),
            weights in prop::collection::vec(0..3u32, 6),
        ) {
            let pairs: Vec<_> = pairs.iter().map(|&(d, shot)| Pair { distance: f64::from(d) / 10.0, shot }).collect();
            let grid = [0.0, 0.25, 0.5, 0.7];
            let counts = ShotCounts::new(&pairs, &grid);
            // Shots are numbered in order among those that have a pair.
            let mut there: Vec<u64> = pairs.iter().map(|p| p.shot).collect();
            there.sort_unstable();
            there.dedup();
            let weights = &weights[..there.len()];
            let mut found = [0; 4];
            let all = counts.at_most(weights, &mut found);
            let weight = |p: &Pair| u64::from(weights[there.binary_search(&p.shot).unwrap()]);
            prop_assert_eq!(all, pairs.iter().map(weight).sum::<u64>());
            for (i, &t) in grid.iter().enumerate() {
                let slow: u64 = pairs.iter().filter(|p| p.distance <= t).map(weight).sum();
                prop_assert_eq!(found[i], slow);
            }
            for e in counts.shares(4, 100, 0.95, 3) {
                let rate = e.rate.unwrap_or(0.5);
                prop_assert!(0.0 <= e.lower && e.lower <= rate && rate <= e.upper && e.upper <= 1.0, "{:?}", e);
            }
        }
    }
}
