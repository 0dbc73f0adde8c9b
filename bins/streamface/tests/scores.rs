//! `score`, `stats` and `verify` on small data made here, and on the original's sample where it is there.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{run, said};
use serde_json::Value;
use streamface_store::{Dataset, DropReason, FaceRow, FeatureRow, FrameRow, LabelRow};
use streamface_testing::reference;
use streamface_types::{BoundingBox, FaceId, FrameId, Label, Landmarks};

fn text(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn json(args: &[&str]) -> Value {
    let done = run(args);
    assert!(matches!(done.status.code(), Some(0 | 1)), "{}", said(&done));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn labels_are_compared_by_name_and_by_what_they_are_called() {
    let dir = tempfile::tempdir().unwrap();
    let truth = text(dir.path(), "truth.csv", "name,label\na,Zoe\nb,Zoe\nc,Adam\nd,Adam\ne,Adam\nx,Eve\n");
    let found =
        text(dir.path(), "found.csv", "name,label\na.png,Adam\nb,Zoe\nc,Adam\nd,Adam\ne,Bob\ny,Zoe\n");
    let before = text(dir.path(), "before.csv", "name,label\na,1\nb,2\nc,1\nd,3\ne,4\n");
    let page = dir.path().join("page.html");
    let page = page.to_str().unwrap();
    let all = json(&["score", &truth, &found, "--json", "--list", "--before", &before, "--html", page]);
    // b, c and d are called alike.
    assert_eq!(all["accuracy"], 0.6);
    assert_eq!((&all["samples"], &all["only_in_true"]), (&5.into(), &1.into()));
    assert_eq!(all["only_in_true_names"], serde_json::json!(["x"]));
    assert_eq!(all["only_in_predicted_names"], serde_json::json!(["y"]));
    assert_eq!(all["people"][0]["parts"][0]["faces"], 2);
    // c and d became one, and were; the only pair that a review of five clusters could set right so.
    assert_eq!(all["review"]["joins"][0]["right"], 1);
    let written = fs::read_to_string(page).unwrap();
    assert!(written.contains("Wrong splits") && written.contains("Wrong merges") && written.contains("Zoe"));

    let done = run(&["score", &truth, &found, "--list", "--at-least", "0.99"]);
    assert_eq!(done.status.code(), Some(1));
    for part in
        ["only true       x", "only predicted  y", "pairwise  F ", "BCubed    F ", "errors    Adam: 3 faces"]
    {
        assert!(said(&done).contains(part), "{part}: {}", said(&done));
    }
    let missing = run(&["score", &truth, "no/such.csv"]);
    assert!(missing.status.code() == Some(2) && said(&missing).contains("no/such.csv"), "{}", said(&missing));
}

/// 418 faces of 72 people, of which 25 are set aside; the values are scikit-learn's, as in the tests of `metrics`.
#[test]
fn noise_counts_as_faces_that_are_alone_or_as_one_cluster() {
    let dir = tempfile::tempdir().unwrap();
    let (mut truth, mut found) = ("name,label\n".to_owned(), "name,label\n".to_owned());
    for i in 0..418_u64 {
        let person = (5184 * i.pow(3) / 418_u64.pow(3)).isqrt();
        let label = if i % 97 == 5 { (person + 1) % 72 } else { person };
        truth += &format!("f{i},{person}\n");
        found += &if i % 17 == 3 { format!("f{i},-1\n") } else { format!("f{i},{label}\n") };
    }
    let (truth, found) = (text(dir.path(), "truth.csv", &truth), text(dir.path(), "found.csv", &found));
    let f = |all: &Value, which: &str| all[which]["f"].as_f64().unwrap();
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    let alone = json(&["score", &truth, &found, "--json"]);
    assert!(close(f(&alone, "pairwise"), 0.904_054_596_547_571_3), "{alone}");
    assert!(close(f(&alone, "bcubed"), 0.928_921_013_518_420_5), "{alone}");
    assert_eq!((&alone["noise"], &alone["noise_in_predicted"]), (&"alone".into(), &25.into()));
    assert!(close(alone["coverage"].as_f64().unwrap(), 393.0 / 418.0));
    assert_eq!((&alone["true_clusters"], &alone["predicted_clusters"]), (&72.into(), &97.into()));
    assert_eq!((&alone["true_people"], &alone["predicted_people"]), (&72.into(), &72.into()));
    let cluster = json(&["score", &truth, &found, "--json", "--noise-as-cluster"]);
    assert!(close(f(&cluster, "pairwise"), 0.807_595_843_783_590_1), "{cluster}");
    assert!(close(f(&cluster, "bcubed"), 0.902_469_013_856_404_9), "{cluster}");
    assert_eq!((&cluster["noise"], &cluster["predicted_clusters"]), (&"cluster".into(), &73.into()));
    let page = dir.path().join("page.html");
    let done = run(&["score", &truth, &found, "--html", page.to_str().unwrap()]);
    let said = said(&done);
    assert!(said.contains("people    72 true, 72 predicted"), "{said}");
    assert!(said.contains("coverage  0.9402 (25 faces are noise, each a cluster of its own)"), "{said}");
    let page = fs::read_to_string(page).unwrap();
    assert!(
        page.contains("<title>Score of found.csv</title>") && page.contains("25 faces noise in found.csv")
    );
}

#[test]
fn a_file_that_a_step_has_yet_to_write_is_told_with_the_step() {
    let dir = tempfile::tempdir().unwrap();
    let truth = text(dir.path(), "truth.csv", "name,label\nf_face_0,Ann\n");
    let data = Dataset::open(&dir.path().join("news")).unwrap();
    let face: FaceId = "f_face_0".parse().unwrap();
    data.commit(streamface_store::Batch {
        features: vec![FeatureRow::new(face.clone(), "m", "00", vec![1.0, 0.0])],
        ..Default::default()
    })
    .unwrap();
    drop(data);
    let news = dir.path().join("news").to_str().unwrap().to_owned();
    let refused = |args: &[&str], words: &[&str]| {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
        assert!(words.iter().all(|word| said(&output).contains(word)), "{args:?}: {}", said(&output));
    };
    let file = |name: &str| format!("{news}/metadata/{name}");
    refused(
        &["score", &truth, &file("annotations_manual.json")],
        &[&format!("streamface finalize {news} writes it")],
    );
    refused(
        &["score", &truth, &file("annotations.json")],
        &[&format!("streamface cluster {news} writes it")],
    );
    refused(&["score", &file("imported.csv"), &truth], &["was not imported with labels"]);
    refused(&["score", &truth, &news], &["has no labels yet", "streamface cluster"]);
    refused(&["score", &truth, "gone.csv"], &["gone.csv: there is no such file of labels"]);
    // The same wherever a file of labels is taken.
    refused(&["evaluate", &news, "--labels", &file("annotations_manual.json")], &["streamface finalize"]);
    refused(&["stats", &news, "--labels", &file("annotations_manual.json")], &["streamface finalize"]);
    Dataset::open(news.as_ref()).unwrap().replace(vec![LabelRow::new(face, Label(0))]).unwrap();
    let all = json(&["score", &truth, &news, "--json"]);
    assert_eq!(all["samples"], 1);
}

fn face(channel: &str, second: u32, index: u32) -> FaceId {
    FaceId::new(FrameId::new(format!("{channel}_frame_202305251001{second:02}000000")).unwrap(), index)
}

/// Four frames, one dropped, and three faces of two people.
fn dataset(dir: &Path, channel: &str) {
    let data = Dataset::open(dir).unwrap();
    let faces = [face(channel, 0, 0), face(channel, 0, 1), face(channel, 36, 0)];
    let frames = [0, 18, 36, 54].map(|second| {
        let mut row = FrameRow::new(face(channel, second, 0).frame, "a.mp4");
        row.dropped = (second == 18).then_some(DropReason::Empty);
        row
    });
    data.replace(frames.to_vec()).unwrap();
    let row = |face: &FaceId| {
        let mut row = FaceRow::new(face.clone());
        row.bbox = BoundingBox::new(1.0, 1.0, 2.0, 2.0);
        row.landmarks = Landmarks::default();
        row.score = 0.9;
        row.blur = 1e11;
        row.frame_size = [100, 100];
        row.face_size = [10, 10];
        row.aligned_size = [128, 128];
        row.link = None;
        row
    };
    data.replace(faces.iter().map(row).collect::<Vec<_>>()).unwrap();
    let vectors = [vec![1.0, 0.0], vec![0.0, 1.0], vec![0.6, 0.8]];
    let feature =
        |(face, embedding): (&FaceId, Vec<f32>)| FeatureRow::new(face.clone(), "m", "00", embedding);
    data.replace(faces.iter().zip(vectors).map(feature).collect::<Vec<_>>()).unwrap();
    let label = |(face, label): (&FaceId, i64)| LabelRow::new(face.clone(), Label(label));
    data.replace(faces.iter().zip([0, 1, 1]).map(label).collect::<Vec<_>>()).unwrap();
}

#[test]
fn figures_of_two_datasets_together() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| dir.path().join(name));
    fs::create_dir_all(&one).unwrap();
    fs::create_dir_all(&two).unwrap();
    dataset(&one, "sky");
    dataset(&two, "bbc");
    let [one, two] = [&one, &two].map(|p| p.to_str().unwrap());
    let all = json(&["stats", one, two, "--json"]);
    assert_eq!(all["total"]["people"], 4);
    assert_eq!((&all["total"]["frames"], &all["total"]["frames_kept"]), (&8.into(), &6.into()));
    assert_eq!(all["channels"][0]["name"], "bbc");
    assert!((all["channels"][0]["hours"].as_f64().unwrap() - 0.015).abs() < 1e-12);
    // Of person 1 the unit mean of (0, 1) and (.6, .8) has length √.9.
    let intra = all["distances"]["intra"].as_f64().unwrap();
    assert!((intra - (1.0 - 0.9_f64.sqrt())).abs() < 1e-7, "{intra}");
    assert!(Path::new(one).join("stats.html").exists() && Path::new(one).join("stats.json").exists());
    // Person 1 of each is in two frames of three at 18 s, person 0 in one of them beside her.
    let people: Vec<(&str, u64)> = all["people"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["name"].as_str().unwrap(), p["frames"].as_u64().unwrap()))
        .collect();
    assert_eq!(people, [("Person 1", 2), ("Person 1", 2), ("Person 0", 1), ("Person 0", 1)]);
    let seconds: Vec<f64> =
        all["people"].as_array().unwrap().iter().map(|p| p["seconds"].as_f64().unwrap()).collect();
    assert_eq!(seconds, [36.0, 36.0, 18.0, 18.0]);
    assert_eq!(
        all["together"],
        serde_json::json!([{"a": 0, "b": 2, "frames": 1}, {"a": 1, "b": 3, "frames": 1}])
    );
    let page = fs::read_to_string(Path::new(one).join("stats.html")).unwrap();
    assert!(page.contains("Who appears with whom") && page.contains("<span class=\"of\">two</span>"));

    // Someone who has a name is one person in both.
    let names = |channel: &str, who: &str| {
        let lines = format!("name,label\n{},{who}\n{},Ann\n", face(channel, 0, 0), face(channel, 36, 0));
        text(dir.path(), &format!("{channel}.csv"), &lines)
    };
    let (sky, bbc) = (names("sky", "Bob"), names("bbc", "Eve"));
    let all = json(&["stats", one, two, "--labels", &sky, "--labels", &bbc, "--json", "--no-distances"]);
    assert_eq!(
        (&all["total"]["people"], &all["unlabelled"], &all["distances"]),
        (&3.into(), &2.into(), &Value::Null)
    );
    let wrong = run(&["stats", one, two, "--labels", &sky]);
    assert!(wrong.status.code() == Some(2) && said(&wrong).contains("give one for each"), "{}", said(&wrong));
    let wrong = run(&["stats", one, "--labels", &bbc]);
    assert!(wrong.status.code() == Some(2) && said(&wrong).contains("names none"), "{}", said(&wrong));
}

