//! The measures by their definitions, over all pairs of samples: what the fast ones are checked
//! against.

use super::{Prf, Scores};

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
        pairwise: prf(share(both, of_predicted), share(both, of_truth)),
        bcubed: prf(mean(&|i| in_both(i) / in_predicted(i)), mean(&|i| in_both(i) / in_truth(i))),
        ari,
        nmi,
        purity: mean(&commonest),
    }
}
