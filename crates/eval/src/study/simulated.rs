//! Made-up collections whose true rates are known: do the intervals hold them, and does a recommended
//! threshold keep what it promises?

use super::worlds::{DIFFERENT, SAME, WORLDS};
use super::*;

fn settings(step: f64) -> CalibrationSettings {
    CalibrationSettings { step, resamples: 1_000, ..CalibrationSettings::default() }
}

/// How often, of so many worlds, the intervals and the tail's bound hold what is true.
#[test]
fn intervals_hold_the_truth_where_a_cast_repeats() {
    const SETS: u64 = 200;
    let thresholds = [0.6, 0.7, 0.8, 0.1, 0.25, 0.4];
    let tails = [0.5, 0.6];
    let mut low = Vec::new();
    for world in WORLDS {
        let (mut held, mut bound) = ([0; 6], [(0, 0); 2]);
        for seed in 0..SETS {
            let (different, same) = world.draw(seed);
            let c = Calibration::new(&different, &same, &settings(0.05)).unwrap();
            for (i, (held, &t)) in held.iter_mut().zip(&thresholds).enumerate() {
                let point = c.at(t).unwrap();
                assert!((point.threshold - t).abs() < 1e-9);
                let (estimate, truth) = if i < 3 {
                    (point.false_match, DIFFERENT.rate_at_most(t))
                } else {
                    (point.miss, 1.0 - SAME.rate_at_most(t))
                };
                *held += u64::from(estimate.lower <= truth && truth <= estimate.upper);
            }
            for ((held, shown), t) in bound.iter_mut().zip(tails) {
                if let Some(modelled) = c.at(t).unwrap().modelled {
                    *shown += 1;
                    *held += u64::from(modelled.upper >= DIFFERENT.rate_at_most(t));
                }
            }
        }
        println!("{world:?}: {held:?} of {SETS} at {thresholds:?}; tail {bound:?} at {tails:?}");
        let false_matches = held[..3].iter().map(|&n| (n, SETS, 93)).chain(bound.map(|(n, of)| (n, of, 93)));
        // Of 200 draws that hold in 95 of 100, 181 and fewer are as likely as one in 400.
        let all = false_matches.chain(held[3..].iter().map(|&n| (n, SETS, 91)));
        low.extend(all.filter(|&(n, of, least)| 100 * n < least * of).map(|found| (world, found)));
    }
    assert!(low.is_empty(), "{low:?}");
}

#[test]
fn threads_and_order_do_not_matter() {
    let (different, same) = WORLDS[0].draw(3);
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
    let pair = |distance| Pair { distance, people: [0, 1], shot: 0 };
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
