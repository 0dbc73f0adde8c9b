//! `hri build`: labels, names, faces; nothing half done whatever happens.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use streamface_store::{Dataset, FeatureRow, LabelRow, VectorTable, read_vectors, write_vectors};
use streamface_types::{Embeddings, FaceId, Label};

/// Rows near the axes: row `at` is of person `people[at]`.
fn vectors(people: &[usize]) -> Embeddings {
    let mut numbers = Vec::new();
    for (at, &person) in people.iter().enumerate() {
        numbers.extend((0..8).map(|k| if k == person { 1.0 } else { (at * 8 + k) as f32 % 7.0 / 100.0 }));
    }
    Embeddings::new(numbers, 8).unwrap()
}

fn hri(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hri")).args(args).current_dir(dir).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(output: &Output, says: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && error.contains(says), "{error}");
}

fn stats(dir: &Path, index: &str) -> Value {
    serde_json::from_str(&text(&hri(dir, &["stats", index, "--json"]))).unwrap()
}

/// Lines of a query of the same vectors.
fn query(dir: &Path, index: &str, vectors: &str) -> Vec<String> {
    text(&hri(dir, &["query", index, "--vectors", vectors])).lines().map(str::to_owned).collect()
}

fn build<'a>(index: &'a str, vectors: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["build", index, "--vectors", vectors, "--threshold", "0.2"][..], more].concat()
}

#[test]
fn noise_is_no_one_and_new_numbers_are_told_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // Eight strangers are noise; 7 and 3 are people.
    let people = [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 0, 1];
    write_vectors(&dir.join("x.npy"), &vectors(&people).into()).unwrap();
    for (name, seven, three, noise) in [("whole", "7", "3", "-1")] {
        let mut table = String::from("index,label\n");
        for at in 0..12 {
            let label = if at < 8 {
                noise
            } else if at % 2 == 0 {
                seven
            } else {
                three
            };
            table += &format!("{at},{label}\n");
        }
        std::fs::write(dir.join("l.csv"), table).unwrap();
        let said = text(&hri(dir, &build(name, "x.npy", &["--labels", "l.csv"])));
        assert!(said.starts_with(&format!("4 vectors of 2 people in {name}")), "{said}");
        assert!(said.contains("8 vectors are noise"), "{said}");
        assert!(said.contains("person 0 is label 3\n") && said.contains("person 1 is label 7\n"), "{said}");
        let all = stats(dir, name);
        assert_eq!((&all["people"], &all["members"]), (&2.into(), &4.into()));
        let mapping = serde_json::json!([
            {"label": 0, "number": 3, "members": 2}, {"label": 1, "number": 7, "members": 2}
        ]);
        assert_eq!(all["mapping"], mapping);
        let found = query(dir, name, "x.npy");
        assert_eq!(found[0], "index,label,distance,number");
        assert!(found[9].starts_with("8,1,") && found[9].ends_with(",7"), "{found:?}");
        // The strangers among noise are no one's.
        assert_eq!(found[3], "2,,,");
        // Ids are those of the rows, with gaps where noise was.
        let out = format!("{name}.csv");
        text(&hri(dir, &["export", name, "--out", &out]));
        let table = std::fs::read_to_string(dir.join(out)).unwrap();
        assert_eq!(table, "name,label,person,id\n9,0,,9\n11,0,,11\n8,1,,8\n10,1,,10\n");
    }
    // Numbers from 0 without gaps stay as they are, in whatever order they come; nothing is to be told.
    let table: String = (0..12).map(|at| format!("{at},{}\n", people[at] ^ 1)).collect();
    std::fs::write(dir.join("l.csv"), format!("index,label\n{table}")).unwrap();
    let said = text(&hri(dir, &build("plain", "x.npy", &["--labels", "l.csv"])));
    assert!(!said.contains("numbered anew"), "{said}");
    let found = query(dir, "plain", "x.npy");
    assert_eq!(found[0], "index,label,distance");
    assert!(found[1].starts_with("0,1,") && found[2].starts_with("1,0,") && found[3].starts_with("2,3,"));
}

