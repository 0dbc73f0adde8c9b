//! The probability that two clusters are one person.

use streamface_eval::mixture::{
    Assumed, Mixture, Odds, OnePerson, PairCounts, Prior, SizeTerm, angle, sigmoid,
};
use streamface_eval::strangers::Strangers;
use streamface_types::Metric;

use super::Clusters;
use super::time_model::solve;

/// Probability that two clusters are one person, by the distance of their means and their sizes; it decreases with distance.
///
/// **Before any answer** it is that of a [`Mixture`] of two distributions of angles, fitted to all pairs of clusters, also those
/// that are no candidates; pairs that share a frame are strangers. **Answers** bend it: the log-odds of the mixture are scaled and
/// shifted so that they fit the answers best, each of which is taken to be wrong at the stated rate. Maximum likelihood by
/// Fisher scoring from the mixture: the same input gives the same model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchProbability {
    odds: Odds,
    /// Added to the mixture's log-odds.
    pub shift: f64,
    /// What the mixture's log-odds are multiplied by, above 0.
    pub scale: f64,
    /// Change of the log-odds with the logarithm of the harmonic mean of the sizes, beyond that of the mixture.
    pub by_size: f64,
}

/// An answer to fit: the mixture's log-odds, the log of the size, and what was answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    pub(super) log_odds: f64,
    pub(super) size: f64,
    /// 1 for one person, 0 for two.
    pub(super) same: f64,
    /// Probability that it is wrong.
    pub(super) error: f64,
}

/// No answers: the mixture itself.
const START: [f64; 3] = [0.0, 1.0, 0.0];
/// Weak priors that the mixture is right: standard deviations of 2, 0.33 and 0.25.
const PRIOR_PRECISION: [f64; 3] = [0.25, 9.0, 16.0];
/// The least scale.
const MIN_SCALE: f64 = 0.05;

/// What the angles of face networks are like, for data sets with hardly any pairs: cosine distances of 0.95 ± 0.15 and of 0.42 ±
/// 0.14.
const STRANGERS: Assumed = Assumed { mean: 1.52, deviation: 0.15, pairs: 10.0 };
const ONE_PERSON: Assumed = Assumed { mean: 0.95, deviation: 0.17, pairs: 10.0 };
/// The Beta prior of the share of pairs that are one person.
const SHARE: (f64, f64) = (1.0, 20.0);
/// Angles of one person spread less than those of strangers, by every face network.
const SPREAD: f64 = 0.85;
/// Some days of a person differ much more than most.
const DEGREES: f64 = 5.0;

/// Pairs sampled of those that are no candidates, and of those that share a frame. All of them, if there are no more.
const MAX_SAMPLED: usize = 1 << 18;

impl MatchProbability {
    /// The probability that the two are one person; strictly between 0 and 1.
    #[must_use]
    pub fn evaluate(&self, distance: f64, sizes: (u32, u32)) -> f64 {
        sigmoid(self.log_odds(distance, sizes))
    }

    /// The mixture of angles, in radians, that it starts from.
    #[must_use]
    pub fn mixture(&self) -> &Mixture {
        self.odds.mixture()
    }

    pub(super) fn log_odds(&self, distance: f64, sizes: (u32, u32)) -> f64 {
        self.shift + self.scale * self.observed(distance, sizes) + self.by_size * log_size(sizes)
    }

    /// Without answers.
    pub(super) fn new(mixture: &Mixture) -> Self {
        let [shift, scale, by_size] = START;
        Self { odds: mixture.odds(), shift, scale, by_size }
    }

    /// The mixture's log-odds of a pair, for an [`Observation`].
    pub(super) fn observed(&self, distance: f64, sizes: (u32, u32)) -> f64 {
        self.odds.log_odds(angle(distance), sizes)
    }

