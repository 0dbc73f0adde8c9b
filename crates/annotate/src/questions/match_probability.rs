//! The probability that two clusters are one person.

use super::time_model::solve;

/// What is known before the first answer, apart from the candidates and the pairs that cannot be one person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prior {
    /// Distances of the means of clusters that are one person with certainty: connected by a temporal link,
    /// or halves of a cluster. Together they weigh as much as ten answers; each weighs at most as much as
    /// one.
    pub same: Vec<f64>,
}

/// Probability that two clusters are one person: logistic in the distance of their means and in the logarithm
/// of the harmonic mean of their sizes; it decreases with distance.
///
/// **Before any answer** the model is fitted to the candidates. Distances of strangers are approximately
/// normal, so the expected number of strangers at each distance is known; the excess over it is pairs of one
/// person (the local false discovery rate of Efron et al. 2001). **Answers** are added to the fit; each is
/// taken to be wrong at the stated rate. Maximum likelihood by Fisher scoring from a fixed start: the same
/// input gives the same model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchProbability {
    /// Log-odds at distance 0 for two clusters of one face.
    pub at_zero: f64,
    /// Decrease of the log-odds per unit of distance; above 0.
    pub by_distance: f64,
    /// Change of the log-odds with the logarithm of the harmonic mean of the sizes.
    pub by_size: f64,
}

/// An observation to fit: distance, log of the size, and how far it is "one person".
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    pub(super) distance: f64,
    pub(super) size: f64,
    /// 1 for one person, 0 for two, or a fraction.
    pub(super) same: f64,
    pub(super) weight: f64,
    /// Probability that such an observation is wrong.
    pub(super) error: f64,
}

/// Start of the fit and weak prior. Means of larger clusters are closer to the person's true mean, so the
/// same distance is stronger evidence against one person.
pub(super) const INITIAL: MatchProbability =
    MatchProbability { at_zero: 8.0, by_distance: 20.0, by_size: -0.5 };
const PRIOR_PRECISION: [f64; 3] = [1e-3, 1e-3, 4.0];
const BINS: usize = 24;
/// Fractions are clamped to this distance from 0 and 1.
const MIN_SHARE: f64 = 5e-4;
/// Quantile of a normal distribution at one standard deviation above its mean.
const ONE_DEVIATION_QUANTILE: f64 = 0.841;
const PRIOR_SAME_WEIGHT: f64 = 10.0;

impl MatchProbability {
    /// The probability that the two are one person; strictly between 0 and 1.
    #[must_use]
    pub fn evaluate(&self, distance: f64, sizes: (u32, u32)) -> f64 {
        sigmoid(self.log_odds(distance, log_size(sizes)))
    }

    pub(super) fn log_odds(&self, distance: f64, size: f64) -> f64 {
        self.at_zero - self.by_distance * distance + self.by_size * size
    }

    /// The maximum likelihood estimate for these observations.
    pub(super) fn fitted(observations: &[Observation]) -> Self {
        let start = [INITIAL.at_zero, INITIAL.by_distance, INITIAL.by_size];
        let mut at = start;
        let mut likelihood = log_likelihood(&at, &start, observations);
        for _ in 0..50 {
            let step = step(&at, &start, observations);
            let mut part = 1.0;
            // Fisher's step may be too long with few observations: it is halved until the likelihood rises.
            let better = loop {
                let next: [f64; 3] = std::array::from_fn(|k| at[k] + part * step[k]);
                let there = log_likelihood(&next, &start, observations);
                if there > likelihood && next[1] > 0.0 {
                    break Some((next, there));
                }
                part /= 2.0;
                if part < 1e-4 {
                    break None;
                }
            };
            let Some((next, there)) = better else { break };
            let done = there - likelihood < 1e-9;
            (at, likelihood) = (next, there);
            if done {
                break;
            }
        }
        Self { at_zero: at[0], by_distance: at[1].max(1.0), by_size: at[2] }
    }
}