#[test]
fn texts_are_names_and_a_name_stays_one_person() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_vectors(&dir.join("x.npy"), &vectors(&[0, 1, 0, 1, 2]).into()).unwrap();
    std::fs::write(dir.join("l.csv"), "index,label\n0,Zoë\n1,Ann\n2,Zoë\n3,Ann\n4,-1\n").unwrap();
    let said = text(&hri(dir, &build("people", "x.npy", &["--labels", "l.csv"])));
    assert!(said.contains("person 0 is Zoë\n") && said.contains("person 1 is Ann\n"), "{said}");
    let found = query(dir, "people", "x.npy");
    assert_eq!((found[0].as_str(), found[5].as_str()), ("index,label,distance,person", "4,,,"));
    assert!(found[1].ends_with(",Zoë") && found[2].ends_with(",Ann"), "{found:?}");
    let tree = text(&hri(dir, &["tree", "people"]));
    assert!(tree.contains("person 0 Zoë (2 vectors)"), "{tree}");
    // More of them: who has a name is known by it, and a number of another table means nothing.
    std::fs::write(dir.join("l.csv"), "index,label,person\n0,5,Zoë\n1,1,\n2,5,Zoë\n3,1,\n4,0,\n").unwrap();
    let more = ["build", "people", "--vectors", "x.npy", "--first-id", "100", "--labels", "l.csv"];
    assert!(text(&hri(dir, &more)).starts_with("9 vectors of 4 people"));
    let members = |label: usize| stats(dir, "people")["mapping"][label]["members"].clone();
    assert_eq!((members(0), members(1)), (4.into(), 2.into()));
}

#[test]
fn what_fails_in_the_middle_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_vectors(&dir.join("x.npy"), &vectors(&[0, 1, 2, 3]).into()).unwrap();
    // A new index: nothing is left.
    std::fs::write(dir.join("l.csv"), "index,label\n0,1\n1,1\n4,2\n").unwrap();
    refused(
        &hri(dir, &build("people", "x.npy", &["--labels", "l.csv"])),
        "index 4, but there are only 4 vectors",
    );
    refused(&hri(dir, &build("people", "x.npy", &["--first-id", "18446744073709551614"])), "64 bits");
    let names = || -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["l.csv", "x.npy"]);
    text(&hri(dir, &build("people", "x.npy", &[])));
    let before = query(dir, "people", "x.npy");
    // Id 3 is taken; 1 and 2 come before it and would be new people.
    write_vectors(&dir.join("y.npy"), &vectors(&[5, 6, 7]).into()).unwrap();
    text(&hri(dir, &build("other", "y.npy", &["--first-id", "3"])));
    refused(&hri(dir, &build("other", "x.npy", &[])), "x.npy, row 3: id 3 is taken");
    assert_eq!(stats(dir, "other")["members"], 3);
    refused(&hri(dir, &build("people", "y.npy", &["--first-id", "3"])), "y.npy, row 0: id 3 is taken");
    assert_eq!(query(dir, "people", "x.npy"), before);
    // What is there has its own settings.
    text(&hri(dir, &["build", "people", "--vectors", "y.npy", "--first-id", "10"]));
    let wrong = ["build", "people", "--vectors", "y.npy", "--first-id", "20", "--threshold", "0.3"];
    refused(&hri(dir, &wrong), "threshold 0.2, not 0.3");
    refused(&hri(dir, &["build", "new", "--vectors", "y.npy"]), "needs --threshold");
    assert_eq!(names(), ["l.csv", "other", "people", "x.npy", "y.npy"]);
}

