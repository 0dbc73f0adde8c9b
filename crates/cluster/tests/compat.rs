//! The original's clustering gives the original's labels.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashMap;

use streamface_cluster::{Embeddings, Metric, Settings, compat};
use streamface_testing::reference;
use streamface_types::Annotations;

/// Same clusters and same numbers, those of equal sizes included.
#[test]
fn the_sample_comes_out_label_for_label() {
    let Some(folder) = reference("skynews") else { return };
    let rows = common::read_npy(&folder.join("features/embeddings.npy")).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let names = read("features/names.txt");
    let names: Vec<&str> = names.lines().map(|l| l.trim().trim_end_matches(".png")).collect();
    let row: HashMap<&str, usize> = names.iter().enumerate().map(|(row, &name)| (name, row)).collect();
    let links: Vec<(usize, usize)> = read("metadata/matches.csv")
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(','))
        .map(|(a, b)| (row[a.trim_end_matches(".png")], row[b.trim_end_matches(".png")]))
        .collect();

    let scheme = compat::Scheme::new(Settings::new(Metric::Cosine, 0.3).unwrap());
    let got = compat::cluster(&rows, &links, &scheme).unwrap();

    let annotations: Annotations = serde_json::from_str(&read("metadata/annotations.json")).unwrap();
    let want: Vec<u32> = names.iter().map(|&n| annotations.labels[n].label.0 as u32).collect();
    assert_eq!(want.iter().max(), Some(&23));
    assert_eq!(got, want);
}

/// The scheme written with SciPy 1.17 (`linkage`, `fcluster`) and NumPy's generic `argsort`: batches of 30,
/// many clusters of one size.
#[test]
fn numbers_are_those_of_scipy_and_numpy() {
    let row =
        |i: i32| (0..4).map(move |k| ((i * i * 37 + k * k * 91 + i * k * 53 + i * 11) % 101 - 50) as f32);
    let rows = Embeddings::new((0..70).flat_map(row).collect(), 4).unwrap();
    let scheme = compat::Scheme::new(Settings::new(Metric::Cosine, 0.12).unwrap());
    let got = compat::cluster(&rows, &[], &scheme.batch(30.try_into().unwrap())).unwrap();
    let want = [
        33, 30, 15, 1, 6, 11, 19, 3, 7, 3, 19, 3, 7, 12, 31, 5, 0, 8, 9, 28, 9, 18, 1, 6, 1, 18, 1, 26, 16,
        7, 13, 10, 27, 0, 5, 0, 8, 0, 10, 0, 29, 0, 17, 34, 25, 11, 6, 16, 24, 23, 4, 12, 4, 13, 4, 5, 32,
        20, 9, 8, 0, 15, 21, 17, 14, 2, 22, 2, 14, 2,
    ];
    assert_eq!(got, want);
}