/// Logarithm of the harmonic mean of two sizes; 0 for single faces.
pub(super) fn log_size((a, b): (u32, u32)) -> f64 {
    let (a, b) = (f64::from(a.max(1)), f64::from(b.max(1)));
    (2.0 * a * b / (a + b)).ln()
}

/// Weight of one answer in log-odds, when answers are wrong at rate `error`.
pub(super) fn answer_log_odds(error: f64) -> f64 {
    ((1.0 - error) / error).ln()
}

pub(super) fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn expected(at: &[f64; 3], s: &Observation) -> (f64, f64) {
    let p = sigmoid((at[0] - at[1] * s.distance + at[2] * s.size).clamp(-30.0, 30.0));
    let share = s.error + (1.0 - 2.0 * s.error) * p;
    (share.clamp(1e-12, 1.0 - 1e-12), (1.0 - 2.0 * s.error) * p * (1.0 - p))
}

fn log_likelihood(at: &[f64; 3], start: &[f64; 3], observations: &[Observation]) -> f64 {
    let of_data: f64 = observations
        .iter()
        .map(|s| {
            let (share, _) = expected(at, s);
            s.weight * (s.same * share.ln() + (1.0 - s.same) * (1.0 - share).ln())
        })
        .sum();
    of_data - 0.5 * (0..3).map(|k| PRIOR_PRECISION[k] * (at[k] - start[k]).powi(2)).sum::<f64>()
}

fn step(at: &[f64; 3], start: &[f64; 3], observations: &[Observation]) -> [f64; 3] {
    let (mut information, mut score) = ([[0.0; 3]; 3], [0.0; 3]);
    for k in 0..3 {
        information[k][k] = PRIOR_PRECISION[k];
        score[k] = -PRIOR_PRECISION[k] * (at[k] - start[k]);
    }
    for s in observations {
        let (share, slope) = expected(at, s);
        let x = [1.0, -s.distance, s.size];
        let scale = s.weight * slope / (share * (1.0 - share));
        for i in 0..3 {
            score[i] += scale * (s.same - share) * x[i];
            for j in 0..3 {
                information[i][j] += scale * slope * x[i] * x[j];
            }
        }
    }
    solve(information, score)
}

/// Observations for the first fit: `candidates`, each with its distance and log of the size, among `pairs` in
/// all, and the distances of strangers.
pub(super) fn before_answers(
    candidates: impl Iterator<Item = (f64, f64)> + Clone,
    pairs: f64,
    strangers: &[f64],
    prior: &Prior,
) -> Vec<Observation> {
    let max = candidates.clone().map(|(d, _)| d).fold(0.0, f64::max);
    let mut observations = Vec::new();
    // One observation at either end, in case there are few candidates.
    let mut add = |distance, size, same, weight| {
        observations.push(Observation { distance, size, same, weight, error: 0.0 });
    };
    add(0.0, 0.0, 1.0 - MIN_SHARE, 0.5);
    add(max.max(0.1) * 1.5, 0.0, MIN_SHARE, 0.5);
    let weight = PRIOR_SAME_WEIGHT / prior.same.len().max(1) as f64;
    for &distance in &prior.same {
        add(distance, 0.0, 1.0, weight.min(1.0));
    }
    let Some((mean, deviation)) = normal_fit(strangers) else { return observations };
    let mut bins = vec![(0_u32, 0.0, 0.0); BINS];
    for (distance, size) in candidates {
        let bin = &mut bins[((distance / max * BINS as f64) as usize).min(BINS - 1)];
        *bin = (bin.0 + 1, bin.1 + distance, bin.2 + size);
    }
    let below = |k: usize| normal((max * k as f64 / BINS as f64 - mean) / deviation);
    for (k, (count, distance, size)) in bins.into_iter().enumerate() {
        if count > 0 {
            let n = f64::from(count);
            let same = 1.0 - pairs * (below(k + 1) - below(k)) / n;
            add(distance / n, size / n, same.clamp(MIN_SHARE, 1.0 - MIN_SHARE), (n / 5.0).min(1.0));
        }
    }
    observations
}

