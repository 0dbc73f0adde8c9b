use streamface_kernels::SplitMix64;

use super::*;

/// A world whose pairs are drawn: each with whether it is one person.
struct World {
    pairs: Vec<(Pair, bool)>,
}

/// `same` pairs of one person, `strangers` of two, of which `sure` are known to be; sizes 1 to 30.
fn world(seed: u64, same: usize, strangers: usize, sure: usize) -> World {
    let mut random = SplitMix64::new(seed);
    let mut pairs = Vec::new();
    for k in 0..same + strangers {
        let sizes = (1 + random.below(30) as u32, 1 + random.below(30) as u32);
        let size = log_size(sizes);
        let one = k < same;
        let mean = if one { 0.52 - 0.01 * size } else { 0.9 + 0.02 * size };
        let distance = (mean + if one { 0.09 } else { 0.1 } * random.normal()).max(0.0);
        let pair = if k >= same + strangers - sure {
            Pair::strangers(distance, sizes)
        } else {
            Pair::open(distance, sizes)
        };
        pairs.push((pair, one));
    }
    World { pairs }
}

impl World {
    fn fitted(&self) -> Mixture {
        let pairs: Vec<Pair> = self.pairs.iter().map(|(pair, _)| *pair).collect();
        Mixture::fitted(&pairs, 1e4, &Prior::default()).unwrap()
    }

    /// Mean difference of what is said and what is true, over ten bins of what is said, of the pairs that may be one person.
    fn calibration_error(&self, mixture: &Mixture) -> f64 {
        let mut bins = [(0.0, 0.0, 0.0); 10];
        for (pair, one) in &self.pairs {
            let chance = mixture.chance(pair.distance, pair.sizes);
            if pair.evidence == 0.0 && chance >= 0.01 {
                let bin = &mut bins[((10.0 * chance) as usize).min(9)];
                *bin = (bin.0 + 1.0, bin.1 + chance, bin.2 + f64::from(*one));
            }
        }
        let all: f64 = bins.iter().map(|bin| bin.0).sum();
        bins.iter().map(|(_, said, truth)| (said - truth).abs()).sum::<f64>() / all
    }
}

#[test]
fn what_was_drawn_is_found_again() {
    let found = world(1, 2_000, 100_000, 0).fitted();
    let close = |a: f64, b: f64, within: f64| assert!((a - b).abs() < within, "{a} is not {b}: {found:?}");
    close(found.share, 2.0 / 102.0, 0.001);
    close(found.strangers.mean, 0.9, 0.005);
    close(found.strangers.deviation, 0.1, 0.002);
    close(found.strangers.by_size, 0.02, 0.001);
    close(found.same.mean, 0.52, 0.02);
    close(found.same.deviation, 0.09, 0.006);
    close(found.same.by_size, -0.01, 0.004);
}

/// From many pairs of one person to few, with and without pairs that are surely strangers.
#[test]
fn chances_are_chances() {
    for (same, strangers, sure) in
        [(600, 30_000, 0), (600, 30_000, 3_000), (60, 10_000, 500), (200, 3_000, 0)]
    {
        let mut worst = 0.0_f64;
        let mut mean = 0.0;
        for seed in 0..10 {
            let world = world(100 + seed, same, strangers, sure);
            let error = world.calibration_error(&world.fitted());
            worst = worst.max(error);
            mean += error / 10.0;
        }
        println!("{same} of {strangers}, {sure} sure: calibration error {mean:.3}, worst {worst:.3}");
        assert!(mean < 0.05, "{same} of {strangers}: {mean}, worst {worst}");
    }
}

#[test]
fn without_pairs_of_one_person_hardly_any_are_said_to_be() {
    for seed in 0..10 {
        let world = world(200 + seed, 0, 20_000, 0);
        let mixture = world.fitted();
        let said: f64 = world.pairs.iter().map(|(p, _)| mixture.chance(p.distance, p.sizes)).sum();
        assert!(said < 15.0, "{said} of 20,000 pairs, {mixture:?}");
    }
}

