//! The false-match rate below what was observed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::pair::Pair;
use super::rates::{distinct, kish, resample};
use crate::distributions::{normal_cdf, normal_pdf, normal_quantile, quantile, student_two_sided};

/// The tail grows until this number of pairs of people have faces in it.
const ENOUGH_TAIL_PAIRS: usize = 50;
/// With fewer pairs of people nothing is fitted.
const MIN_TAIL_PAIRS: usize = 10;
/// The tail is at most this share of the pairs.
const MAX_TAIL_SHARE: f64 = 0.1;

/// The lower tail of the distances of surely different pairs, described by two numbers: the share of
/// pairs in it, and how far they reach into it on average. From these follow
/// - the *estimate*: the normal distribution with that share below [`at`](Tail::at) and that mean
///   excess, Φ(z + (t − at) / σ) with Φ(z) = `share` and σ = `mean_excess` / (z + φ(z) / `share`);
/// - the *upper bound*: the exponential tail `share` · exp(−(at − t) / `mean_excess`). A tail whose
///   logarithm is concave (normal, beta, gamma, …) has an increasing hazard rate seen from `at`
///   downwards, and so lies above the exponential one of equal mean near `at`, and below it from one
///   crossing on (Barlow and Proschan 1975).
///
/// Both are extrapolations. Look-alikes, or one person twice in a frame (a picture, a mirror), make a
/// second, heavier tail, which no fit can foresee: [`heavier`](Tail::heavier) says where it shows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tail {
    /// The tail is what is at or below this distance.
    pub at: f64,
    /// Share of the pairs in it.
    pub share: f64,
    /// Mean of `at` − distance in it.
    pub mean_excess: f64,
    /// Pairs of faces in it.
    pub pairs: u64,
    /// Pairs of people that these are of.
    pub pairs_of_people: u64,
    /// Whether more pairs were seen far down than the exponential tail allows.
    pub heavier: bool,
}

/// The tail's rate at a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Modelled {
    /// By the normal tail.
    pub rate: f64,
    /// Lower end of the interval of the normal tail.
    pub lower: f64,
    /// Upper end of the interval of the exponential tail; never below the rate that was observed.
    pub upper: f64,
}

#[derive(Clone, Copy)]
struct Fit {
    at: f64,
    share: f64,
    excess: f64,
}

impl Fit {
    /// `None` where the numbers do not make a tail.
    fn new(at: f64, share: f64, excess: f64) -> Option<Self> {
        (share > 0.0 && share < 0.5 && excess > 1e-9).then_some(Self { at, share, excess })
    }

    fn exponential(self, t: f64) -> f64 {
        self.share * (-(self.at - t) / self.excess).exp()
    }

    /// (z, σ) of the normal tail.
    fn normal(self) -> (f64, f64) {
        let z = normal_quantile(self.share);
        (z, self.excess / (z + normal_pdf(z) / self.share))
    }
}

/// Fits the tail, and its rates at those of `thresholds` that lie in it (they ascend). `None` where fewer
/// than ten pairs of people have faces in the nearest tenth. O((n + resamples · pairs of people) log n).
///
/// Resamples draw people with replacement, and a pair of people counts as often as both were drawn (Owen 2007): somewhat
/// too wide, never too narrow by a cast that repeats.
pub(super) fn fit(
    pairs: &[Pair],
    thresholds: &[f64],
    resamples: usize,
    confidence: f64,
    seed: u64,
) -> Option<(Tail, Vec<Modelled>)> {
    let everyone = distinct(pairs.iter().flat_map(|p| p.people));
    let number = |person: u64| everyone.partition_point(|&p| p < person);
    let two = |p: &Pair| {
        let [a, b] = p.people.map(number);
        (a.min(b), a.max(b))
    };
    let mut sorted: Vec<(f64, (usize, usize))> = pairs.iter().map(|p| (p.distance, two(p))).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let most = (MAX_TAIL_SHARE * sorted.len() as f64) as usize;
    let mut seen = BTreeSet::new();
    let mut len = 0;
    while len < most && (seen.len() < ENOUGH_TAIL_PAIRS || sorted[len].0 == sorted[len - 1].0) {
        seen.insert(sorted[len].1);
        len += 1;
    }
    if seen.len() < MIN_TAIL_PAIRS {
        return None;
    }
    let at = sorted[len - 1].0;
    // Ties at the end of the nearest tenth belong to it too.
    let len = sorted.partition_point(|p| p.0 <= at);

    // By pair of people: all pairs of faces, those in the tail, and the sum of their excesses.
    let mut sums: BTreeMap<(usize, usize), (u64, u64, f64)> = BTreeMap::new();
    for (i, &(distance, two)) in sorted.iter().enumerate() {
        let sums = sums.entry(two).or_default();
        sums.0 += 1;
        if i < len {
            sums.1 += 1;
            sums.2 += at - distance;
        }
    }
    let sums: Vec<Sums> = sums.into_iter().collect();
    let fit = |weights: &[u32]| {
        let (mut all, mut inside, mut excess) = (0, 0, 0.0);
        for &((a, b), (n, k, e)) in &sums {
            let w =
                if a == b { u64::from(weights[a]) } else { u64::from(weights[a]) * u64::from(weights[b]) };
            all += w * n;
            inside += w * k;
            excess += w as f64 * e;
        }
        Fit::new(at, inside as f64 / all as f64, excess / inside as f64)
    };
    let best = fit(&vec![1; everyone.len()])?;
    let drawn: Vec<Fit> = resample(everyone.len(), resamples, seed, fit).into_iter().flatten().collect();
    let normals: Vec<(f64, f64)> = drawn.iter().map(|f| f.normal()).collect();

    let alpha = 1.0 - confidence;
    let few = student_two_sided(alpha, (effective_people(&sums) - 1.0).max(1.0));
    let (z, sigma) = best.normal();
    let mut heavier = false;
    let modelled = thresholds
        .iter()
        .take_while(|&&t| t <= at)
        .map(|&t| {
            let rate = normal_cdf(z + (t - at) / sigma);
            let mut low: Vec<f64> =
                normals.iter().map(|&(z, sigma)| normal_cdf(z + (t - at) / sigma)).collect();
            let upper =
                above(best.exponential(t), drawn.iter().map(|f| f.exponential(t)), few, alpha).max(rate);
            let seen = sorted.partition_point(|p| p.0 <= t) as f64 / sorted.len() as f64;
            // Twice, so that the wobble of the data itself does not raise the alarm.
            heavier |= seen > 2.0 * upper;
            Modelled { rate, lower: quantile(&mut low, alpha / 2.0).min(rate), upper: upper.max(seen) }
        })
        .collect();
    let inside = &sorted[..len];
    let two: BTreeSet<_> = inside.iter().map(|p| p.1).collect();
    let tail = Tail {
        at,
        share: best.share,
        mean_excess: best.excess,
        pairs: len as u64,
        pairs_of_people: two.len() as u64,
        heavier,
    };
    Some((tail, modelled))
}

