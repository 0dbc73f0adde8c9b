//! Names of people: from the review or an import into everything that is written, and in again; and which labels a command
//! takes.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{run, said};
use image::RgbImage;
use serde_json::Value;
use streamface_annotate::labels::{Whose, dataset_labels};
use streamface_annotate::{Action, Compared, Journal, Verdict, journal};
use streamface_store::{Batch, Dataset, FaceRow, FeatureRow, FrameRow, ImageKind, LabelRow};
use streamface_types::{BoundingBox, FaceId, FrameId, Label, Landmarks};

/// Three people in six frames: 0 in all, 1 in three, 2 in two; and one face of no one. With pictures and embeddings.
fn dataset(root: &Path) -> Vec<FaceId> {
    let data = Dataset::open(root).unwrap();
    let (mut batch, mut labels) = (Batch::default(), Vec::new());
    for at in 0..6_u32 {
        let frame = FrameId::new(format!("tv_frame_2023052510013{at}000000")).unwrap();
        let png = |side: u32, shade: u32| {
            let picture =
                RgbImage::from_fn(side, side, |x, y| image::Rgb([x as u8, (y * 3) as u8, shade as u8]));
            let mut bytes = Vec::new();
            picture.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
            bytes
        };
        data.stage(ImageKind::Frame, &frame, &png(100, at)).unwrap();
        let mut row = FrameRow::new(frame.clone(), "tv.mp4");
        [row.width, row.height] = [100, 100];
        batch.frames.push(row);
        for index in 0..2 {
            let face = FaceId::new(frame.clone(), index);
            let x = 5.0 + 50.0 * index as f32;
            let mut row = FaceRow::new(face.clone());
            row.bbox = BoundingBox::new(x, 10.0, 30.0, 40.0);
            row.landmarks = Landmarks([
                [x + 8.0, 20.0],
                [x + 22.0, 20.0],
                [x + 15.0, 30.0],
                [x + 9.0, 40.0],
                [x + 21.0, 40.0],
            ]);
            (row.score, row.blur) = (0.9, 50.0);
            (row.frame_size, row.face_size, row.aligned_size) = ([100, 100], [32, 32], [128, 128]);
            batch.faces.push(row);
            data.stage(ImageKind::Face, &face, &png(32, at * 2 + index)).unwrap();
            data.stage(ImageKind::AlignedFace, &face, &png(128, at * 2 + index)).unwrap();
            let label = match (index, at) {
                (0, _) => 0,
                (_, 0..3) => 1,
                (_, 3..5) => 2,
                _ => -1,
            };
            let angle = (f32::from(label as i16) * 40.0 + at as f32).to_radians();
            batch.features.push(FeatureRow::new(face.clone(), "m", "00", vec![angle.cos(), angle.sin()]));
            labels.push(LabelRow::new(face, Label(label)));
        }
    }
    let faces = labels.iter().map(|row| row.face.clone()).collect();
    data.commit(batch).unwrap();
    data.compact().unwrap();
    data.replace(labels).unwrap();
    faces
}

/// `=Ann` and `Zoë/2` by decisions; 2 has no name.
fn name(root: &Path, faces: &[FaceId]) {
    let (mut journal, _) = Journal::open(&root.join("metadata").join(journal::FILE)).unwrap();
    for (face, name) in [(0, "=Ann"), (1, "Zoë/2")] {
        let action = Action::Name { person: vec![faces[face].clone()], name: Some(name.to_owned()) };
        journal.append("me", None, action).unwrap();
    }
}

fn ok(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    said(&output)
}

