//! The fast way against the slow, obvious one, and rules stated in words.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/threads.rs"]
mod threads;

use cases::{constraints, pairs, points};
use proptest::prelude::*;
use streamface_cluster::{
    Constraints, Embeddings, Error, Metric, Settings, complete_linkage, components, join, link, primitive,
};
use threads::in_threads;

fn settings(metric: Metric, threshold: f64) -> Settings {
    Settings::new(metric, threshold).unwrap()
}

fn line(values: &[f32]) -> Embeddings {
    Embeddings::new(values.to_vec(), 1).unwrap()
}

/// Labels of points on a line, unconstrained.
fn labels(values: &[f32], threshold: f64) -> Vec<u32> {
    let settings = settings(Metric::Euclidean, threshold);
    complete_linkage(&line(values), &settings, &Constraints::default()).unwrap().labels
}

fn rows() -> impl Strategy<Value = Embeddings> {
    (0_usize..70, 1_usize..9, 0..3_u8).prop_flat_map(|(n, dim, kind)| points(n, dim, kind))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn fast_and_slow_agree(
        rows in rows(),
        cosine in any::<bool>(),
        t in prop_oneof![4 => 0.0..2.0_f64, 1 => Just(1.0), 1 => Just(0.0), 1 => Just(2.0)],
        must in prop_oneof![pairs(1), pairs(8)],
        cannot in prop_oneof![pairs(1), pairs(30)],
    ) {
        let settings = settings(if cosine { Metric::Cosine } else { Metric::Euclidean }, t);
        let constraints = constraints(rows.len(), &must, &cannot);
        let slow = primitive::complete_linkage(&rows, &settings, &constraints);
        let fast = complete_linkage(&rows, &settings, &constraints);
        prop_assert_eq!(fast.as_ref().map(|c| &c.labels), slow.as_ref());
        // With memory for a few links only: many bands. No more than that many may be at one distance.
        match (complete_linkage(&rows, &settings.memory(0), &constraints), &fast) {
            (Ok(banded), Ok(fast)) => {
                prop_assert_eq!(&banded.labels, &fast.labels);
                prop_assert_eq!(&banded.merges, &fast.merges);
            }
            (Err(Error::Ties { .. }), Ok(_)) => {}
            (banded, fast) => prop_assert_eq!(banded.as_ref().err(), fast.as_ref().err()),
        }
        for threads in [1, 2] {
            let again = in_threads(threads, || complete_linkage(&rows, &settings, &constraints));
            prop_assert_eq!(&again, &fast);
        }
        if let Ok(fast) = fast {
            for &(a, b) in constraints.must_links() {
                prop_assert_eq!(fast.labels[a], fast.labels[b]);
            }
            for &(a, b) in constraints.cannot_links() {
                prop_assert_ne!(fast.labels[a], fast.labels[b]);
            }
        }
    }
}

#[test]
fn one_large_component() {
    // Integers in disorder: long chains of ties, and at the largest threshold one component.
    let values: Vec<f32> = (0..400_u32).map(|k| ((k * k * 31 + k * 7) % 251) as f32).collect();
    let rows = line(&values);
    for t in [1.0, 3.0, 40.0] {
        let settings = settings(Metric::Euclidean, t);
        let none = Constraints::default();
        let fast = complete_linkage(&rows, &settings, &none).unwrap();
        assert_eq!(fast.labels, primitive::complete_linkage(&rows, &settings, &none).unwrap(), "{t}");
    }
}

#[test]
fn ties_go_by_the_smaller_ids() {
    // 0–1–2–3 in steps of 1: 0–1 goes first, then 2–3.
    assert_eq!(labels(&[0.0, 1.0, 2.0, 3.0], 1.0), [0, 0, 1, 1]);
    // The middle two are rows 0 and 1: they go first, and the ends stay alone.
    assert_eq!(labels(&[1.0, 2.0, 0.0, 3.0], 1.0), [0, 0, 1, 2]);
    // All tie with row 0: it takes the smallest other id.
    assert_eq!(labels(&[1.0, 0.0, 2.0], 1.0), [0, 0, 1]);
    // A nearer pair goes before a smaller id.
    assert_eq!(labels(&[0.0, 1.0, 1.5], 1.0), [0, 1, 1]);
}

