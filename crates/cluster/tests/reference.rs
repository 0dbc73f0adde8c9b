//! The same partition as SciPy's complete linkage, at every threshold of the reference files.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod common;

use streamface_cluster::{Constraints, Embeddings, Metric, Settings, complete_linkage};
use streamface_testing::reference;

/// Compares with each column `t<threshold>` of a table whose first column is something else.
fn check(rows: &Embeddings, table: &str, least_columns: usize) {
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), rows.len());
    assert!(header.len() > least_columns);
    for (column, name) in header.iter().enumerate().skip(1) {
        let threshold = name.strip_prefix('t').unwrap().parse().unwrap();
        let settings = Settings::new(Metric::Cosine, threshold).unwrap();
        let got = complete_linkage(rows, &settings, &Constraints::default()).unwrap();
        let want: Vec<u32> = lines.iter().map(|line| line[column].parse().unwrap()).collect();
        // Both are numbered by first appearance.
        assert_eq!(got.labels, want, "{name}");
        assert_eq!(got.clusters, want.iter().max().map_or(0, |&m| m as usize + 1));
        println!("{name}: {} clusters, {} links", got.clusters, got.links);
    }
}

#[test]
fn faces_of_the_original() {
    let Some(folder) = reference("") else { return };
    let rows = common::read_npy(&folder.join("skynews/features/embeddings.npy")).unwrap();
    let names = std::fs::read_to_string(folder.join("skynews/features/names.txt")).unwrap();
    let table = std::fs::read_to_string(folder.join("complete_linkage_skynews.csv")).unwrap();
    // Rows of the table go by name, those of the matrix by names.txt: one order.
    assert!(table.lines().skip(1).map(|l| l.split(',').next().unwrap()).eq(names.lines().map(str::trim)));
    check(&rows, &table, 9);
}

#[test]
fn synthetic_people() {
    let Some(folder) = reference("") else { return };
    let rows = common::read_npy(&folder.join("synthetic_3000x64.npy")).unwrap();
    check(&rows, &std::fs::read_to_string(folder.join("complete_linkage_synthetic.csv")).unwrap(), 4);
}