#[test]
fn a_killed_build_leaves_no_index_and_the_next_one_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let n = 40_000_u64;
    let numbers: Vec<f32> = (0..n * 8).map(|at| ((at * 2_654_435_761) % 1000) as f32 + 1.0).collect();
    write_vectors(&dir.join("x.npy"), &Embeddings::new(numbers, 8).unwrap().into()).unwrap();
    let args = build("people", "x.npy", &[]);
    let (part, mut killed) = (dir.join(".people.part"), 0);
    for wait in [0, 0, 5, 20, 60] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hri"))
            .args(&args)
            .current_dir(dir)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while !part.join("log-0000000000.hri").exists() && start.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        if child.wait().unwrap().success() || dir.join("people").exists() {
            // It was whole already.
            std::fs::remove_dir_all(dir.join("people")).unwrap();
            continue;
        }
        killed += 1;
        refused(&hri(dir, &["query", "people", "--vectors", "x.npy"]), "build an index there first");
    }
    assert!(killed > 0);
    let said = text(&hri(dir, &args));
    assert!(said.starts_with("40000 vectors of "), "{said}");
    assert!(!part.exists());
}

/// A dataset of embeddings with labels, some of noise and one without.
fn dataset(dir: &Path) -> Vec<FaceId> {
    let data = Dataset::open(dir).unwrap();
    let people = [2, 0, 1, 0, 1, 0, 4];
    let vectors = vectors(&people);
    let face = |at: usize| -> FaceId { format!("tv_frame_2023052510013841261{at}_face_0").parse().unwrap() };
    let faces: Vec<FaceId> = (0..people.len()).map(face).collect();
    let features = faces.iter().zip(vectors.rows()).map(|(face, row)| {
        FeatureRow::new(face.clone(), "mobilefacenet".to_owned(), "ab".to_owned(), row.to_vec())
    });
    data.replace(features.collect::<Vec<_>>()).unwrap();
    let labels = faces.iter().zip([1, 0, -1, 0, 2, 0]);
    let rows = labels.map(|(face, label)| LabelRow::new(face.clone(), Label(label)));
    data.replace_labels(rows.collect(), &[(Label(0), "=Zoë".to_owned())].into()).unwrap();
    std::fs::write(
        dir.join("metadata/settings.json"),
        r#"{"embedder": {"metric": "cosine", "match-threshold": "0.25"}}"#,
    )
    .unwrap();
    faces
}

#[test]
fn a_dataset_goes_in_with_names_and_faces_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let faces = dataset(&dir.join("news"));
    let said = text(&hri(dir, &["build", "people", "--dataset", "news"]));
    assert!(said.starts_with("5 vectors of 3 people in people\n"), "{said}");
    for line in ["1 vectors are noise", "1 vectors have no label"] {
        assert!(said.contains(line), "{said}");
    }
    assert!(!said.contains("numbered anew"), "numbers from 0 without gaps stay as they are: {said}");
    let all = stats(dir, "people");
    assert_eq!((&all["threshold"], &all["faces"]), (&0.25.into(), &5.into()));
    assert_eq!(all["mapping"][0]["name"], "=Zoë");
    // Labels by face come back as they were.
    text(&hri(dir, &["export", "people", "--out", "l.csv"]));
    let labels = streamface_eval::labels::read_labelled(dir.join("l.csv")).unwrap();
    let wanted = [(0, 1), (1, 0), (3, 0), (4, 2), (5, 0)].map(|(at, label)| (faces[at].to_string(), label));
    assert_eq!(labels.labels, wanted.into());
    assert_eq!(labels.names, [(0, "=Zoë".to_owned())].into());
    // So do vectors, and an index of these is the same.
    for (file, more) in [("p.parquet", &[][..]), ("p.npy", &["--labels", "p.csv"])] {
        text(&hri(dir, &["export", "people", "--out", file]));
        assert_eq!(read_vectors(&dir.join(file)).unwrap().vectors.len(), 5);
        let again = format!("from-{file}");
        text(&hri(dir, &[&["build", &again, "--vectors", file, "--threshold", "0.25"][..], more].concat()));
        text(&hri(dir, &["export", &again, "--out", "again.csv"]));
        let again = streamface_eval::labels::read_labelled(dir.join("again.csv")).unwrap();
        assert_eq!((&again.labels, &again.names), (&labels.labels, &labels.names), "{file}");
    }
    // Queries by face.
    let found = query(dir, "people", "news/metadata/features.parquet");
    assert_eq!(found[0], "index,label,distance,person,face");
    assert!(found[2].starts_with("1,0,") && found[2].ends_with(&format!(",'=Zoë,{}", faces[1])), "{found:?}");
    // Once more: all faces are there already.
    let said = text(&hri(dir, &["build", "people", "--dataset", "news"]));
    assert!(
        said.starts_with("5 vectors of 3 people") && said.contains("5 faces are in the index already"),
        "{said}"
    );
    refused(&hri(dir, &["query", "news", "--vectors", "p.npy"]), "hri build DIR --dataset news");
    refused(&hri(dir, &["build", "q", "--dataset", "nosuch"]), "not a dataset directory");
    assert!(!dir.join("q").exists());
}

