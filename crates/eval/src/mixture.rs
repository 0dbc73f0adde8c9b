//! The chance that two clusters are one person, from the distances of all pairs of clusters.
//!
//! Most pairs of clusters are two people, some are one person, and the distances show which: a [`Mixture`] of two
//! distributions is fitted to all of them by expectation maximisation (Dempster, Laird, Rubin 1977). Pairs that are surely
//! two people, as those that share a frame, are held fixed. Nothing else has to be known; answers may be added as evidence.
//!
//! ```
//! use streamface_eval::mixture::{Mixture, Pair, Prior};
//!
//! // Forty pairs of one person at 0.3 to 0.5, four thousand strangers at 0.8 to 1.2.
//! let even = |from: f64, to: f64, n: u32| (0..n).map(move |k| from + (to - from) * f64::from(k) / f64::from(n));
//! let distances = even(0.3, 0.5, 40).chain(even(0.8, 1.2, 4000));
//! let pairs: Vec<Pair> = distances.map(|distance| Pair::open(distance, (1, 1))).collect();
//! let mixture = Mixture::fitted(&pairs, 90.0, &Prior::default()).unwrap();
//! assert!(mixture.chance(0.4, (1, 1)) > 0.98);
//! assert!(mixture.chance(0.8, (1, 1)) < 0.05);
//! assert!((mixture.share - 0.01).abs() < 0.003);
//! ```

mod counts;

use serde::Serialize;

pub use counts::PairCounts;

use crate::distributions::student_pdf;
use crate::strangers::{Strangers, log_size};

/// Two clusters, or many pairs of clusters that are alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Their distance, of any kind, at least 0.
    pub distance: f64,
    /// Faces of either.
    pub sizes: (u32, u32),
    /// What is known of them besides, as the logarithm of the odds that they are one person: 0 for nothing, −∞ for surely
    /// two people, ±ln((1 − e)/e) for an answer that is wrong at rate e.
    pub evidence: f64,
    /// Number of pairs that this one stands for, above 0.
    pub weight: f64,
}

impl Pair {
    /// A pair of which nothing but the distance is known.
    #[must_use]
    pub fn open(distance: f64, sizes: (u32, u32)) -> Self {
        Self { distance, sizes, evidence: 0.0, weight: 1.0 }
    }

    /// A pair that is surely two people.
    #[must_use]
    pub fn strangers(distance: f64, sizes: (u32, u32)) -> Self {
        Self { evidence: f64::NEG_INFINITY, ..Self::open(distance, sizes) }
    }

    fn log_size(&self) -> f64 {
        log_size(self.sizes)
    }
}

/// A distribution that is assumed before any distance is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assumed {
    /// Mean distance.
    pub mean: f64,
    /// Standard deviation, above 0.
    pub deviation: f64,
    /// Number of pairs that the assumption weighs as much as, at least 0.
    pub pairs: f64,
}

/// What is assumed before any distance is seen. It weighs little: it holds the fit where there are few pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Distances of one person's clusters. Without it: half the mean of strangers, an eighth of it as deviation, with the
    /// weight of 5 pairs.
    pub same: Option<Assumed>,
    /// Distances of two people's clusters. Without it, the pairs alone decide.
    pub strangers: Option<Assumed>,
    /// The Beta prior of the share of pairs that are one person: assumed pairs of one person, and of two. Default 1 and 19.
    pub share: (f64, f64),
    /// Largest standard deviation of one person's distances, as a part of that of strangers: a wider distribution would explain
    /// what strangers are not quite normal in. Default 1.
    pub spread: f64,
    /// [`OnePerson::degrees`]: few where some days of a person differ much more than most. Default none.
    pub degrees: Option<f64>,
    /// [`OnePerson::size`].
    pub size: SizeTerm,
}