/// Mean and standard deviation of the distances of strangers, from the median and a quantile above it: a few
/// pairs that are one person after all lie below the median.
fn normal_fit(distances: &[f64]) -> Option<(f64, f64)> {
    if distances.len() < 2 {
        return None;
    }
    let mut sorted = distances.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    Some((at(0.5), (at(ONE_DEVIATION_QUANTILE) - at(0.5)).max(1e-3)))
}

/// The standard normal distribution function at x, accurate in relative terms in the lower tail.
fn normal(x: f64) -> f64 {
    let density = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    if x > 3.0 {
        return 1.0 - normal(-x);
    }
    if x < -3.0 {
        // Laplace's continued fraction.
        return density / (1..60).rev().fold(-x, |below, k| -x + f64::from(k) / below);
    }
    let (mut term, mut sum) = (x, x);
    for k in 1..60 {
        term *= x * x / f64::from(2 * k + 1);
        sum += term;
    }
    0.5 + density * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_of_scipy() {
        // scipy.stats.norm.cdf
        for (x, right) in [
            (-6.0, 9.865_876_450_376_946e-10),
            (-3.5, 2.326_290_790_355_250_4e-4),
            (-3.0, 1.349_898_031_630_094_6e-3),
            (-1.0, 1.586_552_539_314_570_5e-1),
            (0.0, 0.5),
            (2.5, 9.937_903_346_742_238e-1),
            (5.0, 9.999_997_133_484_281e-1),
        ] {
            assert!((normal(x) / right - 1.0).abs() < 1e-12, "{x}: {}", normal(x));
        }
    }

    #[test]
    fn the_excess_over_strangers_is_one_person() {
        // 300 near pairs where 1 is expected of strangers, then strangers as expected.
        let near = (0..300).map(|i| (0.1 + f64::from(i % 20) / 100.0, 0.0));
        let far = (0..400).map(|i| (0.55 + f64::from(i % 10) / 100.0, 0.0));
        let strangers: Vec<f64> = (1..400).map(|i| 0.9 + 0.13 * f64::from(i - 200) / 120.0).collect();
        let observations = before_answers(near.chain(far), 60_000.0, &strangers, &Prior::default());
        let model = MatchProbability::fitted(&observations);
        assert!(model.evaluate(0.2, (1, 1)) > 0.98, "{model:?}");
        assert!(model.evaluate(0.6, (1, 1)) < 0.1, "{model:?}");
        assert!(model.evaluate(0.3, (1, 1)) > model.evaluate(0.31, (1, 1)));
    }

    #[test]
    fn wrong_answers_do_not_flatten_it() {
        let right = MatchProbability { at_zero: 15.0, by_distance: 40.0, by_size: -1.0 };
        let observations: Vec<Observation> = (0..4000_u32)
            .map(|i| {
                let (distance, n) = (0.15 + 0.5 * f64::from((i * 617) % 1000) / 1000.0, 1 + (i * 31) % 40);
                let size = log_size((n, n));
                let p = right.evaluate(distance, (n, n));
                let same = f64::from((i * 7919) % 10_007) / 10_007.0 < p;
                Observation {
                    distance,
                    size,
                    same: f64::from(same != (i % 50 == 0)),
                    weight: 1.0,
                    error: 0.02,
                }
            })
            .collect();
        let found = MatchProbability::fitted(&observations);
        assert!((found.by_distance / right.by_distance - 1.0).abs() < 0.15, "{found:?}");
        assert!((found.at_zero / right.at_zero - 1.0).abs() < 0.15, "{found:?}");
        assert!((found.by_size - right.by_size).abs() < 0.2, "{found:?}");
    }
}