#[test]
fn sizes_and_thresholds_at_the_edge() {
    let none = Constraints::default();
    let cosine = |data: Vec<f32>, dim, t| {
        let rows = Embeddings::new(data, dim).unwrap();
        complete_linkage(&rows, &settings(Metric::Cosine, t), &none).unwrap()
    };
    assert_eq!(cosine(vec![], 0, 0.5).labels, [0_u32; 0]);
    assert_eq!(cosine(vec![1.0, 2.0], 2, 0.5).labels, [0]);
    // A zero vector is at distance 1 from all, also from another one.
    let zeros = vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
    assert_eq!(cosine(zeros.clone(), 2, 0.99).labels, [0, 1, 2]);
    assert_eq!(cosine(zeros, 2, 1.0).labels, [0, 0, 0]);
    // Opposite directions, at the largest distance there is.
    assert_eq!(cosine(vec![1.0, -1.0, -2.0], 1, 1.9).labels, [0, 1, 1]);
    assert_eq!(cosine(vec![1.0, -1.0, -2.0], 1, 2.0).clusters, 1);
    assert_eq!(labels(&[4.0, 5.0, 4.0], 0.0), [0, 1, 0]);
}

#[test]
fn must_linked_rows_start_together_whatever_their_distance() {
    let rows = line(&[0.0, 10.0, -1.0, 11.0, 5.0]);
    let settings = settings(Metric::Euclidean, 5.5);
    let mut constraints = Constraints::default();
    constraints.must_link(0, 1);
    let got = complete_linkage(&rows, &settings, &constraints).unwrap();
    // Row 2 is near row 0 but not row 1, row 3 the other way; row 4 is within reach of both.
    assert_eq!(got.labels, [0, 0, 1, 2, 0]);
}

#[test]
fn faces_of_a_frame_stay_apart_and_keep_their_clusters_apart() {
    let rows = line(&[0.0, 0.1, 0.2, 0.3]);
    let settings = settings(Metric::Euclidean, 1.0);
    let mut frames = Constraints::default();
    frames.cannot_link_group(&[0, 3]).cannot_link_group(&[1, 2]);
    let got = complete_linkage(&rows, &settings, &frames).unwrap();
    assert_eq!(got.labels, [0, 0, 1, 1]);
    // The two that are apart are none.
    assert_eq!((got.links, got.bands), (4, 1));

    frames.must_link(0, 1).must_link(1, 3);
    let error = complete_linkage(&rows, &settings, &frames).unwrap_err();
    assert_eq!(error, Error::Contradiction { a: 0, b: 3, chain: vec![0, 1, 3] });
}

#[test]
fn the_steps_one_by_one_are_the_whole() {
    let rows = line(&[0.0, 5.0, 0.5, 1.0, 9.0]);
    let settings = settings(Metric::Euclidean, 0.5);
    let none = Constraints::default();
    let links = join(&rows, &settings).unwrap();
    assert_eq!(
        links.iter().map(|l| l.map(|l| (l.i, l.j))).collect::<Result<Vec<_>, _>>().unwrap(),
        [(0, 2), (2, 3)]
    );
    assert_eq!(components(&links).unwrap(), [0, 1, 0, 0, 2]);
    let mut whole = complete_linkage(&rows, &settings, &none).unwrap();
    // Links say nothing of how far apart all else is.
    whole.parts = None;
    assert_eq!(link(links, &none).unwrap(), whole);
    assert!(link(Default::default(), &none).unwrap().labels.is_empty());
}
