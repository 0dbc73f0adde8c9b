//! A share of pairs at every threshold, with an interval that allows for the same people meeting again and again.

use rayon::prelude::*;
use serde::Serialize;

use crate::distributions::{self, beta_quantile, normal_quantile, student_two_sided};
use crate::random;

/// Weight, in events and before any was seen, of the worst case (all pairs of two people agree) when the
/// design effect is estimated. It falls as 1 / (1 + events): one event tells little about how they cluster,
/// and ten tell nearly all. At this weight the bound grows steadily from no event to one and on.
const PRIOR_EVENTS: f64 = 3.0;
/// With fewer degrees of freedom than this an interval says nothing.
const LEAST_DEGREES: f64 = 0.5;
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

/// How many pairs there are, and to how many independent ones they amount.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Evidence {
    /// Pairs of faces.
    pub pairs: u64,
    /// Pairs of people that they are of; for two faces of one person, people.
    pub pairs_of_people: u64,
    /// People.
    pub people: u64,
    /// Pairs of people, each with as many pairs of faces, that tell as much: (Σ n)² / Σ n² (Kish 1965).
    pub effective_pairs: f64,
    /// The same of people.
    pub effective_people: f64,
    /// Shots.
    pub shots: u64,
    /// The same of shots.
    pub effective_shots: f64,
}

/// Each number once, ascending.
pub(super) fn distinct(numbers: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The number of equal counts that tell as much as these, 0 for none.
pub(super) fn kish(counts: impl Iterator<Item = u64>) -> f64 {
    distributions::kish(counts.map(|n| n as f64))
}

/// The share of pairs above, from that at or below.
pub(super) fn above(at_most: Vec<Estimate>, pairs: u64) -> Vec<Estimate> {
    at_most.into_iter().map(|e| if pairs == 0 { e } else { e.complement(pairs) }).collect()
}

/// What `measure` makes of each resample of whole shots or people, given how often each one is drawn. Resample
/// `r` has a stream of its own, so threads do not matter.
pub(super) fn resample<T: Send>(
    things: usize,
    resamples: usize,
    seed: u64,
    measure: impl Fn(&[u32]) -> T + Sync,
) -> Vec<T> {
    (0..resamples as u64)
        .into_par_iter()
        .map_init(
            || vec![0; things],
            |weights, r| {
                random::resample(&mut random::stream(seed, r), weights);
                measure(weights)
            },
        )
        .collect()
}

/// The interval of Korn and Graubard (1998): Clopper and Pearson's for the effective number of independent pairs, which
/// is p (1 − p) / `variance`, with Student's allowance for few people. No event at all, or nothing else: the rule of
/// three on the effective number of pairs of people, one-sided.
///
/// The variance is the one that is robust to pairs with a person in common (Aronow, Samii and Assenova 2015): with e an
/// event less the share p, it is the sum of e · e' over all pairs of pairs that share a person or a shot, over n².
pub(super) fn estimate(events: u64, evidence: Evidence, variance: f64, confidence: f64) -> Estimate {
    let (n, dyads) = (evidence.pairs as f64, evidence.effective_pairs);
    let (p, alpha) = (events as f64 / n, 1.0 - confidence);
    let with =
        |lower: f64, upper: f64, effective| Estimate { rate: Some(p), lower, upper, events, effective };
    let rule_of_three = 1.0 - alpha.powf(1.0 / dyads);
    if events == 0 {
        return with(0.0, rule_of_three, dyads);
    }
    if events == evidence.pairs {
        return with(1.0 - rule_of_three, 1.0, dyads);
    }
    let degrees = evidence.effective_people - 1.0;
    if degrees < LEAST_DEGREES {
        return with(0.0, 1.0, 1.0);
    }
    let independent = if variance > 0.0 { (p * (1.0 - p) / variance).min(n) } else { n };
    let rarer = p.min(1.0 - p) * independent;
    let prior = PRIOR_EVENTS / (1.0 + rarer);
    let design = (rarer * n / independent + prior * n / dyads) / (rarer + prior);
    let z = -normal_quantile(alpha / 2.0);
    let few = (z / student_two_sided(alpha, degrees)).powi(2);
    let effective = (n / design).min(n) * few;
    let (lower, upper) = binomial(p, effective, alpha, z);
    with(lower, upper, effective)
}

/// Two-sided interval of a share of `p` among `n` independent ones; `n` need not be whole.
pub(super) fn binomial(p: f64, n: f64, alpha: f64, z: f64) -> (f64, f64) {
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
}
