//! Which merges of complete linkage join one person, and how many are expected to be wrong.
//!
//! Linkage gives merges up to a largest distance. How likely a merge is right depends on more than that distance: on how many
//! people there are, how far apart these people are, and how far apart the clusters are on the whole. [`MergeChances`] says it
//! for each merge, from the embeddings alone; [`MergeChances::within`] takes the surest merges whose expected number of wrong
//! ones stays within a budget, and [`MergeChances::threshold`] says which single threshold keeps that budget.
//!
//! 1. Clusters joined up to the *base*, a distance at which two people are hardly ever found, are taken as one person each. The
//!    base is 0.45 of the largest distance, or less where so many people are expected to have a pair nearer than that.
//! 2. A [`Mixture`] is fitted to the angles between the means of all pairs of these clusters (for the Euclidean metric, to the
//!    distances of the means). Angles of strangers are close to normal far into the tail, where cosine distances are not.
//! 3. A merge above the base has the chance that the mixture gives for the means of its two clusters. A merge is believed only
//!    if all merges within its two clusters are.
//!
//! | file | what |
//! |---|---|
//! | `trees` | the merges tree by tree: what lies between the means of the two clusters of each |
//! | `fit` | the pairs of base clusters, the mixture, and how sure that is |
//! | `choose` | the base, the merges within a budget, the threshold |

mod choose;
mod fit;
#[cfg(test)]
mod tests;
mod trees;

use serde::Serialize;
use streamface_types::{EmbeddingsView, Metric};

use crate::mixture::{Assumed, Mixture, Prior, angle};
use crate::{Error, Result};

use self::fit::Fit;
use self::trees::Forest;

/// A merge of complete linkage: the smallest rows of the two clusters, the smaller first, and the largest distance across them.
pub type Merge = (u32, u32, f64);

/// Distances of the means of clusters, as a model's manifest has them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// Mean and standard deviation of the distances of one person's clusters.
    pub one_person: (f64, f64),
    /// The same of two people's.
    pub two_people: (f64, f64),
    /// Number of people that these were measured on.
    pub people: f64,
}

impl Known {
    /// A guess for a model of which only the largest distance is known that linkage goes to: in proportion to it, as for the
    /// default embedder.
    #[must_use]
    pub fn of_reach(reach: f64) -> Self {
        Self {
            one_person: (0.47 * reach, 0.14 * reach),
            two_people: (1.5 * reach, 0.25 * reach),
            people: 0.0,
        }
    }
}

/// What to judge merges by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The distance of the merges.
    pub metric: Metric,
    /// Largest distance that linkage went to, above 0.
    pub reach: f64,
    /// Wrong merges that may be expected, above 0. Default 0.5.
    pub false_merges: f64,
    /// Least chance of a merge that is believed, 0 to 1. Default 0.75: joining in review is quick, and tearing apart is slow.
    pub least_chance: f64,
    /// What is known of the model. Without it, the reach says roughly how far people are apart: see [`Known::of_reach`].
    pub known: Option<Known>,
}

impl Settings {
    /// The defaults, for merges up to `reach`.
    #[must_use]
    pub fn new(metric: Metric, reach: f64) -> Self {
        Self { metric, reach, false_merges: 0.5, least_chance: 0.75, known: None }
    }

    fn check(&self) -> Result<()> {
        let wrong = |name, value, range| Err(Error::Setting { name, value, range });
        if !(self.false_merges > 0.0 && self.false_merges.is_finite()) {
            return wrong("false_merges", self.false_merges, "a finite number above 0");
        }
        if !(0.0..=1.0).contains(&self.least_chance) {
            return wrong("least_chance", self.least_chance, "0 to 1");
        }
        if self.reach.is_nan() || self.reach < 0.0 {
            return wrong("reach", self.reach, "0 or more");
        }
        Ok(())
    }

    /// A distance of the metric as the mixture sees it: the angle for cosine, itself otherwise.
    fn seen(&self, distance: f64) -> f64 {
        match self.metric {
            Metric::Cosine => angle(distance),
            _ => distance,
        }
    }

    fn prior(&self) -> Prior {
        // A deviation of the distance as one of the angle, by the slope there.
        let slope = |distance: f64| match self.metric {
            Metric::Cosine => self.seen(distance).sin().max(0.1),
            _ => 1.0,
        };
        let assumed = |(mean, deviation): (f64, f64), pairs| Assumed {
            mean: self.seen(mean),
            deviation: deviation / slope(mean),
            pairs,
        };
        let known = self.known.unwrap_or_else(|| Known::of_reach(self.reach.max(f64::MIN_POSITIVE)));
        let same = assumed(known.one_person, SAME_PAIRS);
        let strangers = assumed(known.two_people, STRANGER_PAIRS);
        // Among millions of pairs a few look-alikes would widen the distribution of one person, and so become more.
        let spread = same.deviation / strangers.deviation;
        Prior { same: Some(same), strangers: Some(strangers), spread, ..Prior::default() }
    }
}

/// Pairs that what is known of one person's clusters weighs as much as, and of two people's.
const SAME_PAIRS: f64 = 5.0;
const STRANGER_PAIRS: f64 = 10.0;

/// The chance of each merge that it joins one person.
#[derive(Debug, Clone)]
pub struct MergeChances {
    settings: Settings,
    merges: Vec<Merge>,
    /// Of each merge: its own chance, and the least of it and those within its clusters.
    own: Vec<f64>,
    least: Vec<f64>,
    base: f64,
    /// Expected wrong merges up to the base.
    below_base: f64,
    fit: Option<Fit>,
    /// What lies between the two means of each merge, and the sizes of its clusters.
    forest: Forest,
}

