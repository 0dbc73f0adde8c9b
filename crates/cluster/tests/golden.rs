//! Against SciPy, scikit-learn and the original's rules, on made-up rows: the tables of `fixtures/golden`.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

use std::num::NonZeroUsize;

use streamface_cluster::neighbours::nearest;
use streamface_cluster::{
    Constraints, Embeddings, Metric, Observer, Settings, average_linkage, compat, complete_linkage,
    single_linkage,
};
use streamface_testing::inputs::{first_appearance, lattice, vectors};
use streamface_testing::{Table, golden};

fn people() -> Embeddings {
    Embeddings::new(vectors(101, 24, 10, 16, 0.5), 16).unwrap()
}

fn metric(name: &str) -> Metric {
    if name == "cosine" { Metric::Cosine } else { Metric::Euclidean }
}

/// Labels by first appearance.
fn labels(rows: &Embeddings, linkage: &str, metric: Metric, threshold: f64) -> Vec<u32> {
    let (settings, free) = (Settings::new(metric, threshold).unwrap(), Constraints::default());
    let found = match linkage {
        "complete" => complete_linkage(rows, &settings, &free),
        "single" => single_linkage(rows, &settings, &free, Observer::default()),
        "average" => average_linkage(rows, &settings, &free),
        _ => panic!("{linkage}"),
    };
    first_appearance(&found.unwrap().labels)
}

/// Every column of a table: its name in parts, and its labels.
fn columns(table: &Table) -> impl Iterator<Item = (Vec<&str>, Vec<u32>)> {
    table.header().iter().map(|name| (name.split('_').collect(), table.column(name)))
}

#[test]
fn linkage_of_scipy() {
    let (table, rows) = (golden("linkage"), people());
    for (name, want) in columns(&table) {
        let got = labels(&rows, name[0], metric(name[1]), name[2].parse().unwrap());
        assert_eq!(got, want, "{name:?}");
    }
    assert_eq!(table.header().len(), 24);
}

#[test]
fn equal_distances_join_in_the_order_of_the_rows() {
    let table = golden("ties");
    let rows = Embeddings::new(lattice(102, 80, 3, 4), 3).unwrap();
    for (name, want) in columns(&table) {
        let got = labels(&rows, name[0], Metric::Euclidean, name[1].parse().unwrap());
        assert_eq!(got, want, "{name:?}");
    }
}

#[test]
fn neighbours_of_scikit_learn() {
    let (table, rows) = (golden("neighbours"), people());
    let mut at = 0;
    for name in ["cosine", "euclidean"] {
        let found = nearest(&rows, metric(name), 4).unwrap();
        for row in 0..rows.len() {
            for (rank, (neighbour, distance)) in found.of(row).enumerate() {
                assert_eq!(table.text(at, "metric"), name);
                assert_eq!((table.get::<usize>(at, "row"), table.get::<usize>(at, "rank")), (row, rank));
                assert_eq!(neighbour, table.get::<u32>(at, "neighbour"), "{name}, row {row}");
                let want: f64 = table.get(at, "distance");
                assert!((distance - want).abs() <= 1e-14, "{name}, row {row}: {distance} for {want}");
                at += 1;
            }
        }
    }
    assert_eq!(at, table.len());
}

#[test]
fn batches_by_the_originals_rules() {
    let table = golden("batched");
    let rows = Embeddings::new(vectors(401, 20, 8, 8, 0.5), 8).unwrap();
    let back = (20..160).step_by(3).map(|i| (i, i - 20));
    let links: Vec<(usize, usize)> = back.chain((0..159).step_by(7).map(|i| (i, i + 1))).collect();
    for (name, want) in columns(&table) {
        let settings = Settings::new(metric(name[0]), name[1].parse().unwrap()).unwrap();
        let batch: NonZeroUsize = name[2].parse().unwrap();
        let scheme = compat::Scheme::new(settings).batch(batch);
        let scheme = scheme.merging_threshold(name[3].parse().unwrap()).unwrap();
        let got = compat::cluster(&rows, &links, &scheme).unwrap();
        assert_eq!(first_appearance(&got), want, "{name:?}");
        // Numbered by size, the largest first.
        let mut sizes = vec![0; 1 + *got.iter().max().unwrap() as usize];
        got.iter().for_each(|&label| sizes[label as usize] += 1);
        assert!(sizes.is_sorted_by(|a, b| a >= b), "{name:?}: {sizes:?}");
    }
}
