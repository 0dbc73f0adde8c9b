//! Parts that fail, and parts that come twice.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

use streamface_cluster::{
    Clustering, Constraints, Embeddings, Error, Link, Links, Metric, Settings, complete_linkage, link,
};

/// Lines of 70 points each, far from each other; the points of line k are 1 + k / 100 apart.
fn lines(count: usize) -> Embeddings {
    let points = (0..count * 70).flat_map(|at| {
        let (line, place) = ((at / 70) as f32, (at % 70) as f32);
        [place * (1.0 + line / 100.0), line * 1000.0]
    });
    Embeddings::new(points.collect(), 2).unwrap()
}

fn with_memory(rows: &Embeddings, bytes: u64) -> Result<Clustering, Error> {
    let settings = Settings::new(Metric::Euclidean, 5.0).unwrap().memory(bytes);
    complete_linkage(rows, &settings, &Constraints::default())
}

/// Each part fails at a distance of its own; told is always the same one.
#[test]
fn the_first_part_that_fails_is_told() {
    let rows = lines(20);
    let first = with_memory(&rows, 0).unwrap_err();
    assert!(matches!(first, Error::Ties { .. }), "{first}");
    for _ in 0..20 {
        assert_eq!(with_memory(&rows, 0).unwrap_err(), first);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(pool.install(|| with_memory(&rows, 0).unwrap_err()), first);
}

/// As of a part that failed, and was joined again.
#[test]
fn links_that_come_twice_count_once() {
    let link_of = |i, j, distance| Link { i, j, distance };
    let part = || Links::new(3, vec![link_of(0, 1, 0.1), link_of(0, 2, 0.2), link_of(1, 2, 0.1)]).unwrap();
    let mut together = Constraints::default();
    together.must_link(0, 1);
    for constraints in [Constraints::default(), together] {
        let once = link(part(), &constraints).unwrap();
        let twice = link(Links::merge(vec![part(), part()]).unwrap(), &constraints).unwrap();
        assert_eq!((&once.labels, &once.merges), (&twice.labels, &twice.merges));
        assert_eq!(once.clusters, 1);
    }
}