#[test]
fn standard_input_and_parquet_are_vectors_too() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let mut table = VectorTable::from(vectors(&[0, 1, 0, 1]));
    table.faces = Some((0..4).map(|at| Some(format!("f{at}"))).collect());
    table.labels = Some(vec![Some(1), Some(0), Some(1), Some(-1)]);
    for name in ["x.parquet", "x.npy"] {
        write_vectors(&dir.join(name), &table).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_hri"))
            .args(build(&format!("{name}.index"), "-", &["--json"]))
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&std::fs::read(dir.join(name)).unwrap()).unwrap();
        let done: Value = serde_json::from_str(&text(&child.wait_with_output().unwrap())).unwrap();
        let wanted = if name == "x.npy" { (4, 2, 0) } else { (3, 2, 1) };
        assert_eq!(
            (&done["added"], &done["people"], &done["noise"]),
            (&wanted.0.into(), &wanted.1.into(), &wanted.2.into())
        );
    }
    text(&hri(dir, &["match", "--vectors", "x.parquet", "--threshold", "0.2", "--out", "y.parquet"]));
    text(&hri(dir, &["match", "--vectors", "x.npy", "--threshold", "0.2", "--out", "y.csv"]));
    assert_eq!(std::fs::read_to_string(dir.join("y.csv")).unwrap(), "index,label\n0,0\n1,1\n2,0\n3,1\n");
    assert!(std::fs::read(dir.join("y.parquet")).unwrap().starts_with(b"PAR1"));
    text(&hri(dir, &["query", "x.npy.index", "--vectors", "x.parquet", "--nearest", "2"]));
}

#[test]
fn an_index_that_is_not_there_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_vectors(&dir.join("x.npy"), &vectors(&[0]).into()).unwrap();
    for command in [
        &["query", "nosuch", "--vectors", "x.npy"][..],
        &["stats", "nosuch"],
        &["tree", "nosuch"],
        &["export", "nosuch", "--out", "y.csv"],
        &["serve", "nosuch"],
    ] {
        refused(
            &hri(dir, command),
            "nosuch: there is no such directory; build an index there first (hri build)",
        );
    }
    refused(&hri(dir, &["serve", "nosuch"]), "--dim and --threshold");
    refused(&hri(dir, &["query", "x.npy", "--vectors", "x.npy"]), "x.npy: not a directory");
    std::fs::create_dir(dir.join("empty")).unwrap();
    refused(&hri(dir, &["query", "empty", "--vectors", "x.npy"]), "empty: no index here; build one first");
    refused(&hri(dir, &["serve", "empty"]), "empty: no index here");
    assert_eq!(std::fs::read_dir(dir.join("empty")).unwrap().count(), 0);
    refused(
        &hri(dir, &["build", "x.npy", "--vectors", "x.npy", "--threshold", "1"]),
        "x.npy: not a directory",
    );
}

