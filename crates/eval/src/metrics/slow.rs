//! The measures by their definitions, over all pairs of samples: what the fast ones are checked
//! against.

use super::{Equality, Information, Noise, Prf, Scores};

fn prf(precision: f64, recall: f64) -> Prf {
    let f = if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
    Prf { precision, recall, f }
}

/// `1 / 0` pairs count as a share of 1.
fn share(part: f64, of: f64) -> f64 {
    if of == 0.0 { 1.0 } else { part / of }
}

pub fn scores(truth: &[i64], predicted: &[i64]) -> Scores {
    let n = truth.len();
    let all = 0..n;
    let count = |same: &dyn Fn(usize) -> bool| all.clone().filter(|&j| same(j)).count() as f64;
    let mean = |value: &dyn Fn(usize) -> f64| share(all.clone().map(value).sum(), n as f64);

    let (mut both, mut of_truth, mut of_predicted, mut pairs) = (0.0, 0.0, 0.0, 0.0);
    for i in 0..n {
        for j in 0..i {
            let (t, p) = (truth[i] == truth[j], predicted[i] == predicted[j]);
            both += f64::from(u8::from(t && p));
            of_truth += f64::from(u8::from(t));
            of_predicted += f64::from(u8::from(p));
            pairs += 1.0;
        }
    }
    // Rand index above chance: (index − expected) / (most − expected).
    let expected = if pairs == 0.0 { 0.0 } else { of_truth * of_predicted / pairs };
    let most = (of_truth + of_predicted) / 2.0;
    let ari =
        if both == of_truth && both == of_predicted { 1.0 } else { (both - expected) / (most - expected) };

    let in_both = |i: usize| count(&|j| truth[i] == truth[j] && predicted[i] == predicted[j]);
    let in_truth = |i: usize| count(&|j| truth[i] == truth[j]);
    let in_predicted = |i: usize| count(&|j| predicted[i] == predicted[j]);
    let entropy = |size: &dyn Fn(usize) -> f64| -> f64 {
        all.clone().map(|i| -(size(i) / n as f64).ln() / n as f64).sum()
    };
    let (h_truth, h_predicted, h_both) = (entropy(&in_truth), entropy(&in_predicted), entropy(&in_both));
    let nmi = if h_truth + h_predicted < 1e-12 {
        1.0
    } else {
        2.0 * (h_truth + h_predicted - h_both) / (h_truth + h_predicted)
    };

    let shared = h_truth + h_predicted - h_both;
    let of = |h: f64| if h < 1e-12 { 1.0 } else { shared / h };
    let (homogeneity, completeness) = (of(h_truth), of(h_predicted));
    let v_measure = if homogeneity + completeness < 1e-12 { 0.0 } else { prf(homogeneity, completeness).f };
    let sizes = |labels: &[i64]| {
        let mut sizes: Vec<usize> = labels
            .iter()
            .collect::<std::collections::BTreeSet<_>>()
            .iter()
            .map(|l| labels.iter().filter(|m| *m == *l).count())
            .collect();
        sizes.sort_unstable();
        sizes
    };
    let (true_sizes, predicted_sizes) = (sizes(truth), sizes(predicted));
    let ami = match (true_sizes.len() <= 1, predicted_sizes.len() <= 1) {
        (true, true) => 1.0,
        (false, false) => {
            let chance = expected_information(&true_sizes, &predicted_sizes, n);
            let most = (h_truth + h_predicted) / 2.0 - chance;
            if most.abs() < 1e-12 { 1.0 } else { (shared - chance) / most }
        }
        _ => 0.0,
    };

    let right = |i: usize| f64::from(u8::from(truth[i] == predicted[i]));
    let recall_of_label =
        |i: usize| count(&|j| predicted[j] == truth[i] && truth[j] == truth[i]) / in_truth(i);
    let precision_of_label = |i: usize| {
        let found = count(&|j| predicted[j] == truth[i]);
        if found == 0.0 { 0.0 } else { count(&|j| predicted[j] == truth[i] && truth[j] == truth[i]) / found }
    };

    let commonest = |i: usize| {
        let of = |t: i64| count(&|j| predicted[j] == predicted[i] && truth[j] == t);
        truth.iter().map(|&t| of(t)).fold(0.0, f64::max) / in_predicted(i)
    };
    let clusters = |labels: &[i64]| labels.iter().collect::<std::collections::BTreeSet<_>>().len() as u64;
    Scores {
        samples: n as u64,
        only_in_true: 0,
        only_in_predicted: 0,
        true_clusters: clusters(truth),
        predicted_clusters: clusters(predicted),
        true_people: clusters(truth) - u64::from(truth.iter().any(|l| *l < 0)),
        predicted_people: clusters(predicted) - u64::from(predicted.iter().any(|l| *l < 0)),
        noise_in_true: truth.iter().filter(|l| **l < 0).count() as u64,
        noise_in_predicted: predicted.iter().filter(|l| **l < 0).count() as u64,
        coverage: share(predicted.iter().filter(|l| **l >= 0).count() as f64, n as f64),
        noise: Noise::Cluster,
        labels_in_common: (0..100).filter(|l| truth.contains(l) && predicted.contains(l)).count() as u64,
        pairwise: prf(share(both, of_predicted), share(both, of_truth)),
        bcubed: prf(mean(&|i| in_both(i) / in_predicted(i)), mean(&|i| in_both(i) / in_truth(i))),
        ari,
        equality: Equality {
            accuracy: mean(&right),
            recall_weighted: mean(&recall_of_label),
            precision_weighted: mean(&precision_of_label),
        },
        information: Information { homogeneity, completeness, v_measure, nmi, ami },
        purity: mean(&commonest),
    }
}

/// Vinh, Epps and Bailey 2010, with binomial coefficients as they stand: for a few dozen samples.
fn expected_information(truth: &[usize], predicted: &[usize], n: usize) -> f64 {
    let choose = |n: usize, k: usize| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
    let mut sum = 0.0;
    for &a in truth {
        for &b in predicted {
            for m in 1.max((a + b).saturating_sub(n))..=a.min(b) {
                let chance = choose(a, m) * choose(n - a, b - m) / choose(n, b);
                let (m, n) = (m as f64, n as f64);
                sum += chance * m / n * (n * m / (a * b) as f64).ln();
            }
        }
    }
    sum
}