#[test]
fn pages_lead_to_the_moment_and_into_the_review() {
    let dir = tempfile::tempdir().unwrap();
    let news = dir.path().join("my news");
    fs::create_dir(&news).unwrap();
    dataset(&news, "sky");
    let video = dir.path().join("a b.mp4");
    fs::write(&video, "").unwrap();
    let data = Dataset::open(&news).unwrap();
    let mut frames = data.read::<FrameRow>().unwrap();
    frames.iter_mut().for_each(|f| f.source = video.display().to_string());
    data.replace(frames).unwrap();
    drop(data);
    let news = news.to_str().unwrap();
    let done = run(&["report", news]);
    assert!(done.status.success(), "{}", said(&done));
    let page = fs::read_to_string(Path::new(news).join("report.html")).unwrap();
    let frame = face("sky", 36, 0).frame;
    for part in [
        &format!("data-frame=\"frames/{frame}.png\" data-box=\"1.0 1.0 2.0 2.0\" data-origin=\"0\""),
        "<a href=\"../a%20b.mp4\">source</a>",
        // The faces are at 0 and 36 s of 54, the last frame lasting as long as one usually does.
        "<span class=\"first\" style=\"left:0.00%\">10:01:00</span>",
        "36 s on screen",
    ] {
        assert!(page.contains(part), "the page lacks {part}: {page}");
    }
    let done = run(&["evaluate", news]);
    assert!(done.status.success(), "{}", said(&done));
    let page = fs::read_to_string(Path::new(news).join("evaluate.html")).unwrap();
    assert!(page.contains(&format!("<code>streamface review '{news}'</code>")), "{page}");
    let link = format!("href=\"http://127.0.0.1:7373/#/mixed/{}\"", face("sky", 0, 1));
    assert!(page.contains(&link), "{page}");
}