#[test]
fn nothing_that_is_there_is_replaced_or_written_among() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_vectors(&dir.join("x.npy"), &vectors(&[0, 1, 0, 1]).into()).unwrap();
    let bytes = std::fs::read(dir.join("x.npy")).unwrap();
    for out in ["x.npy", "./x.npy"] {
        let done = hri(dir, &["match", "--vectors", "x.npy", "--threshold", "0.2", "--out", out]);
        refused(&done, "would replace x.npy");
    }
    let against =
        ["bench", "--vectors", "x.npy", "--against", "x.npy", "--threshold", "0.2", "--out", "x.npy"];
    refused(&hri(dir, &against), "would replace x.npy");
    assert_eq!(std::fs::read(dir.join("x.npy")).unwrap(), bytes);

    text(&hri(dir, &build("people", "x.npy", &[])));
    std::fs::write(dir.join("mine.csv"), "name,label\na,1\n").unwrap();
    refused(&hri(dir, &["export", "people", "--out", "mine.npy"]), "mine.csv is there already");
    assert_eq!(std::fs::read_to_string(dir.join("mine.csv")).unwrap(), "name,label\na,1\n");
    assert!(!dir.join("mine.npy").exists());
    // What was written together is written anew together.
    for _ in 0..2 {
        text(&hri(dir, &["export", "people", "--out", "other.npy"]));
    }

    std::fs::create_dir(dir.join("photos")).unwrap();
    std::fs::write(dir.join("photos/a.txt"), "sun").unwrap();
    refused(&hri(dir, &build("photos", "x.npy", &[])), "holds other things, such as 'a.txt'");
    assert_eq!(std::fs::read_dir(dir.join("photos")).unwrap().count(), 1);
}

#[test]
fn rows_without_a_label_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_vectors(&dir.join("x.npy"), &vectors(&[0, 1, 0, 1]).into()).unwrap();
    std::fs::write(dir.join("short.csv"), "index,label\n0,5\n3,6\n").unwrap();
    let said = text(&hri(dir, &build("h", "x.npy", &["--labels", "short.csv"])));
    assert!(said.starts_with("2 vectors of 2 people"), "{said}");
    assert!(said.contains("2 vectors have no label and were left out"), "{said}");
}

#[test]
fn what_is_odd_is_said_in_few_words() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_vectors(&dir.join("x.npy"), &vectors(&[0, 1, 0, 1]).into()).unwrap();
    std::fs::write(dir.join("noise.csv"), "index,label\n0,-1\n1,-1\n2,-1\n3,-1\n").unwrap();
    let said = text(&hri(dir, &build("none", "x.npy", &["--labels", "noise.csv"])));
    assert!(said.contains("the index is empty"), "{said}");
    // Numbers that stay are not told.
    std::fs::write(dir.join("l.csv"), "index,label,person\n0,0,Ann\n1,1,Bo\n2,0,Ann\n3,1,Bo\n").unwrap();
    let said = text(&hri(dir, &build("same", "x.npy", &["--labels", "l.csv"])));
    assert!(!said.contains("numbered anew"), "{said}");
    let mut child = Command::new(env!("CARGO_BIN_EXE_hri"))
        .args(["match", "--vectors", "-", "--threshold", "0.2", "--out", "y.csv"])
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"no vectors").unwrap();
    let done = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(error.contains("standard input") && !error.contains("tmp"), "{error}");
    // A reader that has seen enough.
    let many: Vec<usize> = (0..20_000).map(|at| at % 8).collect();
    write_vectors(&dir.join("many.npy"), &vectors(&many).into()).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_hri"))
        .args(["query", "same", "--vectors", "many.npy", "--nearest", "2"])
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
}
