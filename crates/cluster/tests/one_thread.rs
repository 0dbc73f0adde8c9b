//! Clustering from the only thread of the global pool. By itself, as a process has one such pool.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc;
use std::time::Duration;

use streamface_cluster::{Constraints, Embeddings, Metric, Settings, complete_linkage};

/// Nobody else would do what this thread waited for.
#[test]
fn the_only_thread_of_the_pool_can_cluster() {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    // Lines of 70 points, far from each other: parts that are solved side by side where there are threads.
    let points = (0..1400_u16).flat_map(|at| [f32::from(at % 70) * 1.1, f32::from(at / 70) * 1000.0]);
    let rows = Embeddings::new(points.collect(), 2).unwrap();
    let with_memory = |rows: &Embeddings, bytes| {
        let settings = Settings::new(Metric::Euclidean, 5.0).unwrap().memory(bytes);
        complete_linkage(rows, &settings, &Constraints::default()).unwrap()
    };
    let want = with_memory(&rows, 1 << 30);
    let (tell, told) = mpsc::channel();
    rayon::spawn(move || tell.send(with_memory(&rows, 400 << 10)).unwrap());
    let found = told.recv_timeout(Duration::from_secs(300)).unwrap();
    assert_eq!((found.labels, found.merges), (want.labels, want.merges));
}