    /// The maximum likelihood estimate for these answers.
    pub(super) fn fitted(&self, observations: &[Observation]) -> Self {
        let mut at = START;
        let mut likelihood = log_likelihood(&at, observations);
        for _ in 0..50 {
            let step = step(&at, observations);
            let mut part = 1.0;
            // Fisher's step may be too long with few observations: it is halved until the likelihood rises.
            let better = loop {
                let next: [f64; 3] = std::array::from_fn(|k| at[k] + part * step[k]);
                let there = log_likelihood(&next, observations);
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
        Self { odds: self.odds, shift: at[0], scale: at[1].max(MIN_SCALE), by_size: at[2] }
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

fn expected(at: &[f64; 3], s: &Observation) -> (f64, f64) {
    let p = sigmoid((at[0] + at[1] * s.log_odds + at[2] * s.size).clamp(-30.0, 30.0));
    let share = s.error + (1.0 - 2.0 * s.error) * p;
    (share.clamp(1e-12, 1.0 - 1e-12), (1.0 - 2.0 * s.error) * p * (1.0 - p))
}

fn log_likelihood(at: &[f64; 3], observations: &[Observation]) -> f64 {
    let of_data: f64 = observations
        .iter()
        .map(|s| {
            let (share, _) = expected(at, s);
            s.same * share.ln() + (1.0 - s.same) * (1.0 - share).ln()
        })
        .sum();
    of_data - 0.5 * (0..3).map(|k| PRIOR_PRECISION[k] * (at[k] - START[k]).powi(2)).sum::<f64>()
}

fn step(at: &[f64; 3], observations: &[Observation]) -> [f64; 3] {
    let (mut information, mut score) = ([[0.0; 3]; 3], [0.0; 3]);
    for k in 0..3 {
        information[k][k] = PRIOR_PRECISION[k];
        score[k] = -PRIOR_PRECISION[k] * (at[k] - START[k]);
    }
    for s in observations {
        let (share, slope) = expected(at, s);
        let x = [1.0, s.log_odds, s.size];
        let scale = slope / (share * (1.0 - share));
        for i in 0..3 {
            score[i] += scale * (s.same - share) * x[i];
            for j in 0..3 {
                information[i][j] += scale * slope * x[i] * x[j];
            }
        }
    }
    solve(information, score)
}

/// The mixture before any answer.
pub(super) fn before_answers(clusters: &Clusters) -> Mixture {
    let n = clusters.len() as f64;
    let prior = Prior {
        same: Some(ONE_PERSON),
        strangers: Some(STRANGERS),
        share: SHARE,
        spread: SPREAD,
        degrees: Some(DEGREES),
        size: SizeTerm::Inverse,
    };
    Mixture::fitted(&counted(clusters).pairs(), n, &prior).unwrap_or_else(|| {
        let (Assumed { mean, deviation, .. }, share) = (STRANGERS, SHARE.0 / (SHARE.0 + SHARE.1));
        let strangers = Strangers { mean, deviation, by_size: 0.0, people: 2.0 };
        let Assumed { mean, deviation, .. } = ONE_PERSON;
        let same =
            OnePerson { mean, deviation, by_size: 0.0, size: SizeTerm::Inverse, degrees: Some(DEGREES) };
        Mixture { strangers, same, share }
    })
}

/// All pairs of clusters by their distances: candidates as they are, the others all or, where these are many, an even sample.
fn counted(clusters: &Clusters) -> PairCounts {
    let n = clusters.len();
    let sizes = |a: u32, b: u32| (clusters.sizes[a as usize], clusters.sizes[b as usize]);
    let distance = |a: u32, b: u32| {
        Metric::Cosine.distance(clusters.means.row(a as usize), clusters.means.row(b as usize))
    };
    let mut counts = PairCounts::new();
    let mut open = 0_usize;
    for c in clusters.candidates.iter().filter(|c| !clusters.cannot_link(c.left, c.right)) {
        counts.add(angle(c.distance), sizes(c.left, c.right), false, 1.0);
        open += 1;
    }
    let apart = &clusters.cannot_link;
    let step = apart.len().div_ceil(MAX_SAMPLED).max(1);
    for &(a, b) in apart.iter().step_by(step) {
        counts.add(angle(distance(a, b)), sizes(a, b), true, step as f64);
    }
    let all = n * n.saturating_sub(1) / 2;
    let others = all.saturating_sub(open + apart.len());
    let known = |a: u32, b: u32| {
        let pair = (a.min(b), a.max(b));
        clusters.candidates.binary_search_by_key(&pair, |c| (c.left, c.right)).is_ok()
            || clusters.cannot_link(pair.0, pair.1)
    };
    if all <= MAX_SAMPLED {
        for a in 0..n as u32 {
            for b in (a + 1..n as u32).filter(|&b| !known(a, b)) {
                counts.add(angle(distance(a, b)), sizes(a, b), false, 1.0);
            }
        }
        return counts;
    }
    // Steps by the golden ratio are spread evenly; pairs of neighbouring numbers, which are often similar, are not preferred.
    let offset = |k: usize| 1 + ((k as f64 * 0.618_033_988_749_894_9).fract() * (n - 1) as f64) as usize;
    let drawn = (0..MAX_SAMPLED).map(|k| ((k % n) as u32, ((k % n + offset(k)) % n) as u32));
    let drawn: Vec<(u32, u32)> = drawn.filter(|&(a, b)| !known(a, b)).collect();
    let weight = others as f64 / drawn.len().max(1) as f64;
    for (a, b) in drawn {
        counts.add(angle(distance(a, b)), sizes(a, b), false, weight);
    }
    counts
}

#[cfg(test)]
mod tests {
    use streamface_kernels::SplitMix64;

    use super::*;

    fn mixture() -> Mixture {
        Mixture {
            strangers: Strangers { mean: 1.5, deviation: 0.12, by_size: 0.0, people: 200.0 },
            same: OnePerson {
                mean: 0.95,
                deviation: 0.1,
                by_size: 0.0,
                size: SizeTerm::Inverse,
                degrees: None,
            },
            share: 0.01,
        }
    }

    /// Answers of someone for whom the truth is less certain than the mixture says, one in fifty of them wrong.
    #[test]
    fn answers_bend_it_and_wrong_ones_do_not_flatten_it() {
        let start = MatchProbability::new(&mixture());
        let right = MatchProbability { shift: 1.0, scale: 0.6, by_size: -0.3, ..start };
        let mut random = SplitMix64::new(5);
        let observations: Vec<Observation> = (0..4000)
            .map(|i| {
                let (distance, n) = (0.4 + 0.4 * random.uniform(), 1 + random.below(40) as u32);
                let same = random.uniform() < right.evaluate(distance, (n, n));
                Observation {
                    log_odds: start.observed(distance, (n, n)),
                    size: log_size((n, n)),
                    same: f64::from(same != (i % 50 == 0)),
                    error: 0.02,
                }
            })
            .collect();
        assert_eq!(start.fitted(&[]), start);
        let found = start.fitted(&observations);
        assert!((found.scale / right.scale - 1.0).abs() < 0.15, "{found:?}");
        assert!((found.shift - right.shift).abs() < 0.3, "{found:?}");
        assert!((found.by_size - right.by_size).abs() < 0.15, "{found:?}");
    }
}