impl Default for Prior {
    fn default() -> Self {
        Self {
            same: None,
            strangers: None,
            share: (1.0, 19.0),
            spread: 1.0,
            degrees: None,
            size: SizeTerm::default(),
        }
    }
}

/// What the mean distance of one person's clusters changes with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum SizeTerm {
    /// The logarithm of the product of the two sizes: largest distances.
    #[default]
    LogProduct,
    /// The mean of one over either size, from 1 for two faces towards 0: distances of means, whose error falls so.
    Inverse,
}

impl SizeTerm {
    fn of(self, (a, b): (u32, u32)) -> f64 {
        match self {
            Self::LogProduct => log_size((a, b)),
            Self::Inverse => 0.5 * (1.0 / f64::from(a.max(1)) + 1.0 / f64::from(b.max(1))),
        }
    }

    /// Pairs that the assumption of no change weighs as much as, at a spread of the term by 1.
    fn ridge(self) -> f64 {
        match self {
            Self::LogProduct => PRIOR_BY_SIZE,
            Self::Inverse => 0.1 * PRIOR_BY_SIZE,
        }
    }
}

/// The distances of one person's clusters: normal above their mean, or with a heavier tail, and taken to be as likely below the
/// mean as at it, so that no pair is less likely one person because it is nearer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OnePerson {
    /// Mean distance where the size term is 0.
    pub mean: f64,
    /// Standard deviation, above 0.
    pub deviation: f64,
    /// Change of the mean with the size term.
    pub by_size: f64,
    /// The size term.
    pub size: SizeTerm,
    /// Degrees of freedom of a Student distribution above the mean; without, it is normal there.
    pub degrees: Option<f64>,
}

/// Two distributions of the distances of pairs of clusters, and how many are of which.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mixture {
    /// Distances of two people.
    pub strangers: Strangers,
    /// Distances of one person.
    pub same: OnePerson,
    /// Share of the pairs that are one person, those that surely are not left out; between 0 and 1.
    pub share: f64,
}

/// Rounds at most; some dozens are enough.
const MAX_ROUNDS: usize = 300;
/// The fit ends when the share changes by less than this part of itself.
const SETTLED: f64 = 1e-7;
/// Rounds of the fit within clusters.
const WITHIN_ROUNDS: usize = 30;
/// Pairs known to be two people, from which on the first guess of strangers is made of these alone.
const MIN_SURE: f64 = 30.0;
/// The mean distance of one person stays so many deviations of strangers below that of strangers.
const MIN_GAP: f64 = 2.5;
/// Log-odds are held within this.
const MAX_LOG_ODDS: f64 = 30.0;
/// Pairs that the default of [`Prior::same`] weighs as much as.
const PRIOR_PAIRS: f64 = 5.0;
/// Least deviation of a distribution.
const MIN_DEVIATION: f64 = 1e-4;
/// Pairs that the assumption of no change with size weighs as much as, at a spread of sizes by a factor of e.
const PRIOR_BY_SIZE: f64 = 20.0;

impl Mixture {
    /// The mixture most likely to have given these pairs. `people`: how many people these are, roughly; fewer give a heavier
    /// tail to the distances of strangers. Without pairs of positive weight, [`None`].
    ///
    /// Time: O(pairs · rounds), some dozens of rounds; [`PairCounts`] makes few pairs of many. The same pairs in the same order
    /// give the same mixture.
    #[must_use]
    pub fn fitted(pairs: &[Pair], people: f64, prior: &Prior) -> Option<Self> {
        let first = strangers_at_first(pairs, prior.strangers)?;
        let assumed = prior.same.unwrap_or(Assumed {
            mean: 0.5 * first.mean,
            deviation: 0.125 * first.mean,
            pairs: PRIOR_PAIRS,
        });
        let deviation = assumed.deviation.min(prior.spread * first.deviation);
        let same = OnePerson {
            mean: assumed.mean,
            deviation,
            by_size: 0.0,
            size: prior.size,
            degrees: prior.degrees,
        };
        let OnePerson { mean, deviation, by_size, .. } = first;
        let strangers = Strangers { mean, deviation, by_size, people: people.max(2.0) };
        let share = prior.share.0 / (prior.share.0 + prior.share.1);
        let mut mixture = Self { strangers, same, share };
        for _ in 0..MAX_ROUNDS {
            let next = mixture.improved(pairs, assumed, prior);
            let settled = (next.share / mixture.share - 1.0).abs() < SETTLED;
            mixture = next;
            if settled {
                break;
            }
        }
        Some(mixture)
    }

