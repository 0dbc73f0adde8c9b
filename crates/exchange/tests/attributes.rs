//! What models say of faces goes out and comes in again, bit by bit.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use arrow_array::Array as _;
use common::{dataset, out, take};
use streamface_exchange::{ExportSettings, Format, ImportSettings, export, formats, import};
use streamface_store::{AttributeRow, Batches, Dataset, FaceRow, FeatureRow, MadeBy, read_attributes};
use streamface_types::attributes::{Distribution, Value};
use streamface_types::{Attributes, FaceId};

/// Each attribute that is known, and one that is not.
fn attributes(i: usize) -> Attributes {
    let part = (i + 1) as f64 / 16.0;
    let of =
        |all: [(&str, f64); 2]| all.map(|(n, v)| (n.to_owned(), v)).into_iter().collect::<Distribution>();
    let all = [
        ("age", Value::Categories(of([("30-39", part), ("0-2", 1.0 - part)]))),
        ("gender", Value::Categories(of([("Male", 1.0 - part), ("Female", part)]))),
        ("expression", Value::Categories(of([("sad", 0.25), ("happy", 0.75)]))),
        ("pose", Value::Numbers(of([("yaw", -10.5), ("pitch", i as f64)]))),
        ("years", Value::Numbers(of([("mean", 20.0 + part), ("deviation", 6.5)]))),
        ("mask", Value::Probability(part / 2.0)),
        ("liveness", Value::Probability(1.0 - part / 4.0)),
        ("beard", Value::Categories(of([("none", 0.125), ("full", 0.875)]))),
    ];
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Attributes of all faces of a dataset but the last.
fn say(data: &Dataset) {
    let faces = data.read::<FaceRow>().unwrap();
    let rows = faces.iter().take(11).enumerate();
    let rows = rows.flat_map(|(i, face)| AttributeRow::of(&face.face, &attributes(i), None));
    data.replace(rows.collect::<Vec<_>>()).unwrap();
}

fn of(root: &Path) -> BTreeMap<FaceId, Attributes> {
    read_attributes(&root.join("metadata")).unwrap()
}

#[test]
fn attributes_go_there_and_back_with_every_format_that_has_a_place_for_them() {
    let formats: [(&dyn Format, &dyn Format); 5] = [
        (&formats::Coco, &formats::Coco),
        (&formats::Fiftyone, &formats::Fiftyone),
        (&formats::FiftyoneDetection, &formats::Fiftyone),
        (&formats::Webdataset, &formats::Webdataset),
        (&formats::Compat, &formats::Compat),
    ];
    for (there, back) in formats {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let data = dataset(&path("data"));
        say(&data);
        let settings = ExportSettings { noise: true, ..ExportSettings::default() };
        export(&data, there, &path("there"), &settings, &|_| ()).unwrap();
        let done = take(&path("there"), back, &path("back")).unwrap();
        assert_eq!(done.problems.count, 0, "{done:?}");
        let [ours, theirs] = ["data", "back"].map(|name| of(&path(name)));
        assert_eq!(ours.len(), 11);
        assert_eq!(ours, theirs, "{}", there.name());
    }
}

#[test]
fn a_table_has_attributes_as_json_and_reads_them_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let data = dataset(&path("data"));
    let csv = path("none.csv");
    out(&data, &formats::Csv, &csv);
    assert!(!fs::read_to_string(&csv).unwrap().contains("attributes"), "there are none");
    let csv = path("faces.csv");
    say(&data);
    out(&data, &formats::Csv, &csv);
    let settings = ImportSettings { images: Some(path("data")), ..ImportSettings::default() };
    import(&csv, &formats::Csv, &path("back"), &settings, &|_| ()).unwrap();
    assert_eq!(of(&path("data")), of(&path("back")));
    // Another program's column of that name says nothing; JSON that is cut off is named.
    let text = fs::read_to_string(&csv).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let cut: String = rest.lines().map(|line| line.replace("}\"", "\"") + "\n").collect();
    fs::write(&csv, format!("{first}\n{cut}")).unwrap();
    let done = import(&csv, &formats::Csv, &path("cut"), &settings, &|_| ()).unwrap();
    assert_eq!((done.problems.count, done.faces), (11, 1), "{done:?}");
    assert!(done.problems.first[0].contains("faces.csv: line 2: attributes: "), "{done:?}");
    let plain = rest.lines().map(|line| line.split("\"{").next().unwrap().to_owned() + "smiling\n");
    fs::write(&csv, format!("{first}\n{}", plain.collect::<String>())).unwrap();
    let done = import(&csv, &formats::Csv, &path("plain"), &settings, &|_| ()).unwrap();
    assert_eq!((done.problems.count, done.faces), (0, 12), "{done:?}");
    assert!(of(&path("plain")).is_empty());
}

