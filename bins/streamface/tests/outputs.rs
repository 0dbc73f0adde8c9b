//! What a command writes replaces nothing that it reads; what is not there, or does not fit, is said.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use common::dataset::{dataset, face};
use common::{said, streamface};
use streamface_annotate::{Action, Journal, journal};
use streamface_store::{Dataset, LabelRow, VectorTable, write_vectors};
use streamface_types::{Embeddings, Label};

/// A dataset `set`, vectors `a.npy`, labels of both, and labels of something else.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        dataset(&path.join("set"));
        let numbers =
            (0..9 * 4).map(|k| if k % 4 == k / 4 % 3 { 1.0 } else { 0.01 * (k % 5) as f32 }).collect();
        write_vectors(&path.join("a.npy"), &VectorTable::from(Embeddings::new(numbers, 4).unwrap())).unwrap();
        let rows = |name: fn(u32) -> String, n: u32, head: &str| {
            (0..n).fold(format!("{head},label\n"), |text, i| text + &format!("{},{}\n", name(i), i % 3))
        };
        fs::write(path.join("z.csv"), rows(|i| i.to_string(), 9, "index")).unwrap();
        fs::write(path.join("some.csv"), rows(|i| i.to_string(), 6, "index")).unwrap();
        fs::write(path.join("t.csv"), rows(|i| face(i).to_string(), 8, "name")).unwrap();
        fs::write(path.join("other.csv"), "name,label\nx_face_0,1\ny_face_0,2\n").unwrap();
        fs::write(path.join("mixed.csv"), rows(|i| face(i).to_string(), 8, "name") + "x_face_0,1\n").unwrap();
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, line: &str) -> Output {
        let words: Vec<&str> = line.split(' ').collect();
        streamface(&words).current_dir(self.path()).output().unwrap()
    }

    /// The bytes of all files but pages.
    fn bytes(&self) -> BTreeMap<String, Vec<u8>> {
        streamface_testing::result_bytes(self.path())
    }
}

#[test]
fn nothing_that_is_read_is_replaced() {
    let place = Place::new();
    fs::write(place.path().join("l.json"), "{\"labels\": {}}").unwrap();
    let before = place.bytes();
    for line in [
        "evaluate --vectors a.npy --labels z.csv --out a.npy",
        "evaluate --vectors a.npy --labels z.csv --out ./z.csv",
        "evaluate set --labels t.csv --out t.csv",
        "evaluate set --out set/metadata/faces.parquet",
        "match --vectors a.npy --labels z.csv --min .3 --max .6 --out a.npy",
        "match --vectors a.npy --labels z.csv --min .3 --max .6 --out z.csv",
        "match set --labels t.csv --out t.csv",
        "match set --out set/metadata/labels.parquet",
        "verify set --labels t.csv --out t.csv",
        "verify --vectors a.npy --labels z.csv --out a.npy",
        "score t.csv set --html t.csv",
        "score t.csv set --before mixed.csv --html mixed.csv",
        "stats set --labels t.csv --out t.csv",
        "stats set --labels l.json --out l.html",
        "cluster --vectors a.npy --threshold .5 --out a.npy",
    ] {
        let done = place.run(line);
        assert_eq!(done.status.code(), Some(2), "{line}: {}", said(&done));
        assert!(said(&done).contains("would replace"), "{line}: {}", said(&done));
        let now = place.bytes();
        let differ: Vec<_> = before.iter().filter(|(name, bytes)| now.get(*name) != Some(bytes)).collect();
        assert!(differ.is_empty(), "{line}: {differ:?}");
    }
    // A file beside the page that is somebody's own.
    fs::write(place.path().join("mine.json"), "{}").unwrap();
    let done = place.run("stats set --out mine.html");
    assert!(
        done.status.code() == Some(2) && said(&done).contains("mine.json is there already"),
        "{}",
        said(&done)
    );
    assert_eq!(fs::read_to_string(place.path().join("mine.json")).unwrap(), "{}");
    // The places that are a command's own may be named, and written anew.
    for line in [
        "evaluate set --out set/evaluate.html",
        "match set --out set/metadata/cluster_evals.json",
        "stats set --out s.html",
    ] {
        for _ in 0..2 {
            let done = place.run(line);
            assert!(done.status.success(), "{line}: {}", said(&done));
        }
    }
}

