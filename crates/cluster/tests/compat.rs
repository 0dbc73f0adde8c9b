//! The original's clustering gives the original's labels.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashMap;
use std::path::PathBuf;

use streamface_cluster::{Metric, Settings, compat};
use streamface_types::Annotations;

/// The folder of the original's sample, where it is there.
fn sample() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("STREAMFACE_SHARED").map_or_else(beside, PathBuf::from);
    let folder = folder.join("reference/skynews");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no reference data at {} (set STREAMFACE_SHARED)", folder.display());
    None
}

/// Same clusters and same numbers, those of equal sizes included.
#[test]
fn the_sample_comes_out_label_for_label() {
    let Some(folder) = sample() else { return };
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