    /// The chance that two clusters at this distance are one person, given nothing else; strictly between 0 and 1. It never
    /// rises with the distance.
    #[must_use]
    pub fn chance(&self, distance: f64, sizes: (u32, u32)) -> f64 {
        sigmoid(self.log_odds(distance, sizes))
    }

    /// The same as the logarithm of the odds, from −30 to 30: evidence adds to it.
    #[must_use]
    pub fn log_odds(&self, distance: f64, sizes: (u32, u32)) -> f64 {
        self.odds().log_odds(distance, sizes)
    }

    /// The same for many pairs.
    #[must_use]
    pub fn odds(&self) -> Odds {
        Odds {
            mixture: *self,
            prior: (self.share / (1.0 - self.share)).ln(),
            peak: (student_pdf(0.0, self.strangers.degrees()) / self.strangers.spread()).ln(),
        }
    }

    /// The mixture of clusters that hold one person and of clusters that hold two, by the distances of the best two parts of
    /// each. `parts` are these distances. Distances of strangers are as here; those of the two parts of one person are fitted.
    /// `share` of the result is the share of clusters that hold one person, so [`chance`](Self::chance) is the chance that a
    /// cluster holds one person.
    ///
    /// `joinable`: pairs of people that could have become a cluster by mistake, as likely at one distance as at another.
    /// O(parts · rounds).
    #[must_use]
    pub fn within(&self, parts: &[Pair], joinable: f64) -> Self {
        let clusters: f64 = parts.iter().map(|p| p.weight).sum();
        let share = (clusters + 1.0) / (clusters + 1.0 + joinable.max(1.0));
        let assumed = Assumed {
            mean: 0.5 * self.same.mean,
            deviation: self.same.deviation.max(0.5 * self.strangers.deviation),
            pairs: PRIOR_PAIRS,
        };
        let Assumed { mean, deviation, .. } = assumed;
        let same = OnePerson { mean, deviation, by_size: 0.0, ..self.same };
        let mut mixture = Self { strangers: self.strangers, same, share };
        let most = self.strangers.mean - MIN_GAP * self.strangers.deviation;
        for _ in 0..WITHIN_ROUNDS {
            let odds = mixture.odds();
            let mut one = Line::default();
            for part in parts {
                let chance = sigmoid(odds.log_odds(part.distance, part.sizes) + part.evidence);
                let x = same.size.of(part.sizes);
                one.add(x, part.distance, part.weight * chance, mixture.same.pull(part.distance, x));
            }
            let fitted = one.fitted(Some(assumed), most, same.size.ridge());
            mixture.same = OnePerson { size: same.size, degrees: same.degrees, ..fitted };
        }
        mixture
    }

