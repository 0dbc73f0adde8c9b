//! Measures from information theory, in nats.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Contingency, Prf};

/// Information that two labellings share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Information {
    /// How little of other people is in each predicted cluster: mutual information over the entropy of the
    /// truth, 0 to 1; 1 where the truth is one cluster.
    pub homogeneity: f64,
    /// How much of each person is in one predicted cluster: mutual information over the entropy of the
    /// prediction, 0 to 1; 1 where the prediction is one cluster.
    pub completeness: f64,
    /// The harmonic mean of the two (Rosenberg and Hirschberg 2007), 0 to 1.
    pub v_measure: f64,
    /// Normalised mutual information, by the arithmetic mean of the two entropies, 0 to 1. The V-measure
    /// by another name, but 1 where both labellings have one cluster or none.
    pub nmi: f64,
    /// Adjusted mutual information (Vinh, Epps and Bailey 2010), by the arithmetic mean: 1 for the same
    /// clusters, around 0 for chance, at most 1.
    pub ami: f64,
}

/// Homogeneity, completeness, V-measure, NMI and AMI.
///
/// The expected mutual information is exact, and taken once for each two *sizes* there are: of n samples at
/// most √(2n) sizes differ, however many clusters there are.
#[must_use]
pub fn information(table: &Contingency) -> Information {
    let (of_truth, of_predicted) = (entropy(table.truth()), entropy(table.predicted()));
    let shared = mutual(table);
    let share = |of: f64| if of > 0.0 { (shared / of).clamp(0.0, 1.0) } else { 1.0 };
    let (homogeneity, completeness) = (share(of_truth), share(of_predicted));
    let v_measure = Prf::new(homogeneity, completeness).f;
    let mean = (of_truth + of_predicted) / 2.0;
    let (few_truth, few_predicted) = (table.truth().len() <= 1, table.predicted().len() <= 1);
    let nmi = if few_truth && few_predicted { 1.0 } else { (shared / mean).clamp(0.0, 1.0) };
    let ami = match (few_truth, few_predicted) {
        (true, true) => 1.0,
        (false, false) => {
            let expected = expected(table);
            // As scikit-learn does where both are nothing but rounding: 0 / 0 is full agreement.
            let away = |x: f64| if x < 0.0 { x.min(-f64::EPSILON) } else { x.max(f64::EPSILON) };
            away(shared - expected) / away(mean - expected)
        }
        _ => 0.0,
    };
    Information { homogeneity, completeness, v_measure, nmi, ami }
}

fn entropy(sizes: &[u64]) -> f64 {
    let samples = sizes.iter().sum::<u64>() as f64;
    sizes.iter().map(|&n| n as f64 / samples).map(|share| -share * share.ln()).sum()
}

fn mutual(table: &Contingency) -> f64 {
    let samples = table.samples() as f64;
    let of = |&(t, p, n): &(usize, usize, u64)| {
        let (n, t, p) = (n as f64, table.truth()[t] as f64, table.predicted()[p] as f64);
        n / samples * (n / t * (samples / p)).ln()
    };
    table.cells().iter().map(of).sum()
}

/// The mean of the mutual information over all ways to deal the samples anew into clusters of these sizes.
fn expected(table: &Contingency) -> f64 {
    let count = |sizes: &[u64]| {
        let mut times: BTreeMap<u64, u64> = BTreeMap::new();
        sizes.iter().for_each(|&size| *times.entry(size).or_default() += 1);
        times
    };
    let (truth, predicted) = (count(table.truth()), count(table.predicted()));
    let samples = table.samples();
    let pairs = truth.iter().flat_map(|a| predicted.iter().map(move |b| (a, b)));
    pairs.map(|((&a, &i), (&b, &j))| i as f64 * j as f64 * expected_cell(a, b, samples)).sum()
}

/// Σ P(n) · n/N · ln(N·n / (a·b)) over the hypergeometric distribution of n, the samples that a cluster of
/// `a` and one of `b` share of `samples`.
///
/// Weights come from their ratios, out from the likeliest n, and are divided by their own sum: no factorials,
/// whose logarithms lose digits at a million samples, and no term that is too small to be seen.
fn expected_cell(a: u64, b: u64, samples: u64) -> f64 {
    let (af, bf, nf) = (a as f64, b as f64, samples as f64);
    let information = |n: f64| if n > 0.0 { n / nf * (nf * n / (af * bf)).ln() } else { 0.0 };
    let (least, most) = ((a + b).saturating_sub(samples), a.min(b));
    let likeliest = (u128::from(a + 1) * u128::from(b + 1) / (u128::from(samples) + 2)) as u64;
    let likeliest = likeliest.clamp(least, most);
    // P(n + 1) / P(n)
    let ratio = |n: f64| (af - n) * (bf - n) / ((n + 1.0) * (nf - af - bf + n + 1.0));
    let (mut weights, mut sum) = (1.0, information(likeliest as f64));
    let (mut weight, mut n) = (1.0, likeliest);
    while n < most {
        weight *= ratio(n as f64);
        n += 1;
        weights += weight;
        sum += weight * information(n as f64);
        // Beyond the likeliest ratios only fall, so what is left is smaller still. n counts: where clusters
        // hardly ever meet, the few times that they do are all there is.
        if weight * (n as f64) < 1e-20 * (af * bf / nf).min(1.0) {
            break;
        }
    }
    (weight, n) = (1.0, likeliest);
    while n > least {
        n -= 1;
        weight /= ratio(n as f64);
        weights += weight;
        sum += weight * information(n as f64);
        if weight < 1e-20 {
            break;
        }
    }
    sum / weights
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the formula of Vinh, Epps and Bailey, with logarithms of factorials.
    fn slow(a: u64, b: u64, samples: u64) -> f64 {
        let mut table = vec![0.0; samples as usize + 1];
        (2..table.len()).for_each(|k| table[k] = table[k - 1] + (k as f64).ln());
        let ln_factorial = |n: u64| table[n as usize];
        let first = 1.max((a + b).saturating_sub(samples));
        let term = |n: u64| {
            let ln = [a, b, samples - a, samples - b].into_iter().map(ln_factorial).sum::<f64>()
                - [samples, n, a - n, b - n, samples + n - a - b].into_iter().map(ln_factorial).sum::<f64>();
            let (nf, size) = (n as f64, samples as f64);
            nf / size * (size * nf / (a as f64 * b as f64)).ln() * ln.exp()
        };
        (first..=a.min(b)).map(term).sum()
    }

    #[test]
    fn a_cell_by_the_formula() {
        for samples in [1, 2, 3, 7, 40, 300] {
            let sizes = [1, 2, 3, 5, samples / 2, samples - 1, samples];
            for a in sizes {
                for b in sizes.into_iter().filter(|&b| (1..=samples).contains(&b)) {
                    if !(1..=samples).contains(&a) {
                        continue;
                    }
                    let (fast, slow) = (expected_cell(a, b, samples), slow(a, b, samples));
                    assert!((fast - slow).abs() < 1e-12, "{a} {b} {samples}: {fast} {slow}");
                }
            }
        }
        // Rarely together, and far out where a weight at 0 would be no number.
        assert!((expected_cell(1, 1, 1_000_000) / (1e-12 * 1e6_f64.ln()) - 1.0).abs() < 1e-12);
        let halves = expected_cell(500_000, 500_000, 1_000_000);
        assert!(halves.is_finite() && (halves - slow(500_000, 500_000, 1_000_000)).abs() < 1e-8, "{halves}");
    }
}
