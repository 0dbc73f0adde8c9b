//! Vectors in, labels out: clustering, its halves, study and evaluation without a dataset, and bad input.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{run, said, streamface};
use tempfile::TempDir;

const DIM: usize = 48;

/// Rows around centres: `each` of them a person, in disorder.
fn people(rows: usize, each: usize) -> Vec<f32> {
    let mut state = 5_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let count = rows.div_ceil(each);
    let centres: Vec<f32> = (0..count * DIM).map(|_| next()).collect();
    (0..rows)
        .flat_map(|row| (0..DIM).map(move |k| (row, k)))
        .map(|(row, k)| centres[row % count * DIM + k] + 0.4 * next())
        .collect()
}

fn npy(path: &Path, shape: (usize, usize), numbers: &[f32]) {
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", shape.0, shape.1);
    header.push_str(&" ".repeat(117 - header.len()));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(header.as_bytes());
    numbers.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

struct Vectors {
    dir: TempDir,
    file: PathBuf,
}

impl Vectors {
    fn new(rows: usize, each: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.npy");
        npy(&file, (rows, DIM), &people(rows, each));
        Self { dir, file }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs with `--vectors`, and gives what was written to `out`.
    fn go(&self, command: &[&str], out: &str, more: &[&str]) -> Vec<u8> {
        let out = self.path(out);
        let args = [command, &["--vectors", self.file.to_str().unwrap(), "--out", &out], more].concat();
        let output = run(&args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        fs::read(out).unwrap()
    }
}

#[test]
fn one_result_whatever_the_way() {
    let v = Vectors::new(900, 30);
    for t in ["0.3", "0.8"] {
        let whole = v.go(&["cluster"], "whole.csv", &["--threshold", t]);
        assert_eq!(whole, v.go(&["cluster"], "one.csv", &["--threshold", t, "--threads", "1"]));
        assert_eq!(whole, v.go(&["cluster"], "little.csv", &["--threshold", t, "--memory", "1M"]));
        // In blocks that cover the upper triangle, told in any order, one of them twice.
        let mut parts = Vec::new();
        for (k, (rows, cols)) in
            [("400..900", "400..900"), ("0..400", "400..900"), ("0..400", "0..400"), ("400..900", "0..400")]
                .iter()
                .enumerate()
        {
            let name = format!("part{k}.parquet");
            v.go(&["cluster", "join"], &name, &["--threshold", t, "--rows", rows, "--cols", cols]);
            parts.push(v.path(&name));
        }
        let out = v.path("linked.csv");
        let args: Vec<&str> =
            ["cluster", "link", "--out", &out].into_iter().chain(parts.iter().map(String::as_str)).collect();
        let linked = run(&args);
        assert!(linked.status.success(), "{}", said(&linked));
        assert_eq!(fs::read(&out).unwrap(), whole, "{t}");
    }
    // A part that is missing is named, and no labels are written.
    let (part, out) = (v.path("part0.parquet"), v.path("missing.csv"));
    let missing = run(&["cluster", "link", &part, &v.path("part1.parquet"), "--out", &out]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(said(&missing).contains("--rows 0..400 --cols 0..400"), "{}", said(&missing));
    assert!(!fs::exists(&out).unwrap());
    // A link of a smaller threshold from a join of a larger one.
    let out = v.path("smaller.csv");
    v.go(&["cluster", "join"], "all.parquet", &["--threshold", "0.8"]);
    let smaller = run(&["cluster", "link", &v.path("all.parquet"), "--threshold", "0.3", "--out", &out]);
    assert!(smaller.status.success(), "{}", said(&smaller));
    assert_eq!(fs::read(&out).unwrap(), v.go(&["cluster"], "at.csv", &["--threshold", "0.3"]));
}

#[test]
fn other_methods_find_the_people() {
    let v = Vectors::new(600, 20);
    let truth = v.path("truth.csv");
    let lines: String = (0..600).map(|row| format!("{row},{}\n", row % 30)).collect();
    fs::write(&truth, format!("index,label\n{lines}")).unwrap();
    for method in ["complete", "single", "average", "whispers", "infomap"] {
        let name = format!("{method}.csv");
        v.go(&["cluster"], &name, &["--threshold", "0.3", "--method", method, "--neighbours", "12"]);
        let scores = run(&["score", &truth, &v.path(&name), "--at-least", "0.99"]);
        assert!(scores.status.success(), "{method}: {}", said(&scores));
    }
    v.go(&["cluster"], "compat.csv", &["--threshold", "0.3", "--compat"]);
    assert!(run(&["score", &truth, &v.path("compat.csv"), "--at-least", "0.99"]).status.success());
    let refused = run(&[
        "cluster",
        "--vectors",
        v.file.to_str().unwrap(),
        "--threshold",
        "0.3",
        "--out",
        &truth,
        "--compat",
        "--method",
        "single",
    ]);
    assert_eq!(refused.status.code(), Some(2));

    let evaluated = run(&[
        "evaluate",
        "--vectors",
        v.file.to_str().unwrap(),
        "--labels",
        &v.path("complete.csv"),
        "--json",
    ]);
    assert!(evaluated.status.success(), "{}", said(&evaluated));
    let page = v.path("evaluate.html");
    let (file, labels) = (v.file.to_str().unwrap(), v.path("complete.csv"));
    let paged = run(&["evaluate", "--vectors", file, "--labels", &labels, "--out", &page]);
    assert!(paged.status.success(), "{}", said(&paged));
    assert!(fs::read_to_string(&page).unwrap().contains("row "));
    let evaluated: serde_json::Value = serde_json::from_slice(&evaluated.stdout).unwrap();
    assert!(evaluated["silhouette"].as_f64().unwrap() > 0.5 && evaluated["clusters"] == 30);

    let out = v.path("study");
    let study = run(&[
        "study",
        "--vectors",
        v.file.to_str().unwrap(),
        "--labels",
        &truth,
        "--out",
        &out,
        "--compare",
        "--thresholds",
        "0.1..0.9..0.2",
    ]);
    assert!(study.status.success(), "{}", said(&study));
    let page = fs::read_to_string(v.path("study/study.html")).unwrap();
    assert!(page.contains("Infomap") && page.contains("complete linkage"));
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(v.path("study/study.json")).unwrap()).unwrap();
    // Those asked for, and the one that is recommended without labels.
    let tried: Vec<f64> =
        json["sweep"].as_array().unwrap().iter().map(|row| row["threshold"].as_f64().unwrap()).collect();
    let by_budget = json["recommendation"]["by_budget"].as_f64().unwrap();
    let asked = [0.1, 0.3, 0.5, 0.7, 0.9];
    assert!(asked.iter().all(|t| tried.contains(t)) && tried.contains(&by_budget), "{tried:?} {by_budget}");
    // The true labels decide, and the distances alone come to the same people.
    assert_eq!(json["recommendation"]["basis"], "true_labels");
    let row = |t: f64| json["sweep"].as_array().unwrap().iter().find(|row| row["threshold"] == t).unwrap();
    for threshold in [json["threshold"].as_f64().unwrap(), by_budget] {
        let f = row(threshold)["bcubed"]["value"]["f"].as_f64().unwrap();
        assert!(f >= 0.99, "{threshold}: {f}");
    }
    assert!(json["calibration"].is_null() && json["interval"]["confidence"] == 0.95, "{}", json["interval"]);
}

/// Wherever some threshold joins most of each person and hardly anyone else, the study finds such a one without labels.
#[test]
fn a_study_finds_a_safe_threshold_where_there_is_one() {
    for (rows, each) in [(60, 20), (300, 30), (480, 20), (600, 10), (400, 2)] {
        for metric in ["cosine", "euclidean"] {
            let v = Vectors::new(rows, each);
            let count = rows.div_ceil(each);
            let labels: String = (0..rows).map(|row| format!("{row},{}\n", row % count)).collect();
            let truth = v.path("true.csv");
            fs::write(&truth, format!("index,label\n{labels}")).unwrap();
            let (file, out) = (v.file.to_str().unwrap(), v.path("study"));
            let args =
                ["study", "--vectors", file, "--labels", &truth, "--metric", metric, "--out", &out, "--json"];
            let study = run(&args);
            assert!(study.status.success(), "{}", said(&study));
            let json: serde_json::Value = serde_json::from_slice(&study.stdout).unwrap();
            let scores = |row: &serde_json::Value| {
                let of = |name: &str| row["pairwise"]["value"][name].as_f64().unwrap();
                (of("precision"), of("recall"))
            };
            let safe = |(precision, recall): (f64, f64)| precision >= 0.99 && recall >= 0.9;
            let sweep = json["sweep"].as_array().unwrap();
            assert!(sweep.iter().any(|row| safe(scores(row))), "{rows} {each} {metric}: no such world");
            let chosen = |t: &serde_json::Value| sweep.iter().find(|row| row["threshold"] == *t).unwrap();
            for threshold in [&json["threshold"], &json["recommendation"]["by_budget"]] {
                let found = scores(chosen(threshold));
                assert!(safe(found), "{rows} {each} {metric}: {threshold} gives {found:?}");
            }
            let within = &chosen(&json["recommendation"]["by_budget"])["false_merges"];
            assert!(within["expected"].as_f64().unwrap() <= 0.5, "{rows} {each} {metric}: {within}");
            let expected = json["expected_false_merges"].as_f64().unwrap();
            let bounds = ["lower", "upper"].map(|end| json["interval"][end].as_f64().unwrap());
            assert!(bounds[0] <= expected && expected <= bounds[1], "{expected} {bounds:?}");
        }
    }
}

#[test]
fn appended_is_as_from_scratch() {
    let v = Vectors::new(1200, 30);
    let numbers = people(1200, 30);
    let state = v.path("merges.parquet");
    let old = v.path("old.npy");
    npy(Path::new(&old), (1000, DIM), &numbers[..1000 * DIM]);
    let out = v.path("old.csv");
    let first = ["cluster", "--vectors", &old, "--threshold", "0.3", "--out", &out, "--state", &state];
    // Nothing to go on from yet.
    refused(&[&first[..], &["--append"]].concat(), &out, &["merges.parquet", "without --append"]);
    assert!(run(&first).status.success());
    for more in [&["--append"][..], &["--append", "--threads", "1"]] {
        let appended =
            v.go(&["cluster"], "appended.csv", &[&["--threshold", "0.3", "--state", &state], more].concat());
        assert_eq!(appended, v.go(&["cluster"], "scratch.csv", &["--threshold", "0.3"]));
    }
    // The state is now of all 1,200, not of the first 1,000 nor of other vectors.
    let changed = Vectors::new(1200, 40);
    let (file, out) = (changed.file.to_str().unwrap().to_owned(), changed.path("labels.csv"));
    let args =
        ["cluster", "--vectors", &file, "--threshold", "0.3", "--out", &out, "--state", &state, "--append"];
    refused(&args, &out, &["other vectors"]);
    let fewer =
        ["cluster", "--vectors", &old, "--threshold", "0.3", "--out", &out, "--state", &state, "--append"];
    refused(&fewer, &out, &["other vectors"]);
    refused(
        &["cluster", "--vectors", &file, "--threshold", "0.3", "--out", &out, "--append"],
        &out,
        &["--state"],
    );
}

/// Refused with exit code 2, with these words, and nothing written.
fn refused(args: &[&str], out: &str, words: &[&str]) {
    let output = run(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
    for word in words {
        assert!(said(&output).contains(word), "{args:?}: no '{word}' in: {}", said(&output));
    }
    assert!(!Path::new(out).exists(), "{args:?} left {out}");
}

#[test]
fn bad_vectors_are_named() {
    let v = Vectors::new(8, 4);
    let (file, out) = (v.path("bad.npy"), v.path("labels.csv"));
    let go = |words: &[&str]| {
        refused(&["cluster", "--vectors", &file, "--threshold", "0.5", "--out", &out], &out, words);
    };
    let mut numbers = people(8, 4);
    numbers[3 * DIM + 7] = f32::NAN;
    npy(Path::new(&file), (8, DIM), &numbers);
    go(&["bad.npy", "row 3", "column 7"]);
    numbers[3 * DIM + 7] = f32::INFINITY;
    npy(Path::new(&file), (8, DIM), &numbers);
    go(&["bad.npy", "row 3"]);
    numbers[3 * DIM..4 * DIM].fill(0.0);
    npy(Path::new(&file), (8, DIM), &numbers);
    go(&["bad.npy", "row 3", "zeros"]);
    npy(Path::new(&file), (9, DIM), &numbers);
    go(&["bad.npy", "cut short"]);
    fs::write(&file, "not a matrix").unwrap();
    go(&["bad.npy", "npy"]);
    fs::remove_file(&file).unwrap();
    go(&["bad.npy"]);
    // None and one are no errors.
    for rows in [0, 1] {
        npy(Path::new(&file), (rows, DIM), &people(rows, 1));
        let one = run(&["cluster", "--vectors", &file, "--threshold", "0.5", "--out", &out]);
        assert!(one.status.success(), "{}", said(&one));
        assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 1 + rows);
    }
}

#[test]
fn bad_thresholds_budgets_and_parts() {
    let v = Vectors::new(60, 4);
    let (file, out) = (v.file.to_str().unwrap().to_owned(), v.path("labels.csv"));
    for t in ["-0.1", "nan", "2.1", "inf"] {
        let threshold = format!("--threshold={t}");
        refused(&["cluster", "--vectors", &file, &threshold, "--out", &out], &out, &["threshold"]);
    }
    refused(
        &["cluster", "--vectors", &file, "--threshold", "0.5", "--out", &out, "--memory", "10K"],
        &out,
        &["1M"],
    );
    refused(
        &["cluster", "join", "--vectors", &file, "--threshold", "0.5", "--rows", "0..61", "--out", &out],
        &out,
        &["--rows", "60"],
    );
    refused(
        &["cluster", "join", "--vectors", &file, "--threshold", "0.5", "--rows", "9..3", "--out", &out],
        &out,
        &["0..50000"],
    );

    v.go(&["cluster", "join"], "a.parquet", &["--threshold", "0.5"]);
    v.go(&["cluster", "join"], "b.parquet", &["--threshold", "0.6"]);
    let (a, b) = (v.path("a.parquet"), v.path("b.parquet"));
    refused(&["cluster", "link", &a, &b, "--out", &out], &out, &["b.parquet", "another run", "threshold"]);
    refused(&["cluster", "link", &a, "--threshold", "0.7", "--out", &out], &out, &["0.5", "0.7"]);
    refused(&["cluster", "link", &file, "--out", &out], &out, &["x.npy"]);
    let other = Vectors::new(60, 5);
    other.go(&["cluster", "join"], "c.parquet", &["--threshold", "0.5"]);
    refused(
        &["cluster", "link", &a, &other.path("c.parquet"), "--out", &out],
        &out,
        &["c.parquet", "vectors"],
    );
    // Labels of other rows.
    fs::write(v.path("labels60.csv"), "index,label\n60,1\n").unwrap();
    let wrong = run(&["evaluate", "--vectors", &file, "--labels", &v.path("labels60.csv")]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(said(&wrong).contains("'60'"), "{}", said(&wrong));
}

#[test]
fn a_full_disk_while_links_are_spilled() {
    let v = Vectors::new(1500, 500);
    let mount = v.path("small");
    fs::create_dir(&mount).unwrap();
    let sh = |args: &[&str]| {
        std::process::Command::new(args[0]).args(&args[1..]).output().is_ok_and(|o| o.status.success())
    };
    if !sh(&["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", &mount]) {
        streamface_testing::skip!("no right to mount a small file system");
        return;
    }
    let out = v.path("links.parquet");
    let args = [
        "cluster",
        "join",
        "--vectors",
        v.file.to_str().unwrap(),
        "--threshold",
        "0.9",
        "--memory",
        "1M",
        "--out",
        &out,
    ];
    let full = streamface(&args).env("TMPDIR", &mount).output().unwrap();
    let left = fs::read_dir(&mount).unwrap().count();
    assert!(sh(&["umount", &mount]));
    assert_eq!(full.status.code(), Some(2), "{}", said(&full));
    assert!(said(&full).contains("TMPDIR"), "{}", said(&full));
    assert!(left == 0 && !Path::new(&out).exists());
    // With room for it, the same as in memory.
    let spilled = v.go(&["cluster", "join"], "spilled.parquet", &["--threshold", "0.9", "--memory", "1M"]);
    assert_eq!(spilled, v.go(&["cluster", "join"], "held.parquet", &["--threshold", "0.9"]));
}

#[test]
fn killed_at_any_moment_it_leaves_the_old_labels() {
    let v = Vectors::new(4000, 50);
    let out = v.path("labels.csv");
    let args = ["cluster", "--vectors", v.file.to_str().unwrap(), "--threshold", "0.7", "--out", &out, "-q"];
    fs::write(&out, "old").unwrap();
    for millis in [1, 5, 20, 60, 120] {
        let mut child = streamface(&args).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(millis));
        child.kill().unwrap();
        let done = child.wait().unwrap().success();
        let found = fs::read_to_string(&out).unwrap();
        assert!(found == "old" || found.lines().count() == 4001, "{millis} ms, {done}");
    }
    assert!(run(&args).status.success());
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 4001);
}