fn json(path: &str) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn folders(path: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(path).unwrap().map(|e| e.unwrap());
    entries.filter(|e| e.path().is_dir()).map(|e| e.file_name().to_string_lossy().into_owned()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

/// Label and name of each face, as the rule says.
fn who(dir: &str) -> BTreeMap<String, (i64, Option<String>)> {
    let found = dataset_labels(&Dataset::open(dir.as_ref()).unwrap(), Whose::Auto).unwrap().named;
    let one =
        |(face, label): (FaceId, Label)| (face.to_string(), (label.0, found.names.get(&label).cloned()));
    found.labels.into_iter().map(one).collect()
}

#[test]
fn a_name_of_the_review_is_in_everything_that_is_written_and_comes_in_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let data = path("data");
    let faces = dataset(data.as_ref());
    name(data.as_ref(), &faces);
    let expected = who(&data);
    assert_eq!(expected[&faces[0].to_string()], (0, Some("=Ann".to_owned())));
    assert_eq!(expected[&faces[9].to_string()], (2, None));

    // finalize, and the folders.
    let told = ok(&["finalize", &data, "--folders"]);
    assert!(told.contains("0 clusters joined, 0 people pulled out, 1 face of no one, 2 names"), "{told}");
    let manual = json(&path("data/metadata/annotations_manual.json"));
    assert_eq!(manual["names"], serde_json::json!({"0": "=Ann", "1": "Zoë/2"}));
    assert_eq!(folders(&path("data/labeled_faces")), set(&["-1", "=Ann", "Zoë_2", "2"]));
    let csv = fs::read_to_string(path("data/labeled_faces/people.csv")).unwrap();
    assert!(
        csv.contains("'=Ann,0,'=Ann\n") && csv.contains("Zoë_2,1,Zoë/2\n") && csv.contains("2,2,\n"),
        "{csv}"
    );
    assert_eq!(who(&data), expected, "finalizing changes nothing");

    // Pages, which say in their first line whose labels they show.
    let first = |told: &str| told.lines().next().unwrap_or_default().to_owned();
    for command in ["report", "stats", "evaluate", "verify", "match"] {
        let line = first(&ok(&[command, &data, "--quiet"]));
        assert!(
            line.starts_with("labels ") && line.ends_with("reviewed, by 2 decisions"),
            "{command}: {line}"
        );
    }
    for page in ["report", "evaluate"] {
        let html = fs::read_to_string(path(&format!("data/{page}.html"))).unwrap();
        assert!(html.contains("=Ann") && html.contains("Zoë/2") && html.contains("Person 2"), "{page}");
    }

    // Every format, out and in again: the same people, names and numbers.
    let people = |known: &BTreeMap<String, (i64, Option<String>)>| -> BTreeMap<_, _> {
        known.clone().into_iter().filter(|(_, (label, _))| *label >= 0).collect()
    };
    for (format, out, import) in [
        ("csv", "f.csv", Some("csv")),
        ("parquet", "f.parquet", None),
        ("imagefolder", "folder", Some("imagefolder")),
        ("webdataset", "tars", Some("webdataset")),
        ("fiftyone", "fiftyone", Some("fiftyone")),
        ("fiftyone-detection", "boxes", Some("fiftyone")),
        ("coco", "coco", Some("coco")),
        ("compat", "old", Some("compat")),
        ("lfw", "lfw", None),
    ] {
        let told =
            ok(&["export", &data, "--format", format, "--out", &path(out), "--folds", "1", "--pairs", "3"]);
        assert!(first(&told).ends_with("reviewed, by 2 decisions"), "{format}: {told}");
        let Some(import) = import else { continue };
        let back = path(&format!("{format}-back"));
        let mut args = vec!["import", "", "--format", import, "--out", &back];
        let from = path(out);
        args[1] = &from;
        if import == "csv" {
            args.extend(["--images", &data]);
        }
        ok(&args);
        assert_eq!(people(&who(&back)), people(&expected), "{format}");
        // And once more: nothing changes on the way.
        let again = path(&format!("{format}-again"));
        ok(&["export", &back, "--format", format, "--out", &again]);
        let csv = path(&format!("{format}.csv"));
        ok(&["export", &back, "--format", "csv", "--out", &csv]);
        let text = fs::read_to_string(csv).unwrap();
        assert!(
            text.contains(",0,'=Ann,") && text.contains(",1,Zoë/2,") && text.contains(",2,,"),
            "{format}: {text}"
        );
    }
    let csv = fs::read_to_string(path("f.csv")).unwrap();
    assert!(csv.starts_with("face,label,person,frame,") && csv.contains(",0,'=Ann,tv_frame"), "{csv}");
    assert_eq!(folders(&path("folder")), set(&["=Ann", "Zoë_2", "2"]));
    assert_eq!(folders(&path("lfw")), set(&["=Ann", "Zoë_2", "person_00002"]));
    let labels = json(&path("fiftyone/labels.json"));
    let one = &labels["labels"][faces[0].to_string()];
    assert_eq!((&one["label"], &one["attributes"]["label_number"]), (&"=Ann".into(), &0.into()));
    let coco = json(&path("coco/annotations.json"));
    let one = coco["annotations"]
        .as_array()
        .unwrap()
        .iter()
        .find(|a| a["attributes"]["face"] == faces[1].to_string());
    assert_eq!(
        (&one.unwrap()["attributes"]["person"], &one.unwrap()["track_id"]),
        (&"Zoë/2".into(), &1.into())
    );

    // A file of labels brings its names along; other files name errors by them.
    let (truth, out) = (path("truth.csv"), path("given"));
    fs::write(&truth, format!("name,label\n{},Eve\n{},Bob\n{},Bob\n", faces[0], faces[1], faces[2])).unwrap();
    ok(&["export", &data, "--format", "imagefolder", "--labels", &truth, "--out", &out]);
    assert_eq!(folders(&out), set(&["Eve", "Bob"]));
    ok(&["report", &data, "--labels", &truth]);
    assert!(fs::read_to_string(path("data/report.html")).unwrap().contains("Eve"));
    let told = ok(&["score", &truth, &path("data/metadata/annotations_manual.json")]);
    assert!(
        told.contains("errors    Bob: 2 faces, 1 pair missed") && told.contains("Zoë/2 (1 of "),
        "{told}"
    );
    // The dataset itself has the same labels.
    assert_eq!(ok(&["score", &truth, &data]), told);
}

#[test]
fn one_rule_says_whose_labels() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data").to_str().unwrap().to_owned();
    let faces = dataset(data.as_ref());
    let labels = |args: &[&str]| {
        let told = ok(&[&["report", &data], args].concat());
        told.lines().next().unwrap().trim_start_matches("labels").trim().to_owned()
    };
    assert_eq!(labels(&[]), "of the last clustering, not reviewed");
    let refused = run(&["report", &data, "--labels", "reviewed"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("not reviewed yet; run streamface review"), "{}", said(&refused));
    // An imported review counts until there is one of our own.
    let manual =
        format!("{{\"labels\": {{\"{}\": {{\"label\": 4}}}}, \"names\": {{\"4\": \"Old\"}}}}", faces[0]);
    let path = Path::new(&data).join("metadata/annotations_manual.json");
    fs::write(&path, manual).unwrap();
    assert_eq!(labels(&[]), "reviewed, as the imported annotations_manual.json says");
    assert_eq!(who(&data), [(faces[0].to_string(), (4, Some("Old".to_owned())))].into());
    fs::remove_file(path).unwrap();

    let (mut journal, _) = Journal::open(&Path::new(&data).join("metadata").join(journal::FILE)).unwrap();
    let side = |at: usize| vec![faces[at].clone()];
    let pairs = vec![Compared { left: side(1), right: side(7), verdict: Verdict::Same }];
    journal.append("me", None, Action::Compare { pairs }).unwrap();
    assert_eq!(labels(&[]), "reviewed, by 1 decision", "as far as it has come, before finalize");
    assert_eq!(who(&data)[&faces[7].to_string()].0, who(&data)[&faces[1].to_string()].0);
    assert_eq!(labels(&["--labels", "clusters"]), "of the last clustering, not reviewed");
    let csv = dir.path().join("c.csv").to_str().unwrap().to_owned();
    ok(&["export", &data, "--format", "csv", "--labels", "clusters", "--out", &csv]);
    assert!(fs::read_to_string(csv).unwrap().contains(&format!("{},2,", faces[7])));
    // A new clustering is followed at once: what finalize wrote before is not.
    ok(&["finalize", &data]);
    ok(&["cluster", &data, "--threshold", "0"]);
    assert_eq!(labels(&[]), "reviewed, by 1 decision");
    assert_ne!(who(&data)[&faces[0].to_string()], who(&data)[&faces[2].to_string()]);
    // All taken back: as if nobody had said anything, but for a review that was finalized.
    journal.append("me", None, Action::Undo { decision: 1 }).unwrap();
    assert_eq!(labels(&[]), "reviewed, by 0 decisions");
    fs::remove_file(Path::new(&data).join("metadata/people.json")).unwrap();
    assert_eq!(labels(&[]), "of the last clustering, not reviewed");
}

#[test]
fn imported_names_come_out_again_and_stay_through_a_review() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    for (person, file) in [("Bob", "1"), ("Bob", "2"), ("Ann", "3"), ("@home", "4")] {
        fs::create_dir_all(dir.path().join("in").join(person)).unwrap();
        RgbImage::new(24, 24).save(dir.path().join("in").join(person).join(format!("{file}.png"))).unwrap();
    }
    ok(&["import", &path("in"), "--format", "imagefolder", "--out", &path("set")]);
    assert_eq!(folders(&path("set/labeled_faces")), set(&["Ann", "Bob", "@home"]));
    assert!(fs::read_to_string(path("set/metadata/imported.csv")).unwrap().contains("4_face_0,1,'@home\n"));
    let told = ok(&["report", &path("set")]);
    assert!(told.starts_with("labels    as they were imported, not reviewed\n"), "{told}");
    assert!(fs::read_to_string(path("set/report.html")).unwrap().contains("@home"));
    for format in ["imagefolder", "fiftyone", "webdataset", "csv"] {
        let out = path(&format!("out-{format}"));
        ok(&["export", &path("set"), "--format", format, "--out", &out]);
        let back = path(&format!("back-{format}"));
        let set = path("set");
        let images = if format == "csv" { &["--images", &set][..] } else { &[] };
        ok(&[&["import", &out, "--format", format, "--out", &back], images].concat());
        assert_eq!(who(&back), who(&path("set")), "{format}");
    }
    assert_eq!(folders(&path("out-imagefolder")), set(&["Ann", "Bob", "@home"]));
    // A score against what came in names people.
    let truth = path("set/metadata/imported.csv");
    fs::write(path("pred.csv"), "name,label\n1_face_0,5\n2_face_0,6\n3_face_0,6\n4_face_0,7\n").unwrap();
    let told = ok(&["score", &truth, &path("pred.csv")]);
    assert!(told.contains("errors    Bob: 2 faces"), "{told}");
}