    /// One round: the chance of each pair, then the distributions that these chances give.
    fn improved(&self, pairs: &[Pair], assumed: Assumed, prior: &Prior) -> Self {
        let (mut one, mut two) = (Line::default(), Line::default());
        let (mut same, mut open, mut sizes) = (0.0, 0.0, 0.0);
        let odds = self.odds();
        for pair in pairs {
            let sure = pair.evidence == f64::NEG_INFINITY;
            let chance =
                if sure { 0.0 } else { sigmoid(odds.log_odds(pair.distance, pair.sizes) + pair.evidence) };
            let (x, w) = (pair.log_size(), pair.weight);
            let x1 = self.same.size.of(pair.sizes);
            one.add(x1, pair.distance, w * chance, self.same.pull(pair.distance, x1));
            sizes += w * chance * x;
            two.add(x, pair.distance, w * (1.0 - chance), 1.0);
            if !sure {
                same += w * chance;
                open += w;
            }
        }
        let OnePerson { mean, deviation, by_size, .. } =
            two.fitted(prior.strangers, f64::INFINITY, PRIOR_BY_SIZE);
        let strangers = Strangers { mean, deviation, by_size, people: self.strangers.people };
        // Where the sizes are those of the pairs of one person.
        let there = strangers.mean + strangers.by_size * sizes / one.pairs.max(f64::MIN_POSITIVE);
        let mut same_distances =
            one.fitted(Some(assumed), there - MIN_GAP * strangers.deviation, prior.size.ridge());
        same_distances.deviation = same_distances.deviation.min(prior.spread * strangers.deviation);
        (same_distances.size, same_distances.degrees) = (prior.size, prior.degrees);
        let share = (same + prior.share.0) / (open + prior.share.0 + prior.share.1);
        Self { strangers, same: same_distances, share: share.clamp(1e-12, 0.5) }
    }
}

/// A [`Mixture`] ready for many pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Odds {
    mixture: Mixture,
    /// Log-odds of the share.
    prior: f64,
    /// Logarithm of the density of strangers at their mean.
    peak: f64,
}

impl Odds {
    /// The mixture.
    #[must_use]
    pub fn mixture(&self) -> &Mixture {
        &self.mixture
    }

    /// [`Mixture::log_odds`].
    #[must_use]
    pub fn log_odds(&self, distance: f64, sizes: (u32, u32)) -> f64 {
        let Mixture { strangers, same, .. } = &self.mixture;
        let size = log_size(sizes);
        // Beyond the mean of strangers a wide distribution of one person would count as more likely again.
        let middle = strangers.mean + strangers.by_size * size;
        let distance = distance.min(middle);
        let (z, degrees) = ((distance - middle) / strangers.spread(), strangers.degrees());
        let two = self.peak - 0.5 * (degrees + 1.0) * (z * z / degrees).ln_1p();
        let z = same.above(distance, same.size.of(sizes));
        let tail = match same.degrees {
            Some(degrees) => 0.5 * (degrees + 1.0) * (z * z / degrees).ln_1p(),
            None => 0.5 * z * z,
        };
        let one = -tail - (same.deviation * std::f64::consts::TAU.sqrt()).ln();
        (self.prior + one - two).clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS)
    }
}

impl OnePerson {
    /// Deviations above the mean, at a size term; 0 below it.
    fn above(&self, distance: f64, x: f64) -> f64 {
        ((distance - self.by_size * x - self.mean) / self.deviation).max(0.0)
    }

    /// How much a distance counts for the mean and the deviation: the farther in the heavy tail, the less.
    fn pull(&self, distance: f64, x: f64) -> f64 {
        let z = self.above(distance, x);
        self.degrees.map_or(1.0, |degrees| (degrees + 1.0) / (degrees + z * z))
    }
}

