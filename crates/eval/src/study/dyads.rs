//! Pairs by who is in them, and how far their shares are from what chance makes of the same few people.

use super::pair::Pair;
use super::rates::{Estimate, Evidence, distinct, estimate, kish};

/// The correction of a sum over people is that of no fewer than these.
const LEAST_PEOPLE: f64 = 4.0;

/// The pairs of faces of each two people in each shot, counted by the first threshold that takes them in.
pub(super) struct DyadCounts {
    dyads: Vec<Dyad>,
    /// Ascending.
    entries: Vec<Entry>,
    /// Pairs of faces of each person, and of each shot.
    of_person: Vec<u64>,
    of_shot: Vec<u64>,
    /// Those of each person and of each dyad within a shot.
    of_person_in_shot: Vec<u64>,
    of_dyad_in_shot: Vec<u64>,
    /// Of these the dyads of one person.
    alone_in_shot: Vec<u64>,
    pub evidence: Evidence,
}

/// Pairs of one dyad in one shot that a threshold takes in first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    threshold: usize,
    dyad: usize,
    shot: usize,
    /// The dyad in the shot, and its people there.
    dyad_in_shot: usize,
    people_in_shot: [usize; 2],
    pairs: u64,
}

/// Two people, or one twice, by their numbers.
struct Dyad {
    people: [usize; 2],
    pairs: u64,
}

impl Dyad {
    fn is_of_two(&self) -> bool {
        self.people[0] != self.people[1]
    }

    /// What there is of each of its people, once where they are one.
    fn each(&self, of: [usize; 2]) -> impl Iterator<Item = usize> {
        of.into_iter().take(if self.is_of_two() { 2 } else { 1 })
    }
}

/// Σ s², s being events less their share of the pairs, is a sum of three: events², events · pairs, pairs².
#[derive(Default)]
struct Squares {
    events: f64,
    both: f64,
    pairs: f64,
}

impl Squares {
    fn new(pairs: impl Iterator<Item = u64>) -> Self {
        Self { pairs: pairs.map(|n| n as f64 * n as f64).sum(), ..Self::default() }
    }

    /// `more` events join the `events` of `pairs`.
    fn add(&mut self, events: u64, more: u64, pairs: u64) {
        let (events, more) = (events as f64, more as f64);
        self.events += more * (2.0 * events + more);
        self.both += more * pairs as f64;
    }

    fn at(&self, share: f64) -> f64 {
        (self.events - 2.0 * share * self.both + share * share * self.pairs).max(0.0)
    }
}

/// Those of events in groups of pairs.
struct Groups<'a> {
    squares: Squares,
    events: Vec<u64>,
    pairs: &'a [u64],
}

impl<'a> Groups<'a> {
    fn new(pairs: &'a [u64]) -> Self {
        Self { squares: Squares::new(pairs.iter().copied()), events: vec![0; pairs.len()], pairs }
    }

    fn add(&mut self, group: usize, more: u64) {
        self.squares.add(self.events[group], more, self.pairs[group]);
        self.events[group] += more;
    }
}

/// Sums over pairs that share a person: over people, less what is counted twice there, once for each of two people.
struct BySharedPeople<'a> {
    people: Groups<'a>,
    dyads: Groups<'a>,
    /// Of dyads of one person, which are not counted twice.
    once: Squares,
}

impl<'a> BySharedPeople<'a> {
    /// `once` are the pairs of each dyad of one person.
    fn new(people: &'a [u64], dyads: &'a [u64], once: impl Iterator<Item = u64>) -> Self {
        Self { people: Groups::new(people), dyads: Groups::new(dyads), once: Squares::new(once) }
    }

    fn add(&mut self, people: impl Iterator<Item = usize>, dyad: usize, is_of_two: bool, more: u64) {
        if !is_of_two {
            self.once.add(self.dyads.events[dyad], more, self.dyads.pairs[dyad]);
        }
        people.for_each(|person| self.people.add(person, more));
        self.dyads.add(dyad, more);
    }