/// Same-frame pairs hold the strangers where most of the open pairs are one person.
#[test]
fn sure_strangers_hold_where_few_others_are() {
    let found = world(3, 3_000, 6_000, 2_000).fitted();
    assert!((found.strangers.mean - 0.9).abs() < 0.01, "{found:?}");
    assert!((found.share - 3.0 / 7.0).abs() < 0.02, "{found:?}");
    let (a, b) = (found.chance(0.4, (3, 3)), found.chance(0.95, (3, 3)));
    assert!(a > 0.99 && b < 0.01, "{a} {b}");
}

#[test]
fn farther_is_never_likelier() {
    for (seed, same, strangers) in [(1, 100, 9_000), (2, 0, 300), (3, 5, 20), (4, 2, 1), (5, 1, 0)] {
        let found = world(seed, same, strangers, 0).fitted();
        for sizes in [(1, 1), (1, 500), (40_000, 40_000)] {
            let chances: Vec<f64> = (0..400).map(|k| found.chance(f64::from(k) / 200.0, sizes)).collect();
            assert!(chances.iter().all(|c| *c > 0.0 && *c < 1.0), "{found:?}");
            let rise = chances.windows(2).map(|w| w[1] - w[0]).fold(f64::MIN, f64::max);
            assert!(rise < 1e-6, "{rise} {found:?}");
        }
    }
}

/// Answers on a few hundred pairs, one in fifty of them wrong, move the fit towards the truth.
#[test]
fn answers_are_evidence() {
    let mut world = world(9, 300, 20_000, 0);
    // What is one person lies where strangers do, so that distances alone say little.
    for (pair, one) in &mut world.pairs {
        if *one {
            pair.distance += 0.18;
        }
    }
    let before = world.fitted();
    let odds = (0.98_f64 / 0.02).ln();
    let mut answered = 0;
    for (k, (pair, one)) in world.pairs.iter_mut().enumerate() {
        if pair.distance < 0.75 && answered < 400 {
            answered += 1;
            pair.evidence = if *one == (k % 50 != 0) { odds } else { -odds };
        }
    }
    let after = world.fitted();
    // The evidence itself is not part of what is judged.
    world.pairs.iter_mut().for_each(|(pair, _)| pair.evidence = 0.0);
    let (was, is) = (world.calibration_error(&before), world.calibration_error(&after));
    assert!(is <= was + 0.005 && is < 0.08, "{was} became {is}");
}

#[test]
fn counts_say_what_pairs_say() {
    let world = world(5, 500, 50_000, 5_000);
    let mut counts = [PairCounts::new(), PairCounts::new()];
    for (k, (pair, _)) in world.pairs.iter().enumerate() {
        counts[k % 2].add(pair.distance, pair.sizes, pair.evidence < 0.0, 1.0);
    }
    let [mut all, other] = counts;
    all.merge(&other);
    assert_eq!(all.total(), 50_500.0);
    let pairs = all.pairs();
    assert!(pairs.len() < 25_000, "{}", pairs.len());
    let (exact, found) = (world.fitted(), Mixture::fitted(&pairs, 1e4, &Prior::default()).unwrap());
    for (distance, sizes) in [(0.4, (1, 1)), (0.6, (10, 3)), (0.65, (2, 2)), (0.7, (30, 30))] {
        let (a, b) = (exact.chance(distance, sizes), found.chance(distance, sizes));
        assert!((a - b).abs() < 0.03, "{distance} {sizes:?}: {a}, {b}");
    }
    let mut odd = PairCounts::new();
    for (distance, weight) in [(f64::NAN, 1.0), (0.5, 0.0), (0.5, f64::NAN), (0.5, -1.0)] {
        odd.add(distance, (1, 1), false, weight);
    }
    assert_eq!((odd.total(), odd.pairs().len()), (0.0, 0));
    odd.add(f64::INFINITY, (u32::MAX, u32::MAX), false, 1.0);
    odd.add(-3.0, (0, 0), true, 1.0);
    assert_eq!(odd.pairs().len(), 2);
}