#[test]
fn attributes_of_the_originals_sample() {
    let Some(sample) = reference("skynews/metadata") else { return };
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("metadata")).unwrap();
    for name in ["annotations.json", "annotations_manual.json"] {
        fs::copy(sample.join(name), dir.path().join("metadata").join(name)).unwrap();
    }
    let all = json(&["stats", dir.path().to_str().unwrap(), "--json"]);
    assert_eq!((&all["total"]["faces"], &all["noise"]), (&37.into(), &1.into()));
    // The annotators' 21 clusters, of which one is the noise.
    assert_eq!(all["total"]["people"], 20);
    let names: Vec<&str> =
        all["attributes"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["age", "gender", "race", "expression", "mask"]);
    for attribute in all["attributes"].as_array().unwrap() {
        let faces: u64 = attribute["faces"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(faces, 37, "{attribute}");
    }
    assert_eq!(all["angles"].as_array().unwrap().len(), 3);
}

/// A `.npy` of `f32`.
fn npy(path: &Path, rows: &[[f32; 2]]) {
    let shape = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 2), }}", rows.len());
    let header = format!("{shape:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(header.as_bytes());
    rows.iter().flatten().for_each(|v| bytes.extend(v.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

#[test]
fn pairs_are_verified() {
    let dir = tempfile::tempdir().unwrap();
    let vectors = dir.path().join("x.npy");
    // Two people, around 0 and around 1 radian; the last image of either is in between.
    let angles = [0.0_f32, 0.05, 0.1, 0.5, 1.0, 1.05, 0.95, 0.6];
    npy(&vectors, &angles.map(|a| [a.cos(), a.sin()]));
    let vectors = vectors.to_str().unwrap();
    let names: String = (0..8).map(|i| format!("images/P{0}/P{0}_{1:04}.jpg\n", i / 4, i % 4 + 1)).collect();
    let names = text(dir.path(), "names.txt", &names);
    let pairs = text(
        dir.path(),
        "pairs.txt",
        "2\t2\nP0\t1\t2\nP1\t1\t2\nP0\t1\tP1\t1\nP0\t2\tP1\t2\nP0\t1\t3\nP1\t1\t4\nP0\t4\tP1\t4\nP0\t9\tP1\t1\n",
    );
    let page = dir.path().join("verify.html");
    let args = ["verify", "--vectors", vectors, "--names", &names, "--pairs", &pairs, "--json"];
    let done = run(&[&args[..], &["--out", page.to_str().unwrap()]].concat());
    assert_eq!(done.status.code(), Some(1), "a face of a pair is missing: {}", said(&done));
    let all: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&all["same"], &all["different"], &all["skipped"]), (&4.into(), &3.into(), &1.into()));
    assert_eq!(all["skipped_pairs"], serde_json::json!([["P0_0009", "P1_0001"]]));
    // Fold 1 is told rightly by fold 2's threshold, if that is below the two in between.
    assert_eq!(all["folds"].as_array().unwrap().len(), 2);
    assert!(fs::read_to_string(&page).unwrap().contains("ROC curve"));
    // The pair that lacks a face is of two people, so that refusing it is right: one more of fold 2 is.
    let share = |key: &str| all[key].as_f64().unwrap();
    assert!(share("accuracy_with_missing") > share("accuracy") || share("accuracy") == 1.0, "{all}");
    assert_eq!((&all["missing"], &all["folds"][1]["missing"]), (&1.into(), &1.into()));
    // P0 and P1 are in both folds, and three pairs of two people are too few for any rate.
    assert_eq!((&all["people"], &all["people_in_several_folds"]), (&2.into(), &2.into()));
    assert_eq!(
        (&all["tar_at_far"], &all["too_few"]["far"], &all["too_few"]["accepted"]),
        (&serde_json::json!([]), &0.1.into(), &0.into())
    );
    let text_of = run(&args[..args.len() - 1]);
    for part in [
        "with 1 pair without a face counted as refused",
        "share 2 of 2 people",
        "not told at FAR 0.1: 0 pairs",
    ] {
        assert!(said(&text_of).contains(part), "{part}: {}", said(&text_of));
    }
    assert_eq!(all["hardest"]["different"][0]["left"], "P0_0004");

    let rows = "index,label\n0,0\n1,0\n2,0\n4,1\n5,1\n6,1\n";
    let labels = text(dir.path(), "labels.csv", rows);
    let drawn = ["verify", "--vectors", vectors, "--labels", &labels, "--folds", "3", "--json"];
    let all = json(&drawn);
    assert_eq!((&all["same"], &all["different"]), (&6.into(), &9.into()));
    assert_eq!((&all["auc"], &all["accuracy"], &all["eer"]), (&1.0.into(), &1.0.into(), &0.0.into()));
    assert_eq!(all, json(&drawn));

    // 24 people of three faces each: folds share nobody, and a rate has its interval.
    let many = dir.path().join("many.npy");
    npy(
        &many,
        &(0..72_u16)
            .map(|i| f32::from(i / 3) * 0.25 + f32::from(i * 7 % 5) * 0.03)
            .map(|a| [a.cos(), a.sin()])
            .collect::<Vec<_>>(),
    );
    let rows: String = (0..72).map(|i| format!("{i},{}\n", i / 3)).collect();
    let labels = text(dir.path(), "many.csv", &format!("index,label\n{rows}"));
    let all = json(&["verify", "--vectors", many.to_str().unwrap(), "--labels", &labels, "--json"]);
    assert_eq!((&all["people"], &all["people_in_several_folds"]), (&24.into(), &0.into()));
    let at = &all["tar_at_far"][0];
    let [low, tar, high] = [&at["interval"][0], &at["tar"], &at["interval"][1]].map(|v| v.as_f64().unwrap());
    assert!(at["accepted"].as_u64() >= Some(30) && low < tar && tar <= high && high <= 1.0, "{at}");
    assert_eq!(all["too_few"]["needed"], 30);

    let nobody = text(dir.path(), "nobody.txt", "1,a,b,1\n2,a,b,0\n");
    let done = run(&["verify", "--vectors", vectors, "--names", &names, "--pairs", &nobody]);
    assert!(done.status.code() == Some(2) && said(&done).contains("no pair has both"), "{}", said(&done));
    let done = run(&["verify", "--vectors", vectors]);
    assert!(done.status.code() == Some(2) && said(&done).contains("--labels"), "{}", said(&done));
}
