//! What is told of a long clustering while it runs.

#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use streamface_pipeline::settings::{ClusterVectorsSettings, Settings as _};
use streamface_pipeline::{Context, Event, Stop, cluster_vectors};
use streamface_store::write_vectors;
use streamface_types::Embeddings;

#[test]
fn one_phase_for_all_bands_that_never_falls() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npy");
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let centres: Vec<f32> = (0..150 * 24).map(|_| next()).collect();
    let numbers = (0..4000 * 24).map(|at| centres[at / 24 % 150 * 24 + at % 24] + 0.5 * next());
    write_vectors(&path, &Embeddings::new(numbers.collect(), 24).unwrap().into()).unwrap();
    let table: toml::Table = "threshold = 0.5\nmemory = '1M'".parse().unwrap();
    let settings = ClusterVectorsSettings::from_table(table).unwrap();
    let told = Mutex::new(Vec::new());
    let observer = |event: &Event| {
        if let Event::Phase { what, done, total } = event {
            told.lock().unwrap().push((what.clone(), *done, *total));
        }
    };
    let stop = Stop::default();
    let found = cluster_vectors(&path, &dir.path().join("l.csv"), &settings, &Context::new(&observer, &stop))
        .unwrap();
    assert!(found.bands >= 2, "{} bands", found.bands);
    let told = told.into_inner().unwrap();
    assert!(told.len() > 10, "{}", told.len());
    assert!(told.iter().all(|(what, _, total)| (what, total) == (&told[0].0, &told[0].2)));
    assert!(told.is_sorted_by(|a, b| a.1 < b.1), "{told:?}");
    let (_, done, total) = told.last().unwrap();
    assert!(done * 1000 >= total * 999, "{done} of {total}");
}