/// Sums of a weighted regression of distances on the logarithm of sizes.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    /// Number of pairs.
    pairs: f64,
    weight: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Line {
    /// Adds `pairs` pairs, each with the weight `pull`.
    fn add(&mut self, x: f64, y: f64, pairs: f64, pull: f64) {
        let weight = pairs * pull;
        self.pairs += pairs;
        self.weight += weight;
        self.x += weight * x;
        self.y += weight * y;
        self.xx += weight * x * x;
        self.xy += weight * x * y;
        self.yy += weight * y * y;
    }

    fn mean_x(&self) -> f64 {
        if self.weight > 0.0 { self.x / self.weight } else { 0.0 }
    }

    fn mean_y(&self) -> f64 {
        if self.weight > 0.0 { self.y / self.weight } else { 0.0 }
    }

    /// Change of y with x, drawn towards 0 by as many pairs as `ridge`.
    fn slope(&self, ridge: f64) -> f64 {
        let spread = self.xx - self.weight * self.mean_x() * self.mean_x();
        let both = self.xy - self.weight * self.mean_x() * self.mean_y();
        both / (spread.max(0.0) + ridge)
    }

    /// The line through these and what is assumed, at most `most` at the mean of x.
    fn fitted(&self, assumed: Option<Assumed>, most: f64, ridge: f64) -> OnePerson {
        let by_size = self.slope(ridge);
        let Assumed { mean, deviation, pairs } =
            assumed.unwrap_or(Assumed { mean: 0.0, deviation: 0.0, pairs: 0.0 });
        let all = (self.weight + pairs).max(f64::MIN_POSITIVE);
        let middle = ((self.weight * self.mean_y() + pairs * mean) / all).min(most);
        let own = self.deviation(by_size, middle);
        let all = (self.pairs + pairs).max(f64::MIN_POSITIVE);
        let variance = (self.weight * own * own + pairs * deviation * deviation) / all;
        let mean = middle - by_size * self.mean_x();
        OnePerson {
            mean,
            deviation: variance.sqrt().max(MIN_DEVIATION),
            by_size,
            size: SizeTerm::default(),
            degrees: None,
        }
    }

    /// Standard deviation of y around a line through `middle` at the mean of x.
    fn deviation(&self, slope: f64, middle: f64) -> f64 {
        if self.weight <= 0.0 {
            return 0.0;
        }
        let (x, y) = (self.mean_x(), self.mean_y());
        let of = |sum: f64, a: f64, b: f64| sum / self.weight - a * b;
        let around = of(self.yy, y, y) - 2.0 * slope * of(self.xy, x, y) + slope * slope * of(self.xx, x, x);
        (around + (y - middle) * (y - middle)).max(0.0).sqrt()
    }
}

/// The first guess of the distances of strangers, as a line: from the pairs that surely are or, where these are few, from what
/// is assumed or, without that, from the upper half of all, in which few are one person.
fn strangers_at_first(pairs: &[Pair], assumed: Option<Assumed>) -> Option<OnePerson> {
    let mut sure = Line::default();
    for pair in pairs.iter().filter(|p| p.evidence == f64::NEG_INFINITY) {
        sure.add(pair.log_size(), pair.distance, pair.weight, 1.0);
    }
    if sure.weight >= MIN_SURE {
        return Some(sure.fitted(assumed, f64::INFINITY, PRIOR_BY_SIZE));
    }
    let mut all: Vec<(f64, f64)> = pairs.iter().map(|p| (p.distance, p.weight)).collect();
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = all.iter().map(|(_, w)| w).sum();
    if total <= 0.0 {
        return None;
    }
    if let Some(Assumed { mean, deviation, .. }) = assumed {
        return Some(OnePerson { mean, deviation, by_size: 0.0, size: SizeTerm::default(), degrees: None });
    }
    let at = |share: f64| {
        let mut before = 0.0;
        all.iter().find_map(|&(d, w)| {
            before += w;
            (before >= share * total).then_some(d)
        })
    };
    // One standard deviation above the median.
    let (median, above) = (at(0.5)?, at(0.841_344_7)?);
    let deviation = (above - median).max(10.0 * MIN_DEVIATION);
    Some(OnePerson { mean: median, deviation, by_size: 0.0, size: SizeTerm::default(), degrees: None })
}

/// The angle of a cosine distance, in radians. Angles of strangers are close to normal far into the tail, where cosine
/// distances are not.
#[must_use]
pub fn angle(distance: f64) -> f64 {
    (1.0 - distance).clamp(-1.0, 1.0).acos()
}

/// The probability of log-odds.
#[must_use]
pub fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

#[cfg(test)]
mod tests;
