//! Intervals that allow for pairs that share a person being alike.

use std::collections::{BTreeMap, HashMap};

use super::{Compared, Roc};
use crate::distributions::{beta_quantile, kish, normal_quantile, student_two_sided};

/// One less the confidence of the intervals.
const ALPHA: f64 = 0.05;

/// People at least that an error is taken to come from.
const FEWEST: f64 = 5.0;

/// The rates of a threshold, with where they lie with a confidence of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Intervals {
    /// Of the true accept rate at the false accept rate, wherever the threshold for that is.
    pub tar: [f64; 2],
    /// Of the false accept rate of this very threshold.
    pub far: [f64; 2],
}

/// What each pair of people adds to the error of a rate.
#[derive(Default)]
struct Errors {
    /// By pair of people, the smaller number first.
    dyads: HashMap<[u32; 2], f64>,
    /// Pairs of faces by person.
    pairs: BTreeMap<u32, u64>,
}

impl Errors {
    fn add(&mut self, [a, b]: [u32; 2], error: f64) {
        *self.dyads.entry([a.min(b), a.max(b)]).or_default() += error;
        *self.pairs.entry(a).or_default() += 1;
        if a != b {
            *self.pairs.entry(b).or_default() += 1;
        }
    }

    /// What each person adds, by number.
    fn people(&self) -> Vec<f64> {
        // Sums do not depend on a hash.
        let mut people: BTreeMap<u32, f64> = BTreeMap::new();
        for (&[a, b], &error) in self.sorted() {
            *people.entry(a).or_default() += error;
            if a != b {
                *people.entry(b).or_default() += error;
            }
        }
        people.into_values().collect()
    }

    /// What the pairs of each two people add, in their order.
    fn sorted(&self) -> Vec<(&[u32; 2], &f64)> {
        let mut dyads: Vec<(&[u32; 2], &f64)> = self.dyads.iter().collect();
        dyads.sort_unstable_by_key(|d| d.0);
        dyads
    }

    /// The variance of the sum, where what two pairs of people that share a person add may be alike (Aronow, Samii and
    /// Assenova 2015); never less than where only the pairs of the same two people are.
    fn variance(&self) -> f64 {
        let people = self.people();
        let square = |of_two: bool| {
            let dyads = self.sorted().into_iter().filter(move |(of, _)| !of_two || of[0] != of[1]);
            dyads.map(|(_, error)| error * error).sum::<f64>()
        };
        let all: f64 = people.iter().map(|sum| sum * sum).sum();
        let count = people.len() as f64;
        let few = if count > 1.0 { count / (count - 1.0) } else { 1.0 };
        (all - square(true)).max(square(false)) * few
    }

    /// The number of equal people with the same information (Kish 1965): by their pairs, or by what they add to the error
    /// where that is fewer, as for rare events; but not below [`FEWEST`] for that, since the error is itself a guess.
    fn effective_people(&self) -> f64 {
        let by_pairs = kish(self.pairs.values().map(|&n| n as f64));
        let by_errors = kish(self.people().into_iter().map(|sum| sum * sum));
        if by_errors > 0.0 { by_errors.max(FEWEST).min(by_pairs) } else { by_pairs }
    }
}

/// The intervals of the rates at `threshold`, the largest at which at most a share of `far` of the pairs of two people is
/// accepted. `pairs` are those of `roc`.
///
/// A rate at a threshold has the interval of Korn and Graubard (1998): Clopper and Pearson's for the number of independent
/// pairs with the same variance, with Student's allowance for few people. The true accept rate at a false accept rate is
/// wrong for two reasons: which pairs of one person are accepted, and where the threshold is. The second goes from the
/// ends of the other interval along the curve, and the distances of the ends add up as squares (Zou and Donner 2008).
pub(super) fn intervals(pairs: &[Compared], roc: &Roc, far: f64, threshold: f64) -> Intervals {
    let rates = roc.rates(threshold);
    let rate = |same: bool, share: f64, n: u64| {
        let mut errors = Errors::default();
        for pair in pairs.iter().filter(|pair| pair.same == same) {
            let accepted = f64::from(u8::from(pair.distance <= threshold));
            errors.add(pair.people, (accepted - share) / n as f64);
        }
        interval(share, n as f64, errors.variance(), errors.effective_people())
    };
    let (tar, of_far) = (rate(true, rates.tar, roc.same()), rate(false, rates.far, roc.different()));
    // Where the threshold lets through more than it seems to, the right one accepts less, and the other way about.
    let along = of_far.map(|end| roc.tar_at((far * far / end).min(1.0)).tar);
    let lower = rates.tar - (rates.tar - tar[0]).hypot((rates.tar - along[1]).max(0.0));
    let upper = rates.tar + (tar[1] - rates.tar).hypot((along[0] - rates.tar).max(0.0));
    Intervals { tar: [lower.max(0.0), upper.min(1.0)], far: of_far }
}

