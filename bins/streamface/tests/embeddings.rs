//! Embeddings out of a dataset, for an index of people or any other program, and into the commands that take vectors.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{run, said};
use streamface_store::{Dataset, FaceRow, FeatureRow, LabelRow, read_vectors};
use streamface_types::{FaceId, Label};

/// Six faces with embeddings and one without; label 1 is Zoë, one face is noise, one has no label.
fn dataset(dir: &Path) -> Vec<FaceId> {
    let data = Dataset::open(dir).unwrap();
    let face = |at: usize| -> FaceId { format!("tv_frame_2023052510013841261{at}_face_0").parse().unwrap() };
    let faces: Vec<FaceId> = (0..7).map(face).collect();
    data.replace(faces.iter().cloned().map(FaceRow::new).collect::<Vec<_>>()).unwrap();
    let row = |(at, face): (usize, &FaceId)| {
        let vector = [1.0, at as f32, -0.5, (at % 2) as f32 * 9.0];
        FeatureRow::new(face.clone(), "m".to_owned(), "ab".to_owned(), vector.to_vec())
    };
    data.replace(faces[..6].iter().enumerate().map(row).collect::<Vec<_>>()).unwrap();
    let rows =
        faces.iter().zip([1, 0, 1, -1, 0]).map(|(face, label)| LabelRow::new(face.clone(), Label(label)));
    data.replace_labels(rows.collect(), &[(Label(1), "Zoë".to_owned())].into()).unwrap();
    faces
}

#[test]
fn a_matrix_and_a_line_for_each_row() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let faces = dataset(&dir.path().join("news"));
    let export = |format: &str, out: &str, more: &[&str]| {
        run(&[&["export", &path("news"), "--format", format, "--out", out], more].concat())
    };
    let done = export("npy", &path("x.npy"), &[]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("of no one") && said(&done).contains("without a label"), "{}", said(&done));
    let table = read_vectors(&dir.path().join("x.npy")).unwrap();
    assert_eq!((table.vectors.len(), table.vectors.row(3)), (4, &[1.0, 4.0, -0.5, 0.0][..]));
    let [a, b, c, _, e, ..] = &faces[..] else { unreachable!() };
    let lines = format!("index,label,person,face\n0,1,Zoë,{a}\n1,0,,{b}\n2,1,Zoë,{c}\n3,0,,{e}\n");
    assert_eq!(fs::read_to_string(path("x.csv")).unwrap(), lines);
    // Other commands take both.
    let scored = run(&["evaluate", "--vectors", &path("x.npy"), "--labels", &path("x.csv"), "--json"]);
    assert!(scored.status.success(), "{}", said(&scored));
    let done = export("npy", &path("y.npy"), &["--noise", "--json"]);
    let summary: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&summary["faces"], &summary["people"]), (&5.into(), &2.into()));
    // Nothing is written over, beside it neither.
    fs::write(path("z.csv"), "mine").unwrap();
    for (out, says) in [("x.npy", "is there already"), ("z.npy", "is there already"), ("w.csv", "one name")] {
        let done = export("npy", &path(out), &[]);
        assert_eq!(done.status.code(), Some(2), "{}", said(&done));
        assert!(said(&done).contains(says), "{}", said(&done));
    }
    assert!(!dir.path().join("z.npy").exists());
}

#[test]
fn a_table_with_embeddings_through_a_pipe_and_back_into_clustering() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let faces = dataset(&dir.path().join("news"));
    let piped = run(&["export", &path("news"), "--format", "npy", "--noise", "--out", "-"]);
    assert!(piped.status.success(), "{}", said(&piped));
    fs::write(path("x.npy"), &piped.stdout).unwrap();
    assert_eq!(read_vectors(&dir.path().join("x.npy")).unwrap().vectors.len(), 5);
    let piped = run(&["export", &path("news"), "--format", "parquet", "--out", "-"]);
    assert!(piped.status.success(), "{}", said(&piped));
    assert!(String::from_utf8_lossy(&piped.stderr).contains("7 faces of 2 people"));
    let done = run(&["export", &path("news"), "--format", "parquet", "--out", &path("x.parquet")]);
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(fs::read(path("x.parquet")).unwrap(), piped.stdout);
    let table = read_vectors(&dir.path().join("x.parquet")).unwrap();
    assert_eq!(table.labels.unwrap(), [Some(1), Some(0), Some(1), Some(-1), Some(0), None]);
    assert_eq!(table.without_vector, 1);
    assert_eq!(table.people.unwrap()[0].as_deref(), Some("Zoë"));
    assert_eq!(table.faces.unwrap()[5], Some(faces[5].to_string()));
    let done =
        run(&["cluster", "--vectors", &path("x.parquet"), "--threshold", "0.1", "--out", &path("l.csv")]);
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(fs::read_to_string(path("l.csv")).unwrap().lines().count(), 7);
    let folder = run(&["export", &path("news"), "--format", "imagefolder", "--out", "-"]);
    assert_eq!(folder.status.code(), Some(2));
    assert!(said(&folder).contains("folder of files"), "{}", said(&folder));
}