    /// No less than the sum over dyads.
    fn at(&self, share: f64) -> f64 {
        let dyads = self.dyads.squares.at(share);
        (self.people.squares.at(share) - dyads + self.once.at(share)).max(dyads)
    }
}

impl DyadCounts {
    /// `thresholds` ascend. A pair beyond the last one is counted in the total only.
    pub fn new(pairs: &[Pair], thresholds: &[f64]) -> Self {
        let everyone = distinct(pairs.iter().flat_map(|p| p.people));
        let shots = distinct(pairs.iter().map(|p| p.shot));
        let number = |all: &[u64], one: u64| all.partition_point(|&p| p < one);
        let two = |p: &Pair| {
            let [a, b] = p.people.map(|person| number(&everyone, person));
            [a.min(b), a.max(b)]
        };
        let bin = |p: &Pair| thresholds.partition_point(|&t| t < p.distance);
        let mut sorted: Vec<([usize; 2], usize, usize)> =
            pairs.iter().map(|p| (two(p), number(&shots, p.shot), bin(p))).collect();
        sorted.sort_unstable();
        let mut there: Vec<(usize, usize)> =
            sorted.iter().flat_map(|&([a, b], shot, _)| [(a, shot), (b, shot)]).collect();
        there.sort_unstable();
        there.dedup();
        let (mut dyads, mut entries, mut of_dyad_in_shot) = (Vec::new(), Vec::new(), Vec::new());
        let (mut of_person_in_shot, mut alone_in_shot) = (vec![0; there.len()], Vec::new());
        let (mut of_person, mut of_shot) = (vec![0; everyone.len()], vec![0; shots.len()]);
        for met in sorted.chunk_by(|a, b| a.0 == b.0) {
            let dyad = Dyad { people: met[0].0, pairs: met.len() as u64 };
            for in_shot in met.chunk_by(|a, b| a.1 == b.1) {
                let (shot, pairs) = (in_shot[0].1, in_shot.len() as u64);
                let people_in_shot = dyad.people.map(|person| there.partition_point(|&p| p < (person, shot)));
                for same in in_shot.chunk_by(|a, b| a.2 == b.2) {
                    let (threshold, pairs) = (same[0].2, same.len() as u64);
                    let entry = Entry {
                        threshold,
                        dyad: dyads.len(),
                        shot,
                        dyad_in_shot: of_dyad_in_shot.len(),
                        people_in_shot,
                        pairs,
                    };
                    entries.extend((threshold < thresholds.len()).then_some(entry));
                }
                of_shot[shot] += pairs;
                of_dyad_in_shot.push(pairs);
                alone_in_shot.extend((!dyad.is_of_two()).then_some(pairs));
                dyad.each(people_in_shot).for_each(|person| of_person_in_shot[person] += pairs);
            }
            dyad.each(dyad.people).for_each(|person| of_person[person] += dyad.pairs);
            dyads.push(dyad);
        }
        entries.sort_unstable();
        let evidence = Evidence {
            pairs: pairs.len() as u64,
            pairs_of_people: dyads.len() as u64,
            people: everyone.len() as u64,
            effective_pairs: kish(dyads.iter().map(|d| d.pairs)),
            effective_people: kish(of_person.iter().copied()),
            shots: shots.len() as u64,
            effective_shots: kish(of_shot.iter().copied()),
        };
        Self {
            dyads,
            entries,
            of_person,
            of_shot,
            of_person_in_shot,
            of_dyad_in_shot,
            alone_in_shot,
            evidence,
        }
    }

