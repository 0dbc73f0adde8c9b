//! Made-up collections whose true rates are known: do the intervals hold them, and does a recommended
//! threshold keep what it promises?

use streamface_kernels::SplitMix64;

use super::*;
use crate::distributions::{normal_cdf, normal_quantile};
use crate::random::stream;

/// Distances of a normal distribution, of whose variance a part is common to all pairs of a shot.
#[derive(Clone, Copy)]
struct Kind {
    mean: f64,
    sd: f64,
    within_shot: f64,
    shots: u64,
    /// Most pairs of a shot; 1 up to so many.
    most: usize,
}

/// As different people of the default embedder, and as linked faces.
const DIFFERENT: Kind = Kind { mean: 0.94, sd: 0.14, within_shot: 0.3, shots: 600, most: 9 };
const SAME: Kind = Kind { mean: 0.25, sd: 0.12, within_shot: 0.5, shots: 500, most: 12 };

impl Kind {
    fn rate_at_most(self, t: f64) -> f64 {
        normal_cdf((t - self.mean) / self.sd)
    }

    fn draw(self, seed: u64) -> Vec<Pair> {
        let mut random = stream(seed, 77);
        let normal = move |random: &mut SplitMix64| {
            normal_quantile(
                ((random.next_u64() >> 11) as f64 / (1u64 << 53) as f64).clamp(1e-15, 1.0 - 1e-15),
            )
        };
        let mut pairs = Vec::new();
        for shot in 0..self.shots {
            let common = normal(&mut random);
            for _ in 0..1 + random.below(self.most) {
                let own = normal(&mut random);
                let z = self.within_shot.sqrt() * common + (1.0 - self.within_shot).sqrt() * own;
                pairs.push(Pair { distance: (self.mean + self.sd * z).max(0.0), shot });
            }
        }
        pairs
    }
}

fn settings(step: f64) -> CalibrationSettings {
    CalibrationSettings { step, resamples: 1_000, ..CalibrationSettings::default() }
}

#[test]
fn intervals_hold_the_truth() {
    const SETS: u64 = 300;
    let thresholds = [0.6, 0.7, 0.8, 0.95, 0.1, 0.25, 0.4, 0.5];
    let mut held = [0; 8];
    for seed in 0..SETS {
        let c = Calibration::new(&DIFFERENT.draw(seed), &SAME.draw(1_000 + seed), &settings(0.05)).unwrap();
        for (i, (held, &t)) in held.iter_mut().zip(&thresholds).enumerate() {
            let point = c.at(t).unwrap();
            assert!((point.threshold - t).abs() < 1e-9);
            let (estimate, truth) = if i < 4 {
                (point.false_match, DIFFERENT.rate_at_most(t))
            } else {
                (point.miss, 1.0 - SAME.rate_at_most(t))
            };
            *held += u32::from(estimate.lower <= truth && truth <= estimate.upper);
        }
    }
    println!("{thresholds:?} {held:?}");
    assert!(held.iter().all(|&n| (264..=297).contains(&n)), "{held:?} of 300 at {thresholds:?}");
}

#[test]
fn bounds_hold_where_almost_nothing_was_seen() {
    let small = Kind { shots: 150, ..DIFFERENT };
    let (mut held, mut all) = (0, 0);
    for seed in 0..300 {
        let c = Calibration::new(&small.draw(seed), &[], &settings(0.05)).unwrap();
        for t in [0.3, 0.45, 0.5, 0.55, 0.6] {
            all += 1;
            held += u32::from(c.at(t).unwrap().false_match.upper >= small.rate_at_most(t));
        }
    }
    println!("{held} of {all}");
    assert!(held * 100 >= all * 97, "{held} of {all}");
}

#[test]
fn a_recommended_threshold_keeps_its_promise() {
    let mut of = std::collections::BTreeMap::new();
    for seed in 0..60 {
        let (different, same) = (DIFFERENT.draw(5_000 + seed), SAME.draw(6_000 + seed));
        let c = Calibration::new(&different, &same, &settings(0.02)).unwrap();
        for wanted in [0.02, 0.006, 1e-3, 1e-4] {
            let found = recommend(Target::FalseMatchRate(wanted), &c, Prior::None).unwrap();
            let t = found.threshold.expect("a tail was fitted");
            let counts =
                of.entry((found.basis == Basis::Observed, format!("{wanted}"))).or_insert((0, 0, 0.0));
            counts.0 += 1;
            counts.1 += u32::from(DIFFERENT.rate_at_most(t) <= wanted);
            counts.2 += t;
            // Not by being timid: a threshold far below would do too.
            assert!(t > 0.2, "{found:?}");
        }
    }
    println!("{of:?}");
    for (case, (all, kept, _)) in of {
        assert!(kept * 100 >= all * 95, "{case:?}: {kept} of {all}");
    }
}

