//! Runs the commands as a user would.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::{Command, Output};

use hri::{CompatTree, Index, Metric, Settings, Threshold};

const DIM: usize = 16;

/// Vectors near those of 40 people.
fn faces(n: usize) -> Vec<f32> {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let centres: Vec<f32> = (0..40 * DIM).map(|_| next()).collect();
    (0..n * DIM).map(|at| centres[at / DIM * 17 % 40 * DIM + at % DIM] + 0.2 * next()).collect()
}

fn write_npy(path: &Path, rows: &[f32], dim: usize) {
    let text =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {dim}), }}", rows.len() / dim);
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let header = format!("{text:<117}\n");
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(rows.iter().flat_map(|x| x.to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

fn hri(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hri")).args(args).current_dir(dir).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn labels(path: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(path).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    assert_eq!(header, "index,label");
    rows.lines()
        .enumerate()
        .map(|(at, row)| row.strip_prefix(&format!("{at},")).unwrap().parse().unwrap())
        .collect()
}

#[test]
fn match_writes_the_labels_of_the_library() {
    let dir = tempfile::tempdir().unwrap();
    let rows = faces(400);
    write_npy(&dir.path().join("x.npy"), &rows, DIM);
    for (metric, value) in [("cosine", "0.2"), ("euclidean", "1.1")] {
        let threshold = Threshold::new(metric.parse::<Metric>().unwrap(), value.parse().unwrap()).unwrap();
        let mut index = Index::new(Settings::new(DIM, threshold).unwrap());
        let mut tree = CompatTree::new(DIM, threshold).unwrap();
        let mut want = Vec::new();
        for (id, row) in rows.chunks(DIM).enumerate() {
            want.push(index.insert(row, id as u64).unwrap().label);
            tree.insert(row).unwrap();
        }
        let base =
            ["match", "--vectors", "x.npy", "--metric", metric, "--threshold", value, "--out", "y.csv"];
        text(&hri(dir.path(), &base));
        assert_eq!(labels(&dir.path().join("y.csv")), want);
        assert!(index.people_count() > 20 && index.people_count() < 200, "{}", index.people_count());
        text(&hri(dir.path(), &[&base[..], &["--compat"]].concat()));
        assert_eq!(labels(&dir.path().join("y.csv")), tree.labels());
    }
}

#[test]
fn build_query_stats_and_tree_agree() {
    let dir = tempfile::tempdir().unwrap();
    let rows = faces(200);
    write_npy(&dir.path().join("x.npy"), &rows, DIM);
    write_npy(&dir.path().join("q.npy"), &rows[..10 * DIM], DIM);
    let build = ["build", "people", "--vectors", "x.npy", "--threshold", "0.2"];
    assert!(text(&hri(dir.path(), &build)).starts_with("200 vectors of "));
    // The same ids again.
    let again = hri(dir.path(), &build);
    let error = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        again.status.code() == Some(2) && error.contains("row 0") && error.contains("id 0 is taken"),
        "{error}"
    );
    let more = text(&hri(dir.path(), &[&build[..], &["--first-id", "200"]].concat()));
    assert!(more.starts_with("400 vectors"), "{more}");
    let found = text(&hri(dir.path(), &["query", "people", "--vectors", "q.npy"]));
    assert_eq!(found.lines().count(), 11);
    assert!(
        found
            .lines()
            .skip(1)
            .enumerate()
            .all(|(at, l)| l.starts_with(&format!("{at},")) && !l.ends_with(','))
    );
    let near = text(&hri(dir.path(), &["query", "people", "--vectors", "q.npy", "--nearest", "3"]));
    assert_eq!(near.lines().count(), 31);
    let stats: serde_json::Value =
        serde_json::from_str(&text(&hri(dir.path(), &["stats", "people", "--json"]))).unwrap();
    assert_eq!(
        (&stats["members"], &stats["dim"], &stats["metric"]),
        (&400.into(), &16.into(), &"cosine".into())
    );
    assert!(text(&hri(dir.path(), &["stats", "people"])).contains("400 vectors"));
    let tree: serde_json::Value =
        serde_json::from_str(&text(&hri(dir.path(), &["tree", "people", "--form", "json"]))).unwrap();
    assert_eq!(tree["people"], stats["people"]);
    assert!(text(&hri(dir.path(), &["tree", "people"])).contains("people, "));
    assert!(text(&hri(dir.path(), &["tree", "people", "--form", "dot", "--people", "5"])).contains("->"));
}

#[test]
fn build_keeps_given_labels() {
    let dir = tempfile::tempdir().unwrap();
    let rows = faces(80);
    write_npy(&dir.path().join("x.npy"), &rows, DIM);
    let mut table = String::from("index,label\n");
    (0..80).for_each(|at| table.push_str(&format!("{at},{}\n", at % 7)));
    std::fs::write(dir.path().join("l.csv"), &table).unwrap();
    let build = ["build", "people", "--vectors", "x.npy", "--threshold", "0.2", "--labels", "l.csv"];
    assert!(text(&hri(dir.path(), &build)).starts_with("80 vectors of 7 people"));
    std::fs::write(dir.path().join("l.csv"), "index,label\n0,1\n0,2\n").unwrap();
    let bad =
        hri(dir.path(), &["build", "p2", "--vectors", "x.npy", "--threshold", "0.2", "--labels", "l.csv"]);
    assert!(String::from_utf8_lossy(&bad.stderr).contains("line 3"));
}

#[test]
fn bench_runs() {
    let dir = tempfile::tempdir().unwrap();
    let small = ["bench", "--people", "30,300", "--dim", "32", "--queries", "100", "--compat", "200"];
    let shown = text(&hri(dir.path(), &small));
    assert!(shown.matches(" 0 of 100 answers differ").count() == 2 && shown.contains("rank-1"), "{shown}");
    let rows = faces(300);
    write_npy(&dir.path().join("x.npy"), &rows, DIM);
    let against =
        ["bench", "--vectors", "x.npy", "--against", "x.npy", "--threshold", "0.1", "--out", "l.csv"];
    let all: serde_json::Value = serde_json::from_str(&text(&hri(dir.path(), &against))).unwrap();
    assert_eq!((&all["people"], &all["matched"]), (&300.into(), &300.into()));
    assert_eq!(labels(&dir.path().join("l.csv")), (0..300).collect::<Vec<_>>());
}

#[test]
fn errors_name_the_bad_input() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = faces(20);
    rows[5 * DIM..6 * DIM].fill(0.0);
    write_npy(&dir.path().join("x.npy"), &rows, DIM);
    let run = |args: &[&str], says: &str| {
        let output = hri(dir.path(), args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && error.contains(says), "{args:?}: {error}");
    };
    let at = |metric: &'static str, threshold: &'static str| {
        ["match", "--vectors", "x.npy", "--metric", metric, "--threshold", threshold, "--out", "y.csv"]
    };
    run(&at("cosine", "0.3"), "row 5");
    run(&at("cosine", "2.5"), "0 to 2");
    run(&at("cosine", "NaN"), "threshold NaN");
    run(&at("euclid", "1"), "not a metric");
    assert!(!dir.path().join("y.csv").exists());
    run(&["query", "nowhere", "--vectors", "x.npy"], "nowhere");
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    run(&["stats", "empty"], "no index here");
    rows[5 * DIM] = f32::NAN;
    write_npy(&dir.path().join("x.npy"), &rows, DIM);
    run(&at("euclidean", "1"), "row 5");
    text(&hri(dir.path(), &["--help"]));
}