/// Pairs of faces of two people: all, those in the tail, and how far these reach into it together.
type Sums = ((usize, usize), (u64, u64, f64));

/// People with the same number of pairs each that tell as much.
fn effective_people(sums: &[Sums]) -> f64 {
    let mut of_person: BTreeMap<usize, u64> = BTreeMap::new();
    for &((a, b), (n, _, _)) in sums {
        *of_person.entry(a).or_default() += n;
        if b != a {
            *of_person.entry(b).or_default() += n;
        }
    }
    kish(of_person.into_values())
}

/// The upper end of the interval of a rate found `at`, from those of resamples: by their percentiles, or by the deviation
/// of their logarithms and Student's factor `few`, whichever is more. With few people percentiles alone are too narrow.
fn above(at: f64, drawn: impl Iterator<Item = f64>, few: f64, alpha: f64) -> f64 {
    let mut drawn: Vec<f64> = drawn.collect();
    let logarithms: Vec<f64> = drawn.iter().map(|rate| rate.max(f64::MIN_POSITIVE).ln()).collect();
    let mean = logarithms.iter().sum::<f64>() / logarithms.len() as f64;
    let variance = logarithms.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / logarithms.len() as f64;
    let by_deviation = (at * (few * variance.sqrt()).exp()).min(1.0);
    quantile(&mut drawn, 1.0 - alpha / 2.0).max(if by_deviation.is_finite() { by_deviation } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use streamface_kernels::SplitMix64;

    use super::*;
    use crate::random::stream;

    fn normal(random: &mut SplitMix64, mean: f64, sd: f64) -> f64 {
        let uniform = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        mean + sd * normal_quantile(uniform.max(1e-15))
    }

    fn strangers(n: u64, seed: u64) -> Vec<Pair> {
        let mut random = stream(seed, 0);
        (0..n)
            .map(|i| Pair {
                distance: normal(&mut random, 0.94, 0.14).max(0.0),
                people: [2 * (i / 4), 2 * (i / 4) + 1],
                shot: i / 4,
            })
            .collect()
    }

    #[test]
    fn a_normal_tail_is_found_and_bounded_far_below_the_data() {
        let thresholds = [0.2, 0.3, 0.4, 0.5];
        let (mut inside, mut above) = (0, 0);
        for seed in 0..60 {
            let (tail, modelled) = fit(&strangers(4_000, seed), &thresholds, 1_000, 0.95, 1).unwrap();
            assert!(tail.pairs >= 50 && tail.pairs_of_people >= 50 && !tail.heavier, "{tail:?}");
            for (t, m) in thresholds.iter().zip(modelled) {
                let truth = normal_cdf((t - 0.94) / 0.14);
                inside += u32::from(m.lower <= truth && truth <= m.upper);
                above += u32::from(m.upper >= truth);
                // At 0.3 the truth is 2.4e-6, with 4,000 pairs seen.
                assert!(m.rate < 300.0 * truth && m.upper < 0.01, "{t} {m:?} {truth}");
            }
        }
        assert!(inside >= 220 && above >= 236, "{inside} {above} of 240");
    }

    #[test]
    fn one_person_twice_in_a_frame_is_noticed() {
        let mut pairs = strangers(20_000, 1);
        for i in 0..20 {
            pairs[500 * i].distance = 0.1;
        }
        let (tail, modelled) = fit(&pairs, &[0.05, 0.1, 0.2], 1_000, 0.95, 1).unwrap();
        assert!(tail.heavier || modelled[1].upper >= 0.001, "{tail:?} {modelled:?}");
        assert!(modelled[1].upper >= 0.001 && modelled[2].upper >= 0.001, "{modelled:?}");
    }

    #[test]
    fn too_few_or_all_alike_give_no_tail() {
        assert!(fit(&strangers(80, 1), &[0.3], 1_000, 0.95, 1).is_none());
        assert!(fit(&[], &[0.3], 1_000, 0.95, 1).is_none());
        let alike: Vec<Pair> =
            (0..5_000).map(|i| Pair { distance: 0.8, people: [2 * i, 2 * i + 1], shot: i }).collect();
        assert!(fit(&alike, &[0.3], 1_000, 0.95, 1).is_none());
    }
}