#[test]
fn a_purity_is_kept() {
    // 2,000 faces of 50 people: all pairs drawn, put together where they are near enough.
    let (faces, people) = (2_000u64, 50u64);
    let c = Calibration::new(&DIFFERENT.draw(1), &SAME.draw(2), &settings(0.01)).unwrap();
    let found = recommend(Target::Purity(0.9), &c, Prior::People { faces, people }).unwrap();
    let t = found.threshold.unwrap();
    let (same, different) = (50.0 * 40.0 * 39.0 / 2.0, 2_000.0 * 1_999.0 / 2.0 - 50.0 * 40.0 * 39.0 / 2.0);
    let right = same * SAME.rate_at_most(t);
    let truth = right / (right + different * DIFFERENT.rate_at_most(t));
    assert!(truth >= 0.9 && found.purity_at_least.unwrap() >= 0.9, "{truth} {found:?}");
    assert!(found.why.contains("a purity of at least 90 %"), "{}", found.why);

    // The same from a clustering that puts together what is within reach: 50 clusters of 40.
    let labels: Vec<i64> = (0..2_000).map(|i| i % 50).collect();
    let rows = sweep(&[Labelling { threshold: 0.3, labels: &labels, silhouette: None }], None).unwrap();
    let found = recommend(Target::Purity(0.9), &c, Prior::Sweep(&rows)).unwrap();
    let allowed = 0.1 * same / (same + different);
    assert!((found.allowed.unwrap() - allowed).abs() < 1e-12, "{found:?}");
    assert!(found.threshold.unwrap() >= 0.3 && found.purity_at_least.unwrap() >= 0.9, "{found:?}");
}

#[test]
fn too_little_is_said_and_how_much_more() {
    let few = Kind { shots: 40, ..DIFFERENT };
    let c = Calibration::new(&few.draw(1), &SAME.draw(1), &settings(0.01)).unwrap();
    let found = recommend(Target::FalseMatchRate(1e-3), &c, Prior::None).unwrap();
    assert_ne!(found.basis, Basis::Observed);
    // 3 / 1e-3, less the 30 or so that 40 shots of unequal size are worth.
    assert!((2_950..2_980).contains(&found.more_shots.unwrap()), "{found:?}");
    assert!(
        found.why.starts_with("Too little data for a false-match rate of at most 0.10 %"),
        "{}",
        found.why
    );

    let none = Calibration::new(&[], &[], &settings(0.01)).unwrap();
    assert_eq!(none.points[5].false_match.rate, None);
    assert!(none.notes.iter().filter(|n| n.starts_with("Not enough data")).count() == 2, "{:?}", none.notes);
    let found = recommend(Target::FalseMatchRate(0.01), &none, Prior::None).unwrap();
    assert_eq!((found.threshold, found.basis), (None, Basis::None));
    assert!(found.why.contains("no frame has two faces") && found.more_shots == Some(299), "{found:?}");
    // Without pairs of one person, or with nothing clustered, no purity can be promised.
    let c = Calibration::new(&DIFFERENT.draw(1), &[], &settings(0.01)).unwrap();
    for prior in [Prior::None, Prior::Sweep(&[]), Prior::People { faces: 100, people: 10 }] {
        let found = recommend(Target::Purity(0.99), &c, prior).unwrap();
        assert_eq!((found.threshold, found.basis), (None, Basis::None), "{prior:?}");
        assert!(found.why.contains("Too little is known"), "{}", found.why);
    }
    assert!(recommend(Target::Purity(1.0), &c, Prior::None).is_err());
    assert!(recommend(Target::FalseMatchRate(f64::NAN), &c, Prior::None).is_err());
    assert!(recommend(Target::Purity(0.9), &c, Prior::People { faces: 3, people: 4 }).is_err());
}

#[test]
fn one_person_twice_in_a_frame_stands_in_the_way() {
    let mut different = DIFFERENT.draw(1);
    for (i, pair) in different.iter_mut().enumerate().filter(|(i, _)| i % 40 == 0) {
        pair.distance = 0.001 * (i % 7) as f64;
    }
    let c = Calibration::new(&different, &SAME.draw(1), &settings(0.01)).unwrap();
    let found = recommend(Target::FalseMatchRate(0.01), &c, Prior::None).unwrap();
    assert_eq!(found.threshold, None, "{found:?}");
    assert!(found.why.contains("twice in a frame"), "{}", found.why);
    assert_eq!(c.nearest_different[0].index, 0);
}

#[test]
fn threads_and_order_do_not_matter() {
    let (different, same) = (DIFFERENT.draw(3), SAME.draw(3));
    let with = |threads, different: &[Pair]| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let c = pool.install(|| Calibration::new(different, &same, &settings(0.01)).unwrap());
        serde_json::to_string(&c.points).unwrap()
    };
    let one = with(1, &different);
    assert_eq!(one, with(4, &different));
    let mut turned = different;
    turned.reverse();
    assert_eq!(one, with(2, &turned));
}

#[test]
fn bad_distances_and_settings_are_named() {
    let pair = |distance| Pair { distance, shot: 0 };
    for bad in [f64::NAN, f64::INFINITY, -0.1] {
        let error = Calibration::new(&[pair(0.5)], &[pair(0.5), pair(bad)], &settings(0.01)).unwrap_err();
        assert!(error.to_string().starts_with("distance 1 of the same pairs is"), "{error}");
    }
    let default = CalibrationSettings::default();
    for bad in [
        CalibrationSettings { max: 0.0, ..default },
        CalibrationSettings { max: f64::INFINITY, ..default },
        CalibrationSettings { step: f64::NAN, ..default },
        CalibrationSettings { step: 1e-9, ..default },
        CalibrationSettings { resamples: 999, ..default },
        CalibrationSettings { confidence: 1.0, ..default },
    ] {
        assert!(matches!(Calibration::new(&[], &[], &bad), Err(Error::Setting { .. })), "{bad:?}");
    }
    let grid: Vec<f64> =
        Calibration::new(&[], &[], &default).unwrap().points.iter().map(|p| p.threshold).collect();
    assert_eq!((grid.len(), grid[0], grid[7], grid[120]), (121, 0.0, 0.07, 1.2));
    // Distances beyond the grid are pairs all the same.
    let far = [pair(5.0), pair(0.1)];
    assert_eq!(Calibration::new(&far, &far, &default).unwrap().points[120].false_match.rate, Some(0.5));
}