/// Merges that are believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Believed {
    /// Of each merge, in the order given, whether it is.
    pub merges: Vec<bool>,
    /// Expected number of wrong ones among these.
    pub false_merges: f64,
    /// The largest distance of these; 0 without any.
    pub largest: f64,
    /// Merges that are not believed.
    pub left: usize,
}

/// An expected number of wrong merges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FalseMerges {
    /// The expected number.
    pub expected: f64,
    /// An interval of it at 95 %: how sure the distances of two people are known, by leaving out one person at a time.
    pub interval: (f64, f64),
}

/// A single threshold for all merges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Threshold {
    /// The largest distance; at most the reach.
    pub threshold: f64,
    /// Wrong merges up to it.
    pub false_merges: FalseMerges,
}

impl MergeChances {
    /// The chances of `merges`, which are those of exact complete linkage of `rows` up to `settings.reach`, in its order: by
    /// ascending distance. `apart` are pairs of rows that surely are two people.
    ///
    /// Time O(n d + k² d), for the k ≤ 2,000 clusters of a sample; memory O(n), and 8 d bytes a row of the largest tree of
    /// merges.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting out of its range, or a merge of rows that there are not.
    pub fn new<'a>(
        rows: impl Into<EmbeddingsView<'a>>,
        merges: Vec<Merge>,
        apart: &[(usize, usize)],
        settings: Settings,
    ) -> Result<Self> {
        let rows = rows.into();
        settings.check()?;
        let ordered = merges.is_sorted_by(|a, b| a.2 <= b.2);
        if !ordered || merges.iter().any(|&(a, b, _)| a >= b || b as usize >= rows.len()) {
            let name = "merges";
            return Err(Error::Setting {
                name,
                value: merges.len() as f64,
                range: "merges of these rows, in order",
            });
        }
        let forest = Forest::new(rows, &merges, settings.metric);
        let mut base = settings.reach * BASE;
        let mut fit = Fit::new(rows, &merges, &forest, apart, &settings, base);
        let mut below_base = 0.0;
        if let Some(first) = &fit {
            (base, below_base) = choose::base(rows.len(), &merges, first, &settings, base);
            if base < settings.reach * BASE {
                fit = Fit::new(rows, &merges, &forest, apart, &settings, base);
            }
        }
        let mut chances =
            Self { settings, own: Vec::new(), least: Vec::new(), merges, base, below_base, fit, forest };
        chances.own = chances.chances(chances.fit.as_ref().map(|fit| &fit.mixture));
        chances.least = choose::least(rows.len(), &chances.merges, &chances.own);
        Ok(chances)
    }

    /// The chance of each merge by itself.
    fn chances(&self, mixture: Option<&Mixture>) -> Vec<f64> {
        let of = |(merge, between): (&Merge, &trees::Between)| match mixture {
            Some(mixture) if merge.2 > self.base => mixture.chance(between.apart, between.sizes),
            _ => 1.0,
        };
        self.merges.iter().zip(&self.forest.between).map(of).collect()
    }

    /// The least chance of each merge and the merges within its two clusters, 0 to 1; 1 up to [`base`](Self::base).
    #[must_use]
    pub fn least(&self) -> &[f64] {
        &self.least
    }

    /// The distance up to which all merges are believed.
    #[must_use]
    pub fn base(&self) -> f64 {
        self.base
    }

    /// The two distributions, where there were pairs to fit them to: over angles of means for cosine, in radians.
    #[must_use]
    pub fn mixture(&self) -> Option<&Mixture> {
        self.fit.as_ref().map(|fit| &fit.mixture)
    }

    /// The merges to believe: the surest first, while the expected number of wrong ones is within the budget, each at least as
    /// sure as the settings ask.
    #[must_use]
    pub fn within(&self) -> Believed {
        choose::within(self)
    }

    /// The largest threshold up to which the expected number of wrong merges is within the budget: all merges up to it count,
    /// also those that are less likely than the settings ask. It is the distance of a merge or, where all are within the
    /// budget, the reach.
    #[must_use]
    pub fn threshold(&self) -> Threshold {
        choose::threshold(self)
    }

    /// Wrong merges that are expected up to a threshold, with their interval.
    #[must_use]
    pub fn up_to(&self, threshold: f64) -> FalseMerges {
        let count = self.merges.partition_point(|m| m.2 <= threshold);
        let taken: Vec<bool> = (0..self.merges.len()).map(|i| i < count).collect();
        self.expected(&taken, threshold.min(self.base))
    }

    /// Wrong merges that are expected among some, with their interval.
    #[must_use]
    pub fn false_merges(&self, taken: &[bool]) -> FalseMerges {
        self.expected(taken, self.base)
    }

    /// All merges up to `base` are taken.
    fn expected(&self, taken: &[bool], base: f64) -> FalseMerges {
        let Some(fit) = &self.fit else { return FalseMerges { expected: 0.0, interval: (0.0, 0.0) } };
        let sizes = choose::sizes_at(self.forest.root.len(), &self.merges, base);
        let of = |mixture: &Mixture| {
            let own = self.chances(Some(mixture));
            let above = own.iter().zip(taken).filter(|(_, taken)| **taken).map(|(chance, _)| 1.0 - chance);
            choose::expected_below(&self.settings, &sizes, base, mixture) + above.sum::<f64>()
        };
        let expected = of(&fit.mixture);
        FalseMerges { expected, interval: fit.interval(expected, of) }
    }
}

/// The base, as a part of the reach.
const BASE: f64 = 0.45;