    /// The share of pairs at or below each of `bins` thresholds.
    pub fn shares(&self, bins: usize, confidence: f64) -> Vec<Estimate> {
        if self.evidence.pairs == 0 {
            return vec![Estimate::NOTHING; bins];
        }
        let of_dyad: Vec<u64> = self.dyads.iter().map(|d| d.pairs).collect();
        let alone = self.dyads.iter().filter(|d| !d.is_of_two()).map(|d| d.pairs);
        let mut people = BySharedPeople::new(&self.of_person, &of_dyad, alone);
        let mut in_shots = BySharedPeople::new(
            &self.of_person_in_shot,
            &self.of_dyad_in_shot,
            self.alone_in_shot.iter().copied(),
        );
        let mut shots = Groups::new(&self.of_shot);
        let (few_people, few_shots) = self.factors();
        let n = self.evidence.pairs as f64;
        let (mut events, mut next) = (0, 0);
        let mut shares = Vec::with_capacity(bins);
        for bin in 0..bins {
            while let Some(entry) = self.entries.get(next).filter(|e| e.threshold == bin) {
                let (dyad, more) = (&self.dyads[entry.dyad], entry.pairs);
                people.add(dyad.each(dyad.people), entry.dyad, dyad.is_of_two(), more);
                in_shots.add(dyad.each(entry.people_in_shot), entry.dyad_in_shot, dyad.is_of_two(), more);
                shots.add(entry.shot, more);
                events += more;
                next += 1;
            }
            let p = events as f64 / n;
            let (by_people, by_shot) = (few_people * people.at(p), few_shots * shots.squares.at(p));
            // What shares both counts once.
            let both = by_people + by_shot - few_people * in_shots.at(p);
            let squares = both.max(by_people).max(by_shot);
            shares.push(estimate(events, self.evidence, squares / (n * n), confidence));
        }
        // The share cannot fall as the threshold grows, so each bound holds for its neighbours too.
        for i in 1..bins {
            shares[i].lower = shares[i].lower.max(shares[i - 1].lower);
        }
        for i in (1..bins).rev() {
            shares[i - 1].upper = shares[i - 1].upper.min(shares[i].upper);
        }
        shares
    }