/// Attributes by two models, and a quality for every second face.
fn say_by_models(data: &Dataset) {
    let sha256 = "0123456789abcdef".repeat(4);
    let by = |model| MadeBy { model, sha256: &sha256, settings: "fedcba9876543210" };
    let faces = data.read::<FaceRow>().unwrap();
    let mut rows = Vec::new();
    for (i, face) in faces.iter().enumerate() {
        let mut rest = attributes(i);
        let pose = Attributes::from_iter([("pose".to_owned(), rest.remove("pose").unwrap())]);
        let beard = Attributes::from_iter([("beard".to_owned(), rest.remove("beard").unwrap())]);
        rows.extend(AttributeRow::of(&face.face, &rest, Some(by("faceres"))));
        rows.extend(AttributeRow::of(&face.face, &pose, Some(by("mesh.v2"))));
        rows.extend(AttributeRow::of(&face.face, &beard, None));
    }
    data.replace(rows).unwrap();
    let mut features = data.read::<FeatureRow>().unwrap();
    for (i, row) in features.iter_mut().enumerate().step_by(2) {
        row.quality = Some((i + 1) as f32 / 16.0);
    }
    data.replace(features).unwrap();
}

#[test]
fn models_of_attributes_and_qualities_come_back_where_the_format_has_room() {
    let formats: [(&dyn Format, &str); 2] = [(&formats::Csv, "there.csv"), (&formats::Webdataset, "there")];
    for (format, there) in formats {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let data = dataset(&path("data"));
        say_by_models(&data);
        let settings = ExportSettings { noise: true, ..ExportSettings::default() };
        export(&data, format, &path(there), &settings, &|_| ()).unwrap();
        let settings = ImportSettings { images: Some(path("data")), ..ImportSettings::default() };
        let done = import(&path(there), format, &path("back"), &settings, &|_| ()).unwrap();
        assert_eq!((done.faces, done.problems.count), (12, 0), "{done:?}");
        let back = Dataset::open(&path("back")).unwrap();
        let rows = |data: &Dataset| data.read::<AttributeRow>().unwrap();
        assert_eq!(rows(&back), rows(&data), "{}", format.name());
        assert_eq!(back.qualities().unwrap(), data.qualities().unwrap(), "{}", format.name());
        assert_eq!(back.qualities().unwrap().len(), 6);
    }
}

#[test]
fn a_parquet_table_has_models_and_qualities() {
    let dir = tempfile::tempdir().unwrap();
    let data = dataset(&dir.path().join("data"));
    let columns = |name: &str| {
        let path = dir.path().join(name);
        out(&data, &formats::Parquet, &path);
        let batch = Batches::open(&path, "table").unwrap().next().unwrap().unwrap();
        let names: Vec<String> = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
        (names, batch)
    };
    let (before, _) = columns("before.parquet");
    assert!(!before.iter().any(|name| name == "quality" || name == "attribute_models"), "{before:?}");
    say_by_models(&data);
    let (_, batch) = columns("after.parquet");
    let quality = batch.column_by_name("quality").unwrap();
    assert_eq!((quality.null_count(), quality.len()), (6, 12));
    let models = format!("{:?}", batch.column_by_name("attribute_models").unwrap());
    assert!(models.contains("mesh.v2") && models.contains("fedcba9876543210"), "{models}");
}

/// Another program's column of that name may hold anything.
#[test]
fn a_quality_that_is_none_as_ours_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    drop(dataset(&path("data")));
    let csv = path("faces.csv");
    let rows = ["good", "87", "0.5", "", "-0.25"].map(|quality| {
        let name = ["good", "87", "0.5", "", "-0.25"].iter().position(|q| *q == quality).unwrap();
        format!("{},{quality}\n", common::face(name as u32, 0))
    });
    fs::write(&csv, format!("face,quality\n{}", rows.concat())).unwrap();
    let settings = ImportSettings { images: Some(path("data/faces")), ..ImportSettings::default() };
    let done = import(&csv, &formats::Csv, &path("back"), &settings, &|_| ()).unwrap();
    assert_eq!((done.faces, done.problems.count), (5, 0), "{done:?}");
    let qualities = Dataset::open(&path("back")).unwrap().qualities().unwrap();
    assert_eq!(qualities, [(common::face(2, 0), 0.5)].into());
}