/// The interval of a share of `n` pairs, with its variance and the number of people whose information it holds.
fn interval(share: f64, n: f64, variance: f64, people: f64) -> [f64; 2] {
    if people < 2.0 {
        return [0.0, 1.0];
    }
    // None of them, or all: the rule of three, for people.
    let beyond = 1.0 - ALPHA.powf(1.0 / people);
    if share <= 0.0 {
        return [0.0, beyond];
    }
    if share >= 1.0 {
        return [1.0 - beyond, 1.0];
    }
    let independent = if variance > 0.0 { (share * (1.0 - share) / variance).min(n) } else { n };
    let few = -normal_quantile(ALPHA / 2.0) / student_two_sided(ALPHA, people - 1.0);
    let n = independent * few * few;
    let (yes, no) = (share * n, (1.0 - share) * n);
    [beta_quantile(ALPHA / 2.0, yes, no + 1.0), beta_quantile(1.0 - ALPHA / 2.0, yes + 1.0, no)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributions::{normal_cdf, normal_quantile};
    use crate::random::stream;

    /// Spread of distances that a person adds, and that a pair of faces adds.
    const OF_PERSON: f64 = 0.05;
    const OF_PAIR: f64 = 0.08;

    /// All pairs of `each` faces of `people`; some people are near to everyone, and some are unlike themselves.
    fn world(people: u32, each: u32, seed: u64) -> Vec<Compared> {
        let mut random = stream(seed, 7);
        let mut normal = move || normal_quantile((random.below(1 << 30) as f64 + 0.5) / f64::from(1 << 30));
        let of: Vec<[f64; 2]> = (0..people).map(|_| [OF_PERSON * normal(), OF_PERSON * normal()]).collect();
        let mut pairs = Vec::new();
        for i in 0..people * each {
            for j in 0..i {
                let (a, b) = (i / each, j / each);
                let own = |p: u32, kind: usize| of[p as usize][kind];
                let middle = if a == b { 0.45 + own(a, 0) } else { 0.9 + own(a, 1) + own(b, 1) };
                let distance = (middle + OF_PAIR * normal()).max(0.0);
                pairs.push(Compared { distance, same: a == b, fold: None, people: [a, b] });
            }
        }
        pairs
    }

    /// The true accept rate at a false accept rate, by the distributions that the worlds are drawn from.
    fn true_tar(far: f64) -> (f64, impl Fn(f64) -> f64) {
        let spread = |people: f64| (people * OF_PERSON * OF_PERSON + OF_PAIR * OF_PAIR).sqrt();
        let threshold = 0.9 + spread(2.0) * normal_quantile(far);
        (normal_cdf((threshold - 0.45) / spread(1.0)), move |t: f64| normal_cdf((t - 0.9) / spread(2.0)))
    }

    #[test]
    fn the_rates_lie_in_their_intervals() {
        for (people, each, far) in [(20, 4, 0.01), (40, 3, 0.01), (30, 6, 0.005), (12, 6, 0.1)] {
            let (tar, far_of) = true_tar(far);
            let (mut in_tar, mut in_far, mut width) = (0, 0, 0.0);
            const WORLDS: u64 = 120;
            for seed in 0..WORLDS {
                let pairs = world(people, each, seed);
                let roc = Roc::new(pairs.iter().map(|p| (p.distance, p.same))).unwrap();
                let threshold = roc.tar_at(far).threshold.unwrap_or(0.0);
                let found = intervals(&pairs, &roc, far, threshold);
                in_tar += u64::from((found.tar[0]..=found.tar[1]).contains(&tar));
                in_far += u64::from((found.far[0]..=found.far[1]).contains(&far_of(threshold)));
                width += (found.tar[1] - found.tar[0]) / WORLDS as f64;
            }
            let covered = [in_tar, in_far].map(|n| n as f64 / WORLDS as f64);
            assert!(covered.iter().all(|&c| c >= 0.93), "{people} {each} {far}: {covered:?}");
            assert!(width < 0.3, "{people} {each} {far}: {width}");
        }
    }

    #[test]
    fn copies_of_faces_tell_nothing_new() {
        let pairs = world(15, 3, 5);
        let copied: Vec<Compared> = pairs.iter().flat_map(|&p| [p; 8]).collect();
        let [one, eight] = [&pairs, &copied].map(|pairs| {
            let roc = Roc::new(pairs.iter().map(|p| (p.distance, p.same))).unwrap();
            intervals(pairs, &roc, 0.1, roc.tar_at(0.1).threshold.unwrap())
        });
        for (a, b) in one.tar.into_iter().chain(one.far).zip(eight.tar.into_iter().chain(eight.far)) {
            assert!((a - b).abs() < 1e-9, "{one:?} {eight:?}");
        }
    }

    /// The variance by its definition: over all two pairs that share a person.
    #[test]
    fn the_variance_is_that_of_pairs_that_share_a_person() {
        let pairs = world(6, 2, 1);
        let mut errors = Errors::default();
        let error = |p: &Compared| p.distance - 0.8;
        pairs.iter().for_each(|p| errors.add(p.people, error(p)));
        let mut slow = 0.0;
        for a in &pairs {
            for b in &pairs {
                if a.people.iter().any(|p| b.people.contains(p)) {
                    slow += error(a) * error(b);
                }
            }
        }
        assert!((errors.variance() - slow * 6.0 / 5.0).abs() < 1e-9 * slow, "{slow}");
        // All have as many pairs, but not all as large an error.
        assert!((1.0..6.0).contains(&errors.effective_people()), "{}", errors.effective_people());
        errors.dyads.clear();
        assert!((errors.effective_people() - 6.0).abs() < 1e-9);
    }
}
