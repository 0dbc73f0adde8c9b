//! How many of several things are of a kind, where each is with a probability.

use serde::Serialize;

/// Things whose number is told exactly; beyond that by the normal distribution.
const EXACT_UP_TO: usize = 400;
/// Deviations from the mean that 95 % of a normal distribution are within.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// A number that probabilities give.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct Expected {
    /// Its mean.
    pub expected: f64,
    /// The lower end of its 95 % interval.
    pub from: f64,
    /// The upper end.
    pub to: f64,
}

impl Expected {
    /// Of a mean and a variance; at most `most`.
    pub(super) fn normal(expected: f64, variance: f64, most: f64) -> Self {
        let half = NORMAL_95 * variance.max(0.0).sqrt();
        Self { expected, from: (expected - half).max(0.0), to: (expected + half).min(most) }
    }

    /// Of independent things with these probabilities (the Poisson binomial distribution).
    pub(super) fn of(probabilities: &[f64]) -> Self {
        let expected: f64 = probabilities.iter().sum();
        if probabilities.len() > EXACT_UP_TO {
            let variance = probabilities.iter().map(|p| p * (1.0 - p)).sum();
            return Self::normal(expected, variance, probabilities.len() as f64);
        }
        // The chance of each number, thing by thing.
        let mut chances = vec![1.0];
        for &p in probabilities {
            chances.push(0.0);
            for k in (0..chances.len()).rev() {
                let below = if k > 0 { chances[k - 1] } else { 0.0 };
                chances[k] = chances[k] * (1.0 - p) + below * p;
            }
        }
        let quantile = |share: f64| {
            let mut sum = 0.0;
            let found = chances.iter().position(|chance| {
                sum += chance;
                sum >= share
            });
            found.unwrap_or(probabilities.len()) as f64
        };
        Self { expected, from: quantile(0.025), to: quantile(0.975) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_counted_exactly() {
        // Binomial, n = 10, p = 0.5: P(X ≤ 1) = 0.0107, P(X ≤ 2) = 0.0547.
        let ten = Expected::of(&[0.5; 10]);
        assert_eq!((ten.expected, ten.from, ten.to), (5.0, 2.0, 8.0));
        let sure = Expected::of(&[1.0, 1.0, 0.0]);
        assert_eq!((sure.expected, sure.from, sure.to), (2.0, 2.0, 2.0));
        assert_eq!(Expected::of(&[]), Expected::default());
    }

    #[test]
    fn many_are_as_few() {
        let probabilities: Vec<f64> = (0..400).map(|i| f64::from(i % 10) / 10.0).collect();
        let exact = Expected::of(&probabilities);
        let variance = probabilities.iter().map(|p| p * (1.0 - p)).sum();
        let normal = Expected::normal(exact.expected, variance, 400.0);
        assert!(
            (exact.from - normal.from).abs() < 1.0 && (exact.to - normal.to).abs() < 1.0,
            "{exact:?} {normal:?}"
        );
        let many = Expected::of(&vec![0.25; 1000]);
        assert!((many.to - 250.0 - 1.96 * 187.5_f64.sqrt()).abs() < 0.01, "{many:?}");
        assert_eq!(Expected::normal(1.0, 4.0, 3.0).from, 0.0);
        assert_eq!(Expected::normal(2.5, 4.0, 3.0).to, 3.0);
    }
}