#[test]
fn labels_that_fit_no_face_are_refused_and_those_that_do_not_are_counted() {
    let place = Place::new();
    assert!(place.run("report set").status.success());
    let report = fs::read(place.path().join("set/report.html")).unwrap();
    let formats = ["csv", "parquet", "npy", "coco", "compat", "imagefolder", "fiftyone", "webdataset", "lfw"];
    let exports =
        formats.map(|format| format!("export set --labels other.csv --format {format} --out new-{format}"));
    let pages =
        ["report", "evaluate", "verify", "stats"].map(|step| format!("{step} set --labels other.csv"));
    for line in exports.iter().chain(&pages) {
        let done = place.run(line);
        let said = said(&done);
        assert_eq!(done.status.code(), Some(2), "{line}: {said}");
        assert!(said.contains("none of the") && !said.contains("give --labels"), "{line}: {said}");
    }
    assert_eq!(fs::read(place.path().join("set/report.html")).unwrap(), report);
    for line in [
        "report set --labels mixed.csv",
        "stats set --labels mixed.csv --out s.html",
        "evaluate set --labels mixed.csv",
        "export set --labels mixed.csv --format csv --out new.csv",
    ] {
        let done = place.run(line);
        assert!(done.status.success(), "{line}: {}", said(&done));
        assert!(said(&done).contains("1 of its 9 names are no faces"), "{line}: {}", said(&done));
    }
    for line in [
        "evaluate --vectors a.npy --labels some.csv",
        "match --vectors a.npy --labels some.csv --min .3 --max .6 --out m.json",
    ] {
        let done = place.run(line);
        assert!(done.status.success(), "{line}: {}", said(&done));
        assert!(said(&done).contains("no label for 3 of 9 rows"), "{line}: {}", said(&done));
    }
    // Without the flag its words are no advice.
    fs::write(place.path().join("set/metadata/decisions.jsonl"), "not a decision\n{}\n").unwrap();
    for line in ["report set", "export set --format csv --out x.csv", "evaluate set"] {
        let done = place.run(line);
        assert_eq!(done.status.code(), Some(2), "{line}: {}", said(&done));
        assert!(
            said(&done).contains("decisions.jsonl") && !said(&done).contains("--labels"),
            "{line}: {}",
            said(&done)
        );
    }
    let done = place.run("export set --labels gone --format csv --out x.csv");
    assert!(said(&done).contains("--labels takes auto"), "{}", said(&done));
}

#[test]
fn a_picture_that_is_gone_is_a_failure_like_one_that_is_broken() {
    for bytes in [None, Some("")] {
        let place = Place::new();
        let picture = place.path().join(format!("set/faces/{}.png", face(2)));
        match bytes {
            Some(bytes) => fs::write(&picture, bytes).unwrap(),
            None => fs::remove_file(&picture).unwrap(),
        }
        for format in ["imagefolder", "fiftyone", "webdataset", "compat"] {
            let done = place.run(&format!("export set --format {format} --out {format}"));
            assert_eq!(done.status.code(), Some(1), "{format}: {}", said(&done));
            assert!(said(&done).contains(&face(2).to_string()), "{format}: {}", said(&done));
        }
    }
}

