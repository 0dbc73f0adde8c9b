//! Progress of a whole run, over all of its bands.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

#[path = "common/made_up.rs"]
mod made_up;

use std::sync::Mutex;

use made_up::{Spectrum, faces};
use streamface_cluster::{
    Constraints, Metric, Observer, Progress, Settings, Stage, complete_linkage_observed, single_linkage,
};

/// What a run reports, on one thread.
fn reported(run: impl Fn(Observer<'_>) -> u32 + Sync) -> (Vec<Progress>, u32) {
    let heard = Mutex::new(Vec::new());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let listen = |p: Progress| heard.lock().unwrap().push(p);
    let bands = pool.install(|| run(Observer::new(&listen)));
    (heard.into_inner().unwrap(), bands)
}

#[test]
fn the_whole_goes_on_from_band_to_band_and_comes_to_its_end() {
    let rows = faces(6000, 96, Spectrum::Real, 5);
    let none = Constraints::default();
    // From all at once to hardly anything at a time.
    let mut most_bands = 0;
    for memory in [1 << 30, 8 << 20, 1 << 20, 200 << 10] {
        let settings = Settings::new(Metric::Cosine, 0.6).unwrap().memory(memory);
        let (heard, bands) =
            reported(|observer| complete_linkage_observed(&rows, &settings, &none, observer).unwrap().bands);
        most_bands = most_bands.max(bands);
        let shares: Vec<f64> = heard.iter().map(|p| p.whole).collect();
        assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
        assert!(shares[0] < 0.01, "{memory}: begins at {}", shares[0]);
        let last = shares.last().unwrap();
        assert!((0.999..=1.0).contains(last), "{memory}: ends at {last} after {bands} bands");
        // Each band begins where the one before ended, whatever the counts of its stages say.
        let mut reached = 0.0_f64;
        for (before, now) in heard.iter().zip(&heard[1..]) {
            reached = reached.max(before.whole);
            if now.band != before.band {
                assert!(
                    now.done <= before.done && now.whole >= reached - 1e-9,
                    "{memory}: {before:?} {now:?}"
                );
            }
        }
    }
    assert!(most_bands >= 2, "{most_bands}");
}

#[test]
fn where_there_is_one_stage_its_share_is_the_whole() {
    let rows = faces(2000, 32, Spectrum::Real, 5);
    let settings = Settings::new(Metric::Cosine, 0.4).unwrap();
    let (heard, _) = reported(|observer| {
        single_linkage(&rows, &settings, &Constraints::default(), observer).unwrap().bands
    });
    for p in heard {
        assert_eq!(p.stage, Stage::Join);
        assert!((p.whole - p.done as f64 / p.total as f64).abs() < 1e-12);
    }
}