    /// What the sums of squares lack, by people and by shot, since the share itself is of the same few. For g people who
    /// all meet equally often the sum over pairs with a person in common is (g − 2)(g − 3) / g (g − 1) of what it should
    /// be, whether it is people or pairs of people that differ; for g groups that share nothing (g − 1) / g.
    fn factors(&self) -> (f64, f64) {
        let apart = |g: f64| g / (g - 1.0).max(1.0);
        let g = self.evidence.effective_people;
        let of_two: u64 = self.dyads.iter().filter(|d| d.is_of_two()).map(|d| d.pairs).sum();
        let meet = 2 * of_two > self.evidence.pairs;
        let by_people = if meet {
            let g = g.max(LEAST_PEOPLE);
            g * (g - 1.0) / ((g - 2.0) * (g - 3.0))
        } else {
            apart(g)
        };
        (by_people, apart(self.evidence.effective_shots))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rates::binomial;
    use super::*;

    /// The pair of people `dyad` of always new ones.
    fn new_people(distance: f64, dyad: u64) -> Pair {
        Pair { distance, people: [2 * dyad, 2 * dyad + 1], shot: dyad }
    }

    #[test]
    fn one_pair_of_always_new_people_is_nearly_the_plain_binomial() {
        let pairs: Vec<Pair> = (0..400).map(|i| new_people(i as f64 / 400.0, i)).collect();
        let shares = DyadCounts::new(&pairs, &[0.0999]).shares(1, 0.95);
        let (lower, upper) = binomial(0.1, 400.0, 0.05, 1.96);
        assert!((shares[0].lower - lower).abs() < 0.005, "{shares:?} {lower}");
        assert!((shares[0].upper - upper).abs() < 0.005, "{shares:?} {upper}");
    }

    #[test]
    fn more_pairs_of_the_same_two_people_tell_nothing_new() {
        let of = |copies: u64| {
            let pairs: Vec<Pair> =
                (0..200 * copies).map(|i| new_people((i / copies) as f64 / 200.0, i / copies)).collect();
            DyadCounts::new(&pairs, &[0.0, 0.1, 0.5]).shares(3, 0.95)
        };
        for (one, ten) in of(1).into_iter().zip(of(10)) {
            assert_eq!(ten.events, 10 * one.events);
            assert!(
                (one.upper - ten.upper).abs() < 2e-3 && (one.lower - ten.lower).abs() < 2e-3,
                "{one:?} {ten:?}"
            );
        }
    }

    #[test]
    fn nothing_seen_is_not_nothing() {
        let pairs: Vec<Pair> = (0..3_000).map(|i| new_people(1.0, i % 300)).collect();
        let none = DyadCounts::new(&pairs, &[0.5, 1.0]).shares(2, 0.95);
        // 3 / 300 pairs of people, not 3 / 3,000 pairs of faces.
        assert!((none[0].upper - 0.00994).abs() < 1e-4 && none[0].lower == 0.0, "{none:?}");
        assert!((none[1].lower - 0.99006).abs() < 1e-4 && none[1].upper == 1.0, "{none:?}");
        // One person's links, however many, are one person's.
        let one = [
            Pair { distance: 0.2, people: [7, 7], shot: 0 },
            Pair { distance: 0.4, people: [7, 7], shot: 0 },
        ];
        let one = DyadCounts::new(&one, &[0.1, 0.3]).shares(2, 0.95);
        assert_eq!((one[0].upper > 0.94, one[1].lower, one[1].upper), (true, 0.0, 1.0));
    }

    proptest! {
        #[test]
        fn the_variance_is_the_sum_over_pairs_that_share_a_person_or_a_shot(
            pairs in prop::collection::vec((0..12u32, 0..6u64, 0..6u64, 0..8u64), 2..60),
        ) {
            let pairs: Vec<_> = pairs
                .iter()
                .map(|&(d, a, b, shot)| Pair { distance: f64::from(d) / 10.0, people: [a, b], shot })
                .collect();
            let grid = [0.0, 0.25, 0.5, 0.7];
            let counts = DyadCounts::new(&pairs, &grid);
            let n = pairs.len() as f64;
            for (e, t) in counts.shares(4, 0.95).into_iter().zip(grid) {
                let events = pairs.iter().filter(|p| p.distance <= t).count() as u64;
                prop_assert_eq!(e.events, events);
                let p = events as f64 / n;
                prop_assert!(0.0 <= e.lower && e.lower <= p && p <= e.upper && e.upper <= 1.0, "{:?}", e);
                let residual = |pair: &Pair| f64::from(u8::from(pair.distance <= t)) - p;
                let sum = |related: &dyn Fn(&Pair, &Pair) -> bool| -> f64 {
                    let of = |a| pairs.iter().filter(|b| related(a, b)).map(residual).sum::<f64>() * residual(a);
                    pairs.iter().map(of).sum()
                };
                let meet = |a: &Pair, b: &Pair| a.people.iter().any(|person| b.people.contains(person));
                let two = |a: &Pair, b: &Pair| {
                    a.people == b.people || (a.people[0] == b.people[1] && a.people[1] == b.people[0])
                };
                let (few_people, few_shots) = counts.factors();
                let by_people = few_people * sum(&meet).max(sum(&two));
                let by_shot = few_shots * sum(&|a, b| a.shot == b.shot);
                let inside = sum(&|a, b| a.shot == b.shot && meet(a, b)).max(sum(&|a, b| a.shot == b.shot && two(a, b)));
                let squares = by_people.max(by_shot).max(by_people + by_shot - few_people * inside);
                let slow = estimate(events, counts.evidence, squares / (n * n), 0.95);
                prop_assert!((slow.effective - e.effective).abs() < 1e-6 * n, "{:?} {:?}", slow, e);
            }
        }
    }
}