#[test]
fn people_may_be_called_like_the_files_beside_their_folders() {
    let place = Place::new();
    let data = Dataset::open(&place.path().join("set")).unwrap();
    let labels: Vec<_> = (0..8).map(|i| LabelRow::new(face(i), Label(i64::from(i % 3)))).collect();
    let names = BTreeMap::from([(Label(1), "people.csv".to_owned()), (Label(2), "PAIRS.txt".to_owned())]);
    data.replace_labels(labels, &names).unwrap();
    drop(data);
    for (format, more) in [("imagefolder", ""), ("lfw", " --folds 1 --pairs 1")] {
        let done = place.run(&format!("export set --format {format}{more} --out {format}"));
        assert!(done.status.success(), "{format}: {}", said(&done));
        let done = place.run(&format!("import {format} --format {format} --out back-{format}"));
        assert!(done.status.success(), "{format}: {}", said(&done));
        let back = Dataset::read_only(&place.path().join(format!("back-{format}"))).unwrap();
        let names: Vec<String> = back.clusters().unwrap().names.into_values().collect();
        assert!(
            names.contains(&"people.csv".to_owned()) && names.contains(&"PAIRS.txt".to_owned()),
            "{names:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_persons_folder_that_is_a_link_is_told() {
    let place = Place::new();
    let done = place.run("export set --format imagefolder --out there");
    assert!(done.status.success(), "{}", said(&done));
    fs::rename(place.path().join("there/1"), place.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", place.path().join("there/1")).unwrap();
    let done = place.run("import there --format imagefolder --out back");
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    assert!(said(&done).contains("there/1: a link to a folder"), "{}", said(&done));
}

#[test]
fn a_name_whose_faces_another_clustering_moves_is_told() {
    let place = Place::new();
    let metadata = place.path().join("set/metadata");
    fs::remove_file(metadata.join(journal::FILE)).unwrap();
    let (mut journal, _) = Journal::open(&metadata.join(journal::FILE)).unwrap();
    // Faces 0, 3, 6 are one cluster, 1, 4, 7 another.
    for (faces, name) in [([0, 3, 6], "Anna"), ([1, 4, 7], "a/b")] {
        let action = Action::Name { person: faces.map(face).into(), name: Some(name.into()) };
        journal.append("somebody", None, action).unwrap();
    }
    drop(journal);
    let done = place.run("finalize set --json");
    let before: serde_json::Value =
        serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", said(&done)));
    assert_eq!(before["names_in_doubt"], serde_json::json!([]));
    // Another clustering: face 6 now lies with those that are called a/b.
    let data = Dataset::open(&place.path().join("set")).unwrap();
    let labels =
        [0, 1, 2, 0, 1, 2, 1, 1].into_iter().zip(0..).map(|(label, i)| LabelRow::new(face(i), Label(label)));
    data.replace_labels(labels.collect(), &BTreeMap::new()).unwrap();
    drop(data);
    let done = place.run("finalize set");
    assert!(
        said(&done).contains("in doubt: decision 1: the 3 faces that were named Anna are now 2 of person 0 (Anna), 1 of person 1 (a/b)"),
        "{}",
        said(&done)
    );
    let done = place.run("finalize set --json");
    let after: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(after["names_in_doubt"][0]["name"], "Anna", "{after}");
    // So does the clustering itself.
    let done = place.run("cluster set --threshold 1.9");
    assert!(said(&done).contains("in doubt: decision 1"), "{}", said(&done));
}

#[test]
fn a_picture_of_another_size_than_its_set_says_is_told() {
    let place = Place::new();
    let done = place.run("export set --format coco --out there");
    assert!(done.status.success(), "{}", said(&done));
    let path = place.path().join("there/annotations.json");
    let mut file: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    file["images"][0]["width"] = 384.into();
    fs::write(&path, file.to_string()).unwrap();
    let done = place.run("import there --format coco --out back");
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    assert!(said(&done).contains("96 x 96 pixels, but the set says 384 x 96"), "{}", said(&done));
}

#[test]
fn advice_fits_the_command() {
    let place = Place::new();
    let open = Dataset::open(&place.path().join("set")).unwrap();
    let done = place.run("finalize set");
    assert!(said(&done).contains("wait until it ends") && !said(&done).contains("--out"), "{}", said(&done));
    drop(open);
    let done = place.run("import nothing --out x");
    assert!(done.status.code() == Some(2) && said(&done).contains("No such file"), "{}", said(&done));
    let done = place.run("cluster set --method infomap --neighbours 0");
    assert!(
        done.status.code() == Some(2) && said(&done).contains("neighbours must be 1 or more"),
        "{}",
        said(&done)
    );
}
