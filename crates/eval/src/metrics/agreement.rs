//! Measures over pairs and over samples, each from the contingency table.

use serde::Serialize;

use super::Contingency;

/// Precision, recall and their harmonic mean, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Prf {
    /// Of what was put together, the share that belongs together.
    pub precision: f64,
    /// Of what belongs together, the share that was put together.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f: f64,
}

impl Prf {
    pub(crate) fn new(precision: f64, recall: f64) -> Self {
        let sum = precision + recall;
        Self { precision, recall, f: if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 } }
    }
}

/// Pairs of samples, by whether each labelling puts the two together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pairs {
    /// Together in both.
    pub both: u128,
    /// Together in the prediction only.
    pub predicted_only: u128,
    /// Together in the truth only.
    pub truth_only: u128,
    /// Apart in both.
    pub neither: u128,
}

/// Pairs of `n` samples.
pub(super) fn choose_2(n: u64) -> u128 {
    let n = u128::from(n);
    n * n.saturating_sub(1) / 2
}

impl Pairs {
    /// Counts the pairs, exactly.
    #[must_use]
    pub fn new(table: &Contingency) -> Self {
        let both: u128 = table.cells().iter().map(|&(_, _, n)| choose_2(n)).sum();
        let truth: u128 = table.truth().iter().map(|&n| choose_2(n)).sum();
        let predicted: u128 = table.predicted().iter().map(|&n| choose_2(n)).sum();
        Self {
            both,
            predicted_only: predicted - both,
            truth_only: truth - both,
            neither: choose_2(table.samples()) + both - truth - predicted,
        }
    }

    /// Pairwise precision, recall and F. With no pair predicted, none is wrong: precision 1; with no
    /// pair to find, none is missed: recall 1.
    #[must_use]
    pub fn prf(self) -> Prf {
        let share = |of: u128| if of == 0 { 1.0 } else { self.both as f64 / of as f64 };
        Prf::new(share(self.both + self.predicted_only), share(self.both + self.truth_only))
    }

    /// Adjusted Rand index (Hubert and Arabie 1985), at most 1, around 0 for chance. 1 where both
    /// labellings are the same, one sample or none included.
    #[must_use]
    pub fn adjusted_rand(self) -> f64 {
        let Self { both: tp, predicted_only: fp, truth_only: fn_, neither: tn } = self;
        if fp == 0 && fn_ == 0 {
            return 1.0;
        }
        // Pairs stay below 2^63 for 2^32 samples, which is more than memory holds: no overflow.
        let (agree, cross) = (tp * tn, fn_ * fp);
        let above = if agree >= cross { (agree - cross) as f64 } else { -((cross - agree) as f64) };
        2.0 * above / ((tp + fn_) * (fn_ + tn) + (tp + fp) * (fp + tn)) as f64
    }
}

/// BCubed precision, recall and F (Bagga and Baldwin 1998): the mean over the samples of the share
/// of its predicted cluster that is of its true one, and the other way about. 1 for no sample.
#[must_use]
pub fn bcubed(table: &Contingency) -> Prf {
    let samples = table.samples();
    if samples == 0 {
        return Prf::new(1.0, 1.0);
    }
    let (mut per_truth, mut per_predicted) =
        (vec![0u128; table.truth().len()], vec![0u128; table.predicted().len()]);
    for &(t, p, n) in table.cells() {
        let square = u128::from(n) * u128::from(n);
        per_truth[t] += square;
        per_predicted[p] += square;
    }
    let mean = |squares: &[u128], sizes: &[u64]| {
        squares.iter().zip(sizes).map(|(&s, &n)| s as f64 / n as f64).sum::<f64>() / samples as f64
    };
    Prf::new(mean(&per_predicted, table.predicted()), mean(&per_truth, table.truth()))
}

/// The share of samples that are of the commonest true cluster in their predicted one. 1 for none.
#[must_use]
pub fn purity(table: &Contingency) -> f64 {
    let mut most = vec![0; table.predicted().len()];
    for &(_, p, n) in table.cells() {
        most[p] = n.max(most[p]);
    }
    let samples = table.samples();
    if samples == 0 { 1.0 } else { most.iter().sum::<u64>() as f64 / samples as f64 }
}

/// Measures that take the labels as they are: a cluster counts as right only under the very label that the
/// truth has for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Equality {
    /// Share of samples whose two labels are equal, 0 to 1; 1 for no sample.
    pub accuracy: f64,
    /// Mean over the samples of the recall of their true label, which is the accuracy by another name.
    pub recall_weighted: f64,
    /// Mean over the samples of the precision of their true label, 0 for a label that is never predicted
    /// (scikit-learn's `average="weighted"`). 0 to 1; 1 for no sample.
    pub precision_weighted: f64,
}

/// How far labels are equal as they stand.
#[must_use]
pub fn equality(table: &Contingency) -> Equality {
    let samples = table.samples();
    if samples == 0 {
        return Equality { accuracy: 1.0, recall_weighted: 1.0, precision_weighted: 1.0 };
    }
    let (mut right, mut weighted) = (0, 0.0);
    for &(t, p, n) in table.cells() {
        if table.truth_labels()[t] == table.predicted_labels()[p] {
            right += n;
            weighted += table.truth()[t] as f64 * (n as f64 / table.predicted()[p] as f64);
        }
    }
    let accuracy = right as f64 / samples as f64;
    Equality { accuracy, recall_weighted: accuracy, precision_weighted: weighted / samples as f64 }
}