/// A review that runs, and is ended.
struct Review {
    process: Child,
    host: String,
}

impl Drop for Review {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Review {
    fn start(dir: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_streamface"))
            .args(["review", dir, "--listen", "127.0.0.1:0", "--json", "--quiet"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let host =
            told["url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { process, host }
    }

    fn ask(&self, line: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        write!(
            stream,
            "{line} HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {1}\r\n\r\n{body}",
            self.host,
            body.len()
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let status = reply.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap())
    }
}

#[test]
fn of_twelve_names_at_once_one_is_saved_and_the_others_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap().to_owned();
    let faces = dataset(data.as_ref());
    let review = Review::start(&data);
    let (_, found) = review.ask(&format!("GET /api/person/{}", faces[0]), "");
    let person = &found["person"];
    let replies: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let one = |k: usize| {
            let answer = serde_json::json!({
                "key": format!("at-once-{k:04}"), "revision": found["revision"], "who": format!("reviewer {k}"),
                "seen": [{"id": person["id"], "state": person["state"]}],
                "action": {"kind": "name", "person": [person["id"]], "name": format!("Name {k}")},
            });
            review.ask("POST /api/decide", &answer.to_string())
        };
        let all: Vec<_> = (0..12).map(|k| scope.spawn(move || one(k))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let saved: Vec<usize> = (0..12).filter(|&k| replies[k].0 == 200).collect();
    assert_eq!(saved.len(), 1, "{replies:?}");
    let name = format!("Name {}", saved[0]);
    for (status, reply) in replies.iter().filter(|(status, _)| *status != 200) {
        let message = reply["message"].as_str().unwrap();
        assert_eq!((*status, &reply["error"]), (409, &"stale".into()), "{reply}");
        assert!(
            message.contains(&format!("named this person '{name}'")) && message.contains("NOT saved"),
            "{reply}"
        );
    }
    let (_, found) = review.ask(&format!("GET /api/person/{}", faces[0]), "");
    assert_eq!(found["person"]["name"], name);
}