#[test]
fn nothing_gives_nothing_and_little_gives_the_prior() {
    assert_eq!(Mixture::fitted(&[], 10.0, &Prior::default()), None);
    let one = Mixture::fitted(&[Pair::open(0.5, (1, 1))], 2.0, &Prior::default()).unwrap();
    assert!(one.share < 0.05 && one.chance(0.5, (1, 1)).is_finite(), "{one:?}");
    let assumed = |mean, deviation, pairs| Some(Assumed { mean, deviation, pairs });
    let given = Prior { same: assumed(0.3, 0.1, 5.0), ..Prior::default() };
    let few: Vec<Pair> = (0..40).map(|k| Pair::strangers(0.6 + 0.02 * f64::from(k), (1, 1))).collect();
    let found = Mixture::fitted(&few, 10.0, &given).unwrap();
    assert!((found.same.mean - 0.3).abs() < 1e-9 && (found.same.deviation - 0.1).abs() < 1e-9, "{found:?}");
    // Three pairs say little about strangers; what is assumed says more.
    let given = Prior { strangers: assumed(0.95, 0.15, 10.0), ..given };
    let three: Vec<Pair> = [0.2, 0.3, 0.25].map(|d| Pair::open(d, (2, 2))).into();
    let found = Mixture::fitted(&three, 40.0, &given).unwrap();
    assert!((found.strangers.mean - 0.95).abs() < 0.02 && found.chance(0.25, (2, 2)) > 0.5, "{found:?}");
}

/// Of 400 clusters twenty hold two people: those are the ones whose two parts lie far apart.
#[test]
fn clusters_of_two_people_are_told_from_those_of_one() {
    let mixture = world(6, 300, 80_000, 1_000).fitted();
    let mut random = SplitMix64::new(8);
    let parts: Vec<Pair> = (0..400)
        .map(|k| {
            let two = k % 20 == 0;
            let mean = if two { 0.92 } else { 0.3 };
            Pair::open(
                mean + 0.1 * random.normal(),
                (1 + random.below(20) as u32, 1 + random.below(20) as u32),
            )
        })
        .collect();
    let within = mixture.within(&parts, 400.0 * 399.0 / 2.0);
    let mixed = |p: &Pair| 1.0 - within.chance(p.distance, p.sizes);
    let (mut said, mut found) = (0.0, 0);
    for (k, part) in parts.iter().enumerate() {
        said += mixed(part);
        found += usize::from((mixed(part) > 0.5) == (k % 20 == 0));
    }
    assert!(found >= 396 && (said - 20.0).abs() < 5.0, "{found} told apart, {said} said to hold two");
    // The fewer could have been joined by mistake, the likelier one person.
    let few = mixture.within(&parts, 1.0);
    assert!(few.chance(0.6, (5, 5)) > within.chance(0.6, (5, 5)));
    let none = mixture.within(&[], 10.0);
    assert!(none.chance(0.1, (1, 1)) > 0.9 && none.chance(1.0, (1, 1)) < 0.1, "{none:?}");
}

/// Distances of means fall with the sizes to what days differ by, and not further.
#[test]
fn means_of_many_faces_differ_by_days_alone() {
    let mut random = SplitMix64::new(12);
    let mut draw = |sizes: (u32, u32), same: bool| {
        let mean = if same { 0.6 + 0.5 * SizeTerm::Inverse.of(sizes) } else { 1.5 };
        Pair::open(mean + 0.1 * random.normal(), sizes)
    };
    let size = |k: u32| 1 + k % 6;
    let one = (0..600).map(|k| draw((size(k), size(k / 7)), true)).collect::<Vec<_>>();
    let two = (0..40_000).map(|k| draw((size(k), size(k / 5)), false));
    let pairs: Vec<Pair> = two.chain(one).collect();
    let prior = Prior { size: SizeTerm::Inverse, degrees: Some(5.0), ..Prior::default() };
    let found = Mixture::fitted(&pairs, 300.0, &prior).unwrap();
    // Far more faces than any cluster had.
    assert!(found.chance(0.65, (500, 500)) > 0.95, "{found:?}");
    let product = Mixture::fitted(&pairs, 300.0, &Prior { size: SizeTerm::LogProduct, ..prior }).unwrap();
    assert!(product.chance(0.65, (500, 500)) < found.chance(0.65, (500, 500)), "{product:?}");
}
